//! Fetching models from a registry of one's own and a server that misbehaves on order.
#![allow(clippy::unwrap_used, reason = "here a panic is how a test fails")]

use std::fs;
use std::process::{Child, Stdio};
use std::time::Duration;

use zoo_tests::damage::Random;
use zoo_tests::registry::{add_entry, copy_entry, sha256};
use zoo_tests::server::{Manner, Server, wait_until};
use zoo_tests::{Run, Zoo, fixtures};

/// A user whose registry has one model, called `tiny`, and the server that has its bytes.
struct Setting {
    zoo: Zoo,
    server: Server,
    bytes: Vec<u8>,
}

impl Setting {
    fn new(manner: Manner) -> Self {
        let zoo = Zoo::new();
        let bytes = Random::new(1).bytes(300_000);
        let server = Server::start(bytes.clone(), manner);
        let url = server.url("tiny.pth");
        add_entry(&zoo.path("registry"), "tiny", &url, &sha256(&bytes), bytes.len());
        Self { zoo, server, bytes }
    }

    fn pull(&self, options: &str) -> Run {
        self.zoo.line(&format!("pull tiny --registry registry --json {options}"))
    }

    /// Starts a pull and does not wait for it.
    fn start_pull(&self) -> Child {
        let mut command = self.zoo.command(["pull", "tiny", "--registry", "registry"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Fails unless `run` gave the path of the right bytes.
    #[track_caller]
    fn has_the_bytes(&self, run: Run) {
        let row = run.succeeds().json()[0].clone();
        assert_eq!(row["sha256"], sha256(&self.bytes).as_str());
        assert_eq!(fs::read(row["path"].as_str().unwrap()).unwrap(), self.bytes);
    }

    /// How many bytes of broken-off downloads are kept.
    fn kept(&self) -> u64 {
        let Ok(entries) = fs::read_dir(self.zoo.cache().join("partial")) else { return 0 };
        let parts = entries.map(|entry| entry.unwrap().path());
        let parts = parts.filter(|path| path.extension().is_some_and(|e| e == "part"));
        parts.filter_map(|path| Some(fs::metadata(path).ok()?.len())).sum()
    }
}

#[test]
fn the_right_bytes_are_kept_and_need_no_network_again() {
    let setting = Setting::new(Manner::Right);
    setting.has_the_bytes(setting.pull(""));
    setting.has_the_bytes(setting.pull(""));
    setting.has_the_bytes(setting.pull("--offline"));
    assert_eq!(setting.server.requests(), [None]);
    let listed = setting.zoo.line("list --registry registry --cached --json").succeeds().json();
    assert_eq!(listed[0]["name"], "tiny");
}

#[test]
fn wrong_bytes_are_refused_and_nothing_of_them_is_kept() {
    let setting = Setting::new(Manner::Wrong);
    let refused = setting.pull("").fails().says(&["hint: ", &sha256(&setting.bytes)]);
    assert!(refused.stderr.contains(&setting.server.url("tiny.pth")), "{refused}");
    setting.pull("--offline").fails().says(&["offline", "hint: "]);
    assert_eq!(setting.kept(), 0);
    setting.server.set_manner(Manner::Right);
    setting.has_the_bytes(setting.pull(""));
    // From the start: what had come was thrown away.
    assert_eq!(setting.server.requests(), [None, None]);
}

/// A blob that rots after it came is found out by the next pull.
#[test]
fn fault_080_a_stored_file_that_was_changed_is_fetched_again() {
    let setting = Setting::new(Manner::Right);
    let path = setting.pull("").succeeds().json()[0]["path"].as_str().unwrap().to_owned();
    let mut bytes = setting.bytes.clone();
    bytes[1000] ^= 4;
    fs::write(&path, bytes).unwrap();
    setting.has_the_bytes(setting.pull(""));
    assert_eq!(setting.server.requests().len(), 2);
}

#[test]
fn fault_036_a_body_that_is_cut_is_resumed_where_it_ended() {
    let setting = Setting::new(Manner::CutAfter(100_000));
    setting.has_the_bytes(setting.pull(""));
    assert_eq!(setting.server.requests(), [None, Some(100_000), Some(200_000)]);
}

/// No network at all for a while: what has come stays, and the next command goes on with it.
#[test]
fn fault_041_a_later_command_resumes_what_an_earlier_one_left() {
    let setting = Setting::new(Manner::CutAfter(40_000));
    let run = setting.pull("").fails().says(&["hint: run it again"]);
    let attempts = setting.server.requests().len();
    assert!((2..=6).contains(&attempts), "{attempts} attempts: {run}");
    assert_eq!(setting.kept(), 40_000 * attempts as u64);
    setting.server.set_manner(Manner::Right);
    setting.has_the_bytes(setting.pull(""));
    assert_eq!(setting.server.requests().last(), Some(&Some(40_000 * attempts)));
}

#[test]
fn fault_063_a_killed_pull_leaves_nothing_that_is_believed_and_is_resumed() {
    let setting = Setting::new(Manner::Trickle(Duration::from_millis(5)));
    let mut child = setting.start_pull();
    wait_until("some bytes", || setting.kept() > 50_000);
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), None, "it was too fast to be killed");
    setting.pull("--offline").fails();
    setting.server.set_manner(Manner::Right);
    setting.has_the_bytes(setting.pull(""));
    let requests = setting.server.requests();
    let resumed = requests.last().copied().flatten();
    assert!(requests.len() == 2 && resumed.is_some_and(|at| at > 50_000), "{requests:?}");
    assert_eq!(setting.kept(), 0);
}

#[test]
fn fault_062_two_pulls_at_once_both_end_well() {
    let setting = Setting::new(Manner::Trickle(Duration::from_millis(1)));
    let mut both = [setting.start_pull(), setting.start_pull()];
    for child in &mut both {
        assert!(child.wait().unwrap().success());
    }
    setting.has_the_bytes(setting.pull("--offline"));
    assert_eq!(setting.kept(), 0);
}

#[test]
fn a_name_that_nobody_has_suggests_those_that_come_close() {
    let zoo = Zoo::new();
    zoo.line("pull incepton-v3 --offline")
        .fails()
        .says(&["`incepton-v3`", "did you mean `inception-v3`"]);
    zoo.line("info resnet-500").fails().says(&["did you mean `resnet-50`"]);
    zoo.line("info resnet50").succeeds().shows(&["resnet-50@1.0.0"]);
    zoo.line("predict qwertyuiop x.png").fails();
    // What looks like a path is one.
    zoo.line("inspect missing.zoo").fails().says(&["missing.zoo"]);
}

#[test]
fn fault_082_offline_says_what_is_not_in_the_cache() {
    let zoo = Zoo::new();
    let run = zoo.line("pull inception-v3 --offline").fails();
    run.says(&["inception-v3", "hint: run it again without --offline"]);
    let mixed = zoo.line("pull inception-v3 efficientnet-lite0 --offline --json").fails();
    assert_eq!(mixed.json()[0]["name"], "efficientnet-lite0", "one that fails stops the others");
}

#[test]
fn inception_v3_has_its_publishers_address_and_digest() {
    let info = Zoo::new().line("info inception-v3 --json --offline").succeeds().json();
    let file = &info["version"][0]["files"][0];
    let name = "inception_v3_google-0cc3c7bd.pth";
    assert_eq!(file["urls"][0], format!("https://download.pytorch.org/models/{name}"));
    let digest = "0cc3c7bd75056d25e46cba549dc184522069b81e9787eff6df84f397bd52a5ef";
    assert_eq!(file["sha256"], digest);
    assert_eq!(file["size"]["bytes"], 108_949_747);
    assert_eq!(info["runs"], "yes");
}

/// The whole way of a real model: fetched, verified, converted, run; then once more offline.
#[test]
fn a_published_checkpoint_is_fetched_converted_and_run() {
    let Some(fixtures) = fixtures("a_published_checkpoint_is_fetched_converted_and_run") else {
        return;
    };
    let zoo = Zoo::new();
    let file = "mobilenet_v2-b0353104.pth";
    let server = Server::start(fs::read(fixtures.model(file)).unwrap(), Manner::Right);
    let real_url = format!("https://download.pytorch.org/models/{file}");
    copy_entry(&zoo.path("registry"), "mobilenet-v2", &real_url, &server.url(file));
    let photos = ["chelsea.png", "coffee.png"].map(|name| fixtures.photo(name));
    let predict = |offline: &str| {
        let mut command = zoo.command(["predict", "mobilenet-v2", "--registry", "registry"]);
        let output = command.args(&photos).args(["--json", offline]).output().unwrap();
        Run::new(&command, output).succeeds()
    };
    let first = predict("--quiet").json();
    assert_eq!(first[0]["predictions"][0]["label"], "Egyptian cat");
    assert_eq!(first[1]["predictions"][0]["label"], "espresso");
    drop(server);
    assert_eq!(predict("--offline").json(), first);
    zoo.line("verify mobilenet-v2 --registry registry --offline").succeeds().shows(&["agrees"]);
    zoo.line("inspect mobilenet-v2 --registry registry --offline")
        .succeeds()
        .shows(&["BSD-3-Clause"]);
}
