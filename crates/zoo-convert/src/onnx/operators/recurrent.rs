//! Recurrent layers.

use zoo_model::Op;
use zoo_model::ops::{Activation, Cell, Direction, Recurrent};

use super::super::attributes::Refusal;
use super::super::lowering::Role;
use super::super::node::NodeView;

pub(super) fn recurrent(node: &mut NodeView) -> Result<(), Refusal> {
    let attributes = node.attributes();
    let (cell, defaults) = match node.op_type() {
        "LSTM" => {
            let input_forget = attributes.flag("input_forget")?;
            (Cell::Lstm { input_forget }, &["Sigmoid", "Tanh", "Tanh"][..])
        }
        "GRU" => {
            let linear_before_reset = attributes.flag("linear_before_reset")?;
            (Cell::Gru { linear_before_reset }, &["Sigmoid", "Tanh"][..])
        }
        _ => (Cell::Rnn, &["Tanh"][..]),
    };
    let direction = match attributes.text("direction")?.unwrap_or("forward") {
        "forward" => Direction::Forward,
        "reverse" => Direction::Reverse,
        "bidirectional" => Direction::Both,
        other => return Err(format!("its direction is `{other}`")),
    };
    let directions = if direction == Direction::Both { 2 } else { 1 };
    let hidden = attributes.int("hidden_size")?.ok_or("it does not say how long its state is")?;
    let op = Op::Recurrent(Recurrent {
        cell,
        hidden: usize::try_from(hidden).map_err(|_| format!("its state has length {hidden}"))?,
        direction,
        activations: activations(node, directions, defaults)?,
        clip: attributes.float("clip")?.filter(|clip| *clip > 0.0),
        batch_first: attributes.flag("layout")?,
    });
    let mut inputs = vec![node.input(0)?];
    for index in 1..node.input_count().min(8) {
        let role = if index < 4 { Role::Weight } else { Role::Operand };
        let given = node.has(index);
        inputs.push(if given { node.input_as(index, role)? } else { String::new() });
    }
    node.emit_all(op, inputs);
    Ok(())
}

/// The nonlinearities of each direction. Their parameters are lists, from which each takes its
/// own in turn.
fn activations(
    node: &NodeView,
    directions: usize,
    defaults: &[&str],
) -> Result<Vec<Vec<Activation>>, Refusal> {
    let attributes = node.attributes();
    let mut names = attributes.texts("activations")?;
    if names.is_empty() {
        names = defaults.repeat(directions);
    }
    if names.len() != directions * defaults.len() {
        return Err(format!("its nonlinearities are {names:?}"));
    }
    let mut alphas = attributes.floats("activation_alpha")?.unwrap_or_default().iter().copied();
    let mut betas = attributes.floats("activation_beta")?.unwrap_or_default().iter().copied();
    let mut found = Vec::with_capacity(names.len());
    for name in names {
        let mut alpha = |default: f32| alphas.next().unwrap_or(default);
        let mut beta = |default: f32| betas.next().unwrap_or(default);
        found.push(match name.to_ascii_lowercase().as_str() {
            "sigmoid" => Activation::Sigmoid,
            "tanh" => Activation::Tanh,
            "relu" => Activation::Relu,
            "softplus" => Activation::Softplus,
            "leakyrelu" => Activation::LeakyRelu { alpha: alpha(0.01) },
            "elu" => Activation::Elu { alpha: alpha(1.0) },
            "hardsigmoid" => Activation::HardSigmoid { alpha: alpha(0.2), beta: beta(0.5) },
            _ => return Err(format!("its nonlinearity is `{name}`")),
        });
    }
    Ok(found.chunks(defaults.len()).map(<[Activation]>::to_vec).collect())
}
