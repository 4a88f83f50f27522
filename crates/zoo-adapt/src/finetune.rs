//! Training the last stages further, from a solved head on.
//!
//! What stands before the cut is frozen, so its output is computed once; an epoch runs only the
//! stages that learn. Where there is too much of it to keep, each epoch runs all of the network, and
//! gradients go no further down than the cut. Batch norms keep their running statistics: with
//! a few hundred images those of a batch say less than those of ImageNet.
//!
//! Few examples are soon learned by heart, so the number of epochs is chosen: a part of the
//! training examples is set aside, the best epoch on them is found (none at all being one of the
//! choices), and training starts anew on all examples for as long. The held-out examples of the
//! evaluation are never looked at.

use std::collections::BTreeMap;

use zoo_model::exec::{AdamW, TrainOptions, Trainer};
use zoo_model::reader::batch;
use zoo_model::{Device, Executor, Graph, SplitMix64, Tensor, Weights};

use crate::classifier::softmax;
use crate::metrics;
use crate::progress::{Event, Observer, Step};
use crate::{Error, Result};

/// How the last stages are trained.
#[derive(Debug, Clone, PartialEq)]
pub struct FinetuneOptions {
    /// How many stages before the head learn.
    pub stages: usize,
    /// The most epochs.
    pub epochs: usize,
    /// Examples in a step.
    pub batch: usize,
    /// The learning rate at its peak; the usual one, if not given: [`LEARNING_RATE`], or where words
    /// learn [`LEARNING_RATE_OF_WORDS`].
    pub learning_rate: Option<f64>,
    /// The share of the weights that is taken away in a step, for each unit of learning rate.
    pub weight_decay: f64,
    /// The share of all steps over which the learning rate rises from zero; then it falls along
    /// a cosine.
    pub warm_up: f64,
    /// The most bytes of what is computed once, before the cut, that are kept in memory. If there is
    /// more, it is computed anew in each epoch.
    pub most_bytes: usize,
}

/// The usual learning rate: few examples and a solved head leave little to move, and a larger rate
/// only forgets.
pub const LEARNING_RATE: f64 = 3e-5;
/// The usual learning rate where the rows of words learn: each is met rarely.
pub const LEARNING_RATE_OF_WORDS: f64 = 3e-3;

impl Default for FinetuneOptions {
    /// Two stages, 8 epochs of batches of 32, decay 0.01, a tenth of warm-up, 4 GiB kept.
    fn default() -> Self {
        Self {
            stages: 2,
            epochs: 8,
            batch: 32,
            learning_rate: None,
            weight_decay: 0.01,
            warm_up: 0.1,
            most_bytes: 4 << 30,
        }
    }
}

/// What the part that learns is given, for each example.
pub(crate) struct Inputs {
    /// The inputs of the graph, a batch of one.
    pub(crate) each: Vec<Vec<Tensor>>,
    /// Whether a mask leaves out what shorter ones are filled up with.
    pub(crate) masked: bool,
}

impl Inputs {
    /// `rows` in batches of at most `size`. What differs in length is not mixed: recordings of one
    /// length are together, and texts that are filled up to about the same.
    fn batches(&self, rows: &[usize], size: usize) -> Vec<Vec<usize>> {
        /// Texts are filled up by fewer tokens than this.
        const TOKENS: usize = 32;
        let mut alike: BTreeMap<Vec<Vec<usize>>, Vec<usize>> = BTreeMap::new();
        for &row in rows {
            let shapes = self.each[row].iter().map(|input| {
                let mut shape = input.shape().to_vec();
                if let Some(tokens) = shape.get_mut(1).filter(|_| self.masked) {
                    *tokens = tokens.next_multiple_of(TOKENS);
                }
                shape
            });
            alike.entry(shapes.collect()).or_default().push(row);
        }
        alike.values().flat_map(|rows| rows.chunks(size)).map(<[usize]>::to_vec).collect()
    }

    fn batch(&self, rows: &[usize]) -> Result<Vec<Tensor>> {
        let each: Vec<&[Tensor]> = rows.iter().map(|&row| &self.each[row][..]).collect();
        batch(&each, self.masked).ok_or_else(|| {
            let expected = "1, since the examples differ in length";
            Error::setting("batch", expected, rows.len())
        })
    }
}

/// The trained parameters, and after how many epochs training stopped.
pub(crate) struct Finetuned {
    pub(crate) weights: Weights,
    pub(crate) epochs: usize,
}

/// The learning rate of step `step` of `steps`, from 0, as a share of the one at the peak.
///
/// Source: Loshchilov, Hutter: *SGDR: stochastic gradient descent with warm restarts*, 2017,
/// without restarts.
pub fn learning_rate(options: &FinetuneOptions, step: usize, steps: usize) -> f64 {
    let warm_up = (options.warm_up * steps as f64).ceil().max(1.0);
    let at = step as f64 + 1.0;
    if at <= warm_up {
        return at / warm_up;
    }
    let share = (at - warm_up) / (steps as f64 - warm_up).max(1.0);
    0.5 * (1.0 + (std::f64::consts::PI * share).cos())
}

