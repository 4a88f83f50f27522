use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;
use zoo_registry::{Entry, Registry};

use crate::cli::{Global, ListArgs, SearchArgs};
use crate::{models, output};

/// A row of the list.
#[derive(Serialize)]
struct Row {
    name: String,
    version: String,
    task: String,
    family: String,
    parameters: u64,
    top1: Option<f64>,
    bytes: Option<u64>,
    cached: bool,
    runs: bool,
    summary: String,
}

pub(crate) fn list(global: &Global, args: &ListArgs) -> Result<ExitCode> {
    let registry = models::registry(global)?;
    let rows = registry.index().entries().map(|entry| row(&registry, entry));
    let rows: Vec<Row> = rows.filter(|row| row.cached || !args.cached).collect();
    show(global, &rows)
}

pub(crate) fn search(global: &Global, args: &SearchArgs) -> Result<ExitCode> {
    let registry = models::registry(global)?;
    let found = registry.index().search(&args.term);
    let rows: Vec<Row> = found.into_iter().map(|entry| row(&registry, entry)).collect();
    if rows.is_empty() && !global.json {
        output::status(global, "Nothing", format!("matches `{}`: `zoo list` shows all", args.term));
    }
    show(global, &rows)
}

fn row(registry: &Registry, entry: &Entry) -> Row {
    let version = entry.version(None).ok();
    let file = version.and_then(|version| version.files.first());
    let cached = file.and_then(|file| file.sha256.as_ref()).is_some_and(|digest| {
        registry
            .store()
            .open_verified(digest, file.and_then(zoo_registry::ModelFile::exact_size))
            .is_some()
    });
    Row {
        name: entry.name.to_string(),
        version: version.map_or_else(String::new, |version| version.version.to_string()),
        task: entry.task.clone(),
        family: entry.family.clone(),
        parameters: entry.parameters,
        top1: version.and_then(|version| version.top1.as_ref()).map(|top1| top1.percent),
        bytes: file.and_then(|file| file.size.as_ref()).map(|size| size.bytes),
        cached,
        runs: super::info::runs(entry, version),
        summary: entry.summary.clone(),
    }
}

fn show(global: &Global, rows: &[Row]) -> Result<ExitCode> {
    if global.json {
        output::json(&rows)?;
        return Ok(ExitCode::SUCCESS);
    }
    let head = ["NAME", "TASK", "PARAMETERS", "TOP-1", "SIZE", "CACHED", "SUMMARY"];
    let mut table = vec![head.map(str::to_owned).to_vec()];
    for row in rows {
        table.push(vec![
            row.name.clone(),
            row.task.clone(),
            output::count(row.parameters),
            row.top1.map_or_else(|| "-".to_owned(), |top1| format!("{top1:.1} %")),
            row.bytes.map_or_else(|| "-".to_owned(), output::size),
            if row.cached { "yes" } else { "no" }.to_owned(),
            row.summary.clone(),
        ]);
    }
    if !rows.is_empty() {
        output::table(&table)?;
    }
    Ok(ExitCode::SUCCESS)
}
