use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use serde_json::json;
use zoo_model::bundle::{probe_shape, typed_probe};

use crate::cli::{BenchArgs, Global};
use crate::{models, output};

/// Runs before the clock starts.
const WARM_UP: usize = 2;

pub(crate) fn run(global: &Global, args: &BenchArgs) -> Result<ExitCode> {
    let bundle = models::open(global, &args.model)?;
    let batch = usize::from(args.batch);
    let inputs: Vec<_> = bundle
        .graph
        .inputs
        .iter()
        .map(|info| {
            let mut shape = probe_shape(&info.shape);
            if let (Some(first), Some(None)) = (shape.first_mut(), info.shape.first()) {
                *first = batch;
            }
            typed_probe(info.dtype, &shape)
        })
        .collect();
    let executor = bundle.executor(&global.device)?;
    for _ in 0..WARM_UP {
        executor.infer(&inputs)?;
    }
    let mut seconds = Vec::new();
    for _ in 0..args.runs {
        let start = Instant::now();
        executor.infer(&inputs)?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    let rate = |seconds: f64| batch as f64 / seconds;
    let (best, median) = (rate(seconds[0]), rate(seconds[seconds.len() / 2]));
    let threads = rayon::current_num_threads();
    let name = &bundle.card.name;
    if global.json {
        output::json(&json!({
            "model": name, "batch": batch, "runs": args.runs, "threads": threads,
            "device": global.device.name(), "best_images_per_second": best,
            "median_images_per_second": median,
        }))?;
    } else {
        output::line(format!(
            "{name}: best {best:.1}, median {median:.1} images a second (batch {batch}, {} runs, {}, {threads} threads)",
            args.runs, global.device,
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
