//! Lists that threads fill together.

use std::mem::MaybeUninit;
use std::ops::Range;

use rayon::prelude::*;

/// A place that several threads write, each its own part.
#[derive(Clone, Copy)]
pub(super) struct Shared(*mut f32);

// SAFETY: whoever writes through it says in an unsafe block that nobody else writes there.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    /// The numbers of `list`, which nobody else uses while this is.
    pub(super) fn new(list: &mut [f32]) -> Self {
        Self(list.as_mut_ptr())
    }

    pub(super) fn as_mut_ptr(self) -> *mut f32 {
        self.0
    }

    /// A part of it.
    ///
    /// # Safety
    /// The part must be there, initialised, and nobody else's meanwhile.
    pub(super) unsafe fn part<'a>(self, part: Range<usize>) -> &'a mut [f32] {
        // SAFETY: up to the caller.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(part.start), part.len()) }
    }
}

/// A list of `len` numbers, each of which `write` has written when it returns.
///
/// Zeroing what is written anyway would cost a pass over main memory.
///
/// # Safety
/// `write` must write every one of them, and read none before.
pub(super) unsafe fn filled(len: usize, write: impl FnOnce(Shared)) -> Vec<f32> {
    let mut list: Vec<f32> = Vec::with_capacity(len);
    let spare: &mut [MaybeUninit<f32>] = list.spare_capacity_mut();
    write(Shared(spare.as_mut_ptr().cast()));
    // SAFETY: the capacity is there, and the caller vouches that all is written.
    unsafe { list.set_len(len) };
    list
}

/// `len` cut into `parts` of nearly the same length: part `index`.
pub(super) fn slice_of(len: usize, parts: usize, index: usize) -> Range<usize> {
    let (each, more) = (len / parts, len % parts);
    let begin = index * each + index.min(more);
    begin..begin + each + usize::from(index < more)
}

/// Runs `each` for `0..count`, on all threads.
pub(super) fn for_each(count: usize, each: impl Fn(usize) + Send + Sync) {
    match count {
        0 => {}
        1 => each(0),
        _ => (0..count).into_par_iter().with_max_len(1).for_each(each),
    }
}
