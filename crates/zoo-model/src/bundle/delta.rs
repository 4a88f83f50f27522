//! A bundle without what its parent has as well.
//!
//! A model that was adapted from another shares most of its tensors with it, so a delta holds
//! only those that differ, and the first bytes of the new weights' file, by which all of them
//! find their places again. The bundle that comes of it is the published one byte for byte;
//! whatever else would come of it, because of another parent or damage or a lie, is refused
//! before anything is written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use safetensors::tensor::Metadata;
use serde::{Deserialize, Serialize};

use super::files::{
    CARD, Encoded, GRAPH, Hashing, LABELS, MAX_TOKENIZER, MAX_VOCABULARY, Members, SUMS, TOKENIZER,
    Table, VOCABULARY, WEIGHTS,
};
use super::{Bundle, Parent, archive, files, write};
use crate::{Digest, Error, Tensor, Weights};

const HEADER: &str = "delta.toml";
/// The length and the JSON with which the composed bundle's weights begin.
const LAYOUT: &str = "weights.header";
const COMPOSED: &str = "composed.sums";

/// As in a bundle, each member has the largest size that is read into memory. The header and
/// the layout name every tensor: there is room for 100,000 of them.
const DELTA: Table = &[
    (HEADER, 16 << 20),
    (CARD, 1 << 20),
    (GRAPH, 64 << 20),
    (LABELS, 16 << 20),
    (VOCABULARY, MAX_VOCABULARY),
    (TOKENIZER, MAX_TOKENIZER),
    (LAYOUT, 64 << 20),
    (WEIGHTS, u64::MAX),
    (COMPOSED, 64 << 10),
    (SUMS, 64 << 10),
];

/// What a delta is, and of what. Stored as `delta.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeltaHeader {
    /// The version of this format: 1.
    pub format: u32,
    /// The bundle that it is composed with.
    pub parent: Parent,
    /// The bundle that it becomes.
    pub result: Composed,
    /// Every tensor of the result, in the order of its weights' file.
    #[serde(default)]
    pub tensors: Vec<TensorOrigin>,
}

impl DeltaHeader {
    /// The format written today.
    pub const FORMAT: u32 = 1;
}

/// What must come of a delta.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Composed {
    /// The bundle's digest: that of its `SHA256SUMS`.
    pub digest: Digest,
    /// The digest of its `.zoo` file.
    pub sha256: Digest,
    /// The size of its `.zoo` file, in bytes.
    pub size: u64,
}

/// Where a tensor comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorOrigin {
    /// Its name, the same in the parent.
    pub name: String,
    /// From which file.
    pub from: Origin,
}

/// One of the two files that a bundle is composed of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The parent bundle.
    Parent,
    /// The delta itself.
    Delta,
}

/// What can go wrong with a delta.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeltaError {
    /// A file that is not what it must be.
    #[error("{} is not a sound delta: {reason}", path.display())]
    Unsound {
        /// The delta.
        path: PathBuf,
        /// What is wrong, and in which member.
        reason: String,
    },
    /// A bundle that this is no delta of.
    #[error(
        "{} is a delta of {}@{} with digest {}, not of {}@{} with digest {}",
        path.display(),
        wanted.name,
        wanted.version,
        wanted.digest,
        given.name,
        given.version,
        given.digest
    )]
    WrongParent {
        /// The delta.
        path: PathBuf,
        /// The parent that it names.
        wanted: Box<Parent>,
        /// The parent that was given.
        given: Box<Parent>,
    },
    /// A tensor that the parent does not have, or with another type or shape.
    #[error("{} takes the tensor `{tensor}` from its parent, which lacks it", path.display())]
    MissingTensor {
        /// The delta.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
    },
    /// Something else would come of it than was published.
    #[error("{} does not give the {what} that it states, but one with sha256 {found}", path.display())]
    OtherResult {
        /// The delta.
        path: PathBuf,
        /// The first thing that differs: a member of the bundle, or the `.zoo` file.
        what: String,
        /// Its digest.
        found: Digest,
    },
    /// A bundle that would have another digest if this version of zoo wrote it.
    #[error(
        "{name}@{version} has digest {stated}, but written anew it has {found}: publish that one"
    )]
    NotCanonical {
        /// The bundle's name.
        name: String,
        /// Its version.
        version: String,
        /// The digest with which it was opened.
        stated: Digest,
        /// The digest that it gets.
        found: Digest,
    },
}

/// Members of a bundle in their order, each in pieces that lie in the parent or in the delta.
type MembersInPieces<'a> = Vec<(&'static str, Vec<&'a [u8]>)>;

