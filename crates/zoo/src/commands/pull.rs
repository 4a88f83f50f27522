use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;
use zoo_registry::PullOptions;

use crate::cli::{Global, PullArgs};
use crate::{models, output};

#[derive(Serialize)]
struct Row {
    name: String,
    version: String,
    sha256: String,
    path: String,
    was_cached: bool,
}

pub(crate) fn run(global: &Global, args: &PullArgs) -> Result<ExitCode> {
    let options = PullOptions {
        require_sha256: args.require_sha256,
        verify: true,
        ..models::pull_options(global)
    };
    let mut rows = Vec::new();
    let mut failed = false;
    for name in &args.names {
        // One that fails must not keep the others from coming.
        match models::pull(global, name, options) {
            Ok(pulled) => {
                let done = if pulled.was_cached { "Verified" } else { "Pulled" };
                let version = pulled.version.version.to_string();
                output::status(
                    global,
                    done,
                    format!("{}@{version} sha256:{}", pulled.entry.name, pulled.digest),
                );
                rows.push(Row {
                    name: pulled.entry.name.to_string(),
                    version,
                    sha256: pulled.digest.to_string(),
                    path: pulled.path.display().to_string(),
                    was_cached: pulled.was_cached,
                });
            }
            Err(error) => {
                output::error(&error.context(format!("cannot pull {name}")));
                failed = true;
            }
        }
    }
    if global.json {
        output::json(&rows)?;
    } else {
        rows.iter().try_for_each(|row| output::line(&row.path))?;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
