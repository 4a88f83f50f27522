//! wav2vec 2.0 and HuBERT, which hear speech, by the names that Hugging Face's transformers gives their
//! parameters: convolutions over the waveform, and a transformer over what they make of each 20
//! milliseconds. Sources: Baevski et al.: *wav2vec 2.0*, 2020; Hsu et al.: *HuBERT*, 2021;
//! transformers' `models/{wav2vec2,hubert}`.
//!
//! The feature of a recording is the mean and the deviation over time of the last layer. A checkpoint
//! that was taught to write has a head that names a letter at each moment.

use serde_json::Value as Json;
use zoo_model::graph::{TimeConv, Value};
use zoo_model::ops::Binary;
use zoo_model::{Graph, GraphBuilder, Tensor, Weights};
use zoo_sound::Sound;

use super::transformer::{Names, Norms, Shape};

/// By which a checkpoint is known.
pub(super) const ANCHOR: &str = "feature_extractor.conv_layers.0.conv.weight";
/// The head that names letters, which stands beside the trunk.
pub(super) const LETTERS: &str = "lm_head";
/// The graph's output of letters, `[batch, time, letters]`.
pub(super) const LETTERS_OUTPUT: &str = "letters";

/// Tensors of what was only used in training, or comes behind the feature.
pub(super) const IGNORED: [&str; 6] =
    ["masked_spec_embed", "quantizer.", "project_", "projector.", "classifier.", "layer_weights"];

/// Of transformers, for all norms of these networks.
const EPSILON: f32 = 1e-5;
const POSITIONS: &str = "encoder.pos_conv_embed.conv";

/// How large a network is, and what differs between its kinds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Network {
    convolutions: Vec<TimeConv>,
    /// Whether each convolution has a norm over its channels behind it, and not the first alone one
    /// over time.
    norm_each: bool,
    /// The convolution that tells positions apart.
    positions: TimeConv,
    layers: usize,
    shape: Shape,
    letters: Option<usize>,
}

/// Puts the length of a convolution that tells positions apart, and its direction, together: in a
/// checkpoint they are parted, as weight normalisation has them. Other tensors stay as they are.
pub(super) fn joined(weights: &Weights) -> Weights {
    let names = [
        ["weight_g", "weight_v"],
        ["parametrizations.weight.original0", "parametrizations.weight.original1"],
    ];
    let mut joined = weights.clone();
    for parts in names {
        let [length, direction] = parts.map(|part| format!("{POSITIONS}.{part}"));
        let (Some(lengths), Some(directions)) = (weights.get(&length), weights.get(&direction))
        else {
            continue;
        };
        if let Some(weight) = with_lengths(lengths, directions) {
            joined.retain(|name| name != length && name != direction);
            joined.insert(format!("{POSITIONS}.weight"), weight);
        }
    }
    joined
}

/// Of each place of the kernel `directions [outputs, inputs, kernel]` the whole matrix has the length
/// in `lengths [1, 1, kernel]`. `None` where they do not fit.
fn with_lengths(lengths: &Tensor, directions: &Tensor) -> Option<Tensor> {
    let &[_, _, kernel] = directions.shape() else { return None };
    if kernel == 0 || lengths.shape() != [1, 1, kernel] {
        return None;
    }
    let (lengths, mut numbers) = (lengths.to_f32(), directions.to_f32());
    let mut squares = vec![0.0_f64; kernel];
    for row in numbers.chunks_exact(kernel) {
        for (square, number) in squares.iter_mut().zip(row) {
            *square += f64::from(*number).powi(2);
        }
    }
    let factors: Vec<f64> = lengths
        .iter()
        .zip(&squares)
        .map(|(length, square)| f64::from(*length) / square.sqrt())
        .collect();
    for row in numbers.chunks_exact_mut(kernel) {
        for (number, factor) in row.iter_mut().zip(&factors) {
            *number = (f64::from(*number) * factor) as f32;
        }
    }
    Some(Tensor::from_f32(directions.shape(), &numbers))
}

