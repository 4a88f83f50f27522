//! Memory that is used again.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, Ordering};

/// From so many bytes on, blocks are kept.
const LARGE: usize = 1 << 20;
/// As many blocks are kept at most.
const SLOTS: usize = 256;
/// The alignment of large blocks: a cache line, so that vectors that begin with a block are never split
/// between two.
const ALIGN: usize = 64;

/// An allocator for programs that need large blocks again and again, as each step of training and each
/// picture does: freed ones are kept for the next that wants one of about the size.
///
/// Systems give large blocks back to the kernel when they are freed, and get new ones page by page, each
/// of which is cleared: a fifth of a training step. What is kept and what is in use are together never more
/// than was in use at once before, so a program's peak is what it would be anyway.
///
/// ```
/// use zoo_kernels::Recycler;
///
/// #[global_allocator]
/// static MEMORY: Recycler = Recycler::new();
/// # fn main() {
/// let first = vec![1_u8; 2 << 20];
/// let address = first.as_ptr();
/// drop(first);
/// assert_eq!(vec![2_u8; 2 << 20].as_ptr(), address);
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Recycler {
    locked: AtomicBool,
    books: UnsafeCell<Books>,
}

// SAFETY: the books are only touched while `locked` is held.
unsafe impl Sync for Recycler {}

/// A block that nobody uses.
#[derive(Debug, Clone, Copy)]
struct Block {
    start: NonNull<u8>,
    size: usize,
}

// SAFETY: nobody uses it.
unsafe impl Send for Block {}

/// What is kept, the oldest first, and what is in use. In bytes.
#[derive(Debug)]
struct Books {
    kept: [Option<Block>; SLOTS],
    count: usize,
    kept_bytes: usize,
    used_bytes: usize,
    /// The most that was in use at once, up to when a block came back last.
    peak_bytes: usize,
}

impl Default for Books {
    fn default() -> Self {
        Self::new()
    }
}

impl Books {
    const fn new() -> Self {
        Self { kept: [None; SLOTS], count: 0, kept_bytes: 0, used_bytes: 0, peak_bytes: 0 }
    }

    /// Takes the block at `index` out.
    fn take(&mut self, index: usize) -> Option<Block> {
        let block = self.kept[index].take()?;
        self.kept.copy_within(index + 1..self.count, index);
        self.count -= 1;
        self.kept[self.count] = None;
        self.kept_bytes -= block.size;
        Some(block)
    }

    /// Notes that a block of `size` will be in use; the one for it, if one is kept.
    fn lend(&mut self, size: usize) -> Option<Block> {
        self.used_bytes += size;
        // The one that was used last may still be in a cache.
        let fits = |block: &Option<Block>| block.is_some_and(|block| block.size == size);
        self.kept[..self.count].iter().rposition(fits).and_then(|at| self.take(at))
    }

    /// A block that must go so that no more is kept than there is room for.
    fn surplus(&mut self) -> Option<Block> {
        let is_surplus = self.count > 0 && self.used_bytes + self.kept_bytes > self.peak_bytes;
        if is_surplus { self.take(0) } else { None }
    }

    /// Keeps `block`, which was in use; the oldest, where there are too many.
    fn give_back(&mut self, block: Block) -> Option<Block> {
        self.peak_bytes = self.peak_bytes.max(self.used_bytes);
        self.used_bytes -= block.size;
        let oldest = if self.count == SLOTS { self.take(0) } else { None };
        self.kept[self.count] = Some(block);
        self.count += 1;
        self.kept_bytes += block.size;
        oldest
    }
}

impl Recycler {
    /// One that has kept nothing yet.
    pub const fn new() -> Self {
        Self { locked: AtomicBool::new(false), books: UnsafeCell::new(Books::new()) }
    }

