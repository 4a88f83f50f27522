//! Recurrent layers, unrolled over time so that gradients flow through every step.

use burn_backend::Scalar;
use burn_backend::ops::FloatTensorOps;
use burn_dispatch::{Dispatch, DispatchTensor};
use serde::{Deserialize, Serialize};

use super::operand::bounded;
use super::{Activation, OpError, Operands, Values};
use crate::exec::{Context, primitive};
use crate::{DType, Fact};

/// A recurrent layer: `x [time, batch, inputs], weights [directions, gates x hidden, inputs],
/// recurrent_weights [directions, gates x hidden, hidden], biases? [directions, 2 x gates x
/// hidden], lengths? [batch], hidden? [directions, batch, hidden], cell? (as hidden),
/// peepholes? [directions, 3 x hidden]`.
///
/// Makes all hidden states `[time, directions, batch, hidden]`, the last ones `[directions,
/// batch, hidden]`, and for `Lstm` the last cell. What is beyond the length of a sequence is
/// zero. ONNX `RNN`, `GRU`, `LSTM`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recurrent {
    /// What a step computes.
    pub cell: Cell,
    /// The length of a hidden state.
    pub hidden: usize,
    /// In which directions time goes.
    pub direction: Direction,
    /// The nonlinearities of each direction: one for `Rnn`, two for `Gru` (of gates and of the
    /// candidate), three for `Lstm` (of gates, of the candidate and of the output).
    pub activations: Vec<Vec<Activation>>,
    /// The bound of what enters a nonlinearity, if there is one.
    pub clip: Option<f32>,
    /// Whether `x` and the hidden states have the batch first: `[batch, time, inputs]`, `[batch,
    /// time, directions, hidden]`, `[batch, directions, hidden]`.
    pub batch_first: bool,
}

/// What a step computes. Gates stand in the weights in ONNX's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Cell {
    /// One nonlinearity. Elman: *Finding structure in time*, 1990.
    Rnn,
    /// Update, reset and candidate. Cho et al.: *Learning phrase representations*, 2014.
    Gru {
        /// Whether the reset comes after the product with the recurrent weights.
        linear_before_reset: bool,
    },
    /// Input, output and forget gate, and candidate. Hochreiter, Schmidhuber: *Long short-term
    /// memory*, 1997.
    Lstm {
        /// Whether what is not forgotten is what does not come in.
        input_forget: bool,
    },
}

/// In which directions time goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the first step on.
    Forward,
    /// From the last step back.
    Reverse,
    /// Both, each with weights of its own.
    Both,
}

/// What one direction computes with.
struct Layer {
    weights: DispatchTensor,
    recurrent: DispatchTensor,
    /// Of the input and of the hidden state.
    biases: Option<(DispatchTensor, DispatchTensor)>,
    peepholes: Option<DispatchTensor>,
}