/// A delta on disk, checked as far as it can be without its parent.
#[derive(Debug)]
pub struct Delta {
    path: PathBuf,
    header: DeltaHeader,
    members: Members,
    layout: Metadata,
    changed: Weights,
}

impl Delta {
    /// Opens a `.zoodelta` file and checks all of its digests.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::read(path, &files::map(path)?)
    }

    /// Opens one that is already in memory. `name` stands for its path in errors.
    pub fn from_bytes(name: &str, bytes: impl Into<Bytes>) -> Result<Self, Error> {
        Self::read(Path::new(name), &bytes.into())
    }

    fn read(path: &Path, bytes: &Bytes) -> Result<Self, Error> {
        decode(path, bytes).map_err(|reason| unsound(path, reason))
    }

    /// Of which bundle it is, and what comes of it.
    ///
    /// This is what the delta says of itself: whoever knows a digest from elsewhere compares
    /// it with that of the result.
    pub fn header(&self) -> &DeltaHeader {
        &self.header
    }

    /// Writes the `.zoo` file that comes of this delta and `parent` to `path`, replacing what
    /// was there; returns the bundle's digest.
    ///
    /// Tensors go from the mapped files to the new one. Fails, before anything is written, where
    /// `parent` is another bundle than the header names, or where any digest or the size of the
    /// result would be another than the header states.
    pub fn compose(&self, parent: &Bundle, path: impl AsRef<Path>) -> Result<Digest, Error> {
        let wanted = &self.header.parent;
        if parent.digest() != wanted.digest {
            let (wanted, given) = (Box::new(wanted.clone()), Box::new(parent_of(parent)));
            return Err(DeltaError::WrongParent { path: self.path.clone(), wanted, given }.into());
        }
        let weights = self.weights(parent)?;
        let lexicon = self.lexicon(parent)?;
        let pieces = archive::pieces(self.composed(lexicon.as_ref(), weights)?)
            .map_err(|reason| unsound(&self.path, reason))?;
        let size = pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
        let sha256 = Digest::of_pieces(&pieces);
        if (size, sha256) != (self.header.result.size, self.header.result.sha256) {
            return Err(self.other_result(".zoo file", sha256));
        }
        write::write_pieces(path.as_ref(), &pieces)?;
        Ok(self.header.result.digest)
    }

    /// The result's weights, in pieces.
    fn weights<'a>(&'a self, parent: &'a Bundle) -> Result<Vec<&'a [u8]>, Error> {
        let missing = |tensor: &str| {
            Error::from(DeltaError::MissingTensor {
                path: self.path.clone(),
                tensor: tensor.to_owned(),
            })
        };
        let mut pieces = vec![&self.members.get(LAYOUT).map_err(|r| unsound(&self.path, r))?[..]];
        for TensorOrigin { name, from } in &self.header.tensors {
            let source = match from {
                Origin::Parent => &parent.weights,
                Origin::Delta => &self.changed,
            };
            let tensor = source.get(name).filter(|tensor| fits(&self.layout, name, tensor));
            pieces.push(tensor.ok_or_else(|| missing(name))?.bytes());
        }
        Ok(pieces)
    }

    /// The words or the tokenizer of the result: the delta's, or else the parent's where the result
    /// lists such a member.
    fn lexicon(&self, parent: &Bundle) -> Result<Option<(&'static str, Bytes)>, Error> {
        let own = [VOCABULARY, TOKENIZER]
            .into_iter()
            .find_map(|name| self.members.find(name).map(|bytes| (name, bytes.clone())));
        let sums = self.members.text(COMPOSED).map_err(|reason| unsound(&self.path, reason))?;
        let listed = |name: &str| sums.lines().any(|line| line.ends_with(&format!("  {name}")));
        let parents = parent.lexicon.as_ref().map(files::member_of);
        Ok(own.or_else(|| parents.filter(|(name, _)| listed(name))))
    }

    /// The result's members, in pieces; their digests are those that the delta lists.
    fn composed<'a>(
        &'a self,
        lexicon: Option<&'a (&'static str, Bytes)>,
        weights: Vec<&'a [u8]>,
    ) -> Result<MembersInPieces<'a>, Error> {
        let mut members: MembersInPieces = [CARD, GRAPH, LABELS]
            .into_iter()
            .filter_map(|name| Some((name, vec![&self.members.find(name)?[..]])))
            .collect();
        members.extend(lexicon.map(|(name, bytes)| (*name, vec![&bytes[..]])));
        members.push((WEIGHTS, weights));
        let sums = self.members.text(COMPOSED).map_err(|reason| unsound(&self.path, reason))?;
        let mut listed = sums.split_inclusive('\n');
        for (name, pieces) in &members {
            let found = Digest::of_pieces(pieces);
            if listed.next() != Some(&*files::sums_line(name, found)) {
                return Err(self.other_result(&format!("`{name}`"), found));
            }
        }
        if listed.next().is_some() {
            return Err(unsound(&self.path, format!("`{COMPOSED}` lists more than there is")));
        }
        members.push((SUMS, vec![sums.as_bytes()]));
        Ok(members)
    }

    fn other_result(&self, what: &str, found: Digest) -> Error {
        let (path, what) = (self.path.clone(), what.to_owned());
        DeltaError::OtherResult { path, what, found }.into()
    }
}

