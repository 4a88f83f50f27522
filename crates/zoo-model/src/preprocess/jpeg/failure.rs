//! Why a JPEG gave no pixels.

/// What ended the decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::preprocess) enum Failure {
    /// A kind of JPEG that photos are not: arithmetic coding, lossless, 12 bits, four channels,
    /// sizes given after the scan.
    Unsupported,
    /// The bytes ran out before the end-of-image marker.
    Truncated,
    /// The frame exceeds the limits.
    TooLarge {
        /// Width in pixels.
        width: u16,
        /// Height in pixels.
        height: u16,
    },
    /// The file breaks the standard.
    Malformed(Damage),
}

/// How a file breaks the standard, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(in crate::preprocess) struct Damage(pub(super) &'static str);

/// A [`Failure::Malformed`].
pub(super) const fn malformed(what: &'static str) -> Failure {
    Failure::Malformed(Damage(what))
}
