//! CREPE, a network that hears the pitch of each 64 milliseconds, by torchcrepe's names. Source: Kim
//! et al.: *CREPE: a convolutional representation for pitch estimation*, 2018; torchcrepe's
//! `model.py`.
//!
//! The feature of a recording is the mean and the deviation over its frames of what enters the
//! classifier of pitches.

use zoo_model::{Graph, GraphBuilder, Weights};
use zoo_sound::{Frames, FrontEnd, Sound};

/// By which a checkpoint is known.
pub(super) const ANCHOR: &str = "conv1_BN.running_mean";

/// Samples of a frame.
const LENGTH: usize = 1024;
/// TensorFlow's, as torchcrepe has it.
const EPSILON: f32 = 0.001;

/// Output channels of the six convolutions in a checkpoint; `None` where one is missing.
fn channels(weights: &Weights) -> Option<Vec<usize>> {
    (1..=6)
        .map(|layer| weights.get(&format!("conv{layer}.weight"))?.shape().first().copied())
        .collect()
}

/// The graph of a checkpoint: input `frames [?, frames, 1024]`, output `feature [?, 2 n]`. `None`
/// where it is not CREPE's.
pub(super) fn build(weights: &Weights) -> Option<Result<Graph, zoo_model::Error>> {
    let channels = channels(weights)?;
    let mut b = GraphBuilder::new();
    let frames = b.input("frames", &[None, None, Some(LENGTH)]);
    let mut x = b.reshape_image(&frames, &[-1, 1, LENGTH as i64, 1]);
    for (index, outputs) in channels.iter().enumerate() {
        let (kernel, stride, padding) =
            if index == 0 { (512, 4, (254, 254)) } else { (64, 1, (31, 32)) };
        let name = format!("conv{}", index + 1);
        x = b.conv_over_height(&name, &x, [*outputs, kernel, stride], padding);
        x = b.relu(&x);
        x = b.batch_norm(&format!("{name}_BN"), &x, EPSILON);
        x = b.max_over_height(&x, 2);
    }
    // Six times half of a quarter of the samples are left of the height, place before channel.
    let length = channels[5] * ((LENGTH / 4) >> 6);
    let x = b.permute(&x, &[0, 2, 1, 3]);
    let x = b.reshape(&x, &[-1, length as i64]);
    let x = b.unfold(&x, &frames, 2, length);
    let feature = b.statistics_over_time(&x);
    Some(b.finish(&[("feature", &feature)]))
}

/// How recordings become frames: 16 kHz, a frame each 10 milliseconds, each of mean 0 and deviation 1.
pub(super) fn sound() -> Sound {
    Sound { rate: 16_000, front_end: FrontEnd::Frames(Frames::default()), ..Sound::default() }
}