impl Recurrent {
    pub(super) fn name(&self) -> &'static str {
        match self.cell {
            Cell::Rnn => "rnn",
            Cell::Gru { .. } => "gru",
            Cell::Lstm { .. } => "lstm",
        }
    }

    fn gates(&self) -> usize {
        match self.cell {
            Cell::Rnn => 1,
            Cell::Gru { .. } => 3,
            Cell::Lstm { .. } => 4,
        }
    }

    fn directions(&self) -> usize {
        if self.direction == Direction::Both { 2 } else { 1 }
    }

    pub(super) fn infer(&self, inputs: &Operands) -> Result<Vec<Fact>, OpError> {
        inputs.at_most(8)?;
        let [first, second, features] = inputs.float(0)?.shape[..] else {
            return Err(OpError::new("the input must be [time, batch, inputs]"));
        };
        let (time, batch) = if self.batch_first { (second, first) } else { (first, second) };
        let (directions, hidden) = (self.directions(), self.hidden);
        let rows = self.gates().checked_mul(hidden).filter(|&rows| rows > 0 && rows < 1 << 32);
        let rows = rows.ok_or_else(|| OpError::new("the hidden state must have a sane length"))?;
        let wanted = match self.cell {
            Cell::Rnn => 1,
            Cell::Gru { .. } => 2,
            Cell::Lstm { .. } => 3,
        };
        let activations = &self.activations;
        if activations.len() != directions || activations.iter().any(|a| a.len() != wanted) {
            return Err(OpError::new(format!("each direction takes {wanted} nonlinearities")));
        }
        let state = if self.batch_first {
            [batch, directions, hidden]
        } else {
            [directions, batch, hidden]
        };
        let shapes = [
            (1, vec![directions, rows, features]),
            (2, vec![directions, rows, hidden]),
            (3, vec![directions, 2 * rows]),
            (4, vec![batch]),
            (5, state.to_vec()),
            (6, state.to_vec()),
            (7, vec![directions, 3 * hidden]),
        ];
        for (index, wanted) in shapes {
            let fact =
                if index < 3 { Some(inputs.required(index)?) } else { inputs.optional(index) };
            let dtype = if index == 4 { DType::I64 } else { DType::F32 };
            if let Some(fact) = fact
                && (fact.shape != wanted || fact.dtype != dtype)
            {
                let shape = &fact.shape;
                return Err(OpError::new(format!("input {index} is {shape:?}, not {wanted:?}")));
            }
        }
        let all = if self.batch_first {
            vec![batch, time, directions, hidden]
        } else {
            vec![time, directions, batch, hidden]
        };
        Ok(vec![Fact::float(bounded(all)?), Fact::float(state), Fact::float(state)])
    }

    pub(super) fn run(
        &self,
        mut inputs: Values,
        context: &Context,
    ) -> Result<Vec<DispatchTensor>, OpError> {
        let swap = |tensor| {
            if self.batch_first { Dispatch::float_swap_dims(tensor, 0, 1) } else { tensor }
        };
        let x = swap(inputs.take(0));
        let [time, batch, _] = primitive::shape(&x)[..] else {
            return Err(OpError::new("the input must be [time, batch, inputs]"));
        };
        let (weights, recurrent) = (inputs.take(1), inputs.take(2));
        let biases = inputs.optional(3);
        let lengths = match inputs.optional(4) {
            None => None,
            Some(lengths) => {
                let lengths = primitive::read_i64(lengths);
                if let Some(length) = lengths.iter().find(|l| !(0..=time as i64).contains(*l)) {
                    return Err(OpError::new(format!("a sequence of {length} steps in {time}")));
                }
                lengths.iter().any(|&length| length < time as i64).then_some(lengths)
            }
        };
        let (hidden, cell) = (inputs.optional(5).map(swap), inputs.optional(6).map(swap));
        let peepholes = inputs.optional(7);
        let rows = self.gates() * self.hidden;
        let mut made: [Vec<DispatchTensor>; 3] = Default::default();
        for number in 0..self.directions() {
            let part = |tensor: DispatchTensor| part(tensor, number);
            let layer = Layer {
                weights: Dispatch::float_swap_dims(part(weights.clone()), 0, 1),
                recurrent: Dispatch::float_swap_dims(part(recurrent.clone()), 0, 1),
                biases: biases.clone().map(|biases| {
                    let biases = primitive::reshape(part(biases), &[2, rows]);
                    let row =
                        |at| primitive::slice(biases.clone(), &[(at, at + 1, 1), (0, rows, 1)]);
                    (row(0), row(1))
                }),
                peepholes: peepholes.clone().map(part),
            };
            let zeros = || {
                primitive::from_f32(
                    vec![0.0; batch * self.hidden],
                    &[batch, self.hidden],
                    context.device(),
                )
            };
            let mut state = hidden.clone().map_or_else(zeros, part);
            let mut memory = cell.clone().map_or_else(zeros, part);
            let backwards = self.direction == Direction::Reverse || number == 1;
            let mut states: Vec<Option<DispatchTensor>> = vec![None; time];
            for step in 0..time {
                let at = if backwards { time - 1 - step } else { step };
                let x = self::part(x.clone(), at);
                let (next, next_memory) =
                    self.step(&layer, &self.activations[number], x, state.clone(), memory.clone());
                // A sequence that is over keeps its state; backwards, one that has not begun.
                let Some(lengths) = &lengths else {
                    (state, memory) = (next.clone(), next_memory);
                    states[at] = Some(next);
                    continue;
                };
                let live: Vec<f32> =
                    lengths.iter().map(|&length| f32::from((at as i64) < length)).collect();
                let live = primitive::from_f32(live, &[batch, 1], context.device());
                let over = Dispatch::float_add_scalar(
                    Dispatch::float_neg(live.clone()),
                    Scalar::Float(1.0),
                );
                let choose = |new: DispatchTensor, old| {
                    Dispatch::float_add(
                        Dispatch::float_mul(new, live.clone()),
                        Dispatch::float_mul(old, over.clone()),
                    )
                };
                states[at] = Some(Dispatch::float_mul(next.clone(), live.clone()));
                state = choose(next, state);
                memory = choose(next_memory, memory);
            }
            let lift = |tensor, shape: &[usize]| primitive::reshape(tensor, shape);
            let steps = states.into_iter().flatten();
            let steps: Vec<_> =
                steps.map(|state| lift(state, &[1, 1, batch, self.hidden])).collect();
            made[0].push(primitive::concat(steps, 0));
            made[1].push(lift(state, &[1, batch, self.hidden]));
            made[2].push(lift(memory, &[1, batch, self.hidden]));
        }
        let [all, state, memory] = made;
        let all = primitive::concat(all, 1);
        let all = if self.batch_first { primitive::permute(all, &[2, 0, 1, 3]) } else { all };
        Ok(vec![all, swap(primitive::concat(state, 0)), swap(primitive::concat(memory, 0))])
    }

    /// The hidden state and cell after one step.
    fn step(
        &self,
        layer: &Layer,
        activations: &[Activation],
        x: DispatchTensor,
        state: DispatchTensor,
        memory: DispatchTensor,
    ) -> (DispatchTensor, DispatchTensor) {
        let bias = |product, second: bool| match &layer.biases {
            None => product,
            Some((of_input, of_state)) => {
                Dispatch::float_add(product, if second { of_state } else { of_input }.clone())
            }
        };
        let input = bias(Dispatch::float_matmul(x, layer.weights.clone()), false);
        let apply = |index: usize, x: DispatchTensor| {
            let x = match self.clip {
                Some(clip) => Activation::Clip { min: Some(-clip), max: Some(clip) }
                    .run(Values(vec![Some(x)])),
                None => x,
            };
            activations[index].run(Values(vec![Some(x)]))
        };
        let add = Dispatch::float_add;
        let mul = Dispatch::float_mul;
        let rest = |gate: DispatchTensor| {
            Dispatch::float_add_scalar(Dispatch::float_neg(gate), Scalar::Float(1.0))
        };
        let product = |state| bias(Dispatch::float_matmul(state, layer.recurrent.clone()), true);
        match self.cell {
            Cell::Rnn => (apply(0, add(input, product(state))), memory),
            Cell::Gru { linear_before_reset } => {
                let recurrent = product(state.clone());
                let gate = |index| add(self.gate(&input, index), self.gate(&recurrent, index));
                let (update, reset) = (apply(0, gate(0)), apply(0, gate(1)));
                let candidate = if linear_before_reset {
                    mul(reset, self.gate(&recurrent, 2))
                } else {
                    self.gate(&product(mul(reset, state.clone())), 2)
                };
                let candidate = apply(1, add(self.gate(&input, 2), candidate));
                (add(mul(rest(update.clone()), candidate), mul(update, state)), memory)
            }
            Cell::Lstm { input_forget } => {
                let gates = add(input, product(state));
                let peep = |index: usize, memory: &DispatchTensor, gate| match &layer.peepholes {
                    None => gate,
                    Some(weights) => {
                        let (from, to) = (index * self.hidden, (index + 1) * self.hidden);
                        let weights = primitive::slice(weights.clone(), &[(from, to, 1)]);
                        add(gate, mul(memory.clone(), primitive::broadcast_rank(weights, 2)))
                    }
                };
                let enter = apply(0, peep(0, &memory, self.gate(&gates, 0)));
                let keep = if input_forget {
                    rest(enter.clone())
                } else {
                    apply(0, peep(2, &memory, self.gate(&gates, 2)))
                };
                let candidate = apply(1, self.gate(&gates, 3));
                let memory = add(mul(keep, memory), mul(enter, candidate));
                let leave = apply(0, peep(1, &memory, self.gate(&gates, 1)));
                // The cell is not clipped: only what enters gates is.
                let output = activations[2].run(Values(vec![Some(memory.clone())]));
                (mul(leave, output), memory)
            }
        }
    }

    /// The part of `[batch, gates x hidden]` that belongs to gate `index`.
    fn gate(&self, gates: &DispatchTensor, index: usize) -> DispatchTensor {
        let batch = primitive::shape(gates)[0];
        let (from, to) = (index * self.hidden, (index + 1) * self.hidden);
        primitive::slice(gates.clone(), &[(0, batch, 1), (from, to, 1)])
    }
}

/// Part `number` of the first axis, without that axis.
fn part(tensor: DispatchTensor, number: usize) -> DispatchTensor {
    let shape = primitive::shape(&tensor);
    let mut ranges: Vec<_> = shape.iter().map(|&length| (0, length, 1)).collect();
    ranges[0] = (number, number + 1, 1);
    primitive::reshape(primitive::slice(tensor, &ranges), &shape[1..])
}
