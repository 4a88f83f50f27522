//! Choosing how strongly to regularise.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::head::LinearHead;
use super::solve::Task;
use super::{FitOptions, Scaling, expect_c, expect_input};
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::metrics;
use crate::split::stratified_folds;

/// Log-losses that differ by less, in nats, are equal: solutions are no more exact than that.
const EQUAL_LOSS: f64 = 1e-5;

/// What makes one strength of regularisation better than another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Criterion {
    /// A lower mean log-loss; of equals, the stronger regularisation.
    #[default]
    LogLoss,
    /// A higher accuracy; of equals, the lower log-loss, then the stronger regularisation.
    Accuracy,
}

/// How to choose.
#[derive(Debug, Clone, PartialEq)]
pub struct CrossValidation {
    /// The values of `c` to try, in any order.
    pub grid: Vec<f64>,
    /// The number of folds, at least 2; see [`stratified_folds`].
    pub folds: usize,
    /// Seeds the division into folds.
    pub seed: u64,
    /// What is compared.
    pub criterion: Criterion,
    /// As in [`FitOptions`], from the training part of each fold.
    pub scaling: Scaling,
    /// As in [`FitOptions`]; looser than there, since only predictions are compared.
    pub tolerance: f64,
    /// As in [`FitOptions`].
    pub max_iterations: usize,
    /// Stop after this many values of `c` in a row that are no better than the best: weak
    /// regularisation takes longest to solve and seldom wins.
    pub patience: usize,
}

impl CrossValidation {
    /// From 0.0001 to 100 in half powers of ten.
    pub fn default_grid() -> Vec<f64> {
        (-8..=4).map(|half| 10_f64.powf(f64::from(half) / 2.0)).collect()
    }
}

impl Default for CrossValidation {
    /// The default grid, 5 folds, seed 0, by log-loss, features scaled one by one, a gradient
    /// below 1e-4 or 300 steps, patience of 2.
    fn default() -> Self {
        Self {
            grid: Self::default_grid(),
            folds: 5,
            seed: 0,
            criterion: Criterion::default(),
            scaling: Scaling::default(),
            tolerance: 1e-4,
            max_iterations: 300,
            patience: 2,
        }
    }
}

/// How well one value of `c` did on examples that were not learned from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The inverse strength of regularisation.
    pub c: f64,
    /// The mean log-loss over all examples, each predicted by the fold that held it out.
    pub log_loss: f64,
    /// The accuracy over all examples, likewise.
    pub accuracy: f64,
}

/// What was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The chosen inverse strength of regularisation.
    pub c: f64,
    /// All values that were tried, from strong to weak regularisation.
    pub candidates: Vec<Candidate>,
    /// The fold that held out each example `[rows]`.
    pub folds: Vec<usize>,
    /// Probabilities `[rows, classes]` at the chosen `c`, each row predicted by the fold that
    /// held it out: what a label error stands out in.
    pub probabilities: Vec<f32>,
}

/// Chooses `c` by cross-validation on features `[rows, features]` and labels `[rows]`.
///
/// `groups`, as in [`stratified_folds`], keeps exact duplicates in one fold. Folds run in
/// parallel; along the grid each starts from its last solutions. A class that a fold does not
/// learn costs that fold's log-loss a constant.
///
/// # Errors
///
/// As [`fit`](super::fit), and where the grid is empty or the folds are too few, too many,
/// or leave a training part with a single class.
pub fn cross_validate(
    features: Matrix<'_>,
    labels: &[usize],
    classes: usize,
    groups: Option<&[usize]>,
    options: &CrossValidation,
) -> Result<Choice> {
    expect_input(features, labels, classes)?;
    let mut grid = options.grid.clone();
    grid.iter().try_for_each(|&c| expect_c(c))?;
    grid.sort_by(f64::total_cmp);
    grid.dedup();
    let fold_of = stratified_folds(labels, groups, options.folds, options.seed)?;
    let parts: Vec<(Vec<usize>, Vec<usize>)> = (0..options.folds)
        .map(|fold| (0..labels.len()).partition(|&row| fold_of[row] != fold))
        .collect();
    let mut folds = Vec::with_capacity(parts.len());
    for (train, held_out) in &parts {
        folds.push(Fold {
            task: Task::new(features, labels, train, classes, options.scaling)?,
            held_out: held_out.clone(),
            values: gather(features, held_out),
            last: Vec::new(),
        });
    }
    let mut search = Search::new(options);
    for c in grid {
        let parts: Vec<Vec<f32>> =
            folds.par_iter_mut().map(|fold| fold.predict(c, options)).collect::<Result<_>>()?;
        let mut probabilities = vec![0.0; labels.len() * classes];
        for (fold, part) in folds.iter().zip(&parts) {
            for (&row, part) in fold.held_out.iter().zip(part.chunks_exact(classes)) {
                probabilities[row * classes..(row + 1) * classes].copy_from_slice(part);
            }
        }
        let candidate = Candidate {
            c,
            log_loss: metrics::log_loss(&probabilities, labels, classes)?,
            accuracy: metrics::top_k_accuracy(&probabilities, labels, classes, 1)?,
        };
        if search.add(candidate, probabilities) {
            break;
        }
    }
    search.finish(fold_of).ok_or_else(|| Error::setting("grid", "at least one value", "none"))
}

