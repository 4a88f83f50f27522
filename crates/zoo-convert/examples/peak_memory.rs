//! How much memory a model takes at most, as a multiple of its weights: `cargo run --release
//! -p zoo-convert --example peak_memory [ARCHITECTURE]`.
//!
//! The weights are made by rule, so nothing is fetched. Each step runs in a process of its own,
//! whose peak the kernel tells (`VmHWM`): what is mapped and was touched counts. The first step
//! does nothing; it shows what a program takes before it has seen a model.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::path::Path;
use std::process::Command;

use zoo_convert::architectures::{self, rule_weights};
use zoo_convert::export::{ExportFormat, export};
use zoo_convert::{ConvertOptions, convert};
use zoo_model::bundle::probe_input;
use zoo_model::{Bundle, Card, Device};

type Outcome = Result<(), Box<dyn Error>>;
/// What reads and writes in a folder.
type Step = fn(&Path) -> Outcome;

const CHECKPOINT: &str = "checkpoint.safetensors";
const BUNDLE: &str = "model.zoo";

/// What is done, by name, in this order; the files of one are read by the next.
const STEPS: [(&str, Step); 5] = [
    ("nothing", |_| Ok(())),
    ("convert and write", |folder| {
        let conversion = convert(&folder.join(CHECKPOINT), &ConvertOptions::default())?;
        conversion.bundle.write(folder.join(BUNDLE))?;
        Ok(())
    }),
    ("open", |folder| {
        Bundle::open(folder.join(BUNDLE))?;
        Ok(())
    }),
    ("open, executor", |folder| {
        Bundle::open(folder.join(BUNDLE))?.executor(&Device::Cpu)?;
        Ok(())
    }),
    ("open, executor, one image", |folder| {
        let executor = Bundle::open(folder.join(BUNDLE))?.executor(&Device::Cpu)?;
        executor.infer(&[probe_input(&[1, 3, 224, 224])])?;
        Ok(())
    }),
];

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [step, folder] = &arguments[..] {
        let (_, run) = STEPS.iter().find(|(name, _)| name == step).ok_or("no such step")?;
        run(Path::new(folder))?;
        println!("{}", peak()?);
        return Ok(());
    }
    let name = arguments.first().map_or("resnet-152", String::as_str);
    let folder = std::env::temp_dir().join(format!("zoo-peak-memory-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let measured = measure(name, &folder);
    std::fs::remove_dir_all(&folder)?;
    measured
}

fn measure(name: &str, folder: &Path) -> Outcome {
    let graph = architectures::find(name)?.build(1000)?;
    let weights = rule_weights(&graph, 1.0);
    let bytes: usize = weights.iter().map(|(_, tensor)| tensor.bytes().len()).sum();
    let bundle = Bundle::new(Card::new(name, "image-classification", "MIT"), graph, weights);
    export(&bundle, ExportFormat::Safetensors, &folder.join(CHECKPOINT))?;
    println!("{name}: {:.1} MiB of weights", mib(bytes as u64));
    for (step, _) in STEPS {
        let run = Command::new(std::env::current_exe()?).arg(step).arg(folder).output()?;
        if !run.status.success() {
            return Err(String::from_utf8_lossy(&run.stderr).into_owned().into());
        }
        let peak: u64 = String::from_utf8(run.stdout)?.trim().parse()?;
        println!("{step:26} {:7.1} MiB, {:.2} times", mib(peak), peak as f64 / bytes as f64);
    }
    Ok(())
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// The most bytes that this process has held.
fn peak() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let digits =
        line.and_then(|line| line.trim().strip_suffix("kB")).ok_or("the kernel is silent")?;
    Ok(digits.trim().parse::<u64>()? << 10)
}
