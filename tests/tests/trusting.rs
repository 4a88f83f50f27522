//! Registries that go back in time, rot, change their keys or expire: what their users see.
#![allow(clippy::unwrap_used, reason = "here a panic is how a test fails")]

use std::fs;
use std::path::{Path, PathBuf};

use zoo_tests::damage::{Random, flipped};
use zoo_tests::registry::sha256;
use zoo_tests::sharing::{
    adapted, adapted_otherwise, copy_folder, files_below, init, overwrite, publish, pulled,
};
use zoo_tests::{Run, Zoo};

/// A publisher with a registry, and a user who trusts it.
struct Trusted {
    alice: Zoo,
    bob: Zoo,
    tree: PathBuf,
}

impl Trusted {
    fn new() -> Self {
        let (alice, bob) = (Zoo::new(), Zoo::new());
        let fingerprint = init(&alice, "tree");
        publish(&alice, adapted(), "tree", "alice/emoji@1.0.0", "").succeeds();
        let tree = alice.path("tree");
        let it = Self { alice, bob, tree };
        it.trust(&fingerprint).succeeds();
        it
    }

    fn location(&self) -> &str {
        self.tree.to_str().unwrap()
    }

    fn trust(&self, fingerprint: &str) -> Run {
        self.bob.run(["trust", "add", self.location(), "--fingerprint", fingerprint])
    }

    fn pull(&self, name: &str) -> Run {
        self.bob.run(["pull", name, "--registry", self.location(), "--json"])
    }
}

/// A fresh user pulls: no cache hides what the registry has.
fn fresh_pull(trusted: &Trusted, tree: &Path) -> Run {
    let zoo = Zoo::new();
    // Of the same folder Bob knows whom to trust.
    copy_folder(trusted.bob.config(), zoo.config());
    zoo.run(["pull", "alice/emoji", "--registry", tree.to_str().unwrap(), "--json"])
}

#[test]
fn fault_141_rollback_is_refused_by_the_program() {
    let trusted = Trusted::new();
    let older = trusted.alice.path("older");
    copy_folder(&trusted.tree, &older);
    publish(&trusted.alice, adapted_otherwise(), "tree", "alice/emoji@1.1.0", "").succeeds();
    assert!(pulled(trusted.pull("alice/emoji")) == adapted_otherwise());
    let newer = trusted.alice.path("newer");
    fs::rename(&trusted.tree, &newer).unwrap();
    fs::rename(&older, &trusted.tree).unwrap();
    trusted.pull("alice/emoji").fails();
    trusted.pull("alice/emoji@1.0.0").fails();
    trusted.bob.run(["list", "--registry", trusted.location()]).fails();
    // Whoever never saw the newer one cannot know.
    let carol = Zoo::new();
    let run = carol.run(["pull", "alice/emoji", "--registry", trusted.location(), "--json"]);
    assert!(pulled(run) == adapted());
    fs::remove_dir_all(&trusted.tree).unwrap();
    fs::rename(&newer, &trusted.tree).unwrap();
    assert!(pulled(trusted.pull("alice/emoji")) == adapted_otherwise());
}

/// Index, pages, shards, files of models: whatever rots is refused, and nothing of it is kept.
#[test]
fn fault_149_one_flipped_bit_anywhere_is_refused() {
    let trusted = Trusted::new();
    let mut random = Random::new(149);
    let mut tried = Vec::new();
    for file in files_below(&trusted.tree) {
        let below = file.strip_prefix(&trusted.tree).unwrap().display().to_string();
        let kind = below.split('/').next().unwrap().to_owned();
        // Of roots a pull reads only those that come after the one that is known; of the
        // history and the configuration, nothing.
        if kind.ends_with("root.json") || kind == "config.json" || kind == "history" {
            continue;
        }
        let bytes = fs::read(&file).unwrap();
        for _ in 0..5 {
            let position = random.below(bytes.len());
            overwrite(&file, &flipped(&bytes, position, random.below(8)));
            let run = fresh_pull(&trusted, &trusted.tree).fails();
            assert_eq!(run.stdout.trim(), "[]", "{below} at {position}: {run}");
        }
        overwrite(&file, &bytes);
        tried.push(kind);
    }
    tried.sort();
    tried.dedup();
    assert!(tried.len() >= 4 && tried.contains(&"index.json".to_owned()), "{tried:?}");
    let again = fresh_pull(&trusted, &trusted.tree).succeeds().json();
    assert_eq!(again[0]["sha256"], sha256(adapted()).as_str());
}

#[test]
fn fault_144_users_follow_a_rotation_of_root_and_index_keys() {
    let trusted = Trusted::new();
    let key = |role: &str| {
        let keys = files_below(&trusted.alice.config().join("keys"));
        let found = keys.into_iter().find(|path| path.to_str().unwrap().ends_with(role)).unwrap();
        found.to_str().unwrap().to_owned()
    };
    let (root, index) = (key("-root.key"), key("-index.key"));
    for file in ["root2.key", "index2.key"] {
        trusted.alice.run(["hub", "key", file]).succeeds();
    }
    assert!(pulled(trusted.pull("alice/emoji")) == adapted());
    let rotate = |signer: &str| {
        let keys = ["--new-root-key", "root2.key", "--index-key", "index2.key"];
        let rotate = ["hub", "rotate", "tree", "--root-key", signer];
        trusted.alice.run(rotate.iter().chain(&keys))
    };
    // A key that nobody trusts cannot make another trusted.
    rotate("index2.key").fails();
    rotate(&root).succeeds();
    assert!(pulled(trusted.pull("alice/emoji")) == adapted());
    // The old index key is worth nothing now, the new one is needed.
    let send = |key: &str| {
        let options = format!("--key {key}");
        publish(&trusted.alice, adapted_otherwise(), "tree", "alice/emoji@1.1.0", &options)
    };
    send(&index).fails();
    send("index2.key").succeeds();
    assert!(pulled(trusted.pull("alice/emoji")) == adapted_otherwise());
    let listed = trusted.bob.line("trust list --json").succeeds().json();
    assert_eq!(listed[0]["root_version"], 2);
}

#[test]
fn fault_140_an_expired_root_is_refused() {
    let (alice, bob) = (Zoo::new(), Zoo::new());
    let run = alice.line("hub init tree --days 0");
    // Either end is right: no such registry is made, or nobody believes it.
    run.keeps_its_head();
    if run.status.success() {
        let tree = alice.path("tree").display().to_string();
        let fingerprint = run.stdout.trim();
        let trusted = bob.run(["trust", "add", &tree, "--fingerprint", fingerprint]);
        trusted.keeps_its_head();
        bob.run(["list", "--registry", &tree]).fails().says(&["expired"]);
    } else {
        run.fails().says(&["expire"]);
    }
}

/// Keys are for their owner: a key that others can read is not used.
#[test]
fn keys_and_tokens_are_readable_by_their_owner_alone() {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let alice = Zoo::new();
        init(&alice, "tree");
        let keys = files_below(&alice.config().join("keys"));
        assert_eq!(keys.len(), 2);
        for key in keys {
            let mode = fs::metadata(&key).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}", key.display());
        }
    }
}
