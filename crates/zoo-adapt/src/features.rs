//! The trunk, run once for each example.
//!
//! With a frozen trunk a feature depends on the trunk, on how examples are read and on the bytes of
//! the example, and on nothing else. So it is computed once and kept by these three: solving another
//! head, another split or another choice of classes reads it back.

mod cache;

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use zoo_model::{Bundle, Cuts, Device, Digest, Executor, Graph, Hasher, Kind, Reader, Tensor};

use crate::dataset::Example;
use crate::progress::{Event, Observer, Step};
use crate::{Error, Result};

pub use cache::FeatureCache;

/// Changes whenever the same trunk would give other features.
const ENGINE_VERSION: u32 = 5;

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

    /// Whether the value of a batch is that of each example, one after the other. Recurrent layers
    /// may have time as their first axis.
    pub(crate) fn is_batched(&self) -> bool {
        let graph = self.executor.graph();
        let mut shapes = self.reader.input_shapes(graph);
        shapes.iter_mut().filter_map(|shape| shape.first_mut()).for_each(|length| *length = 2);
        let Ok(facts) = self.executor.facts(&shapes) else { return false };
        let found = graph.outputs.first().and_then(|value| facts.get(value));
        found.is_some_and(|fact| match (&fact.shape[..], &self.shape[..]) {
            ([2, of_two @ ..], [1, of_one @ ..]) => of_two == of_one,
            _ => false,
        })
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
        for (sample, row) in samples.iter().zip(rows) {
            match cache.and_then(|cache| cache.get(&sample.digest)) {
                Some(known) => row.copy_from_slice(&known),
                None => missing.push((sample, row)),
            }
        }
        let computed = missing.len();
        self.for_each(missing, observer, |sample, row, bytes, inputs| {
            let feature = self.value(sample.example, inputs)?.to_f32();
            if feature.len() != length {
                let name = sample.example.name();
                return Err(Error::FeatureLength { name, length, found: feature.len() });
            }
            row.copy_from_slice(&feature);
            if let Some(cache) = cache
                && Digest::of(bytes) == sample.digest
            {
                cache.put(&sample.digest, &feature);
            }
            Ok(())
        })?;
        let summary = format!("{computed} computed, {} known", samples.len() - computed);
        observer.event(Event::Finished { step: Step::Features, summary });
        Ok(Features { values, length, computed })
    }

    /// For each of `samples` what `behind`, the part of the network behind the value, takes: the
    /// value, and those inputs of the network that are read there once more, such as a mask.
    ///
    /// `None` where they would fill more than `most` bytes, or examples are not one after the other
    /// there, as where tokens are.
    pub(crate) fn inputs_behind(
        &self,
        behind: &Graph,
        samples: &[Sample],
        most: usize,
        observer: &dyn Observer,
    ) -> Result<Option<Vec<Vec<Tensor>>>> {
        let all = &self.executor.graph().inputs;
        let once_more: Vec<usize> = behind.inputs[1..]
            .iter()
            .filter_map(|info| all.iter().position(|one| one.name == info.name))
            .collect();
        let mut found: Vec<Vec<Tensor>> = vec![Vec::new(); samples.len()];
        let total = AtomicUsize::new(0);
        let work = samples.iter().zip(&mut found).collect();
        self.for_each(work, observer, |sample, found, _, inputs| {
            if total.load(Ordering::Relaxed) <= most {
                found.push(self.value(sample.example, inputs)?);
                found.extend(once_more.iter().map(|&index| inputs[index].clone()));
                let bytes: usize = found.iter().map(|tensor| tensor.bytes().len()).sum();
                total.fetch_add(bytes, Ordering::Relaxed);
            }
            Ok(())
        })?;
        let are_batches = |inputs: &Vec<Tensor>| matches!(inputs[0].shape(), [1, _, ..]);
        let fits = total.into_inner() <= most && found.iter().all(are_batches);
        let summary = if fits {
            format!("{} computed up to where learning begins", samples.len())
        } else {
            "not kept: computed anew in each epoch".to_owned()
        };
        observer.event(Event::Finished { step: Step::Features, summary });
        Ok(fits.then_some(found))
    }

    /// Reads each sample and does `run` with what stands beside it, its bytes and its inputs.
    fn for_each<T: Send>(
        &self,
        work: Vec<(&Sample, T)>,
        observer: &dyn Observer,
        run: impl Fn(&Sample, T, &[u8], &[Tensor]) -> Result<()> + Sync,
    ) -> Result<()> {
        observer.event(Event::Started { step: Step::Features, total: work.len() });
        let done = AtomicUsize::new(0);
        let one = |(sample, beside): (&Sample, T)| -> Result<()> {
            let Example { content, .. } = sample.example;
            let (reader, graph) = (&self.reader, self.executor.graph());
            let (bytes, inputs) =
                content.bytes_and_inputs(reader, graph, || sample.example.name())?;
            run(sample, beside, &bytes, &inputs)?;
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            observer.event(Event::Advanced { step: Step::Features, done });
            Ok(())
        };
        if self.parallel {
            work.into_par_iter().try_for_each(one)
        } else {
            work.into_iter().try_for_each(one)
        }
    }

    /// The value for the inputs that `example` became, each number of it finite.
    fn value(&self, example: &Example, inputs: &[Tensor]) -> Result<Tensor> {
        let failed = |source| Error::Example { name: example.name(), source: Box::new(source) };
        let value = self.executor.infer(inputs).map_err(failed)?.swap_remove(0);
        match value.to_f32().iter().position(|value| !value.is_finite()) {
            Some(column) => Err(Error::FeatureNotFinite { name: example.name(), column }),
            None => Ok(value),
        }
    }
}
