use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::{Result, bail};
use serde_json::json;
use zoo_registry::{
    CachePin, GcOptions, LockFile, PinTarget, PullOptions, Reference, Store, Version,
};

use crate::cli::{CacheCommand, Global};
use crate::config::Config;
use crate::{models, output};

pub(crate) fn run(global: &Global, command: CacheCommand) -> Result<ExitCode> {
    let store = Store::open(models::cache_dir(global)?)?;
    match command {
        CacheCommand::Ls => ls(global, &store),
        CacheCommand::Verify { dry_run } => verify(global, &store, dry_run),
        CacheCommand::Gc { dry_run, grace, max_size, wait } => {
            let options = GcOptions {
                grace: Duration::from_hours(grace),
                max_bytes: max_size,
                dry_run,
                wait: Duration::from_secs(wait),
                lock_files: project_lock()?.into_iter().collect(),
                ..GcOptions::default()
            };
            gc(global, &store, &options)
        }
        CacheCommand::Pin { name, reason } => pin(global, &name, &reason),
        CacheCommand::Unpin { name } => unpin(global, &store, &name),
        CacheCommand::Path => {
            output::line(store.root().display().to_string())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The lock file of the project in which this runs.
fn project_lock() -> Result<Option<std::path::PathBuf>> {
    Ok(Config::find()?.folder.map(|folder| folder.join("zoo.lock")).filter(|path| path.is_file()))
}

fn ls(global: &Global, store: &Store) -> Result<ExitCode> {
    let usage = store.usage()?;
    let names = names_of_blobs(global)?;
    let name_of = |digest| names.iter().find(|(d, _)| d == digest).map(|(_, name)| name.clone());
    if global.json {
        let blobs: Vec<_> = usage
            .blobs
            .iter()
            .map(|blob| {
                json!({
                    "sha256": blob.digest, "bytes": blob.bytes, "verified": blob.verified,
                    "model": name_of(&blob.digest),
                    "last_used": blob.last_used.and_then(unix_seconds),
                })
            })
            .collect();
        let kinds: serde_json::Map<String, serde_json::Value> = usage
            .kinds
            .iter()
            .map(|(kind, of)| {
                (kind.name().to_owned(), json!({ "count": of.count, "bytes": of.bytes }))
            })
            .collect();
        let all = usage.bytes();
        let path = store.root();
        output::json(&json!({ "path": path, "bytes": all, "kinds": kinds, "blobs": blobs }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = vec![["SHA256", "SIZE", "LAST USED", "MODEL"].map(str::to_owned).to_vec()];
    for blob in &usage.blobs {
        table.push(vec![
            blob.digest.to_hex()[..16].to_owned(),
            output::size(blob.bytes),
            blob.last_used.map_or_else(|| "-".to_owned(), ago),
            name_of(&blob.digest).unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    if usage.blobs.is_empty() {
        output::status(global, "Empty", store.root().display().to_string());
    } else {
        output::table(&table)?;
    }
    for (kind, of) in &usage.kinds {
        output::status(
            global,
            kind.name(),
            format!("{} files, {}", of.count, output::size(of.bytes)),
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// The models whose digests the registries or the locks know.
fn names_of_blobs(global: &Global) -> Result<Vec<(zoo_registry::Sha256Digest, String)>> {
    let offline = Global { offline: true, ..global.clone() };
    let registry = models::registry(&offline)?;
    // What a registry that cannot be reached has is not known: the list is good without.
    let rows = registry.sources().search(&zoo_registry::Query::default()).unwrap_or_default();
    let mut names: Vec<_> = rows
        .into_iter()
        .filter_map(|row| Some((row.sha256?, format!("{}@{}", row.name, row.version))))
        .collect();
    let lock = LockFile::read(registry.lock_path())?;
    names.extend(
        lock.pins().iter().map(|pin| (pin.sha256, format!("{}@{}", pin.name, pin.version))),
    );
    Ok(names)
}

fn unix_seconds(time: SystemTime) -> Option<u64> {
    Some(time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs())
}

fn ago(time: SystemTime) -> String {
    let seconds = SystemTime::now().duration_since(time).unwrap_or_default().as_secs();
    match seconds {
        0..3600 => "in the last hour".to_owned(),
        3600..172_800 => format!("{} hours ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

fn verify(global: &Global, store: &Store, dry_run: bool) -> Result<ExitCode> {
    let report = store.verify_all(dry_run, |_| {})?;
    if global.json {
        let corrupt: Vec<_> = report
            .corrupt
            .iter()
            .map(|b| json!({ "sha256": b.digest, "found": b.found, "removed": b.removed }))
            .collect();
        output::json(&json!({
            "intact": report.intact, "bytes": report.bytes, "corrupt": corrupt,
            "unreadable": report.unreadable.len(), "empty": report.empty, "stray": report.stray,
        }))?;
    } else {
        output::line(format!("{} files intact, {}", report.intact, output::size(report.bytes)))?;
    }
    for blob in &report.corrupt {
        let what = if blob.removed { "and was removed" } else { "and was left" };
        output::warning(format!("{} had become {} {what}", blob.digest, blob.found));
    }
    for error in &report.unreadable {
        output::warning(error.to_string());
    }
    for path in &report.empty {
        output::warning(format!("{} is empty", path.display()));
    }
    for path in &report.stray {
        output::warning(format!("{} does not belong here; it is left alone", path.display()));
    }
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn gc(global: &Global, store: &Store, options: &GcOptions) -> Result<ExitCode> {
    let report = store.gc(options)?;
    if report.clock_is_wrong {
        output::warning("the clock of this machine is wrong, so nothing was removed");
    }
    if global.json {
        let removed: Vec<_> = report
            .removed
            .iter()
            .map(|r| json!({ "kind": r.kind.name(), "path": r.path, "bytes": r.bytes }))
            .collect();
        output::json(&json!({
            "dry_run": options.dry_run, "removed": removed, "freed": report.freed,
            "kept": report.kept, "kept_bytes": report.kept_bytes, "stray": report.stray,
        }))?;
    } else {
        for removed in &report.removed {
            let size = output::size(removed.bytes);
            output::line(format!("{} {} {size}", removed.kind.name(), removed.path.display()))?;
        }
        let verb = if options.dry_run { "Would free" } else { "Freed" };
        let kept = output::size(report.kept_bytes);
        let freed = output::size(report.freed);
        output::status(global, verb, format!("{freed}, {} files of {kept} stay", report.kept));
    }
    for path in &report.stray {
        output::warning(format!("{} does not belong here; it is left alone", path.display()));
    }
    for error in &report.failed {
        output::warning(format!("{error:#}"));
    }
    Ok(if report.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn pin(global: &Global, name: &str, reason: &str) -> Result<ExitCode> {
    let pulled = models::pull(global, name, PullOptions::default())?;
    let (name, version) = (pulled.entry.name.clone(), pulled.version.version.clone());
    models::registry(global)?.store().pin(CachePin {
        name: Some(name.clone()),
        version: Some(version.clone()),
        sha256: pulled.files.iter().map(|file| file.digest).collect(),
        reason: reason.to_owned(),
    })?;
    output::status(global, "Pinned", format!("{name}@{version}"));
    Ok(ExitCode::SUCCESS)
}

fn unpin(global: &Global, store: &Store, name: &str) -> Result<ExitCode> {
    let mut target: PinTarget = name.parse()?;
    // `resnet50` may be what a person calls `resnet-50`.
    if let PinTarget::Model(reference) = &mut target
        && let Ok(resolved) = models::registry(global)?.resolve(&Reference::clone(reference))
    {
        reference.name = resolved.entry.name;
    }
    let gone = store.unpin(&target)?;
    if gone.is_empty() {
        bail!("nothing is pinned as `{name}`");
    }
    for pin in gone {
        let name = pin.name.map_or_else(|| "a file".to_owned(), |name| name.to_string());
        let version = pin.version.as_ref().map(Version::to_string).unwrap_or_default();
        output::status(global, "Unpinned", format!("{name}@{version}"));
    }
    Ok(ExitCode::SUCCESS)
}
