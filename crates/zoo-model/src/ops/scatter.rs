//! Elements at places that a value names: taken from there, or put there.
//!
//! Indices are read and checked before the device uses them, which would else read or write
//! anywhere. Gradients pass to the data and to what is put into it.

use burn_backend::ops::{FloatTensorOps, IntTensorOps};
use burn_backend::tensor::IndexingUpdateOp;
use burn_dispatch::{Dispatch, DispatchTensor};
use serde::{Deserialize, Serialize};

use super::layout::indices_within;
use super::operand::{axis_of, bounded};
use super::{OpError, Operands, Values};
use crate::exec::primitive;
use crate::{DType, Fact};

/// What becomes of an element and what is put in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Update {
    /// It is replaced. Where one place is named twice, one of both stays.
    Assign,
    /// Their sum.
    Add,
    /// Their product.
    Mul,
    /// The smaller.
    Min,
    /// The larger.
    Max,
}

impl Update {
    fn burn(self) -> IndexingUpdateOp {
        match self {
            Self::Assign => IndexingUpdateOp::Assign,
            Self::Add => IndexingUpdateOp::Add,
            Self::Mul => IndexingUpdateOp::Mul,
            Self::Min => IndexingUpdateOp::Min,
            Self::Max => IndexingUpdateOp::Max,
        }
    }
}

/// Checks that `indices [...]` fit `data` in all axes but `axis`.
fn check_elements(axis: usize, data: &Fact, indices: &Fact) -> Result<(), OpError> {
    let within = data.shape.len() == indices.shape.len()
        && (0..data.shape.len()).all(|at| at == axis || indices.shape[at] <= data.shape[at]);
    if within && indices.dtype == DType::I64 {
        return Ok(());
    }
    let (data, found) = (&data.shape, &indices.shape);
    Err(OpError::new(format!("the indices {found:?} are not whole numbers within {data:?}")))
}

pub(super) fn infer_gather_elements(axis: i64, inputs: &Operands) -> Result<Fact, OpError> {
    inputs.at_most(2)?;
    let (x, indices) = (inputs.required(0)?, inputs.required(1)?);
    check_elements(axis_of(axis, x.shape.len())?, x, indices)?;
    Ok(Fact { dtype: x.dtype, shape: indices.shape.clone(), known: None })
}

pub(super) fn run_gather_elements(
    axis: i64,
    mut inputs: Values,
    shape: &[usize],
) -> Result<DispatchTensor, OpError> {
    let x = inputs.take(0);
    let dims = primitive::shape(&x);
    let axis = axis_of(axis, dims.len())?;
    let indices = indices_within(inputs.take(1), dims[axis])?;
    // Burn wants the other axes to be equally long.
    let mut ranges: Vec<_> = shape.iter().map(|&length| (0, length, 1)).collect();
    ranges[axis] = (0, dims[axis], 1);
    let x = if shape.iter().zip(&dims).enumerate().all(|(at, (a, b))| at == axis || a == b) {
        x
    } else {
        primitive::slice(x, &ranges)
    };
    Ok(primitive::gather(x, axis, indices))
}

pub(super) fn infer_scatter_elements(axis: i64, inputs: &Operands) -> Result<Fact, OpError> {
    inputs.at_most(3)?;
    let (x, indices, updates) = (inputs.required(0)?, inputs.required(1)?, inputs.required(2)?);
    check_elements(axis_of(axis, x.shape.len())?, x, indices)?;
    check_updates(x, updates, &indices.shape)?;
    Ok(Fact { known: None, ..x.clone() })
}

fn check_updates(x: &Fact, updates: &Fact, shape: &[usize]) -> Result<(), OpError> {
    if updates.dtype == x.dtype && updates.shape == shape {
        return Ok(());
    }
    let (dtype, found) = (updates.dtype, &updates.shape);
    Err(OpError::new(format!("the updates are {dtype} {found:?}, not {} {shape:?}", x.dtype)))
}

pub(super) fn run_scatter_elements(
    axis: i64,
    update: Update,
    mut inputs: Values,
    shape: &[usize],
) -> Result<DispatchTensor, OpError> {
    let (x, indices, updates) = (inputs.take(0), inputs.take(1), inputs.take(2));
    let axis = axis_of(axis, shape.len())?;
    let list = primitive::read_i64(indices_within(indices.clone(), shape[axis])?);
    // Each element's place in the data, laid out as one line.
    let dims = primitive::shape(&indices);
    let mut places = Vec::with_capacity(list.len());
    for (position, index) in list.into_iter().enumerate() {
        let (mut rest, mut place, mut stride) = (position, 0, 1);
        for at in (0..shape.len()).rev() {
            let here = rest % dims[at];
            rest /= dims[at];
            place += stride * if at == axis { index as usize } else { here };
            stride *= shape[at];
        }
        places.push(place as i64);
    }
    let count = shape.iter().product();
    let flat = scatter_rows(
        primitive::reshape(x, &[count, 1]),
        &places,
        primitive::reshape(updates, &[places.len(), 1]),
        update,
    )?;
    Ok(primitive::reshape(flat, shape))
}

