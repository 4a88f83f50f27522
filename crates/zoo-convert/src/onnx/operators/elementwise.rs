//! Elementwise functions of one value or more.

use zoo_model::ops::{Activation, Binary, Compare, Layout, Unary};
use zoo_model::{DType, Op, Tensor};

use super::super::attributes::Refusal;
use super::super::lowering::Role;
use super::super::node::NodeView;
use super::super::tensor;

/// Whatever has a counterpart that is elementwise.
pub(super) fn lower(node: &mut NodeView) -> Result<(), Refusal> {
    if node.op_type() == "Relu" && node.dtype(0) == Some(DType::I64) {
        let inputs = vec![node.input(0)?, node.own_parameter("zero", Tensor::from_i64(&[], &[0]))];
        return node.emit(Op::Binary(Binary::Max), inputs);
    }
    if let Some(op) = of_one(node)? {
        let input = node.input(0)?;
        return node.emit(op, vec![input]);
    }
    if let Some(op) = of_two(node)? {
        let inputs = vec![node.input(0)?, second_operand(node)?];
        return node.emit(op, inputs);
    }
    match node.op_type() {
        "Sum" => chain(node, Binary::Add, None),
        "Max" => chain(node, Binary::Max, Some(f32::NEG_INFINITY)),
        "Min" => chain(node, Binary::Min, Some(f32::INFINITY)),
        "Mean" => mean(node),
        "Pow" => pow(node),
        "Clip" => clip(node),
        "BitShift" => bit_shift(node),
        "PRelu" => {
            let inputs = vec![node.input(0)?, node.input_as(1, Role::Weight)?];
            node.emit(Op::Binary(Binary::PRelu), inputs)
        }
        "Where" => {
            let inputs = vec![node.input(0)?, node.input(1)?, node.input(2)?];
            node.emit(Op::Where, inputs)
        }
        "Cast" => {
            let to = node.attributes().int("to")?.ok_or("it does not say to which type")?;
            cast(node, i32::try_from(to).unwrap_or(0))
        }
        "CastLike" => {
            let to = node.data_type(1);
            cast(node, to.ok_or("the file does not say which type its input 1 has")?)
        }
        _ => Err("there is no such operator here".to_owned()),
    }
}

/// The second operand of two. Before version 7, its first axis may be told to be another than
/// broadcasting has it.
fn second_operand(node: &mut NodeView) -> Result<String, Refusal> {
    let b = node.input(1)?;
    let Some(axis) = node.attributes().int("axis")?.filter(|_| node.opset() < 7) else {
        return Ok(b);
    };
    let (rank, own) = (node.rank(0)? as i64, node.rank(1)? as i64);
    let axis = if axis < 0 { axis.saturating_add(rank) } else { axis };
    let behind = rank.saturating_sub(axis).saturating_sub(own);
    if behind < 0 || axis < 0 {
        return Err(format!("its second input does not fit behind axis {axis}"));
    }
    if behind == 0 {
        return Ok(b);
    }
    let axes = (-behind..0).collect();
    Ok(node.step(Op::Layout(Layout::Unsqueeze { axes }), vec![b]))
}

/// A cast to the type with the number `data_type`.
fn cast(node: &mut NodeView, data_type: i32) -> Result<(), Refusal> {
    let to = tensor::dtype(data_type)?;
    let mut x = node.input(0)?;
    // Unsigned types are held as the next longer one with a sign, which holds more than they do.
    let Some(mask) = unsigned_mask(data_type).filter(|_| data_type != UINT8) else {
        return node.emit(Op::Cast { to }, vec![x]);
    };
    x = node.step(Op::Cast { to: DType::I64 }, vec![x]);
    let mask = node.own_parameter("mask", Tensor::from_i64(&[], &[mask]));
    node.emit(Op::Binary(Binary::And), vec![x, mask])
}

/// `TensorProto.DataType.UINT8`.
const UINT8: i32 = 2;

/// All bits of an unsigned type of up to 32 bits.
fn unsigned_mask(data_type: i32) -> Option<i64> {
    Some(match data_type {
        UINT8 => 0xff,
        4 => 0xffff,
        12 => 0xffff_ffff,
        _ => return None,
    })
}

/// Bits moved within as many as the type has.
fn bit_shift(node: &mut NodeView) -> Result<(), Refusal> {
    let inputs = vec![node.input(0)?, node.input(1)?];
    match node.attributes().text("direction")? {
        Some("RIGHT") => node.emit(Op::Binary(Binary::ShiftRight), inputs),
        Some("LEFT") => {
            let data_type = node.data_type(0).or_else(|| node.data_type(1));
            let Some(mask) = data_type.and_then(unsigned_mask) else {
                return node.emit(Op::Binary(Binary::ShiftLeft), inputs);
            };
            let x = node.step(Op::Binary(Binary::ShiftLeft), inputs);
            let mask = node.own_parameter("mask", Tensor::from_i64(&[], &[mask]));
            node.emit(Op::Binary(Binary::And), vec![x, mask])
        }
        _ => Err("its direction is neither LEFT nor RIGHT".to_owned()),
    }
}