struct Fold<'a> {
    task: Task<'a>,
    held_out: Vec<usize>,
    values: Vec<f32>,
    /// Up to two last solutions, the newest last.
    last: Vec<Vec<f64>>,
}

impl Fold<'_> {
    fn predict(&mut self, c: f64, options: &CrossValidation) -> Result<Vec<f32>> {
        let options = FitOptions {
            c,
            scaling: options.scaling,
            tolerance: options.tolerance,
            max_iterations: options.max_iterations,
        };
        let minimum = self.task.solve(c, &options, self.start());
        let head: LinearHead = self.task.head(&minimum.point);
        if self.last.len() == 2 {
            self.last.remove(0);
        }
        self.last.push(minimum.point);
        let values = Matrix::new(&self.values, self.held_out.len(), head.features)?;
        head.probabilities(values)
    }

    /// Where the next solution should be: as far from the last one as that was from the one
    /// before it.
    fn start(&self) -> Option<Vec<f64>> {
        match self.last.as_slice() {
            [before, last] => {
                Some(last.iter().zip(before).map(|(last, before)| 2.0 * last - before).collect())
            }
            last => last.last().cloned(),
        }
    }
}

fn gather(features: Matrix<'_>, rows: &[usize]) -> Vec<f32> {
    let rows = rows.iter().map(|&row| features.row(row));
    rows.collect::<Vec<_>>().concat()
}

/// The best so far, from strong to weak regularisation.
struct Search {
    criterion: Criterion,
    patience: usize,
    candidates: Vec<Candidate>,
    best: Option<(usize, Vec<f32>)>,
}

impl Search {
    fn new(options: &CrossValidation) -> Self {
        Self {
            criterion: options.criterion,
            patience: options.patience.max(1),
            candidates: Vec::new(),
            best: None,
        }
    }

    /// Whether to stop.
    fn add(&mut self, candidate: Candidate, probabilities: Vec<f32>) -> bool {
        self.candidates.push(candidate);
        let at = self.candidates.len() - 1;
        match &self.best {
            Some((best, _)) if !self.is_better(candidate, self.candidates[*best]) => {
                at - best >= self.patience
            }
            _ => {
                self.best = Some((at, probabilities));
                false
            }
        }
    }

    /// Strictly better: the candidate with stronger regularisation came first and keeps its
    /// place against an equal.
    fn is_better(&self, candidate: Candidate, best: Candidate) -> bool {
        let less_loss = candidate.log_loss < best.log_loss - EQUAL_LOSS;
        match self.criterion {
            Criterion::LogLoss => less_loss,
            Criterion::Accuracy => {
                candidate.accuracy > best.accuracy
                    || (candidate.accuracy == best.accuracy && less_loss)
            }
        }
    }

    fn finish(self, folds: Vec<usize>) -> Option<Choice> {
        let (best, probabilities) = self.best?;
        Some(Choice {
            c: self.candidates[best].c,
            candidates: self.candidates,
            folds,
            probabilities,
        })
    }
}
