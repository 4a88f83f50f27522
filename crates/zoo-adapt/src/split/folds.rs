//! Division into k parts, each held out once.

use super::groups::shuffled_groups;
use crate::error::{Error, Result};

/// The fold, in `0..folds`, of every example, with every class spread evenly.
///
/// `groups` as in [`stratified_holdout`](super::stratified_holdout). A class of fewer groups
/// than folds is missing from some folds; a class of one group is missing from what is
/// learned when that group's fold is held out.
///
/// # Errors
///
/// `folds` is below 2 or above the number of examples, or `groups` is of another length
/// than `labels`.
pub fn stratified_folds(
    labels: &[usize],
    groups: Option<&[usize]>,
    folds: usize,
    seed: u64,
) -> Result<Vec<usize>> {
    if folds < 2 || folds > labels.len() {
        return Err(Error::setting(
            "number of folds",
            "at least 2 and at most the number of examples",
            folds,
        ));
    }
    let mut fold_of = vec![0; labels.len()];
    let mut totals = vec![0_usize; folds];
    for groups in shuffled_groups(labels, groups, seed)?.values_mut() {
        // Largest first, each into the emptiest fold: the usual greedy balancing. The sort
        // is stable, so groups of one size stay shuffled.
        groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
        let mut of_class = vec![0_usize; folds];
        for group in groups.iter() {
            let emptiest =
                (0..folds).min_by_key(|&fold| (of_class[fold], totals[fold], fold)).unwrap_or(0);
            of_class[emptiest] += group.len();
            totals[emptiest] += group.len();
            for &example in group {
                fold_of[example] = emptiest;
            }
        }
    }
    Ok(fold_of)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_spread_evenly() {
        let labels: Vec<usize> = (0..103).map(|i| usize::from(i >= 70)).collect();
        let folds = stratified_folds(&labels, None, 5, 9).unwrap();
        for class in 0..2 {
            let counts: Vec<usize> = (0..5)
                .map(|fold| {
                    let rows = folds.iter().zip(&labels);
                    rows.filter(|&(&f, &l)| f == fold && l == class).count()
                })
                .collect();
            let (low, high) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
            assert!(high - low <= 1, "{counts:?}");
        }
        assert_eq!(folds, stratified_folds(&labels, None, 5, 9).unwrap());
        assert_ne!(folds, stratified_folds(&labels, None, 5, 10).unwrap());
    }

    #[test]
    fn small_classes_fill_the_emptier_folds() {
        // Ten classes of one example: one in each fold, not all in the first.
        let labels: Vec<usize> = (0..10).collect();
        let mut folds = stratified_folds(&labels, None, 10, 0).unwrap();
        folds.sort_unstable();
        assert_eq!(folds, labels);
    }

    #[test]
    fn duplicates_stay_together_however_they_are_numbered() {
        let labels = vec![0; 30];
        let groups: Vec<usize> = (0..30).map(|i| i / 3).collect();
        let renumbered: Vec<usize> = groups.iter().map(|group| 99 - group).collect();
        let folds = stratified_folds(&labels, Some(&groups), 5, 4).unwrap();
        assert!(folds.chunks(3).all(|fold| fold[0] == fold[1] && fold[1] == fold[2]));
        assert_eq!(folds, stratified_folds(&labels, Some(&renumbered), 5, 4).unwrap());
    }

    #[test]
    fn refuses_too_few_and_too_many_folds() {
        assert!(stratified_folds(&[0, 1, 0], None, 1, 0).is_err());
        assert!(stratified_folds(&[0, 1, 0], None, 4, 0).is_err());
    }
}
