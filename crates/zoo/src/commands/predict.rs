use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use rayon::prelude::*;
use serde::Serialize;
use zoo_adapt::classifier::Classifier;
use zoo_adapt::dataset::is_image;

use crate::cli::{Global, PredictArgs};
use crate::{models, output};

#[derive(Serialize)]
struct Prediction {
    class: usize,
    label: String,
    probability: f32,
}

#[derive(Serialize)]
struct Row {
    path: PathBuf,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    predictions: Vec<Prediction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// As many pictures run before the first of them is shown.
const CHUNK: usize = 64;

pub(crate) fn run(global: &Global, args: &PredictArgs) -> Result<ExitCode> {
    let paths = pictures(&args.inputs)?;
    let bundle = models::open(global, &args.model)?;
    let classifier = Classifier::new(&bundle, global.device)?;
    let (mut rows, mut failed) = (Vec::new(), false);
    for paths in paths.chunks(CHUNK) {
        let results: Vec<_> = paths.par_iter().map(|path| classifier.classify(path)).collect();
        for (path, result) in paths.iter().zip(results) {
            let row = match result {
                Ok(probabilities) => Row {
                    path: path.clone(),
                    predictions: top(&classifier, &probabilities, usize::from(args.top)),
                    error: None,
                },
                // A picture that cannot be read must not keep the others from being named.
                Err(error) => {
                    failed = true;
                    let error = anyhow::Error::from(error);
                    if !global.json {
                        output::error(&error);
                    }
                    Row {
                        path: path.clone(),
                        predictions: Vec::new(),
                        error: Some(format!("{error:#}")),
                    }
                }
            };
            if global.json {
                rows.push(row);
            } else {
                show(&row)?;
            }
        }
    }
    if global.json {
        output::json(&rows)?;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn show(row: &Row) -> Result<()> {
    if row.error.is_some() {
        return Ok(());
    }
    output::line(row.path.display().to_string())?;
    row.predictions.iter().try_for_each(|prediction| {
        output::line(format!("  {:5.1} %  {}", prediction.probability * 100.0, prediction.label))
    })
}

fn top(classifier: &Classifier, probabilities: &[f32], count: usize) -> Vec<Prediction> {
    let mut classes: Vec<usize> = (0..probabilities.len()).collect();
    classes.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]).then(a.cmp(&b)));
    let named = classes.into_iter().take(count);
    named
        .map(|class| Prediction {
            class,
            label: classifier.label(class),
            probability: probabilities[class],
        })
        .collect()
}

/// The files that were given, and the pictures in the folders that were given, in order.
fn pictures(inputs: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for input in inputs {
        let metadata =
            std::fs::metadata(input).with_context(|| format!("cannot read {}", input.display()))?;
        if metadata.is_dir() {
            let before = found.len();
            walk(input, &mut found)?;
            ensure!(found.len() > before, "there is no picture in {}", input.display());
        } else {
            found.push(input.clone());
        }
    }
    Ok(found)
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let cannot_read = || format!("cannot read {}", folder.display());
    let entries: Result<Vec<_>, _> = std::fs::read_dir(folder).with_context(cannot_read)?.collect();
    let mut entries = entries.with_context(cannot_read)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type().with_context(cannot_read)?;
        let path = entry.path();
        if kind.is_dir() {
            walk(&path, found)?;
        } else if is_image(&path) {
            found.push(path);
        }
    }
    Ok(())
}
