//! Runs an ONNX image classifier by a peer written in Rust, and prints how many images a second
//! it takes, as JSON with the keys of `zoo bench --json`:
//!
//! ```sh
//! cargo run --release -- rten resnet-50.onnx --batch 8 --threads 2 --seconds 3
//! ```

mod by_rten;
mod by_tract;
mod clock;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Parser, ValueEnum};
use serde_json::json;

/// Channels of a picture.
const CHANNELS: usize = 3;

/// One run of the network on the batch that it was made with.
type Run = Box<dyn FnMut() -> Result<()>>;

#[derive(Parser)]
#[command(version, about = "Measures how fast rten or tract runs an ONNX image classifier")]
struct Arguments {
    /// Who runs the network
    engine: Engine,
    /// The network, with one input `[batch, 3, image, image]`
    model: PathBuf,
    /// Images in a run
    #[arg(long, default_value_t = 8)]
    batch: usize,
    /// The side of an image
    #[arg(long, default_value_t = 224)]
    image: usize,
    /// Threads that compute
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// How long to run after two runs to warm up
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Engine {
    Rten,
    Tract,
}

impl Engine {
    /// The network of the file at `model`, made ready for pictures of `shape`:
    /// `[batch, channels, height, width]`.
    fn load(self, model: &Path, shape: [usize; 4], threads: usize) -> Result<Run> {
        match self {
            Self::Rten => by_rten::load(model, shape, threads),
            Self::Tract => by_tract::load(model, shape, threads),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Rten => "rten",
            Self::Tract => "tract",
        }
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let shape = [arguments.batch, CHANNELS, arguments.image, arguments.image];
    let run = arguments.engine.load(&arguments.model, shape, arguments.threads)?;
    let times = clock::measure(run, arguments.seconds)?;
    let rate = |seconds: f64| arguments.batch as f64 / seconds;
    let report = json!({
        "engine": arguments.engine.name(),
        "batch": arguments.batch,
        "threads": arguments.threads,
        "runs": times.runs,
        "best_images_per_second": rate(times.best),
        "median_images_per_second": rate(times.median),
    });
    println!("{report}");
    Ok(())
}

/// A batch in `[-1, 1)`: values that matter to nobody, but are neither all the same nor denormal.
fn pictures(shape: [usize; 4]) -> Vec<f32> {
    let elements: usize = shape.iter().product();
    (0..elements).map(|i| (i * 31 % 255) as f32 / 127.5 - 1.0).collect()
}
