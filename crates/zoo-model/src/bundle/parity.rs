use super::{Bundle, Parity, probe_shape, typed_probe};
use crate::{Device, Error, Executor, Graph, Reader, Tensor, ValueInfo};

/// The largest difference that agrees, as a share of the outputs' standard deviation.
///
/// The weights are the same bytes on both sides, whatever their precision, so only the
/// arithmetic differs: in the order of its sums, and on some devices in their precision.
pub const PARITY_TOLERANCE: f32 = 1e-3;

/// The rule of the input: see [`probe_input`](super::probe_input).
const RULE: &str = "tiles";

/// More numbers than the input of any vector has.
const MOST: usize = 1 << 24;

/// What a model makes of the probe input, the first of its inputs in this shape.
fn vector(bundle: &Bundle, shape: Vec<usize>, device: Device) -> Result<Parity, Error> {
    /// Enough to tell any two models apart, few enough for a card.
    const NUMBERS: usize = 16;
    let graph = &bundle.graph;
    let shape_of = |(number, info): (usize, &ValueInfo)| {
        if number == 0 { shape.clone() } else { probe_shape(&info.shape) }
    };
    let shapes: Vec<Vec<usize>> = graph.inputs.iter().enumerate().map(shape_of).collect();
    let inputs = probe_inputs(graph, &shapes);
    let executor = Executor::with_tables_in_place(graph.clone(), &bundle.weights, &device)?;
    let output = executor.infer(&inputs)?.first().map(Tensor::to_f32).unwrap_or_default();
    let mean = output.iter().map(|v| f64::from(*v)).sum::<f64>() / output.len().max(1) as f64;
    let squares: f64 = output.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum();
    let deviation = (squares / output.len().max(1) as f64).sqrt() as f32;
    let expected = output.into_iter().take(NUMBERS).collect();
    Ok(Parity { rule: RULE.to_owned(), shape, expected, deviation })
}

/// Probe inputs of these shapes, numbers of rows among them.
fn probe_inputs(graph: &Graph, shapes: &[Vec<usize>]) -> Vec<Tensor> {
    let inputs = graph.inputs.iter().zip(shapes).enumerate();
    let probe = inputs
        .map(|(number, (info, shape))| within(typed_probe(info.dtype, shape), rows(graph, number)));
    probe.collect()
}

/// The rows of the smallest table that input `number` of `graph` looks rows up in.
fn rows(graph: &Graph, number: usize) -> Option<usize> {
    let of_input = graph.lookups().filter(|lookup| lookup.input == number);
    of_input.filter_map(|lookup| graph.parameters[lookup.table].shape.first().copied()).min()
}

/// Whole numbers, what is left of them on division by `rows`: each is then a row.
fn within(probe: Tensor, rows: Option<usize>) -> Tensor {
    match (rows.filter(|rows| *rows > 0), probe.to_i64()) {
        (Some(rows), Some(numbers)) => {
            let numbers: Vec<i64> = numbers.into_iter().map(|n| n % rows as i64).collect();
            Tensor::from_i64(probe.shape(), &numbers)
        }
        _ => probe,
    }
}

impl Bundle {
    /// What the model makes of the probe input, on this machine: the parity vector of its card. A
    /// recording of any length is taken to be of one second.
    ///
    /// Fails where the model does not run.
    pub fn parity(&self, device: Device) -> Result<Parity, Error> {
        vector(self, self.probe_shapes(1)?.into_iter().next().unwrap_or_default(), device)
    }

    /// The shapes of the inputs for so many examples: open sides of a picture as 224, a recording of
    /// any length as one second, a text as one token.
    ///
    /// Fails where the card says of recordings what cannot be done.
    pub fn probe_shapes(&self, batch: usize) -> Result<Vec<Vec<usize>>, Error> {
        let reader = if self.card.sound.is_some() { Reader::of(self)? } else { None };
        let inputs = &self.graph.inputs;
        let mut shapes = match reader {
            Some(reader) => reader.input_shapes(&self.graph),
            None => inputs.iter().map(|info| probe_shape(&info.shape)).collect(),
        };
        for (info, shape) in inputs.iter().zip(&mut shapes) {
            if let ([None, ..], [first, ..]) = (&info.shape[..], shape.as_mut_slice()) {
                *first = batch;
            }
        }
        Ok(shapes)
    }

