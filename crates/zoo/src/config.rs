//! `zoo.toml`: what a bare `zoo adapt` does in this folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::cli::StrategyName;

/// The file's name.
pub(crate) const FILE: &str = "zoo.toml";

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    #[serde(default)]
    pub(crate) adapt: Adapt,
    /// The registries that are asked before the one inside this program, in order.
    #[serde(default)]
    pub(crate) registry: Vec<RegistryConfig>,
    /// Where the file lies.
    #[serde(skip)]
    pub(crate) folder: Option<PathBuf>,
}

/// A registry: `[[registry]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegistryConfig {
    /// What messages call it.
    pub(crate) name: String,
    /// A folder, an address, or `git+` and a repository's address.
    pub(crate) location: String,
    /// The owners whose models come from here and nowhere else.
    #[serde(default)]
    pub(crate) namespaces: Vec<String>,
    /// Take it though nobody signs it.
    #[serde(default)]
    pub(crate) unsigned: bool,
}

/// The arguments of `zoo adapt`, under the same names.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Adapt {
    pub(crate) model: Option<String>,
    pub(crate) data: Option<PathBuf>,
    pub(crate) out: Option<PathBuf>,
    pub(crate) strategy: Option<StrategyName>,
    pub(crate) seed: Option<u64>,
    pub(crate) held_out: Option<f64>,
    pub(crate) group_by: Option<String>,
    pub(crate) folds: Option<usize>,
}

impl Config {
    /// The `zoo.toml` of this folder or of the nearest one above; an empty one, if there is
    /// none. Its paths are relative to where it lies.
    pub(crate) fn find() -> Result<Self> {
        let here = std::env::current_dir().context("cannot tell the current folder")?;
        let Some(dir) = here.ancestors().find(|dir| dir.join(FILE).is_file()) else {
            return Ok(Self::default());
        };
        let file = dir.join(FILE);
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let mut config: Self =
            toml::from_str(&text).with_context(|| format!("cannot read {}", file.display()))?;
        config.adapt.data = config.adapt.data.map(|path| relative(&here, dir, &path));
        for registry in &mut config.registry {
            let is_path =
                !registry.location.contains("://") && !registry.location.starts_with("git+");
            if is_path {
                let path = relative(&here, dir, Path::new(&registry.location));
                registry.location = path.display().to_string();
            }
        }
        config.folder = Some(dir.to_owned());
        config.adapt.out = config.adapt.out.map(|path| relative(&here, dir, &path));
        Ok(config)
    }
}

/// A path of the file, as seen from here: kept short where the file lies here.
fn relative(here: &Path, dir: &Path, path: &Path) -> PathBuf {
    if here == dir { path.to_owned() } else { dir.join(path) }
}
