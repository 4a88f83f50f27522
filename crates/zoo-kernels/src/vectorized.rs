//! Plain code, compiled for the instructions that the processor has.

/// A piece of work whose loops the compiler is to turn into vector instructions.
///
/// [`vectorized`] compiles `run` several times, which reaches as far as functions are inlined:
/// `run` and what it calls in its loops must be `#[inline(always)]`. The results are those of
/// the code as it is written, whatever it is compiled for: nothing is reordered.
pub trait Work {
    /// What comes of it.
    type Output;

    /// Does the work.
    fn run(self) -> Self::Output;
}

/// Does `work` with AVX2 and BMI2 where the processor has them, and otherwise with what every
/// processor of the target has.
#[inline]
pub fn vectorized<W: Work>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
        fn avx2<W: Work>(work: W) -> W::Output {
            work.run()
        }
        if !cfg!(miri)
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
        {
            // SAFETY: the processor has what the function is compiled for.
            return unsafe { avx2(work) };
        }
    }
    work.run()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sum<'a>(&'a [u8]);

    impl Work for Sum<'_> {
        type Output = u32;

        #[inline(always)]
        fn run(self) -> u32 {
            self.0.iter().map(|&byte| u32::from(byte) * 3).sum()
        }
    }

    #[test]
    fn the_result_is_that_of_the_code_itself() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1001).collect();
        for end in (0..bytes.len()).step_by(if cfg!(miri) { 97 } else { 1 }) {
            assert_eq!(vectorized(Sum(&bytes[..end])), Sum(&bytes[..end]).run());
        }
    }
}
