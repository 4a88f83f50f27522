//! Training more than the head.

use std::collections::BTreeSet;
use std::mem;

use zoo_model::graph::NewHead;
use zoo_model::{Bundle, Cuts, DType, Executor, Kind, Tensor};

use super::tables::Tables;
use super::{AdaptOptions, Data, Selection, probe, set_head};
use crate::classifier::softmax;
use crate::features::Extractor;
use crate::finetune::{Finetune, FinetuneOptions, Inputs, LEARNING_RATE, LEARNING_RATE_OF_WORDS};
use crate::progress::Observer;
use crate::{Error, Result};

/// Where learning begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Start {
    /// Behind a value.
    After(String),
    /// At the inputs: with the rows that words are looked up in.
    Words,
}

impl Start {
    /// The learning rate at its peak.
    pub(super) fn learning_rate(&self, options: &FinetuneOptions) -> f64 {
        options.learning_rate.unwrap_or(match self {
            Self::After(_) => LEARNING_RATE,
            Self::Words => LEARNING_RATE_OF_WORDS,
        })
    }
}

/// Where learning begins in `parent` if the last stages learn. The last stage ends in the feature
/// itself. A network of words that has not as many stages learns the words.
pub(super) fn start(parent: &Bundle, cuts: &Cuts, finetune: &FinetuneOptions) -> Result<Start> {
    let stages = cuts.stages.len();
    let cut = stages.checked_sub(finetune.stages + 1).map(|index| cuts.stages[index].clone());
    if cut.is_none() && Tables::of(&parent.graph).next().is_some() {
        return Ok(Start::Words);
    }
    cut.map(Start::After).ok_or_else(|| {
        let actual = format!("{} of {stages}", finetune.stages);
        Error::setting("stages", "fewer than the model has", actual)
    })
}

/// What further training begins with.
pub(super) struct Tuning<'a> {
    pub(super) parent: &'a Bundle,
    pub(super) new: &'a NewHead,
    pub(super) data: &'a Data<'a>,
    /// The features of the training examples, and how strongly the head was regularised.
    pub(super) train: &'a Selection,
    pub(super) c: f64,
    pub(super) finetune: &'a FinetuneOptions,
    pub(super) options: &'a AdaptOptions,
    pub(super) extractor: &'a Extractor,
    pub(super) observer: &'a dyn Observer,
}

