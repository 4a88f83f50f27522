//! From a pretrained model and a folder of pictures to an adapted model and its report.

mod outcome;
mod probe;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use zoo_model::bundle::{Adapted, Metrics, Parent, parity};
use zoo_model::graph::NewHead;
use zoo_model::{Bundle, Cuts, DType, Device, Digest, Tensor};

use crate::check::{CheckOptions, DataCheck, check};
use crate::dataset::{Example, ImageFolder, Split};
use crate::features::{Extractor, FeatureCache, Features, Image};
use crate::finetune::{Examples, Finetune, FinetuneOptions};
use crate::logistic::LinearHead;
use crate::matrix::Matrix;
use crate::metrics::{Evaluation, evaluate};
use crate::progress::{Event, Observer, Step};
use crate::report::Timing;
use crate::split::{Holdout, stratified_holdout};
use crate::{Error, Result};

pub use outcome::Outcome;
pub use probe::HeadOptions;

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
    /// The share of the images that are held out to measure with, where the folders do not say.
    pub held_out: f64,
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
            device: Device::default(),
            cache: None,
            tool: concat!("zoo ", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// The images that can be used: everything is indexed by their order.
struct Data<'a> {
    examples: Vec<&'a Example>,
    digests: Vec<Digest>,
    labels: Vec<usize>,
    groups: Vec<usize>,
    split: Holdout,
}

/// Adapts `parent` to the images in `folder`.
///
/// Reads and checks the images, holds some out, runs the trunk once for each, solves the head
/// with cross-validated regularisation, trains the last stages if asked to, and measures on
/// what was held out. Images that cannot be read are warned about and left out.
///
/// The same model, images and options give the same bundle, byte for byte, on one machine.
pub fn adapt(
    parent: &Bundle,
    folder: &ImageFolder,
    options: &AdaptOptions,
    observer: &dyn Observer,
) -> Result<Outcome> {
    let no_head = || Error::NoHead { model: parent.card.name.clone() };
    let cuts = parent.card.cuts.clone().ok_or_else(no_head)?;
    if let Strategy::Finetune(finetune) = &options.strategy {
        finetune_cut(&cuts, finetune)?;
    }
    let mut clock = Clock::default();

    let extractor = Extractor::of_features(parent, &cuts, options.device)?;
    let cache = options
        .cache
        .as_ref()
        .map(|dir| FeatureCache::open(dir, extractor.key(), extractor.length()));
    clock.lap("model");
    let checked = read_and_check(folder, cache.as_ref(), observer);
    let data = usable_data(folder, &checked, options)?;
    if matches!(options.strategy, Strategy::Finetune(_)) {
        data.validation_split(options.seed)?;
    }
    clock.lap("check");

    let images = data.images();
    let features = extractor.extract(&images, cache.as_ref(), observer)?;
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
    let mut probabilities = solved.head.probabilities(Matrix::new(
        &held_out.values,
        held_out.labels.len(),
        features.length,
    )?)?;
    if let Strategy::Finetune(finetune) = &options.strategy {
        let (tuned, epochs) = fine_tune(
            parent,
            &cuts,
            &new_head,
            &mut bundle,
            &data,
            &train,
            solved.c,
            finetune,
            options,
            observer,
        )?;
        probabilities = tuned;
        recipe.insert("stages".to_owned(), finetune.stages.to_string());
        recipe.insert("epochs".to_owned(), format!("{epochs} of {}", finetune.epochs));
        recipe.insert("learning_rate".to_owned(), finetune.learning_rate.to_string());
        recipe.insert("weight_decay".to_owned(), finetune.weight_decay.to_string());
        recipe.insert("batch".to_owned(), finetune.batch.to_string());
        clock.lap("fine-tune");
    }

    let evaluation = evaluate(&probabilities, &held_out.labels, classes)?;
    bundle.card.cuts = Cuts::find(&bundle.graph, &bundle.weights)?;
    // On the processor whatever the trunk ran on: what others compare with is one thing.
    bundle.card.parity = Some(parity(&bundle.graph, &bundle.weights, Device::Cpu)?);
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
    Ok(Outcome::new(
        bundle,
        evaluation,
        &probabilities,
        &data,
        &checked,
        features.computed,
        clock.laps,
    ))
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

fn read_and_check(
    folder: &ImageFolder,
    cache: Option<&FeatureCache>,
    observer: &dyn Observer,
) -> DataCheck {
    observer.event(Event::Started { step: Step::Check, total: folder.examples().len() });
    let done = std::sync::atomic::AtomicUsize::new(0);
    let checked = check(folder, &CheckOptions::default(), |_, bytes| {
        let done = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        observer.event(Event::Advanced { step: Step::Check, done });
        // What has a feature was decoded before.
        if cache.is_some_and(|cache| !cache.is_empty() && cache.contains(&Digest::of(bytes))) {
            return Ok(());
        }
        zoo_model::preprocess::decode_bytes(bytes).map(drop).map_err(|error| crate::chain(&error))
    });
    let classes = folder.classes().len();
    let summary = format!("{} images of {classes} classes", checked.usable_examples().len());
    observer.event(Event::Finished { step: Step::Check, summary });
    for finding in checked.report.errors.iter().chain(&checked.report.warnings) {
        observer.event(Event::Warning(finding.to_string()));
    }
    checked
}

fn usable_data<'a>(
    folder: &'a ImageFolder,
    checked: &DataCheck,
    options: &AdaptOptions,
) -> Result<Data<'a>> {
    let all_groups = checked.duplicate_groups();
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
            return Err(Error::TooFewImages { class, usable, needed });
        }
    }
    let split = if folder.has_split() {
        given_split(&examples)
    } else {
        stratified_holdout(&labels, Some(&groups), options.held_out, options.seed)?
    };
    Ok(Data { examples, digests, labels, groups, split })
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

