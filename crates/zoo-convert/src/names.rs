//! Names for what a file has no name for.

use std::collections::HashSet;

/// `wanted`, or with a number after it, from `first` on, that makes it unique among `taken`, where
/// it then is.
pub(crate) fn unused(taken: &mut HashSet<String>, wanted: &str, first: usize) -> String {
    let mut name = wanted.to_owned();
    let mut number = first;
    while !taken.insert(name.clone()) {
        name = format!("{wanted}_{number}");
        number += 1;
    }
    name
}
