//! A user gives a model away, another takes it: through a folder, git and a hub.
#![allow(clippy::unwrap_used, reason = "here a panic is how a test fails")]

use std::fs;

use zoo_tests::damage::flipped;
use zoo_tests::sharing::{
    Hub, adapted, adapted_otherwise, files_below, git, init, login, picture, publish, pulled,
};
use zoo_tests::{Run, Zoo};

/// Who publishes, who takes, and the fingerprint of the signed registry `tree` of the first.
struct Two {
    alice: Zoo,
    bob: Zoo,
    fingerprint: String,
}

impl Two {
    fn new() -> Self {
        let (alice, bob) = (Zoo::new(), Zoo::new());
        let fingerprint = init(&alice, "tree");
        Self { alice, bob, fingerprint }
    }

    fn trust(&self, location: &str, fingerprint: &str) -> Run {
        self.bob.run(["trust", "add", location, "--fingerprint", fingerprint])
    }

    fn pull(&self, location: &str, name: &str) -> Run {
        self.bob.run(["pull", name, "--registry", location, "--json"])
    }

    /// Fails unless Bob gets exactly what Alice gave, and can use it.
    #[track_caller]
    fn bob_has_it(&self, location: &str) {
        let bytes = pulled(self.pull(location, "alice/emoji"));
        assert!(bytes == adapted(), "other bytes came than were published");
        let picture = picture();
        let picture = picture.to_str().unwrap();
        let at = ["--registry", location, "--json"];
        let run = self.bob.run(["predict", "alice/emoji", picture].iter().chain(&at));
        let predictions = run.succeeds().json();
        assert_eq!(predictions[0]["predictions"].as_array().unwrap().len(), 3);
        let verified = self.bob.run(["verify", "alice/emoji"].iter().chain(&at)).succeeds();
        assert_eq!(verified.json()["agrees"], true);
        // All of it is here now.
        assert!(
            pulled(
                self.bob.line(&format!("pull alice/emoji --registry {location} --json --offline"))
            ) == bytes
        );
    }
}

#[test]
fn through_a_folder() {
    let two = Two::new();
    publish(&two.alice, adapted(), "tree", "alice/emoji@1.0.0", "").succeeds();
    let tree = two.alice.path("tree").display().to_string();
    two.bob_has_it(&tree);
    let wrong = "0".repeat(64);
    two.trust(&tree, &wrong).fails().says(&[&two.fingerprint, &wrong]);
    two.trust(&tree, &two.fingerprint).succeeds();
    two.bob_has_it(&tree);
    two.alice.run(["lint", &tree]).succeeds();
}

#[test]
fn through_git() {
    let two = Two::new();
    let dir = two.alice.path("tree");
    git(&dir, &["init", "--quiet"]);
    publish(&two.alice, adapted(), "tree", "alice/emoji@1.0.0", "").succeeds().says(&["git push"]);
    let location = format!("git+file://{}", dir.display());
    two.pull(&location, "alice/emoji").fails().says(&["hint: ", "zoo trust add", "--fingerprint"]);
    two.trust(&location, &"0".repeat(64)).fails().says(&[&two.fingerprint]);
    two.pull(&location, "alice/emoji").fails();
    two.trust(&location, &two.fingerprint).succeeds();
    two.bob_has_it(&location);
    // A second version comes with the next commit.
    publish(&two.alice, adapted_otherwise(), "tree", "alice/emoji@1.1.0", "").succeeds();
    assert!(pulled(two.pull(&location, "alice/emoji")) == adapted_otherwise());
    assert!(pulled(two.pull(&location, "alice/emoji@1.0.0")) == adapted());
}