impl Data<'_> {
    fn images(&self) -> Vec<Image<'_>> {
        let pairs = self.examples.iter().zip(&self.digests);
        pairs.map(|(example, &digest)| Image { path: &example.path, digest }).collect()
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

    /// The training images as fine-tuning divides them: the epochs are chosen by the second
    /// part. Indices are those of [`Holdout::train`].
    fn validation_split(&self, seed: u64) -> Result<Holdout> {
        /// As is usual for choices that are measured again later.
        const SHARE: f64 = 0.2;
        let of_train = |all: &[usize]| self.split.train.iter().map(|&row| all[row]).collect();
        let (labels, groups): (Vec<usize>, Vec<usize>) =
            (of_train(&self.labels), of_train(&self.groups));
        let split = stratified_holdout(&labels, Some(&groups), SHARE, seed)?;
        if split.held_out.is_empty() {
            return Err(Error::TooFewToFinetune { images: labels.len() });
        }
        Ok(split)
    }
}

/// The parent with the new head in place of its own.
fn assemble(
    parent: &Bundle,
    folder: &ImageFolder,
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
    bundle
}

fn set_head(bundle: &mut Bundle, new: &NewHead, head: &LinearHead) {
    let shape = [head.classes(), head.features];
    bundle.weights.insert(&new.weight, Tensor::from_f32(&shape, &head.weight));
    bundle.weights.insert(&new.bias, Tensor::from_f32(&shape[..1], &head.bias));
}

/// The value after which stages learn. The last stage ends in the feature itself.
fn finetune_cut<'a>(cuts: &'a Cuts, finetune: &FinetuneOptions) -> Result<&'a String> {
    let stages = cuts.stages.len();
    let cut = stages.checked_sub(finetune.stages + 1).map(|index| &cuts.stages[index]);
    cut.ok_or_else(|| {
        let actual = format!("{} of {stages}", finetune.stages);
        Error::setting("stages", "fewer than the model has", actual)
    })
}

/// Trains the last stages of `bundle`; the probabilities of what is held out, and the epochs.
#[allow(clippy::too_many_arguments, reason = "one step of one function, named for reading")]
fn fine_tune(
    parent: &Bundle,
    cuts: &Cuts,
    new: &NewHead,
    bundle: &mut Bundle,
    data: &Data,
    train: &Selection,
    c: f64,
    finetune: &FinetuneOptions,
    options: &AdaptOptions,
    observer: &dyn Observer,
) -> Result<(Vec<f32>, usize)> {
    let cut = finetune_cut(cuts, finetune)?;
    let extractor = Extractor::new(parent, cut, options.device)?;
    let inputs = extractor.extract(&data.images(), None, observer)?;
    let mut shape: Vec<Option<usize>> = extractor.shape().iter().copied().map(Some).collect();
    shape[0] = None;
    let graph = new.graph.after(cut, DType::F32, shape);

    let classes = bundle.card.labels.len();
    let rows = data.select(&inputs, &data.split.train);
    let inner = data.validation_split(options.seed)?;
    let first_head = probe::solve_rows(train, &inner.train, classes, c, &options.head)?;
    let mut first = bundle.clone();
    set_head(&mut first, new, &first_head);
    let training = Finetune {
        graph: &graph,
        examples: Examples { values: &rows.values, shape: extractor.shape(), labels: &rows.labels },
        classes,
        device: options.device,
        options: finetune,
        seed: options.seed,
    };
    let tuned =
        training.run(&first.weights, &bundle.weights, &inner.train, &inner.held_out, observer)?;
    for (name, tensor) in tuned.weights {
        // What did not move keeps the bytes, and the type, that it was stored with.
        let moved = bundle.weights.get(&name).is_none_or(|old| old.to_f32() != tensor.to_f32());
        if moved {
            bundle.weights.insert(name, tensor);
        }
    }
    let executor = zoo_model::Executor::new(graph, &bundle.weights, &options.device)?;
    let held = data.select(&inputs, &data.split.held_out);
    let mut probabilities = Vec::new();
    for row in held.values.chunks_exact(held.length) {
        let logits = executor.infer(&[Tensor::from_f32(extractor.shape(), row)])?[0].to_f32();
        probabilities.extend(crate::classifier::softmax(&logits));
    }
    Ok((probabilities, tuned.epochs))
}

fn metrics_of(evaluation: &Evaluation) -> Metrics {
    Metrics {
        held_out: evaluation.examples,
        accuracy: evaluation.accuracy,
        macro_f1: evaluation.macro_f1,
        log_loss: evaluation.log_loss,
    }
}