impl Network {
    /// The network whose parameters these are, [`joined`]; names without a prefix. What they do not
    /// tell, `config` does, or else it is as in the first published checkpoints.
    ///
    /// Fails, with the reason, where something of it is not built here, or its sizes are not told.
    pub(super) fn of(weights: &Weights, config: Option<&Json>) -> Result<Self, String> {
        refuse_others(weights, config)?;
        let shape = |name: String| weights.get(&name).map(|tensor| tensor.shape().to_vec());
        let cube = |name: String| match shape(name).as_deref() {
            Some(&[outputs, inputs, kernel]) => Some([outputs, inputs, kernel]),
            _ => None,
        };
        let get = |key: &str| config.and_then(|config| config.get(key));
        let number = |key: &str| get(key)?.as_u64().map(|number| number as usize);

        let stated = get("conv_stride").and_then(Json::as_array);
        let mut convolutions = Vec::new();
        while let Some([outputs, _, kernel]) =
            cube(convolution(convolutions.len()) + ".conv.weight")
        {
            let index = convolutions.len();
            let usual = if index == 0 { 5 } else { 2 };
            let stride = stated.and_then(|all| all.get(index)?.as_u64());
            convolutions.push(TimeConv {
                outputs,
                kernel,
                stride: stride.map_or(usual, |stride| stride as usize),
                padding: 0,
                groups: 1,
                bias: shape(convolution(index) + ".conv.bias").is_some(),
            });
        }
        let norm_each = shape(convolution(1) + ".layer_norm.weight").is_some();
        let [channels, each, kernel] = cube(format!("{POSITIONS}.weight"))
            .filter(|[_, each, _]| *each > 0)
            .ok_or_else(|| format!("`{POSITIONS}` has no weight of three axes"))?;
        let positions = TimeConv {
            outputs: channels,
            kernel,
            stride: 1,
            padding: kernel / 2,
            groups: channels / each,
            bias: true,
        };
        let names = names(0);
        let wide = shape(format!("{}.weight", names.wide)).and_then(|shape| shape.first().copied());
        let wide = wide.ok_or_else(|| format!("`{}.weight` is missing", names.wide))?;
        let layers = (0..weights.len())
            .take_while(|layer| shape(format!("{}.weight", self::names(*layer).query)).is_some())
            .count();
        let heads = number("num_attention_heads").unwrap_or(channels / 64).max(1);
        if channels % heads != 0 {
            return Err(format!("{channels} channels do not fall into {heads} heads"));
        }
        let before = get("do_stable_layer_norm").and_then(Json::as_bool).unwrap_or(norm_each);
        let norms = if before { Norms::Before } else { Norms::Behind };
        let shape = Shape { channels, wide, heads, norms, epsilon: EPSILON, key_bias: true };
        Ok(Self { convolutions, norm_each, positions, layers, shape, letters: None })
    }

    /// The same with a head that names one of so many letters at each moment.
    pub(super) fn with_letters(self, letters: Option<usize>) -> Self {
        Self { letters, ..self }
    }

    /// The fewest samples that make one moment.
    pub(super) fn least_samples(&self) -> usize {
        let before = |moments: usize, conv: &TimeConv| {
            moments.saturating_sub(1).saturating_mul(conv.stride).saturating_add(conv.kernel)
        };
        self.convolutions.iter().rev().fold(1, before)
    }

    /// The graph: input `waveform [?, samples]`; outputs `feature [?, 2 channels]` and, where there
    /// is such a head, `letters [?, time, letters]`.
    pub(super) fn build(&self) -> Result<Graph, zoo_model::Error> {
        let mut b = GraphBuilder::new();
        let waveform = b.input("waveform", &[None, None]);
        let x = b.unsqueeze(&waveform, 1);
        let mut x = b.with_channels(&x, 1);
        for (index, conv) in self.convolutions.iter().enumerate() {
            let name = convolution(index);
            x = b.conv_over_time(&format!("{name}.conv"), &x, *conv);
            let norm = format!("{name}.layer_norm");
            if self.norm_each {
                let y = b.swap_time_and_channels(&x);
                let y = b.layer_norm(&norm, &y, EPSILON);
                x = b.swap_time_and_channels(&y);
            } else if index == 0 {
                x = b.norm_over_time(&norm, &x, EPSILON);
            }
            x = b.gelu(&x);
        }
        let x = b.swap_time_and_channels(&x);
        let x = b.layer_norm("feature_projection.layer_norm", &x, EPSILON);
        let x = b.project("feature_projection.projection", &x, self.shape.channels);
        let positions = self.place(&mut b, &x);
        let mut x = b.combine(Binary::Add, &x, &positions);
        if self.shape.norms == Norms::Behind {
            x = b.layer_norm("encoder.layer_norm", &x, EPSILON);
        }
        for layer in 0..self.layers {
            x = self.shape.layer(&mut b, &names(layer), &x, None);
        }
        if self.shape.norms == Norms::Before {
            x = b.layer_norm("encoder.layer_norm", &x, EPSILON);
        }
        let feature = b.statistics_over_time(&x);
        match self.letters {
            None => b.finish(&[("feature", &feature)]),
            Some(letters) => {
                let letters = b.project(LETTERS, &x, letters);
                b.finish(&[("feature", &feature), (LETTERS_OUTPUT, &letters)])
            }
        }
    }

