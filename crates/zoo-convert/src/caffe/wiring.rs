//! Which layer reads what: blobs that layers change in place become values that are made once,
//! and what only training needs is left out.

use std::collections::{HashMap, HashSet};

use super::network::{Layer, Network};

/// What the layers make of the inputs, each value by its index.
#[derive(Debug)]
pub(super) struct Wiring<'a> {
    /// Values that come from outside, of those that are needed.
    pub(super) inputs: Vec<Input<'a>>,
    /// The layers that the outputs depend on, in order.
    pub(super) steps: Vec<Step<'a>>,
    /// The values that come out, and what the file calls them.
    pub(super) outputs: Vec<(usize, &'a str)>,
}

/// A value that comes from outside.
#[derive(Debug, Clone, Copy)]
pub(super) struct Input<'a> {
    /// The value.
    pub(super) value: usize,
    /// Its blob's name.
    pub(super) name: &'a str,
    /// Where its shape is to be found.
    pub(super) origin: Origin<'a>,
}

/// What declares an input.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin<'a> {
    /// The network itself, with this shape.
    Network(Option<&'a [i64]>),
    /// A layer, as its top of this index.
    Layer(&'a Layer, usize),
}

/// A layer between values.
#[derive(Debug)]
pub(super) struct Step<'a> {
    /// The layer.
    pub(super) layer: &'a Layer,
    /// The values that it reads.
    pub(super) bottoms: Vec<usize>,
    /// The values that it makes.
    pub(super) tops: Vec<usize>,
}

/// What a layer is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// It brings data in.
    Source,
    /// It compares a prediction with labels, to train.
    Loss,
    /// It makes nothing that a prediction needs.
    Aside,
    /// It computes.
    Computes,
}

impl Role {
    fn of(kind: &str) -> Self {
        match kind {
            "Input" | "Data" | "ImageData" | "MemoryData" | "HDF5Data" | "WindowData"
            | "DummyData" | "AnnotatedData" => Self::Source,
            "Accuracy" | "Silence" | "HDF5Output" => Self::Aside,
            kind if kind.ends_with("Loss") => Self::Loss,
            _ => Self::Computes,
        }
    }
}

impl<'a> Wiring<'a> {
    /// Finds it; the error says what is wrong with the file.
    pub(super) fn of(network: &'a Network) -> Result<Self, String> {
        let mut names: HashMap<&str, usize> = HashMap::new();
        let mut count = 0;
        let mut fresh = || {
            count += 1;
            count - 1
        };
        let mut inputs: Vec<Input> = Vec::new();
        for (name, shape) in &network.inputs {
            let value = fresh();
            if names.insert(name, value).is_some() {
                return Err(format!("its input `{name}` is there twice"));
            }
            inputs.push(Input { value, name, origin: Origin::Network(shape.as_deref()) });
        }
        for (layer, index, name) in sources(network) {
            let value = fresh();
            if names.insert(name, value).is_some() {
                return Err(format!("its input `{name}` is there twice"));
            }
            inputs.push(Input { value, name, origin: Origin::Layer(layer, index) });
        }
        let mut steps: Vec<Step> = Vec::new();
        // What each loss looks at, with the weight that the loss has.
        let mut predictions: Vec<(usize, &str, f32)> = Vec::new();
        let mut read: HashSet<usize> = HashSet::new();
        for layer in &network.layers {
            let role = Role::of(&layer.kind);
            let is_absent = !layer.is_tested && role != Role::Loss;
            if role == Role::Source || is_absent {
                continue;
            }
            let find = |name: &'a String| {
                names.get(name.as_str()).copied().ok_or_else(|| {
                    let title = layer.title();
                    format!("its {title} reads `{name}`, which nothing before it makes")
                })
            };
            match role {
                Role::Loss => {
                    // A loss may look at a head that is there only while training.
                    let known = |name: &&String| names.contains_key(name.as_str());
                    if let Some(name) = layer.bottoms.first().filter(known) {
                        let weight = layer.loss_weight.unwrap_or(1.0);
                        predictions.push((find(name)?, name, weight));
                    }
                }
                Role::Aside => {
                    // What is looked at by these only is no output either.
                    read.extend(layer.bottoms.iter().filter_map(|name| names.get(&**name)));
                }
                Role::Source | Role::Computes => {
                    let bottoms = layer.bottoms.iter().map(find).collect::<Result<Vec<_>, _>>()?;
                    read.extend(&bottoms);
                    let tops: Vec<usize> = layer.tops.iter().map(|_| fresh()).collect();
                    names.extend(layer.tops.iter().map(String::as_str).zip(tops.iter().copied()));
                    steps.push(Step { layer, bottoms, tops });
                }
            }
        }
        let outputs = outputs(&steps, &predictions, &read);
        if outputs.is_empty() {
            return Err("it computes nothing".to_owned());
        }
        let needed = keep_needed(&mut steps, &outputs);
        inputs.retain(|input| needed.contains(&input.value));
        Ok(Self { inputs, steps, outputs })
    }
}

/// The blobs that layers bring in: layer, index among its tops, name. A network that is both
/// trained and tested has a layer for each, of which that of the test counts.
fn sources(network: &Network) -> Vec<(&Layer, usize, &str)> {
    let mut found: Vec<(&Layer, usize, &str)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for layer in network.layers.iter().filter(|layer| Role::of(&layer.kind) == Role::Source) {
        for (index, name) in layer.tops.iter().enumerate() {
            match places.get(name.as_str()) {
                None => {
                    places.insert(name, found.len());
                    found.push((layer, index, name));
                }
                Some(&place) if layer.is_tested => found[place] = (layer, index, name),
                Some(_) => {}
            }
        }
    }
    found
}

/// What comes out: in a network that was saved while it was trained, what the weightiest loss
/// looks at, since the others belong to heads that only help training; or else all that nothing
/// reads.
fn outputs<'a>(
    steps: &[Step<'a>],
    predictions: &[(usize, &'a str, f32)],
    read: &HashSet<usize>,
) -> Vec<(usize, &'a str)> {
    let weightiest = predictions.iter().max_by(|a, b| a.2.total_cmp(&b.2));
    if let Some(&(value, name, _)) = weightiest {
        return vec![(value, name)];
    }
    let made = steps.iter().flat_map(|step| step.tops.iter().zip(&step.layer.tops));
    made.filter(|(value, _)| !read.contains(*value))
        .map(|(value, name)| (*value, name.as_str()))
        .collect()
}

/// Keeps the steps that the outputs depend on; all values that these read come back.
fn keep_needed(steps: &mut Vec<Step>, outputs: &[(usize, &str)]) -> HashSet<usize> {
    let mut needed: HashSet<usize> = outputs.iter().map(|(value, _)| *value).collect();
    let mut keep: Vec<bool> = Vec::with_capacity(steps.len());
    for step in steps.iter().rev() {
        let is_needed = step.tops.iter().any(|top| needed.contains(top));
        if is_needed {
            needed.extend(&step.bottoms);
        }
        keep.push(is_needed);
    }
    steps.retain(|_| keep.pop().unwrap_or_default());
    needed
}