/// The mean of any number of inputs.
fn mean(node: &mut NodeView) -> Result<(), Refusal> {
    let inputs = node.all_inputs()?;
    let count = inputs.len() as f32;
    let sum =
        inputs.into_iter().reduce(|sum, next| node.step(Op::Binary(Binary::Add), vec![sum, next]));
    let sum = sum.ok_or("it has no input")?;
    let count = node.own_parameter("count", Tensor::from_f32(&[], &[count]));
    node.emit(Op::Binary(Binary::Div), vec![sum, count])
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
        "Selu" => Activation::Selu {
            alpha: float("alpha", 1.673_263_2)?,
            gamma: float("gamma", 1.050_701)?,
        },
        "Celu" => Activation::Celu { alpha: float("alpha", 1.0)? },
        "Shrink" => Activation::Shrink { lambda: float("lambd", 0.5)?, bias: float("bias", 0.0)? },
        "ThresholdedRelu" => Activation::ThresholdedRelu { alpha: float("alpha", 1.0)? },
        "Softsign" => Activation::Softsign,
        "Mish" => Activation::Mish,
        "Swish" if float("alpha", 1.0)? == 1.0 => Activation::Silu,
        "Gelu" => match attributes.text("approximate")? {
            None | Some("none") => Activation::Gelu,
            Some("tanh") => Activation::GeluTanh,
            Some(other) => return Err(format!("its approximation is `{other}`")),
        },
        "Tanh" => Activation::Tanh,
        "Softplus" => Activation::Softplus,
        "IsInf" => {
            let detects = |name| Ok::<_, Refusal>(attributes.int(name)?.unwrap_or(1) != 0);
            let (negative, positive) = (detects("detect_negative")?, detects("detect_positive")?);
            return Ok(Some(Op::Unary(Unary::IsInf { negative, positive })));
        }
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
        "Tan" => Unary::Tan,
        "Asin" => Unary::Asin,
        "Acos" => Unary::Acos,
        "Atan" => Unary::Atan,
        "Sinh" => Unary::Sinh,
        "Cosh" => Unary::Cosh,
        "Asinh" => Unary::Asinh,
        "Acosh" => Unary::Acosh,
        "Atanh" => Unary::Atanh,
        "Sign" => Unary::Sign,
        "Round" => Unary::Round,
        "IsNaN" => Unary::IsNan,
        "Not" | "BitwiseNot" => Unary::Not,
        _ => return None,
    })
}

fn of_two(node: &NodeView) -> Result<Option<Op>, Refusal> {
    Ok(Some(match node.op_type() {
        "Add" => Op::Binary(Binary::Add),
        "Sub" => Op::Binary(Binary::Sub),
        "Mul" => Op::Binary(Binary::Mul),
        "Div" => Op::Binary(Binary::Div),
        "And" | "BitwiseAnd" => Op::Binary(Binary::And),
        "Or" | "BitwiseOr" => Op::Binary(Binary::Or),
        "Xor" | "BitwiseXor" => Op::Binary(Binary::Xor),
        "Mod" if node.attributes().flag("fmod")? => Op::Binary(Binary::Remainder),
        "Mod" => Op::Binary(Binary::Mod),
        "Equal" => Op::Compare(Compare::Equal),
        "Less" => Op::Compare(Compare::Less),
        "LessOrEqual" => Op::Compare(Compare::LessOrEqual),
        "Greater" => Op::Compare(Compare::Greater),
        "GreaterOrEqual" => Op::Compare(Compare::GreaterOrEqual),
        _ => return Ok(None),
    }))
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
    node.emit(Op::Layout(Layout::Identity), vec![total])
}

/// A power, of the type of its base.
fn pow(node: &mut NodeView) -> Result<(), Refusal> {
    let (mut base, mut exponent) = (node.input(0)?, node.input(1)?);
    let op = Op::Binary(Binary::Pow);
    let to_float = Op::Cast { to: DType::F32 };
    match (node.dtype(0), node.dtype(1)) {
        (Some(DType::F32), Some(DType::I64)) => {
            exponent = node.step(to_float, vec![exponent]);
            node.emit(op, vec![base, exponent])
        }
        (Some(DType::I64), Some(DType::F32)) => {
            base = node.step(to_float, vec![base]);
            let power = node.step(op, vec![base, exponent]);
            node.emit(Op::Cast { to: DType::I64 }, vec![power])
        }
        _ => node.emit(op, vec![base, exponent]),
    }
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
        (false, false) => node.emit(Op::Layout(Layout::Identity), vec![x]),
    }
}
