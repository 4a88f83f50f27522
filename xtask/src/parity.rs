//! Our networks against torchvision's numbers.
//!
//! A fixture holds no weights: both sides make them from the parameters' names by one rule
//! ([`rule_weights`]), so agreement means that names, shapes, wiring and arithmetic agree.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use zoo_convert::architectures::{self, rule_weights};
use zoo_model::bundle::rule_tiles;
use zoo_model::exec::{TrainOptions, Trainer};
use zoo_model::{Device, Engine, Executor, Graph, Weights};

/// The largest difference of a logit, as a share of the logits' standard deviation.
const LOGITS: f64 = 1e-3;
/// The largest relative difference of a gradient's norm, and what is added to it as a share of
/// the largest norm: some gradients are zero but for rounding.
const GRADIENTS: (f64, f64) = (1e-2, 1e-6);
/// The largest relative difference of the loss and of the running statistics' norms.
const STATISTICS: f64 = 1e-4;

#[derive(Deserialize)]
struct Fixture {
    arch: String,
    gain: f64,
    input_shape: [usize; 4],
    params: Vec<(String, Vec<usize>)>,
    /// Buffers that the architecture gives, not the rule.
    #[serde(default)]
    constants: Vec<(String, Vec<usize>)>,
    #[serde(default)]
    logits: Vec<f64>,
    #[serde(default)]
    labels: Vec<usize>,
    #[serde(default)]
    loss: f64,
    #[serde(default)]
    grad_norms: BTreeMap<String, f64>,
    #[serde(default)]
    running_stat_norms: BTreeMap<String, f64>,
}

/// Checks every fixture in `dir` whose name contains `only`, a line each; fails where one does.
pub(crate) fn run(dir: &Path, only: Option<&str>) -> Result<ExitCode> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .with_context(|| format!("cannot read {}", dir.display()))?
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    let (mut passed, mut failed, mut lacking) = (0, 0, 0);
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if only.is_some_and(|only| !name.contains(only)) {
            continue;
        }
        let text = std::fs::read_to_string(&file)?;
        let fixture: Fixture =
            serde_json::from_str(&text).with_context(|| format!("{}", file.display()))?;
        let Ok(architecture) = architectures::find(&fixture.arch) else {
            lacking += 1;
            println!("{name} LACKING");
            continue;
        };
        // A fixture may be of another size than the network was trained at.
        let architecture = architecture.at_size(fixture.input_shape[2]);
        let graph = architecture.build(1000)?;
        let compared = check_names(&graph, &fixture, |name| architecture.is_ignored(name))
            .and_then(|()| {
                if fixture.grad_norms.is_empty() {
                    inference(graph, &fixture)
                } else {
                    gradients(graph, &fixture)
                }
            });
        match compared {
            Ok((error, true)) => {
                passed += 1;
                println!("{name} {error:.3e} PASS");
            }
            Ok((error, false)) => {
                failed += 1;
                println!("{name} {error:.3e} FAIL");
            }
            Err(error) => {
                failed += 1;
                println!("{name} nan FAIL ({error:#})");
            }
        }
    }
    println!("parity: {passed} passed, {failed} failed, {lacking} lacking");
    ensure!(passed + failed + lacking > 0, "there is no fixture in {}", dir.display());
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The fixture's parameters must be the graph's, by name and shape.
fn check_names(graph: &Graph, fixture: &Fixture, ignored: impl Fn(&str) -> bool) -> Result<()> {
    let names = fixture.params.iter().chain(&fixture.constants);
    let theirs: BTreeMap<_, _> = names.filter(|(name, _)| !ignored(name)).cloned().collect();
    for (name, shape) in &theirs {
        match graph.parameters.get(name) {
            None => bail!("the graph lacks {name}"),
            Some(parameter) if parameter.shape != *shape => {
                bail!("{name} has shape {:?}, torchvision's has {shape:?}", parameter.shape)
            }
            Some(_) => {}
        }
    }
    match graph.parameters.keys().find(|name| !theirs.contains_key(*name)) {
        Some(name) => bail!("torchvision has no {name}"),
        None => Ok(()),
    }
}

/// The plan and Burn by themselves must both agree; the error is that of the worse one.
fn inference(graph: Graph, fixture: &Fixture) -> Result<(f64, bool)> {
    let weights = rule_weights(&graph, fixture.gain);
    let mut worst: f64 = 0.0;
    for engine in [Engine::Plan, Engine::Burn] {
        let executor = Executor::new(graph.clone(), &weights, &Device::Cpu)?.with_engine(engine);
        let logits = executor.infer(&[rule_tiles(fixture.input_shape)])?[0].to_f32();
        worst = nan_max(worst, logits_error(&logits, fixture)?);
    }
    Ok((worst, worst <= LOGITS))
}

/// The largest difference of a logit, as a share of the logits' deviation.
fn logits_error(logits: &[f32], fixture: &Fixture) -> Result<f64> {
    ensure!(logits.len() == fixture.logits.len(), "{} logits came out", logits.len());
    let count = fixture.logits.len() as f64;
    let mean = fixture.logits.iter().sum::<f64>() / count;
    let deviation = (fixture.logits.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count).sqrt();
    let largest = logits
        .iter()
        .zip(&fixture.logits)
        .map(|(ours, theirs)| (f64::from(*ours) - theirs).abs())
        .fold(0.0, nan_max);
    Ok(largest / deviation)
}

/// One step in training mode. The error is the worst of all, each as a share of what it may be,
/// in units of the tolerance for logits.
fn gradients(graph: Graph, fixture: &Fixture) -> Result<(f64, bool)> {
    let weights = rule_weights(&graph, fixture.gain);
    let executor = Executor::new(graph, &weights, &Device::Cpu)?;
    let options = TrainOptions { batch_statistics: true, dropout: false };
    let mut trainer = Trainer::new(executor, options, 0, |_| true)?;
    let step = trainer.step(&[rule_tiles(fixture.input_shape)], &fixture.labels)?;
    let mut worst = (f64::from(step.loss) - fixture.loss).abs() / (STATISTICS * fixture.loss.abs());
    let ours = norms(&step.gradients());
    let largest = fixture.grad_norms.values().copied().fold(0.0, f64::max);
    for (name, theirs) in
        fixture.grad_norms.iter().filter(|(name, _)| !name.starts_with("AuxLogits"))
    {
        let ours = ours.get(name).with_context(|| format!("no gradient of {name}"))?;
        let allowed = GRADIENTS.0 * theirs + GRADIENTS.1 * largest;
        worst = nan_max(worst, (ours - theirs).abs() / allowed);
    }
    let ours = norms(&trainer.weights());
    for (name, theirs) in &fixture.running_stat_norms {
        let ours = ours.get(name).with_context(|| format!("no statistics {name}"))?;
        worst = nan_max(worst, (ours - theirs).abs() / (STATISTICS * theirs));
    }
    Ok((worst * LOGITS, worst <= 1.0))
}

fn norms(tensors: &Weights) -> BTreeMap<String, f64> {
    let norm = |values: Vec<f32>| values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
    tensors.iter().map(|(name, tensor)| (name.clone(), norm(tensor.to_f32()))).collect()
}

/// The larger, or what is not a number: a NaN must never hide behind a maximum.
fn nan_max(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}
