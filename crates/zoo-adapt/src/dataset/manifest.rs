//! Examples listed in a table.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use zoo_model::Kind;

use super::{Content, Dataset, Example, Skipped, Split};
use crate::error::{Error, Result};

/// Larger tables are not read.
const MAX_BYTES: u64 = 4 << 30;

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    /// Fields between separators, a heading first; RFC 4180.
    Separated(u8),
    /// An object of JSON on each line.
    JsonLines,
}

impl Table {
    /// By the extension of `path`; `None` where it is that of no table.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match extension.as_str() {
            "csv" => Self::Separated(b','),
            "tsv" => Self::Separated(b'\t'),
            "jsonl" | "ndjson" => Self::JsonLines,
            _ => return None,
        })
    }
}

/// The fields of a row that matter, as far as they are there.
#[derive(Debug, Default)]
struct Row {
    line: u64,
    label: Option<String>,
    text: Option<String>,
    path: Option<String>,
    split: Option<String>,
}

pub(super) fn open(path: &Path, table: Table, kind: Kind) -> Result<Dataset> {
    let unreadable = |source| Error::Read { path: path.to_path_buf(), source };
    let metadata = fs::metadata(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => Error::PathMissing { path: path.to_path_buf() },
        _ => unreadable(source),
    })?;
    if metadata.len() > MAX_BYTES {
        let message = format!("larger than {MAX_BYTES} bytes");
        return Err(unreadable(io::Error::new(io::ErrorKind::FileTooLarge, message)));
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    // Spreadsheets put a mark of the byte order before UTF-8.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let rows = match table {
        Table::Separated(separator) => separated(path, bytes, separator, kind)?,
        Table::JsonLines => json_lines(path, bytes)?,
    };
    dataset(path, rows, kind)
}

fn separated(path: &Path, bytes: &[u8], separator: u8, kind: Kind) -> Result<Vec<Row>> {
    let mut reader = csv::ReaderBuilder::new().delimiter(separator).from_reader(bytes);
    let bad = |line: u64, reason: String| Error::Row { path: path.to_path_buf(), line, reason };
    let csv_error = |error: csv::Error| {
        let line = error.position().map_or(0, csv::Position::line);
        bad(line, reason_of(&error))
    };
    let heading = reader.headers().map_err(csv_error)?.clone();
    let column = |name: &str| heading.iter().position(|h| h.trim().eq_ignore_ascii_case(name));
    let [label, text, file, split] = ["label", "text", "path", "split"].map(column);
    let content = if kind == Kind::Text { text.or(file) } else { file };
    if label.is_none() || content.is_none() {
        let needed = if kind == Kind::Text { "`label` and `text`" } else { "`label` and `path`" };
        let found: Vec<&str> = heading.iter().collect();
        let (path, found) = (path.to_path_buf(), found.join(", "));
        return Err(Error::Columns { path, needed, found });
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(csv_error)?;
        let field = |column: Option<usize>| record.get(column?).map(str::to_owned);
        rows.push(Row {
            line: record.position().map_or(0, csv::Position::line),
            label: field(label),
            text: field(text),
            path: field(file),
            split: field(split).filter(|split| !split.is_empty()),
        });
    }
    Ok(rows)
}

/// What is wrong, without the position, which stands beside it.
fn reason_of(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8".to_owned(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("it has {len} fields, the heading has {expected_len}")
        }
        _ => error.to_string(),
    }
}

fn json_lines(path: &Path, bytes: &[u8]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (number, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        let number = number as u64 + 1;
        let bad = |reason: String| Error::Row { path: path.to_path_buf(), line: number, reason };
        if line.trim_ascii().is_empty() {
            continue;
        }
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(line).map_err(|error| bad(error.to_string()))?;
        let field = |name: &str| match object.get(name) {
            None | Some(serde_json::Value::Null) => Ok(None),
            Some(serde_json::Value::String(text)) => Ok(Some(text.clone())),
            Some(serde_json::Value::Number(number)) => Ok(Some(number.to_string())),
            Some(serde_json::Value::Bool(truth)) => Ok(Some(truth.to_string())),
            Some(_) => Err(bad(format!("`{name}` is no text"))),
        };
        rows.push(Row {
            line: number,
            label: field("label")?,
            text: field("text")?,
            path: field("path")?,
            split: field("split")?,
        });
    }
    Ok(rows)
}

fn dataset(table: &Path, rows: Vec<Row>, kind: Kind) -> Result<Dataset> {
    let bad = |line, reason: String| Error::Row { path: table.to_path_buf(), line, reason };
    let name = table.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder = table.parent().unwrap_or(Path::new(""));
    let label_of = |row: &Row| row.label.as_deref().map(str::trim).unwrap_or_default().to_owned();
    let mut classes = BTreeSet::new();
    let mut examples = Vec::with_capacity(rows.len());
    for row in &rows {
        let label = label_of(row);
        if label.is_empty() {
            return Err(bad(row.line, "it has no label".to_owned()));
        }
        let split = row.split.as_deref().map(|split| {
            super::layout::split_of(split.trim())
                .ok_or_else(|| bad(row.line, format!("its split is `{split}`: train, val or test")))
        });
        let (content, relative) = match (&row.text, &row.path) {
            (Some(text), _) if kind == Kind::Text => {
                (Content::Text(text.clone()), format!("{name}:{}", row.line))
            }
            (_, Some(path)) => (
                Content::File(below(folder, path).map_err(|why| bad(row.line, why))?),
                path.clone(),
            ),
            (_, None) => {
                let needed = if kind == Kind::Text { "text" } else { "path" };
                return Err(bad(row.line, format!("it has no `{needed}`")));
            }
        };
        classes.insert(label);
        examples.push(Example { content, relative, class: 0, split: split.transpose()? });
    }
    let classes: Vec<String> = classes.into_iter().collect();
    for (example, row) in examples.iter_mut().zip(&rows) {
        let label = label_of(row);
        example.class = classes.partition_point(|known| *known < label);
    }
    match classes.as_slice() {
        [] => return Err(Error::NoRows { path: table.to_path_buf() }),
        [class] => {
            let (path, class) = (table.to_path_buf(), class.clone());
            return Err(Error::OneClass { path, class });
        }
        _ => {}
    }
    let has_split = examples.iter().any(|example| example.split.is_some());
    if has_split {
        // A row that does not say is learned from.
        for example in &mut examples {
            example.split.get_or_insert(Split::Train);
        }
        for (class, name) in classes.iter().enumerate() {
            let trained = |e: &Example| e.class == class && e.split == Some(Split::Train);
            if !examples.iter().any(trained) {
                let (path, class) = (table.to_path_buf(), name.clone());
                return Err(Error::ClassNotInTraining { path, class, kind });
            }
        }
    }
    examples.sort_by_key(|example| (example.split, example.class));
    let root = table.to_path_buf();
    Ok(Dataset { root, kind, classes, examples, has_split, skipped: Skipped::default() })
}

/// The file that a table names: below the folder of the table; the reason why not.
fn below(folder: &Path, path: &str) -> Result<PathBuf, String> {
    use std::path::Component;
    let is_plain = |part: Component| matches!(part, Component::Normal(_) | Component::CurDir);
    let relative = Path::new(path);
    if path.is_empty() || !relative.components().all(is_plain) {
        return Err(format!("`{path}` does not lie below the folder of the table"));
    }
    Ok(folder.join(relative))
}