/// Wrong token, wrong owner, and no token at all are told apart; no token is ever shown.
#[test]
fn fault_051_and_152_through_a_hub() {
    let two = Two::new();
    let token = |owner: &str| {
        let run = two.alice.run(["hub", "token", "add", "--tokens", "tokens", owner]);
        run.succeeds().stdout.trim().to_owned()
    };
    let (alices, bobs) = (token("alice"), token("bob"));
    let wrong = "zoo_0000000000000000000000000000000000000000000";
    let hub = Hub::start(&two.alice, "tree");
    let origin = hub.origin();
    let mut said = String::new();
    let mut listen = |run: Run| {
        said.push_str(&run.stdout);
        said.push_str(&run.stderr);
        run
    };
    let send =
        |name: &str| publish(&two.alice, adapted(), origin, &format!("{name}@1.0.0"), "--json");

    listen(send("alice/emoji")).fails().says(&["401", "hint: ", "zoo login"]);
    listen(login(&two.alice, origin, wrong)).succeeds();
    listen(send("alice/emoji")).fails().says(&["401", "hint: ", "zoo login"]);
    listen(login(&two.alice, origin, &bobs)).succeeds();
    listen(send("alice/emoji")).fails().says(&["403", "alice"]);
    listen(login(&two.alice, origin, &alices)).succeeds();
    let published = listen(send("alice/emoji")).succeeds().json();
    assert_eq!(published["already_there"], false);
    assert_eq!(listen(send("alice/emoji")).succeeds().json()["already_there"], true);
    let other = publish(&two.alice, adapted_otherwise(), origin, "alice/emoji@1.0.0", "");
    listen(other).fails().says(&["1.0.0", "409"]);

    listen(two.pull(origin, "alice/emoji")).fails().says(&["zoo trust add"]);
    listen(two.trust(origin, &"0".repeat(64))).fails().says(&[&two.fingerprint]);
    listen(two.trust(origin, &two.fingerprint)).succeeds();
    two.bob_has_it(origin);

    let yank = ["yank", "alice/emoji@1.0.0", "--to", origin];
    listen(two.bob.run(yank)).fails().says(&["401"]);
    listen(two.alice.run(yank)).succeeds();
    listen(two.pull(origin, "alice/emoji")).fails();
    listen(two.alice.run(yank.iter().chain(&["--undo"]))).succeeds();
    listen(two.pull(origin, "alice/emoji")).succeeds();
    listen(two.alice.run(["hub", "token", "list", "--tokens", "tokens"])).succeeds();
    listen(two.alice.run(["logout", origin])).succeeds();
    listen(send("alice/emoji")).fails().says(&["401", "zoo login"]);

    said += &hub.log();
    for secret in [&alices, &bobs, wrong] {
        assert!(!said.contains(secret), "a token was shown:\n{said}");
        let files = files_below(&two.alice.path("tree"));
        let files = files.into_iter().chain([two.alice.path("tokens")]);
        for file in files {
            let bytes = fs::read(&file).unwrap();
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} has a token", file.display());
        }
    }
}

/// What is stored and sent is little more than the head; what comes out is the same file.
#[test]
fn a_delta_composes_to_the_same_bytes() {
    let two = Two::new();
    let run = publish(&two.alice, adapted(), "tree", "alice/emoji@1.0.0", "--delta --json");
    let size = run.succeeds().json()["bytes"].as_u64().unwrap();
    assert!(size < adapted().len() as u64 / 10, "{size} of {} bytes", adapted().len());
    let tree = two.alice.path("tree").display().to_string();
    two.bob_has_it(&tree);
    // The same from a project that names the registry.
    let bob = Zoo::new();
    bob.write("zoo.toml", format!("[[registry]]\nname = \"a\"\nlocation = \"{tree}\"\n"));
    assert!(pulled(bob.line("pull alice/emoji --json")) == adapted());
}

