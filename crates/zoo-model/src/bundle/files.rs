//! The files of a bundle, and archives of named files: from and to bytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use bytes::Bytes;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use zoo_text::Lexicon;

use super::{Bundle, Card};
use crate::{DType, Digest, Error, Graph, Tensor, Weights};

pub(super) const CARD: &str = "model.toml";
pub(super) const GRAPH: &str = "graph.json";
pub(super) const LABELS: &str = "labels.txt";
pub(super) const VOCABULARY: &str = "vocabulary.txt";
pub(super) const TOKENIZER: &str = "tokenizer.json";
pub(super) const WEIGHTS: &str = "weights.safetensors";
pub(super) const SUMS: &str = "SHA256SUMS";

/// Every member that an archive may have, in its order, with the largest size that is read into
/// memory. `SHA256SUMS` is the last.
pub(super) type Table = &'static [(&'static str, u64)];

/// Of a bundle. Weights are mapped: they have no limit.
pub(super) const BUNDLE: Table = &[
    (CARD, 1 << 20),
    (GRAPH, 64 << 20),
    (LABELS, 16 << 20),
    (VOCABULARY, MAX_VOCABULARY),
    (TOKENIZER, MAX_TOKENIZER),
    (WEIGHTS, u64::MAX),
    (SUMS, 64 << 10),
];

/// Room for some ten million words.
pub(super) const MAX_VOCABULARY: u64 = 256 << 20;
/// As much as the largest tokenizers take, twice.
pub(super) const MAX_TOKENIZER: u64 = 64 << 20;

/// The most labels that stand in the card itself.
const MAX_LABELS_IN_CARD: usize = 32;

/// The members of an archive, by name.
#[derive(Debug)]
pub(super) struct Members {
    table: Table,
    bytes: BTreeMap<&'static str, Bytes>,
}

impl Members {
    /// None yet, of those in `table`.
    pub(super) fn new(table: Table) -> Self {
        Self { table, bytes: BTreeMap::new() }
    }

    /// Adds a member; the reason why not, if it is unknown, there already or too large.
    pub(super) fn insert(&mut self, name: &str, bytes: Bytes) -> Result<(), String> {
        let Some(&(name, limit)) = self.table.iter().find(|(known, _)| *known == name) else {
            return Err(format!("`{}` does not belong into it", name.escape_default()));
        };
        if bytes.len() as u64 > limit {
            return Err(format!("`{name}` has {} bytes, {limit} is the most", bytes.len()));
        }
        match self.bytes.insert(name, bytes) {
            None => Ok(()),
            Some(_) => Err(format!("`{name}` is in it twice")),
        }
    }

    /// The member called `name`, if it is there.
    pub(super) fn find(&self, name: &str) -> Option<&Bytes> {
        self.bytes.get(name)
    }

    /// The member called `name`; the reason why not.
    pub(super) fn get(&self, name: &str) -> Result<&Bytes, String> {
        self.find(name).ok_or_else(|| format!("`{name}` is missing"))
    }

    /// The member called `name` as text; the reason why not.
    pub(super) fn text(&self, name: &str) -> Result<&str, String> {
        std::str::from_utf8(self.get(name)?).map_err(|_| format!("`{name}` is not UTF-8"))
    }

    /// The members in the order of the archive, with their list of digests as the last.
    pub(super) fn in_order(&self) -> impl Iterator<Item = (&'static str, &Bytes)> {
        self.table.iter().filter_map(|(name, _)| Some((*name, self.bytes.get(name)?)))
    }

    /// The members in the order of the archive, each in one piece.
    pub(super) fn in_pieces(&self) -> impl Iterator<Item = (&'static str, Vec<&[u8]>)> {
        self.in_order().map(|(name, bytes)| (name, vec![&bytes[..]]))
    }

    /// The list of digests of all members but itself.
    pub(super) fn sums(&self) -> String {
        let listed = self.in_order().filter(|(name, _)| *name != SUMS);
        listed.map(|(name, bytes)| sums_line(name, Digest::of(bytes))).collect()
    }

