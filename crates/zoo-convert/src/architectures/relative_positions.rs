//! Relative positions of the tokens in a square window, as Swin and MaxViT count them: what is
//! learned of them, and the buffers that follow from the window's size.
//!
//! torchvision keeps these buffers in its checkpoints. Other publishers leave them out, and
//! nothing is lost: they are made here by name and shape.

use zoo_model::graph::Value;
use zoo_model::{Graph, GraphBuilder, Parameter, Tensor, Weights};

/// Which row of the table belongs to each pair of tokens.
const INDEX: &str = "relative_position_index";
/// The distances that the rows of the table stand for, on a logarithmic scale.
const COORDINATES: &str = "relative_coords_table";

/// How many relative positions there are in a window of `window` by `window` tokens.
pub(super) fn count(window: usize) -> usize {
    (2 * window - 1).pow(2)
}

/// What each head adds to the score of each pair of tokens, `[heads, tokens, tokens]`, from `table
/// [positions, heads]`. `index_shape` is that of the buffer `{name}.relative_position_index`.
pub(super) fn bias(
    b: &mut GraphBuilder,
    name: &str,
    table: &Value,
    index_shape: &[usize],
    window: usize,
) -> Value {
    let (tokens, heads) = (window.pow(2) as i64, table.channels() as i64);
    let index = b.indices(&format!("{name}.{INDEX}"), index_shape);
    let rows = b.gather(table, &index);
    let rows = b.reshape(&rows, &[tokens, tokens, heads]);
    b.permute(&rows, &[2, 0, 1])
}

/// The buffer `{name}.relative_coords_table [1, 2 window - 1, 2 window - 1, 2]`.
pub(super) fn coordinates(b: &mut GraphBuilder, name: &str, window: usize) -> Value {
    let side = 2 * window - 1;
    b.buffer(&format!("{name}.{COORDINATES}"), &[1, side, side, 2])
}

/// The values of those parameters of `graph` that are constants of the architecture.
pub(crate) fn constants(graph: &Graph) -> Weights {
    let value = |(name, parameter): (&String, &Parameter)| {
        let tensor = match name.rsplit('.').next()? {
            INDEX => index_of(&parameter.shape)?,
            COORDINATES => coordinates_of(&parameter.shape)?,
            _ => return None,
        };
        Some((name.clone(), tensor))
    };
    graph
        .parameters
        .iter()
        .filter(|(_, parameter)| !parameter.trainable)
        .filter_map(value)
        .collect()
}

/// For each pair of tokens, in order, the row of their relative position.
fn index_of(shape: &[usize]) -> Option<Tensor> {
    let pairs: usize = shape.iter().product();
    let window = (1..=64usize).find(|window| window.pow(4) == pairs)?;
    let tokens = (0..window.pow(2)).map(|token| (token / window, token % window));
    let row = |(a, b): ((usize, usize), (usize, usize))| {
        let down = a.0 + window - 1 - b.0;
        let right = a.1 + window - 1 - b.1;
        (down * (2 * window - 1) + right) as i64
    };
    let each = tokens.clone().flat_map(|a| tokens.clone().map(move |b| row((a, b))));
    Some(Tensor::from_i64(shape, &each.collect::<Vec<_>>()))
}

/// For each relative position, `sign(d) log2(1 + |d|) / 3` of the distances down and right, scaled
/// to -8 to 8. Source: Liu et al.: *Swin Transformer V2*, 2022, equation 4, as torchvision has it.
fn coordinates_of(shape: &[usize]) -> Option<Tensor> {
    let &[1, side, other, 2] = shape else { return None };
    if side != other || side % 2 == 0 || !(3..128).contains(&side) {
        return None;
    }
    let reach = (side / 2) as f32;
    let distance = |at: usize| {
        let scaled = (at as f32 - reach) / reach * 8.0;
        scaled.signum() * (scaled.abs() + 1.0).log2() / 3.0
    };
    let each = (0..side).flat_map(|down| (0..side).flat_map(move |right| [down, right]));
    Some(Tensor::from_f32(shape, &each.map(distance).collect::<Vec<_>>()))
}
