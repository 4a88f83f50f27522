//! Indexes: inside the binary, from a directory, from a server.

use std::fs;
use std::path::Path;

use zoo_registry::{Error, Index, IndexOptions, Origin, Query};

use crate::server::{Reply, Server};
use crate::support::{Cache, list, unsigned, write_tree};

fn names(index: &Index) -> Vec<String> {
    index.search(&Query::default()).iter().map(|row| row.name.to_string()).collect()
}

fn suggestions(name: &str) -> Vec<String> {
    match Index::builtin().lookup(&name.parse().unwrap()) {
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
    let index = Index::builtin();
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
    assert_eq!(suggestions("mobile-net-v2")[0], "mobilenet-v2");
    assert!(suggestions("resnet-5").len() <= 3);
    assert_eq!(suggestions("bert-large-uncased")[0], "bert-base-uncased");
    assert!(suggestions("quite-unlike-anything").is_empty());
    assert!(suggestions("alice/nothing-like-it").is_empty());
}

#[test]
fn search_by_name_task_and_family() {
    let index = Index::builtin();
    let found = |term: &str| {
        let rows = index.search(&Query::words(term));
        rows.iter().map(|row| row.name.to_string()).collect::<Vec<_>>()
    };
    assert!(found("ResNet 50").contains(&"resnet-50".to_owned()));
    assert!(found("ResNet 50").iter().all(|name| name.contains("50")));
    assert_eq!(found("mobilenetv2"), ["mobilenet-v2", "mobilenet-v2-1.4"]);
    let classifiers = found("image classification");
    assert!(classifiers.len() > 100 && classifiers.len() < names(&index).len());
    assert!(found("word vectors english").contains(&"glove-6b-50d".to_owned()));
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
    assert_eq!(names(&index), names(&Index::builtin()));
    assert_eq!(index.take_rejected().len(), 5);
}

#[test]
fn fault_015_only_bad_entries() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.toml"), "").unwrap();
    let index = Index::from_dir(dir.path()).unwrap();
    assert_eq!((names(&index).len(), index.take_rejected().len()), (0, 1));
}

#[test]
fn an_alias_that_is_taken_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    copy_models(dir.path());
    let path = dir.path().join("resnet-18.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"resnet18\"", "\"resnet-34\", \"resnet101\"")).unwrap();
    let index = Index::from_dir(dir.path()).unwrap();
    assert_eq!(names(&index).len(), names(&Index::builtin()).len());
    assert_eq!(index.take_rejected().len(), 2);
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
    assert_eq!(format!("{:?}", index.take_rejected()), "[]");
    assert!(index.lookup(&"alice/flowers".parse().unwrap()).is_ok());
    // And as static files.
    let tree = tempfile::tempdir().unwrap();
    write_tree(&index, tree.path());
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
    write_tree(&Index::builtin(), a.path());
    write_tree(&Index::builtin(), b.path());
    for file in ["config.json", "index.json"] {
        assert_eq!(fs::read(a.path().join(file)).unwrap(), fs::read(b.path().join(file)).unwrap());
    }
    let again = Index::from_dir(a.path()).unwrap();
    assert_eq!(again.entries().unwrap(), Index::builtin().entries().unwrap());
    assert!(again.take_rejected().is_empty());
}

#[test]
fn fault_020_a_served_tree_with_and_without_slash() {
    let tree = tempfile::tempdir().unwrap();
    write_tree(&Index::builtin(), tree.path());
    let server = serve(tree.path());
    let cache = Cache::new();
    let base = server.url("").trim_end_matches('/').to_owned();
    let open = |url: &str, offline| Index::open(url, &unsigned(&cache, offline));
    let error = open(&base, true).unwrap_err();
    assert!(matches!(error, Error::OfflineIndex { .. }), "{error}");
    let first = open(&base, false).unwrap();
    assert_eq!(names(&first), names(&Index::builtin()));
    assert!(first.take_rejected().is_empty());
    let all = first.entries().unwrap();
    let requests = server.requests().len();
    // The same paths, each once: the index, every page, every shard.
    let mut paths: Vec<String> = server.requests().into_iter().map(|r| r.path).collect();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), requests);
    // Pages and shards that are here are not fetched again.
    let second = open(&format!("{base}/"), false).unwrap();
    assert_eq!(second.entries().unwrap(), all);
    assert_eq!(server.requests().len(), requests + 1);
    // And without a network all of it is here.
    drop(server);
    let third = open(&base, true).unwrap();
    assert_eq!(third.entries().unwrap(), all);
}

