//! Files on this machine as sources.

use std::fs;

use zoo_registry::{Error, Expected, FetchRequest, Index, Silent, fetch};

use crate::support::{Cache, assert_is_payload, exact, impatient, payload};

#[test]
fn file_urls_and_plain_paths() {
    let cache = Cache::new();
    let path = cache.dir.path().join("a file.bin");
    fs::write(&path, payload()).unwrap();
    let url = format!("file://{}", path.display()).replace(' ', "%20");
    assert_is_payload(&cache.fetch(&[url]).unwrap());
    let plain = cache.dir.path().join("plain.bin");
    fs::write(&plain, payload()).unwrap();
    let fetched = cache.fetch_with(&[plain.display().to_string()], exact(200_000), &Silent);
    assert_is_payload(&fetched.unwrap());
    // The store has its own copy.
    fs::write(&plain, b"changed").unwrap();
    assert_is_payload(
        &cache.fetch(&[format!("file://{}", path.display()).replace(' ', "%20")]).unwrap(),
    );
}

#[test]
fn missing_wrong_and_odd_files() {
    let cache = Cache::new();
    let dir = cache.dir.path().display().to_string();
    let missing = cache.fetch(&[format!("{dir}/missing")]).unwrap_err();
    assert!(matches!(missing, Error::Transport { .. }), "{missing}");
    let folder = cache.fetch(std::slice::from_ref(&dir)).unwrap_err();
    assert!(matches!(folder, Error::UnsupportedUrl { .. }), "{folder}");
    fs::write(cache.dir.path().join("short"), b"x").unwrap();
    let wrong = cache.fetch(&[format!("{dir}/short")]).unwrap_err();
    assert!(matches!(wrong, Error::DigestMismatch { .. }), "{wrong}");
    let short = cache.fetch_with(&[format!("{dir}/short")], exact(200_000), &Silent).unwrap_err();
    assert!(matches!(short, Error::SizeMismatch { .. }), "{short}");
    cache.assert_empty();
}

#[test]
fn schemes_that_cannot_be_fetched() {
    for url in ["ftp://host/x", "relative/x", "builtin:x", "", "C:\\x"] {
        let error = Cache::new().fetch(&[url.to_owned()]).unwrap_err();
        assert!(matches!(error, Error::UnsupportedUrl { .. }), "{error}");
    }
    let none = Cache::new().fetch(&[]).unwrap_err();
    assert!(matches!(none, Error::UnsupportedUrl { .. }), "{none}");
}

#[test]
fn files_of_python_packages_are_only_recorded() {
    let cache = Cache::new();
    let error =
        cache.fetch(&["pypi:some-model==1.0.2!some_model/weights.pth".to_owned()]).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::InPythonPackage { .. }), "{text}");
    assert!(text.contains("some-model 1.0.2") && text.contains("some_model/weights.pth"), "{text}");
    assert!(text.contains("pip") && text.contains("zoo pull --from"), "{text}");
    cache.assert_empty();
}

/// Digest and exact size of a real entry against the real file, where the fixtures are.
#[test]
fn a_real_file_fits_its_entry() {
    let Some(fixtures) = std::env::var_os("ZOO_FIXTURES") else {
        return;
    };
    let path = std::path::Path::new(&fixtures).join("models/mobilenet_v2-b0353104.pth");
    if !path.is_file() {
        return;
    }
    let index = Index::builtin();
    let entry = index.lookup(&"mobilenet-v2".parse().unwrap()).unwrap();
    let file = &entry.version(None).unwrap().files[0];
    let cache = Cache::new();
    let mut options = impatient();
    options.max_bytes = 1 << 30;
    let request = FetchRequest {
        name: &file.path,
        urls: &[path.display().to_string()],
        expected: Expected::Sha256(file.sha256.unwrap()),
        size: file.size,
    };
    let fetched = fetch(&cache.store, &request, &options, &Silent).unwrap();
    assert_eq!(Some(fetched.size), file.exact_size());
}
