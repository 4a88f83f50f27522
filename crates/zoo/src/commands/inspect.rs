mod plan;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use serde_json::json;
use zoo_convert::format::{self, Format};
use zoo_convert::{caffe, onnx, pickle, read_checkpoint, renaming};
use zoo_model::{Bundle, Card, Cuts, Graph, Weights};

use crate::cli::{Global, InspectArgs};
use crate::{models, output};

/// As many rows as are shown without `--all`.
const SHOWN: usize = 12;

pub(crate) fn run(global: &Global, args: &InspectArgs) -> Result<ExitCode> {
    let path = Path::new(&args.target);
    if !path.exists() {
        if models::looks_like_path(&args.target) {
            bail!("there is no file {}", args.target);
        }
        let bundle = models::open(global, &args.target)?;
        return show_bundle(global, args, &bundle);
    }
    match format::detect(path)? {
        Format::Zoo => show_bundle(global, args, &Bundle::open(path)?),
        Format::Onnx => {
            let model = onnx::load(path)?;
            show_file(global, args, model.graph, model.weights)
        }
        Format::Caffe => {
            let model = caffe::load(path, None)?;
            show_file(global, args, model.graph, model.weights)
        }
        format => show_checkpoint(global, args, path, format),
    }
}

/// What a file holds that has no card: its head is looked for here.
fn show_file(
    global: &Global,
    args: &InspectArgs,
    graph: Graph,
    weights: Weights,
) -> Result<ExitCode> {
    let cuts = Cuts::find(&graph, &weights)?;
    let nameless = Bundle::new(Card::new("", "other", "unknown"), graph, weights);
    show_graph(global, args, &nameless, None, cuts.as_ref())
}

fn show_bundle(global: &Global, args: &InspectArgs, bundle: &Bundle) -> Result<ExitCode> {
    show_graph(global, args, bundle, Some(&bundle.card), bundle.card.cuts.as_ref())
}

