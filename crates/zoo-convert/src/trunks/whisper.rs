//! The encoder of Whisper, which hears speech in many languages, by the names of Hugging Face's
//! transformers and by OpenAI's own. Source: Radford et al.: *Robust speech recognition via
//! large-scale weak supervision*, 2022; OpenAI's `whisper/model.py`; transformers'
//! `models/whisper`.
//!
//! The feature of a recording is the mean and the deviation over time of the encoder's output. The
//! decoder, which writes, is not built.

use zoo_model::graph::TimeConv;
use zoo_model::ops::Binary;
use zoo_model::{Graph, GraphBuilder, Weights};
use zoo_sound::{FrontEnd, Log, LogMel, MelNorm, MelScale, Sound, ValueRange};

use super::transformer::{Names, Norms, Shape};

/// By which a checkpoint is known.
pub(super) const ANCHOR: &str = "encoder.conv1.weight";

/// PyTorch's default.
const EPSILON: f32 = 1e-5;
/// Channels of each head, in all sizes of Whisper.
const HEAD: usize = 64;

/// Whose names the parameters have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Publisher {
    HuggingFace,
    OpenAi,
}

/// How large an encoder is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Encoder {
    publisher: Publisher,
    mels: usize,
    positions: usize,
    layers: usize,
    shape: Shape,
}

impl Publisher {
    fn positions(self) -> &'static str {
        match self {
            Self::HuggingFace => "encoder.embed_positions.weight",
            Self::OpenAi => "encoder.positional_embedding",
        }
    }

    fn last_norm(self) -> &'static str {
        match self {
            Self::HuggingFace => "encoder.layer_norm",
            Self::OpenAi => "encoder.ln_post",
        }
    }

    fn names(self, layer: usize) -> Names {
        match self {
            Self::HuggingFace => Names::projections(
                &format!("encoder.layers.{layer}"),
                "self_attn",
                ["fc1", "fc2"],
                ["self_attn_layer_norm", "final_layer_norm"],
            ),
            Self::OpenAi => {
                let part = |part: &str| format!("encoder.blocks.{layer}.{part}");
                Names {
                    query: part("attn.query"),
                    key: part("attn.key"),
                    value: part("attn.value"),
                    output: part("attn.out"),
                    attention_norm: part("attn_ln"),
                    wide: part("mlp.0"),
                    narrow: part("mlp.2"),
                    norm: part("mlp_ln"),
                }
            }
        }
    }
}

impl Encoder {
    /// The encoder with these parameters, names without a prefix; `None` where there is none.
    pub(super) fn of(weights: &Weights) -> Option<Self> {
        let publisher = [Publisher::HuggingFace, Publisher::OpenAi]
            .into_iter()
            .find(|publisher| weights.get(publisher.positions()).is_some())?;
        let &[channels, mels, _] = weights.get(ANCHOR)?.shape() else { return None };
        let &[positions, _] = weights.get(publisher.positions())?.shape() else { return None };
        let first = |name: String| weights.get(&format!("{name}.weight"))?.shape().first().copied();
        let wide = first(publisher.names(0).wide)?;
        let layers = (0..weights.len())
            .take_while(|&layer| first(publisher.names(layer).query).is_some())
            .count();
        if channels == 0 || channels % HEAD != 0 {
            return None;
        }
        let (heads, norms) = (channels / HEAD, Norms::Before);
        let shape = Shape { channels, wide, heads, norms, epsilon: EPSILON, key_bias: false };
        Some(Self { publisher, mels, positions, layers, shape })
    }

    /// The graph: input `log_mel [?, mels, frames]`, output `feature [?, 2 channels]`.
    pub(super) fn build(&self) -> Result<Graph, zoo_model::Error> {
        let channels = self.shape.channels;
        let mut b = GraphBuilder::new();
        let mut x = b.input("log_mel", &[None, Some(self.mels), None]);
        for (name, stride) in [("encoder.conv1", 1), ("encoder.conv2", 2)] {
            let conv = TimeConv {
                outputs: channels,
                kernel: 3,
                stride,
                padding: 1,
                groups: 1,
                bias: true,
            };
            let y = b.conv_over_time(name, &x, conv);
            x = b.gelu(&y);
        }
        let x = b.swap_time_and_channels(&x);
        let positions = b.buffer(self.publisher.positions(), &[self.positions, channels]);
        let positions = b.first_rows(&positions, &x, 1);
        let mut x = b.combine(Binary::Add, &x, &positions);
        for layer in 0..self.layers {
            x = self.shape.layer(&mut b, &self.publisher.names(layer), &x, None);
        }
        let x = b.layer_norm(self.publisher.last_norm(), &x, EPSILON);
        let feature = b.statistics_over_time(&x);
        b.finish(&[("feature", &feature)])
    }

    /// How recordings become log-mel spectrograms: 16 kHz, from one second to the half minute that the
    /// encoder has positions for.
    ///
    /// In training every recording was filled up to half a minute. The encoder takes less, in so much
    /// less time, and spoken digits were told apart as well at one second; without any silence behind
    /// them they were not quite.
    pub(super) fn sound(&self) -> Sound {
        /// Samples of one position: two frames.
        const SAMPLES: usize = 320;
        let mel = LogMel {
            fft: 400,
            hop: 160,
            drop_last: true,
            mels: self.mels as u32,
            scale: MelScale::Slaney,
            norm: MelNorm::Slaney,
            log: Log::Log10,
            range: Some(ValueRange { dynamic: Some(8.0), add: 4.0, divide: 4.0 }),
            ..LogMel::default()
        };
        let rate = 16_000;
        let most = (self.positions * SAMPLES) as f64 / f64::from(rate);
        Sound {
            rate,
            least_seconds: Some(most.min(1.0)),
            most_seconds: Some(most),
            front_end: FrontEnd::LogMel(mel),
            ..Sound::default()
        }
    }
}
