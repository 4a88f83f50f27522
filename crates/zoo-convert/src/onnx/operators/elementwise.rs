//! Elementwise functions of one value or more.

use zoo_model::ops::{Activation, Binary, Compare, Unary};
use zoo_model::{DType, Op};

use super::super::attributes::Refusal;
use super::super::node::NodeView;
use super::super::tensor;

/// Whatever has a counterpart that is elementwise.
pub(super) fn lower(node: &mut NodeView) -> Result<(), Refusal> {
    if let Some(op) = of_one(node)? {
        let input = node.input(0)?;
        return node.emit(op, vec![input]);
    }
    if let Some(op) = of_two(node.op_type()) {
        let inputs = vec![node.input(0)?, node.input(1)?];
        return node.emit(op, inputs);
    }
    match node.op_type() {
        "Sum" => chain(node, Binary::Add, None),
        "Max" => chain(node, Binary::Max, Some(f32::NEG_INFINITY)),
        "Min" => chain(node, Binary::Min, Some(f32::INFINITY)),
        "Pow" => pow(node),
        "Clip" => clip(node),
        "Where" => {
            let inputs = vec![node.input(0)?, node.input(1)?, node.input(2)?];
            node.emit(Op::Where, inputs)
        }
        "Cast" => {
            let to = node.attributes().int("to")?.ok_or("it does not say to which type")?;
            let to = tensor::dtype(i32::try_from(to).unwrap_or(0))?;
            let input = node.input(0)?;
            node.emit(Op::Cast { to }, vec![input])
        }
        _ => Err("there is no such operator here".to_owned()),
    }
}

fn of_one(node: &NodeView) -> Result<Option<Op>, Refusal> {
    let attributes = node.attributes();
    let float = |name, default| Ok::<_, Refusal>(attributes.float(name)?.unwrap_or(default));
    let activation = match node.op_type() {
        "Relu" => Activation::Relu,
        "LeakyRelu" => Activation::LeakyRelu { alpha: float("alpha", 0.01)? },
        "Elu" => Activation::Elu { alpha: float("alpha", 1.0)? },
        "Sigmoid" => Activation::Sigmoid,
        "HardSigmoid" => {
            Activation::HardSigmoid { alpha: float("alpha", 0.2)?, beta: float("beta", 0.5)? }
        }
        "HardSwish" => Activation::HardSwish,
        "Swish" if float("alpha", 1.0)? == 1.0 => Activation::Silu,
        "Gelu" => match attributes.text("approximate")? {
            None | Some("none") => Activation::Gelu,
            Some(other) => return Err(format!("its approximation is `{other}`")),
        },
        "Tanh" => Activation::Tanh,
        "Softplus" => Activation::Softplus,
        _ => {
            return Ok(unary(node.op_type()).map(Op::Unary));
        }
    };
    Ok(Some(Op::Activation(activation)))
}

fn unary(op_type: &str) -> Option<Unary> {
    Some(match op_type {
        "Neg" => Unary::Neg,
        "Abs" => Unary::Abs,
        "Sqrt" => Unary::Sqrt,
        "Reciprocal" => Unary::Reciprocal,
        "Exp" => Unary::Exp,
        "Log" => Unary::Log,
        "Erf" => Unary::Erf,
        "Floor" => Unary::Floor,
        "Ceil" => Unary::Ceil,
        "Sin" => Unary::Sin,
        "Cos" => Unary::Cos,
        "Not" => Unary::Not,
        _ => return None,
    })
}

fn of_two(op_type: &str) -> Option<Op> {
    Some(match op_type {
        "Add" => Op::Binary(Binary::Add),
        "Sub" => Op::Binary(Binary::Sub),
        "Mul" => Op::Binary(Binary::Mul),
        "Div" => Op::Binary(Binary::Div),
        "Equal" => Op::Compare(Compare::Equal),
        "Less" => Op::Compare(Compare::Less),
        "LessOrEqual" => Op::Compare(Compare::LessOrEqual),
        "Greater" => Op::Compare(Compare::Greater),
        "GreaterOrEqual" => Op::Compare(Compare::GreaterOrEqual),
        _ => return None,
    })
}

/// `op` over any number of inputs, from the first on; an input that is the constant `neutral`
/// changes nothing and is left out.
fn chain(node: &mut NodeView, op: Binary, neutral: Option<f32>) -> Result<(), Refusal> {
    let mut inputs = Vec::new();
    for index in 0..node.input_count() {
        let constant = node.constant(index).filter(|tensor| tensor.len() == 1);
        let left_out = constant.is_some_and(|tensor| neutral == tensor.to_f32().first().copied());
        if !left_out || (inputs.is_empty() && index + 1 == node.input_count()) {
            inputs.push(node.input(index)?);
        }
    }
    let mut inputs = inputs.into_iter();
    let mut total = inputs.next().ok_or("it has no input")?;
    let mut last = inputs.next();
    while let Some(next) = last {
        last = inputs.next();
        let pair = vec![total, next];
        if last.is_none() {
            return node.emit(Op::Binary(op), pair);
        }
        total = node.step(Op::Binary(op), pair);
    }
    node.emit(Op::Layout(zoo_model::ops::Layout::Identity), vec![total])
}

/// A power, whose exponent may be a whole number where the base is not.
fn pow(node: &mut NodeView) -> Result<(), Refusal> {
    let base = node.input(0)?;
    let mut exponent = node.input(1)?;
    if node.dtype(0) == Some(DType::F32) && node.dtype(1) == Some(DType::I64) {
        exponent = node.step(Op::Cast { to: DType::F32 }, vec![exponent]);
    }
    node.emit(Op::Binary(Binary::Pow), vec![base, exponent])
}

/// Bounds are attributes before version 11, and inputs, perhaps not given, from then on. What
/// is computed, or bounds whole numbers, becomes a maximum and a minimum.
fn clip(node: &mut NodeView) -> Result<(), Refusal> {
    let attributes = node.attributes();
    let mut x = node.input(0)?;
    let known = |index| !node.has(index) || node.constant(index).is_some();
    if node.dtype(0) != Some(DType::I64) && known(1) && known(2) {
        // A bound that is infinite bounds nothing.
        let finite = |bound: Option<f32>| bound.filter(|bound| bound.is_finite());
        let min = attributes.float("min")?.or(node.constant_float(1)?);
        let max = attributes.float("max")?.or(node.constant_float(2)?);
        let op = Op::Activation(Activation::Clip { min: finite(min), max: finite(max) });
        return node.emit(op, vec![x]);
    }
    match (node.has(1), node.has(2)) {
        (true, true) => {
            let inputs = vec![x, node.input(1)?];
            x = node.step(Op::Binary(Binary::Max), inputs);
            let inputs = vec![x, node.input(2)?];
            node.emit(Op::Binary(Binary::Min), inputs)
        }
        (true, false) => {
            let inputs = vec![x, node.input(1)?];
            node.emit(Op::Binary(Binary::Max), inputs)
        }
        (false, true) => {
            let inputs = vec![x, node.input(2)?];
            node.emit(Op::Binary(Binary::Min), inputs)
        }
        (false, false) => node.emit(Op::Layout(zoo_model::ops::Layout::Identity), vec![x]),
    }
}