impl Bundle {
    /// Writes to `path` what this bundle has and `parent` has not: a tensor that has the same
    /// name, type, shape and bytes in both is left out. Returns the delta's header.
    ///
    /// The bytes follow from both bundles alone. Fails where this bundle was opened from files
    /// that [`Bundle::write`] would write otherwise, since that digest could not be composed.
    pub fn write_delta(&self, path: impl AsRef<Path>, parent: &Self) -> Result<DeltaHeader, Error> {
        let path = path.as_ref();
        let whole = files::encode(self);
        let result = result_of(&whole).map_err(|reason| unsound(path, reason))?;
        if let Some(stated) = self.digest.filter(|stated| *stated != result.digest) {
            let (name, version) = (self.card.name.clone(), self.card.version.clone());
            let found = result.digest;
            return Err(DeltaError::NotCanonical { name, version, stated, found }.into());
        }
        let (header, members) =
            self.delta_members(&whole, result, parent).map_err(|reason| unsound(path, reason))?;
        write::write_archive(path, members.in_pieces())?;
        Ok(header)
    }

    fn delta_members(
        &self,
        whole: &Encoded,
        result: Composed,
        parent: &Self,
    ) -> Result<(DeltaHeader, Members), String> {
        let beginning = whole.get(WEIGHTS).first().cloned().unwrap_or_default();
        let (_, layout) = read_layout(&beginning)?;
        let tensors = in_order(&layout).into_iter().map(|name| {
            let is_same = parent.weights.get(&name) == self.weights.get(&name);
            TensorOrigin { name, from: if is_same { Origin::Parent } else { Origin::Delta } }
        });
        let header = DeltaHeader {
            format: DeltaHeader::FORMAT,
            parent: parent_of(parent),
            result,
            tensors: tensors.collect(),
        };
        check_parent(&header.parent)?;
        let changed = header.tensors.iter().filter(|tensor| tensor.from == Origin::Delta);
        let changed: BTreeMap<&String, &Tensor> = changed
            .filter_map(|tensor| Some((&tensor.name, self.weights.get(&tensor.name)?)))
            .collect();

        let mut members = Members::new(DELTA);
        // A header is texts, numbers and lists of them: nothing that TOML refuses.
        members.insert(HEADER, toml::to_string(&header).unwrap_or_default().into())?;
        let known = parent.lexicon.as_ref().map(files::member_of);
        for (name, pieces) in whole.in_order().filter(|(name, _)| ![WEIGHTS, SUMS].contains(name)) {
            let bytes = Bytes::from(pieces.concat());
            if known.as_ref().is_none_or(|known| *known != (name, bytes.clone())) {
                members.insert(name, bytes)?;
            }
        }
        members.insert(LAYOUT, beginning)?;
        members.insert(WEIGHTS, files::write_weights(changed.into_iter(), None).into())?;
        members.insert(COMPOSED, Bytes::copy_from_slice(whole.sums()))?;
        members.insert(SUMS, members.sums().into())?;
        Ok((header, members))
    }
}

/// What must come of a delta, from the members of the bundle that it is to become.
fn result_of(whole: &Encoded) -> Result<Composed, String> {
    let pieces = archive::pieces(whole.in_pieces())?;
    Ok(Composed {
        digest: Digest::of(whole.sums()),
        sha256: Digest::of_pieces(&pieces),
        size: pieces.iter().map(|piece| piece.len() as u64).sum(),
    })
}

