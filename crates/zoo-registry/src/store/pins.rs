//! Pins of the cache: what must stay, and why.
//!
//! ```toml
//! schema = 1
//!
//! [[pin]]
//! name = "resnet-50"
//! version = "1.0.0"
//! sha256 = ["11ad3fa6…"]
//! reason = "the demo on Friday"
//! ```

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::str::FromStr;

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::atomic;
use crate::digest::Sha256Digest;
use crate::error::Error;
use crate::lock::{guarded, read_bounded};
use crate::name::{ModelName, Reference, Wanted};
use crate::schema::SchemaOnly;

use super::{Store, StoreError};

const PINS_SCHEMA: u32 = 1;

/// A reason to keep blobs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CachePin {
    /// The model, if it is pinned by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<ModelName>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// The blobs that stay: every file of that version.
    pub sha256: Vec<Sha256Digest>,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// Which pins are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PinTarget {
    /// Those of a model: of one version, or of all.
    Model(Reference),
    /// Those of a blob.
    Blob(Sha256Digest),
}

impl FromStr for PinTarget {
    type Err = Error;

    /// 64 hexadecimal digits, with or without `sha256:`, or else `NAME` or `NAME@VERSION`.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text.strip_prefix("sha256:") {
            Some(digits) => digits.parse().map(Self::Blob),
            None => text.parse().map(Self::Blob).or_else(|_| text.parse().map(Self::Model)),
        }
    }
}

impl CachePin {
    fn is(&self, target: &PinTarget) -> bool {
        match target {
            PinTarget::Blob(digest) => self.sha256.contains(digest),
            PinTarget::Model(reference) => {
                let version = match &reference.wanted {
                    None => true,
                    Some(Wanted::Version(version)) => self.version.as_ref() == Some(version),
                    // Pins know numbers alone.
                    Some(Wanted::Weights(_)) => false,
                };
                self.name.as_ref() == Some(&reference.name) && version
            }
        }
    }

    fn is_about_the_same(&self, other: &Self) -> bool {
        match self.name {
            Some(_) => (&self.name, &self.version) == (&other.name, &other.version),
            None => other.name.is_none() && self.sha256 == other.sha256,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPins {
    schema: u32,
    #[serde(rename = "pin", default)]
    pins: Vec<CachePin>,
}

impl Store {
    /// The pins, in order of name, version and digests.
    ///
    /// # Errors
    /// [`Error::Io`], [`StoreError::PinsSyntax`], [`Error::FutureSchema`].
    pub fn pins(&self) -> Result<Vec<CachePin>, Error> {
        let path = self.pins_path();
        let Some(text) = read_bounded(&path)? else {
            return Ok(Vec::new());
        };
        let syntax =
            |source| StoreError::PinsSyntax { path: path.clone(), source: Box::new(source) };
        let origin = path.display().to_string();
        toml::from_str::<SchemaOnly>(&text).map_err(syntax)?.check(&origin, PINS_SCHEMA)?;
        let mut pins = toml::from_str::<RawPins>(&text).map_err(syntax)?.pins;
        pins.sort();
        Ok(pins)
    }

    /// Keeps the blobs of `pin` until [`Store::unpin`], whether they are here yet or not. A
    /// pin of the same version of the same model is replaced.
    ///
    /// # Errors
    /// As [`Store::pins`]; [`StoreError::PinsEncode`], [`crate::LockError::Busy`].
    pub fn pin(&self, pin: CachePin) -> Result<(), Error> {
        self.change_pins(|pins| {
            pins.retain(|other| !pin.is_about_the_same(other));
            pins.push(pin);
        })
    }

    /// Removes pins and gives those that were removed.
    ///
    /// # Errors
    /// As [`Store::pin`].
    pub fn unpin(&self, target: &PinTarget) -> Result<Vec<CachePin>, Error> {
        let mut removed = Vec::new();
        self.change_pins(|pins| {
            removed = pins.extract_if(.., |pin| pin.is(target)).collect();
        })?;
        Ok(removed)
    }

    pub(super) fn pinned(&self) -> Result<BTreeSet<Sha256Digest>, Error> {
        Ok(self.pins()?.into_iter().flat_map(|pin| pin.sha256).collect())
    }

    fn change_pins(&self, change: impl FnOnce(&mut Vec<CachePin>)) -> Result<(), Error> {
        let path = self.pins_path();
        guarded(&path, self.locks(), || {
            let before = self.pins()?;
            let mut pins = before.clone();
            change(&mut pins);
            pins.sort();
            if pins == before {
                return Ok(());
            }
            let text =
                toml::to_string(&RawPins { schema: PINS_SCHEMA, pins }).map_err(|source| {
                    StoreError::PinsEncode { path: path.clone(), source: Box::new(source) }
                })?;
            let text = format!("# Written by `zoo cache pin`.\n{text}");
            atomic::write(&path, text.as_bytes())
        })
    }

    fn pins_path(&self) -> PathBuf {
        self.root().join("pins.toml")
    }
}
