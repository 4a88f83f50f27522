//! `kill -9` at moments that nobody chose: whatever was going on, what is there is whole, and
//! the same command again ends as if nothing had happened.
//!
//! Moments are seeded, and spread over the time that the command takes when it is left alone.
#![allow(clippy::unwrap_used, reason = "here a panic is how a test fails")]

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use zoo_tests::damage::Random;
use zoo_tests::sharing::{
    Hub, adapted, adapted_otherwise, files_below, init, login, publish, pulled,
};
use zoo_tests::{Zoo, emoji};

/// How often each command is killed.
const KILLS: usize = 10;

/// How often that is tried, at most: each kill that is too late shortens the time by a quarter.
const MOST_TRIES: usize = 5 * KILLS;

/// Runs `line` to its end for a user made by `user`, then kills it at moments within that time;
/// `check` sees each user after the kill.
///
/// A machine that is busy now and idle later makes the first time too long: a kill that comes
/// too late does not count, and shortens it.
fn kill_everywhere(seed: u64, user: impl Fn() -> Zoo, line: &str, check: impl Fn(&Zoo, &str)) {
    let undisturbed = user();
    let start = Instant::now();
    undisturbed.line(line).succeeds();
    let mut time = start.elapsed();
    let mut random = Random::new(seed);
    let mut killed = 0;
    for _ in 0..MOST_TRIES {
        if killed == KILLS {
            return;
        }
        let zoo = user();
        // One moment in each tenth of the time.
        let thousandth = u32::try_from(killed * 100 + random.below(100)).unwrap();
        let in_time = kill_after(&zoo, line, time * thousandth / 1000);
        check(&zoo, &format!("killed at {thousandth}/1000 of {time:?}"));
        if in_time {
            killed += 1;
        } else {
            time = time * 3 / 4;
        }
    }
    panic!("only {killed} of {MOST_TRIES} kills came in time");
}

/// Starts the command and kills it; says whether it was still running.
fn kill_after(zoo: &Zoo, line: &str, pause: Duration) -> bool {
    let mut command = zoo.command(line.split_whitespace());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    thread::sleep(pause);
    child.kill().unwrap();
    child.wait().unwrap().code().is_none()
}

/// A user whose registry has a model.
fn publisher() -> Zoo {
    let zoo = Zoo::new();
    init(&zoo, "tree");
    publish(&zoo, adapted(), "tree", "alice/emoji@1.0.0", "").succeeds();
    zoo
}

#[test]
fn fault_063_pull() {
    // A delta: fetched, then composed.
    let user = || {
        let zoo = Zoo::new();
        init(&zoo, "tree");
        publish(&zoo, adapted(), "tree", "alice/emoji@1.0.0", "--delta").succeeds();
        fs::remove_dir_all(zoo.cache()).unwrap();
        zoo
    };
    let pull = "pull alice/emoji --registry tree --json";
    kill_everywhere(63, user, pull, |zoo, when| {
        zoo.line("cache verify").succeeds();
        assert!(pulled(zoo.line(pull)) == adapted(), "{when}");
        zoo.line("verify alice/emoji --registry tree").succeeds();
        zoo.line("cache verify").succeeds();
    });
}

#[test]
fn convert() {
    let path = zoo_tests::binaries::repository().join("registry/starter/efficientnet-lite0.zoo");
    let user = || {
        let zoo = Zoo::new();
        fs::copy(&path, zoo.path("from.zoo")).unwrap();
        zoo
    };
    let convert = "convert from.zoo --precision f32 --out out.zoo";
    let undisturbed = user();
    undisturbed.line(convert).succeeds();
    let expected = fs::read(undisturbed.path("out.zoo")).unwrap();
    kill_everywhere(2, user, convert, |zoo, when| {
        if let Ok(bytes) = fs::read(zoo.path("out.zoo")) {
            assert!(bytes == expected, "{when}: something else stands there");
        }
        zoo.line(convert).succeeds();
        assert!(fs::read(zoo.path("out.zoo")).unwrap() == expected, "{when}");
    });
}

