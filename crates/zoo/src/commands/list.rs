use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;
use zoo_convert::is_built;
use zoo_registry::{LockFile, Query, Row, Runs, Sha256Digest};

use crate::cli::{Global, ListArgs, SearchArgs};
use crate::{models, output};

/// A row of the list.
#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    row: Row,
    cached: bool,
    runs: Runs,
}

pub(crate) fn list(global: &Global, args: &ListArgs) -> Result<ExitCode> {
    let mut lines = find(global, &Query::default())?;
    lines.retain(|line| line.cached || !args.cached);
    show(global, &lines)
}

pub(crate) fn search(global: &Global, args: &SearchArgs) -> Result<ExitCode> {
    let mut query = Query::words(&args.term.join(" "));
    query.task.clone_from(&args.task);
    query.family.clone_from(&args.family);
    query.licence.clone_from(&args.licence);
    query.max_bytes = args.max_size;
    query.min_top1 = args.min_top1;
    let mut lines = find(global, &query)?;
    lines.retain(|line| line.runs == Runs::Yes || !args.works_here);
    if lines.is_empty() && !global.json {
        output::status(global, "Nothing", "matches: `zoo list` shows all");
    }
    show(global, &lines)
}

fn find(global: &Global, query: &Query) -> Result<Vec<Line>> {
    let registry = models::registry(global)?;
    let rows = registry.sources().search(query)?;
    models::warn_of_rejected(&registry);
    let blobs = registry.store().blobs()?;
    let cached: BTreeSet<Sha256Digest> = blobs.into_iter().map(|(digest, _)| digest).collect();
    let lock = LockFile::read(registry.lock_path())?;
    let line = |row: Row| {
        let pins = || lock.pins().iter().filter(|p| p.name == row.name && p.version == row.version);
        let known = row.sha256.into_iter().chain(pins().map(|pin| pin.sha256));
        // What is inside this program needs no cache.
        let cached = models::is_builtin(&row) || known.into_iter().any(|d| cached.contains(&d));
        Line { cached, runs: Runs::of(row.format, row.architecture.as_deref(), is_built), row }
    };
    Ok(rows.into_iter().map(line).collect())
}

fn show(global: &Global, lines: &[Line]) -> Result<ExitCode> {
    if global.json {
        output::json(&lines)?;
        return Ok(ExitCode::SUCCESS);
    }
    let head =
        ["NAME", "TASK", "PARAMETERS", "TOP-1", "SIZE", "LICENCE", "RUNS", "CACHED", "SUMMARY"];
    let mut table = vec![head.map(str::to_owned).to_vec()];
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    for Line { row, cached, runs } in lines {
        table.push(vec![
            row.name.to_string(),
            row.task.clone(),
            or_dash(row.parameters.map(output::count)),
            or_dash(row.top1.map(|top1| format!("{top1:.1} %"))),
            or_dash(row.bytes.map(output::size)),
            row.licence.clone(),
            runs.name().to_owned(),
            if *cached { "yes" } else { "no" }.to_owned(),
            row.summary.clone(),
        ]);
    }
    if !lines.is_empty() {
        output::table(&table)?;
    }
    Ok(ExitCode::SUCCESS)
}