    /// Checks every member that is hashed against the list of digests, which is returned; the reason
    /// why not. Of one that is not, the list must have a line.
    pub(super) fn checked_sums(&self, hashing: Hashing) -> Result<&str, String> {
        let sums = self.text(SUMS)?;
        let listed = || sums.split_inclusive('\n');
        let line = |name: &str, bytes: &[u8]| {
            if hashing == Hashing::AllButWeights && name == WEIGHTS {
                let length = sums_line(name, Digest::of(&[])).len();
                let is_line =
                    |line: &&str| line.len() == length && line.ends_with(&format!("  {name}\n"));
                return listed().find(is_line).unwrap_or_default().to_owned();
            }
            sums_line(name, Digest::of(bytes))
        };
        let members = || self.in_order().filter(|(name, _)| *name != SUMS);
        if members().map(|(name, bytes)| line(name, bytes)).collect::<String>() == sums {
            return Ok(sums);
        }
        let broken = members().find(|(name, bytes)| !listed().any(|l| l == line(name, bytes)));
        let name = broken.map_or(SUMS, |(name, _)| name);
        Err(format!("the bytes of `{name}` do not have their digest"))
    }
}

/// A line of a list of digests.
pub(super) fn sums_line(name: &str, digest: Digest) -> String {
    format!("{digest}  {name}\n")
}

/// Reads the members of a bundle that is a folder. Files of other names are not touched.
pub(super) fn from_folder(path: &Path) -> Result<Members, Error> {
    let mut members = Members::new(BUNDLE);
    for &(name, limit) in BUNDLE {
        let file = path.join(name);
        let size = match std::fs::metadata(&file) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Error::io("open", file)(error)),
        };
        if size > limit {
            let reason = format!("`{name}` has {size} bytes, {limit} is the most");
            return Err(Error::Bundle { path: path.to_owned(), reason });
        }
        let bytes = map(&file)?;
        members.insert(name, bytes).map_err(|reason| refused(path, reason))?;
    }
    if members.bytes.is_empty() {
        let reason = format!("the folder holds no `{CARD}`");
        return Err(Error::Bundle { path: path.to_owned(), reason });
    }
    Ok(members)
}

/// Maps a file into memory, for reading.
pub(super) fn map(path: &Path) -> Result<Bytes, Error> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    map_file(&file).map_err(Error::io("map", path))
}

/// The bytes of an open file, mapped for reading. Nobody may change it from now on.
#[allow(unsafe_code, reason = "mapping a file is the one thing here that needs it")]
pub fn map_file(file: &File) -> std::io::Result<Bytes> {
    if file.metadata()?.len() == 0 {
        return Ok(Bytes::new());
    }
    // SAFETY: the map is read-only and private. Bundles are written beside their place and
    // renamed into it, and a stored one is never written again; a temporary file has no name by
    // which others could find it. Who truncates the file of a running program in place anyway
    // ends the program by a signal.
    let map = unsafe { memmap2::Mmap::map(file) }?;
    Ok(Bytes::from_owner(map))
}

pub(super) fn refused(path: &Path, reason: impl Into<String>) -> Error {
    Error::Bundle { path: path.to_owned(), reason: reason.into() }
}

/// Which members of a bundle are hashed when it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hashing {
    /// All of them.
    All,
    /// All but the weights, which are believed to have the digest that is listed.
    AllButWeights,
}

