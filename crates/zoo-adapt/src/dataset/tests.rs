#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use super::*;
use crate::error::Error;

fn folder(files: &[&str]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for file in files {
        add(root.path(), file);
    }
    root
}

fn add(root: &Path, file: &str) {
    let path = root.join(file);
    if file.ends_with('/') {
        fs::create_dir_all(path).unwrap();
    } else {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }
}

fn listed(data: &Dataset) -> Vec<(&str, usize)> {
    let examples = data.examples().iter();
    examples.map(|example| (example.relative.as_str(), example.class)).collect()
}

#[test]
fn lists_classes_and_images_in_the_order_of_their_names() {
    let root = folder(&[
        "rose/b.JPG",
        "rose/a.webp",
        "rose/deep/er/c.Jpeg",
        "daisy/2.png",
        "daisy/10.gif",
        "daisy/NOTICE",
        "daisy/LICENSE.txt",
        "daisy/._2.png",
        "README.md",
        ".cache/x.png",
        "__MACOSX/rose/a.png",
    ]);
    let data = Dataset::open(root.path(), Kind::Picture).unwrap();
    assert_eq!(data.classes(), ["daisy", "rose"]);
    assert_eq!(
        listed(&data),
        [
            ("daisy/10.gif", 0),
            ("daisy/2.png", 0),
            ("rose/a.webp", 1),
            ("rose/b.JPG", 1),
            ("rose/deep/er/c.Jpeg", 1),
        ]
    );
    assert!(!data.has_split());
    assert_eq!(data.counts(), [2, 3]);
    assert_eq!(data.labels(), [0, 0, 1, 1, 1]);
    let skipped = data.skipped();
    assert_eq!((skipped.hidden, skipped.others, skipped.links), (3, 3, 0));
    assert_eq!(
        fs::read_to_string(data.examples()[4].content.path().unwrap()).unwrap(),
        "rose/deep/er/c.Jpeg"
    );
}

#[test]
fn splits_above_the_classes_are_the_split() {
    let root = folder(&[
        "test/a/3.png",
        "train/a/1.png",
        "train/b/2.png",
        "val/b/4.png",
        "val/a/",
        "LICENSE",
    ]);
    let data = Dataset::open(root.path(), Kind::Picture).unwrap();
    assert!(data.has_split());
    let splits: Vec<_> = data.examples().iter().map(|e| e.split.unwrap()).collect();
    assert_eq!(splits, [Split::Train, Split::Train, Split::Val, Split::Test]);
    assert_eq!(data.examples()[2].relative, "val/b/4.png");
    assert_eq!(data.examples()[2].class, 1);
}

#[test]
fn classes_may_be_called_train_and_test() {
    let root = folder(&["train/1.png", "test/2.png"]);
    let data = Dataset::open(root.path(), Kind::Picture).unwrap();
    assert_eq!(data.classes(), ["test", "train"]);
    assert!(!data.has_split());
    let root = folder(&["train/1.png", "test/2.png", "plane/3.png"]);
    assert_eq!(Dataset::open(root.path(), Kind::Picture).unwrap().classes().len(), 3);
}

#[test]
fn a_class_must_be_there_to_train_on() {
    let root = folder(&["train/a/1.png", "train/b/1.png", "val/c/1.png"]);
    let error = Dataset::open(root.path(), Kind::Picture).unwrap_err();
    assert!(matches!(error, Error::ClassNotInTraining { class, .. } if class == "c"));
    let root = folder(&["train/a/1.png", "train/b/", "val/b/1.png"]);
    let error = Dataset::open(root.path(), Kind::Picture).unwrap_err();
    assert!(matches!(error, Error::EmptyClass { class, .. } if class == "b"));
}

#[test]
fn says_what_is_wrong_with_a_folder() {
    let root = folder(&["flat/1.png", "flat/2.png", "empty/"]);
    let open = |name: &str| Dataset::open(root.path().join(name), Kind::Picture).unwrap_err();
    assert!(matches!(open("missing"), Error::PathMissing { .. }));
    assert!(matches!(open("flat/1.png"), Error::NotAFolder { .. }));
    assert!(matches!(open("empty"), Error::NoClasses { .. }));
    let flat = open("flat");
    assert!(matches!(flat, Error::FilesWithoutClasses { files: 2, .. }));
    assert!(flat.to_string().contains("one folder a class"));
    let error = Dataset::open(root.path(), Kind::Picture).unwrap_err();
    assert!(matches!(error, Error::EmptyClass { class, .. } if class == "empty"));
    let one = folder(&["only/1.png"]);
    let error = Dataset::open(one.path(), Kind::Picture).unwrap_err();
    assert!(matches!(error, Error::OneClass { class, .. } if class == "only"));
}

#[cfg(unix)]
#[test]
fn links_lead_neither_out_of_the_root_nor_in_circles() {
    use std::os::unix::fs::symlink;
    let outside = folder(&["secret.png", "class/x.png"]);
    let root = folder(&["a/1.png", "b/2.png"]);
    let at = |name: &str| root.path().join(name);
    symlink(outside.path().join("secret.png"), at("a/out.png")).unwrap();
    symlink(outside.path().join("class"), at("c")).unwrap();
    symlink(at("a"), at("a/circle")).unwrap();
    symlink(at("nowhere"), at("b/broken.png")).unwrap();
    symlink(at("a/1.png"), at("b/inside.png")).unwrap();
    let data = Dataset::open(root.path(), Kind::Picture).unwrap();
    assert_eq!(listed(&data), [("a/1.png", 0), ("b/2.png", 1), ("b/inside.png", 1)]);
    assert_eq!(data.skipped().links, 4);
}

#[cfg(target_os = "linux")]
#[test]
fn names_must_be_utf8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let root = folder(&["a/1.png", "b/2.png"]);
    let name = OsStr::from_bytes(b"caf\xe9");
    fs::create_dir(root.path().join(name)).unwrap();
    let error = Dataset::open(root.path(), Kind::Picture).unwrap_err();
    assert!(matches!(error, Error::NameNotUtf8 { .. }));
}
