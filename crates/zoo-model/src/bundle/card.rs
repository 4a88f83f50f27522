use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use zoo_sound::Sound;
use zoo_text::Text;

use super::Transcript;
use crate::{Cuts, Digest, Preprocess};

/// What a person, or another program, must know of a model. Stored as `model.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// The version of this format: 1.
    pub format: u32,
    /// The model's name, such as `mobilenet-v2`.
    pub name: String,
    /// Its version, as semantic versioning writes it.
    pub version: String,
    /// What it does, such as `image-classification`.
    pub task: String,
    /// The family of networks it belongs to, such as `mobilenet-v2`, if it is of a known one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// The SPDX identifier of the licence of its weights.
    pub license: String,
    /// The classes, in the order of the logits. In `labels.txt` where there are many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Where the weights come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// How an image becomes the input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preprocess: Option<Preprocess>,
    /// How a text becomes the input, by the bundle's lexicon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
    /// How a recording becomes the input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sound: Option<Sound>,
    /// How what the model says of each moment of a recording becomes a transcript, of which the
    /// labels are the letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript: Option<Transcript>,
    /// Where the graph falls into trunk, head and stages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cuts: Option<Cuts>,
    /// What the model makes of a known input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parity: Option<Parity>,
    /// How it was adapted from another model, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapted: Option<Adapted>,
}

impl Card {
    /// The format written today.
    pub const FORMAT: u32 = 1;

    /// A card with nothing but a name, a task and a licence.
    pub fn new(name: &str, task: &str, license: &str) -> Self {
        Self {
            format: Self::FORMAT,
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            task: task.to_owned(),
            architecture: None,
            license: license.to_owned(),
            labels: Vec::new(),
            source: None,
            preprocess: None,
            text: None,
            sound: None,
            transcript: None,
            cuts: None,
            parity: None,
            adapted: None,
        }
    }
}

/// Where weights come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The file's name as its publisher gives it, or where it is fetched.
    pub file: String,
    /// The digest of that file.
    pub sha256: Digest,
}

/// What a model makes of an input that everyone can make: proof that bytes, conversion and
/// this machine's arithmetic agree with the publisher's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parity {
    /// The rule of the input: `tiles`, see [`rule_tiles`](super::rule_tiles).
    pub rule: String,
    /// The input's shape.
    pub shape: Vec<usize>,
    /// The first numbers of the first output.
    pub expected: Vec<f32>,
    /// The standard deviation of the whole first output, by which differences are measured.
    pub deviation: f32,
}

/// How a model was adapted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adapted {
    /// The tool and its version.
    pub tool: String,
    /// The seed of everything that was drawn.
    pub seed: u64,
    /// The digest of the data: names, classes and bytes of every example.
    pub data: Digest,
    /// How many examples there were, held-out ones included.
    pub examples: usize,
    /// The model that it was adapted from.
    pub parent: Parent,
    /// What was done, by name: strategy, regularisation, stages, steps, ...
    pub recipe: BTreeMap<String, String>,
    /// How good it is.
    pub metrics: Metrics,
}

/// The model that another was adapted from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parent {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its bundle's digest.
    pub digest: Digest,
}

/// How good a classifier is on examples that it never saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// How many examples were held out.
    pub held_out: usize,
    /// The share of them that was named rightly.
    pub accuracy: f64,
    /// The mean over the classes of the harmonic mean of precision and recall.
    pub macro_f1: f64,
    /// The mean cross-entropy, in nats.
    pub log_loss: f64,
}
