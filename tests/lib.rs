//! What whole-program tests need: the programs themselves, run as processes in folders of
//! their own; files to run them on; and a server that misbehaves on order.
//!
//! The tests stand in `tests/`, a file for each thing that a user does. They reach no network:
//! what they fetch comes from [`server`], and real models from a folder that the environment
//! names ([`fixtures`]).
#![allow(clippy::unwrap_used, reason = "here a panic is how a test fails")]
#![allow(clippy::return_self_not_must_use, reason = "a check may be made for its own sake")]

pub mod binaries;
pub mod bundles;
pub mod damage;
pub mod emoji;
pub mod fixtures;
pub mod npy;
pub mod program;
pub mod registry;
pub mod server;
pub mod sharing;
pub mod wav;
pub mod zip;

pub use emoji::emoji;
pub use fixtures::{Fixtures, fixtures};
pub use program::{Run, Zoo};
pub use wav::wav;
pub use zip::zip;
