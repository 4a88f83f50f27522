//! Caffe's models: `.caffemodel` files, which hold a network together with its parameters.
//!
//! [`load`] turns one into a [`Graph`] and its [`Weights`]. Both versions of the format are read:
//! layers whose types are numbers (`V1LayerParameter`), and layers whose types are names. The
//! format is defined by `src/caffe/proto/caffe.proto` of BVLC/caffe, and what layers compute by
//! the sources beside it; settings that a fork of Caffe added are not looked for.
//!
//! Most files were saved while a network was trained. They begin with a layer that reads a data
//! base, which becomes the input; end with losses, which are left out, so that what the weightiest
//! of them looks at comes out; and hold heads that only helped training, which are left out too.
//!
//! A layer's parameters are called `{layer}.weight` and `{layer}.bias`. Batch normalisation is two
//! layers in Caffe, `BatchNorm` and `Scale`; both become one operator, to which the first gives
//! `{layer}.running_mean` and `{layer}.running_var`.
//!
//! A file is data to be doubted: every length is checked before it is used, and every shape is
//! inferred once before a model comes out.

mod blob;
mod inputs;
mod layers;
mod lowering;
mod network;
mod wire;
mod wiring;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use bytes::Bytes;
use zoo_model::{Graph, Preprocess, Weights};

use self::network::Network;
use self::wire::Message;
use crate::Error;

/// What a Caffe model holds.
#[derive(Debug, Clone, PartialEq)]
pub struct CaffeModel {
    /// What is computed, with the file's names.
    pub graph: Graph,
    /// The parameters, as the file stores them.
    pub weights: Weights,
    /// How images become the input, as far as the file tells; Caffe's usual way elsewhere. `None`
    /// where the input is no image.
    pub preprocess: Option<Preprocess>,
}

/// Reads the Caffe model at `path`.
///
/// `size` is the height and width of the input, in pixels, for a file that does not say; files
/// saved while a network was trained often do not.
///
/// Fails where the file cannot be read ([`Error::Io`]), is no sound Caffe model or does not say
/// how large its input is ([`Error::Malformed`]), has layers or settings that have no counterpart
/// here ([`Error::UnsupportedOperators`], which names all of them), or describes a graph whose
/// shapes do not fit ([`Error::Model`]).
pub fn load(path: &Path, size: Option<[usize; 2]>) -> Result<CaffeModel, Error> {
    let bytes = read(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    if bytes.is_empty() {
        return Err(malformed(path, "it is empty"));
    }
    if bytes.len() as u64 > MAX_FILE {
        return Err(malformed(path, "it is larger than 2 GiB"));
    }
    let network = Message::new(Bytes::from(bytes)).and_then(|message| Network::read(&message));
    lowering::lower(path, &network.map_err(|reason| malformed(path, reason))?, size)
}

/// The most bytes that a file may have: the limit of its wire format, protobuf.
const MAX_FILE: u64 = 1 << 31;

/// The file, up to one byte more than it may have.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether a file that begins with `head` is a Caffe model that gives its name first, as all do
/// that Caffe itself wrote.
pub(crate) fn looks_like_caffe(head: &[u8]) -> bool {
    let [0x0a, length @ 1..0x80, rest @ ..] = head else { return false };
    let Some((name, after)) = rest.split_at_checked(usize::from(*length)) else { return false };
    let is_name = std::str::from_utf8(name).is_ok_and(|name| !name.contains(char::is_control));
    // Layers, the input, its dimensions or shape, and settings of the whole network.
    let is_field = matches!(
        after,
        [0x12 | 0x1a | 0x20 | 0x22 | 0x28 | 0x32 | 0x38 | 0x42, ..] | [0xa2, 6, ..]
    );
    is_name && is_field
}

fn malformed(path: &Path, reason: impl Into<String>) -> Error {
    Error::Malformed { path: path.to_owned(), format: "Caffe", reason: reason.into() }
}
