//! Machines that are not as they should be: full disks, folders that cannot be written to or
//! read, files in their place.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "here a panic is how a test fails")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use zoo_tests::damage::Random;
use zoo_tests::registry::{add_entry, sha256};
use zoo_tests::server::{Manner, Server};
use zoo_tests::sharing::{adapted, files_below, init, publish, pulled};
use zoo_tests::{Run, Zoo};

/// Runs `zoo LINE` where no file grows beyond so many kB: writes fail as on a full disk.
fn within(zoo: &Zoo, kilobytes: usize, line: &str) -> Run {
    let usual = zoo.command(line.split_whitespace());
    let mut command = Command::new("bash");
    let script = "trap '' XFSZ; ulimit -f \"$0\"; exec \"$@\"";
    command.args(["-c", script, &kilobytes.to_string()]).arg(usual.get_program());
    command.args(usual.get_args()).current_dir(zoo.work());
    for (name, value) in usual.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let output = command.output().unwrap();
    Run::new(&command, output)
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Root may do everything, and shows nothing of what is tested here.
fn may_do_everything(zoo: &Zoo) -> bool {
    let probe = zoo.write("probe", "");
    mode(&probe, 0o000);
    fs::read(&probe).is_ok()
}

#[test]
fn fault_056_a_pull_onto_a_full_disk_says_so_and_is_resumed() {
    let zoo = Zoo::new();
    let bytes = Random::new(56).bytes(600_000);
    let server = Server::start(bytes.clone(), Manner::Right);
    let url = server.url("tiny.pth");
    add_entry(&zoo.path("registry"), "tiny", &url, &sha256(&bytes), bytes.len());
    let pull = "pull tiny --registry registry --json";
    let run = within(&zoo, 200, pull).fails().says(&["no room", "hint: make room"]);
    assert_eq!(run.stdout.trim(), "[]", "{run}");
    assert_eq!(files_below(&zoo.cache().join("blobs")).len(), 0);
    zoo.line("cache verify").succeeds();
    zoo.line("pull tiny --registry registry --offline").fails();
    assert!(pulled(zoo.line(pull)) == bytes);
    let requests = server.requests();
    let resumed = requests.last().copied().flatten();
    assert!(resumed.is_some_and(|at| at > 0), "it began anew: {requests:?}");
}

/// What is written beside a place and renamed is not there, or as it was.
#[test]
fn fault_056_publishing_composing_and_adapting_on_a_full_disk() {
    let zoo = Zoo::new();
    init(&zoo, "tree");
    zoo.write("emoji.zoo", adapted());
    let publish_it = "publish emoji.zoo --to tree --as alice/emoji@1.0.0";
    within(&zoo, 2000, publish_it).fails();
    zoo.line("list --registry tree --json").succeeds();
    zoo.line("info alice/emoji --registry tree").fails();
    zoo.line(publish_it).succeeds();
    let pull = "pull alice/emoji --registry tree --json";
    within(&zoo, 2000, pull).fails();
    assert!(pulled(zoo.line(pull)) == adapted());
    within(&zoo, 2000, "convert emoji.zoo --out copy.zoo").keeps_its_head();
    assert!(!zoo.path("copy.zoo").exists());
    zoo_tests::emoji(&zoo.path("data"), 4);
    let adapt = "adapt efficientnet-lite0 --data data --regularisation 0.1 --out new.zoo";
    within(&zoo, 2000, adapt).fails();
    assert!(!zoo.path("new.zoo").exists());
    zoo.line("cache verify").succeeds();
    zoo.line(adapt).succeeds();
}

#[test]
fn fault_027_a_cache_that_cannot_be_written_to_can_be_read() {
    let zoo = Zoo::new();
    if may_do_everything(&zoo) {
        return;
    }
    init(&zoo, "tree");
    publish(&zoo, adapted(), "tree", "alice/emoji@1.0.0", "").succeeds();
    let pull = "pull alice/emoji --registry tree --json";
    assert!(pulled(zoo.line(pull)) == adapted());
    mode(zoo.cache(), 0o500);
    let there = zoo.line(pull);
    let absent = zoo.line("pull efficientnet-lite0");
    mode(zoo.cache(), 0o700);
    assert!(pulled(there) == adapted());
    absent.keeps_its_head();
}

#[test]
fn fault_075_a_file_where_the_cache_or_the_configuration_belongs() {
    let zoo = Zoo::new();
    zoo.write("file", "not a folder");
    let pull = "pull efficientnet-lite0 --offline";
    zoo.line(&format!("{pull} --cache-dir file")).fails().says(&["file", "not a directory"]);
    zoo.line(&format!("{pull} --cache-dir file/below")).fails().says(&["file/below"]);
    // A cache that is missing is made.
    zoo.line(&format!("{pull} --cache-dir new/cache")).succeeds();
    for line in ["trust list", "hub init tree", "login https://hub.example.org"] {
        let run = zoo.line(&format!("{line} --config-dir file"));
        run.keeps_its_head();
        assert!(!run.status.success() && run.stderr.contains("file"), "{run}");
    }
    assert_eq!(fs::read_to_string(zoo.path("file")).unwrap(), "not a folder");
}

/// Whom one trusts and one's tokens are not ignored where they cannot be read.
#[test]
fn fault_027_a_configuration_that_cannot_be_read() {
    let zoo = Zoo::new();
    let fingerprint = init(&zoo, "tree");
    publish(&zoo, adapted(), "tree", "alice/emoji@1.0.0", "").succeeds();
    zoo.run(["trust", "add", "tree", "--fingerprint", &fingerprint]).succeeds();
    let pull = "pull alice/emoji --registry tree --json";
    let root = files_below(&zoo.config().join("trust"));
    assert!(!root.is_empty());
    // Damaged, not only forbidden: so it shows for root as well.
    for file in root {
        let bytes = fs::read(&file).unwrap();
        zoo_tests::sharing::overwrite(&file, b"{");
        let run = zoo.line(pull);
        run.keeps_its_head();
        let is_root = file.to_str().unwrap().contains("root");
        assert!(!is_root || !run.status.success(), "{}: {run}", file.display());
        zoo_tests::sharing::overwrite(&file, &bytes);
    }
    assert!(pulled(zoo.line(pull)) == adapted());
    zoo_tests::sharing::login(&zoo, "https://hub.example.org", "secret-of-mine").succeeds();
    let credentials = zoo.config().join("credentials.toml");
    mode(&credentials, 0o644);
    zoo.line(pull).fails().says(&["credentials", "chmod 600"]);
    mode(&credentials, 0o600);
    fs::write(&credentials, "[\"https://hub.example.org\"]\ntoken = \"secret-of-mine").unwrap();
    let run = zoo.line(pull).fails().says(&["credentials"]);
    assert!(!run.stderr.contains("secret-of-mine"), "{run}");
}
