//! Sums and rectifiers, number by number, on all threads.

use crate::Isa;
use crate::lanes::{Lanes, versions};

use super::parallel::{Shared, filled, for_each};

/// Numbers of a task.
const CHUNK: usize = 32 * 1024;

/// What is made of two numbers.
#[derive(Clone, Copy)]
enum Function {
    Add,
    /// The sum, zero below zero.
    AddRectified,
    /// The second, zero where the first, which a rectifier made, is not above zero.
    Passed,
}

/// `a + b`, and zero below zero if that is `rectified`.
///
/// # Panics
/// Where the lengths differ.
pub fn add(isa: Isa, a: &[f32], b: &[f32], rectified: bool) -> Vec<f32> {
    run(isa, if rectified { Function::AddRectified } else { Function::Add }, a, b)
}

/// Adds `other` to `sum`.
///
/// # Panics
/// Where the lengths differ.
pub fn accumulate(isa: Isa, sum: &mut [f32], other: &[f32]) {
    assert_eq!(sum.len(), other.len(), "lengths");
    let len = sum.len();
    let shared = Shared::new(sum);
    for_each(len.div_ceil(CHUNK), |index| {
        let (at, count) = (index * CHUNK, CHUNK.min(len - index * CHUNK));
        let other = other[at..at + count].as_ptr();
        // SAFETY: both are good for `count` numbers, and the sum's are this task's alone.
        unsafe { add_to(isa, other, count, shared.as_mut_ptr().add(at)) }
    });
}

/// `x factor`.
pub fn scale(isa: Isa, x: &[f32], factor: f32) -> Vec<f32> {
    each(x.len(), |at, count, to| {
        let from = x[at..at + count].as_ptr();
        // SAFETY: both are good for `count` numbers.
        unsafe { scale_to(isa, from, factor, count, to) }
    })
}

/// The gradient of what a rectifier took, from that of the `output` that it made.
///
/// # Panics
/// Where the lengths differ.
pub fn rectifier_gradient(isa: Isa, output: &[f32], gradient: &[f32]) -> Vec<f32> {
    run(isa, Function::Passed, output, gradient)
}

/// `input`, zero below zero.
pub fn rectify(isa: Isa, input: &[f32]) -> Vec<f32> {
    // A NaN that passes stays one; an input of minus zero may come out so.
    let zeros = vec![0.0; CHUNK.min(input.len())];
    each(input.len(), |at, count, to| {
        let from = input[at..at + count].as_ptr();
        // SAFETY: all three are good for `count` numbers.
        unsafe { combine(isa, Function::AddRectified, from, zeros.as_ptr(), count, to) }
    })
}

fn run(isa: Isa, function: Function, a: &[f32], b: &[f32]) -> Vec<f32> {
    assert_eq!(a.len(), b.len(), "lengths");
    each(a.len(), |at, count, to| {
        let (a, b) = (a[at..at + count].as_ptr(), b[at..at + count].as_ptr());
        // SAFETY: all three are good for `count` numbers.
        unsafe { combine(isa, function, a, b, count, to) }
    })
}

/// A list whose parts `write` fills: from where on, how many, and where to.
fn each(len: usize, write: impl Fn(usize, usize, *mut f32) + Send + Sync) -> Vec<f32> {
    // SAFETY: parts are disjoint, and together everything.
    unsafe {
        filled(len, |made: Shared| {
            for_each(len.div_ceil(CHUNK), |index| {
                let at = index * CHUNK;
                write(at, CHUNK.min(len - at), made.as_mut_ptr().add(at));
            });
        })
    }
}

versions! {
    /// # Safety
    /// All three must be good for `count` numbers, and `to` this caller's alone.
    unsafe fn combine = combine_each(
        function: Function, a: *const f32, b: *const f32, count: usize, to: *mut f32,
    )
}

#[inline(always)]
unsafe fn combine_each<L: Lanes>(
    function: Function,
    a: *const f32,
    b: *const f32,
    count: usize,
    to: *mut f32,
) {
    // SAFETY: up to the caller.
    let (a, b) =
        unsafe { (std::slice::from_raw_parts(a, count), std::slice::from_raw_parts(b, count)) };
    for (at, (&a, &b)) in a.iter().zip(b).enumerate() {
        let value = match function {
            Function::Add => a + b,
            Function::AddRectified => {
                let sum = a + b;
                if sum < 0.0 { 0.0 } else { sum }
            }
            Function::Passed => {
                if a <= 0.0 {
                    0.0
                } else {
                    b
                }
            }
        };
        // SAFETY: up to the caller.
        unsafe { *to.add(at) = value };
    }
}

versions! {
    /// # Safety
    /// Both must be good for `count` numbers, and `sum` this caller's alone.
    unsafe fn add_to = add_each(other: *const f32, count: usize, sum: *mut f32)
}

#[inline(always)]
unsafe fn add_each<L: Lanes>(other: *const f32, count: usize, sum: *mut f32) {
    // SAFETY: up to the caller.
    let (other, sum) = unsafe {
        (std::slice::from_raw_parts(other, count), std::slice::from_raw_parts_mut(sum, count))
    };
    for (sum, number) in sum.iter_mut().zip(other) {
        *sum += number;
    }
}

versions! {
    /// # Safety
    /// Both must be good for `count` numbers, and `to` this caller's alone.
    unsafe fn scale_to = scale_each(from: *const f32, factor: f32, count: usize, to: *mut f32)
}

#[inline(always)]
unsafe fn scale_each<L: Lanes>(from: *const f32, factor: f32, count: usize, to: *mut f32) {
    // SAFETY: up to the caller.
    let from = unsafe { std::slice::from_raw_parts(from, count) };
    for (at, number) in from.iter().enumerate() {
        // SAFETY: up to the caller.
        unsafe { *to.add(at) = number * factor };
    }
}
