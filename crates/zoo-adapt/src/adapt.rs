//! From a pretrained model and labelled examples to an adapted model and its report.

mod outcome;
mod probe;
mod tables;
mod tuning;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use zoo_model::bundle::{Adapted, Metrics, Parent};
use zoo_model::graph::NewHead;
use zoo_model::{Bundle, Device, Digest, Kind, Reader, Tensor};

use crate::check::{CheckOptions, DataCheck, check, look};
use crate::dataset::{Dataset, Example, Grouping, Split, joined};
use crate::features::{Extractor, FeatureCache, Features, Sample};
use crate::finetune::FinetuneOptions;
use crate::logistic::LinearHead;
use crate::matrix::Matrix;
use crate::metrics::{Evaluation, evaluate};
use crate::progress::{Event, Observer, Step};
use crate::report::Timing;
use crate::split::{Holdout, stratified_folds, stratified_holdout};
use crate::{Error, Result};

pub use outcome::Outcome;
pub use probe::HeadOptions;
use tuning::Tuning;

/// What is trained.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Strategy {
    /// A new head, solved; the trunk stays as it is.
    #[default]
    Probe,
    /// A new head, then the last stages with it.
    Finetune(FinetuneOptions),
}

impl Strategy {
    /// The name, as the command line takes it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Finetune(_) => "finetune",
        }
    }
}

/// How a model is adapted.
#[derive(Debug, Clone)]
pub struct AdaptOptions {
    /// The new model's name.
    pub name: String,
    /// What is trained.
    pub strategy: Strategy,
    /// How the head is solved.
    pub head: HeadOptions,
    /// The seed of everything that is drawn.
    pub seed: u64,
    /// The share of the examples that are held out to measure with, where the data do not say.
    pub held_out: f64,
    /// Which examples belong together and stay on one side of every split, by their names.
    pub group_by: Option<Grouping>,
    /// Into how many parts all examples are divided to measure the probe once more, each part by a
    /// head that was solved on the others; 0 for not at all.
    pub folds: usize,
    /// Where the trunk runs.
    pub device: Device,
    /// The folder in which features are kept for the next time; `None` keeps none.
    pub cache: Option<PathBuf>,
    /// The tool and its version, for the card.
    pub tool: String,
}

