//! Where a slice begins, ends and steps along each axis.

use super::OpError;
use super::operand::axis_of;

/// What is taken of one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    /// The lowest index that is taken.
    pub(super) from: usize,
    /// One above the highest that is taken.
    pub(super) to: usize,
    /// The distance between two that are taken.
    pub(super) step: usize,
    /// Whether the highest comes first.
    pub(super) reversed: bool,
}

impl Range {
    /// From `start` to before `end` by `step`, on an axis of `length`: negative indices count
    /// from its end, and what is beyond it is not there.
    fn new(start: i64, end: i64, step: i64, length: usize) -> Result<Self, OpError> {
        let dim = length as i64;
        let counted = |at: i64| if at < 0 { at.saturating_add(dim) } else { at };
        // A longer step than the axis takes no other elements, and might not fit a number.
        let size = usize::try_from(step.unsigned_abs()).unwrap_or(usize::MAX).min(length.max(1));
        if step > 0 {
            let from = counted(start).clamp(0, dim);
            let to = counted(end).clamp(from, dim);
            let (from, to) = (from as usize, to as usize);
            return Ok(Self { from, to, step: size, reversed: false });
        }
        if step == 0 {
            return Err(OpError::new("a step of zero leads nowhere"));
        }
        let high = counted(start).clamp(-1, dim - 1);
        let count = (high - counted(end).clamp(-1, high)) as usize;
        let steps = count.div_ceil(size);
        if steps == 0 {
            return Ok(Self { from: 0, to: 0, step: 1, reversed: false });
        }
        let from = high as usize - (steps - 1) * size;
        Ok(Self { from, to: high as usize + 1, step: size, reversed: true })
    }

    /// How many are taken.
    pub(super) fn len(self) -> usize {
        (self.to - self.from).div_ceil(self.step)
    }

    /// What it takes of `list`, which is as long as the axis.
    pub(super) fn of(self, list: &[i64]) -> Vec<i64> {
        let taken = list.get(self.from..self.to).unwrap_or_default().iter().step_by(self.step);
        let mut taken: Vec<i64> = taken.copied().collect();
        if self.reversed {
            taken.reverse();
        }
        taken
    }
}

/// The lists of a slice, each of which may not be there.
pub(super) struct Lists {
    pub(super) starts: Option<Vec<i64>>,
    pub(super) ends: Option<Vec<i64>>,
    pub(super) axes: Option<Vec<i64>>,
    pub(super) steps: Option<Vec<i64>>,
}

impl Lists {
    /// What is taken of each axis of `shape`.
    pub(super) fn ranges(self, shape: &[usize]) -> Result<Vec<Range>, OpError> {
        let missing = || OpError::new("starts and ends must be given");
        let (starts, ends) = (self.starts.ok_or_else(missing)?, self.ends.ok_or_else(missing)?);
        let axes = self.axes.unwrap_or_else(|| (0..starts.len() as i64).collect());
        let steps = self.steps.unwrap_or_else(|| vec![1; starts.len()]);
        if [ends.len(), axes.len(), steps.len()].iter().any(|&len| len != starts.len()) {
            return Err(OpError::new("starts, ends, axes and steps differ in length"));
        }
        let whole = |&dim: &usize| Range { from: 0, to: dim, step: 1, reversed: false };
        let mut ranges: Vec<_> = shape.iter().map(whole).collect();
        for (index, &axis) in axes.iter().enumerate() {
            let axis = axis_of(axis, shape.len())?;
            ranges[axis] = Range::new(starts[index], ends[index], steps[index], shape[axis])?;
        }
        Ok(ranges)
    }
}
