use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::json;
use zoo_kernels::{Isa, peak_operations};
use zoo_model::Tensor;
use zoo_model::bundle::{probe_shape, typed_probe};

use crate::cli::{BenchArgs, Global};
use crate::{models, output};

/// Runs before the clock starts.
const WARM_UP: usize = 2;

pub(crate) fn run(global: &Global, args: &BenchArgs) -> Result<ExitCode> {
    let bundle = models::open(global, &args.model)?;
    let batch = usize::from(args.batch);
    let inputs: Vec<Tensor> = bundle
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
    let executor = bundle.executor(&global.device)?.with_engine(args.engine.into());
    let mut pool = rayon::ThreadPoolBuilder::new();
    if let Some(threads) = args.threads {
        pool = pool.num_threads(usize::from(threads));
    }
    let pool = pool.build().context("threads cannot be started")?;
    let threads = pool.current_num_threads();
    let shapes: Vec<Vec<usize>> = inputs.iter().map(|input| input.shape().to_vec()).collect();
    let (seconds, operations) = pool.install(|| -> Result<_> {
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
        Ok((seconds, executor.operations(&shapes)?))
    })?;
    // The reference comes from the same minute: clocks change with the weather.
    let peak = peak_operations(Isa::best()) * threads as f64;
    let rate = |seconds: f64| batch as f64 / seconds;
    let (best, median) = (rate(seconds[0]), rate(seconds[seconds.len() / 2]));
    let flops = operations as f64 / seconds[0];
    let memory = peak_memory();
    let name = &bundle.card.name;
    let engine = zoo_model::Engine::from(args.engine).name();
    if global.json {
        output::json(&json!({
            "model": name, "batch": batch, "runs": args.runs, "threads": threads,
            "device": global.device.name(), "engine": engine, "instructions": Isa::best().name(),
            "best_images_per_second": best, "median_images_per_second": median,
            "gflops": flops / 1e9, "peak_gflops": peak / 1e9, "share_of_peak": flops / peak,
            "peak_memory_bytes": memory,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(format!(
        "{name}: best {best:.1}, median {median:.1} images a second (batch {batch}, {} runs, {}, {engine}, {threads} threads)",
        args.runs, global.device,
    ))?;
    output::line(format!(
        "{:.1} GFLOP/s, {:.0} % of the {:.1} that {} does in registers{}",
        flops / 1e9,
        100.0 * flops / peak,
        peak / 1e9,
        Isa::best(),
        memory.map_or_else(String::new, |bytes| format!(
            "; {:.0} MB of memory at most",
            bytes as f64 / 1e6
        )),
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// The most memory that this process has had at once, in bytes, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}