#[test]
fn adapt() {
    let user = || {
        let zoo = Zoo::new();
        emoji(&zoo.path("data"), 4);
        zoo
    };
    let adapt = "adapt efficientnet-lite0 --data data --offline --seed 3 --regularisation 0.1 --out emoji.zoo";
    kill_everywhere(3, user, adapt, |zoo, when| {
        zoo.line("cache verify").succeeds();
        if let Ok(bytes) = fs::read(zoo.path("emoji.zoo")) {
            assert!(bytes == adapted(), "{when}: something else stands there");
        }
        zoo.line(adapt).succeeds();
        assert!(fs::read(zoo.path("emoji.zoo")).unwrap() == adapted(), "{when}");
    });
}

#[test]
fn fault_158_publish() {
    let user = || {
        let zoo = publisher();
        zoo.write("new.zoo", adapted_otherwise());
        zoo
    };
    let again = "publish new.zoo --to tree --as alice/emoji@1.1.0";
    kill_everywhere(158, user, again, |zoo, when| {
        zoo.line("lint tree").succeeds();
        // Either all of it is there, or nothing.
        let newest = pulled(zoo.line("pull alice/emoji --registry tree --json"));
        assert!(newest == adapted() || newest == adapted_otherwise(), "{when}");
        zoo.line(again).succeeds();
        let newest = pulled(zoo.line("pull alice/emoji --registry tree --json"));
        assert!(newest == adapted_otherwise(), "{when}");
        let first = pulled(zoo.line("pull alice/emoji@1.0.0 --registry tree --json"));
        assert!(first == adapted(), "{when}");
        zoo.line("cache verify").succeeds();
    });
}

#[test]
fn fault_067_gc() {
    let user = || {
        let zoo = publisher();
        publish(&zoo, adapted_otherwise(), "tree", "alice/other@1.0.0", "").succeeds();
        zoo.line("pull alice/emoji alice/other efficientnet-lite0 --registry tree")
            .keeps_its_head();
        zoo.line("cache pin alice/other --registry tree").succeeds();
        zoo
    };
    kill_everywhere(67, user, "cache gc --grace 0", |zoo, when| {
        zoo.line("cache verify").succeeds();
        let other = zoo.line("pull alice/other --registry tree --json");
        assert_eq!(other.json()[0]["was_cached"], true, "{when}: what was pinned is gone");
        assert!(pulled(zoo.line("pull alice/emoji --registry tree --json")) == adapted(), "{when}");
        zoo.line("cache gc --grace 0").succeeds();
        zoo.line("cache verify").succeeds();
    });
}

/// A hub that dies while a client sends to it: the tree is whole, and the client comes again.
#[test]
fn fault_150_a_hub_that_is_killed() {
    let alice = publisher();
    let token = alice.run(["hub", "token", "add", "--tokens", "tokens", "alice"]);
    let token = token.succeeds().stdout.trim().to_owned();
    let mut hub = Hub::start(&alice, "tree");
    let (origin, address) = (hub.origin().to_owned(), hub.address().to_owned());
    login(&alice, &origin, &token).succeeds();
    alice.write("new.zoo", adapted_otherwise());
    let send =
        |version: usize| format!("publish new.zoo --to {origin} --as alice/emoji@2.{version}.0");
    let start = Instant::now();
    alice.line(&send(0)).succeeds();
    let time = start.elapsed();
    let mut random = Random::new(150);
    for turn in 1..=KILLS {
        // Its file is to be sent each time.
        let digest = zoo_tests::registry::sha256(adapted_otherwise());
        let blobs = files_below(&alice.path("tree/blobs"));
        let blob = blobs.iter().find(|path| path.ends_with(&digest));
        if let (Some(blob), 1) = (blob, turn % 2) {
            fs::remove_file(blob).unwrap();
        }
        let thousandth = u32::try_from(turn * 90 + random.below(90)).unwrap();
        let mut command = alice.command(send(turn).split_whitespace());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(time * thousandth / 1000);
        hub.kill();
        child.kill().unwrap();
        child.wait().unwrap();
        alice.line("lint tree").succeeds();
        hub = Hub::start_at(&alice, "tree", &address);
        alice.line(&send(turn)).succeeds();
        let pull = format!("pull alice/emoji@2.{turn}.0 --registry tree --json");
        assert!(pulled(alice.line(&pull)) == adapted_otherwise());
    }
    let first = pulled(alice.line("pull alice/emoji@1.0.0 --registry tree --json"));
    assert!(first == adapted());
}
