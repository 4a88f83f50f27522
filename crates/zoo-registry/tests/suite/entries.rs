//! Entries: those of the project, and broken ones.

use std::fs;
use std::path::Path;

use zoo_registry::{Entry, Error, Index, MAX_ENTRY_BYTES, ModelName, Resize, Wanted};

const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../registry/models");

fn number(text: &str) -> Wanted {
    Wanted::Version(text.parse().unwrap())
}

/// The entry of mobilenet-v2 with torchvision's two versions alone.
fn mobilenet() -> String {
    let text = fs::read_to_string(Path::new(MODELS).join("mobilenet-v2.toml")).unwrap();
    let others = text.find("\n[[version]]\nversion = \"3.0.0\"").unwrap();
    text[..others].to_owned()
}

fn problems(text: &str) -> String {
    Entry::from_toml(text, "test").unwrap().problems().join("\n")
}

#[test]
fn every_entry_of_the_project_is_valid_and_embedded() {
    let from_dir = Index::from_dir(&Path::new(MODELS).join("..")).unwrap();
    assert_eq!(format!("{:?}", from_dir.take_rejected()), "[]");
    let embedded = Index::builtin();
    assert_eq!(format!("{:?}", embedded.take_rejected()), "[]");
    let a = from_dir.entries().unwrap();
    assert_eq!(a, embedded.entries().unwrap());
    assert!(a.len() >= 8);
}

#[test]
fn the_facts_that_fixtures_rely_on() {
    let index = Index::builtin();
    let entry = index.lookup(&"mobilenetv2".parse().unwrap()).unwrap();
    let version = entry.version(None).unwrap();
    assert_eq!(version.weights, "IMAGENET1K_V1");
    let file = &version.files[0];
    assert_eq!(file.exact_size(), Some(14_212_972));
    assert_eq!(
        file.sha256.unwrap().to_string(),
        "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889"
    );
    let second = entry.version(Some(&number("2.0.0"))).unwrap();
    assert_eq!(second.files[0].exact_size(), None);
    assert!(second.files[0].size.is_some());
    assert_eq!(entry.preprocessing_of(second).unwrap().resize, Resize::Shorter(232));
    assert_eq!(entry.preprocessing_of(version).unwrap().resize, Resize::Shorter(256));
    let resnet = index.lookup(&"resnet-152".parse().unwrap()).unwrap();
    let second = resnet.version(Some(&number("2.0.0"))).unwrap();
    assert_eq!(second.files[0].sha256, None);
    assert_eq!(second.files[0].strongest_evidence().unwrap().value(), "f82ba261");
}

#[test]
fn an_entry_survives_json() {
    for entry in Index::builtin().entries().unwrap() {
        let json = serde_json::to_vec(&entry).unwrap();
        assert_eq!(Entry::from_json(&json, "test").unwrap(), entry);
    }
}

#[test]
fn unknown_fields_and_wrong_types_are_refused() {
    let text = mobilenet();
    for (from, to) in [
        ("summary =", "sumary ="),
        ("parameters = 3504872", "parameters = -1"),
        ("parameters = 3504872", "parameters = \"many\""),
        ("exact = true", "exact = true, about = 1"),
        ("format = \"pytorch\"", "format = \"exe\""),
        ("filter = \"bilinear\"", "filter = \"sharp\""),
        ("version = \"1.0.0\"", "version = \"1.0\""),
        ("value = \"b0353104\"", "value = \"b0353\""),
        ("name = \"mobilenet-v2\"", "name = \"../mobilenet\""),
        ("mean = [0.485, 0.456, 0.406]", "mean = [0.485]"),
    ] {
        assert!(text.contains(from), "{from}");
        let error = Entry::from_toml(&text.replace(from, to), "x.toml").unwrap_err();
        assert!(matches!(error, Error::EntrySyntax { .. }), "{to}: {error}");
        assert!(error.to_string().contains("x.toml"));
    }
}

