use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;
use zoo_convert::{is_built, trunks};
use zoo_registry::{Entry, EntryVersion, Reference, Runs};

use crate::cli::{Global, InfoArgs};
use crate::{models, output};

#[derive(Serialize)]
struct Info<'a> {
    #[serde(flatten)]
    entry: &'a Entry,
    registry: String,
    chosen: String,
    runs: Runs,
}

pub(crate) fn run(global: &Global, args: &InfoArgs) -> Result<ExitCode> {
    let registry = models::registry(global)?;
    let reference: Reference = args.name.parse()?;
    let resolved = registry.resolve(&reference)?;
    models::warn_of_rejected(&registry);
    let (entry, version) = (&resolved.entry, &resolved.version);
    if global.json {
        let chosen = version.version.to_string();
        let registry = resolved.origin.to_string();
        output::json(&Info { entry, registry, chosen, runs: runs(entry, version) })?;
        return Ok(ExitCode::SUCCESS);
    }
    let say = |name: &str, value: &str| output::line(format!("{name:<14}{value}"));
    say("name", &format!("{}@{}", entry.name, version.version))?;
    say("summary", &entry.summary)?;
    say("task", &entry.task)?;
    say("family", &entry.family)?;
    if let Some(architecture) = entry.architecture_of(version) {
        say("architecture", architecture)?;
    }
    if let Some(parameters) = entry.parameters_of(version) {
        say("parameters", &output::count(parameters))?;
    }
    say("licence", entry.licence_of(version))?;
    if let Some(note) = entry.licence_note_of(version) {
        say("", note)?;
    }
    if let Some(top1) = &version.top1 {
        say("top-1", &format!("{} % ({})", top1.percent, top1.source))?;
    }
    say("input", entry.input_of(version))?;
    match (entry.classes_of(version), &entry.labels) {
        (Some(classes), Some(labels)) => say("classes", &format!("{classes} ({labels})"))?,
        (Some(classes), None) => say("classes", &classes.to_string())?,
        (None, Some(labels)) => say("classes", labels)?,
        (None, None) => {}
    }
    if let Some(preprocessing) = entry.preprocessing_of(version) {
        say("preprocessing", &serde_json::to_string(preprocessing)?)?;
    }
    if let Some(preparation) = entry.preparation_of(version) {
        say("preparation", preparation)?;
    }
    if let Some(parent) = &version.parent {
        say("adapted from", &format!("{}@{}", parent.name, parent.version))?;
    }
    if let Some(provenance) = &version.provenance {
        say("provenance", provenance)?;
    }
    say("runs here", &runs_here(entry, version))?;
    say("registry", &resolved.origin.to_string())?;
    for file in &version.files {
        say("file", &format!("{} ({})", file.path, file.format))?;
        if let Some(archive) = &file.archive {
            say("  member", &archive.member)?;
        }
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
    for other in &entry.versions {
        let mut line = format!("{} {}", other.version, other.weights);
        if other.version == version.version {
            line += " (this one)";
        }
        if other.yanked {
            line += " (withdrawn)";
        }
        say("version", &line)?;
    }
    if !entry.aliases.is_empty() {
        let aliases: Vec<&str> =
            entry.aliases.iter().map(zoo_registry::ModelName::as_str).collect();
        say("aliases", &aliases.join(", "))?;
    }
    say("citation", &entry.citation)?;
    say("upstream", version.upstream.as_ref().unwrap_or(&entry.upstream))?;
    Ok(ExitCode::SUCCESS)
}

/// Whether this program runs a version.
pub(crate) fn runs(entry: &Entry, version: &EntryVersion) -> Runs {
    Runs::of_version(entry, version, is_built)
}

/// Whether it runs, and if not, or not surely, why.
fn runs_here(entry: &Entry, version: &EntryVersion) -> String {
    let file = version.files.first();
    let why = match runs(entry, version) {
        Runs::Yes if version.parity.is_some() => return "yes, with a parity vector".to_owned(),
        Runs::Yes => {
            let part = entry.architecture_of(version).and_then(trunks::part_of);
            return part.map_or_else(|| "yes".to_owned(), |part| format!("in part: {part}"));
        }
        Runs::Untried => {
            return "untried: `zoo inspect` shows whether all of its operators are built here"
                .to_owned();
        }
        Runs::No => match (file, entry.architecture_of(version)) {
            (None, _) => "it has no file".to_owned(),
            (Some(file), _) if file.archive.as_ref().is_some_and(|a| !a.is_located()) => {
                "nobody published which file of the archive it is".to_owned()
            }
            (Some(file), _) if !file.format.has_reader() => {
                format!("nothing here reads {} files yet", file.format)
            }
            (Some(_), None) => "its network is none that is built here yet".to_owned(),
            (Some(_), Some(name)) => format!("the network {name} is not built here yet"),
        },
    };
    format!("no: {why}")
}
