use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::json;
use zoo_registry::trust::Trusted;
use zoo_registry::{Sha256Digest, fetch_root};

use crate::cli::{Global, TrustCommand};
use crate::{models, output};

pub(crate) fn run(global: &Global, command: TrustCommand) -> Result<ExitCode> {
    let store = models::trust_store(global)?;
    // However the path of a folder is written, it is the same registry.
    let place = |location: String| match Path::new(&location).canonicalize() {
        Ok(folder) => folder.display().to_string(),
        Err(_) => location,
    };
    match command {
        TrustCommand::List => list(global, &store.list()?),
        TrustCommand::Add { location, fingerprint, name, root } => {
            let location = place(location);
            let fingerprint: Option<Sha256Digest> =
                fingerprint.map(|text| text.parse()).transpose()?;
            let root = match root {
                Some(path) => std::fs::read(&path)
                    .with_context(|| format!("cannot read {}", path.display()))?,
                None => fetch_root(&location, &models::index_options(global)?)?,
            };
            let trusted = store.add(&location, &name, &root, fingerprint.as_ref())?;
            let found = trusted.root().fingerprint().to_hex();
            output::status(global, "Trusting", trusted.location());
            if fingerprint.is_none() {
                output::warning(format!(
                    "its root has the fingerprint {found}, and nobody has vouched for it: compare \
                     it with what the owner tells you by another way"
                ));
            }
            output::line(found)?;
            Ok(ExitCode::SUCCESS)
        }
        TrustCommand::Remove { location } => {
            let location = place(location);
            if !store.remove(&location)? {
                bail!("{location} was not trusted: `zoo trust list` shows what is");
            }
            output::status(global, "Forgot", &location);
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn list(global: &Global, all: &[Result<Trusted, zoo_registry::Error>]) -> Result<ExitCode> {
    let good = || all.iter().filter_map(|trusted| trusted.as_ref().ok());
    for error in all.iter().filter_map(|trusted| trusted.as_ref().err()) {
        output::warning(error.to_string());
    }
    if global.json {
        let rows: Vec<_> = good()
            .map(|trusted| {
                json!({
                    "name": trusted.name(), "location": trusted.location(),
                    "root_version": trusted.root().version(),
                    "fingerprint": trusted.root().fingerprint(),
                    "expires": trusted.root().expires().to_string(),
                    "counter": trusted.seen().map(|seen| seen.counter),
                })
            })
            .collect();
        output::json(&rows)?;
    } else if all.is_empty() {
        output::status(global, "Nobody", "is trusted but what is inside this program");
    } else {
        let head = ["NAME", "LOCATION", "ROOT", "EXPIRES", "INDEX", "FINGERPRINT"];
        let mut table = vec![head.map(str::to_owned).to_vec()];
        for trusted in good() {
            table.push(vec![
                trusted.name().to_owned(),
                trusted.location().to_owned(),
                trusted.root().version().to_string(),
                trusted.root().expires().to_string(),
                trusted.seen().map_or_else(|| "-".to_owned(), |seen| seen.counter.to_string()),
                trusted.root().fingerprint().to_hex(),
            ]);
        }
        output::table(&table)?;
    }
    Ok(if all.iter().all(Result::is_ok) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
