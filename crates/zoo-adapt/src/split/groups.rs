//! Examples that must stay together.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use zoo_model::SplitMix64;

/// The groups of every class, each a list of examples, shuffled within the class.
///
/// A group counts for the class of its first example.
pub(super) fn shuffled_groups(
    labels: &[usize],
    groups: Option<&[usize]>,
    seed: u64,
) -> Result<BTreeMap<usize, Vec<Vec<usize>>>> {
    if let Some(groups) = groups {
        Error::expect_size("groups of examples", labels.len(), groups.len())?;
    }
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for example in 0..labels.len() {
        let group = groups.map_or(example, |groups| groups[example]);
        members.entry(group).or_default().push(example);
    }
    // Ordered by first example, so that how the caller numbers the groups is of no effect.
    let mut members: Vec<Vec<usize>> = members.into_values().collect();
    members.sort();
    let mut by_class: BTreeMap<usize, Vec<Vec<usize>>> = BTreeMap::new();
    for group in members {
        by_class.entry(labels[group[0]]).or_default().push(group);
    }
    for (class, groups) in &mut by_class {
        SplitMix64::for_part(seed, *class as u64).shuffle(groups);
    }
    Ok(by_class)
}
