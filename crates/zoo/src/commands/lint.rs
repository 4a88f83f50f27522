use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;
use zoo_registry::{Index, Level, Runs, lint};

use crate::cli::{Global, LintArgs};
use crate::commands::info;
use crate::{models, output};

pub(crate) fn run(global: &Global, args: &LintArgs) -> Result<ExitCode> {
    let index = match &args.registry {
        Some(location) => Index::open(location, &models::index_options(global)?)?,
        None => Index::builtin(),
    };
    let entries = index.entries()?;
    let unreadable = index.take_rejected();
    let findings = lint(&entries, &|entry, version| info::runs(entry, version) == Runs::Yes);
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let (errors, warnings) = (count(Level::Error) + unreadable.len(), count(Level::Warning));
    let versions: usize = entries.iter().map(|entry| entry.versions.len()).sum();
    if global.json {
        let unreadable: Vec<String> = unreadable.iter().map(ToString::to_string).collect();
        output::json(&json!({
            "entries": entries.len(), "versions": versions, "errors": errors,
            "warnings": warnings, "unreadable": unreadable, "findings": findings,
        }))?;
    } else {
        for error in &unreadable {
            output::line(format!("error: {:#}", anyhow::anyhow!(error.to_string())))?;
        }
        for finding in &findings {
            output::line(finding.to_string())?;
        }
        output::line(format!(
            "{} entries, {versions} versions: {errors} errors, {warnings} warnings, {} notes",
            entries.len(),
            count(Level::Note)
        ))?;
    }
    let failed = errors > 0 || (args.strict && warnings > 0);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
