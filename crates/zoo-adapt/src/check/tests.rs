#![allow(clippy::unwrap_used)]

use std::fs;

use super::*;
use crate::dataset::Split;
use zoo_model::Kind;

fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Dataset) {
    let root = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let data = Dataset::open(root.path(), Kind::Picture).unwrap();
    (root, data)
}

fn lenient() -> CheckOptions {
    CheckOptions { min_per_class: 2, ..CheckOptions::default() }
}

fn decode(_: &Example, bytes: &[u8]) -> Result<Vec<Flaw>, String> {
    if bytes.starts_with(b"bad") { Err("not an image".to_owned()) } else { Ok(Vec::new()) }
}

fn paths(paths: &[&str]) -> Vec<String> {
    paths.iter().map(ToString::to_string).collect()
}

#[test]
fn good_data_is_clean() {
    let files = [("a/1.png", "1"), ("a/2.png", "2"), ("b/3.png", "3"), ("b/4.png", "4")];
    let (_root, data) = folder(&files);
    let check = check(&data, &lenient(), decode);
    assert!(check.report.is_clean());
    assert_eq!(check.usable_examples(), [0, 1, 2, 3]);
    assert_eq!(check.duplicate_groups(), [0, 1, 2, 3]);
    assert_eq!(
        check.digests[0].unwrap().to_string(),
        "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
    );
}

#[test]
fn finds_bad_files_and_every_kind_of_duplicate() {
    let (_root, data) = folder(&[
        ("a/1.png", "same"),
        ("a/2.png", "same"),
        ("a/3.png", "torn"),
        ("b/4.png", "torn"),
        ("b/5.png", "fine"),
        ("b/6.png", "good"),
        ("b/7.png", "bad"),
    ]);
    let check = check(&data, &lenient(), decode);
    assert_eq!(
        check.report.errors,
        [
            Finding::Unreadable { path: "b/7.png".to_owned(), reason: "not an image".to_owned() },
            Finding::ConflictingLabels {
                paths: paths(&["a/3.png", "b/4.png"]),
                classes: paths(&["a", "b"]),
            },
        ]
    );
    assert_eq!(
        check.report.warnings,
        [Finding::Duplicate { paths: paths(&["a/1.png", "a/2.png"]), class: "a".to_owned() }]
    );
    assert_eq!(check.usable_examples(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(check.duplicate_groups(), [0, 0, 2, 2, 4, 5, 6]);
}

#[test]
fn finds_test_images_that_are_trained_on() {
    let (_root, data) =
        folder(&[("train/a/1.png", "1"), ("train/b/2.png", "2"), ("test/a/3.png", "1")]);
    let report = check(&data, &lenient(), decode).report;
    assert_eq!(
        report.errors,
        [Finding::DuplicateAcrossSplits {
            paths: paths(&["test/a/3.png", "train/a/1.png"]),
            splits: vec![Split::Train, Split::Test],
        }]
    );
    assert!(
        report
            .warnings
            .contains(&Finding::ClassMissingInSplit { class: "b".to_owned(), split: Split::Test })
    );
}

#[test]
fn finds_small_and_uneven_classes() {
    let names: Vec<String> = (0..25).map(|i| format!("big/{i}.png")).collect();
    let mut files: Vec<(&str, &str)> = names.iter().map(|name| (&**name, &**name)).collect();
    // Two copies of one picture are one example.
    files.extend([("one/1.png", "x"), ("one/2.png", "x")]);
    files.extend([("two/1.png", "y"), ("two/2.png", "z")]);
    let (_root, data) = folder(&files);
    let report = check(&data, &CheckOptions::default(), decode).report;
    let one = "one".to_owned();
    assert_eq!(report.errors, [Finding::ClassTooSmall { class: one.clone(), examples: 1 }]);
    assert!(report.warnings.contains(&Finding::ClassSmall {
        class: "two".to_owned(),
        examples: 2,
        advised: 10,
    }));
    assert!(report.warnings.contains(&Finding::Imbalance {
        largest: "big".to_owned(),
        largest_examples: 25,
        smallest: one,
        smallest_examples: 1,
    }));
}

#[test]
fn files_that_cannot_be_read_are_findings() {
    let (root, data) = folder(&[("a/1.png", "1"), ("a/2.png", "22222"), ("b/3.png", "3")]);
    fs::remove_file(root.path().join("b/3.png")).unwrap();
    let options = CheckOptions { max_file_bytes: 4, ..lenient() };
    let check = check(&data, &options, decode);
    assert_eq!(check.usable, [true, false, false]);
    let reasons: Vec<String> = check.report.errors.iter().map(ToString::to_string).collect();
    assert!(reasons[0].contains("a/2.png: larger than 4 bytes"), "{reasons:?}");
    assert!(reasons[1].contains("b/3.png"));
}

#[test]
fn the_digest_is_of_names_classes_and_contents_only() {
    let files = [("a/1.png", "1"), ("b/2.png", "2")];
    let digest = |files: &[(&str, &str)]| {
        let (_root, data) = folder(files);
        check(&data, &lenient(), decode).data_digest
    };
    let first = digest(&files);
    assert_eq!(first.len(), 64);
    assert_eq!(first, digest(&[files[1], files[0]]));
    assert_ne!(first, digest(&[("a/1.png", "1"), ("b/2.png", "3")]));
    assert_ne!(first, digest(&[("a/1.png", "1"), ("b/3.png", "2")]));
    assert_ne!(first, digest(&[("a/1.png", "1"), ("c/2.png", "2")]));
}

#[test]
fn reports_survive_json() {
    let report = DataReport {
        warnings: vec![Finding::ClassMissingInSplit { class: "a".to_owned(), split: Split::Val }],
        errors: Vec::new(),
    };
    let json = serde_json::to_string(&report).unwrap();
    assert!(json.contains(r#""kind":"class_missing_in_split""#));
    assert_eq!(serde_json::from_str::<DataReport>(&json).unwrap(), report);
}