/// Checks the members' digests and reads them.
pub(super) fn decode(path: &Path, members: &Members, hashing: Hashing) -> Result<Bundle, Error> {
    let refuse = |reason| refused(path, reason);
    let sums = members.checked_sums(hashing).map_err(refuse)?;
    let digest = Digest::of(sums.as_bytes());
    let mut card: Card = toml::from_str(members.text(CARD).map_err(refuse)?)
        .map_err(|source| Error::Card { path: path.to_owned(), source: Box::new(source) })?;
    if card.format != Card::FORMAT {
        let (found, known) = (card.format, Card::FORMAT);
        return Err(refused(
            path,
            format!("its format is {found}, this version of zoo reads {known}: update zoo"),
        ));
    }
    if members.find(LABELS).is_some() {
        card.labels = members.text(LABELS).map_err(refuse)?.lines().map(str::to_owned).collect();
    }
    let graph = Graph::from_json(members.text(GRAPH).map_err(refuse)?)?;
    let weights = read_weights(members.get(WEIGHTS).map_err(refuse)?)
        .map_err(|reason| refuse(format!("`{WEIGHTS}`: {reason}")))?;
    let lexicon = lexicon_of(members).map_err(refuse)?;
    Ok(Bundle { card, graph, weights, lexicon, digest: Some(digest) })
}

/// Reads a safetensors file without copying the tensors; the reason why not.
pub(crate) fn read_weights(bytes: &Bytes) -> Result<Weights, String> {
    let (header, metadata) =
        SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    let data = bytes.slice(header + 8..);
    let mut weights = Weights::new();
    for (name, info) in metadata.tensors() {
        let dtype = dtype_of(info.dtype).ok_or_else(|| {
            format!("`{name}` has the type {:?}, which is not one that zoo reads", info.dtype)
        })?;
        let (start, end) = info.data_offsets;
        let tensor = (start <= end && end <= data.len())
            .then(|| Tensor::new(dtype, info.shape.clone(), data.slice(start..end)))
            .flatten()
            .ok_or_else(|| format!("`{name}` does not fill its shape {:?}", info.shape))?;
        weights.insert(name, tensor);
    }
    Ok(weights)
}

/// The words or the tokenizer among the members, of which there can be one; the reason why not.
fn lexicon_of(members: &Members) -> Result<Option<Lexicon>, String> {
    match (members.find(VOCABULARY), members.find(TOKENIZER)) {
        (Some(_), Some(_)) => Err(format!("it has both `{VOCABULARY}` and `{TOKENIZER}`")),
        (Some(words), None) => Ok(Some(Lexicon::Words(words.clone()))),
        (None, Some(tokenizer)) => Ok(Some(Lexicon::Tokenizer(tokenizer.clone()))),
        (None, None) => Ok(None),
    }
}

/// The member that holds a lexicon: its name and its bytes.
pub(super) fn member_of(lexicon: &Lexicon) -> (&'static str, Bytes) {
    match lexicon {
        Lexicon::Words(words) => (VOCABULARY, words.clone()),
        Lexicon::Tokenizer(json) => (TOKENIZER, json.clone()),
    }
}

