use std::hint::black_box;
use std::time::Instant;

use crate::Isa;
use crate::lanes::{Lanes, versions};

/// What the processor could do at most: operations a second of one thread that multiplies and adds
/// in registers and does nothing else, a product and a sum counted as two. Takes some 50 ms.
pub fn peak_operations(isa: Isa) -> f64 {
    /// Sums in flight: more than a processor starts before the first one is done.
    const CHAINS: usize = 12;
    const TURNS: usize = 200_000;
    let mut best = f64::INFINITY;
    for _ in 0..20 {
        let mut sums = [0.0; CHAINS];
        let start = Instant::now();
        // SAFETY: nothing is asked for beyond the processor's features.
        unsafe { multiply_and_add(isa, black_box(TURNS), black_box(0.999), &mut sums) }
        black_box(sums);
        best = best.min(start.elapsed().as_secs_f64());
    }
    (TURNS * CHAINS * isa.lanes() * 2) as f64 / best
}

versions! {
    /// # Safety
    /// None is needed beyond the processor's features.
    unsafe fn multiply_and_add = in_registers(turns: usize, factor: f32, sums: &mut [f32; 12])
}

#[inline(always)]
unsafe fn in_registers<L: Lanes>(turns: usize, factor: f32, sums: &mut [f32; 12]) {
    // SAFETY: up to the caller; the buffer has room for the widest vector.
    unsafe {
        let factor = L::splat(factor);
        let mut chains: [L::Vector; 12] = std::array::from_fn(|chain| L::splat(chain as f32));
        for _ in 0..turns {
            for chain in &mut chains {
                *chain = L::multiply_add(*chain, factor, factor);
            }
        }
        for (sum, chain) in sums.iter_mut().zip(chains) {
            let mut numbers = [0.0; 16];
            L::store(numbers.as_mut_ptr(), chain);
            *sum = numbers[0];
        }
    }
}