impl Tuning<'_> {
    /// Trains what is behind `start` in `bundle`, whose head is solved; the probabilities of what is
    /// held out, and the epochs.
    pub(super) fn run(&self, start: &Start, bundle: &mut Bundle) -> Result<(Vec<f32>, usize)> {
        if let Start::After(cut) = start
            && let Some(done) = self.behind_cut(start, cut, bundle)?
        {
            return Ok(done);
        }
        self.whole(start, bundle)
    }

    /// The value at the cut is computed once, and what is behind it learns. `None` where there is
    /// too much to keep, or examples are not one after the other there.
    fn behind_cut(
        &self,
        start: &Start,
        cut: &str,
        bundle: &mut Bundle,
    ) -> Result<Option<(Vec<f32>, usize)>> {
        let extractor = Extractor::new(self.parent, cut, self.options.device)?;
        if !extractor.is_batched() {
            return Ok(None);
        }
        // Recordings and texts differ in length, and axes in which: each run says what they are.
        let shape = vec![None; extractor.shape().len()];
        let graph = self.new.graph.after(cut, DType::F32, shape);
        let samples = self.data.samples();
        let most = self.finetune.most_bytes;
        let found = extractor.inputs_behind(&graph, &samples, most, self.observer)?;
        let Some(mut found) = found else { return Ok(None) };
        let take = |row: &usize| mem::take(&mut found[*row]);
        let each = self.data.split.train.iter().map(take).collect();
        let inputs = Inputs { each, masked: self.masked() };
        let epochs = self.train(start, bundle, &graph, inputs, &|_| true)?;
        let executor = Executor::new(graph, &bundle.weights, &self.options.device)?;
        let held = self.data.split.held_out.iter().map(|&row| &found[row][..]);
        Ok(Some((probabilities(&executor, held)?, epochs)))
    }

    /// Whether texts have a mask, so that they can be filled up to one length.
    fn masked(&self) -> bool {
        self.extractor.kind() == Kind::Text && self.new.graph.inputs.len() > 1
    }

    /// All of the graph runs, and what is behind `start` learns. Of tables of words only the rows
    /// that occur are there: others would never move.
    fn whole(&self, start: &Start, bundle: &mut Bundle) -> Result<(Vec<f32>, usize)> {
        let read = |row: &usize| self.read(self.data.examples[*row]);
        let train: Vec<Vec<Tensor>> =
            self.data.split.train.iter().map(read).collect::<Result<_>>()?;
        let mut graph = self.new.graph.clone();
        let tables = Tables::seen(&mut graph, &train);
        let each = train.iter().map(|inputs| tables.renumbered(inputs)).collect();
        let inputs = Inputs { each, masked: self.masked() };
        let learning = match start {
            Start::Words => graph.parameters.keys().cloned().collect(),
            Start::After(cut) => {
                let behind = graph.after(cut, DType::F32, Vec::new());
                behind.parameters.keys().cloned().collect::<BTreeSet<_>>()
            }
        };
        let mut small = Bundle::new(bundle.card.clone(), graph.clone(), bundle.weights.clone());
        tables.narrow(&mut small.weights);
        let learns = |name: &str| learning.contains(name);
        let epochs = self.train(start, &mut small, &graph, inputs, &learns)?;
        tables.put_back(small.weights, &mut bundle.weights);
        let executor = Executor::with_tables_in_place(
            self.new.graph.clone(),
            &bundle.weights,
            &self.options.device,
        )?;
        let held: Vec<Vec<Tensor>> =
            self.data.split.held_out.iter().map(read).collect::<Result<_>>()?;
        Ok((probabilities(&executor, held.iter().map(Vec::as_slice))?, epochs))
    }

    fn read(&self, example: &crate::dataset::Example) -> Result<Vec<Tensor>> {
        let reader = self.extractor.reader();
        example.content.inputs(reader, &self.new.graph, || example.name())
    }

    fn train(
        &self,
        start: &Start,
        bundle: &mut Bundle,
        graph: &zoo_model::Graph,
        inputs: Inputs,
        learns: &dyn Fn(&str) -> bool,
    ) -> Result<usize> {
        let (train, options) = (self.train, self.options);
        let classes = bundle.card.labels.len();
        let inner = self.data.validation_split(options.seed)?;
        let first_head = probe::solve_rows(train, &inner.train, classes, self.c, &options.head)?;
        let mut first = bundle.clone();
        set_head(&mut first, self.new, &first_head);
        let training = Finetune {
            graph,
            inputs,
            labels: &train.labels,
            learns,
            classes,
            device: options.device,
            options: self.finetune,
            peak: start.learning_rate(self.finetune),
            seed: options.seed,
        };
        let tuned = training.run(
            &first.weights,
            &bundle.weights,
            &inner.train,
            &inner.held_out,
            self.observer,
        )?;
        for (name, tensor) in tuned.weights {
            // What did not move keeps the bytes, and the type, that it was stored with.
            let moved = bundle.weights.get(&name).is_none_or(|old| old.to_f32() != tensor.to_f32());
            if moved {
                bundle.weights.insert(name, tensor);
            }
        }
        Ok(tuned.epochs)
    }
}

/// The probabilities of the classes for each of `examples`, one after the other.
fn probabilities<'a>(
    executor: &Executor,
    examples: impl Iterator<Item = &'a [Tensor]>,
) -> Result<Vec<f32>> {
    let mut probabilities = Vec::new();
    for inputs in examples {
        let logits = executor.infer(inputs)?[0].to_f32();
        probabilities.extend(softmax(&logits));
    }
    Ok(probabilities)
}
