use std::ops::{Deref, DerefMut};

use memmap2::MmapMut;

/// Numbers in a cache line.
const LINE: usize = 16;
/// Numbers from which on a buffer has pages of its own, large ones where the system has them: with
/// small pages, half of the time would go into finding them.
const LARGE: usize = 1 << 20;

/// Zeros to begin with, from the beginning of a cache line on: vectors that begin with a line are
/// never split between two.
#[derive(Debug, Default)]
pub struct Buffer {
    memory: Memory,
    len: usize,
}

#[derive(Debug)]
enum Memory {
    Lines(Vec<Line>),
    Pages(MmapMut),
}

impl Default for Memory {
    fn default() -> Self {
        Self::Lines(Vec::new())
    }
}

#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

impl Buffer {
    /// `len` zeros.
    ///
    /// # Panics
    /// Where so many have no place in memory at all.
    pub fn zeros(len: usize) -> Self {
        let bytes = len.checked_mul(size_of::<f32>()).expect("more numbers than memory has places");
        let pages = (len >= LARGE).then(|| MmapMut::map_anon(bytes).ok());
        let memory = match pages.flatten() {
            Some(pages) => {
                // Where the system has no large pages, small ones do.
                #[cfg(target_os = "linux")]
                let _ = pages.advise(memmap2::Advice::HugePage);
                Memory::Pages(pages)
            }
            None => Memory::Lines(vec![Line([0.0; LINE]); len.div_ceil(LINE)]),
        };
        Self { memory, len }
    }

    /// Makes it at least `len` long; what was in it may be lost.
    pub fn reserve(&mut self, len: usize) {
        if len > self.len {
            *self = Self::zeros(len);
        }
    }

    fn start(&self) -> *const f32 {
        match &self.memory {
            Memory::Lines(lines) => lines.as_ptr().cast(),
            Memory::Pages(pages) => pages.as_ptr().cast(),
        }
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        let mut copy = Self::zeros(self.len);
        copy.copy_from_slice(self);
        copy
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: lines and pages are numbers without gaps, aligned and enough for `len`.
        unsafe { std::slice::from_raw_parts(self.start(), self.len) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        let start = match &mut self.memory {
            Memory::Lines(lines) => lines.as_mut_ptr().cast(),
            Memory::Pages(pages) => pages.as_mut_ptr().cast(),
        };
        // SAFETY: as above; the memory is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(start, self.len) }
    }
}
