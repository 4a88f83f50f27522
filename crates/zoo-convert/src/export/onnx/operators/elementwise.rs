//! Elementwise functions.

use zoo_model::ops::{Activation, Binary, Compare, Unary};

use super::super::attribute::float;
use super::super::node::{NodeWriter, Refusal};

pub(super) fn activation(activation: Activation, node: &mut NodeWriter) -> Result<(), Refusal> {
    match activation {
        Activation::Relu => node.emit("Relu", Vec::new()),
        Activation::Clip { min: None, max: None } => node.emit("Identity", Vec::new()),
        Activation::Clip { min, max } => {
            let mut bound = |name, bound: Option<f32>| {
                bound.map_or_else(String::new, |bound| node.float(name, bound))
            };
            let (min, max) = (bound("min", min), bound("max", max));
            node.emit_of("Clip", vec![node.input(0), min, max], Vec::new());
        }
        Activation::LeakyRelu { alpha } => node.emit("LeakyRelu", vec![float("alpha", alpha)]),
        Activation::Elu { alpha } => node.emit("Elu", vec![float("alpha", alpha)]),
        Activation::Sigmoid => node.emit("Sigmoid", Vec::new()),
        Activation::HardSigmoid { alpha, beta } => {
            node.emit("HardSigmoid", vec![float("alpha", alpha), float("beta", beta)]);
        }
        Activation::HardSwish => node.emit("HardSwish", Vec::new()),
        Activation::Silu => {
            let gate = node.step("Sigmoid", node.inputs(), Vec::new());
            node.emit_of("Mul", vec![node.input(0), gate], Vec::new());
        }
        Activation::Gelu => gelu(node),
        Activation::Tanh => node.emit("Tanh", Vec::new()),
        Activation::Softplus => node.emit("Softplus", Vec::new()),
        _ => return Err("it cannot be written yet".to_owned()),
    }
    Ok(())
}

/// `x (1 + erf(x / sqrt 2)) / 2`. ONNX has an operator for it from version 20 on only.
fn gelu(node: &mut NodeWriter) {
    let root = node.float("sqrt2", std::f32::consts::SQRT_2);
    let scaled = node.step("Div", vec![node.input(0), root], Vec::new());
    let erf = node.step("Erf", vec![scaled], Vec::new());
    let one = node.float("one", 1.0);
    let sum = node.step("Add", vec![erf, one], Vec::new());
    let product = node.step("Mul", vec![node.input(0), sum], Vec::new());
    let half = node.float("half", 0.5);
    node.emit_of("Mul", vec![product, half], Vec::new());
}

pub(super) fn unary(function: Unary) -> Result<&'static str, Refusal> {
    Ok(match function {
        Unary::Neg => "Neg",
        Unary::Abs => "Abs",
        Unary::Sqrt => "Sqrt",
        Unary::Reciprocal => "Reciprocal",
        Unary::Exp => "Exp",
        Unary::Log => "Log",
        Unary::Erf => "Erf",
        Unary::Floor => "Floor",
        Unary::Ceil => "Ceil",
        Unary::Sin => "Sin",
        Unary::Cos => "Cos",
        Unary::Not => "Not",
        _ => return Err("it cannot be written yet".to_owned()),
    })
}

pub(super) fn binary(function: Binary) -> Result<&'static str, Refusal> {
    Ok(match function {
        Binary::Add => "Add",
        Binary::Sub => "Sub",
        Binary::Mul => "Mul",
        Binary::Div => "Div",
        Binary::Pow => "Pow",
        Binary::Max => "Max",
        Binary::Min => "Min",
        _ => return Err("it cannot be written yet".to_owned()),
    })
}

pub(super) fn compare(comparison: Compare) -> Result<&'static str, Refusal> {
    Ok(match comparison {
        Compare::Equal => "Equal",
        Compare::Less => "Less",
        Compare::LessOrEqual => "LessOrEqual",
        Compare::Greater => "Greater",
        Compare::GreaterOrEqual => "GreaterOrEqual",
        _ => return Err("it cannot be written yet".to_owned()),
    })
}
