//! A small data set: some of the repository's example.

use std::fs;
use std::path::{Path, PathBuf};

use crate::binaries::repository;

/// The classes of the example.
pub const CLASSES: [&str; 4] = ["animal", "face", "food", "transport"];

/// The whole example: a folder of four folders of pictures.
pub fn example() -> PathBuf {
    repository().join("examples/noto-emoji")
}

/// Copies the first `count` pictures of each class of the example to `folder`, by name.
pub fn emoji(folder: &Path, count: usize) {
    for class in CLASSES {
        let to = folder.join(class);
        fs::create_dir_all(&to).unwrap();
        for picture in pictures(class).iter().take(count) {
            fs::copy(picture, to.join(picture.file_name().unwrap())).unwrap();
        }
    }
}

/// The pictures of a class of the example, by name.
pub fn pictures(class: &str) -> Vec<PathBuf> {
    let folder = fs::read_dir(example().join(class)).unwrap();
    let mut pictures: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    pictures.retain(|path| path.extension().is_some_and(|extension| extension == "png"));
    pictures.sort();
    pictures
}
