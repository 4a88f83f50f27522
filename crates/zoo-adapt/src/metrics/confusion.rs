//! What was taken for what.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, expect_labels};

/// Counts `[true class, predicted class]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfusionMatrix {
    classes: usize,
    counts: Vec<usize>,
}

/// How well one class is found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClassMetrics {
    /// Of the examples predicted as this class, the part that is right; 0 where there are none.
    pub precision: f64,
    /// Of the examples of this class, the part that is found; 0 where there are none.
    pub recall: f64,
    /// The harmonic mean of precision and recall; 0 where both are 0.
    pub f1: f64,
    /// The number of examples of this class.
    pub support: usize,
}

impl ConfusionMatrix {
    /// Counts the pairs of a prediction and a true label.
    ///
    /// # Errors
    ///
    /// There are not as many predictions as labels, or one of either is out of range.
    pub fn new(predicted: &[usize], labels: &[usize], classes: usize) -> Result<Self> {
        Error::expect_size("predictions", labels.len(), predicted.len())?;
        expect_labels(labels, classes)?;
        expect_labels(predicted, classes)?;
        let mut counts = vec![0; classes * classes];
        for (label, predicted) in labels.iter().zip(predicted) {
            counts[label * classes + predicted] += 1;
        }
        Ok(Self { classes, counts })
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How many examples of `label` were predicted as `predicted`.
    pub fn count(&self, label: usize, predicted: usize) -> usize {
        self.counts[label * self.classes + predicted]
    }

    /// The counts of one true class, by predicted class `[classes]`.
    pub fn row(&self, label: usize) -> &[usize] {
        &self.counts[label * self.classes..(label + 1) * self.classes]
    }

    /// How many examples were predicted right.
    pub fn correct(&self) -> usize {
        (0..self.classes).map(|class| self.count(class, class)).sum()
    }

    /// Precision, recall and F1 of every class.
    pub fn per_class(&self) -> Vec<ClassMetrics> {
        (0..self.classes).map(|class| self.of_class(class)).collect()
    }

    /// The mean of F1 over the classes that are present or predicted, as scikit-learn has it.
    pub fn macro_f1(&self) -> f64 {
        let counted: Vec<f64> = (0..self.classes)
            .filter(|&class| self.support(class) + self.predicted(class) > 0)
            .map(|class| self.of_class(class).f1)
            .collect();
        ratio(counted.iter().sum(), counted.len() as f64)
    }

    /// Pairs of different classes as `(label, predicted, count)`, most frequent first.
    pub fn confusions(&self) -> Vec<(usize, usize, usize)> {
        let mut pairs: Vec<_> = (0..self.classes)
            .flat_map(|label| (0..self.classes).map(move |predicted| (label, predicted)))
            .filter(|(label, predicted)| label != predicted)
            .map(|(label, predicted)| (label, predicted, self.count(label, predicted)))
            .filter(|&(_, _, count)| count > 0)
            .collect();
        // Stable: equals stay in the order of the classes.
        pairs.sort_by_key(|&(_, _, count)| std::cmp::Reverse(count));
        pairs
    }

    fn support(&self, class: usize) -> usize {
        self.row(class).iter().sum()
    }

    fn predicted(&self, class: usize) -> usize {
        (0..self.classes).map(|label| self.count(label, class)).sum()
    }

    fn of_class(&self, class: usize) -> ClassMetrics {
        let correct = self.count(class, class) as f64;
        let (support, predicted) = (self.support(class), self.predicted(class));
        ClassMetrics {
            precision: ratio(correct, predicted as f64),
            recall: ratio(correct, support as f64),
            f1: ratio(2.0 * correct, (support + predicted) as f64),
            support,
        }
    }
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}
