//! `kill -9` of `zoo adapt` at any moment: what is there is whole, and the next run is as if
//! nothing had happened.
#![allow(clippy::unwrap_used, reason = "here a panic is how a test fails")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use zoo_tests::{Zoo, emoji};

const ADAPT: &str =
    "adapt efficientnet-lite0 --data data --offline --seed 3 --regularisation 0.1 --out out/e.zoo";

/// When the process is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// Some time after it said a line with this text.
    After(&'static str, Duration),
    /// Once there is a file beside the place of the result, where it is being written.
    Writing,
}

const MOMENTS: [Moment; 7] = [
    Moment::After("Fetching", Duration::ZERO),
    Moment::After("Adapting", Duration::ZERO),
    Moment::After("check", Duration::from_millis(50)),
    Moment::After("check", Duration::from_millis(300)),
    Moment::After("features", Duration::ZERO),
    Moment::After("head", Duration::ZERO),
    Moment::Writing,
];

fn user() -> Zoo {
    let zoo = Zoo::new();
    emoji(&zoo.path("data"), 4);
    fs::create_dir(zoo.path("out")).unwrap();
    zoo
}

#[test]
fn a_killed_adapt_leaves_nothing_half_done() {
    let undisturbed = user();
    undisturbed.line(ADAPT).succeeds();
    let expected = fs::read(undisturbed.path("out/e.zoo")).unwrap();
    let mut killed = 0;
    for moment in MOMENTS {
        let zoo = user();
        let mut command = zoo.command(ADAPT.split(' '));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        wait_for(moment, &mut child, &zoo.path("out"));
        child.kill().unwrap();
        killed += usize::from(child.wait().unwrap().code().is_none());

        if zoo.path("out/e.zoo").exists() {
            zoo.line("inspect out/e.zoo").succeeds();
        }
        zoo.line(ADAPT).succeeds();
        let bytes = fs::read(zoo.path("out/e.zoo")).unwrap();
        assert!(bytes == expected, "after a kill at {moment:?} the next run gives other bytes");
        let report = fs::read_to_string(zoo.path("out/e.html")).unwrap();
        assert!(report.trim_end().ends_with("</html>"));
    }
    assert!(killed >= 5, "only {killed} of {} kills came in time", MOMENTS.len());
}

/// A second run that is killed must not take the result of the first with it.
#[test]
fn a_killed_adapt_leaves_an_earlier_result_alone() {
    let zoo = user();
    zoo.line(ADAPT).succeeds();
    let first = fs::read(zoo.path("out/e.zoo")).unwrap();
    for moment in [Moment::After("Adapting", Duration::ZERO), Moment::Writing] {
        let mut command = zoo.command(ADAPT.replace("--seed 3", "--seed 4").split(' '));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        wait_for(moment, &mut child, &zoo.path("out"));
        child.kill().unwrap();
        let ended = child.wait().unwrap().success();
        zoo.line("inspect out/e.zoo").succeeds();
        let same = fs::read(zoo.path("out/e.zoo")).unwrap() == first;
        // Between the rename and the end of the process, either is right.
        assert!(same || ended || matches!(moment, Moment::Writing), "{moment:?}");
    }
}

/// Waits for the moment, or for the end of the process if that comes first.
fn wait_for(moment: Moment, child: &mut Child, out: &Path) {
    let stderr = child.stderr.take().unwrap();
    match moment {
        Moment::After(text, pause) => {
            let mut lines = BufReader::new(stderr).lines();
            lines
                .find(|line| line.as_ref().is_ok_and(|line| line.contains(text)))
                .unwrap()
                .unwrap();
            // The process must not meet a closed pipe before it is killed.
            thread::spawn(move || lines.for_each(drop));
            thread::sleep(pause);
        }
        Moment::Writing => {
            thread::spawn(move || BufReader::new(stderr).lines().for_each(drop));
            let begun = || {
                let names = fs::read_dir(out).unwrap().map(|entry| entry.unwrap().file_name());
                names.into_iter().any(|name| name.to_string_lossy().starts_with(".zoo-"))
            };
            while !begun() && child.try_wait().unwrap().is_none() {
                thread::sleep(Duration::from_micros(200));
            }
        }
    }
}
