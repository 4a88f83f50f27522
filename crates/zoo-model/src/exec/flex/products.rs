use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use burn_backend::TensorMetadata;
use burn_dispatch::DispatchTensor;
use burn_dispatch::backends::flex::FlexTensor;
use zoo_kernels::{Convolution, Images as Pixmap, Isa, Pixels};

use super::images::{dense, from_numbers, numbers};
use super::operand::{Operand, plain};

/// Products with whole matrices that stay as they are, each packed when it is first met.
#[derive(Debug, Default)]
pub(crate) struct Products {
    /// Where the numbers of the matrices begin. Whoever made this keeps them.
    kept: HashSet<usize>,
    packed: Mutex<HashMap<Matrix, Arc<Convolution>>>,
}

/// Where a matrix begins, and how its numbers follow each other: a parameter may stand turned round.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Matrix {
    start: usize,
    shape: Vec<usize>,
    strides: Vec<isize>,
}

impl Products {
    /// For those of `parameters` that are on the processor, which must live as long as this.
    pub(crate) fn of<'a>(parameters: impl Iterator<Item = &'a DispatchTensor>) -> Self {
        let kept = parameters.filter_map(|tensor| match Operand::of(tensor)? {
            Operand::Plain(tensor) => Some(start(&tensor)),
            Operand::Tracked(_) => None,
        });
        Self { kept: kept.collect(), packed: Mutex::default() }
    }

    /// `a` `[rows, inner]` times `b` `[inner, columns]`, where `b` is one that stays.
    pub(crate) fn product(&self, a: &DispatchTensor, b: &DispatchTensor) -> Option<DispatchTensor> {
        let [Operand::Plain(a), Operand::Plain(b)] = Operand::all([a, b])? else { return None };
        if !self.kept.contains(&start(&b)) {
            return None;
        }
        let [rows, inner] = <[usize; 2]>::try_from(a.shape().to_vec()).ok()?;
        let [_, columns] = <[usize; 2]>::try_from(b.shape().to_vec()).ok()?;
        // A part of a parameter would be packed for each length that a program asks for.
        let is_whole = b.storage::<f32>().len() == inner * columns;
        if rows == 0 || inner == 0 || columns == 0 || !is_whole {
            return None;
        }
        let matrix = Matrix {
            start: start(&b),
            shape: vec![inner, columns],
            strides: b.layout().strides().to_vec(),
        };
        let lock = || self.packed.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().get(&matrix).cloned();
        // Not packed while others wait: threads that pack may be given work that asks for it as well.
        let product = known.unwrap_or_else(|| {
            let turned = dense(&b.transpose(0, 1));
            let made = Convolution::of_matrix(Isa::best(), numbers(&turned), columns);
            Arc::clone(lock().entry(matrix).or_insert_with(|| Arc::new(made)))
        });
        let a = dense(&a);
        let images = Pixmap::new(Pixels::dense(numbers(&a), inner), rows, 1, 1);
        Some(plain(from_numbers(product.run_on_all(&images, [1, 1]), vec![rows, columns])))
    }
}

/// Where the numbers of `tensor`, and of all that share them, begin.
fn start(tensor: &FlexTensor) -> usize {
    tensor.storage::<f32>().as_ptr().addr()
}
