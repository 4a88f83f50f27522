//! One HTML page that shows how good a model is and where it errs.
//!
//! The page is a single string: style sheet, charts (SVG), thumbnails and sounds are inside, there is
//! no script, and its content security policy forbids loading anything. It can be mailed,
//! attached to an issue, or opened years later. Class and file names come from strangers:
//! all text is escaped in one place, `Html::text`.
//!
//! The same report gives the same bytes.

mod classes;
mod data;
mod exhibit;
mod format;
mod heading;
mod heat_map;
mod html;
mod mistakes;

#[cfg(test)]
mod tests;

pub use exhibit::Exhibit;
use html::Html;

use crate::check::DataReport;
use crate::error::{Error, Result};
use crate::metrics::{Evaluation, Interval};

const STYLE: &str = include_str!("report/style.css");

/// Everything a page shows.
#[derive(Debug, Clone)]
pub struct Report {
    /// The heading, such as the model's name.
    pub title: String,
    /// What was adapted, such as `resnet-50@1.0.0`.
    pub parent: String,
    /// The digest of what was adapted, in hexadecimal; empty where unknown.
    pub parent_digest: String,
    /// How it was adapted, as pairs of a setting and its value, in the order to show.
    pub recipe: Vec<(String, String)>,
    /// The seed of everything random.
    pub seed: u64,
    /// The digest of the data, in hexadecimal: see [`data_digest`](crate::check::data_digest).
    pub data_digest: String,
    /// How many examples were learned from.
    pub train_examples: usize,
    /// How long each step took, in the order they ran.
    pub timings: Vec<Timing>,
    /// The class names, in the order of the evaluation.
    pub class_names: Vec<String>,
    /// What was measured on the held-out examples.
    pub evaluation: Evaluation,
    /// The accuracy over all examples in folds, and its interval, if that was measured.
    pub folds: Option<(f64, Interval)>,
    /// Examples to look at, the worst first; a few dozen are plenty.
    pub mistakes: Vec<Mistake>,
    /// What the data check found.
    pub data: DataReport,
    /// The version of the tool, for the foot of the page.
    pub tool: String,
}

/// How long one step took.
#[derive(Debug, Clone, PartialEq)]
pub struct Timing {
    /// The step, such as `features`.
    pub step: String,
    /// Seconds on the clock.
    pub seconds: f64,
}

/// A held-out example that was predicted wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Mistake {
    /// Its name, such as the relative path of the image.
    pub name: String,
    /// Its class, an index into the class names.
    pub label: usize,
    /// The class that was predicted, likewise.
    pub predicted: usize,
    /// The probability of the predicted class, from 0 to 1.
    pub probability: f64,
    /// The example itself, as far as a page can show it.
    pub exhibit: Exhibit,
}

impl Report {
    /// The page.
    ///
    /// # Errors
    ///
    /// There are not as many class names as classes in the evaluation, or a mistake is of a
    /// class that does not exist.
    pub fn to_html(&self) -> Result<String> {
        let classes = self.evaluation.confusion.classes();
        Error::expect_size("class names", classes, self.class_names.len())?;
        Error::expect_size("classes measured", classes, self.evaluation.per_class.len())?;
        for (row, mistake) in self.mistakes.iter().enumerate() {
            for label in [mistake.label, mistake.predicted] {
                if label >= classes {
                    return Err(Error::LabelOutOfRange { row, label, classes });
                }
            }
        }
        let mut html = Html::default();
        html.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        html.raw("<meta name=\"color-scheme\" content=\"light dark\">\n");
        html.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; ");
        html.raw("img-src data:; media-src data:; style-src 'unsafe-inline'\">\n<title>");
        html.text(&self.title);
        html.raw("</title>\n<style>\n").raw(STYLE);
        html.raw("</style>\n</head>\n<body>\n<main>\n");
        heading::write(&mut html, self);
        heat_map::write(&mut html, self);
        classes::write(&mut html, self);
        mistakes::write(&mut html, self);
        data::write(&mut html, self);
        html.raw("</main>\n<footer>");
        html.text(&self.tool);
        html.raw("</footer>\n</body>\n</html>\n");
        Ok(html.finish())
    }

    fn class(&self, class: usize) -> &str {
        &self.class_names[class]
    }
}
