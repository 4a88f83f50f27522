//! Checkpoints whose publishers call the parameters of a known network otherwise than torchvision
//! does: timm, Hugging Face's transformers, Keras, the authors of Swin and ConvNeXt, and torchvision
//! in earlier years.
//!
//! A [`Naming`] is a table of rules from names to names. Where queries, keys and values are apart,
//! they are joined. What no rule speaks of keeps its name, so that a report can say what is left.
//! timm's ResNet has torchvision's names and needs no rule.
//!
//! Names say nothing of how pictures were normalised: a Vision Transformer from timm or Hugging
//! Face often takes -1 to 1 where torchvision's takes `ImageNet`'s statistics. That is for whoever
//! names the file to state. Nor do they tell an epsilon: it is that of the architecture, 1e-6 in
//! Vision Transformers as they were trained, where transformers' own default is 1e-12. Where a
//! publisher has one set of names for networks that compute differently, each way is a
//! [`Dialect`], and the architecture's name must say which.

mod authors;
mod dialect;
mod hugging_face;
mod keras;
mod pattern;
mod timm;
mod timm_mobile;
mod torchvision;

use std::collections::BTreeMap;

use bytes::Bytes;
pub use dialect::Dialect;
use pattern::{Found, expand, matches};
use zoo_model::{Tensor, Weights};

use crate::architectures::{self, Architecture};
use crate::checkpoint::keras::permuted;

/// A publisher's names for the parameters of a family of networks.
#[derive(Debug)]
pub struct Naming {
    /// Whose names, for which networks.
    pub name: &'static str,
    /// A parameter that every such checkpoint has. What stands before it stands before the others.
    anchor: &'static str,
    /// How the networks compute that have these names; none where they compute as torchvision's.
    pub dialects: &'static [&'static Dialect],
    rules: &'static [Rule],
}

