use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use rayon::prelude::*;
use serde::Serialize;
use zoo_adapt::classifier::Classifier;
use zoo_adapt::dataset::{Content, is_of_kind};
use zoo_adapt::transcriber::Transcriber;
use zoo_model::{Bundle, Device, Kind};

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
    /// The file, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<PathBuf>,
    /// The text, if it stood among the arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    predictions: Vec<Prediction>,
    /// What is said in the recording, by a model that writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    transcript: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// As many examples run before the first of them is shown.
const CHUNK: usize = 64;
/// As much of a text is shown beside what it is taken for.
const SHOWN: usize = 72;

/// What a model does with an example.
enum Model {
    Classifier(Classifier),
    Transcriber(Transcriber),
}

impl Model {
    fn new(bundle: &Bundle, device: Device) -> Result<Self> {
        Ok(match Transcriber::new(bundle, device)? {
            Some(transcriber) => Self::Transcriber(transcriber),
            None => Self::Classifier(Classifier::new(bundle, device)?),
        })
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Classifier(classifier) => classifier.kind(),
            Self::Transcriber(transcriber) => transcriber.kind(),
        }
    }

    /// What it says of an example; of classes the `most` likeliest.
    fn say(&self, content: &Content, most: usize) -> Result<Said> {
        Ok(match self {
            Self::Classifier(classifier) => {
                Said::Classes(top(classifier, &classifier.classify(content)?, most))
            }
            Self::Transcriber(transcriber) => Said::Words(transcriber.transcribe(content)?),
        })
    }
}

/// What a model says of an example.
enum Said {
    Classes(Vec<Prediction>),
    Words(String),
}

pub(crate) fn run(global: &Global, args: &PredictArgs) -> Result<ExitCode> {
    let bundle = models::open(global, &args.model)?;
    let model = Model::new(&bundle, global.device)?;
    let contents = contents(model.kind(), &args.inputs)?;
    let (mut rows, mut failed) = (Vec::new(), false);
    for contents in contents.chunks(CHUNK) {
        let most = usize::from(args.top);
        let said: Vec<_> = contents.par_iter().map(|content| model.say(content, most)).collect();
        for (content, said) in contents.iter().zip(said) {
            let (path, text) = match content {
                Content::File(path) => (Some(path.clone()), None),
                Content::Text(text) => (None, Some(text.clone())),
            };
            let mut row =
                Row { path, text, predictions: Vec::new(), transcript: None, error: None };
            match said {
                Ok(Said::Classes(predictions)) => row.predictions = predictions,
                Ok(Said::Words(transcript)) => row.transcript = Some(transcript),
                // An example that cannot be read must not keep the others from being named.
                Err(error) => {
                    failed = true;
                    if !global.json {
                        output::error(&error);
                    }
                    row.error = Some(format!("{error:#}"));
                }
            }
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
    let name = match (&row.path, &row.text) {
        (Some(path), _) => path.display().to_string(),
        (None, text) => excerpt(text.as_deref().unwrap_or_default()),
    };
    output::line(name)?;
    if let Some(transcript) = &row.transcript {
        output::line(format!("  {transcript}"))?;
    }
    row.predictions.iter().try_for_each(|prediction| {
        output::line(format!("  {:5.1} %  {}", prediction.probability * 100.0, prediction.label))
    })
}

/// The beginning of a text, on one line.
fn excerpt(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
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

/// The examples that were given, in order: files, what is in folders, and for a model of texts also
/// texts themselves and, as `-`, the lines of stdin.
fn contents(kind: Kind, inputs: &[PathBuf]) -> Result<Vec<Content>> {
    let mut found = Vec::new();
    for input in inputs {
        if kind == Kind::Text && input.as_os_str() == "-" {
            for line in std::io::stdin().lock().lines() {
                found.push(Content::Text(line.context("cannot read stdin")?));
            }
            continue;
        }
        let metadata = std::fs::metadata(input);
        if let (Kind::Text, Err(_), Some(text)) = (kind, &metadata, input.to_str()) {
            found.push(Content::Text(text.to_owned()));
            continue;
        }
        if metadata.with_context(|| format!("cannot read {}", input.display()))?.is_dir() {
            let before = found.len();
            walk(kind, input, &mut found)?;
            let what = kind.plural();
            ensure!(found.len() > before, "there are no {what} in {}", input.display());
        } else {
            found.push(Content::File(input.clone()));
        }
    }
    Ok(found)
}

fn walk(kind: Kind, folder: &Path, found: &mut Vec<Content>) -> Result<()> {
    let cannot_read = || format!("cannot read {}", folder.display());
    let entries: Result<Vec<_>, _> = std::fs::read_dir(folder).with_context(cannot_read)?.collect();
    let mut entries = entries.with_context(cannot_read)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let file_type = entry.file_type().with_context(cannot_read)?;
        let path = entry.path();
        if file_type.is_dir() {
            walk(kind, &path, found)?;
        } else if is_of_kind(&path, kind) {
            found.push(Content::File(path));
        }
    }
    Ok(())
}