impl AdaptOptions {
    /// A probe called `name` with seed 0, a fifth held out, on the CPU, that keeps no features.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            strategy: Strategy::default(),
            head: HeadOptions::default(),
            seed: 0,
            held_out: 0.2,
            group_by: None,
            folds: 0,
            device: Device::default(),
            cache: None,
            tool: concat!("zoo ", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// The examples that can be used: everything is indexed by their order.
struct Data<'a> {
    kind: Kind,
    examples: Vec<&'a Example>,
    digests: Vec<Digest>,
    labels: Vec<usize>,
    groups: Vec<usize>,
    split: Holdout,
}

/// Adapts `parent` to the examples in `folder`.
///
/// Reads and checks the examples, holds some out, runs the trunk once for each, solves the head
/// with cross-validated regularisation, trains the last stages if asked to, and measures on
/// what was held out. Examples that cannot be read are warned about and left out.
///
/// The same model, examples and options give the same bundle, byte for byte, on one machine.
pub fn adapt(
    parent: &Bundle,
    folder: &Dataset,
    options: &AdaptOptions,
    observer: &dyn Observer,
) -> Result<Outcome> {
    let no_head = || Error::NoHead { model: parent.card.name.clone() };
    let cuts = parent.card.cuts.clone().ok_or_else(no_head)?;
    let further = match &options.strategy {
        Strategy::Probe => None,
        Strategy::Finetune(finetune) => Some((finetune, tuning::start(parent, &cuts, finetune)?)),
    };
    let mut clock = Clock::default();

    let extractor = Extractor::of_features(parent, &cuts, options.device)?;
    if extractor.kind() != folder.kind() {
        let (model, takes) = (parent.card.name.clone(), extractor.kind());
        return Err(Error::OtherKind { model, takes, found: folder.kind() });
    }
    let cache = options
        .cache
        .as_ref()
        .map(|dir| FeatureCache::open(dir, extractor.key(), extractor.length()));
    clock.lap("model");
    let checked = read_and_check(folder, extractor.reader(), cache.as_ref(), observer);
    let data = usable_data(folder, &checked, options)?;
    if further.is_some() {
        data.validation_split(options.seed)?;
    }
    clock.lap("check");

    let features = extractor.extract(&data.samples(), cache.as_ref(), observer)?;
    clock.lap("features");

    let classes = folder.classes().len();
    let train = data.select(&features, &data.split.train);
    observer.event(Event::Started { step: Step::Head, total: 1 });
    let solved = probe::solve(&train, classes, &options.head, options.seed)?;
    observer.event(Event::Finished { step: Step::Head, summary: solved.summary() });
    clock.lap("head");

    let new_head = parent.graph.with_head(&cuts, classes)?;
    let mut recipe = BTreeMap::from([
        ("strategy".to_owned(), options.strategy.name().to_owned()),
        ("head".to_owned(), "multinomial logistic regression, L-BFGS".to_owned()),
        ("regularisation".to_owned(), solved.strength(6)),
        ("held_out".to_owned(), format!("{}", options.held_out)),
    ]);
    let mut bundle = assemble(parent, folder, &new_head, &solved.head, options);
    let held_out = data.select(&features, &data.split.held_out);
    let mut probabilities = solved.head.probabilities(held_out.matrix()?)?;
    if let Some((finetune, start)) = &further {
        let tuning = Tuning {
            parent,
            new: &new_head,
            data: &data,
            train: &train,
            c: solved.c,
            finetune,
            options,
            extractor: &extractor,
            observer,
        };
        let (tuned, epochs) = tuning.run(start, &mut bundle)?;
        probabilities = tuned;
        recipe.insert("stages".to_owned(), finetune.stages.to_string());
        recipe.insert("epochs".to_owned(), format!("{epochs} of {}", finetune.epochs));
        let rate = start.learning_rate(finetune);
        recipe.insert("learning_rate".to_owned(), rate.to_string());
        recipe.insert("weight_decay".to_owned(), finetune.weight_decay.to_string());
        recipe.insert("batch".to_owned(), finetune.batch.to_string());
        clock.lap("fine-tune");
    }

    let evaluation = evaluate(&probabilities, &held_out.labels, classes)?;
    let folds = match options.folds {
        0 => None,
        folds => Some(in_folds(&data, &features, classes, folds, options)?),
    };
    bundle.card.cuts = Some(new_head.cuts.clone());
    // On the processor whatever the trunk ran on: what others compare with is one thing.
    bundle.card.parity = Some(bundle.parity(Device::Cpu)?);
    bundle.card.adapted = Some(Adapted {
        tool: options.tool.clone(),
        seed: options.seed,
        data: checked.data_digest.parse().map_err(|_| {
            Error::setting("data digest", "64 hexadecimal digits", &checked.data_digest)
        })?,
        examples: data.examples.len(),
        parent: Parent {
            name: parent.card.name.clone(),
            version: parent.card.version.clone(),
            digest: parent.digest(),
        },
        recipe,
        metrics: metrics_of(&evaluation),
    });
    clock.lap("evaluate");
    let computed = features.computed;
    let laps = clock.laps;
    let mut outcome =
        Outcome::new(bundle, evaluation, &probabilities, &data, &checked, computed, laps);
    outcome.folds = folds;
    Ok(outcome)
}

/// Seconds by step.
struct Clock {
    last: Instant,
    laps: Vec<Timing>,
}

impl Default for Clock {
    fn default() -> Self {
        Self { last: Instant::now(), laps: Vec::new() }
    }
}

impl Clock {
    fn lap(&mut self, step: &str) {
        let seconds = self.last.elapsed().as_secs_f64();
        self.laps.push(Timing { step: step.to_owned(), seconds });
        self.last = Instant::now();
    }
}

/// As many findings that are no errors are told while it runs.
const WARNINGS: usize = 8;

fn read_and_check(
    folder: &Dataset,
    reader: &Reader,
    cache: Option<&FeatureCache>,
    observer: &dyn Observer,
) -> DataCheck {
    observer.event(Event::Started { step: Step::Check, total: folder.examples().len() });
    let done = std::sync::atomic::AtomicUsize::new(0);
    let checked = check(folder, &CheckOptions::default(), |_, bytes| {
        let done = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        observer.event(Event::Advanced { step: Step::Check, done });
        // What has a feature was decoded before.
        let is_known =
            || cache.is_some_and(|cache| !cache.is_empty() && cache.contains(&Digest::of(bytes)));
        look(reader, bytes, is_known)
    });
    let classes = folder.classes().len();
    let (usable, what) = (checked.usable_examples().len(), folder.kind().plural());
    let summary = format!("{usable} {what} of {classes} classes");
    observer.event(Event::Finished { step: Step::Check, summary });
    let (errors, warnings) = (&checked.report.errors, &checked.report.warnings);
    for finding in errors.iter().chain(warnings.iter().take(WARNINGS)) {
        observer.event(Event::Warning(finding.to_string()));
    }
    if let Some(more) = warnings.len().checked_sub(WARNINGS).filter(|more| *more > 0) {
        observer.event(Event::Warning(format!("{more} more findings are in the report")));
    }
    checked
}

fn usable_data<'a>(
    folder: &'a Dataset,
    checked: &DataCheck,
    options: &AdaptOptions,
) -> Result<Data<'a>> {
    let mut all_groups = checked.duplicate_groups();
    if let Some(grouping) = &options.group_by {
        all_groups = joined(&all_groups, &grouping.groups(folder.examples().iter())?);
    }
    let (mut examples, mut digests) = (Vec::new(), Vec::new());
    let (mut labels, mut groups) = (Vec::new(), Vec::new());
    for index in checked.usable_examples() {
        let Some(digest) = checked.digests[index] else { continue };
        let example = &folder.examples()[index];
        examples.push(example);
        digests.push(digest);
        labels.push(example.class);
        groups.push(all_groups[index]);
    }
    for (class, name) in folder.classes().iter().enumerate() {
        /// One to learn from, one to measure with.
        const NEEDED: usize = 2;
        let usable = labels.iter().filter(|label| **label == class).count();
        if usable < NEEDED {
            let (class, needed) = (name.clone(), NEEDED);
            return Err(Error::TooFewExamples { class, usable, needed });
        }
    }
    let split = if folder.has_split() {
        given_split(&examples)
    } else {
        stratified_holdout(&labels, Some(&groups), options.held_out, options.seed)?
    };
    for (class, name) in folder.classes().iter().enumerate() {
        if !split.train.iter().any(|&row| labels[row] == class) {
            return Err(Error::OnlyHeldOut { class: name.clone() });
        }
    }
    if split.held_out.is_empty() {
        return Err(Error::NothingHeldOut);
    }
    Ok(Data { kind: folder.kind(), examples, digests, labels, groups, split })
}

