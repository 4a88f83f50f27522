//! Indexes: inside the binary, from a directory, from a server.

use std::fs;
use std::path::Path;

use zoo_registry::{Error, Index, Origin, write_static_tree};

use crate::server::{Reply, Server};
use crate::support::{Cache, impatient, list};

fn names(index: &Index) -> Vec<String> {
    index.entries().map(|entry| entry.name.to_string()).collect()
}

fn suggestions(name: &str) -> Vec<String> {
    match Index::embedded().lookup(&name.parse().unwrap()) {
        Err(Error::NotFound { suggestions, .. }) => suggestions,
        other => panic!("{other:?}"),
    }
}

/// A server of the files below `dir`.
fn serve(dir: &Path) -> Server {
    let dir = dir.to_owned();
    Server::start(move |_, request| match fs::read(dir.join(&request.path[1..])) {
        Ok(bytes) => Reply::ok(&bytes),
        Err(_) => Reply::status(404),
    })
}

fn copy_models(to: &Path) {
    fs::create_dir_all(to).unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../registry/models");
    for path in list(&from) {
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

#[test]
fn lookup_by_name_and_alias() {
    let index = Index::embedded();
    assert_eq!(*index.origin(), Origin::Builtin);
    for name in ["resnet-50", "resnet50"] {
        let entry = index.lookup(&name.parse().unwrap()).unwrap();
        assert_eq!(entry.name.as_str(), "resnet-50");
    }
}

#[test]
fn fault_017_not_found_has_suggestions() {
    assert_eq!(suggestions("resnet.50")[0], "resnet-50");
    assert_eq!(suggestions("inceptoin-v3")[0], "inception-v3");
    assert_eq!(suggestions("mobile-net-v2"), ["mobilenet-v2"]);
    assert!(suggestions("resnet-5").len() <= 3);
    assert!(suggestions("bert-large-uncased").is_empty());
    assert!(suggestions("alice/nothing-like-it").is_empty());
}

#[test]
fn search_by_name_task_and_family() {
    let index = Index::embedded();
    let found = |term: &str| {
        let entries = index.search(term);
        entries.iter().map(|e| e.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(found("ResNet 50"), ["resnet-50"]);
    assert_eq!(found("mobilenetv2"), ["mobilenet-v2"]);
    assert_eq!(found("resnet").len(), 5);
    assert_eq!(found("image classification").len(), names(&index).len());
    assert_eq!(found("").len(), names(&index).len());
    assert!(found("walrus").is_empty());
}

#[test]
fn fault_014_a_bad_entry_among_good() {
    let dir = tempfile::tempdir().unwrap();
    copy_models(&dir.path().join("models"));
    let models = dir.path().join("models");
    let good = fs::read_to_string(models.join("resnet-18.toml")).unwrap();
    fs::write(models.join("broken.toml"), "name = [").unwrap();
    fs::write(models.join("bytes.toml"), b"\xff\xfe").unwrap();
    fs::write(models.join("misplaced.toml"), &good).unwrap();
    fs::write(models.join("huge.toml"), "#".repeat(2 << 20)).unwrap();
    let twin = good.replace("\"resnet-18\"", "\"resnet.18\"");
    fs::write(models.join("resnet.18.toml"), twin).unwrap();
    fs::write(models.join("notes.txt"), "not an entry").unwrap();
    let index = Index::from_dir(dir.path()).unwrap();
    assert_eq!(names(&index), names(&Index::embedded()));
    assert_eq!(index.rejected().len(), 5, "{:?}", index.rejected());
}

#[test]
fn fault_015_only_bad_entries() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.toml"), "").unwrap();
    let index = Index::from_dir(dir.path()).unwrap();
    assert_eq!((index.entries().count(), index.rejected().len()), (0, 1));
}

#[test]
fn an_alias_that_is_taken_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    copy_models(dir.path());
    let path = dir.path().join("resnet-18.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"resnet18\"", "\"resnet-34\", \"resnet101\"")).unwrap();
    let index = Index::from_dir(dir.path()).unwrap();
    assert_eq!(names(&index).len(), names(&Index::embedded()).len());
    assert_eq!(index.rejected().len(), 2);
    let entry = index.lookup(&"resnet-34".parse().unwrap()).unwrap();
    assert_eq!(entry.name.as_str(), "resnet-34");
}

#[test]
fn community_models_have_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    copy_models(&dir.path().join("models"));
    let text = fs::read_to_string(dir.path().join("models/resnet-18.toml")).unwrap();
    let text = text
        .replace("name = \"resnet-18\"", "name = \"alice/flowers\"")
        .replace("aliases = [\"resnet18\"]", "");
    fs::create_dir(dir.path().join("models/alice")).unwrap();
    fs::write(dir.path().join("models/alice/flowers.toml"), text).unwrap();
    let index = Index::from_dir(dir.path()).unwrap();
    assert!(index.rejected().is_empty(), "{:?}", index.rejected());
    assert!(index.lookup(&"alice/flowers".parse().unwrap()).is_ok());
    // And as static files.
    let tree = tempfile::tempdir().unwrap();
    write_static_tree(&index, tree.path()).unwrap();
    let again = Index::from_dir(tree.path()).unwrap();
    assert_eq!(names(&again), names(&index));
}