/// The members of a bundle to be written, in their order, each in pieces: weights stay where they
/// are, in memory or in a mapped file.
pub(super) struct Encoded(Vec<(&'static str, Vec<Bytes>)>);

impl Encoded {
    /// The pieces of the member called `name`; none where it is not there.
    pub(super) fn get(&self, name: &str) -> &[Bytes] {
        self.0.iter().find(|(known, _)| *known == name).map_or(&[], |(_, pieces)| pieces)
    }

    /// The members with their pieces.
    pub(super) fn in_order(&self) -> impl Iterator<Item = (&'static str, &[Bytes])> {
        self.0.iter().map(|(name, pieces)| (*name, &pieces[..]))
    }

    /// The members with the bytes of their pieces.
    pub(super) fn in_pieces(&self) -> impl Iterator<Item = (&'static str, Vec<&[u8]>)> {
        self.in_order()
            .map(|(name, pieces)| (name, pieces.iter().map(|piece| &piece[..]).collect()))
    }

    /// The list of digests of all members but itself, which is the last of them.
    pub(super) fn sums(&self) -> &[u8] {
        self.get(SUMS).first().map_or(&[], |sums| sums)
    }
}

/// The members of a bundle.
pub(super) fn encode(bundle: &Bundle) -> Encoded {
    let mut card = bundle.card.clone();
    let mut members: BTreeMap<&'static str, Vec<Bytes>> = BTreeMap::new();
    let mut add = |name, bytes: Bytes| members.insert(name, vec![bytes]);
    if card.labels.len() > MAX_LABELS_IN_CARD {
        let labels: String = card.labels.drain(..).map(|label| one_line(&label) + "\n").collect();
        add(LABELS, labels.into());
    }
    // A card is texts, numbers and lists of them: nothing that TOML refuses.
    let card = toml::to_string(&card).unwrap_or_default();
    add(CARD, card.into());
    add(GRAPH, bundle.graph.to_json().into());
    if let Some((name, bytes)) = bundle.lexicon.as_ref().map(member_of) {
        add(name, bytes);
    }
    members.insert(WEIGHTS, weights_in_pieces(bundle.weights.iter(), None));
    let in_order = BUNDLE.iter().filter_map(|(name, _)| Some((*name, members.remove(name)?)));
    let mut in_order: Vec<(&'static str, Vec<Bytes>)> = in_order.collect();
    let sums = in_order.iter().map(|(name, pieces)| sums_line(name, Digest::of_pieces(pieces)));
    let sums: String = sums.collect();
    in_order.push((SUMS, vec![sums.into()]));
    Encoded(in_order)
}

/// A label in `labels.txt` has a line for itself.
fn one_line(label: &str) -> String {
    label.replace(['\n', '\r'], " ")
}

/// A safetensors file of `tensors`; `format` is the framework whose layout they have, for
/// readers that ask.
pub(crate) fn write_weights<'a>(
    tensors: impl Iterator<Item = (&'a String, &'a Tensor)>,
    format: Option<&str>,
) -> Vec<u8> {
    weights_in_pieces(tensors, format).concat()
}

/// The same in pieces: what comes before the tensors, then each of them, not copied. The bytes are
/// those that the library `safetensors` writes: the largest types first, of one type by name, so
/// that each tensor lies at a multiple of its type's size.
fn weights_in_pieces<'a>(
    tensors: impl Iterator<Item = (&'a String, &'a Tensor)>,
    format: Option<&str>,
) -> Vec<Bytes> {
    /// The header is filled up with spaces to a multiple of this.
    const ALIGNMENT: usize = 8;
    let typed = tensors.filter_map(|(name, tensor)| {
        let dtype = SAFETENSORS.iter().find(|(dtype, _)| *dtype == tensor.dtype())?.1;
        Some((dtype, name, tensor))
    });
    let mut typed: Vec<(Dtype, &String, &Tensor)> = typed.collect();
    typed.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    let mut end = 0;
    let infos = typed.iter().map(|(dtype, name, tensor)| {
        let start = end;
        end += tensor.bytes().len();
        let (dtype, shape, data_offsets) = (*dtype, tensor.shape().to_vec(), (start, end));
        ((*name).clone(), TensorInfo { dtype, shape, data_offsets })
    });
    let metadata = format.map(|format| [("format".to_owned(), format.to_owned())].into());
    // It fails where a tensor does not fill its shape, which `Tensor` rules out.
    let header = Metadata::new(metadata, infos.collect())
        .ok()
        .and_then(|metadata| serde_json::to_string(&metadata).ok())
        .unwrap_or_default();
    let length = header.len().next_multiple_of(ALIGNMENT);
    let mut bytes = (length as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(8 + length, b' ');
    [bytes.into()].into_iter().chain(typed.iter().map(|typed| typed.2.shared_bytes())).collect()
}

const SAFETENSORS: [(DType, Dtype); 10] = [
    (DType::Bool, Dtype::BOOL),
    (DType::U8, Dtype::U8),
    (DType::I8, Dtype::I8),
    (DType::I16, Dtype::I16),
    (DType::I32, Dtype::I32),
    (DType::I64, Dtype::I64),
    (DType::F16, Dtype::F16),
    (DType::BF16, Dtype::BF16),
    (DType::F32, Dtype::F32),
    (DType::F64, Dtype::F64),
];

pub(super) fn dtype_of(dtype: Dtype) -> Option<DType> {
    SAFETENSORS.iter().find(|(_, theirs)| *theirs == dtype).map(|(ours, _)| *ours)
}
