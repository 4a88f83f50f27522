//! A page: lines about models, each by itself, so that a bad one cannot hide the good ones.

use std::iter;

use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;
use crate::entry::Entry;
use crate::error::Error;
use crate::index::Row;
use crate::name::ModelName;

/// A line of a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawLine", into = "RawLine")]
pub(crate) enum Line {
    /// An alias, in the page that its own name chooses.
    Alias {
        /// The alias.
        alias: ModelName,
        /// What it means.
        of: ModelName,
    },
    /// A model.
    Model {
        /// Its name.
        name: ModelName,
        /// The digest of its shard.
        shard: Sha256Digest,
        /// Its row; `None` where every version is yanked: found by name, never by search.
        row: Option<Box<Row>>,
    },
}

/// A line as JSON: `alias` and `of`, or `name`, `shard` and `row`.
#[derive(Serialize, Deserialize)]
struct RawLine {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alias: Option<ModelName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    of: Option<ModelName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<ModelName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shard: Option<Sha256Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    row: Option<Row>,
}

impl TryFrom<RawLine> for Line {
    type Error = &'static str;

    fn try_from(raw: RawLine) -> Result<Self, Self::Error> {
        match raw {
            RawLine { alias: Some(alias), of: Some(of), .. } => Ok(Self::Alias { alias, of }),
            RawLine { name: Some(name), shard: Some(shard), row, .. } => {
                if row.as_ref().is_some_and(|row| row.name != name) {
                    return Err("the row is of another model");
                }
                Ok(Self::Model { name, shard, row: row.map(Box::new) })
            }
            _ => Err("neither an alias nor a model"),
        }
    }
}

impl From<Line> for RawLine {
    fn from(line: Line) -> Self {
        let nothing = Self { alias: None, of: None, name: None, shard: None, row: None };
        match line {
            Line::Alias { alias, of } => Self { alias: Some(alias), of: Some(of), ..nothing },
            Line::Model { name, shard, row } => {
                Self { name: Some(name), shard: Some(shard), row: row.map(|row| *row), ..nothing }
            }
        }
    }
}

impl Line {
    /// The lines of `entry`, whose shard has the digest `shard`: its own, then its aliases'.
    pub(crate) fn all_of(entry: &Entry, shard: Sha256Digest) -> impl Iterator<Item = Self> {
        let alias =
            |alias: &ModelName| Self::Alias { alias: alias.clone(), of: entry.name.clone() };
        iter::once(Self::of(entry, shard)).chain(entry.aliases.iter().map(alias))
    }

    fn of(entry: &Entry, shard: Sha256Digest) -> Self {
        Self::Model { name: entry.name.clone(), shard, row: Row::of(entry).map(Box::new) }
    }

    /// The name under which it stands.
    pub(crate) fn key(&self) -> &ModelName {
        match self {
            Self::Alias { alias, .. } => alias,
            Self::Model { name, .. } => name,
        }
    }
}

/// The lines of a page, read one by one.
pub(crate) struct Page<'a> {
    bytes: &'a [u8],
    origin: &'a str,
}

impl<'a> Page<'a> {
    /// `origin` names the page in errors.
    pub(crate) fn new(bytes: &'a [u8], origin: &'a str) -> Self {
        Self { bytes, origin }
    }

    /// Every line, or what is wrong with it.
    pub(crate) fn lines(&self) -> impl Iterator<Item = Result<Line, Error>> + use<'a> {
        let origin = self.origin;
        let lines = self.bytes.split(|&byte| byte == b'\n').enumerate();
        lines.filter(|(_, line)| !line.is_empty()).map(move |(at, line)| {
            serde_json::from_slice(line)
                .map_err(|source| Error::Json { origin: format!("{origin}:{}", at + 1), source })
        })
    }
}

/// The bytes of a page with these lines, in the order of their names.
pub(crate) fn encode(lines: &mut [Line]) -> Result<Vec<u8>, Error> {
    let is_alias = |line: &Line| matches!(line, Line::Alias { .. });
    lines.sort_by(|a, b| (a.key(), is_alias(a)).cmp(&(b.key(), is_alias(b))));
    let mut bytes = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut bytes, line)
            .map_err(|source| Error::Json { origin: line.key().to_string(), source })?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}
