//! What a new user does, in order, with the starter model and no network.
#![allow(clippy::unwrap_used, reason = "here a panic is how a test fails")]

use std::fs;
use std::path::Path;

use zoo_tests::binaries::repository;
use zoo_tests::bundles::{same_bytes, stated_digest};
use zoo_tests::{Zoo, emoji};

/// As many pictures of each class as make a test quick.
const PICTURES: usize = 10;

/// A user with a copy of the repository's example, smaller.
fn user() -> Zoo {
    let zoo = Zoo::new();
    emoji(&zoo.path("examples/noto-emoji"), PICTURES);
    zoo
}

#[test]
fn a_bare_adapt_does_what_zoo_toml_says() {
    let zoo = user();
    zoo.write("zoo.toml", fs::read(repository().join("zoo.toml")).unwrap());
    let run = zoo.line("adapt --offline").succeeds();
    let run = run.shows(&["accuracy ", "of 8 pictures", "out/emoji.zoo", "out/emoji.html"]);
    run.says(&["40 pictures of 4 classes", "zoo predict out/emoji.zoo"]);

    let report = fs::read_to_string(zoo.path("out/emoji.html")).unwrap();
    assert!(report.starts_with("<!DOCTYPE html>"));
    assert!(report.contains("<svg") && report.trim_end().ends_with("</html>"));
    for (at, _) in report.match_indices("src=\"") {
        assert!(report[at..].starts_with("src=\"data:"), "{:?}", &report[at..at + 40]);
    }
    for outside in ["<link", "<script", "url(", "@import", "http-equiv=\"refresh"] {
        assert!(!report.contains(outside), "the report is not self-contained: {outside}");
    }

    // What it wrote is what the next commands take.
    let shown = zoo.line("inspect out/emoji.zoo").succeeds();
    shown.shows(&["adapted from efficientnet-lite0@1.0.0", "seed 7", "animal, face, food", "_fc"]);
    // From a folder below, the same zoo.toml holds, and its paths are relative to it.
    let mut command = zoo.command(["adapt", "--offline", "--json"]);
    let output = command.current_dir(zoo.path("examples")).output().unwrap();
    let below = zoo_tests::Run::new(&command, output).succeeds().json();
    assert_eq!(below["computed_features"], 0);
    assert!(!zoo.path("examples/out").exists());
}

#[test]
fn an_adapted_bundle_predicts_evaluates_and_shows_itself() {
    let zoo = user();
    let data = "examples/noto-emoji";
    zoo.line(&format!("adapt efficientnet-lite0 --data {data} --out e.zoo --offline --seed 1"))
        .succeeds();

    let face = "examples/noto-emoji/face";
    let picture = fs::read_dir(zoo.path(face)).unwrap().next().unwrap().unwrap().file_name();
    let picture = format!("{face}/{}", picture.to_str().unwrap());
    let text = zoo.line(&format!("predict e.zoo {picture} --top 2")).succeeds();
    assert_eq!(text.stdout.lines().count(), 3, "{text}");
    text.shows(&[&picture, "%  "]);

    let rows =
        zoo.line(&format!("predict e.zoo {face} {picture} --top 4 --json")).succeeds().json();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), PICTURES + 1);
    for row in rows {
        let probabilities: Vec<f64> = row["predictions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["probability"].as_f64().unwrap())
            .collect();
        assert_eq!(probabilities.len(), 4);
        assert!(probabilities.is_sorted_by(|a, b| a >= b));
        assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-5);
    }
    let best = |row: &serde_json::Value| row["predictions"][0]["label"].clone();
    let right = rows[..PICTURES].iter().filter(|row| best(row) == "face").count();
    assert!(right >= 7, "{right} of {PICTURES} faces are found");
    let again = rows[..PICTURES].iter().find(|row| row["path"] == picture.as_str()).unwrap();
    assert_eq!(again["predictions"], rows[PICTURES]["predictions"]);

    let measured = zoo.line(&format!("eval e.zoo --data {data} --json")).succeeds().json();
    assert_eq!(measured["examples"], 4 * PICTURES as u64);
    assert!(measured["accuracy"].as_f64().unwrap() > 0.75, "{measured}");
    zoo.line(&format!("eval e.zoo --data {data}")).succeeds().shows(&["accuracy", "transport"]);

    // On a machine that computes otherwise, or with other bytes, this would not agree.
    zoo.line("verify e.zoo").succeeds().shows(&["e@0.1.0 agrees"]);
    let verified = zoo.line("verify e.zoo --json").succeeds().json();
    assert_eq!((&verified["agrees"], &verified["error"]), (&true.into(), &0.0.into()));

    let speed = zoo.line("bench e.zoo --batch 1 --runs 1 --json").succeeds().json();
    assert!(speed["best_images_per_second"].as_f64().unwrap() > 0.1, "{speed}");
    zoo.line("bench e.zoo --batch 1 --runs 1").succeeds().shows(&["images a second"]);
    let whole = zoo.line("inspect e.zoo --json").succeeds().json();
    assert_eq!(whole["card"]["labels"][3], "transport");
    assert_eq!(whole["graph"]["outputs"].as_array().unwrap().len(), 1);
}

