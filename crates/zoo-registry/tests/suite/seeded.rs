//! The entries that the binary carries: that they are all there, and found as people call them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use zoo_registry::{Entry, Error, FileFormat, Index, Level, ModelName, lint};

fn suggestions(name: &str) -> Vec<String> {
    match Index::builtin().lookup(&name.parse().unwrap()) {
        Err(Error::NotFound { suggestions, .. }) => suggestions,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn names_that_people_guess() {
    let index = Index::builtin();
    for (guess, name) in [
        ("inception-v3", "inception-v3"),
        ("inceptionv3", "inception-v3"),
        ("resnet50", "resnet-50"),
        ("resnet-50", "resnet-50"),
        ("resnet50v2", "resnet-50-v2"),
        ("googlenet", "googlenet"),
        ("inception-v1", "googlenet"),
        ("glove-6b-50d", "glove-6b-50d"),
        ("glove.6b.100d", "glove-6b-100d"),
        ("glove-wiki-gigaword-300", "glove-6b-300d"),
        ("glove-twitter-25", "glove-twitter-27b-25d"),
        ("word2vec-google-news-300", "word2vec-google-news-300"),
        ("word2vec", "word2vec-google-news-300"),
        ("crawl-300d-2m", "fasttext-crawl-300d-2m"),
        ("lid.176", "fasttext-lid-176"),
        ("mobilenetv2", "mobilenet-v2"),
        ("mobilenet", "mobilenet-v1"),
        ("vgg16", "vgg-16"),
        ("vgg19bn", "vgg-19-bn"),
        ("vit-b16", "vit-b-16"),
        ("vit-base-patch16-224", "vit-b-16"),
        ("dinov2-small", "dinov2-vit-s-14"),
        ("squeezenet", "squeezenet-1.0"),
        ("wideresnet50", "wide-resnet-50-2"),
        ("resnext50-32x4d", "resnext-50-32x4d"),
        ("regnetx-016", "regnet-x-1600mf"),
        ("densenet121", "densenet-121"),
        ("efficientnetb0", "efficientnet-b0"),
        ("convnext-tiny", "convnext-tiny"),
        ("swin-tiny", "swin-t"),
        ("clip-vit-b-32", "clip-vit-b-32"),
        ("whisper-tiny.en", "whisper-tiny.en"),
        ("whisper-large", "whisper-large-v3"),
        ("all-minilm-l6-v2", "all-minilm-l6-v2"),
        ("bert-base-uncased", "bert-base-uncased"),
        ("gpt-2", "gpt2"),
        ("silero-vad", "silero-vad"),
        ("yamnet", "yamnet"),
    ] {
        let entry = index.lookup(&guess.parse().unwrap()).unwrap();
        assert_eq!(entry.name.as_str(), name, "{guess}");
    }
}

#[test]
fn fault_017_what_was_meant_comes_first() {
    for (wrong, meant) in [
        ("incepton-v3", "inception-v3"),
        ("resnet500", "resnet-50"),
        ("word2vec-googel-news-300", "word2vec-google-news-300"),
        ("moblienet-v2", "mobilenet-v2"),
        ("vgg17", "vgg-11"),
        ("all-minilm-l6", "all-minilm-l6-v2"),
        ("whisper-tinny", "whisper-tiny"),
        ("glove-6b-50", "glove-6b-50d"),
    ] {
        assert_eq!(suggestions(wrong)[0], meant, "{wrong}: {:?}", suggestions(wrong));
    }
}

#[test]
fn as_many_as_the_seed_gives() {
    let entries = Index::builtin().entries().unwrap();
    let versions: usize = entries.iter().map(|entry| entry.versions.len()).sum();
    assert!(entries.len() >= 182, "{}", entries.len());
    assert!(versions >= 398, "{versions}");
    for entry in &entries {
        assert_eq!(entry.problems(), Vec::<String>::new(), "{}", entry.name);
    }
}

#[test]
fn fault_003_no_twins_and_nothing_else_that_lint_finds() {
    let entries = Index::builtin().entries().unwrap();
    let findings = lint(&entries, &Entry::is_convertible);
    let bad: Vec<_> = findings.iter().filter(|finding| finding.level > Level::Note).collect();
    assert_eq!(bad.len(), 0, "{bad:#?}");
}

/// What the converter reads and whose network it knows is the default before what it does not.
#[test]
fn a_bare_name_means_what_runs() {
    for entry in Index::builtin().entries().unwrap() {
        let default = entry.version(None).unwrap();
        // Weights whose url is a guess are no default where there are others.
        let sound = |version: &&zoo_registry::EntryVersion| {
            let guessed = version.provenance.as_ref().is_some_and(|p| p.contains("guessed"));
            entry.is_convertible(version) && !guessed && !version.headless
        };
        if entry.versions.iter().any(|version| sound(&version)) {
            assert!(entry.is_convertible(default), "{}", entry.name);
        }
    }
}

#[test]
fn parts_of_archives_have_names_or_are_said_not_to() {
    let index = Index::builtin();
    let file = |name: &str, weights: &str| {
        let entry = index.lookup(&name.parse::<ModelName>().unwrap()).unwrap();
        let version = entry.versions.iter().find(|v| v.weights == weights).unwrap().clone();
        (entry.is_convertible(&version), version.files[0].clone())
    };
    let (_, glove) = file("glove-6b-100d", "stanford");
    assert_eq!(glove.format, FileFormat::GloveText);
    assert_eq!(glove.archive.unwrap().member, "glove.6B.100d.txt");
    let (_, gluon) = file("resnet-18", "gluon");
    assert_eq!((gluon.sha256, gluon.evidence.len()), (None, 0));
    let inside = gluon.archive.unwrap();
    assert_eq!(inside.member, "resnet18_v1-a0666292.params");
    assert!(inside.evidence[0].value().starts_with("a0666292"));
    let (runs, djl) = file("resnet-18", "djl-onnx");
    assert_eq!(djl.format, FileFormat::Onnx);
    assert!(!runs && !djl.archive.unwrap().is_located());
}

#[test]
fn every_row_of_the_seed_is_reachable() {
    let Some(fixtures) = std::env::var_os("ZOO_FIXTURES") else {
        // Without the seed there is nothing to compare with.
        return;
    };
    let seed = Path::new(&fixtures).join("registry/registry_seed.tsv");
    let seed = fs::read_to_string(seed).unwrap();
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/../../xtask/seed/models.toml");
    let table: toml::Value = toml::from_str(&fs::read_to_string(table).unwrap()).unwrap();
    let skipped = table["skip"].as_table().unwrap();
    let entries = Index::builtin().entries().unwrap();
    let urls: BTreeSet<&str> = entries
        .iter()
        .flat_map(|entry| &entry.versions)
        .flat_map(|version| &version.files)
        .flat_map(|file| file.urls.iter().map(String::as_str))
        .collect();
    let mut rows = 0;
    for line in seed.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        rows += 1;
        assert!(
            urls.contains(fields[3]) || skipped.contains_key(fields[0]),
            "{} is nowhere",
            fields[0]
        );
    }
    assert!(rows >= 398, "{rows}");
    assert!(skipped.len() < 10);
}