/// `rows [rows, length]` after `updates [places, length]` were put at `places`.
fn scatter_rows(
    rows: DispatchTensor,
    places: &[i64],
    updates: DispatchTensor,
    update: Update,
) -> Result<DispatchTensor, OpError> {
    if places.is_empty() {
        return Ok(rows);
    }
    let shape = primitive::shape(&updates);
    let indices = primitive::from_i64(places, &[places.len(), 1], &primitive::device(&rows));
    let indices = primitive::expand(indices, &shape);
    match primitive::kind(&rows) {
        DType::F32 => Ok(Dispatch::float_scatter(0, rows, indices, updates, update.burn())),
        DType::I64 => Ok(Dispatch::int_scatter(0, rows, indices, updates, update.burn())),
        _ if update == Update::Assign => {
            let [rows, updates] = [rows, updates].map(primitive::bool_to_int);
            let made = Dispatch::int_scatter(0, rows, indices, updates, update.burn());
            Ok(primitive::int_to_bool(made))
        }
        _ => Err(OpError::new("truth values can only be replaced")),
    }
}

/// How a value splits under indices into it: so many batch axes, then the axes that an index of
/// `width` numbers names, then the rest.
struct Places {
    batch: usize,
    width: usize,
}

impl Places {
    fn new(batch_dims: usize, x: &Fact, indices: &Fact) -> Result<Self, OpError> {
        let width = indices.shape.last().copied().unwrap_or_default();
        let fits = indices.dtype == DType::I64
            && width > 0
            && batch_dims < indices.shape.len()
            && batch_dims + width <= x.shape.len()
            && x.shape[..batch_dims] == indices.shape[..batch_dims];
        if fits {
            return Ok(Self { batch: batch_dims, width });
        }
        let (x, found) = (&x.shape, &indices.shape);
        Err(OpError::new(format!("the indices {found:?} do not fit {x:?}")))
    }

    /// The row of `x [shape]`, laid out as `[rows, rest]`, that each index names.
    fn rows(&self, shape: &[usize], dims: &[usize], list: &[i64]) -> Result<Vec<i64>, OpError> {
        let named = &shape[self.batch..self.batch + self.width];
        let each: usize = named.iter().product();
        let batches: usize = shape[..self.batch].iter().product();
        let in_batch = dims.iter().product::<usize>() / self.width / batches.max(1);
        let mut rows = Vec::with_capacity(list.len() / self.width);
        for (position, index) in list.chunks_exact(self.width).enumerate() {
            let mut row = 0;
            for (&at, &length) in index.iter().zip(named) {
                let counted = if at < 0 { at + length as i64 } else { at };
                if counted < 0 || counted >= length as i64 {
                    let reason = format!("the index {at} is beyond an axis of {length}");
                    return Err(OpError::new(reason));
                }
                row = row * length + counted as usize;
            }
            rows.push((position / in_batch.max(1) * each + row) as i64);
        }
        Ok(rows)
    }
}

pub(super) fn infer_gather_nd(batch_dims: usize, inputs: &Operands) -> Result<Fact, OpError> {
    inputs.at_most(2)?;
    let (x, indices) = (inputs.required(0)?, inputs.required(1)?);
    let places = Places::new(batch_dims, x, indices)?;
    let mut shape = indices.shape[..indices.shape.len() - 1].to_vec();
    shape.extend(&x.shape[places.batch + places.width..]);
    Ok(Fact { dtype: x.dtype, shape: bounded(shape)?, known: None })
}

pub(super) fn run_gather_nd(
    batch: usize,
    mut inputs: Values,
    shape: &[usize],
) -> Result<DispatchTensor, OpError> {
    let (x, indices) = (inputs.take(0), inputs.take(1));
    let (from, dims) = (primitive::shape(&x), primitive::shape(&indices));
    let width = dims.last().copied().unwrap_or_default();
    let rows = Places { batch, width }.rows(&from, &dims, &primitive::read_i64(indices))?;
    let (outer, rest) = from.split_at(batch + width);
    let device = primitive::device(&x);
    let x = primitive::reshape(x, &[outer.iter().product(), rest.iter().product()]);
    let rows = primitive::from_i64(&rows, &[rows.len()], &device);
    Ok(primitive::reshape(primitive::select(x, 0, rows), shape))
}

pub(super) fn infer_scatter_nd(inputs: &Operands) -> Result<Fact, OpError> {
    inputs.at_most(3)?;
    let (x, indices, updates) = (inputs.required(0)?, inputs.required(1)?, inputs.required(2)?);
    let places = Places::new(0, x, indices)?;
    let mut shape = indices.shape[..indices.shape.len() - 1].to_vec();
    shape.extend(&x.shape[places.width..]);
    check_updates(x, updates, &shape)?;
    Ok(Fact { known: None, ..x.clone() })
}

pub(super) fn run_scatter_nd(
    update: Update,
    mut inputs: Values,
    shape: &[usize],
) -> Result<DispatchTensor, OpError> {
    let (x, indices, updates) = (inputs.take(0), inputs.take(1), inputs.take(2));
    let dims = primitive::shape(&indices);
    let width = dims.last().copied().unwrap_or_default();
    let rows = Places { batch: 0, width }.rows(shape, &dims, &primitive::read_i64(indices))?;
    let (outer, rest) = shape.split_at(width);
    let length: usize = rest.iter().product();
    let x = primitive::reshape(x, &[outer.iter().product(), length]);
    let updates = primitive::reshape(updates, &[rows.len(), length]);
    Ok(primitive::reshape(scatter_rows(x, &rows, updates, update)?, shape))
}
