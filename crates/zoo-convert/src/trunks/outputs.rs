//! The outputs of networks that make something of every token or every moment, pooled to one feature.

use zoo_model::{DType, Graph, GraphBuilder, Reader, Weights};
use zoo_sound::Sound;

use crate::Error;

/// Whether a graph takes the numbers of tokens: all of its inputs are whole numbers `[?, ?]`, one of
/// which is called so.
pub(super) fn takes_tokens(graph: &Graph) -> bool {
    let are_tokens = graph
        .inputs
        .iter()
        .all(|info| info.dtype == DType::I64 && matches!(info.shape[..], [None | Some(1), None]));
    are_tokens && graph.inputs.iter().any(|info| info.name.contains("input_ids"))
}

/// What a published graph takes that does not say so: Basic Pitch hears almost two seconds. Source:
/// basic-pitch's `constants.py`, `AUDIO_N_SAMPLES`.
pub(super) fn usual_sound(graph: &Graph) -> Option<Sound> {
    /// Two seconds at 22,050 Hz, less a step of its spectrogram.
    const SAMPLES: usize = 43_844;
    const RATE: u32 = 22_050;
    let [info] = graph.inputs.as_slice() else { return None };
    let seconds = Some(SAMPLES as f64 / f64::from(RATE));
    let is_known = info.dtype == DType::F32 && info.shape[1..] == [Some(SAMPLES), Some(1)];
    is_known.then(|| Sound { rate: RATE, seconds, ..Sound::default() })
}

/// The shape of each output for inputs of these shapes.
fn shapes(
    graph: &Graph,
    weights: &Weights,
    inputs: &[Vec<usize>],
) -> Result<Vec<Vec<usize>>, Error> {
    let facts = graph.infer(weights, inputs)?;
    let shape = |name: &String| facts.get(name).map(|fact| fact.shape.clone()).unwrap_or_default();
    Ok(graph.outputs.iter().map(shape).collect())
}

/// The mean over tokens that count, of length one, where the first output is `[?, tokens, n]`; the
/// first output itself where it is `[?, n]`.
pub(super) fn pool_tokens(graph: Graph, weights: &Weights) -> Result<Graph, Error> {
    /// Any number that tells tokens from other axes of length one.
    const TOKENS: usize = 5;
    let inputs = vec![vec![1, TOKENS]; graph.inputs.len()];
    let shapes = shapes(&graph, weights, &inputs)?;
    let (Some(output), Some(shape)) = (graph.outputs.first().cloned(), shapes.first()) else {
        return Ok(graph);
    };
    let &[_, TOKENS, channels] = &shape[..] else { return Ok(graph.until(&output)) };
    let mask = graph.inputs.iter().find(|info| info.name.contains("mask"));
    let mask = mask.map(|info| info.name.clone());
    let mut b = GraphBuilder::on(graph.until(&output));
    let x = b.value(&output, channels);
    let feature = match mask {
        Some(mask) => {
            let mask = b.value(&mask, 0);
            let mask = b.cast(&mask, DType::F32);
            b.mean_of_tokens(&x, &mask, None)
        }
        None => b.mean_over_time(&x),
    };
    let feature = b.unit_length(&feature);
    Ok(b.finish(&[("feature", &feature)])?)
}

/// Mean and deviation over time of the outputs that are `[?, time, n]` for as many moments as the
/// first; the first output itself where it is `[?, n]`.
pub(super) fn pool_time(graph: Graph, weights: &Weights, sound: &Sound) -> Result<Graph, Error> {
    let reader = Reader::Sound(Box::new(sound.prepare().map_err(zoo_model::Error::from)?));
    let shapes = shapes(&graph, weights, &reader.input_shapes(&graph))?;
    let Some(&[_, time, _]) = shapes.first().map(Vec::as_slice) else {
        let first = graph.outputs.first().cloned().unwrap_or_default();
        return Ok(graph.until(&first));
    };
    let outputs = graph.outputs.clone();
    let mut b = GraphBuilder::on(graph);
    let alike = outputs.iter().zip(&shapes).filter_map(|(name, shape)| match shape[..] {
        [_, length, channels] if length == time => Some((name, channels)),
        _ => None,
    });
    let values: Vec<_> = alike.map(|(name, channels)| b.value(name, channels)).collect();
    let channels = values.iter().map(zoo_model::graph::Value::channels).sum();
    let x = match values.as_slice() {
        [only] => only.clone(),
        several => {
            let joined = b.join(&several.iter().collect::<Vec<_>>(), 2);
            b.with_channels(&joined, channels)
        }
    };
    let feature = b.statistics_over_time(&x);
    Ok(b.finish(&[("feature", &feature)])?)
}
