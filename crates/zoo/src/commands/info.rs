use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;
use zoo_convert::architectures;
use zoo_registry::{Entry, EntryVersion, FileFormat, Reference};

use crate::cli::{Global, InfoArgs};
use crate::{models, output};

#[derive(Serialize)]
struct Info<'a> {
    #[serde(flatten)]
    entry: &'a Entry,
    chosen: String,
    runs: bool,
}

pub(crate) fn run(global: &Global, args: &InfoArgs) -> Result<ExitCode> {
    let registry = models::registry(global)?;
    let reference: Reference = args.name.parse()?;
    let resolved = registry.resolve(&reference)?;
    let (entry, version) = (resolved.entry, resolved.version);
    if global.json {
        let chosen = version.version.to_string();
        output::json(&Info { entry, chosen, runs: runs(entry, Some(version)) })?;
        return Ok(ExitCode::SUCCESS);
    }
    let say = |name: &str, value: &str| output::line(format!("{name:<14}{value}"));
    say("name", &format!("{}@{}", entry.name, version.version))?;
    say("summary", &entry.summary)?;
    say("task", &entry.task)?;
    say("family", &entry.family)?;
    say("architecture", &entry.architecture)?;
    say("parameters", &output::count(entry.parameters))?;
    say("licence", &entry.licence)?;
    if let Some(note) = &entry.licence_note {
        say("", note)?;
    }
    if let Some(top1) = &version.top1 {
        say("top-1", &format!("{} % ({})", top1.percent, top1.source))?;
    }
    say("classes", &entry.labels)?;
    say("preprocessing", &serde_json::to_string(entry.preprocessing_of(version))?)?;
    say("runs here", if runs(entry, Some(version)) { "yes" } else { "no: nothing reads it yet" })?;
    for file in &version.files {
        say("file", &file.path)?;
        if let Some(size) = &file.size {
            let about = if size.exact { "" } else { "about " };
            say("  size", &format!("{about}{}", output::size(size.bytes)))?;
        }
        match &file.sha256 {
            Some(digest) => say("  sha256", &digest.to_string())?,
            None => say("  sha256", "not published in full: pinned on first sight")?,
        }
        for evidence in &file.evidence {
            let sources = evidence.sources();
            say(
                "  evidence",
                &format!(
                    "{} {}, {} ({sources} source{})",
                    evidence.kind(),
                    evidence.value(),
                    evidence.publisher(),
                    if sources == 1 { "" } else { "s" }
                ),
            )?;
        }
        for url in &file.urls {
            say("  url", url)?;
        }
    }
    let versions: Vec<String> =
        entry.versions.iter().map(|v| format!("{} ({})", v.version, v.weights)).collect();
    say("versions", &versions.join(", "))?;
    say("citation", &entry.citation)?;
    say("upstream", &entry.upstream)?;
    Ok(ExitCode::SUCCESS)
}

/// Whether this program can run the model.
pub(crate) fn runs(entry: &Entry, version: Option<&EntryVersion>) -> bool {
    match version.and_then(|version| version.files.first()).map(|file| file.format) {
        Some(FileFormat::Zoo | FileFormat::Onnx) => true,
        Some(_) => architectures::find(&entry.architecture).is_ok(),
        None => false,
    }
}
