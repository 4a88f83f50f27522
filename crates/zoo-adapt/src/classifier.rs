//! A model that names the class of a picture, a text or a recording.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use zoo_model::{Bundle, Device, Executor, Kind, Reader};

use crate::check::{CheckOptions, check};
use crate::dataset::{Content, Dataset};
use crate::metrics::{Evaluation, evaluate};
use crate::progress::{Event, Observer, Step};
use crate::{Error, Result};

/// A classifier, ready to run.
pub struct Classifier {
    name: String,
    executor: Executor,
    reader: Reader,
    labels: Vec<String>,
}

impl Classifier {
    /// The classifier in `bundle`, on `device`. A final softmax of the graph is left out: it is
    /// done here, once.
    pub fn new(bundle: &Bundle, device: Device) -> Result<Self> {
        let name = bundle.card.name.clone();
        let reader = Reader::of(bundle)?.ok_or_else(|| Error::NoReader { model: name.clone() })?;
        let logits = match &bundle.card.cuts {
            Some(cuts) if cuts.has_head() => cuts.logits.clone(),
            Some(_) => return Err(Error::Headless { model: name }),
            None => return Err(Error::NoHead { model: name }),
        };
        let graph = bundle.graph.until(&logits);
        let executor = Executor::with_tables_in_place(graph, &bundle.weights, &device)?;
        Ok(Self { name, executor, reader, labels: bundle.card.labels.clone() })
    }

    /// What it takes.
    pub fn kind(&self) -> Kind {
        self.reader.kind()
    }

    /// The name of class `class`; its number where the model has no names.
    pub fn label(&self, class: usize) -> String {
        self.labels.get(class).cloned().unwrap_or_else(|| format!("class {class}"))
    }

    /// The probability of every class for an example.
    pub fn classify(&self, content: &Content) -> Result<Vec<f32>> {
        let path = || content.path().unwrap_or(Path::new("the text"));
        let name = || path().display().to_string();
        let inputs = content.inputs(&self.reader, self.executor.graph(), name)?;
        let logits = self.executor.infer(&inputs)?[0].to_f32();
        Ok(softmax(&logits))
    }

    /// How good the model is on labelled examples, whose classes must be its own. Examples that
    /// cannot be read are warned about and left out. Of data that have a `test` or `val` part, only
    /// that is taken.
    pub fn evaluate(&self, data: &Dataset, observer: &dyn Observer) -> Result<Evaluation> {
        if data.kind() != self.kind() {
            let (model, takes, found) = (self.name.clone(), self.kind(), data.kind());
            return Err(Error::OtherKind { model, takes, found });
        }
        let classes = self.classes_of(data)?;
        let usable = check(data, &CheckOptions::default(), |_, _| Ok(Vec::new())).usable_examples();
        let held_out = held_out(data);
        let chosen: Vec<usize> = usable.into_iter().filter(|index| held_out[*index]).collect();
        observer.event(Event::Started { step: Step::Features, total: chosen.len() });
        let done = AtomicUsize::new(0);
        let classify = |&index: &usize| {
            let result = self.classify(&data.examples()[index].content);
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            observer.event(Event::Advanced { step: Step::Features, done });
            result
        };
        let results: Vec<Result<Vec<f32>>> = chosen.par_iter().map(classify).collect();
        let (mut probabilities, mut labels) = (Vec::new(), Vec::new());
        for (&index, result) in chosen.iter().zip(results) {
            match result {
                Ok(row) => {
                    probabilities.extend(row);
                    labels.push(classes[data.examples()[index].class]);
                }
                Err(error @ (Error::Example { .. } | Error::Read { .. })) => {
                    observer.event(Event::Warning(crate::chain(&error)));
                }
                Err(error) => return Err(error),
            }
        }
        let summary = format!("{} {}", labels.len(), data.kind().plural());
        observer.event(Event::Finished { step: Step::Features, summary });
        evaluate(&probabilities, &labels, self.labels.len())
    }

    /// The model's class for each class of the data.
    fn classes_of(&self, data: &Dataset) -> Result<Vec<usize>> {
        let find = |class: &String| {
            self.labels.iter().position(|label| label == class).ok_or_else(|| Error::OtherClasses {
                model: self.name.clone(),
                known: short_list(&self.labels),
                found: format!("`{class}`"),
            })
        };
        data.classes().iter().map(find).collect()
    }
}

/// Which examples are for measuring: those in `test`, else in `val`, else all.
fn held_out(data: &Dataset) -> Vec<bool> {
    use crate::dataset::Split;
    let has = |split| data.examples().iter().any(|example| example.split == Some(split));
    let part = [Split::Test, Split::Val].into_iter().find(|split| has(*split));
    let is_held_out = |split: Option<Split>| part.is_none() || split == part;
    data.examples().iter().map(|example| is_held_out(example.split)).collect()
}

fn short_list(labels: &[String]) -> String {
    match labels {
        [] => "of no name".to_owned(),
        [first, second, third, fourth, rest @ ..] if !rest.is_empty() => {
            format!("{first}, {second}, {third}, {fourth} and {} more", rest.len())
        }
        labels => labels.join(", "),
    }
}

/// Probabilities from logits, in double precision.
pub(crate) fn softmax(logits: &[f32]) -> Vec<f32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|v| f64::from(v - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| (power / sum) as f32).collect()
}
