use std::collections::VecDeque;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::json;
use zoo_registry::{
    BuildOptions, Entry, FileSize, ModelFile, Pulled, build_tree, tree_blob_path, write_index,
};

use crate::cli::{BundleArgs, Global};
use crate::{models, output};

pub(crate) fn run(global: &Global, args: &BundleArgs) -> Result<ExitCode> {
    if args.out.join("index.json").exists() {
        bail!("{} is a registry already: choose another folder", args.out.display());
    }
    let mut entries: Vec<Entry> = Vec::new();
    let mut wanted: VecDeque<(Global, Pulled)> = VecDeque::new();
    for name in &args.names {
        let pulled = models::pull(global, name, models::pull_options(global))?;
        wanted.push_back((global.clone(), pulled));
    }
    while let Some((found_by, pulled)) = wanted.pop_front() {
        // Without its parent a delta is nothing.
        if let (true, Some(parent)) = (models::is_delta(&pulled), models::parent_of(&pulled)) {
            wanted.push_back(models::pull_parent(&found_by, &parent)?);
        }
        let is_there = entries.iter().any(|known| {
            let version = &pulled.version.version;
            known.name == pulled.entry.name && known.versions.iter().any(|v| v.version == *version)
        });
        if is_there {
            continue;
        }
        let entry = take_along(&pulled, &args.out)?;
        match entries.iter_mut().find(|known| known.name == entry.name) {
            Some(known) => known.versions.extend(entry.versions),
            None => entries.push(entry),
        }
        let version = &pulled.version.version;
        output::status(global, "Bundled", format!("{}@{version}", pulled.entry.name));
    }
    let built = build_tree(&entries, &args.out, &BuildOptions::default())?;
    write_index(&args.out, &built.payload, &[])?;
    if global.json {
        output::json(&json!({ "out": args.out, "models": built.models }))?;
    } else {
        output::line(args.out.display().to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Copies the files of a model to `out`, and gives an entry that finds them there.
fn take_along(pulled: &Pulled, out: &Path) -> Result<Entry> {
    let mut version = pulled.version.clone();
    for (file, here) in version.files.iter_mut().zip(&pulled.files) {
        let place = tree_blob_path(&here.digest);
        let target = out.join(&place);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot create {place}"))?;
        }
        let bytes = copy(&here.path, &target)?;
        *file = ModelFile {
            path: file.path.clone(),
            size: Some(FileSize { bytes, exact: true }),
            sha256: Some(here.digest),
            format: file.format,
            urls: vec![place],
            // What others published of an archive says nothing of what was in it.
            evidence: if file.archive.is_some() { Vec::new() } else { file.evidence.clone() },
            archive: None,
            composed: file.composed,
        };
    }
    let mut entry = pulled.entry.clone();
    entry.default = Some(version.version.clone());
    entry.versions = vec![version];
    Ok(entry)
}

/// Copies a file that is verified when it is pulled from there.
fn copy(from: &Path, to: &Path) -> Result<u64> {
    let failed = || format!("cannot copy {} to {}", from.display(), to.display());
    let size = fs::metadata(from).with_context(failed)?.len();
    if fs::metadata(to).is_ok_and(|there| there.len() == size) {
        return Ok(size);
    }
    let mut source = fs::File::open(from).with_context(failed)?;
    zoo_model::write_file_atomically(to, |file| {
        std::io::copy(&mut source, file).map_err(|source| zoo_model::Error::Io {
            action: "write",
            path: to.to_owned(),
            source,
        })
    })
    .with_context(failed)
}