/// `card` is the bundle's, unless nobody has written it one.
fn show_graph(
    global: &Global,
    args: &InspectArgs,
    bundle: &Bundle,
    card: Option<&Card>,
    cuts: Option<&Cuts>,
) -> Result<ExitCode> {
    let (graph, weights) = (&bundle.graph, &bundle.weights);
    let facts = graph.infer(weights, &bundle.probe_shapes(1)?)?;
    if args.plan {
        return plan::show(global, args.all, bundle);
    }
    if global.json {
        output::json(&json!({ "card": card, "graph": graph, "cuts": cuts }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(card) = card {
        output::line(format!("{}@{}: {}, {}", card.name, card.version, card.task, card.license))?;
        if let Some(source) = &card.source {
            output::line(format!("from {} (sha256 {})", source.file, source.sha256))?;
        }
        if let Some(adapted) = &card.adapted {
            let parent = &adapted.parent;
            output::line(format!(
                "adapted from {}@{} ({}), seed {}, {} examples, held-out accuracy {:.1} %",
                parent.name,
                parent.version,
                parent.digest.short(),
                adapted.seed,
                adapted.examples,
                adapted.metrics.accuracy * 100.0
            ))?;
            for (name, value) in &adapted.recipe {
                output::line(format!("  {name}: {value}"))?;
            }
        }
        let reads = [
            card.preprocess.as_ref().map(serde_json::to_string),
            card.text.as_ref().map(serde_json::to_string),
            card.sound.as_ref().map(serde_json::to_string),
        ];
        let kinds = ["pictures", "texts", "sounds"];
        for (kind, reads) in kinds.iter().zip(reads) {
            if let Some(reads) = reads {
                output::line(format!("reads {kind} {}", reads?))?;
            }
        }
        match card.labels.len() {
            0 => {}
            count if count <= SHOWN => {
                output::line(format!("classes: {}", card.labels.join(", ")))?;
            }
            count => output::line(format!("classes: {count}"))?,
        }
    }
    for input in &graph.inputs {
        output::line(format!("input  {} {} {}", input.name, input.dtype, input.shape_text()))?;
    }
    for name in &graph.outputs {
        output::line(format!("output {name} {}", shape_text(facts.get(name))))?;
    }
    let all: usize = graph.parameters.values().map(zoo_model::Parameter::elements).sum();
    output::line(format!(
        "{} nodes, {} parameters with {} numbers, {} trainable",
        graph.nodes.len(),
        graph.parameters.len(),
        output::count(all as u64),
        output::count(graph.trainable_elements() as u64)
    ))?;
    match cuts {
        Some(cuts) => {
            let how = if cuts.pooled { ", means over height and width" } else { "" };
            let length = cuts.feature_length;
            output::line(format!("feature {} ({length} numbers{how})", cuts.feature))?;
            if let Some(transcript) = card.and_then(|card| card.transcript.as_ref()) {
                output::line(format!(
                    "letters {} (what is said, written down)",
                    transcript.output
                ))?;
            }
            if cuts.has_head() {
                output::line(format!("head    {}", cuts.head.join(", ")))?;
                output::line(format!("logits  {}", cuts.logits))?;
            } else {
                output::line("head    none: it is a trunk, to be adapted")?;
            }
            let stages: Vec<String> = cuts
                .stages
                .iter()
                .map(|stage| {
                    format!("{stage} {:?}", facts.get(stage).map_or(&[][..], |f| &f.shape))
                })
                .collect();
            output::line(format!("stages  {}", cuts.stages.len()))?;
            limited(args, &stages)?;
        }
        None => output::line("no head was found: it is no classifier")?,
    }
    output::line("nodes")?;
    let nodes: Vec<String> = graph
        .nodes
        .iter()
        .map(|node| {
            let made = shape_text(node.outputs.first().and_then(|name| facts.get(name)));
            format!("{:<20} {:<40} {made}", node.op.name(), node.name)
        })
        .collect();
    limited(args, &nodes)?;
    output::line("parameters")?;
    let parameters: Vec<String> = graph
        .parameters
        .iter()
        .map(|(name, parameter)| {
            let stored = weights.get(name).map_or(parameter.dtype, zoo_model::Tensor::dtype);
            format!("{name:<50} {stored:<4} {:?}", parameter.shape)
        })
        .collect();
    limited(args, &parameters)?;
    Ok(ExitCode::SUCCESS)
}

fn show_checkpoint(
    global: &Global,
    args: &InspectArgs,
    path: &Path,
    format: Format,
) -> Result<ExitCode> {
    let globals = if format == Format::PyTorch { pickle::globals(path)? } else { Vec::new() };
    let checkpoint = match read_checkpoint(path, format) {
        Ok(checkpoint) => checkpoint,
        Err(error) => {
            // What a refused file would have run is what its reader wants to know.
            show_globals(&globals)?;
            return Err(error.into());
        }
    };
    let architecture = renaming::detect(&checkpoint.weights).map(|found| found.name);
    if global.json {
        let tensors: Vec<_> = checkpoint
            .weights
            .iter()
            .map(|(name, tensor)| json!({ "name": name, "dtype": tensor.dtype(), "shape": tensor.shape() }))
            .collect();
        let globals: Vec<_> = globals
            .iter()
            .map(|global| json!({ "name": global.name, "harmless": global.harmless }))
            .collect();
        output::json(&json!({
            "container": checkpoint.container, "architecture": architecture,
            "tensors": tensors, "globals": globals,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let all: usize = checkpoint.weights.iter().map(|(_, tensor)| tensor.len()).sum();
    output::line(format!(
        "{}, {} tensors with {} numbers",
        checkpoint.container,
        checkpoint.weights.len(),
        output::count(all as u64)
    ))?;
    output::line(format!("architecture {}", architecture.unwrap_or("unknown: --arch must say")))?;
    show_globals(&globals)?;
    output::line("tensors")?;
    let tensors: Vec<String> = checkpoint
        .weights
        .iter()
        .map(|(name, tensor)| format!("{name:<50} {:<4} {:?}", tensor.dtype(), tensor.shape()))
        .collect();
    limited(args, &tensors)?;
    Ok(ExitCode::SUCCESS)
}

fn show_globals(globals: &[pickle::Global]) -> Result<()> {
    if globals.is_empty() {
        return Ok(());
    }
    output::line("pickle globals (none is ever called here)")?;
    globals.iter().try_for_each(|global| {
        let note =
            if global.harmless { "" } else { "   <- Python would run this: do not load it there" };
        output::line(format!("  {}{note}", global.name))
    })
}

fn limited(args: &InspectArgs, rows: &[String]) -> Result<()> {
    let shown = if args.all { rows.len() } else { rows.len().min(SHOWN) };
    rows[..shown].iter().try_for_each(|row| output::line(format!("  {row}")))?;
    match rows.len() - shown {
        0 => Ok(()),
        more => output::line(format!("  ... {more} more, --all shows them")),
    }
}

/// A shape as people read it; one that only a run can tell is `?`.
fn shape_text(fact: Option<&zoo_model::Fact>) -> String {
    fact.map_or_else(|| "?".to_owned(), |fact| format!("{:?}", fact.shape))
}
