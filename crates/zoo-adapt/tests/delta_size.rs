//! What adapting the starter model to a few pictures adds to it.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use zoo_adapt::adapt::{AdaptOptions, adapt};
use zoo_adapt::dataset::Dataset;
use zoo_adapt::progress::Silent;
use zoo_model::Kind;
use zoo_model::bundle::Origin;
use zoo_model::{Bundle, Delta, Device};

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Four pictures of each class of the example.
fn pictures(data: &Path) {
    for class in ["animal", "face", "food"] {
        let from = Path::new(REPOSITORY).join("examples/noto-emoji").join(class);
        fs::create_dir_all(data.join(class)).unwrap();
        let mut names: Vec<_> =
            fs::read_dir(&from).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        for name in names.iter().take(4) {
            fs::copy(from.join(name), data.join(class).join(name)).unwrap();
        }
    }
}

/// The trunk keeps the bytes, and the half precision, that it was stored with: a probe adds a
/// head and what is said of it.
#[test]
#[allow(clippy::print_stderr, reason = "a measurement")]
fn the_delta_of_a_probe_is_its_head() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    pictures(&path("data"));
    let parent = Path::new(REPOSITORY).join("registry/starter/efficientnet-lite0.zoo");
    let parent = Bundle::open(parent).unwrap();
    let folder = Dataset::open(path("data"), Kind::Picture).unwrap();
    let mut options = AdaptOptions::new("emoji");
    options.head.c = Some(0.1);
    let outcome = adapt(&parent, &folder, &options, &Silent).unwrap();
    outcome.bundle.write(path("emoji.zoo")).unwrap();
    let header = outcome.bundle.write_delta(path("emoji.zoodelta"), &parent).unwrap();

    let own: Vec<&str> = header
        .tensors
        .iter()
        .filter(|tensor| tensor.from == Origin::Delta)
        .map(|tensor| tensor.name.as_str())
        .collect();
    assert_eq!(own, ["_fc.bias", "_fc.weight"]);
    let size = |name: &str| fs::metadata(path(name)).unwrap().len();
    let (whole, delta) = (size("emoji.zoo"), size("emoji.zoodelta"));
    let ratio = delta as f64 / whole as f64;
    eprintln!("the bundle has {whole} bytes, its delta {delta}: a share of {ratio:.4}");
    assert!(ratio < 0.05, "{delta} of {whole} bytes");

    Delta::open(path("emoji.zoodelta")).unwrap().compose(&parent, path("composed.zoo")).unwrap();
    assert!(fs::read(path("composed.zoo")).unwrap() == fs::read(path("emoji.zoo")).unwrap());
    let composed = Bundle::open(path("composed.zoo")).unwrap();
    assert!(composed.check_parity(Device::Cpu).unwrap().agrees());
}