/// How good a probe is on all examples, each of them predicted by a head that never saw it: those
/// of one group stay together.
fn in_folds(
    data: &Data,
    features: &Features,
    classes: usize,
    folds: usize,
    options: &AdaptOptions,
) -> Result<Evaluation> {
    let part = stratified_folds(&data.labels, Some(&data.groups), folds, options.seed)?;
    let mut probabilities = Vec::new();
    let mut labels = Vec::new();
    for fold in 0..folds {
        let (held_out, train): (Vec<usize>, Vec<usize>) =
            (0..part.len()).partition(|&row| part[row] == fold);
        if held_out.is_empty() {
            continue;
        }
        let solved =
            probe::solve(&data.select(features, &train), classes, &options.head, options.seed)?;
        let held = data.select(features, &held_out);
        probabilities.extend(solved.head.probabilities(held.matrix()?)?);
        labels.extend(held.labels);
    }
    evaluate(&probabilities, &labels, classes)
}

/// The split that the folders state: measured on `test`, or on `val` where there is none; `val`
/// beside a `test` is learned from, since choices are made by cross-validation.
fn given_split(examples: &[&Example]) -> Holdout {
    let has_test = examples.iter().any(|example| example.split == Some(Split::Test));
    let held = if has_test { Split::Test } else { Split::Val };
    let (held_out, train) =
        (0..examples.len()).partition(|&index| examples[index].split == Some(held));
    Holdout { train, held_out }
}

