use std::fmt;

/// The instructions that kernels are compiled for: a set that this processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Isa(pub(crate) Set);

/// The sets that there are kernels for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Set {
    /// What every processor of the target has.
    Plain,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Isa {
    /// Nothing that a processor of this target might lack.
    pub const PLAIN: Self = Self(Set::Plain);

    /// The best set that this processor has.
    pub fn best() -> Self {
        Self::available().last().copied().unwrap_or(Self::PLAIN)
    }

    /// All sets that this processor has, the plain one first and the best one last.
    #[allow(clippy::vec_init_then_push, reason = "what is pushed depends on the target")]
    pub fn available() -> Vec<Self> {
        let mut sets = vec![Self::PLAIN];
        #[cfg(target_arch = "x86_64")]
        if !cfg!(miri) && is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            sets.push(Self(Set::Avx2));
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw")
            {
                sets.push(Self(Set::Avx512));
            }
        }
        #[cfg(target_arch = "aarch64")]
        if !cfg!(miri) {
            sets.push(Self(Set::Neon));
        }
        sets
    }

    /// The name, as processors' makers write it.
    pub fn name(self) -> &'static str {
        match self.0 {
            Set::Plain => "plain",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => "AVX-512",
            #[cfg(target_arch = "aarch64")]
            Set::Neon => "NEON",
        }
    }

    /// How many `f32` a vector has.
    pub fn lanes(self) -> usize {
        match self.0 {
            Set::Plain => 8,
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => 8,
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => 16,
            #[cfg(target_arch = "aarch64")]
            Set::Neon => 4,
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
