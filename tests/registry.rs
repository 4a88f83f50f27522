//! A registry of one's own: a folder with entries, whose files are wherever a test says.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::binaries::repository;

/// The sha256 of `bytes`, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Writes an entry for `name` into the registry in `folder`: a file of `size` bytes at `url`,
/// whose digest is `sha256`.
pub fn add_entry(folder: &Path, name: &str, url: &str, sha256: &str, size: usize) {
    let entry = format!(
        r#"schema = 1
name = "{name}"
summary = "A model for tests"
task = "image-classification"
family = "resnet"
architecture = "resnet-18"
parameters = 11689512
input = "3x224x224"
licence = "MIT"
citation = "none"
upstream = "https://example.org"
labels = "imagenet-1k"
default = "1.0.0"

[preprocessing]
resize = {{ shorter = 256 }}
filter = "bilinear"
antialias = true
crop = [224, 224]
color = "rgb"
scale = 0.00392156862745098
mean = [0.485, 0.456, 0.406]
std = [0.229, 0.224, 0.225]

[[version]]
version = "1.0.0"
weights = "tests"

[[version.files]]
path = "{name}.pth"
size = {{ bytes = {size}, exact = true }}
sha256 = "{sha256}"
format = "pytorch"
urls = ["{url}"]
evidence = []
"#
    );
    write(folder, name, &entry);
}

/// Copies the repository's own entry for `name` into the registry in `folder`, all as it is
/// but for the url, which becomes `url`.
pub fn copy_entry(folder: &Path, name: &str, real_url: &str, url: &str) {
    let entry = repository().join(format!("registry/models/{name}.toml"));
    let entry = fs::read_to_string(entry).unwrap();
    assert!(entry.contains(real_url), "the entry {name} has no url {real_url}");
    write(folder, name, &entry.replace(real_url, url));
}

fn write(folder: &Path, name: &str, entry: &str) {
    let models = folder.join("models");
    fs::create_dir_all(&models).unwrap();
    fs::write(models.join(format!("{name}.toml")), entry).unwrap();
}
