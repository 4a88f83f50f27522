//! Data, files and places that are not what they should be.
#![allow(clippy::unwrap_used, reason = "here a panic is how a test fails")]

use std::fs;
use std::process::Stdio;

use zoo_tests::{Run, Zoo, emoji};

/// A user with a folder `data` of five pictures of each class.
fn user() -> Zoo {
    let zoo = Zoo::new();
    emoji(&zoo.path("data"), 5);
    zoo
}

/// `zoo adapt` on the folder `data`, as it is now.
fn adapt(zoo: &Zoo, options: &str) -> Run {
    zoo.line(&format!("adapt efficientnet-lite0 --data data --offline --out out.zoo {options}"))
}

/// Fails unless the run failed early, said each of `texts`, and wrote nothing.
#[track_caller]
fn is_refused(zoo: &Zoo, texts: &[&str]) {
    adapt(zoo, "").fails().says(texts);
    assert!(!zoo.path("out.zoo").exists() && !zoo.path("out.html").exists());
}

#[test]
fn a_folder_that_cannot_be_learned_from_is_refused_with_the_reason() {
    let zoo = Zoo::new();
    is_refused(&zoo, &["no such folder or file: data"]);

    fs::create_dir(zoo.path("data")).unwrap();
    is_refused(&zoo, &["data", "one folder a class"]);

    emoji(&zoo.path("all"), 4);
    fs::rename(zoo.path("all/food"), zoo.path("data/food")).unwrap();
    is_refused(&zoo, &["only one class, `food`"]);

    fs::create_dir(zoo.path("data/none")).unwrap();
    is_refused(&zoo, &["no pictures for class `none`"]);

    fs::remove_dir_all(zoo.path("data")).unwrap();
    fs::rename(zoo.path("all/face"), zoo.path("data")).unwrap();
    is_refused(&zoo, &["4 pictures lie directly in data", "one folder a class"]);

    fs::remove_dir_all(zoo.path("data")).unwrap();
    zoo.write("data", "a file");
    is_refused(&zoo, &["neither a folder nor a table", "data"]);
}

#[test]
fn fault_057_files_that_are_no_images_are_named_and_left_out() {
    let zoo = user();
    zoo.write("data/face/text.png", "this is no picture");
    zoo.write("data/food/empty.png", "");
    let good =
        fs::read(fs::read_dir(zoo.path("data/animal")).unwrap().next().unwrap().unwrap().path());
    zoo.write("data/transport/cut.png", &good.unwrap()[..300]);
    let run = adapt(&zoo, "--json").succeeds();
    let run = run.says(&["warning: ", "face/text.png", "food/empty.png", "transport/cut.png"]);
    assert_eq!(run.json()["card"]["examples"], 20);
    assert_eq!(run.json()["computed_features"], 20);

    // Where pictures were asked for by name, one that is none is a failure of that one.
    let named = zoo.line("predict out.zoo data/face --json").fails_softly();
    let rows = named.as_array().unwrap();
    assert_eq!(rows.len(), 6);
    assert_eq!(rows.iter().filter(|row| row.get("error").is_some()).count(), 1);
}

/// A run that did part of its work: its results, with status 1.
trait FailsSoftly {
    fn fails_softly(self) -> serde_json::Value;
}

impl FailsSoftly for Run {
    #[track_caller]
    fn fails_softly(self) -> serde_json::Value {
        self.keeps_its_head();
        assert_eq!(self.status.code(), Some(1), "{self}");
        self.json()
    }
}

#[test]
fn a_class_whose_pictures_are_all_broken_is_refused_by_name() {
    let zoo = user();
    for name in ["a.png", "b.png", "c.png"] {
        zoo.write(&format!("data/broken/{name}"), format!("no picture: {name}"));
    }
    is_refused(&zoo, &["`broken`"]);
}

#[test]
fn names_from_the_data_are_shown_and_not_run() {
    let zoo = user();
    fs::rename(zoo.path("data/face"), zoo.path("data/<script>alert(1)<")).unwrap();
    fs::rename(zoo.path("data/food"), zoo.path("data/\"&amp; \u{1b}[31mred")).unwrap();
    let run = adapt(&zoo, "").succeeds();
    assert!(!run.stdout.contains('\u{1b}') && !run.stderr.contains('\u{1b}'), "{run}");
    let report = fs::read_to_string(zoo.path("out.html")).unwrap();
    assert!(!report.contains("<script"), "the report runs what a class is called");
    assert!(report.contains("&lt;script&gt;alert(1)&lt;"));
    assert!(report.contains("&amp;amp;"));
    zoo.line("inspect out.zoo").succeeds().shows(&["<script>alert(1)<"]);
}

#[test]
fn zoo_toml_may_be_empty_and_its_typing_errors_are_named() {
    let zoo = user();
    zoo.write("zoo.toml", "");
    zoo.line("adapt --offline").fails().says(&["no model is given", "zoo.toml"]);
    zoo.write("zoo.toml", "[adapt]\nmodle = \"efficientnet-lite0\"\n");
    zoo.line("adapt --offline").fails().says(&["zoo.toml", "modle", "model"]);
    zoo.write("zoo.toml", "[adapt\n");
    zoo.line("adapt --offline").fails().says(&["zoo.toml", "line 1"]);
    // It may name registries, so other commands read it too.
    zoo.line("list").fails().says(&["zoo.toml", "line 1"]);
    zoo.line("cache path").succeeds();
}