/// The stages that learn, and what they learn from.
pub(crate) struct Finetune<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) inputs: Inputs,
    /// The class of each example.
    pub(crate) labels: &'a [usize],
    /// Whether a parameter learns, by its name.
    pub(crate) learns: &'a dyn Fn(&str) -> bool,
    pub(crate) classes: usize,
    pub(crate) device: Device,
    pub(crate) options: &'a FinetuneOptions,
    /// The learning rate at its peak.
    pub(crate) peak: f64,
    pub(crate) seed: u64,
}

impl Finetune<'_> {
    /// Finds the best number of epochs on `validation` from the weights `first`, whose head was
    /// solved without it, then trains all examples for as many epochs from `start`.
    pub(crate) fn run(
        &self,
        first: &Weights,
        start: &Weights,
        train: &[usize],
        validation: &[usize],
        observer: &dyn Observer,
    ) -> Result<Finetuned> {
        let all: Vec<usize> = (0..self.labels.len()).collect();
        let steps = |rows: &[usize]| self.inputs.batches(rows, self.options.batch.max(1)).len();
        let total = self.options.epochs * (steps(train) + steps(&all));
        observer.event(Event::Started { step: Step::Finetune, total });
        let mut done = 0;
        let mut tick = || {
            done += 1;
            observer.event(Event::Advanced { step: Step::Finetune, done });
        };

        let mut trainer = self.trainer(first)?;
        let mut losses = vec![self.loss(&trainer, validation)?];
        self.train(&mut trainer, train, self.options.epochs, &mut tick, |trainer| {
            losses.push(self.loss(trainer, validation)?);
            Ok(())
        })?;
        // Of equal epochs the earlier: less was changed.
        let best = (0..losses.len()).min_by(|a, b| losses[*a].total_cmp(&losses[*b])).unwrap_or(0);

        let mut trainer = self.trainer(start)?;
        self.train(&mut trainer, &all, best, &mut tick, |_| Ok(()))?;
        let summary = format!(
            "{best} of {} epochs, validation loss {:.3} from {:.3}",
            self.options.epochs, losses[best], losses[0]
        );
        observer.event(Event::Finished { step: Step::Finetune, summary });
        Ok(Finetuned { weights: trainer.weights(), epochs: best })
    }

    fn trainer(&self, weights: &Weights) -> Result<Trainer> {
        let executor = Executor::new(self.graph.clone(), weights, &self.device)?;
        let options = TrainOptions { batch_statistics: false, dropout: true };
        Ok(Trainer::new(executor, options, self.seed, self.learns)?)
    }

    /// The first `epochs` epochs of a schedule that is made for all of them.
    fn train(
        &self,
        trainer: &mut Trainer,
        rows: &[usize],
        epochs: usize,
        tick: &mut dyn FnMut(),
        mut after_epoch: impl FnMut(&Trainer) -> Result<()>,
    ) -> Result<()> {
        let batch = self.options.batch.max(1);
        let steps = self.options.epochs * self.inputs.batches(rows, batch).len();
        let mut optimizer = AdamW::new(self.options.weight_decay);
        let mut random = SplitMix64::for_part(self.seed, 1);
        let mut rows = rows.to_vec();
        let mut step = 0;
        for _ in 0..epochs {
            random.shuffle(&mut rows);
            let mut batches = self.inputs.batches(&rows, batch);
            // They are in the order of their lengths.
            random.shuffle(&mut batches);
            for rows in &batches {
                let labels: Vec<usize> = rows.iter().map(|&row| self.labels[row]).collect();
                let found = trainer.step(&self.inputs.batch(rows)?, &labels)?;
                if !found.loss.is_finite() {
                    let actual = format!("{}: the loss became infinite", self.peak);
                    return Err(Error::setting("learning rate", "small enough to learn", actual));
                }
                let rate = self.peak * learning_rate(self.options, step, steps);
                trainer.descend(found, &mut optimizer, rate);
                step += 1;
                tick();
            }
            after_epoch(trainer)?;
        }
        Ok(())
    }

    fn loss(&self, trainer: &Trainer, rows: &[usize]) -> Result<f64> {
        let mut probabilities = Vec::with_capacity(rows.len() * self.classes);
        let batches = self.inputs.batches(rows, self.options.batch.max(1));
        for rows in &batches {
            let logits = trainer.infer(&self.inputs.batch(rows)?)?[0].to_f32();
            probabilities.extend(logits.chunks_exact(self.classes).flat_map(softmax));
        }
        let labels: Vec<usize> = batches.iter().flatten().map(|&row| self.labels[row]).collect();
        metrics::log_loss(&probabilities, &labels, self.classes)
    }
}