/// A pull needs the index, the model's page and its shard, however many models there are.
#[test]
fn one_lookup_reads_one_page_and_one_shard() {
    let tree = tempfile::tempdir().unwrap();
    write_tree(&Index::builtin(), tree.path());
    let server = serve(tree.path());
    let index = Index::open(&server.url(""), &unsigned(&Cache::new(), false)).unwrap();
    let entry = index.lookup(&"inception-v3".parse().unwrap()).unwrap();
    assert_eq!(entry.name.as_str(), "inception-v3");
    let paths: Vec<String> = server.requests().into_iter().map(|r| r.path).collect();
    assert!(paths[0].ends_with("/index.json"), "{paths:?}");
    assert!(paths[1].contains("/pages/") && paths[2].contains("/models/inception-v3/"));
    assert_eq!(paths.len(), 3, "{paths:?}");
}

#[test]
fn a_remote_registry_must_be_trusted_or_named_as_unsigned() {
    let tree = tempfile::tempdir().unwrap();
    write_tree(&Index::builtin(), tree.path());
    let server = serve(tree.path());
    let options = IndexOptions { allow_unsigned: false, ..unsigned(&Cache::new(), false) };
    let error = Index::open(&server.url(""), &options).unwrap_err();
    assert!(matches!(error, Error::Untrusted { .. }), "{error}");
    // What is on this machine already is taken at its word.
    Index::open(tree.path().to_str().unwrap(), &options).unwrap();
}

/// The page of `index`, as text, and a function that puts another in its place.
fn only_page(tree: &Path) -> (String, impl Fn(&str) + use<>) {
    let [page] = &list(&tree.join("pages"))[..] else { panic!("not one page") };
    let text = fs::read_to_string(page).unwrap();
    let (tree, page) = (tree.to_owned(), page.clone());
    let old = page.file_stem().unwrap().to_str().unwrap().to_owned();
    let replace = move |text: &str| {
        let digest = zoo_registry::Sha256Digest::of(text.as_bytes()).to_hex();
        fs::write(page.with_file_name(format!("{digest}.jsonl")), text).unwrap();
        let index = fs::read_to_string(tree.join("index.json")).unwrap();
        fs::write(tree.join("index.json"), index.replace(&old, &digest)).unwrap();
    };
    (text, replace)
}

/// A tree of three models, in one page.
fn small_tree() -> tempfile::TempDir {
    let models = tempfile::tempdir().unwrap();
    copy_models(models.path());
    for path in list(models.path()) {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if !["resnet-18", "resnet-34", "resnet-50"].contains(&&*name) {
            fs::remove_file(path).unwrap();
        }
    }
    let tree = tempfile::tempdir().unwrap();
    write_tree(&Index::from_dir(models.path()).unwrap(), tree.path());
    tree
}

/// One bad line each: no JSON, a bad digest, a missing shard, a bad name, the shard of
/// another model.
#[test]
fn fault_014_and_024_bad_lines_of_a_served_index() {
    let tree = small_tree();
    let (text, replace) = only_page(tree.path());
    let line = |name: &str| {
        let start = format!("{{\"name\":\"{name}\"");
        text.lines().find(|line| line.starts_with(&start)).unwrap().to_owned()
    };
    let shard = |line: &str| {
        let at = line.find("\"shard\":\"").unwrap() + 9;
        line[at..at + 64].to_owned()
    };
    let (good, second) = (line("resnet-18"), line("resnet-34"));
    let third = line("resnet-50");
    let bad = [
        "{\"name\":".to_owned(),
        good.replace("resnet-18", "../evil"),
        good.replacen("\"name\":\"resnet-18\"", "\"name\":\"other\"", 1),
        second.replace(&shard(&second), "00"),
        third.replace(&shard(&third), &"0".repeat(64)),
    ];
    replace(&format!("{good}\n{}\n", bad.join("\n")));
    let index = Index::from_dir(tree.path()).unwrap();
    assert_eq!(names(&index), ["resnet-18", "resnet-50"]);
    let rejected = index.take_rejected();
    assert_eq!(rejected.len(), 4, "{rejected:?}");
    let resnet = index.get(&"resnet-18".parse().unwrap()).unwrap().unwrap();
    assert_eq!(resnet.parameters_of(resnet.version(None).unwrap()), Some(11_689_512));
    assert_eq!(index.get(&"resnet-34".parse().unwrap()).unwrap(), None);
    let gone = index.get(&"resnet-50".parse().unwrap()).unwrap_err();
    assert!(gone.to_string().contains(&"0".repeat(64)), "{gone}");
}

