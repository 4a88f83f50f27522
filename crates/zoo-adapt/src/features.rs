//! The trunk, run once for each image.
//!
//! With a frozen trunk a feature depends on the trunk, the preprocessing and the bytes of the
//! image, and on nothing else. So it is computed once and kept by these three: solving another
//! head, another split or another choice of classes reads it back.

mod cache;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use zoo_model::{Bundle, Cuts, Device, Digest, Executor, Graph, Hasher, Preprocess, Tensor};

use crate::progress::{Event, Observer, Step};
use crate::{Error, Result};

pub use cache::FeatureCache;

/// Changes whenever the same trunk would give other features.
const ENGINE_VERSION: u32 = 2;

/// A trunk with its preprocessing, ready to run.
pub struct Extractor {
    executor: Executor,
    preprocess: Preprocess,
    key: Digest,
    shape: Vec<usize>,
    parallel: bool,
}

/// An image to take features of.
#[derive(Debug, Clone)]
pub struct Image<'a> {
    /// The file.
    pub path: &'a Path,
    /// The digest of its bytes.
    pub digest: Digest,
}

/// Features of some images.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// The features `[images, length]`, row after row.
    pub values: Vec<f32>,
    /// How many numbers an image has.
    pub length: usize,
    /// How many images were run through the trunk; the others were known.
    pub computed: usize,
}

impl Extractor {
    /// The part of `bundle` that computes `value`, on `device`.
    ///
    /// Fails where the model has no preprocessing for images, or does not run.
    pub fn new(bundle: &Bundle, value: &str, device: Device) -> Result<Self> {
        Self::of_trunk(bundle, bundle.graph.until(value), device)
    }

    /// The part of `bundle` that computes the feature that `cuts` name, on `device`.
    ///
    /// Fails as [`Extractor::new`] does.
    pub fn of_features(bundle: &Bundle, cuts: &Cuts, device: Device) -> Result<Self> {
        Self::of_trunk(bundle, bundle.graph.trunk(cuts), device)
    }

    fn of_trunk(bundle: &Bundle, graph: Graph, device: Device) -> Result<Self> {
        let preprocess = bundle
            .card
            .preprocess
            .clone()
            .ok_or(Error::NotForImages { model: bundle.card.name.clone() })?;
        preprocess.validate().map_err(zoo_model::Error::from)?;
        let input = graph.inputs.first().map(|info| info.shape_with(1)).unwrap_or_default();
        let side = preprocess.output_shape().map_or_else(Vec::new, Vec::from);
        let shape = if side.is_empty() { input } else { [vec![1], side].concat() };
        let key = Hasher::new()
            .piece(ENGINE_VERSION.to_le_bytes())
            .piece(device.name())
            .piece(graph.to_json())
            .piece(bundle.weights.digest_of(|name| graph.parameters.contains_key(name)).as_bytes())
            .piece(preprocess.digest())
            .digest();
        let executor = Executor::new(graph, &bundle.weights, &device)?;
        let facts = executor.facts(&[shape])?;
        let unknown = || Error::NotForImages { model: bundle.card.name.clone() };
        let value = executor.graph().outputs.first().ok_or_else(unknown)?;
        let shape = facts.get(value).ok_or_else(unknown)?.shape.clone();
        Ok(Self { executor, preprocess, key, shape, parallel: device == Device::Cpu })
    }

    /// What names these features among all others: trunk, preprocessing and device.
    pub fn key(&self) -> Digest {
        self.key
    }

    /// How many numbers a feature has.
    pub fn length(&self) -> usize {
        self.shape.iter().product()
    }

    /// The shape of a feature of one image, with a batch axis of length one.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The feature of an image that was decoded and preprocessed from `bytes`.
    pub fn of_bytes(&self, bytes: &[u8]) -> Result<Vec<f32>, zoo_model::Error> {
        let planes = self.preprocess.load_bytes(bytes)?;
        let [channels, height, width] = planes.shape;
        let input = Tensor::from_f32(&[1, channels, height, width], &planes.values);
        Ok(self.executor.infer(&[input])?[0].to_f32())
    }

    /// The features of `images`, from `cache` where it has them, and into it where it has not.
    ///
    /// Images run one by one, as many at a time as there are cores, so that one is decoded while
    /// another is computed. A feature has the same bits whichever others are known.
    pub fn extract(
        &self,
        images: &[Image],
        cache: Option<&FeatureCache>,
        observer: &dyn Observer,
    ) -> Result<Features> {
        let length = self.length();
        let mut values = vec![0.0; images.len() * length];
        let mut missing = Vec::new();
        for ((index, image), row) in images.iter().enumerate().zip(values.chunks_exact_mut(length))
        {
            match cache.and_then(|cache| cache.get(&image.digest)) {
                Some(known) => row.copy_from_slice(&known),
                None => missing.push((index, row)),
            }
        }
        let computed = missing.len();
        observer.event(Event::Started { step: Step::Features, total: computed });
        let done = AtomicUsize::new(0);
        let run = |(index, row): (usize, &mut [f32])| -> Result<()> {
            let image = &images[index];
            let read = |source| Error::Read { path: image.path.to_owned(), source };
            let bytes = std::fs::read(image.path).map_err(read)?;
            let feature = self.of_bytes(&bytes).map_err(|source| Error::Image {
                path: image.path.to_owned(),
                source: Box::new(source),
            })?;
            if let Some(column) = feature.iter().position(|value| !value.is_finite()) {
                let path = image.path.to_owned();
                return Err(Error::FeatureNotFinite { path, column });
            }
            row.copy_from_slice(&feature);
            if let Some(cache) = cache
                && Digest::of(&bytes) == image.digest
            {
                cache.put(&image.digest, &feature);
            }
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            observer.event(Event::Advanced { step: Step::Features, done });
            Ok(())
        };
        if self.parallel {
            missing.into_par_iter().try_for_each(run)?;
        } else {
            missing.into_iter().try_for_each(run)?;
        }
        let summary = format!("{computed} computed, {} known", images.len() - computed);
        observer.event(Event::Finished { step: Step::Features, summary });
        Ok(Features { values, length, computed })
    }
}
