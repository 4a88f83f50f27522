//! Minimising a smooth function of many variables: limited-memory BFGS.
//!
//! Source: Nocedal and Wright, "Numerical Optimization", 2nd edition, algorithms 7.4 and 7.5
//! (the two-loop recursion), with the line search in `line_search.rs`. All sums run in a fixed
//! order, so a run repeats to the last bit.

mod line_search;

use std::collections::VecDeque;

use line_search::{Line, Trial, search};

/// Multiplies a vector in place with a symmetric positive definite matrix that is about the
/// inverse of the Hessian.
pub type InverseHessian<'a> = dyn Fn(&mut [f64]) + 'a;

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Stop where no component of the gradient is larger than this.
    pub tolerance: f64,
    /// Stop after this many steps.
    pub max_iterations: usize,
    /// How many past steps the model of the curvature remembers.
    pub memory: usize,
}

impl Default for Options {
    /// Gradient below 1e-6, at most 1000 steps, memory of 10.
    fn default() -> Self {
        Self { tolerance: 1e-6, max_iterations: 1000, memory: 10 }
    }
}

/// Why the search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The gradient is below the tolerance.
    Gradient,
    /// No step makes the value smaller by an amount that the arithmetic can represent.
    Precision,
    /// The allowed steps are used up.
    Iterations,
}

/// Where the search ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Minimum {
    /// The point.
    pub point: Vec<f64>,
    /// The value there.
    pub value: f64,
    /// The largest component of the gradient there, without its sign.
    pub gradient_norm: f64,
    /// Steps taken.
    pub iterations: usize,
    /// Times the function was evaluated.
    pub evaluations: usize,
    /// Why it ended.
    pub stop: Stop,
}

/// A past step and the change of the gradient along it.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    curvature: f64,
    /// What the curvature would be, were the step the inverse Hessian known beforehand times the
    /// change.
    expected: f64,
}

/// Minimises from `start`.
///
/// `function` returns the value at the point it is given and writes the gradient into its
/// second argument, which has the point's length. `inverse_hessian` is what is known of the
/// curvature beforehand, where anything is.
pub fn minimize(
    mut function: impl FnMut(&[f64], &mut [f64]) -> f64,
    inverse_hessian: Option<&InverseHessian<'_>>,
    start: Vec<f64>,
    options: &Options,
) -> Minimum {
    let mut gradient = vec![0.0; start.len()];
    let value = function(&start, &mut gradient);
    let mut at = Trial { point: start, value, gradient };
    let mut evaluations = 1;
    let mut iterations = 0;
    let mut history: VecDeque<Pair> = VecDeque::with_capacity(options.memory);
    let stop = loop {
        if norm(&at.gradient) <= options.tolerance {
            break Stop::Gradient;
        }
        if iterations == options.max_iterations {
            break Stop::Iterations;
        }
        let line = Line::new(&at, direction(&at.gradient, inverse_hessian, &history));
        // With nothing known the gradient's length says nothing about the length of the step.
        let first_step = if history.is_empty() && inverse_hessian.is_none() {
            (1.0 / dot(&at.gradient, &at.gradient).sqrt()).min(1.0)
        } else {
            1.0
        };
        let Some(next) = search(&mut function, &line, first_step, &mut evaluations) else {
            if history.is_empty() {
                break Stop::Precision;
            }
            // A stale model of the curvature: start over without it.
            history.clear();
            continue;
        };
        iterations += 1;
        remember(&mut history, options.memory, inverse_hessian, &at, &next);
        at = next;
    };
    Minimum {
        gradient_norm: norm(&at.gradient),
        point: at.point,
        value: at.value,
        iterations,
        evaluations,
        stop,
    }
}

/// Minus the approximate inverse Hessian times the gradient.
fn direction(
    gradient: &[f64],
    inverse_hessian: Option<&InverseHessian<'_>>,
    history: &VecDeque<Pair>,
) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut weights = Vec::with_capacity(history.len());
    for pair in history.iter().rev() {
        let weight = dot(&pair.step, &direction) / pair.curvature;
        add_scaled(&mut direction, -weight, &pair.change);
        weights.push(weight);
    }
    if let Some(inverse_hessian) = inverse_hessian {
        inverse_hessian(&mut direction);
    }
    if let Some(last) = history.back() {
        let scale = last.curvature / last.expected;
        for component in &mut direction {
            *component *= scale;
        }
    }
    for (pair, weight) in history.iter().zip(weights.iter().rev()) {
        let correction = dot(&pair.change, &direction) / pair.curvature;
        add_scaled(&mut direction, weight - correction, &pair.step);
    }
    direction
}

