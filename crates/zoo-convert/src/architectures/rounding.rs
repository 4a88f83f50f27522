//! Networks scaled by a factor: channels that stay multiples of eight.

/// `channels` times `factor`, rounded to a multiple of eight that is not more than a tenth below.
/// Source: `_make_divisible` in the reference code of MobileNet.
pub(super) fn scaled(channels: usize, factor: f64) -> usize {
    let exact = channels as f64 * factor;
    let rounded = ((exact + 4.0) as usize / 8 * 8).max(8);
    if (rounded as f64) < 0.9 * exact { rounded + 8 } else { rounded }
}

/// `repeats` times `factor`, rounded up.
pub(super) fn deepened(repeats: usize, factor: f64) -> usize {
    (repeats as f64 * factor).ceil() as usize
}
