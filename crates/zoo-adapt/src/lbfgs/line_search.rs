//! How far to go in one direction: a step that satisfies the strong Wolfe conditions.
//!
//! Source: Nocedal and Wright, algorithms 3.5 and 3.6, with cubic interpolation (their
//! equation 3.59). Close to the minimum, where differences of values drown in rounding, the
//! approximate Wolfe condition of Hager and Zhang, "A new conjugate gradient method with
//! guaranteed descent and an efficient line search", 2005, looks at slopes instead.

use super::{add_scaled, dot};

/// The decrease asked for, as a part of what the slope promises.
const SUFFICIENT_DECREASE: f64 = 1e-4;
/// The slope at the end, at most, as a part of the slope at the start.
const CURVATURE: f64 = 0.9;
/// Relative difference of values that counts as rounding.
const ROUNDING: f64 = 1e-14;
/// More trials than any search that goes anywhere needs.
const MAX_TRIALS: usize = 40;

/// A point with the function's value and gradient.
pub(super) struct Trial {
    pub(super) point: Vec<f64>,
    pub(super) value: f64,
    pub(super) gradient: Vec<f64>,
}

/// A start and a direction.
pub(super) struct Line<'a> {
    from: &'a Trial,
    direction: Vec<f64>,
    slope: f64,
}

impl<'a> Line<'a> {
    pub(super) fn new(from: &'a Trial, direction: Vec<f64>) -> Self {
        let slope = dot(&from.gradient, &direction);
        Self { from, direction, slope }
    }

    fn point(&self, step: f64) -> Vec<f64> {
        let mut point = self.from.point.clone();
        add_scaled(&mut point, step, &self.direction);
        point
    }
}

/// The function along the line, at one step length.
#[derive(Clone, Copy)]
struct Sample {
    step: f64,
    value: f64,
    slope: f64,
}

/// A good enough step along `line`, or `None` where the value cannot be made smaller.
pub(super) fn search(
    function: &mut impl FnMut(&[f64], &mut [f64]) -> f64,
    line: &Line<'_>,
    first_step: f64,
    evaluations: &mut usize,
) -> Option<Trial> {
    // Also false for NaN: a direction that does not descend has no good step.
    if !(line.slope < 0.0 && line.slope.is_finite()) {
        return None;
    }
    let start = Sample { step: 0.0, value: line.from.value, slope: line.slope };
    let rounding = ROUNDING * start.value.abs();
    let mut best = start;
    let mut beyond: Option<Sample> = None;
    let mut step = first_step;
    for _ in 0..MAX_TRIALS {
        let point = line.point(step);
        let mut gradient = vec![0.0; point.len()];
        let value = function(&point, &mut gradient);
        *evaluations += 1;
        let slope = dot(&gradient, &line.direction);
        let sample = Sample { step, value, slope };
        let decreased = value <= start.value + SUFFICIENT_DECREASE * step * start.slope;
        let flat_enough = slope.abs() <= -CURVATURE * start.slope;
        let approximate = value <= start.value + rounding
            && slope <= (2.0 * SUFFICIENT_DECREASE - 1.0) * start.slope;
        if flat_enough && (decreased || approximate) {
            return Some(Trial { point, value, gradient });
        }
        if decreased && value < best.value {
            let towards = beyond.map_or(1.0, |beyond| beyond.step - best.step);
            if slope * towards >= 0.0 {
                beyond = Some(best);
            }
            best = sample;
        } else {
            beyond = Some(sample);
        }
        step = match beyond {
            None => step * 3.0,
            Some(beyond) => between(best, beyond),
        };
        if step == best.step || !step.is_finite() {
            break;
        }
    }
    None
}

/// The minimum of the cubic through both samples, kept away from the ends.
fn between(a: Sample, b: Sample) -> f64 {
    let width = b.step - a.step;
    let middle = a.step + 0.5 * width;
    let d1 = a.slope + b.slope - 3.0 * (a.value - b.value) / (a.step - b.step);
    let d2 = (d1 * d1 - a.slope * b.slope).sqrt().copysign(width);
    let step = b.step - width * (b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2);
    let (low, high) = (a.step + 0.1 * width, a.step + 0.9 * width);
    // Comparisons with NaN are false: then halve.
    if step.is_finite() && b.value.is_finite() {
        step.clamp(low.min(high), low.max(high))
    } else {
        middle
    }
}
