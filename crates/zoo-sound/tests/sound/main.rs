//! Tests that span the crate's files.
#![allow(clippy::unwrap_used, reason = "tests")]

mod cards;
mod decode;
mod digits;
mod hostile;
mod inputs;
mod reference;
mod resample;
mod support;
