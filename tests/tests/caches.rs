//! Looking after the cache: what rots is found and fetched again, what is needed stays.
#![allow(clippy::unwrap_used, reason = "here a panic is how a test fails")]

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use zoo_tests::damage::{Random, flipped};
use zoo_tests::registry::{add_entry, sha256};
use zoo_tests::server::{Manner, Server, wait_until};
use zoo_tests::sharing::{
    adapted, adapted_otherwise, files_below, init, overwrite, publish, pulled,
};
use zoo_tests::{Run, Zoo};

/// A user with a project and the registry that it names, which has two models.
struct Setting {
    zoo: Zoo,
}

impl Setting {
    fn new() -> Self {
        let zoo = Zoo::new();
        init(&zoo, "tree");
        publish(&zoo, adapted(), "tree", "alice/one@1.0.0", "").succeeds();
        publish(&zoo, adapted_otherwise(), "tree", "alice/two@1.0.0", "").succeeds();
        fs::create_dir(zoo.path("elsewhere")).unwrap();
        Self { zoo }
    }

    /// Runs outside of any project.
    fn line(&self, line: &str) -> Run {
        let tree = self.zoo.path("tree").display().to_string();
        self.zoo.run(line.split_whitespace().chain(["--registry", &tree]))
    }

    fn blob(&self, bytes: &[u8]) -> PathBuf {
        let digest = sha256(bytes);
        self.zoo.cache().join("blobs/sha256").join(&digest[..2]).join(digest)
    }

    fn has(&self) -> (bool, bool) {
        (self.blob(adapted()).is_file(), self.blob(adapted_otherwise()).is_file())
    }
}

#[test]
fn fault_080_verify_finds_a_flipped_bit_and_the_next_pull_repairs_it() {
    let setting = Setting::new();
    setting.line("pull alice/one alice/two").succeeds();
    let listed = setting.line("cache ls --json").succeeds().json();
    let models: Vec<&str> = listed["blobs"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|blob| blob["model"].as_str())
        .collect();
    assert!(models.contains(&"alice/one@1.0.0") && models.contains(&"alice/two@1.0.0"), "{listed}");
    setting.line("cache ls").succeeds().shows(&["alice/one@1.0.0"]);
    let path = setting.line("cache path").succeeds();
    assert_eq!(path.stdout.trim(), setting.zoo.cache().to_str().unwrap());
    setting.line("cache verify").succeeds().shows(&["2 files intact"]);

    overwrite(&setting.blob(adapted()), &flipped(adapted(), 5000, 2));
    let dry = setting.line("cache verify --dry-run --json").fails_with_results();
    assert_eq!(dry["corrupt"][0]["sha256"], sha256(adapted()).as_str());
    assert_eq!(setting.has(), (true, true));
    let found = setting.line("cache verify --json").fails_with_results();
    assert_eq!(found["corrupt"][0]["removed"], true);
    assert_eq!(found["intact"], 1);
    assert_eq!(setting.has(), (false, true));
    setting.line("pull alice/one --offline").keeps_its_head();
    assert!(pulled(setting.line("pull alice/one --json")) == adapted());
    setting.line("cache verify").succeeds();
}

/// Commands that report what is wrong on stdout end with 1 and no error.
trait FailsWithResults {
    fn fails_with_results(self) -> Value;
}

impl FailsWithResults for Run {
    #[track_caller]
    fn fails_with_results(self) -> Value {
        self.keeps_its_head();
        assert_eq!(self.status.code(), Some(1), "{self}");
        self.json()
    }
}

#[test]
fn collecting_garbage_spares_what_is_pinned_and_all_can_be_fetched_again() {
    let setting = Setting::new();
    setting.line("pull alice/one alice/two").succeeds();
    // Within the grace nothing goes.
    setting.line("cache gc").succeeds();
    assert_eq!(setting.has(), (true, true));
    let dry = setting.line("cache gc --grace 0 --dry-run --json").succeeds().json();
    assert_eq!(dry["dry_run"], true);
    assert!(dry["freed"].as_u64().unwrap() >= adapted().len() as u64, "{dry}");
    assert_eq!(setting.has(), (true, true));
    setting.line("cache pin alice/one --reason demo").succeeds();
    setting.line("cache gc --grace 0").succeeds();
    assert_eq!(setting.has(), (true, false));
    setting.line("cache unpin alice/one").succeeds();
    setting.line("cache unpin alice/one").fails().says(&["alice/one"]);
    setting.line("cache gc --grace 0").succeeds();
    assert_eq!(setting.has(), (false, false));
    assert!(pulled(setting.line("pull alice/one --json")) == adapted());
    setting.line("cache verify").succeeds();
}

#[test]
fn collecting_garbage_spares_what_the_project_has_locked() {
    let setting = Setting::new();
    let zoo = &setting.zoo;
    setting.line("pull alice/two").succeeds();
    zoo.write("zoo.toml", "[[registry]]\nname = \"t\"\nlocation = \"tree\"\n");
    zoo.line("pull alice/one").succeeds();
    zoo.line("cache gc --grace 0").succeeds();
    assert_eq!(setting.has(), (true, false));
    // Without the lock nothing asks for it.
    fs::remove_file(zoo.path("zoo.lock")).unwrap();
    zoo.line("cache gc --grace 0").succeeds();
    assert_eq!(setting.has(), (false, false));
}

/// Bundles that were converted or composed count as much as what they were made from.
#[test]
fn collecting_garbage_removes_what_was_composed_with_its_delta() {
    let zoo = Zoo::new();
    init(&zoo, "tree");
    publish(&zoo, adapted(), "tree", "alice/one@1.0.0", "--delta").succeeds();
    assert!(pulled(zoo.line("pull alice/one --registry tree --json")) == adapted());
    zoo.line("cache gc --grace 0").succeeds();
    assert_eq!(files_below(&zoo.cache().join("bundles")).len(), 0);
    assert!(pulled(zoo.line("pull alice/one --registry tree --json")) == adapted());
    zoo.line("cache verify").succeeds();
}

#[test]
fn fault_065_a_cache_that_somebody_uses_is_not_collected() {
    let zoo = Zoo::new();
    let bytes = Random::new(65).bytes(200_000);
    let server = Server::start(bytes.clone(), Manner::Trickle(Duration::from_millis(50)));
    let url = server.url("tiny.pth");
    add_entry(&zoo.path("registry"), "tiny", &url, &sha256(&bytes), bytes.len());
    let mut command = zoo.command(["pull", "tiny", "--registry", "registry"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("a request", || !server.requests().is_empty());
    zoo.line("cache gc --grace 0").fails().says(&["in use", "hint: ", "--wait"]);
    child.kill().unwrap();
    child.wait().unwrap();
    // Who was killed holds nothing.
    zoo.line("cache gc --grace 0").succeeds();
    server.set_manner(Manner::Right);
    assert!(pulled(zoo.line("pull tiny --registry registry --json")) == bytes);
}