#[test]
fn fault_151_publishing_again_changes_nothing_and_other_bytes_are_refused() {
    let two = Two::new();
    let first = publish(&two.alice, adapted(), "tree", "alice/emoji@1.0.0", "--json").succeeds();
    let again = publish(&two.alice, adapted(), "tree", "alice/emoji@1.0.0", "--json").succeeds();
    assert_eq!(again.json()["already_there"], true);
    assert_eq!(again.json()["counter"], first.json()["counter"]);
    let other = publish(&two.alice, adapted_otherwise(), "tree", "alice/emoji@1.0.0", "");
    other.fails().says(&["use a new version"]);
    // A version that was withdrawn is not free either.
    two.alice.line("yank alice/emoji@1.0.0 --to tree").succeeds();
    let other = publish(&two.alice, adapted_otherwise(), "tree", "alice/emoji@1.0.0", "");
    other.fails().says(&["use a new version"]);
    // Neither left its file behind that nobody asked for.
    let blobs = files_below(&two.alice.path("tree/blobs"));
    assert_eq!(blobs.len(), 1, "{blobs:?}");
}

#[test]
fn fault_028_a_withdrawn_version_is_never_chosen_and_is_fine_from_a_lock() {
    let two = Two::new();
    publish(&two.alice, adapted(), "tree", "alice/emoji@1.0.0", "").succeeds();
    publish(&two.alice, adapted_otherwise(), "tree", "alice/emoji@1.1.0", "").succeeds();
    let tree = two.alice.path("tree").display().to_string();
    let project = format!("[[registry]]\nname = \"a\"\nlocation = \"{tree}\"\n");
    two.bob.write("zoo.toml", &project);
    assert!(pulled(two.bob.line("pull alice/emoji --json")) == adapted_otherwise());
    two.alice.line("yank alice/emoji@1.1.0 --to tree").succeeds();
    let locked = two.bob.line("pull alice/emoji --json").succeeds().says(&["warning", "withdrawn"]);
    assert!(pulled(locked) == adapted_otherwise());
    let carol = Zoo::new();
    carol.write("zoo.toml", &project);
    assert!(pulled(carol.line("pull alice/emoji --json")) == adapted());
    carol.line("pull alice/emoji@1.1.0").fails().says(&["withdrawn"]);
}

#[test]
fn fault_154_licences_that_do_not_fit_the_parents_are_refused() {
    let two = Two::new();
    // A parent that allows no commercial use, under the name and version of the bundle's parent.
    let mut parent =
        fs::read_to_string(repository("registry/models/efficientnet-lite0.toml")).unwrap();
    let licence = parent.lines().find(|line| line.starts_with("licence = ")).unwrap().to_owned();
    parent = parent.replace(&licence, "licence = \"CC-BY-NC-4.0\"");
    two.alice.write("strict/models/efficientnet-lite0.toml", parent);
    let send = |options: &str| {
        let options = format!("--registry strict {options}");
        publish(&two.alice, adapted(), "tree", "alice/emoji@1.0.0", &options)
    };
    send("--licence MIT").fails().says(&["MIT", "CC-BY-NC-4.0"]);
    send("--licence CC-BY-NC-4.0").succeeds();
    two.alice.line("info alice/emoji --registry tree").succeeds().shows(&["CC-BY-NC-4.0"]);
}

fn repository(below: &str) -> std::path::PathBuf {
    zoo_tests::binaries::repository().join(below)
}

#[test]
fn fault_149_a_bundle_with_a_flipped_bit_is_not_published() {
    let two = Two::new();
    for position in [600, adapted().len() / 2, adapted().len() - 2000] {
        let bundle = flipped(adapted(), position, 3);
        publish(&two.alice, &bundle, "tree", "alice/emoji@1.0.0", "").fails();
    }
    assert_eq!(files_below(&two.alice.path("tree/blobs")).len(), 0);
    // A hub looks for itself: what a client claims is nothing.
    publish(&two.alice, adapted(), "tree", "alice/emoji@1.0.0", "--dry-run").succeeds();
    two.alice.line("info alice/emoji --registry tree").fails();
}