#[test]
fn nothing_there() {
    let dir = tempfile::tempdir().unwrap();
    let error = Index::from_dir(dir.path()).unwrap_err();
    assert!(matches!(error, Error::IndexInvalid { .. }), "{error}");
    let error = Index::from_dir(&dir.path().join("missing")).unwrap_err();
    assert!(error.to_string().contains("missing"), "{error}");
}

#[test]
fn the_static_tree_is_deterministic() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_static_tree(&Index::embedded(), a.path()).unwrap();
    write_static_tree(&Index::embedded(), b.path()).unwrap();
    for file in ["config.json", "index.json"] {
        assert_eq!(fs::read(a.path().join(file)).unwrap(), fs::read(b.path().join(file)).unwrap());
    }
    let again = Index::from_dir(a.path()).unwrap();
    assert!(again.rejected().is_empty());
    assert!(again.entries().eq(Index::embedded().entries()));
}

#[test]
fn fault_020_a_served_tree_with_and_without_slash() {
    let tree = tempfile::tempdir().unwrap();
    write_static_tree(&Index::embedded(), tree.path()).unwrap();
    let server = serve(tree.path());
    let cache = Cache::new();
    let base = server.url("").trim_end_matches('/').to_owned();
    let open = |url: &str, offline| Index::open(url, &cache.store, &impatient(), offline);
    let error = open(&base, true).unwrap_err();
    assert!(matches!(error, Error::OfflineIndex { .. }), "{error}");
    let first = open(&base, false).unwrap();
    assert!(first.rejected().is_empty(), "{:?}", first.rejected());
    assert_eq!(names(&first), names(&Index::embedded()));
    let requests = server.requests().len();
    assert_eq!(requests, 1 + first.entries().count());
    // Shards that are here are not fetched again.
    let second = open(&format!("{base}/"), false).unwrap();
    assert_eq!(server.requests().len(), requests + 1);
    assert_eq!(names(&second), names(&first));
    // And without a network all of it is here.
    drop(server);
    let third = open(&base, true).unwrap();
    assert!(third.entries().eq(first.entries()));
}

/// One bad line each: digest, path, name, missing shard, shard of another model.
#[test]
fn fault_024_bad_lines_of_a_served_index() {
    let tree = tempfile::tempdir().unwrap();
    write_static_tree(&Index::embedded(), tree.path()).unwrap();
    let path = tree.path().join("index.json");
    let mut json: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let models = json["models"].as_object_mut().unwrap();
    let good = models.len();
    let one = models["resnet-18"].clone();
    models["resnet-34"]["sha256"] = "00".into();
    models["resnet-50"]["sha256"] = "0".repeat(64).into();
    models["resnet-101"]["path"] = "../../etc/passwd".into();
    models["resnet-152"]["path"] = "models/gone.json".into();
    models.insert("../evil".to_owned(), one.clone());
    models.insert("other".to_owned(), one);
    fs::write(&path, json.to_string()).unwrap();
    let server = serve(tree.path());
    let index = Index::from_url(&server.url(""), &Cache::new().store, &impatient(), false).unwrap();
    assert_eq!(names(&index).len(), good - 4);
    assert_eq!(index.rejected().len(), 6, "{:?}", index.rejected());
    let from_dir = Index::from_dir(tree.path()).unwrap();
    assert_eq!(names(&from_dir), names(&index));
}

#[test]
fn fault_016_and_023_schema_from_the_future_and_broken_indexes() {
    let open = |body: &'static str| {
        let server = Server::start(move |_, _| Reply::ok(body.as_bytes()));
        Index::from_url(&server.url("r"), &Cache::new().store, &impatient(), false).unwrap_err()
    };
    let future = open(r#"{"schema":2,"models":"elsewhere"}"#);
    assert!(matches!(future, Error::FutureSchema { found: 2, .. }), "{future}");
    for body in ["", "{", "<html>", "[]", r#"{"schema":1}"#] {
        assert!(matches!(open(body), Error::Json { .. }), "{body}");
    }
    let secret = Index::open("https://me:pw@host/r", &Cache::new().store, &impatient(), false);
    let text = secret.unwrap_err().to_string();
    assert!(!text.contains("pw@") && text.contains("password"), "{text}");
}
