//! What zoo reads and runs, as a page: formats, architectures, and how much of the registry.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use zoo_convert::architectures::{self, Architecture};
use zoo_convert::{is_built, trunks};
use zoo_model::{Cuts, Parameter, Weights};
use zoo_registry::{Entry, EntryVersion, Index, Runs};

const PAGE: &str = "docs/support.md";

const HEAD: &str = "\
# What runs

Made by `cargo xtask support` from the architectures, the readers and the registry's entries; CI
checks that it is what they say. Operators of ONNX have a [page of their own](onnx-support.md).

";

/// Writes the page below `repository`, or compares it with what is there; the totals come back.
pub(crate) fn run(repository: &Path, models: &Path, check: bool) -> Result<String> {
    let index = Index::from_dir(models)?;
    let entries = index.entries()?;
    let mut page = HEAD.to_owned();
    let totals = formats(&mut page, &entries)?;
    networks(&mut page, &entries)?;
    trunks_of_others(&mut page);
    let path = repository.join(PAGE);
    if check {
        let there = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        ensure!(there == page, "{PAGE} is not what the code says: run `cargo xtask support`");
    } else {
        std::fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(totals)
}

/// Whether a version runs. An entry that names a network which nothing builds, or of which it states
/// another number of parameters than are built, says what is not so: that is an error.
fn runs(entry: &Entry, version: &EntryVersion) -> Result<Runs> {
    let runs = Runs::of_version(entry, version, is_built);
    let Some(name) = entry.architecture_of(version) else { return Ok(runs) };
    let what = || format!("{}@{}", entry.name, version.version);
    ensure!(is_built(name), "{} names the network {name}, which is not built", what());
    if let Some(stated) = entry.parameters_of(version).filter(|_| !version.headless)
        && let Ok(network) = architectures::find(name)
        && runs == Runs::Yes
    {
        let classes = version.classes.or(entry.classes).unwrap_or(1000) as usize;
        let built = learned(network, classes)?;
        // torchvision counts Inception's auxiliary head, which only training used.
        let auxiliary = network.is_ignored("AuxLogits.") && stated > built;
        let agrees = stated == built || auxiliary;
        ensure!(agrees, "{} states {stated} parameters, {name} has {built}", what());
    }
    Ok(runs)
}

/// How many numbers training moves, which is what publishers count.
fn learned(network: &Architecture, classes: usize) -> Result<u64> {
    Ok(network.build(classes)?.trainable_elements() as u64)
}

fn formats(page: &mut String, entries: &[Entry]) -> Result<String> {
    let mut counts: BTreeMap<String, (bool, [usize; 3])> = BTreeMap::new();
    let mut total = [0; 3];
    for entry in entries {
        for version in &entry.versions {
            let Some(file) = version.files.first() else { continue };
            let place = match runs(entry, version)? {
                Runs::Yes => 0,
                Runs::Untried => 1,
                Runs::No => 2,
            };
            let count = counts.entry(file.format.to_string()).or_default();
            count.0 = file.format.has_reader();
            count.1[place] += 1;
            total[place] += 1;
        }
    }
    let all: usize = total.iter().sum();
    let totals = format!(
        "{all} sets of weights of {} models: {} run, {} are untried, {} do not run",
        entries.len(),
        total[0],
        total[1],
        total[2]
    );
    page.push_str("## Formats\n\n");
    let _ = writeln!(
        page,
        "The registry has {totals}.\n\
         Untried is a graph whose operators show when it is converted; what does not run is of a\n\
         format that is not read or of a network that is not built.\n"
    );
    page.push_str("| format | read | run | untried | do not run |\n|---|---|---|---|---|\n");
    for (format, (read, [runs, untried, lacks])) in counts {
        let read = if read { "yes" } else { "no" };
        let _ = writeln!(page, "| {format} | {read} | {runs} | {untried} | {lacks} |");
    }
    Ok(totals)
}

/// What makes features of texts and recordings.
fn trunks_of_others(page: &mut String) {
    page.push_str("\n## Trunks of texts and recordings\n\n");
    page.push_str("They name no classes: an adaptation puts a head on them.\n\n");
    page.push_str("| network | reads | feature |\n|---|---|---|\n");
    page.push_str("| word vectors | texts, by their words | the mean of the words' vectors |\n");
    for (name, reads, feature) in trunks::ALL {
        let _ = writeln!(page, "| {name} | {reads} | {feature} |");
    }
    page.push_str(
        "| ONNX graph of `input_ids` | texts, by tokenizer.json beside | the mean over tokens, of length one |\n\
         | ONNX graph, with `--input` | recordings | mean and deviation over time |\n",
    );
}

fn networks(page: &mut String, entries: &[Entry]) -> Result<()> {
    let mut weights: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in entries {
        for version in &entry.versions {
            if let Some(network) =
                entry.architecture_of(version).and_then(|name| architectures::find(name).ok())
                && runs(entry, version)? == Runs::Yes
            {
                *weights.entry(network.name).or_default() += 1;
            }
        }
    }
    page.push_str("\n## Architectures\n\n");
    page.push_str(
        "Names of parameters are the publisher's (torchvision's, or timm's where torchvision has no\n\
         such network). Parameters are counted with 1000 classes; stages are where fine-tuning can\n\
         begin.\n\n",
    );
    page.push_str(
        "| network | image | parameters | feature | stages | weights in the registry |\n",
    );
    page.push_str("|---|---|---|---|---|---|\n");
    for network in architectures::ALL {
        let graph = network.build(1000)?;
        let numbers: usize =
            graph.parameters.values().filter(|p| p.trainable).map(Parameter::elements).sum();
        let cuts = Cuts::find(&graph, &Weights::new())?
            .with_context(|| format!("{} has no head", network.name))?;
        let _ = writeln!(
            page,
            "| {} | {} | {numbers} | {} | {} | {} |",
            network.name,
            network.size,
            cuts.feature_length,
            cuts.stages.len(),
            weights.get(network.name).copied().unwrap_or_default()
        );
    }
    Ok(())
}
