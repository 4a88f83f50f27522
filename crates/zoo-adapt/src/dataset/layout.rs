//! Which folders are classes, and which are splits above them.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::walk::{Found, Walk};
use zoo_model::Kind;

use super::{Content, Dataset, Example, Split};
use crate::error::{Error, Result};

/// A folder of class folders, with the split it stands for.
struct Part {
    path: PathBuf,
    prefix: String,
    split: Option<Split>,
    classes: Vec<(String, PathBuf)>,
}

pub(super) fn open(root: &Path, kind: Kind) -> Result<Dataset> {
    match fs::metadata(root) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => {
            return Err(Error::NotAFolder { path: root.to_path_buf() });
        }
        Err(source) if source.kind() == io::ErrorKind::NotFound => {
            return Err(Error::PathMissing { path: root.to_path_buf() });
        }
        Err(source) => {
            return Err(Error::Read { path: root.to_path_buf(), source });
        }
    }
    let mut walk = Walk::new(root, kind)?;
    let parts = parts(&mut walk, root)?;
    let has_split = parts.iter().any(|part| part.split.is_some());
    let classes = class_names(&parts, root, kind)?;
    let mut examples = Vec::new();
    for part in &parts {
        add_part(&mut walk, part, &classes, &mut examples)?;
    }
    Ok(Dataset {
        root: root.to_path_buf(),
        kind,
        classes,
        examples,
        has_split,
        skipped: walk.skipped,
    })
}

/// The splits under `root` in their order, or `root` itself as the only part.
fn parts(walk: &mut Walk, root: &Path) -> Result<Vec<Part>> {
    let top = walk.list(root)?;
    let mut splits: Vec<(Split, &(String, PathBuf))> = Vec::new();
    for folder in &top.folders {
        splits.extend(split_of(&folder.0).map(|split| (split, folder)));
    }
    let all_are_splits = splits.len() == top.folders.len();
    let any_to_train = splits.iter().any(|(split, _)| *split == Split::Train);
    if all_are_splits && any_to_train {
        let skipped = walk.skipped;
        let mut parts = Vec::new();
        for (split, (name, path)) in splits {
            let below = walk.list(path)?;
            parts.push(Part {
                path: path.clone(),
                prefix: format!("{name}/"),
                split: Some(split),
                classes: below.folders,
            });
        }
        // Two classes may well be called `train` and `test`: then examples lie in them.
        if parts.iter().any(|part| !part.classes.is_empty()) {
            parts.sort_by(|a, b| (a.split, &a.prefix).cmp(&(b.split, &b.prefix)));
            return Ok(parts);
        }
        walk.skipped = skipped;
    }
    classes_without_split(root, top, walk.kind)
}

fn classes_without_split(root: &Path, top: Found, kind: Kind) -> Result<Vec<Part>> {
    let path = root.to_path_buf();
    match (top.folders.is_empty(), top.files.len()) {
        (true, 0) => Err(Error::NoClasses { path, kind }),
        (true, files) => Err(Error::FilesWithoutClasses { path, files, kind }),
        (false, _) => {
            Ok(vec![Part { path, prefix: String::new(), split: None, classes: top.folders }])
        }
    }
}

pub(super) fn split_of(name: &str) -> Option<Split> {
    match name.to_ascii_lowercase().as_str() {
        "train" | "training" => Some(Split::Train),
        "val" | "valid" | "validation" => Some(Split::Val),
        "test" | "testing" => Some(Split::Test),
        _ => None,
    }
}

/// The classes to train on, sorted.
fn class_names(parts: &[Part], root: &Path, kind: Kind) -> Result<Vec<String>> {
    let to_train = |part: &&Part| matches!(part.split, None | Some(Split::Train));
    let names: BTreeSet<&String> = parts
        .iter()
        .filter(to_train)
        .flat_map(|part| part.classes.iter().map(|(name, _)| name))
        .collect();
    for part in parts {
        for (name, path) in &part.classes {
            if !names.contains(name) {
                let (path, class) = (path.clone(), name.clone());
                return Err(Error::ClassNotInTraining { path, class, kind });
            }
        }
    }
    let mut names = names.into_iter().cloned();
    match (names.next(), names.next()) {
        (Some(first), Some(second)) => Ok([first, second].into_iter().chain(names).collect()),
        (Some(class), None) => Err(Error::OneClass { path: root.to_path_buf(), class }),
        (None, _) => Err(Error::NoClasses {
            path: parts.first().map_or_else(|| root.to_path_buf(), |part| part.path.clone()),
            kind,
        }),
    }
}

fn add_part(
    walk: &mut Walk,
    part: &Part,
    classes: &[String],
    examples: &mut Vec<Example>,
) -> Result<()> {
    for (name, path) in &part.classes {
        let mut files = walk.files_below(path)?;
        // A class may be absent from the validation or test examples, not from training.
        if files.is_empty() && matches!(part.split, None | Some(Split::Train)) {
            let (path, class, kind) = (path.clone(), name.clone(), walk.kind);
            return Err(Error::EmptyClass { path, class, kind });
        }
        files.sort();
        let class = classes.partition_point(|known| known < name);
        examples.extend(files.into_iter().map(|(below, path)| Example {
            content: Content::File(path),
            relative: format!("{}{name}/{below}", part.prefix),
            class,
            split: part.split,
        }));
    }
    Ok(())
}
