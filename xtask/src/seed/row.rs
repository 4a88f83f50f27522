//! Rows of the seed.

use anyhow::{Context, Result, ensure};

/// The columns, in their order.
const COLUMNS: [&str; 17] = [
    "name",
    "task",
    "family",
    "url",
    "bytes",
    "digest_kind",
    "digest",
    "licence",
    "top1",
    "input_size",
    "preprocessing",
    "classes",
    "source_of_digest",
    "format",
    "bytes_exact",
    "confidence",
    "notes",
];

/// One row, as it stands; empty where nobody knows.
#[derive(Debug, Clone)]
pub(super) struct SeedRow {
    pub(super) name: String,
    pub(super) task: String,
    pub(super) url: String,
    pub(super) bytes: Option<u64>,
    pub(super) digest_kind: String,
    pub(super) digest: String,
    pub(super) licence: String,
    pub(super) top1: String,
    pub(super) input_size: String,
    pub(super) preprocessing: String,
    pub(super) classes: String,
    pub(super) source_of_digest: String,
    pub(super) format: String,
    pub(super) bytes_exact: bool,
    pub(super) confidence: String,
    pub(super) notes: String,
}

impl SeedRow {
    /// The publisher: what stands before the first slash of the name.
    pub(super) fn publisher(&self) -> &str {
        self.name.split_once('/').map_or(&*self.name, |(publisher, _)| publisher)
    }

    /// The file's name: the end of the url.
    pub(super) fn file_name(&self) -> &str {
        let url = self.url.split(['?', '#']).next().unwrap_or_default();
        url.rsplit(['/', '!']).next().unwrap_or_default()
    }

    /// A number in hexadecimal digits that `text` of the notes or the source introduces.
    pub(super) fn noted(&self, text: &str) -> Option<&str> {
        [&self.notes, &self.source_of_digest].into_iter().find_map(|column| {
            let rest = &column[column.find(text)? + text.len()..];
            let end = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
            (end >= 32).then(|| &rest[..end])
        })
    }

    /// A second place of the same file that the notes name.
    pub(super) fn mirror(&self) -> Option<&str> {
        let rest = self.notes.split_once("Intel mirror: ")?.1;
        rest.split([';', ' ']).next()
    }
}

/// Every row of `text`.
pub(super) fn parse(text: &str) -> Result<Vec<SeedRow>> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    ensure!(header == COLUMNS, "the columns are {header:?}");
    lines
        .enumerate()
        .map(|(at, line)| row(line).with_context(|| format!("row {}", at + 2)))
        .collect()
}

fn row(line: &str) -> Result<SeedRow> {
    let fields: Vec<&str> = line.split('\t').collect();
    ensure!(fields.len() == COLUMNS.len(), "it has {} columns", fields.len());
    let field = |column: &str| -> String {
        COLUMNS.iter().position(|c| *c == column).map_or("", |at| fields[at]).to_owned()
    };
    let bytes = match field("bytes").as_str() {
        "" => None,
        bytes => Some(bytes.parse().with_context(|| format!("bytes {bytes:?}"))?),
    };
    Ok(SeedRow {
        name: field("name"),
        task: field("task"),
        url: field("url"),
        bytes,
        digest_kind: field("digest_kind"),
        digest: field("digest"),
        licence: field("licence"),
        top1: field("top1"),
        input_size: field("input_size"),
        preprocessing: field("preprocessing"),
        classes: field("classes"),
        source_of_digest: field("source_of_digest"),
        format: field("format"),
        bytes_exact: field("bytes_exact") == "exact",
        confidence: field("confidence"),
        notes: field("notes"),
    })
}
