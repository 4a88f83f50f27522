//! Arithmetic on whole numbers that are known before anything runs: what shapes are made of.

use crate::Fact;

/// The known elements of `fact`, broadcast to `shape`.
pub(super) fn spread(fact: &Fact, shape: &[usize]) -> Option<Vec<i64>> {
    let known = fact.known.as_ref()?;
    let missing = shape.len() - fact.shape.len();
    let total = shape.iter().product();
    let mut values = Vec::with_capacity(total);
    for position in 0..total {
        let (mut rest, mut source, mut stride) = (position, 0, 1);
        for axis in (0..shape.len()).rev() {
            let index = rest % shape[axis];
            rest /= shape[axis];
            if let Some(axis) = axis.checked_sub(missing) {
                if fact.shape[axis] != 1 {
                    source += index * stride;
                }
                stride *= fact.shape[axis];
            }
        }
        values.push(*known.get(source)?);
    }
    Some(values)
}

/// The known elements of `a` and `b`, broadcast to `shape`, pair by pair.
pub(super) fn known_pairs(a: &Fact, b: &Fact, shape: &[usize]) -> Option<Vec<(i64, i64)>> {
    // Only what shapes are made of is worth knowing; and a small one may broadcast to a large.
    const MAX_KNOWN: usize = 1 << 16;
    if shape.iter().product::<usize>() > MAX_KNOWN {
        return None;
    }
    Some(spread(a, shape)?.into_iter().zip(spread(b, shape)?).collect())
}
