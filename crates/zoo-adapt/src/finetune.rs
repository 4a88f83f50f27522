//! Training the last stages further, from a solved head on.
//!
//! What stands before the cut is frozen, so its output is computed once for each image; an
//! epoch runs only the stages that learn. Batch norms keep their running statistics: with a few
//! hundred images those of a batch say less than those of ImageNet.
//!
//! Few images are soon learned by heart, so the number of epochs is chosen: a part of the
//! training images is set aside, the best epoch on them is found (none at all being one of the
//! choices), and training starts anew on all images for as long. The held-out images of the
//! evaluation are never looked at.

use zoo_model::exec::{AdamW, TrainOptions, Trainer};
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
    /// Images in a step.
    pub batch: usize,
    /// The learning rate at its peak.
    pub learning_rate: f64,
    /// The share of the weights that is taken away in a step, for each unit of learning rate.
    pub weight_decay: f64,
    /// The share of all steps over which the learning rate rises from zero; then it falls along
    /// a cosine.
    pub warm_up: f64,
}

impl Default for FinetuneOptions {
    /// Two stages, 8 epochs of batches of 32, a rate of 3e-5, decay 0.01, a tenth of warm-up:
    /// few images and a solved head leave little to move, and a larger rate only forgets.
    fn default() -> Self {
        Self {
            stages: 2,
            epochs: 8,
            batch: 32,
            learning_rate: 3e-5,
            weight_decay: 0.01,
            warm_up: 0.1,
        }
    }
}

/// The inputs of the stages that learn.
pub(crate) struct Examples<'a> {
    /// `[examples, shape...]`, row after row.
    pub(crate) values: &'a [f32],
    /// The shape of one, with a batch axis of length one.
    pub(crate) shape: &'a [usize],
    /// The class of each.
    pub(crate) labels: &'a [usize],
}

impl Examples<'_> {
    fn batch(&self, rows: &[usize]) -> Tensor {
        let length: usize = self.shape.iter().product();
        let mut shape = self.shape.to_vec();
        shape[0] = rows.len();
        let values: Vec<f32> = rows
            .iter()
            .flat_map(|row| &self.values[row * length..(row + 1) * length])
            .copied()
            .collect();
        Tensor::from_f32(&shape, &values)
    }
}

/// The trained parameters, and after how many epochs training stopped.
pub(crate) struct Finetuned {
    pub(crate) weights: Weights,
    pub(crate) epochs: usize,
}

/// The learning rate of step `step` of `steps`, from 0.
///
/// Source: Loshchilov, Hutter: *SGDR: stochastic gradient descent with warm restarts*, 2017,
/// without restarts.
pub fn learning_rate(options: &FinetuneOptions, step: usize, steps: usize) -> f64 {
    let warm_up = (options.warm_up * steps as f64).ceil().max(1.0);
    let at = step as f64 + 1.0;
    if at <= warm_up {
        return options.learning_rate * at / warm_up;
    }
    let share = (at - warm_up) / (steps as f64 - warm_up).max(1.0);
    options.learning_rate * 0.5 * (1.0 + (std::f64::consts::PI * share).cos())
}

/// The stages that learn, and what they learn from.
pub(crate) struct Finetune<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) examples: Examples<'a>,
    pub(crate) classes: usize,
    pub(crate) device: Device,
    pub(crate) options: &'a FinetuneOptions,
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
        let all: Vec<usize> = (0..self.examples.labels.len()).collect();
        let steps = |rows: usize| rows.div_ceil(self.options.batch.max(1));
        let total = self.options.epochs * (steps(train.len()) + steps(all.len()));
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
        Ok(Trainer::new(executor, options, self.seed, |_| true)?)
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
        let steps = self.options.epochs * rows.len().div_ceil(batch);
        let mut optimizer = AdamW::new(self.options.weight_decay);
        let mut random = SplitMix64::for_part(self.seed, 1);
        let mut rows = rows.to_vec();
        let mut step = 0;
        for _ in 0..epochs {
            random.shuffle(&mut rows);
            for rows in rows.chunks(batch) {
                let labels: Vec<usize> =
                    rows.iter().map(|&row| self.examples.labels[row]).collect();
                let found = trainer.step(&[self.examples.batch(rows)], &labels)?;
                if !found.loss.is_finite() {
                    let actual =
                        format!("{}: the loss became infinite", self.options.learning_rate);
                    return Err(Error::setting("learning rate", "small enough to learn", actual));
                }
                let rate = learning_rate(self.options, step, steps);
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
        for rows in rows.chunks(self.options.batch.max(1)) {
            let logits = trainer.infer(&[self.examples.batch(rows)])?[0].to_f32();
            probabilities.extend(logits.chunks_exact(self.classes).flat_map(softmax));
        }
        let labels: Vec<usize> = rows.iter().map(|&row| self.examples.labels[row]).collect();
        metrics::log_loss(&probabilities, &labels, self.classes)
    }
}
