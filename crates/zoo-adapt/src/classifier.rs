//! A model that names what is in a picture.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use zoo_model::{Bundle, Device, Executor, Preprocess, Tensor};

use crate::check::{CheckOptions, check};
use crate::dataset::ImageFolder;
use crate::metrics::{Evaluation, evaluate};
use crate::progress::{Event, Observer, Step};
use crate::{Error, Result};

/// A classifier of images, ready to run.
pub struct Classifier {
    name: String,
    executor: Executor,
    preprocess: Preprocess,
    labels: Vec<String>,
}

impl Classifier {
    /// The classifier in `bundle`, on `device`. A final softmax of the graph is left out: it is
    /// done here, once.
    pub fn new(bundle: &Bundle, device: Device) -> Result<Self> {
        let name = bundle.card.name.clone();
        let preprocess = bundle
            .card
            .preprocess
            .clone()
            .ok_or_else(|| Error::NotForImages { model: name.clone() })?;
        preprocess.validate().map_err(zoo_model::Error::from)?;
        let logits = match &bundle.card.cuts {
            Some(cuts) => cuts.logits.clone(),
            None => return Err(Error::NoHead { model: name }),
        };
        let executor = Executor::new(bundle.graph.until(&logits), &bundle.weights, &device)?;
        Ok(Self { name, executor, preprocess, labels: bundle.card.labels.clone() })
    }

    /// The name of class `class`; its number where the model has no names.
    pub fn label(&self, class: usize) -> String {
        self.labels.get(class).cloned().unwrap_or_else(|| format!("class {class}"))
    }

    /// The probability of every class for the image at `path`.
    pub fn classify(&self, path: &Path) -> Result<Vec<f32>> {
        let planes = self.preprocess.load(path).map_err(zoo_model::Error::from)?;
        let [channels, height, width] = planes.shape;
        let input = Tensor::from_f32(&[1, channels, height, width], &planes.values);
        let logits = self.executor.infer(&[input])?[0].to_f32();
        Ok(softmax(&logits))
    }

    /// How good the model is on a folder of folders of images, whose names must be its classes.
    /// Images that cannot be read are warned about and left out. Of a folder that has a `test`
    /// or `val` part, only that is taken.
    pub fn evaluate(&self, data: &ImageFolder, observer: &dyn Observer) -> Result<Evaluation> {
        let classes = self.classes_of(data)?;
        let usable = check(data, &CheckOptions::default(), |_, _| Ok(())).usable_examples();
        let held_out = held_out(data);
        let chosen: Vec<usize> = usable.into_iter().filter(|index| held_out[*index]).collect();
        observer.event(Event::Started { step: Step::Features, total: chosen.len() });
        let done = AtomicUsize::new(0);
        let classify = |&index: &usize| {
            let result = self.classify(&data.examples()[index].path);
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
                Err(error @ Error::Model(zoo_model::Error::Preprocess(_))) => {
                    observer.event(Event::Warning(crate::chain(&error)));
                }
                Err(error) => return Err(error),
            }
        }
        let summary = format!("{} images", labels.len());
        observer.event(Event::Finished { step: Step::Features, summary });
        evaluate(&probabilities, &labels, self.labels.len())
    }

    /// The model's class for each class of the data.
    fn classes_of(&self, data: &ImageFolder) -> Result<Vec<usize>> {
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
fn held_out(data: &ImageFolder) -> Vec<bool> {
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