#[test]
fn every_problem_is_listed_at_once() {
    let text = mobilenet()
        .replace(
            "summary = \"MobileNetV2: small and fast, for phones and laptops\"",
            "summary = \" \"",
        )
        .replace("schema = 1", "schema = 7")
        .replace("default = \"1.0.0\"", "default = \"9.0.0\"")
        .replace("crop = [224, 224]", "crop = [999, 224]")
        .replace("std = [0.229, 0.224, 0.225]", "std = [0.0, 0.224, 0.225]")
        .replace("scale = 0.00392156862745098", "scale = -1.0")
        .replace("percent = 71.878", "percent = 171.878")
        .replace("path = \"mobilenet_v2-b0353104.pth\"", "path = \"../x.pth\"")
        .replace(
            "urls = [\"https://download.pytorch.org/models/mobilenet_v2-b0353104.pth\"]",
            "urls = [\"https://me:pw@host/x\", \"ftp://host/x\"]",
        )
        .replace("value = \"b0353104\"", "value = \"b0353105\"");
    let problems = problems(&text);
    for part in [
        "schema 7",
        "summary is empty",
        "default 9.0.0",
        "crop [999, 224]",
        "std",
        "scale -1",
        "top1 171.878",
        "the path is not relative",
        "password",
        "scheme other than",
        "contradicts",
    ] {
        assert!(problems.contains(part), "{part} is not in\n{problems}");
    }
    assert!(!problems.contains("me:pw"), "{problems}");
}

#[test]
fn duplicates_and_missing_digests() {
    let text = mobilenet()
        .replace("\"mobilenetv2\"", "\"mobilenetv2\", \"mobilenetv2\", \"mobilenet-v2\"")
        .replace("version = \"2.0.0\"", "version = \"1.0.0\"");
    let found = problems(&text);
    assert!(found.contains("alias `mobilenetv2`") && found.contains("alias `mobilenet-v2`"));
    assert!(found.contains("version 1.0.0 is there twice"));
    let start = text.find("evidence").unwrap();
    let end = start + text[start..].find("\n]").unwrap() + 2;
    let bare = text.replace(&text[start..end], "").replace(
        "sha256 = \"b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889\"",
        "",
    );
    assert!(problems(&bare).contains("there is no digest of any kind"));
}

#[test]
fn entries_are_bounded() {
    let text = "#".repeat(usize::try_from(MAX_ENTRY_BYTES).unwrap() + 1);
    let error = Entry::from_toml(&text, "big").unwrap_err();
    assert!(matches!(error, Error::EntryTooLarge { .. }));
}

/// The default is the one named, then the newest release, never a yanked one.
#[test]
fn fault_019_and_028_choice_of_versions() {
    let text = mobilenet().replace("default = \"1.0.0\"", "");
    let entry = Entry::from_toml(&text, "t").unwrap();
    assert_eq!(entry.version(None).unwrap().version.to_string(), "2.0.0");
    let yanked = text.replace("weights = \"IMAGENET1K_V2\"", "weights = \"X\"\nyanked = true");
    let entry = Entry::from_toml(&yanked, "t").unwrap();
    assert_eq!(entry.version(None).unwrap().version.to_string(), "1.0.0");
    let pre = text.replace("version = \"2.0.0\"", "version = \"2.0.0-rc.1\"");
    let entry = Entry::from_toml(&pre, "t").unwrap();
    assert_eq!(entry.version(None).unwrap().version.to_string(), "1.0.0");
    let build = text.replace("version = \"2.0.0\"", "version = \"1.0.0+b\"");
    let entry = Entry::from_toml(&build, "t").unwrap();
    assert_eq!(entry.problems(), [""; 0]);
    let chosen = entry.version(Some(&number("1.0.0+b"))).unwrap();
    assert_eq!(chosen.weights, "IMAGENET1K_V2");
    let missing = entry.version(Some(&number("3.0.0"))).unwrap_err();
    assert!(missing.to_string().contains("there is 1.0.0, 1.0.0+b"), "{missing}");
    let _: ModelName = entry.name;
}
