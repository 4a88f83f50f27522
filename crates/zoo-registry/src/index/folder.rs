//! A registry as people edit it: a folder with one TOML file a model.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::bounded;
use crate::entry::{Entry, MAX_ENTRY_BYTES};
use crate::error::Error;
use crate::name::ModelName;
use crate::store::children;

/// Every entry of a folder, in memory.
#[derive(Debug, Default)]
pub(super) struct Folder {
    entries: BTreeMap<ModelName, Entry>,
    aliases: BTreeMap<ModelName, ModelName>,
    /// Names without separators, each with the name that has them.
    folded: BTreeMap<String, ModelName>,
}

impl Folder {
    /// Reads `dir`: `models/*.toml` (`models/OWNER/*.toml` for community models), or the same
    /// without `models/`. `None` where there is no such file. One bad entry never hides the
    /// good ones: it comes back among the rejections.
    pub(super) fn read(dir: &Path) -> Result<Option<(Self, Vec<Error>)>, Error> {
        let models = dir.join("models");
        let top = if models.is_dir() { &models } else { dir };
        let files = toml_files(top)?;
        if files.is_empty() {
            return Ok(None);
        }
        let (mut folder, mut rejected) = (Self::default(), Vec::new());
        for path in files {
            // `alice/flowers.toml`, with `/` on every system.
            let stem = path.strip_prefix(top).unwrap_or(&path).with_extension("");
            let stem = stem.to_string_lossy().replace('\\', "/");
            let origin = path.display().to_string();
            let read = bounded::read_text(&path, MAX_ENTRY_BYTES)
                .and_then(|text| Entry::from_toml(&text, &origin))
                .and_then(|entry| folder.add(entry, &origin, &stem));
            rejected.extend(read.err());
        }
        rejected.extend(folder.add_aliases());
        Ok(Some((folder, rejected)))
    }

    /// Takes in `entry`, which stands under the name `stem`.
    fn add(&mut self, entry: Entry, origin: &str, stem: &str) -> Result<(), Error> {
        entry.validate(origin)?;
        let conflict = |why: String| Error::NameConflict {
            origin: origin.to_owned(),
            name: entry.name.clone(),
            why,
        };
        if entry.name.as_str() != stem {
            return Err(conflict(format!("it stands under `{stem}`")));
        }
        // `resnet-50` and `resnet.50` would be two models that nobody can tell apart.
        let folded = entry.name.folded();
        if let Some(twin) = self.folded.get(&folded) {
            return Err(conflict(format!("`{twin}` has it")));
        }
        self.folded.insert(folded, entry.name.clone());
        self.entries.insert(entry.name.clone(), entry);
        Ok(())
    }

    /// After all names are known: a name wins over an alias, the first alias over others.
    fn add_aliases(&mut self) -> Vec<Error> {
        let mut rejected = Vec::new();
        for entry in self.entries.values() {
            for alias in &entry.aliases {
                let owner = self
                    .entries
                    .get_key_value(alias)
                    .map(|(name, _)| name)
                    .or_else(|| self.aliases.get(alias));
                if let Some(owner) = owner {
                    rejected.push(Error::NameConflict {
                        origin: entry.name.to_string(),
                        name: alias.clone(),
                        why: format!("`{owner}` has it"),
                    });
                } else {
                    self.aliases.insert(alias.clone(), entry.name.clone());
                }
            }
        }
        rejected
    }

    /// The entry with this name or alias.
    pub(super) fn get(&self, name: &ModelName) -> Option<&Entry> {
        self.entries.get(self.aliases.get(name).unwrap_or(name))
    }

    /// Every entry, in the order of names.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Every alias, with the name that it means.
    pub(super) fn aliases(&self) -> impl Iterator<Item = (&ModelName, &ModelName)> {
        self.aliases.iter()
    }
}

fn toml_files(top: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for path in children(top)? {
        if path.is_dir() {
            files.extend(children(&path)?);
        } else {
            files.push(path);
        }
    }
    files.retain(|path| path.extension().is_some_and(|e| e == "toml") && path.is_file());
    files.sort();
    Ok(files)
}
