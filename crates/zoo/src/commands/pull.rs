use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use anyhow::{Result, anyhow};
use serde::Serialize;
use zoo_registry::{PullOptions, Sha256Digest};

use crate::cli::{Global, PullArgs};
use crate::progress::Bars;
use crate::{models, output};

/// Most models that are fetched at the same time.
const AT_ONCE: usize = 4;

#[derive(Serialize)]
struct Row {
    name: String,
    version: String,
    sha256: String,
    path: String,
    was_cached: bool,
}

pub(crate) fn run(global: &Global, args: &PullArgs) -> Result<ExitCode> {
    let mut global = global.clone();
    if let Some(dir) = &args.from {
        global.registry = Some(dir.display().to_string());
    }
    let options =
        PullOptions { require_sha256: args.require_sha256, ..models::pull_options(&global) };
    let pull_one = &|name: &String| match name.split_once(':') {
        Some(_) => pull_url(&global, name, args.sha256.as_deref()),
        None => pull(&global, name, options),
    };
    let mut rows = Vec::new();
    let mut failed = false;
    for some in args.names.chunks(AT_ONCE) {
        let pulled: Vec<Result<Row>> = thread::scope(|scope| {
            let threads: Vec<_> =
                some.iter().map(|name| scope.spawn(move || pull_one(name))).collect();
            let died = |_| Err(anyhow!("it ended in a panic"));
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(died)).collect()
        });
        // One that fails must not keep the others from coming.
        for (name, pulled) in some.iter().zip(pulled) {
            match pulled {
                Ok(row) => rows.push(row),
                Err(error) => {
                    output::error(&error.context(format!("cannot pull {name}")));
                    failed = true;
                }
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

fn pull(global: &Global, name: &str, options: PullOptions) -> Result<Row> {
    let pulled = models::pull(global, name, options)?;
    let (path, digest): (PathBuf, Sha256Digest) = if models::is_delta(&pulled) {
        let path = models::composed(global, &pulled, 0)?;
        let digest = Sha256Digest::of_file(&path)?;
        (path, digest)
    } else {
        (pulled.path.clone(), pulled.digest)
    };
    let done = if pulled.was_cached { "Cached" } else { "Pulled" };
    output::status(global, done, format!("{} sha256:{digest}", models::reference(&pulled)));
    Ok(Row {
        name: pulled.entry.name.to_string(),
        version: pulled.version.version.to_string(),
        sha256: digest.to_string(),
        path: path.display().to_string(),
        was_cached: pulled.was_cached,
    })
}

/// A file that no registry knows.
fn pull_url(global: &Global, url: &str, sha256: Option<&str>) -> Result<Row> {
    let sha256 = sha256.map(str::parse).transpose()?;
    let fetched = models::registry(global)?.pull_url(url, sha256, &Bars::new(global))?;
    if sha256.is_none() {
        output::warning(format!(
            "nobody vouches for {url}; what came has sha256 {}: use --sha256 from now on",
            fetched.digest
        ));
    }
    output::status(global, "Pulled", format!("{url} sha256:{}", fetched.digest));
    Ok(Row {
        name: url.to_owned(),
        version: String::new(),
        sha256: fetched.digest.to_string(),
        path: fetched.path.display().to_string(),
        was_cached: false,
    })
}