/// Takes a delta apart and checks it; the reason why not.
fn decode(path: &Path, bytes: &Bytes) -> Result<Delta, String> {
    let members = archive::read(bytes, DELTA)?;
    members.checked_sums(Hashing::All)?;
    for name in [CARD, GRAPH] {
        members.get(name)?;
    }
    let header: DeltaHeader = toml::from_str(members.text(HEADER)?)
        .map_err(|error| format!("`{HEADER}`: {}", error.message()))?;
    if header.format != DeltaHeader::FORMAT {
        let (found, known) = (header.format, DeltaHeader::FORMAT);
        return Err(format!(
            "its format is {found}, this version of zoo reads {known}: update zoo"
        ));
    }
    check_parent(&header.parent)?;
    if Digest::of(members.get(COMPOSED)?) != header.result.digest {
        return Err(format!("`{COMPOSED}` does not have the digest that `{HEADER}` states"));
    }
    let (length, layout) = read_layout(members.get(LAYOUT)?)?;
    if length != members.get(LAYOUT)?.len() {
        return Err(format!("`{LAYOUT}` is longer than it says"));
    }
    let changed = files::read_weights(members.get(WEIGHTS)?)
        .map_err(|reason| format!("`{WEIGHTS}`: {reason}"))?;
    check_tensors(&header.tensors, &layout, &changed)?;
    Ok(Delta { path: path.to_owned(), header, members, layout, changed })
}

/// A name that whoever looks for the parent may use as a path: it must not lead elsewhere.
fn check_parent(parent: &Parent) -> Result<(), String> {
    /// More than any name that a registry takes.
    const LONGEST: usize = 256;
    let is_plain = |part: &str| !matches!(part, "" | "." | "..");
    for text in [&parent.name, &parent.version] {
        let is_odd = |c: char| c.is_control() || matches!(c, '\\' | ':');
        if text.len() > LONGEST || text.contains(is_odd) || !text.split('/').all(is_plain) {
            let shown: String = text.chars().take(LONGEST).collect();
            return Err(format!("its parent is called `{}`", shown.escape_default()));
        }
    }
    Ok(())
}

/// The listed tensors fill the layout from its beginning to its end, and those from the delta
/// are the ones in it.
fn check_tensors(
    tensors: &[TensorOrigin],
    layout: &Metadata,
    changed: &Weights,
) -> Result<(), String> {
    let mut at = 0;
    for TensorOrigin { name, from } in tensors {
        let info = layout.info(name).filter(|info| info.data_offsets.0 == at);
        let shown = name.escape_default();
        at = info.ok_or_else(|| format!("`{shown}` is not where it is listed"))?.data_offsets.1;
        let is_here = changed.get(name).map(|tensor| fits(layout, name, tensor));
        if is_here != (*from == Origin::Delta).then_some(true) {
            return Err(format!("`{shown}` is not in it as it is listed"));
        }
    }
    let own = tensors.iter().filter(|tensor| tensor.from == Origin::Delta).count();
    if at != layout.data_len() || tensors.len() != layout.tensors().len() || own != changed.len() {
        return Err("it does not list every tensor".to_owned());
    }
    Ok(())
}

/// Whether `tensor` has the type and the shape that the layout gives to `name`.
fn fits(layout: &Metadata, name: &str, tensor: &Tensor) -> bool {
    layout.info(name).is_some_and(|info| {
        files::dtype_of(info.dtype) == Some(tensor.dtype()) && info.shape == tensor.shape()
    })
}

/// The beginning of a safetensors file: how many bytes it has, and what it says.
///
/// Format: <https://github.com/huggingface/safetensors#format>.
fn read_layout(bytes: &[u8]) -> Result<(usize, Metadata), String> {
    let refuse = || format!("`{LAYOUT}` ends before its end");
    let (length, rest) = bytes.split_first_chunk::<8>().ok_or_else(refuse)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| refuse())?;
    let json = rest.get(..length).ok_or_else(refuse)?;
    let layout = serde_json::from_slice(json).map_err(|error| format!("`{LAYOUT}`: {error}"))?;
    Ok((8 + length, layout))
}

/// The names of the tensors by their place. Those without elements share one, and then have
/// the order of their names.
fn in_order(layout: &Metadata) -> Vec<String> {
    let tensors = layout.tensors();
    let mut names: Vec<_> =
        tensors.into_iter().map(|(name, info)| (info.data_offsets, name)).collect();
    names.sort_unstable();
    names.into_iter().map(|(_, name)| name).collect()
}

fn parent_of(bundle: &Bundle) -> Parent {
    Parent {
        name: bundle.card.name.clone(),
        version: bundle.card.version.clone(),
        digest: bundle.digest(),
    }
}

fn unsound(path: &Path, reason: String) -> Error {
    DeltaError::Unsound { path: path.to_owned(), reason }.into()
}
