use std::path::Path;

use zoo_model::{Bundle, Kind, write_file_atomically};

use super::Data;
use crate::check::{DataCheck, DataReport};
use crate::dataset::Content;
use crate::metrics::Evaluation;
use crate::report::{Exhibit, Mistake, Report, Timing};
use crate::{Error, Result};

/// The most mistakes that a report shows.
const MISTAKES: usize = 24;

/// An adapted model and the evidence for how good it is.
#[derive(Debug)]
pub struct Outcome {
    /// What its examples are.
    pub kind: Kind,
    /// The model, not written yet.
    pub bundle: Bundle,
    /// What was measured on the held-out examples.
    pub evaluation: Evaluation,
    /// What was measured on all examples in folds, if that was asked for.
    pub folds: Option<Evaluation>,
    /// What the data check found.
    pub data: DataReport,
    /// How many examples were learned from.
    pub train_examples: usize,
    /// How many examples were run through the trunk; the features of the others were known.
    pub computed_features: usize,
    /// How long each step took.
    pub timings: Vec<Timing>,
    /// Held-out examples that are named wrongly, the most certain mistakes first.
    pub mistakes: Vec<Wrong>,
    data_digest: String,
}

/// A held-out example that is named wrongly.
#[derive(Debug, Clone, PartialEq)]
pub struct Wrong {
    /// What it is.
    pub content: Content,
    /// Its path below the data folder, or its table and line.
    pub relative: String,
    /// Its class.
    pub label: usize,
    /// The class that the model names.
    pub predicted: usize,
    /// How sure the model is of that.
    pub probability: f64,
}

impl Outcome {
    pub(super) fn new(
        bundle: Bundle,
        evaluation: Evaluation,
        probabilities: &[f32],
        data: &Data,
        checked: &DataCheck,
        computed_features: usize,
        timings: Vec<Timing>,
    ) -> Self {
        let classes = bundle.card.labels.len();
        let mut mistakes = Vec::new();
        for (row, &index) in probabilities.chunks_exact(classes).zip(&data.split.held_out) {
            let predicted =
                (0..classes).fold(0, |best, at| if row[at] > row[best] { at } else { best });
            let example = data.examples[index];
            if predicted != example.class {
                mistakes.push(Wrong {
                    content: example.content.clone(),
                    relative: example.relative.clone(),
                    label: example.class,
                    predicted,
                    probability: f64::from(row[predicted]),
                });
            }
        }
        mistakes.sort_by(|a, b| {
            b.probability.total_cmp(&a.probability).then_with(|| a.relative.cmp(&b.relative))
        });
        Self {
            kind: data.kind,
            bundle,
            evaluation,
            folds: None,
            data: checked.report.clone(),
            train_examples: data.split.train.len(),
            computed_features,
            timings,
            mistakes,
            data_digest: checked.data_digest.clone(),
        }
    }

    /// Everything as one page, with the worst mistakes to look at, to read or to listen to.
    pub fn report(&self) -> Result<String> {
        let adapted = self.bundle.card.adapted.as_ref();
        let mistakes = self.mistakes.iter().take(MISTAKES).map(|wrong| Mistake {
            name: wrong.relative.clone(),
            label: wrong.label,
            predicted: wrong.predicted,
            probability: wrong.probability,
            exhibit: Exhibit::of(self.kind, &wrong.content),
        });
        let report = Report {
            title: self.bundle.card.name.clone(),
            parent: adapted.map_or_else(String::new, |adapted| {
                format!("{}@{}", adapted.parent.name, adapted.parent.version)
            }),
            parent_digest: adapted.map_or_else(String::new, |a| a.parent.digest.to_string()),
            recipe: adapted.map_or_else(Vec::new, |a| a.recipe.clone().into_iter().collect()),
            seed: adapted.map_or(0, |adapted| adapted.seed),
            data_digest: self.data_digest.clone(),
            train_examples: self.train_examples,
            timings: self.timings.clone(),
            class_names: self.bundle.card.labels.clone(),
            evaluation: self.evaluation.clone(),
            folds: self.folds.as_ref().map(|folds| (folds.accuracy, folds.accuracy_interval)),
            mistakes: mistakes.collect(),
            data: self.data.clone(),
            tool: adapted.map_or_else(String::new, |adapted| adapted.tool.clone()),
        };
        report.to_html()
    }

    /// Writes the page to `path`, as a whole or not at all.
    pub fn write_report(&self, path: &Path) -> Result<()> {
        let html = self.report()?;
        write_file_atomically(path, |file| {
            file.write_all(html.as_bytes()).map_err(Error::write(path))
        })
    }
}
