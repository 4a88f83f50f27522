//! The hub as its clients see it: over sockets, with bytes that no client of ours would
//! send. Numbers in test names are those of the project's checklist of bad inputs and faults.
#![allow(clippy::unwrap_used)]

mod killed;
mod publishing;
mod reading;
mod round_trip;
mod slow;
mod support;
mod uploads;
