//! From a folder of labelled images to a solved head, and the evidence for how good it is.
//!
//! The modules stand in the order in which data meets them. Nothing here prints, and
//! everything is seeded: the same inputs on the same machine give the same bytes,
//! whatever the number of threads.
//!
//! ```
//! use zoo_adapt::{logistic, matrix::Matrix, metrics, split};
//!
//! // Six examples with two features each, of two classes.
//! let features = [0.0, 0.1, 0.2, 0.0, 0.1, 0.2, 1.0, 0.9, 0.8, 1.0, 0.9, 1.1_f32];
//! let labels = [0, 0, 0, 1, 1, 1];
//! let features = Matrix::new(&features, 6, 2)?;
//!
//! let split = split::stratified_holdout(&labels, None, 0.3, 42)?;
//! assert_eq!(split.held_out.len(), 2);
//!
//! let solved = logistic::fit(features, &labels, 2, &logistic::FitOptions::default())?;
//! let probabilities = solved.head.probabilities(features)?;
//! assert_eq!(metrics::evaluate(&probabilities, &labels, 2)?.accuracy, 1.0);
//! # Ok::<(), zoo_adapt::Error>(())
//! ```

// What people bring.
pub mod check;
pub mod dataset;
pub mod split;

// Solving the head.
pub mod lbfgs;
pub mod logistic;
pub mod matrix;

// The trunk, and training it further.
pub mod features;
pub mod finetune;

// How good it is, and showing it.
pub mod metrics;
pub mod report;

// All of it, in order.
pub mod adapt;
pub mod classifier;
pub mod progress;
pub mod transcriber;

mod error;
mod thumbnail;

pub use error::{Error, Result};

/// An error with its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