/// A shard cut short, at any byte, is refused, and only its model is lost.
#[test]
fn fault_024_truncated_shard() {
    let tree = small_tree();
    let [shard] = &list(&tree.path().join("models/resnet-34"))[..] else { panic!() };
    let bytes = fs::read(shard).unwrap();
    for length in (0..bytes.len()).step_by(97) {
        fs::write(shard, &bytes[..length]).unwrap();
        let index = Index::from_dir(tree.path()).unwrap();
        let error = index.get(&"resnet-34".parse().unwrap()).unwrap_err();
        assert!(matches!(error, Error::DigestMismatch { .. }), "{error}");
        assert!(index.get(&"resnet-18".parse().unwrap()).unwrap().is_some());
    }
}

/// A model that is in the index no more, but whose file is in the cache still.
#[test]
fn fault_018_an_entry_deleted_after_caching() {
    let tree = small_tree();
    let server = serve(tree.path());
    let cache = Cache::new();
    let name = "resnet-34".parse().unwrap();
    let open = || Index::open(&server.url(""), &unsigned(&cache, false)).unwrap();
    assert!(open().get(&name).unwrap().is_some());
    let (text, replace) = only_page(tree.path());
    let start = "{\"name\":\"resnet-34\"";
    let left: Vec<&str> = text.lines().filter(|line| !line.starts_with(start)).collect();
    replace(&(left.join("\n") + "\n"));
    let error = open().lookup(&name).unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
}

#[test]
fn fault_015_only_bad_lines() {
    let tree = small_tree();
    let (_, replace) = only_page(tree.path());
    replace("no\nline\nis good\n");
    let index = Index::from_dir(tree.path()).unwrap();
    assert!(names(&index).is_empty());
    assert_eq!(index.take_rejected().len(), 3);
}

#[test]
fn fault_016_and_023_schema_from_the_future_and_broken_indexes() {
    let open = |body: String| {
        let server = Server::start(move |_, _| Reply::ok(body.as_bytes()));
        Index::open(&server.url("r"), &unsigned(&Cache::new(), false)).unwrap_err()
    };
    let sealed = |payload: &str| format!("{{\"signatures\":[],\"signed\":\n{payload}\n}}\n");
    let future = open(sealed(r#"{"type":"index","schema":2,"models":"elsewhere"}"#));
    assert!(matches!(future, Error::FutureSchema { found: 2, .. }), "{future}");
    for body in ["", "{", "<html>", "[]", r#"{"schema":1}"#] {
        assert!(matches!(open(body.to_owned()), Error::Trust { .. }), "{body}");
    }
    for payload in ["{}", "[]", r#"{"type":"index","schema":1}"#] {
        assert!(matches!(open(sealed(payload)), Error::Json { .. }), "{payload}");
    }
    for pages in ["[]", r#"["","",""]"#] {
        let payload =
            format!(r#"{{"type":"index","schema":1,"counter":1,"models":0,"pages":{pages}}}"#);
        assert!(matches!(open(sealed(&payload)), Error::IndexInvalid { .. }), "{pages}");
    }
    let secret = Index::open("https://me:pw@host/r", &unsigned(&Cache::new(), false));
    let text = secret.unwrap_err().to_string();
    assert!(!text.contains("pw@") && text.contains("password"), "{text}");
}

/// A repository is a registry; what it holds is read as files, with no links.
#[test]
fn a_registry_in_git() {
    let tree = small_tree();
    let git = |arguments: &[&str]| {
        let output = std::process::Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .current_dir(tree.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    git(&["init", "--quiet"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "-m", "models"]);
    let cache = Cache::new();
    let location = format!("git+file://{}", tree.path().display());
    let error = Index::open(&location, &unsigned(&cache, true)).unwrap_err();
    assert!(matches!(error, Error::OfflineIndex { .. }), "{error}");
    let names_of = |offline| names(&Index::open(&location, &unsigned(&cache, offline)).unwrap());
    assert_eq!(names_of(false), ["resnet-18", "resnet-34", "resnet-50"]);
    // A commit later, and then without the repository.
    let (text, replace) = only_page(tree.path());
    replace(&(text.lines().next().unwrap().to_owned() + "\n"));
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "-m", "fewer"]);
    assert_eq!(names_of(false).len(), 1);
    drop(tree);
    assert_eq!(names_of(true).len(), 1);
    let error = Index::open(&location, &unsigned(&cache, false)).unwrap_err();
    assert!(matches!(error, Error::Git { .. }), "{error}");
    let odd = Index::open("git+--upload-pack=x", &unsigned(&cache, false)).unwrap_err();
    assert!(matches!(odd, Error::UnsupportedUrl { .. }), "{odd}");
}
