//! Silero VAD, version 5 at 16 kHz: whether somebody speaks, each 32 milliseconds. Source: the graph of
//! <https://github.com/snakers4/silero-vad>, whose weights have these names in safetensors.
//!
//! The feature of a recording is the mean and the deviation over time of the state of its recurrent
//! layer.

use zoo_model::graph::{TimeConv, Value};
use zoo_model::ops::{Activation, Binary, Unary};
use zoo_model::{Graph, GraphBuilder};
use zoo_sound::{Frames, FrontEnd, Sound};

/// By which a checkpoint is known.
pub(super) const ANCHOR: &str = "stft_conv.weight";

/// Samples between two frames, and those that a frame sees of the one before.
const HOP: usize = 512;
const CONTEXT: usize = 64;
/// Frequencies of the Fourier transform, which is a convolution with cosines and sines.
const FREQUENCIES: usize = 129;
const HIDDEN: usize = 128;

/// The graph: input `frames [?, frames, 576]`, output `feature [?, 256]`.
pub(super) fn build() -> Result<Graph, zoo_model::Error> {
    let mut b = GraphBuilder::new();
    let length = HOP + CONTEXT;
    let frames = b.input("frames", &[None, None, Some(length)]);
    let x = b.reshape(&frames, &[-1, 1, length as i64]);
    let x = b.with_channels(&x, 1);
    let x = b.mirror_over_time(&x, 0, CONTEXT);
    let fourier = TimeConv {
        outputs: 2 * FREQUENCIES,
        kernel: 256,
        stride: 128,
        padding: 0,
        groups: 1,
        bias: false,
    };
    let x = b.conv_over_time("stft_conv", &x, fourier);
    let mut x = magnitude(&mut b, &x);
    for (name, outputs, stride) in
        [("conv1", 128, 1), ("conv2", 64, 2), ("conv3", 64, 2), ("conv4", 128, 1)]
    {
        let spec = TimeConv { outputs, kernel: 3, stride, padding: 1, groups: 1, bias: true };
        x = b.conv_over_time(name, &x, spec);
        x = b.relu(&x);
    }
    // One place is left of the time within a frame.
    let x = b.reshape(&x, &[-1, HIDDEN as i64]);
    let x = b.unfold(&x, &frames, 2, HIDDEN);
    let states = b.lstm_cell("lstm_cell", &x, HIDDEN);
    let feature = b.statistics_over_time(&states);
    b.finish(&[("feature", &feature)])
}

/// The length of complex numbers, real parts before imaginary ones along the channels.
fn magnitude(b: &mut GraphBuilder, x: &Value) -> Value {
    let [real, imaginary] = [0, FREQUENCIES].map(|from| {
        let part = b.slice(x, &[(1, from, from + FREQUENCIES, 1)]);
        let part = b.with_channels(&part, FREQUENCIES);
        b.combine(Binary::Mul, &part, &part)
    });
    let sum = b.combine(Binary::Add, &real, &imaginary);
    // The root of zero has no gradient.
    let sum = b.activate(&sum, Activation::Clip { min: Some(1e-24), max: None });
    b.elementwise(Unary::Sqrt, &sum)
}

/// How recordings become frames: 16 kHz, each frame with the end of the one before.
pub(super) fn sound() -> Sound {
    let frames =
        Frames { length: (HOP + CONTEXT) as u32, hop: HOP as u32, center: false, normalise: false };
    Sound { rate: 16_000, front_end: FrontEnd::Frames(frames), ..Sound::default() }
}
