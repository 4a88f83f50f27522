//! The few vector operations that the kernels are written with.
//!
//! A kernel is a generic function of [`Lanes`], always inlined; [`versions!`] compiles it once for
//! each instruction set, inside a function that has its features switched on.

/// A vector of `f32` in registers.
///
/// # Safety
/// All functions may only run where the processor has the instructions that the implementing type
/// stands for; loads and stores touch `COUNT` numbers from the pointer on, at any alignment.
#[allow(clippy::missing_safety_doc, reason = "it is stated once, for all of them")]
pub(crate) trait Lanes {
    /// How many numbers a vector has.
    const COUNT: usize;
    /// How many rows a tile has at most whose rows have 1, 2 and 3 vectors: as many as leave
    /// registers for a row of weights and a broadcast element.
    const TILE_ROWS: [usize; 3];
    type Vector: Copy;

    unsafe fn splat(value: f32) -> Self::Vector;
    unsafe fn load(from: *const f32) -> Self::Vector;
    unsafe fn store(to: *mut f32, vector: Self::Vector);
    unsafe fn add(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    unsafe fn subtract(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    unsafe fn multiply(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a * b + c`, rounded once where the processor can.
    unsafe fn multiply_add(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// The smaller of each pair; `b` where `a` is no number.
    unsafe fn minimum(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// The larger of each pair; `b` where `a` is no number.
    unsafe fn maximum(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Asks for the cache line at `place`, which need not be there, to be brought near; nothing where
    /// the processor has no word for it.
    #[inline(always)]
    unsafe fn prefetch(place: *const f32) {
        let _ = place;
    }
}

/// No vector instructions but those that the compiler finds: the twin that all others are
/// tested against, and what runs where there is nothing better.
pub(crate) struct Plain;

/// `a * b + c`, rounded once where that is one instruction for every processor of the target.
#[inline(always)]
pub(crate) fn multiply_add(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(any(target_feature = "fma", target_arch = "aarch64")) {
        a.mul_add(b, c)
    } else {
        a * b + c
    }
}

#[inline(always)]
fn zip(a: [f32; 8], b: [f32; 8], each: impl Fn(f32, f32) -> f32) -> [f32; 8] {
    std::array::from_fn(|lane| each(a[lane], b[lane]))
}

impl Lanes for Plain {
    const COUNT: usize = 8;
    const TILE_ROWS: [usize; 3] = [4, 2, 1];
    type Vector = [f32; 8];

    #[inline(always)]
    unsafe fn splat(value: f32) -> [f32; 8] {
        [value; 8]
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> [f32; 8] {
        // SAFETY: the caller may read eight numbers.
        unsafe { from.cast::<[f32; 8]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, vector: [f32; 8]) {
        // SAFETY: the caller may write eight numbers.
        unsafe { to.cast::<[f32; 8]>().write_unaligned(vector) }
    }
    #[inline(always)]
    unsafe fn add(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn subtract(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn multiply(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn multiply_add(a: [f32; 8], b: [f32; 8], c: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|lane| multiply_add(a[lane], b[lane], c[lane]))
    }
    #[inline(always)]
    unsafe fn minimum(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        zip(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    unsafe fn maximum(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        zip(a, b, |a, b| if a > b { a } else { b })
    }
}

/// Implements [`Lanes`] by the intrinsics of one instruction set.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! lanes {
    ($(#[$doc:meta])* $name:ident, $count:literal, $rows:expr, $vector:ty, $splat:path, $load:path,
     $store:path, $add:path, $subtract:path, $multiply:path, $fma:expr, $minimum:path, $maximum:path
     $(, $prefetch:expr)?) => {
        $(#[$doc])*
        pub(crate) struct $name;

        impl Lanes for $name {
            const COUNT: usize = $count;
            const TILE_ROWS: [usize; 3] = $rows;
            type Vector = $vector;

            // SAFETY of each: the processor has the instruction, and pointers are good for a
            // whole vector, as the trait demands of its callers.
            #[inline(always)]
            unsafe fn splat(value: f32) -> $vector {
                unsafe { $splat(value) }
            }
            #[inline(always)]
            unsafe fn load(from: *const f32) -> $vector {
                unsafe { $load(from) }
            }
            #[inline(always)]
            unsafe fn store(to: *mut f32, vector: $vector) {
                unsafe { $store(to, vector) }
            }
            #[inline(always)]
            unsafe fn add(a: $vector, b: $vector) -> $vector {
                unsafe { $add(a, b) }
            }
            #[inline(always)]
            unsafe fn subtract(a: $vector, b: $vector) -> $vector {
                unsafe { $subtract(a, b) }
            }
            #[inline(always)]
            unsafe fn multiply(a: $vector, b: $vector) -> $vector {
                unsafe { $multiply(a, b) }
            }
            #[inline(always)]
            unsafe fn multiply_add(a: $vector, b: $vector, c: $vector) -> $vector {
                unsafe { $fma(a, b, c) }
            }
            #[inline(always)]
            unsafe fn minimum(a: $vector, b: $vector) -> $vector {
                unsafe { $minimum(a, b) }
            }
            #[inline(always)]
            unsafe fn maximum(a: $vector, b: $vector) -> $vector {
                unsafe { $maximum(a, b) }
            }
            $(
                #[inline(always)]
                unsafe fn prefetch(place: *const f32) {
                    unsafe { $prefetch(place.cast()) }
                }
            )?
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Lanes;
    use std::arch::x86_64::{
        __m256, __m512, _MM_HINT_T0, _mm_prefetch, _mm256_add_ps, _mm256_fmadd_ps, _mm256_loadu_ps,
        _mm256_max_ps, _mm256_min_ps, _mm256_mul_ps, _mm256_set1_ps, _mm256_storeu_ps,
        _mm256_sub_ps, _mm512_add_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_max_ps,
        _mm512_min_ps, _mm512_mul_ps, _mm512_set1_ps, _mm512_storeu_ps, _mm512_sub_ps,
    };

    lanes!(
        /// AVX2 with FMA: sixteen registers of eight numbers.
        Avx2, 8, [8, 6, 4], __m256, _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps,
        _mm256_add_ps, _mm256_sub_ps, _mm256_mul_ps, _mm256_fmadd_ps, _mm256_min_ps, _mm256_max_ps,
        _mm_prefetch::<_MM_HINT_T0>
    );
    lanes!(
        /// AVX-512: thirty-two registers of sixteen numbers.
        Avx512, 16, [12, 12, 8], __m512, _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps,
        _mm512_add_ps, _mm512_sub_ps, _mm512_mul_ps, _mm512_fmadd_ps, _mm512_min_ps, _mm512_max_ps,
        _mm_prefetch::<_MM_HINT_T0>
    );
}
#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512};

#[cfg(target_arch = "aarch64")]
mod arm {
    use super::Lanes;
    use std::arch::aarch64::{
        float32x4_t, vaddq_f32, vdupq_n_f32, vfmaq_f32, vld1q_f32, vmaxq_f32, vminq_f32, vmulq_f32,
        vst1q_f32, vsubq_f32,
    };

    lanes!(
        /// NEON: thirty-two registers of four numbers.
        Neon, 4, [12, 12, 8], float32x4_t, vdupq_n_f32, vld1q_f32, vst1q_f32, vaddq_f32,
        vsubq_f32, vmulq_f32, |a, b, c| vfmaq_f32(c, a, b), vminq_f32, vmaxq_f32
    );
}
#[cfg(target_arch = "aarch64")]
pub(crate) use arm::Neon;

/// Defines a function that runs a kernel, generic in [`Lanes`], compiled for the instruction set
/// that its first argument names.
macro_rules! versions {
    ($(#[$doc:meta])* $visibility:vis unsafe fn $name:ident = $kernel:ident($($arg:ident: $type:ty),* $(,)?)) => {
        $(#[$doc])*
        #[allow(clippy::too_many_arguments, reason = "kernels take what they need")]
        $visibility unsafe fn $name(isa: $crate::Isa, $($arg: $type),*) {
            #[cfg(target_arch = "x86_64")]
            #[allow(clippy::too_many_arguments)]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2($($arg: $type),*) {
                // SAFETY: the features are on here; the rest is up to the caller.
                unsafe { $kernel::<$crate::lanes::Avx2>($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[allow(clippy::too_many_arguments)]
            #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
            unsafe fn avx512($($arg: $type),*) {
                // SAFETY: the features are on here; the rest is up to the caller.
                unsafe { $kernel::<$crate::lanes::Avx512>($($arg),*) }
            }
            // SAFETY: an `Isa` is only ever made of what the processor has; the rest is up to
            // the caller.
            unsafe {
                match isa.0 {
                    #[cfg(target_arch = "x86_64")]
                    $crate::isa::Set::Avx2 => avx2($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    $crate::isa::Set::Avx512 => avx512($($arg),*),
                    #[cfg(target_arch = "aarch64")]
                    $crate::isa::Set::Neon => $kernel::<$crate::lanes::Neon>($($arg),*),
                    $crate::isa::Set::Plain => $kernel::<$crate::lanes::Plain>($($arg),*),
                }
            }
        }
    };
}
pub(crate) use versions;
