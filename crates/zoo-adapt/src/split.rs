//! Which examples are learned from and which are held out.
//!
//! Both ways of dividing the data keep the classes in proportion, keep exact duplicates on
//! the same side (else the held-out score would count images that were learned by heart),
//! and depend on the seed alone.

mod folds;
mod groups;
mod holdout;

pub use folds::stratified_folds;
pub use holdout::{Holdout, stratified_holdout};
