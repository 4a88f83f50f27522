//! What counts as wrong.

use std::collections::{BTreeMap, BTreeSet};

use zoo_model::Digest;

use super::digest::{ReadFile, groups};
use super::{CheckOptions, DataReport, Finding, Flaw};
use crate::dataset::{Dataset, Example, Split};

pub(super) fn report(folder: &Dataset, options: &CheckOptions, files: &[ReadFile]) -> DataReport {
    let digests: Vec<Option<Digest>> = files.iter().map(|file| file.digest).collect();
    let groups = groups(&digests);
    let mut report = DataReport::default();
    unreadable(folder, files, &mut report);
    odd(folder, files, &mut report);
    duplicates(folder, &groups, &mut report);
    class_sizes(folder, options, files, &groups, &mut report);
    report
}

fn unreadable(folder: &Dataset, files: &[ReadFile], report: &mut DataReport) {
    for (example, file) in folder.examples().iter().zip(files) {
        if let Some(reason) = &file.failure {
            report.errors.push(Finding::Unreadable {
                path: example.relative.clone(),
                reason: reason.clone(),
            });
        }
    }
}

fn odd(folder: &Dataset, files: &[ReadFile], report: &mut DataReport) {
    let mut by_flaw: BTreeMap<Flaw, Vec<String>> = BTreeMap::new();
    for (example, file) in folder.examples().iter().zip(files) {
        for flaw in &file.flaws {
            by_flaw.entry(*flaw).or_default().push(example.relative.clone());
        }
    }
    let finding = |(flaw, paths)| Finding::Odd { flaw, paths };
    report.warnings.extend(by_flaw.into_iter().map(finding));
}

fn duplicates(folder: &Dataset, groups: &[usize], report: &mut DataReport) {
    let mut members: BTreeMap<usize, Vec<&Example>> = BTreeMap::new();
    for (example, group) in folder.examples().iter().zip(groups) {
        members.entry(*group).or_default().push(example);
    }
    for same in members.values().filter(|same| same.len() > 1) {
        let classes: BTreeSet<usize> = same.iter().map(|example| example.class).collect();
        let splits: BTreeSet<Split> = same.iter().filter_map(|example| example.split).collect();
        let mut paths: Vec<String> = same.iter().map(|e| e.relative.clone()).collect();
        paths.sort();
        let names = |classes: &BTreeSet<usize>| {
            let names = classes.iter().map(|&class| folder.classes()[class].clone());
            names.collect::<Vec<_>>()
        };
        if classes.len() > 1 {
            report.errors.push(Finding::ConflictingLabels {
                paths: paths.clone(),
                classes: names(&classes),
            });
        }
        if splits.len() > 1 {
            report.errors.push(Finding::DuplicateAcrossSplits {
                paths: paths.clone(),
                splits: splits.iter().copied().collect(),
            });
        }
        if classes.len() == 1 && splits.len() < 2 {
            report.warnings.push(Finding::Duplicate { paths, class: names(&classes).concat() });
        }
    }
}

fn class_sizes(
    folder: &Dataset,
    options: &CheckOptions,
    files: &[ReadFile],
    groups: &[usize],
    report: &mut DataReport,
) {
    // A picture counts once, however many copies of it there are.
    let mut seen = BTreeSet::new();
    let mut counts: BTreeMap<Split, Vec<usize>> = BTreeMap::new();
    for ((example, file), group) in folder.examples().iter().zip(files).zip(groups) {
        let split = example.split.unwrap_or(Split::Train);
        let count = counts.entry(split).or_insert_with(|| vec![0; folder.classes().len()]);
        if file.failure.is_none() && seen.insert((split, example.class, *group)) {
            count[example.class] += 1;
        }
    }
    let held_out_is_given = counts.len() > 1;
    for (split, counts) in &counts {
        for (class, &examples) in folder.classes().iter().zip(counts) {
            let class = class.clone();
            let needed = if held_out_is_given { 1 } else { 2 };
            if *split != Split::Train {
                if examples == 0 {
                    let split = *split;
                    report.warnings.push(Finding::ClassMissingInSplit { class, split });
                }
            } else if examples < needed {
                report.errors.push(Finding::ClassTooSmall { class, examples });
            } else if examples < options.min_per_class {
                report.warnings.push(Finding::ClassSmall {
                    class,
                    examples,
                    advised: options.min_per_class,
                });
            }
        }
    }
    if let Some(counts) = counts.get(&Split::Train) {
        report.warnings.extend(imbalance(folder, counts, options.max_imbalance));
    }
}

fn imbalance(folder: &Dataset, counts: &[usize], max_imbalance: f64) -> Option<Finding> {
    let sized = || counts.iter().enumerate().filter(|(_, count)| **count > 0);
    let (smallest, &fewest) = sized().min_by_key(|&(class, count)| (count, class))?;
    let (largest, &most) =
        sized().max_by_key(|&(class, count)| (count, std::cmp::Reverse(class)))?;
    (most as f64 > max_imbalance * fewest as f64).then(|| Finding::Imbalance {
        largest: folder.classes()[largest].clone(),
        largest_examples: most,
        smallest: folder.classes()[smallest].clone(),
        smallest_examples: fewest,
    })
}
