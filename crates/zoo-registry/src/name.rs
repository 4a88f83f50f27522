//! Names of models, as types that are safe to put into a path.
//!
//! A name becomes a file name, a URL segment and a cache key, on every operating system.
//! So it is parsed once, here, and everything below this module takes the type. The rules
//! are the intersection of what Linux, macOS (case-folding) and Windows (device names,
//! trailing dots) can store, plus the two that keep names apart for people: no upper case
//! and no doubled separators.

use std::fmt;
use std::str::FromStr;

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Most bytes in one part of a name.
pub const MAX_PART_LEN: usize = 64;

/// Device names of Windows: no file may have them, whatever its extension.
const WINDOWS_DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// Words that commands or messages use in the place of a name.
const RESERVED: [&str; 6] = ["builtin", "default", "latest", "official", "registry", "zoo"];

/// The name of a model: one part for an official model (`resnet-50`), two for a community
/// model (`alice/flowers`).
///
/// Each part is 1 to 64 lowercase ASCII letters, digits, `-` and `.`; it starts and ends
/// with a letter or digit, has no two separators in a row, and is no Windows device name.
///
/// ```
/// use zoo_registry::ModelName;
/// let name: ModelName = "alice/flowers".parse()?;
/// assert_eq!(name.owner(), Some("alice"));
/// assert!("../etc/passwd".parse::<ModelName>().is_err());
/// # Ok::<(), zoo_registry::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelName(String);

impl ModelName {
    /// The whole name, with its `/` if it has two parts.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The owner of a community model; `None` for an official one.
    pub fn owner(&self) -> Option<&str> {
        self.0.split_once('/').map(|(owner, _)| owner)
    }

    /// The last part of the name.
    pub fn model(&self) -> &str {
        self.0.split_once('/').map_or(&*self.0, |(_, model)| model)
    }

    /// The name without separators, so that `resnet-50`, `resnet50` and `resnet.50` meet.
    /// The `/` stays: an owner's model is no twin of an official one.
    pub(crate) fn folded(&self) -> String {
        match self.0.split_once('/') {
            Some((owner, model)) => format!("{}/{}", fold(owner), fold(model)),
            None => fold(&self.0),
        }
    }
}

/// Lowercase letters and digits of `text` only.
pub(crate) fn fold(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

impl FromStr for ModelName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = |why: String| Error::InvalidName {
            name: text.chars().take(2 * MAX_PART_LEN + 1).collect(),
            why,
        };
        let parts: Vec<&str> = text.split('/').collect();
        if parts.len() > 2 {
            return Err(invalid(format!("it has {} parts", parts.len())));
        }
        for part in &parts {
            check_part(part).map_err(invalid)?;
        }
        if RESERVED.contains(&fold(parts[0]).as_str()) {
            return Err(invalid(format!("`{}` is a reserved word", parts[0])));
        }
        Ok(Self(text.to_owned()))
    }
}

/// What is wrong with one part of a name.
fn check_part(part: &str) -> Result<(), String> {
    if part.is_empty() {
        return Err("a part is empty".to_owned());
    }
    if part.len() > MAX_PART_LEN {
        return Err(format!("a part has {} bytes", part.len()));
    }
    if let Some(bad) = part.chars().find(|&c| !is_allowed(c)) {
        return Err(match bad {
            'A'..='Z' => format!("`{bad}` is upper case"),
            '_' => "`_` is not allowed, write `-`".to_owned(),
            _ => format!("{bad:?} is not allowed"),
        });
    }
    if part.starts_with(['.', '-']) || part.ends_with(['.', '-']) {
        return Err("a part starts or ends with `.` or `-`".to_owned());
    }
    if let Some(pair) =
        part.as_bytes().windows(2).find(|pair| pair.iter().all(|b| matches!(b, b'.' | b'-')))
    {
        return Err(format!("`{}` has two separators in a row", String::from_utf8_lossy(pair)));
    }
    let stem = part.split('.').next().unwrap_or(part);
    let numbered = |prefix| {
        stem.strip_prefix(prefix)
            .is_some_and(|n: &str| n.len() == 1 && n.as_bytes()[0].is_ascii_digit())
    };
    if WINDOWS_DEVICES.contains(&stem) || numbered("com") || numbered("lpt") {
        return Err(format!("`{stem}` is a device name on Windows"));
    }
    // `.git` names a repository's own folder; `.zoo` names a file given to a command.
    for ending in [".git", ".zoo"] {
        if part.ends_with(ending) {
            return Err(format!("a part ends with `{ending}`"));
        }
    }
    Ok(())
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.'
}

impl TryFrom<String> for ModelName {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<ModelName> for String {
    fn from(name: ModelName) -> Self {
        name.0
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Which version of a model is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The one with this number.
    Version(Version),
    /// The newest with weights of this name, whatever the case and the separators.
    Weights(String),
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => version.fmt(f),
            Self::Weights(weights) => f.write_str(weights),
        }
    }
}

/// What a person types to mean a model: `NAME`, `NAME@VERSION`, or `NAME@WEIGHTS` as in
/// `resnet-50@imagenet1k-v2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The model.
    pub name: ModelName,
    /// The version asked for; without one the entry's default is meant.
    pub wanted: Option<Wanted>,
}

impl Reference {
    /// Exactly this version.
    pub fn exact(name: ModelName, version: Version) -> Self {
        Self { name, wanted: Some(Wanted::Version(version)) }
    }
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let Some((name, wanted)) = text.split_once('@') else {
            return Ok(Self { name: text.parse()?, wanted: None });
        };
        let name = name.parse()?;
        let wanted = match Version::parse(wanted) {
            Ok(version) => Wanted::Version(version),
            // Names of weights begin with a letter, versions never do.
            Err(_) if is_weights_name(wanted) => Wanted::Weights(wanted.to_owned()),
            Err(source) => {
                return Err(Error::InvalidVersion {
                    version: wanted.chars().take(MAX_PART_LEN).collect(),
                    source,
                });
            }
        };
        Ok(Self { name, wanted: Some(wanted) })
    }
}

/// Whether `text` can name weights: a letter, then letters, digits, `-`, `_` and `.`.
pub(crate) fn is_weights_name(text: &str) -> bool {
    text.len() <= MAX_PART_LEN
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

impl From<ModelName> for Reference {
    fn from(name: ModelName) -> Self {
        Self { name, wanted: None }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.wanted {
            Some(wanted) => write!(f, "{}@{wanted}", self.name),
            None => self.name.fmt(f),
        }
    }
}
