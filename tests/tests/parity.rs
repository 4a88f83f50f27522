//! `cargo xtask parity`: our networks against torchvision's numbers.
#![allow(clippy::unwrap_used, reason = "here a panic is how a test fails")]

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use zoo_tests::{Run, binaries, fixtures};

/// What this version of zoo must get right.
const OURS: [&str; 9] = [
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "mobilenet_v2",
    "inception_v3",
    "resnet18.grad",
    "mobilenet_v2.grad",
];

fn parity(folder: &Path) -> Run {
    let mut command = Command::new(binaries::xtask());
    let output = command.arg("parity").arg(folder).output().unwrap();
    Run::new(&command, output)
}

#[test]
fn every_architecture_that_we_have_agrees_with_torchvision() {
    let Some(fixtures) = fixtures("every_architecture_that_we_have_agrees_with_torchvision") else {
        return;
    };
    let run = parity(&fixtures.parity()).succeeds();
    for name in OURS {
        let line = run.stdout.lines().find(|line| line.split(' ').next() == Some(name));
        let fields: Vec<&str> = line.unwrap_or_default().split(' ').collect();
        assert!(
            matches!(fields[..], [_, error, "PASS"] if error.parse::<f64>().is_ok()),
            "{name}: {run}"
        );
    }
    let summary = run.stdout.lines().last().unwrap();
    let fixtures = run.stdout.lines().filter(|line| *line != summary);
    assert!(fixtures.into_iter().all(|line| line.ends_with(" PASS") || line.ends_with(" LACKING")));
}

/// A changed logit, a changed gradient norm, a parameter that is called otherwise.
#[test]
fn a_fixture_that_was_tampered_with_fails() {
    let Some(fixtures) = fixtures("a_fixture_that_was_tampered_with_fails") else { return };
    for (name, key) in
        [("resnet18", "logits"), ("resnet18.grad", "grad_norms"), ("resnet18", "params")]
    {
        let folder = TempDir::new().unwrap();
        let file = format!("{name}.json");
        let text = fs::read_to_string(fixtures.parity().join(&file)).unwrap();
        let mut fixture: serde_json::Value = serde_json::from_str(&text).unwrap();
        match &mut fixture[key] {
            serde_json::Value::Array(items) if key == "params" => {
                items[0][0] = "conv1.wait".into();
            }
            serde_json::Value::Array(numbers) => numbers[500] = scaled(&numbers[500]),
            serde_json::Value::Object(numbers) => {
                let number = numbers.get_mut("layer1.0.conv1.weight").unwrap();
                *number = scaled(number);
            }
            other => panic!("{key} is {other}"),
        }
        fs::write(folder.path().join(&file), fixture.to_string()).unwrap();
        let run = parity(folder.path());
        run.keeps_its_head();
        assert_eq!(run.status.code(), Some(1), "{key}: {run}");
        let run = run.shows(&[&format!("{name} "), " FAIL"]);
        assert!(!run.stdout.contains("PASS"), "{run}");
    }
}

fn scaled(number: &serde_json::Value) -> serde_json::Value {
    (number.as_f64().unwrap() * 1.05 + 0.001).into()
}

#[test]
fn a_folder_without_fixtures_is_an_error() {
    let folder = TempDir::new().unwrap();
    let run = parity(folder.path());
    run.keeps_its_head();
    assert_eq!(run.status.code(), Some(1), "{run}");
}