    /// What is added to `x [batch, time, channels]` so that moments know where they are: a
    /// convolution that reaches far.
    fn place(&self, b: &mut GraphBuilder, x: &Value) -> Value {
        let x = b.swap_time_and_channels(x);
        let mut y = b.conv_over_time(POSITIONS, &x, self.positions);
        if self.positions.kernel.is_multiple_of(2) {
            // There is one moment more than came in.
            y = b.without_last(&y, 2);
        }
        let y = b.gelu(&y);
        b.swap_time_and_channels(&y)
    }
}

/// Refuses relatives that compute something else, and says which.
fn refuse_others(weights: &Weights, config: Option<&Json>) -> Result<(), String> {
    let parts = [
        ("adapter", "adapters between or behind layers"),
        ("gru_rel_pos", "WavLM's relative positions"),
        ("pos_conv_embed.batch_norm", "a batch norm of positions"),
        ("pos_conv_embed.layers", "data2vec's positions"),
    ];
    for (part, what) in parts {
        if let Some(name) = weights.names().find(|name| name.contains(part)) {
            return Err(format!("it has {what} (`{name}`), which are not built here"));
        }
    }
    for (key, value) in [("feat_extract_activation", "gelu"), ("hidden_act", "gelu")] {
        let found = config.and_then(|config| config.get(key)?.as_str());
        if let Some(other) = found.filter(|found| *found != value) {
            return Err(format!(
                "`config.json` says `{key}` is {other}, only {value} is built here"
            ));
        }
    }
    Ok(())
}

fn convolution(index: usize) -> String {
    format!("feature_extractor.conv_layers.{index}")
}

fn names(layer: usize) -> Names {
    Names::projections(
        &format!("encoder.layers.{layer}"),
        "attention",
        ["feed_forward.intermediate_dense", "feed_forward.output_dense"],
        ["layer_norm", "final_layer_norm"],
    )
}

/// How recordings become waveforms: 16 kHz, of mean 0 and deviation 1, at most half a minute, beyond
/// which attention takes more memory than a feature is worth.
pub(super) fn sound(network: &Network, preprocessor: Option<&Json>) -> Sound {
    let get = |key: &str| preprocessor.and_then(|json| json.get(key));
    let rate = get("sampling_rate").and_then(Json::as_u64).and_then(|rate| rate.try_into().ok());
    let rate = rate.unwrap_or(16_000);
    Sound {
        rate,
        normalise: get("do_normalize").and_then(Json::as_bool).unwrap_or(true),
        least_seconds: Some(network.least_samples() as f64 / f64::from(rate)),
        most_seconds: Some(30.0),
        ..Sound::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_of_the_kernel_gets_its_length() {
        // Two outputs, one input, a kernel of two: columns (3, 4) and (0, 2).
        let directions = Tensor::from_f32(&[2, 1, 2], &[3.0, 0.0, 4.0, 2.0]);
        let lengths = Tensor::from_f32(&[1, 1, 2], &[10.0, 1.0]);
        let weight = with_lengths(&lengths, &directions).unwrap();
        assert_eq!(weight.to_f32(), [6.0, 0.0, 8.0, 1.0]);
        assert!(with_lengths(&directions, &directions).is_none());
    }
}