#[test]
fn the_registry_inside_the_program_answers_without_a_network() {
    let zoo = Zoo::new();
    let all = zoo.line("list --offline").succeeds();
    let all = all.shows(&["NAME", "efficientnet-lite0", "inception-v3", "mobilenet-v2"]);
    let rows = zoo.line("list --json --offline").succeeds().json();
    assert_eq!(rows.as_array().unwrap().len(), all.stdout.lines().count() - 1);

    let found = zoo.line("search resnet --json --offline").succeeds().json();
    let names: Vec<&str> =
        found.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert!(["resnet-18", "resnet-50", "resnet-152"].iter().all(|name| names.contains(name)));
    assert!(!names.contains(&"inception-v3"));
    let nothing = zoo.line("search qwertyuiop --offline").succeeds();
    assert_eq!(nothing.stdout, "");

    let info = zoo.line("info efficientnet-lite0 --offline").succeeds();
    info.shows(&["Apache-2.0", "sha256", "runs here", "yes"]);
    let info = zoo.line("info efficientnet-lite0 --json --offline").succeeds().json();
    assert_eq!(info["version"][0]["architecture"], "efficientnet-lite0");

    zoo.line("verify efficientnet-lite0 --offline").succeeds().shows(&["agrees"]);
    let verified = zoo.line("verify efficientnet-lite0 --offline --json").succeeds().json();
    assert_eq!(verified["agrees"], true);

    let script = zoo.line("completions bash").succeeds().shows(&["complete -F", "adapt", "--json"]);
    assert_eq!(script.stderr, "");
}

#[test]
fn the_starter_model_names_imagenet_classes() {
    let Some(fixtures) = zoo_tests::fixtures("the_starter_model_names_imagenet_classes") else {
        return;
    };
    let zoo = Zoo::new();
    let photos = ["chelsea.png", "coffee.png"].map(|name| fixtures.photo(name));
    let mut command = zoo.command(["predict", "efficientnet-lite0", "--offline", "--json"]);
    let output = command.args(photos).output().unwrap();
    let rows = zoo_tests::Run::new(&command, output).succeeds().json();
    assert_eq!(rows[0]["predictions"][0]["label"], "Egyptian cat");
    assert_eq!(rows[1]["predictions"][0]["label"], "espresso");
}

#[test]
fn another_head_computes_no_feature_again() {
    let zoo = user();
    let adapt = "adapt efficientnet-lite0 --data examples/noto-emoji --offline --json --out";
    let first = zoo.line(&format!("{adapt} a.zoo --regularisation 0.1")).succeeds().json();
    assert_eq!(first["computed_features"], 4 * PICTURES as u64);
    let second = zoo.line(&format!("{adapt} b.zoo --regularisation 1.0")).succeeds().json();
    assert_eq!(second["computed_features"], 0);
    assert_ne!(first["digest"], second["digest"]);
    let third = zoo.line(&format!("{adapt} c.zoo --seed 9 --held-out 0.3")).succeeds().json();
    assert_eq!(third["computed_features"], 0);

    // One picture more is one feature more.
    let new = zoo_tests::emoji::pictures("food")[PICTURES].clone();
    fs::copy(new, zoo.path("examples/noto-emoji/food/new.png")).unwrap();
    let fourth = zoo.line(&format!("{adapt} d.zoo")).succeeds().json();
    assert_eq!(fourth["computed_features"], 1);
}

/// Cross-validation on a few pictures must not end where every class is as likely as any other.
#[test]
fn a_few_pictures_a_class_are_enough_to_choose_the_regularisation() {
    let zoo = user();
    let adapt = "adapt efficientnet-lite0 --data examples/noto-emoji --offline --json --out e.zoo";
    let log_loss = |options: &str| {
        let outcome = zoo.line(&format!("{adapt} {options}")).succeeds().json();
        outcome["evaluation"]["log_loss"].as_f64().unwrap()
    };
    let (chosen, given) = (log_loss(""), log_loss("--regularisation 0.1"));
    assert!(chosen < given + 0.3, "log-loss {chosen:.3} as chosen, {given:.3} at C = 0.1");
}

/// The name is part of a bundle, so every run writes to a file of the same name.
#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_another_split() {
    let zoo = user();
    // A given regularisation: then the head depends on what is learned from, and on no draw.
    let adapt =
        "adapt efficientnet-lite0 --data examples/noto-emoji --offline --regularisation 0.1";
    let run = |folder: &str, options: &str| {
        zoo.line(&format!("{adapt} --out {folder}/e.zoo {options}")).succeeds();
        zoo.path(&format!("{folder}/e.zoo"))
    };
    let first = run("first", "--seed 5");
    assert!(same_bytes(&first, &run("cached", "--seed 5")), "from cached features");
    assert!(same_bytes(&first, &run("fresh", "--seed 5 --no-cache")), "from fresh features");
    fs::remove_dir_all(zoo.cache().join("features")).unwrap();
    assert!(same_bytes(&first, &run("again", "--seed 5")), "from an empty cache");

    let other = run("other", "--seed 6");
    let weights = |path: &Path| stated_digest(path, "weights.safetensors");
    assert_eq!(weights(&first), weights(&run("first-again", "--seed 5")));
    assert_ne!(weights(&first), weights(&other), "seed 6 learned from the same pictures as seed 5");
}
