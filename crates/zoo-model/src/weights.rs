use std::collections::{BTreeMap, btree_map};

use crate::{DType, Digest, Hasher, Tensor};

/// The parameters of a model, by name. Names are the upstream ones (torchvision's for
/// torchvision's models), so that weights can go back where they came from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Weights(BTreeMap<String, Tensor>);

impl Weights {
    /// None at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the parameter called `name`; the one that stood there before comes back.
    pub fn insert(&mut self, name: impl Into<String>, tensor: Tensor) -> Option<Tensor> {
        self.0.insert(name.into(), tensor)
    }

    /// The parameter called `name`.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.0.get(name)
    }

    /// Takes the parameter called `name` out.
    pub fn remove(&mut self, name: &str) -> Option<Tensor> {
        self.0.remove(name)
    }

    /// All of them, ordered by name.
    pub fn iter(&self) -> btree_map::Iter<'_, String, Tensor> {
        self.0.iter()
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// How many parameters there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps those whose name `keep` likes.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.0.retain(|name, _| keep(name));
    }

    /// Stores every floating-point parameter as `dtype`, rounded to nearest.
    #[must_use]
    pub fn to_float(&self, dtype: DType) -> Self {
        self.0
            .iter()
            .map(|(name, tensor)| (name.clone(), tensor.to_float(dtype).into_owned()))
            .collect()
    }

    /// Reads a safetensors file without copying it; the reason why not, where it is not sound.
    pub fn from_safetensors(bytes: &bytes::Bytes) -> Result<Self, String> {
        crate::bundle::read_weights(bytes)
    }

    /// A safetensors file of them whose metadata say `{"format": "pt"}`: tensors lie as PyTorch
    /// has them, and some of its readers take no file that does not say so.
    pub fn to_safetensors(&self) -> Vec<u8> {
        crate::bundle::write_weights(self.0.iter(), Some("pt"))
    }

    /// A digest of names, types, shapes and bytes of those parameters that `include` likes.
    pub fn digest_of(&self, mut include: impl FnMut(&str) -> bool) -> Digest {
        let mut hasher = Hasher::new();
        for (name, tensor) in self.0.iter().filter(|(name, _)| include(name)) {
            hasher.piece(name).piece(tensor.dtype().name());
            hasher.piece(format!("{:?}", tensor.shape())).piece(tensor.bytes());
        }
        hasher.digest()
    }
}

impl FromIterator<(String, Tensor)> for Weights {
    fn from_iter<I: IntoIterator<Item = (String, Tensor)>>(tensors: I) -> Self {
        Self(tensors.into_iter().collect())
    }
}

impl IntoIterator for Weights {
    type Item = (String, Tensor);
    type IntoIter = btree_map::IntoIter<String, Tensor>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Weights {
    type Item = (&'a String, &'a Tensor);
    type IntoIter = btree_map::Iter<'a, String, Tensor>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