fn remember(
    history: &mut VecDeque<Pair>,
    memory: usize,
    inverse_hessian: Option<&InverseHessian<'_>>,
    from: &Trial,
    to: &Trial,
) {
    let difference =
        |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a - b).collect() };
    let step = difference(&to.point, &from.point);
    let change = difference(&to.gradient, &from.gradient);
    let curvature = dot(&step, &change);
    // Only positive curvature keeps the model positive definite.
    if memory > 0 && curvature > f64::EPSILON * dot(&change, &change) {
        if history.len() == memory {
            history.pop_front();
        }
        let mut expected = change.clone();
        if let Some(inverse_hessian) = inverse_hessian {
            inverse_hessian(&mut expected);
        }
        let expected = dot(&change, &expected);
        history.push_back(Pair { step, change, curvature, expected });
    }
}

/// The largest component, without its sign.
fn norm(vector: &[f64]) -> f64 {
    vector.iter().fold(0.0, |largest, v| v.abs().max(largest))
}

/// The inner product, summed in eight lanes so that it vectorises, in a fixed order.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a_lanes, a_rest) = a.as_chunks::<8>();
    let (b_lanes, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (a, b) in a_lanes.iter().zip(b_lanes) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + rest
}

pub(crate) fn add_scaled(to: &mut [f64], scale: f64, vector: &[f64]) {
    for (to, v) in to.iter_mut().zip(vector) {
        *to += scale * v;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rosenbrock(point: &[f64], gradient: &mut [f64]) -> f64 {
        let (x, y) = (point[0], point[1]);
        gradient[0] = -2.0 * (1.0 - x) - 400.0 * x * (y - x * x);
        gradient[1] = 200.0 * (y - x * x);
        (1.0 - x).powi(2) + 100.0 * (y - x * x).powi(2)
    }

    #[test]
    fn finds_the_end_of_the_rosenbrock_valley() {
        let found = minimize(rosenbrock, None, vec![-1.2, 1.0], &Options::default());
        assert_eq!(found.stop, Stop::Gradient);
        assert!((found.point[0] - 1.0).abs() < 1e-5 && (found.point[1] - 1.0).abs() < 1e-5);
        assert!(found.iterations < 60, "{}", found.iterations);
    }

    #[test]
    fn solves_an_ill_conditioned_quadratic() {
        let quadratic = |point: &[f64], gradient: &mut [f64]| {
            let mut value = 0.0;
            for (i, (p, g)) in point.iter().zip(gradient).enumerate() {
                let scale = 10_f64.powf(i as f64 / 10.0);
                *g = scale * (p - 1.0);
                value += 0.5 * scale * (p - 1.0).powi(2);
            }
            value
        };
        let found = minimize(quadratic, None, vec![0.0; 40], &Options::default());
        assert_eq!(found.stop, Stop::Gradient);
        assert!(found.point.iter().all(|p| (p - 1.0).abs() < 1e-5));
    }

    #[test]
    fn knowing_the_curvature_saves_steps() {
        let quadratic = |point: &[f64], gradient: &mut [f64]| {
            let mut value = 0.0;
            for (i, (p, g)) in point.iter().zip(gradient).enumerate() {
                let scale = 10_f64.powf(i as f64 / 10.0);
                *g = scale * (p - 1.0) + (p - 1.0).powi(3);
                value += 0.5 * scale * (p - 1.0).powi(2) + 0.25 * (p - 1.0).powi(4);
            }
            value
        };
        let inverse_hessian = |vector: &mut [f64]| {
            for (i, v) in vector.iter_mut().enumerate() {
                *v /= 10_f64.powf(i as f64 / 10.0);
            }
        };
        let options = Options::default();
        let found = minimize(quadratic, Some(&inverse_hessian), vec![0.0; 40], &options);
        let without = minimize(quadratic, None, vec![0.0; 40], &options);
        assert_eq!((found.stop, without.stop), (Stop::Gradient, Stop::Gradient));
        assert!(found.point.iter().all(|p| (p - 1.0).abs() < 1e-6));
        assert!(4 * found.iterations < without.iterations, "{found:?} {without:?}");
    }

    #[test]
    fn stops_where_it_is_told_and_where_it_must() {
        let few = Options { max_iterations: 3, ..Options::default() };
        let found = minimize(rosenbrock, None, vec![-1.2, 1.0], &few);
        assert_eq!((found.stop, found.iterations), (Stop::Iterations, 3));
        let exact = Options { tolerance: 0.0, ..Options::default() };
        let quartic = |p: &[f64], g: &mut [f64]| {
            g[0] = 4.0 * p[0].powi(3) + 1.0;
            p[0].powi(4) + p[0]
        };
        let found = minimize(quartic, None, vec![3.0], &exact);
        assert_ne!(found.stop, Stop::Iterations);
        assert!((found.point[0] + 0.25_f64.cbrt()).abs() < 1e-7);
    }

    #[test]
    fn steps_back_from_where_the_function_is_not_defined() {
        let barrier = |p: &[f64], g: &mut [f64]| {
            g[0] = 1.0 - 0.01 / p[0];
            p[0] - 0.01 * p[0].ln()
        };
        let found = minimize(barrier, None, vec![0.5], &Options::default());
        assert!((found.point[0] - 0.01).abs() < 1e-6, "{found:?}");
    }
}