/// What becomes of the tensors that a pattern names; see [`pattern`].
#[derive(Debug)]
enum Rule {
    /// Another name.
    Name(&'static str, &'static str),
    /// Another beginning, which `*` ends, and what is left by the first pair of names that fits.
    Part(&'static str, &'static str, &'static [(&'static str, &'static str)]),
    /// Another name, and two axes of length one behind.
    Column(&'static str, &'static str),
    /// Another name, and all axes but the first as one: a convolution over the whole of a picture.
    Matrix(&'static str, &'static str),
    /// Three tensors one after the other along the first axis. Where there is no second, it is
    /// zeros: keys without a bias.
    Join([&'static str; 3], &'static str),
    /// A matrix whose columns are those of all channels of the first place, then of the second, and
    /// so on, for so many places; torchvision has all places of the first channel first.
    Places(&'static str, &'static str, usize),
    /// Nothing: what follows from the architecture.
    Drop(&'static str),
}

/// Every naming.
static ALL: &[&Naming] = &[
    &timm::VIT,
    &timm::CONVNEXT,
    &timm::SWIN,
    &timm::VGG,
    &timm_mobile::MOBILENET_V2,
    &timm_mobile::MOBILENET_V3_LARGE,
    &timm_mobile::MOBILENET_V3_SMALL,
    &timm_mobile::MNASNET,
    &timm_mobile::EFFICIENTNET,
    &timm_mobile::EFFICIENTNET_V2_S,
    &timm_mobile::EFFICIENTNET_V2_M_AND_L,
    &timm_mobile::EFFICIENTNET_LITE_0,
    &timm_mobile::EFFICIENTNET_LITE_1_AND_2,
    &timm_mobile::EFFICIENTNET_LITE_3,
    &timm_mobile::EFFICIENTNET_LITE_4,
    &hugging_face::VIT,
    &hugging_face::RESNET,
    &hugging_face::CONVNEXT,
    &hugging_face::SWIN,
    &authors::CONVNEXT,
    &authors::SWIN,
    &torchvision::DENSENET,
    // The first that fits is taken: the larger network before the smaller.
    &keras::VGG_19,
    &keras::VGG_16,
    &keras::DENSENET,
    &keras::CONVNEXT,
];

/// The same tensors by torchvision's names, once for each naming that a checkpoint may have.
pub fn renamed(checkpoint: &Weights) -> impl Iterator<Item = (&'static Naming, Weights)> {
    ALL.iter().filter_map(|naming| Some((*naming, naming.apply(checkpoint)?)))
}

/// The architecture that a checkpoint fits, whosever names it has.
pub fn detect(checkpoint: &Weights) -> Option<&'static Architecture> {
    let by_other_names =
        || renamed(checkpoint).find_map(|(_, weights)| architectures::detect(&weights));
    architectures::detect(checkpoint).or_else(by_other_names)
}

impl Naming {
    /// The tensors by torchvision's names; `None` where the anchor is missing.
    fn apply(&self, checkpoint: &Weights) -> Option<Weights> {
        let prefix = checkpoint.names().find_map(|name| {
            let prefix = name.strip_suffix(self.anchor)?;
            (prefix.is_empty() || prefix.ends_with(['.', '_'])).then_some(prefix)
        })?;
        let mut weights = Weights::new();
        let mut joins: BTreeMap<String, Join> = BTreeMap::new();
        for (whole, tensor) in checkpoint {
            // Heads stand outside of the model that has a prefix.
            let name = whole.strip_prefix(prefix).unwrap_or(whole);
            let (name, tensor) = match self.rules.iter().find_map(|rule| rule.applied(name)) {
                None => (name.to_owned(), tensor.clone()),
                Some(Applied::Named(target)) => (target, tensor.clone()),
                Some(Applied::Column(target)) => (target, column(tensor)),
                Some(Applied::Matrix(target)) => (target, matrix(tensor)),
                Some(Applied::Places(target, count)) => (target, channels_first(tensor, count)),
                Some(Applied::Part(target, part)) => {
                    let join = joins.entry(target).or_default();
                    join[part] = Some((name.to_owned(), tensor.clone()));
                    continue;
                }
                Some(Applied::Dropped) => continue,
            };
            weights.insert(name, tensor);
        }
        for (name, join) in joins {
            if let Some(tensor) = joined(&join) {
                weights.insert(name, tensor);
                continue;
            }
            // Parts that do not fit stay what they are, for the report to name.
            for (name, tensor) in join.into_iter().flatten() {
                weights.insert(name, tensor);
            }
        }
        Some(weights)
    }
}

/// The parts of a join with their names in the file.
type Join = [Option<(String, Tensor)>; 3];

enum Applied {
    Named(String),
    Column(String),
    Matrix(String),
    Places(String, usize),
    Part(String, usize),
    Dropped,
}

impl Rule {
    /// What this rule makes of `name`; `None` where it does not speak of it.
    fn applied(&self, name: &str) -> Option<Applied> {
        match self {
            Self::Name(from, to) => Some(Applied::Named(expand(to, &matches(from, name)?))),
            Self::Part(from, to, inner) => {
                let found = matches(from, name)?;
                let rest = inner
                    .iter()
                    .find_map(|(from, to)| Some(expand(to, &matches(from, found.rest)?)))?;
                Some(Applied::Named(expand(to, &Found { rest: &rest, ..found })))
            }
            Self::Column(from, to) => Some(Applied::Column(expand(to, &matches(from, name)?))),
            Self::Matrix(from, to) => Some(Applied::Matrix(expand(to, &matches(from, name)?))),
            Self::Places(from, to, count) => {
                Some(Applied::Places(expand(to, &matches(from, name)?), *count))
            }
            Self::Join(from, to) => from.iter().enumerate().find_map(|(part, from)| {
                Some(Applied::Part(expand(to, &matches(from, name)?), part))
            }),
            Self::Drop(from) => matches(from, name).map(|_| Applied::Dropped),
        }
    }
}

/// `[n]` as `[n, 1, 1]`; anything else as it is.
fn column(tensor: &Tensor) -> Tensor {
    let &[length] = tensor.shape() else { return tensor.clone() };
    let bytes = Bytes::copy_from_slice(tensor.bytes());
    Tensor::new(tensor.dtype(), vec![length, 1, 1], bytes).unwrap_or_else(|| tensor.clone())
}

/// `[n, a, b, ...]` as `[n, a b ...]`; anything else as it is.
fn matrix(tensor: &Tensor) -> Tensor {
    let Some((&rows, rest @ [_, ..])) = tensor.shape().split_first() else {
        return tensor.clone();
    };
    let bytes = Bytes::copy_from_slice(tensor.bytes());
    let shape = vec![rows, rest.iter().product()];
    Tensor::new(tensor.dtype(), shape, bytes).unwrap_or_else(|| tensor.clone())
}

/// The columns of a matrix channel by channel, where they were place by place, of `places`;
/// anything else as it is.
fn channels_first(tensor: &Tensor, places: usize) -> Tensor {
    let &[rows, columns] = tensor.shape() else { return tensor.clone() };
    let view = |tensor: &Tensor, shape: Vec<usize>| {
        Tensor::new(tensor.dtype(), shape, Bytes::copy_from_slice(tensor.bytes()))
    };
    if columns % places != 0 {
        return tensor.clone();
    }
    view(tensor, vec![rows, places, columns / places])
        .and_then(|apart| view(&permuted(&apart, &[0, 2, 1]), vec![rows, columns]))
        .unwrap_or_else(|| tensor.clone())
}

/// Three tensors along the first axis; `None` where their types or other axes differ.
fn joined([first, second, third]: &Join) -> Option<Tensor> {
    let ((_, first), (_, third)) = (first.as_ref()?, third.as_ref()?);
    let second = if let Some((_, second)) = second {
        second.clone()
    } else {
        let zeros = vec![0; first.bytes().len()];
        Tensor::new(first.dtype(), first.shape().to_vec(), zeros.into())?
    };
    let parts = [first, &second, third];
    let (_, rest) = first.shape().split_first()?;
    let fits = |part: &&Tensor| {
        part.dtype() == first.dtype() && part.shape().split_first().is_some_and(|s| s.1 == rest)
    };
    if !parts.iter().all(fits) {
        return None;
    }
    let mut shape = vec![parts.iter().map(|part| part.shape()[0]).sum()];
    shape.extend(rest);
    let bytes: Vec<u8> = parts.iter().flat_map(|part| part.bytes()).copied().collect();
    Tensor::new(first.dtype(), shape, bytes.into())
}