    /// Runs `work` with the books, alone. It must not allocate.
    fn with_books<T>(&self, work: impl FnOnce(&mut Books) -> T) -> T {
        let take =
            || self.locked.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed);
        while take().is_err() {
            std::thread::yield_now();
        }
        // SAFETY: nobody else has the lock.
        let made = work(unsafe { &mut *self.books.get() });
        self.locked.store(false, Ordering::Release);
        made
    }

    /// A kept block for `layout`, which is noted as in use either way; others go if there are too many.
    fn lend(&self, layout: Layout) -> Option<NonNull<u8>> {
        let block = self.with_books(|books| books.lend(layout.size()));
        while let Some(block) = self.with_books(Books::surplus) {
            free(block);
        }
        block.map(|block| block.start)
    }

    /// What `ask` gets from the system. If that has nothing left, once more without what is kept.
    fn fresh(&self, layout: Layout, ask: impl Fn(Layout) -> *mut u8) -> *mut u8 {
        let mut start = ask(layout);
        if start.is_null() {
            while let Some(block) = self.with_books(|books| books.take(0)) {
                free(block);
            }
            start = ask(layout);
        }
        if start.is_null() {
            self.with_books(|books| books.used_bytes -= layout.size());
        }
        start
    }
}

/// Gives `block`, which nobody uses, back to the system.
fn free(block: Block) {
    if let Ok(layout) = Layout::from_size_align(block.size, ALIGN) {
        // SAFETY: it came from there with this layout.
        unsafe { System.dealloc(block.start.as_ptr(), layout) }
    }
}

/// The layout of the block that is used for `layout`, where that is large: sizes come in eight steps from
/// one power of two to the next, so that an eighth is left over at most.
fn block_for(layout: Layout) -> Option<Layout> {
    let size = layout.size();
    if size < LARGE || layout.align() > ALIGN {
        return None;
    }
    let step = (1 << size.ilog2()) / 8;
    Layout::from_size_align(size.checked_next_multiple_of(step)?, ALIGN).ok()
}

// SAFETY: blocks are the system's, of a layout that `block_for` alone decides, and lent to one at a time.
unsafe impl GlobalAlloc for Recycler {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(block) = block_for(layout) else {
            // SAFETY: up to the caller.
            return unsafe { System.alloc(layout) };
        };
        match self.lend(block) {
            Some(start) => start.as_ptr(),
            // SAFETY: its size is not zero.
            None => self.fresh(block, |block| unsafe { System.alloc(block) }),
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some(block) = block_for(layout) else {
            // SAFETY: up to the caller.
            return unsafe { System.alloc_zeroed(layout) };
        };
        match self.lend(block) {
            Some(start) => {
                // SAFETY: the block has as many bytes, and is lent to nobody else.
                unsafe { ptr::write_bytes(start.as_ptr(), 0, layout.size()) };
                start.as_ptr()
            }
            // SAFETY: its size is not zero.
            None => self.fresh(block, |block| unsafe { System.alloc_zeroed(block) }),
        }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        let (Some(block), Some(begin)) = (block_for(layout), NonNull::new(start)) else {
            // SAFETY: up to the caller; with this layout it came from there.
            return unsafe { System.dealloc(start, layout) };
        };
        let block = Block { start: begin, size: block.size() };
        if let Some(oldest) = self.with_books(|books| books.give_back(block)) {
            free(oldest);
        }
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Ok(wanted) = Layout::from_size_align(size, layout.align()) else {
            return ptr::null_mut();
        };
        match (block_for(layout), block_for(wanted)) {
            // SAFETY: up to the caller; with this layout it came from there.
            (None, None) => unsafe { System.realloc(start, layout, size) },
            (Some(has), Some(wants)) if has.size() == wants.size() => start,
            _ => {
                // SAFETY: its size is not zero, as the caller knows.
                let moved = unsafe { self.alloc(wanted) };
                if !moved.is_null() {
                    // SAFETY: both are good for the smaller size, and nobody has the new one yet.
                    unsafe { ptr::copy_nonoverlapping(start, moved, layout.size().min(size)) };
                    // SAFETY: up to the caller.
                    unsafe { self.dealloc(start, layout) };
                }
                moved
            }
        }
    }
}