/// Some rows of the features, with their labels and groups.
struct Selection {
    values: Vec<f32>,
    labels: Vec<usize>,
    groups: Vec<usize>,
    length: usize,
}

impl Selection {
    /// The features `[rows, length]`.
    fn matrix(&self) -> Result<Matrix<'_>> {
        Matrix::new(&self.values, self.labels.len(), self.length)
    }
}

impl Data<'_> {
    fn samples(&self) -> Vec<Sample<'_>> {
        let pairs = self.examples.iter().zip(&self.digests);
        pairs.map(|(example, &digest)| Sample { example, digest }).collect()
    }

    fn select(&self, features: &Features, rows: &[usize]) -> Selection {
        let length = features.length;
        let row = |row: &usize| features.values[row * length..(row + 1) * length].iter().copied();
        Selection {
            values: rows.iter().flat_map(row).collect(),
            labels: rows.iter().map(|&row| self.labels[row]).collect(),
            groups: rows.iter().map(|&row| self.groups[row]).collect(),
            length,
        }
    }

    /// The training examples as fine-tuning divides them: the epochs are chosen by the second
    /// part. Indices are those of [`Holdout::train`].
    fn validation_split(&self, seed: u64) -> Result<Holdout> {
        /// As is usual for choices that are measured again later.
        const SHARE: f64 = 0.2;
        let of_train = |all: &[usize]| self.split.train.iter().map(|&row| all[row]).collect();
        let (labels, groups): (Vec<usize>, Vec<usize>) =
            (of_train(&self.labels), of_train(&self.groups));
        let split = stratified_holdout(&labels, Some(&groups), SHARE, seed)?;
        if split.held_out.is_empty() {
            return Err(Error::TooFewToFinetune { examples: labels.len() });
        }
        Ok(split)
    }
}

/// The parent with the new head in place of its own.
fn assemble(
    parent: &Bundle,
    folder: &Dataset,
    new: &NewHead,
    head: &LinearHead,
    options: &AdaptOptions,
) -> Bundle {
    let mut weights = parent.weights.clone();
    weights.retain(|name| new.graph.parameters.contains_key(name));
    let mut bundle = Bundle::new(parent.card.clone(), new.graph.clone(), weights);
    set_head(&mut bundle, new, head);
    bundle.card.name.clone_from(&options.name);
    "0.1.0".clone_into(&mut bundle.card.version);
    bundle.card.labels = folder.classes().to_vec();
    bundle.card.source = None;
    bundle.card.transcript = None;
    task_of(folder.kind()).clone_into(&mut bundle.card.task);
    bundle.lexicon.clone_from(&parent.lexicon);
    bundle
}

fn task_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Picture => "image-classification",
        Kind::Text => "text-classification",
        Kind::Sound => "audio-classification",
    }
}

fn set_head(bundle: &mut Bundle, new: &NewHead, head: &LinearHead) {
    let shape = [head.classes(), head.features];
    bundle.weights.insert(&new.weight, Tensor::from_f32(&shape, &head.weight));
    bundle.weights.insert(&new.bias, Tensor::from_f32(&shape[..1], &head.bias));
}

fn metrics_of(evaluation: &Evaluation) -> Metrics {
    Metrics {
        held_out: evaluation.examples,
        accuracy: evaluation.accuracy,
        macro_f1: evaluation.macro_f1,
        log_loss: evaluation.log_loss,
    }
}
