//! The trunk, run once for each example.
//!
//! With a frozen trunk a feature depends on the trunk, on how examples are read and on the bytes of
//! the example, and on nothing else. So it is computed once and kept by these three: solving another
//! head, another split or another choice of classes reads it back.

mod cache;

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use zoo_model::{Bundle, Cuts, Device, Digest, Executor, Graph, Hasher, Kind, Reader};

use crate::dataset::Example;
use crate::progress::{Event, Observer, Step};
use crate::{Error, Result};

pub use cache::FeatureCache;

/// Changes whenever the same trunk would give other features.
const ENGINE_VERSION: u32 = 4;

/// Larger examples are not read.
pub(crate) const MAX_BYTES: u64 = 256 << 20;

/// A trunk with its reader, ready to run.
pub struct Extractor {
    executor: Executor,
    reader: Reader,
    key: Digest,
    shape: Vec<usize>,
    parallel: bool,
}

/// An example to take features of.
#[derive(Debug, Clone)]
pub struct Sample<'a> {
    /// The example.
    pub example: &'a Example,
    /// The digest of its bytes.
    pub digest: Digest,
}

/// Features of some examples.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// The features `[examples, length]`, row after row.
    pub values: Vec<f32>,
    /// How many numbers an example has.
    pub length: usize,
    /// How many examples were run through the trunk; the others were known.
    pub computed: usize,
}

impl Extractor {
    /// The part of `bundle` that computes `value`, on `device`.
    ///
    /// Fails where the card does not say how examples are read, or the model does not run.
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
        let unknown = || Error::NoReader { model: bundle.card.name.clone() };
        let reader = Reader::of(bundle)?.ok_or_else(unknown)?;
        let shapes = reader.input_shapes(&graph);
        let key = Hasher::new()
            .piece(ENGINE_VERSION.to_le_bytes())
            .piece(device.name())
            .piece(graph.to_json())
            .piece(bundle.weights.digest_of(|name| graph.parameters.contains_key(name)).as_bytes())
            .piece(reader.digest())
            .digest();
        let executor = Executor::with_tables_in_place(graph, &bundle.weights, &device)?;
        let facts = executor.facts(&shapes)?;
        let value = executor.graph().outputs.first().ok_or_else(unknown)?;
        let shape = facts.get(value).ok_or_else(unknown)?.shape.clone();
        Ok(Self { executor, reader, key, shape, parallel: device == Device::Cpu })
    }

    /// What the trunk takes.
    pub fn kind(&self) -> Kind {
        self.reader.kind()
    }

    /// How examples are read.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// What names these features among all others: trunk, reader and device.
    pub fn key(&self) -> Digest {
        self.key
    }

    /// How many numbers a feature has.
    pub fn length(&self) -> usize {
        self.shape.iter().product()
    }

    /// The shape of a feature of one example, with a batch axis of length one.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The feature of the example with these bytes.
    pub fn of_bytes(&self, bytes: &[u8]) -> Result<Vec<f32>, zoo_model::Error> {
        let inputs = self.reader.read(bytes, self.executor.graph())?;
        Ok(self.executor.infer(&inputs)?[0].to_f32())
    }

    /// The features of `samples`, from `cache` where it has them, and into it where it has not.
    ///
    /// Examples run one by one, as many at a time as there are cores, so that one is decoded while
    /// another is computed. A feature has the same bits whichever others are known.
    pub fn extract(
        &self,
        samples: &[Sample],
        cache: Option<&FeatureCache>,
        observer: &dyn Observer,
    ) -> Result<Features> {
        let length = self.length();
        let mut values = vec![0.0; samples.len() * length];
        let mut missing = Vec::new();
        let rows = values.chunks_exact_mut(length);
        for ((index, sample), row) in samples.iter().enumerate().zip(rows) {
            match cache.and_then(|cache| cache.get(&sample.digest)) {
                Some(known) => row.copy_from_slice(&known),
                None => missing.push((index, row)),
            }
        }
        let computed = missing.len();
        observer.event(Event::Started { step: Step::Features, total: computed });
        let done = AtomicUsize::new(0);
        let run = |(index, row): (usize, &mut [f32])| -> Result<()> {
            let sample = &samples[index];
            let name = || sample.example.name();
            let read = |source| Error::Read { path: name().into(), source };
            let bytes = sample.example.content.read(MAX_BYTES).map_err(read)?;
            let feature = self
                .of_bytes(&bytes)
                .map_err(|source| Error::Example { name: name(), source: Box::new(source) })?;
            if feature.len() != length {
                return Err(Error::FeatureLength { name: name(), length, found: feature.len() });
            }
            if let Some(column) = feature.iter().position(|value| !value.is_finite()) {
                return Err(Error::FeatureNotFinite { name: name(), column });
            }
            row.copy_from_slice(&feature);
            if let Some(cache) = cache
                && Digest::of(&bytes) == sample.digest
            {
                cache.put(&sample.digest, &feature);
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
        let summary = format!("{computed} computed, {} known", samples.len() - computed);
        observer.event(Event::Finished { step: Step::Features, summary });
        Ok(Features { values, length, computed })
    }
}