impl Drop for Recycler {
    fn drop(&mut self) {
        let books = self.books.get_mut();
        books.kept.iter().flatten().for_each(|block| free(*block));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 4).unwrap()
    }

    /// What is kept, in use, and was at most.
    fn bytes(memory: &Recycler) -> [usize; 3] {
        memory.with_books(|books| [books.kept_bytes, books.used_bytes, books.peak_bytes])
    }

    #[test]
    fn sizes_come_in_eighths() {
        assert_eq!(block_for(layout(LARGE - 1)), None);
        assert_eq!(block_for(Layout::from_size_align(LARGE, 128).unwrap()), None);
        for (size, block) in [(8, 8), (9, 9), (15, 15), (16, 16), (17, 18), (18, 18), (31, 32)] {
            let found = block_for(layout(size * LARGE / 8)).map(|block| block.size());
            let expected = (size >= 8).then_some(block * LARGE / 8);
            assert_eq!(found, expected, "{size}");
        }
        assert_eq!(block_for(layout(LARGE + 1)).unwrap().size(), LARGE + LARGE / 8);
    }

    #[test]
    fn what_is_freed_is_lent_again_and_never_more_kept_than_was_used() {
        let memory = Recycler::new();
        // SAFETY of all: layouts are those that blocks were asked for with, and sizes are not zero.
        unsafe {
            let [a, b] = [LARGE, 2 * LARGE].map(|size| memory.alloc(layout(size)));
            assert_eq!(bytes(&memory), [0, 3 * LARGE, 0]);
            memory.dealloc(a, layout(LARGE));
            assert_eq!(bytes(&memory), [LARGE, 2 * LARGE, 3 * LARGE]);
            assert_eq!(memory.alloc(layout(LARGE)), a);
            memory.dealloc(a, layout(LARGE));
            memory.dealloc(b, layout(2 * LARGE));
            assert_eq!(bytes(&memory), [3 * LARGE, 0, 3 * LARGE]);
            // There is none of this size: the oldest goes, so that there is room.
            let c = memory.alloc(layout(LARGE + LARGE / 2));
            assert_eq!(bytes(&memory), [0, LARGE + LARGE / 2, 3 * LARGE]);
            memory.dealloc(c, layout(LARGE + LARGE / 2));
        }
    }

    #[test]
    fn zeros_are_zeros_and_numbers_move_along() {
        let memory = Recycler::new();
        // SAFETY of all: as above; each part that is read was written.
        unsafe {
            let small = memory.alloc(layout(100));
            small.write_bytes(7, 100);
            let large = memory.realloc(small, layout(100), LARGE + 5);
            assert_eq!(*large.add(99), 7);
            large.write_bytes(8, LARGE + 5);
            assert_eq!(memory.realloc(large, layout(LARGE + 5), LARGE + 9), large);
            let larger = memory.realloc(large, layout(LARGE + 9), 3 * LARGE);
            assert_eq!(*larger.add(LARGE + 4), 8);
            let zeros = memory.alloc_zeroed(layout(LARGE + 1));
            assert_eq!(zeros, large);
            assert!((0..=LARGE).step_by(64).all(|at| *zeros.add(at) == 0));
            let small = memory.realloc(larger, layout(3 * LARGE), 10);
            assert_eq!(*small.add(9), 8);
            memory.dealloc(zeros, layout(LARGE + 1));
            memory.dealloc(small, layout(10));
            assert_eq!(bytes(&memory)[1], 0);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri ends where it has no memory itself")]
    fn too_much_is_refused_and_not_counted() {
        let memory = Recycler::new();
        // SAFETY of all: as above.
        unsafe {
            let kept = memory.alloc(layout(LARGE));
            memory.dealloc(kept, layout(LARGE));
            assert!(memory.alloc(layout(isize::MAX as usize / 2)).is_null());
            assert_eq!(bytes(&memory), [0, 0, LARGE]);
        }
    }

    #[test]
    fn threads_never_share_a_block() {
        let memory = Recycler::new();
        let (threads, rounds) = if cfg!(miri) { (2, 8) } else { (4, 3000) };
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let memory = &memory;
                scope.spawn(move || {
                    for round in 0..rounds {
                        let size = LARGE + (thread + round) % 5 * LARGE / 4;
                        // SAFETY of all: as above.
                        unsafe {
                            let block = memory.alloc(layout(size));
                            block.write(thread as u8);
                            std::thread::yield_now();
                            assert_eq!(block.read(), thread as u8);
                            memory.dealloc(block, layout(size));
                        }
                    }
                });
            }
        });
        let [kept, used, peak] = bytes(&memory);
        assert!(used == 0 && kept <= peak && peak <= threads * 2 * LARGE, "{kept} {peak}");
    }
}
