//! Blobs: the tensors of Caffe.

use bytes::{Bytes, BytesMut};
use zoo_model::{DType, Tensor};

use super::wire::{Message, Value};

/// Axes that a blob may have: Caffe's `kMaxBlobAxes`.
const MAX_AXES: usize = 32;

/// A `BlobProto`: numbers in a shape.
///
/// Old files give four lengths (`num, channels, height, width`), whatever the blob is: a bias is
/// `[1, 1, 1, outputs]` there. So who uses a blob says which shape its numbers have.
#[derive(Debug, Clone)]
pub(super) struct Blob {
    /// The lengths that the file gives, of just as many numbers as there are.
    pub(super) shape: Vec<usize>,
    dtype: DType,
    /// The bytes of the file, where they lie there in one piece.
    bytes: Bytes,
}

impl Blob {
    /// Reads it. The error says what is wrong, as the end of a sentence.
    pub(super) fn read(proto: &Message) -> Result<Self, String> {
        let shape = shape(proto)?;
        let (dtype, bytes) = match data(proto, 5, 4) {
            // `double_data`, which a net with numbers of 64 bits has instead of `data`.
            bytes if bytes.is_empty() => (DType::F64, data(proto, 8, 8)),
            bytes => (DType::F32, bytes),
        };
        let length = shape.iter().try_fold(dtype.size(), |all, &dim| all.checked_mul(dim));
        if length != Some(bytes.len()) {
            let found = bytes.len() / dtype.size();
            return Err(format!("has the shape {shape:?} but {found} numbers"));
        }
        Ok(Self { shape, dtype, bytes })
    }

    /// How many numbers there are.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() / self.dtype.size()
    }

    /// The lengths without the ones that stand first, of which `rank` stay in any case.
    pub(super) fn trailing(&self, rank: usize) -> &[usize] {
        let spare = self.shape.len().saturating_sub(rank);
        let ones = self.shape.iter().take(spare).take_while(|&&dim| dim == 1).count();
        &self.shape[ones..]
    }

    /// Its numbers in the shape `shape`.
    pub(super) fn tensor(&self, shape: &[usize]) -> Result<Tensor, String> {
        Tensor::new(self.dtype, shape.to_vec(), self.bytes.clone())
            .ok_or_else(|| format!("has the shape {:?}, not {shape:?}", self.shape))
    }

    /// Its numbers as a list; it may have other axes of length one.
    pub(super) fn list(&self) -> Result<Tensor, String> {
        if self.shape.iter().filter(|&&dim| dim != 1).count() > 1 {
            return Err(format!("has the shape {:?}, not that of a list", self.shape));
        }
        self.tensor(&[self.len()])
    }
}

fn shape(proto: &Message) -> Result<Vec<usize>, String> {
    let legacy = [1, 2, 3, 4].map(|number| proto.integer(number));
    let dims = if legacy.iter().any(Option::is_some) {
        legacy.map(Option::unwrap_or_default).to_vec()
    } else {
        proto.message(7)?.integers(1)
    };
    if dims.len() > MAX_AXES {
        return Err(format!("has {} axes", dims.len()));
    }
    let lengths: Option<Vec<usize>> = dims.iter().map(|&dim| usize::try_from(dim).ok()).collect();
    lengths.ok_or_else(|| format!("has the shape {dims:?}"))
}

/// The bytes of the numbers in field `number`, each of which takes `size` of them.
fn data(proto: &Message, number: u32, size: usize) -> Bytes {
    let mut pieces = proto.all(number).filter_map(|value| match value {
        Value::Bytes(bytes) => Some(bytes),
        Value::Fixed32(bytes) if size == 4 => Some(Bytes::copy_from_slice(&bytes)),
        Value::Fixed64(bytes) if size == 8 => Some(Bytes::copy_from_slice(&bytes)),
        _ => None,
    });
    let first = pieces.next().unwrap_or_default();
    let Some(second) = pieces.next() else { return first };
    let mut all = BytesMut::from(&*first);
    all.extend_from_slice(&second);
    pieces.for_each(|piece| all.extend_from_slice(&piece));
    all.freeze()
}