    /// Inputs for so many examples of the usual size, to see how fast the model is: pictures and
    /// recordings as [`Bundle::probe_shapes`] has them, texts of 128 tokens, which is a paragraph, or of as
    /// many as the model reads.
    ///
    /// Fails where the card says of recordings what cannot be done.
    pub fn usual_inputs(&self, batch: usize) -> Result<Vec<Tensor>, Error> {
        const TOKENS: u32 = 128;
        let tokens = self.card.text.as_ref().map(|text| text.max_tokens.min(TOKENS) as usize);
        let mut shapes = self.probe_shapes(batch)?;
        for (info, shape) in self.graph.inputs.iter().zip(&mut shapes) {
            if let (Some(length), [_, None], Some(tokens)) =
                (shape.get_mut(1), &info.shape[..], tokens)
            {
                *length = tokens;
            }
        }
        Ok(probe_inputs(&self.graph, &shapes))
    }

    /// Runs the model on `device` and compares what comes out with the card's parity vector.
    ///
    /// Fails where the card has no vector, or one that is not of this model's probe, and where
    /// the model does not run. That the numbers differ is no failure: the report says so.
    pub fn check_parity(&self, device: Device) -> Result<ParityReport, Error> {
        let model = || self.card.name.clone();
        let stated =
            self.card.parity.as_ref().ok_or_else(|| ParityError::Absent { model: model() })?;
        let other = |reason: String| ParityError::OtherProbe { model: model(), reason };
        if stated.rule != RULE {
            return Err(other(format!("its rule is `{}`, `{RULE}` is known", stated.rule)).into());
        }
        let takes = self.graph.inputs.first().map_or(&[][..], |info| &info.shape);
        let shape = &stated.shape;
        // One example, whose other open axes may be of any length.
        let fits = |(axis, wanted): (usize, &Option<usize>)| match wanted {
            Some(wanted) => shape[axis] == *wanted,
            None => axis > 0 || shape[axis] == 1,
        };
        let count = shape.iter().try_fold(1, |count: usize, length| count.checked_mul(*length));
        if shape.len() != takes.len()
            || !takes.iter().enumerate().all(fits)
            || count.is_none_or(|count| count > MOST)
        {
            let takes = self.graph.inputs.first().map(ValueInfo::shape_text).unwrap_or_default();
            return Err(other(format!("its input is {shape:?}, the graph takes {takes}")).into());
        }
        let found = vector(self, shape.clone(), device)?;
        let (theirs, ours) = (stated.expected.len(), found.expected.len());
        if theirs != ours || ours == 0 {
            return Err(other(format!("it has {theirs} numbers, the model gives {ours}")).into());
        }
        Ok(compare(stated, &found))
    }
}

/// The deviations count as one more number, since they stand for the outputs that the vector
/// leaves out. The smaller of them is the measure: a card that states a large one must not
/// agree with everything.
fn compare(stated: &Parity, found: &Parity) -> ParityReport {
    let pairs = stated.expected.iter().zip(&found.expected);
    let measure = if stated.deviation <= found.deviation { stated } else { found }.deviation;
    let error = pairs
        .chain([(&stated.deviation, &found.deviation)])
        .map(|(theirs, ours)| (theirs - ours).abs() / measure.max(f32::MIN_POSITIVE))
        // `max` would pass over what is not a number.
        .fold(0.0, |a: f32, b| if a.is_nan() || b.is_nan() { f32::NAN } else { a.max(b) });
    ParityReport { error, tolerance: PARITY_TOLERANCE }
}

/// How far a model's outputs are from its card's parity vector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ParityReport {
    /// The largest difference, as a share of the outputs' standard deviation; not a number
    /// where an output or the vector is none.
    pub error: f32,
    /// The largest error that agrees: [`PARITY_TOLERANCE`].
    pub tolerance: f32,
}

impl ParityReport {
    /// Whether outputs and vector are the same but for rounding.
    pub fn agrees(&self) -> bool {
        self.error <= self.tolerance
    }
}

/// Why a parity vector says nothing of a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParityError {
    /// A card without one.
    #[error("the card of `{model}` has no parity vector")]
    Absent {
        /// The model's name.
        model: String,
    },
    /// A vector that was made with another input, or of another output.
    #[error("the parity vector of `{model}` is not of this model: {reason}")]
    OtherProbe {
        /// The model's name.
        model: String,
        /// What differs.
        reason: String,
    },
}