#[test]
fn a_place_that_cannot_be_written_to_is_named() {
    let zoo = user();
    // No one can make files there, root neither.
    #[cfg(target_os = "linux")]
    zoo.line("adapt efficientnet-lite0 --data data --offline --out /proc/out.zoo")
        .fails()
        .says(&["/proc"]);
    fs::create_dir_all(zoo.path("folder.zoo/inside")).unwrap();
    zoo.line("adapt efficientnet-lite0 --data data --offline --out folder.zoo")
        .fails()
        .says(&["folder.zoo"]);
    assert!(zoo.path("folder.zoo/inside").is_dir());
    zoo.write("file", "not a folder");
    zoo.line("adapt efficientnet-lite0 --data data --offline --out file/out.zoo")
        .fails()
        .says(&["file"]);
    assert_eq!(fs::read(zoo.path("file")).unwrap(), b"not a folder");
    // Nothing that was begun is left.
    let left: Vec<_> = fs::read_dir(zoo.work()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

#[test]
fn options_outside_their_range_are_refused_before_the_work() {
    let zoo = user();
    for (option, why) in [
        ("--held-out 1.5", "--held-out"),
        ("--held-out 0", "--held-out"),
        ("--held-out -0.5", "--held-out must lie between 0 and 1, not -0.5"),
        ("--held-out 1e300", "--held-out must lie between 0 and 1, not 1e300"),
        ("--regularisation 0", "--regularisation"),
        ("--regularisation -1", "--regularisation must lie between 1e-10 and 1"),
        ("--regularisation 1e300", "not 1e300"),
        ("--regularisation 1e-300", "not 1e-300"),
        ("--regularisation nan", "--regularisation"),
        ("--strategy finetune --epochs 0", "epochs"),
        ("--strategy finetune --stages 1000", "stages"),
        ("--strategy finetune --learning-rate 0", "learning"),
        ("--strategy finetune --learning-rate nan", "learning"),
    ] {
        adapt(&zoo, option).fails().says(&[why]);
        assert!(!zoo.path("out.zoo").exists(), "{option}");
    }
    zoo.line("adapt efficientnet-lite0 --data data --out out.txt --offline")
        .fails()
        .says(&[".zoo"]);
    for usage in ["--no-such-option", "--epochs -1", "--stages 1.5"] {
        let run = adapt(&zoo, usage);
        assert_eq!(run.status.code(), Some(2), "{run}");
        run.says(&[usage.split(' ').next().unwrap()]);
    }
}

#[test]
fn a_seed_that_is_none_is_told_what_a_seed_is() {
    let zoo = user();
    for seed in ["--seed -1", "--seed=-1", "--seed 1.5", "--seed x", "--seed 18446744073709551616"]
    {
        let run = adapt(&zoo, seed);
        assert_eq!(run.status.code(), Some(2), "{run}");
        assert!(!run.stderr.contains("tip:"), "{run}");
        run.says(&["--seed", "a whole number from 0 to 18446744073709551615"]);
    }
}

/// The epochs are chosen by training pictures that are set aside: there must be some.
#[test]
fn holding_out_nearly_everything_is_named_where_too_little_is_left_to_finetune() {
    let zoo = user();
    let run = adapt(&zoo, "--strategy finetune --held-out 0.999").fails();
    run.says(&["4 training examples are too few to fine-tune", "hint: ", "--held-out"]);
    assert!(!zoo.path("out.zoo").exists());
}

#[test]
fn extreme_regularisation_is_shown_in_short() {
    let zoo = user();
    for (c, shown) in [("1e-10", "C = 1.00e-10"), ("0.1", "C = 0.1000")] {
        let run = adapt(&zoo, &format!("--regularisation {c}")).succeeds();
        let digits = |line: &str| line.split(' ').any(|word| word.len() > 40);
        assert!(!run.stderr.lines().any(digits), "{run}");
        run.says(&[shown]);
    }
}

#[test]
fn a_missing_model_or_picture_is_named() {
    let zoo = user();
    let missing = "no/such/model.zoo";
    zoo.line(&format!("adapt {missing} --data data --out out.zoo")).fails().says(&[missing]);
    zoo.line(&format!("predict {missing} data")).fails().says(&[missing]);
    zoo.line(&format!("inspect {missing}")).fails().says(&[missing]);
    zoo.line("convert missing.pth --out out.zoo").fails().says(&["missing.pth"]);
    zoo.line("predict efficientnet-lite0 missing.png --offline").fails().says(&["missing.png"]);
    zoo.line("eval efficientnet-lite0 --data missing --offline").fails().says(&["missing"]);
    assert!(!zoo.path("out.zoo").exists());
}

#[test]
fn fault_075_a_cache_that_is_a_file_is_an_error() {
    let zoo = user();
    zoo.write("cache", "not a folder");
    let run = zoo.line("pull efficientnet-lite0 --offline --cache-dir cache").fails();
    run.says(&["cache"]);
    assert_eq!(fs::read(zoo.path("cache")).unwrap(), b"not a folder");
}

/// The reader of a pipe may leave at any time: `zoo list | head -1`.
#[test]
fn a_closed_stdout_is_no_error() {
    let zoo = Zoo::new();
    for line in
        ["list", "list --json", "completions bash", "info resnet-50", "--help", "pull --help"]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = zoo.command(line.split(' '));
        let output = command.stdout(writer).output().unwrap();
        Run::new(&command, output).succeeds();
    }
}

/// `zoo adapt 2>&1 | head -1`: nobody reads the diagnostics, and the work goes on.
#[test]
fn a_closed_stderr_does_not_stop_the_work() {
    let zoo = user();
    for line in [
        "adapt efficientnet-lite0 --data data --offline --out out.zoo",
        "pull efficientnet-lite0 --offline",
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = zoo.command(line.split(' '));
        let status = command.stdout(Stdio::null()).stderr(writer).status().unwrap();
        assert_eq!(status.code(), Some(0), "{command:?}");
    }
    assert!(zoo.path("out.zoo").is_file());
}
