//! `zoo publish`: check everything that a stranger would trip over, then hand it to a registry.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::json;
use zoo_model::{Bundle, Digest};
use zoo_registry::publish::{
    Publication, RemoteOptions, RemoteRegistry, Signing, TreeWriter, commit_to_git, is_in_git,
    licence_conflict,
};
use zoo_registry::trust::{SecretKey, Timestamp};
use zoo_registry::{
    ENTRY_SCHEMA, Entry, EntryVersion, FileFormat, ModelFile, ModelName, ParentModel, Reference,
    Sha256Digest, Version, Wanted,
};

use crate::cli::{Global, PublishArgs};
use crate::{models, output};

pub(crate) fn run(global: &Global, args: &PublishArgs) -> Result<ExitCode> {
    let bundle = Bundle::open(&args.bundle)?;
    if args.bundle.is_dir() {
        bail!("{} is a folder: publish a .zoo file", args.bundle.display());
    }
    let (name, version) = named(&bundle, args)?;
    output::status(global, "Checking", format!("{name}@{version}"));
    let report = bundle
        .check_parity(global.device)
        .context("the bundle cannot be proved right, so it is not published")?;
    if !report.agrees() {
        bail!(
            "this machine does not compute what the card says: error {:.1e}, {:.0e} allowed",
            report.error,
            report.tolerance
        );
    }
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let parent = parent_of(global, &bundle)?;
    if let Some(parent) = &parent {
        let licence = args.licence.as_deref().unwrap_or(&bundle.card.license);
        if let Some(why) = licence_conflict(licence, &parent.licence) {
            let (of, theirs) = (&parent.reference, &parent.licence);
            bail!("the licence {licence} does not fit {of}, which is under {theirs}: {why}");
        }
    } else if bundle.card.adapted.is_some() {
        output::warning("its parent is in no registry here: the licences were not compared");
    }
    let (path, file) = if args.delta {
        let parent = parent.as_ref().context("a delta needs the parent, and it is not here")?;
        delta(global, &bundle, parent, scratch.path())?
    } else {
        (args.bundle.clone(), whole(&args.bundle)?)
    };
    let digest = Sha256Digest::of_file(&path)?;
    let size = path.metadata().with_context(|| format!("cannot read {}", path.display()))?.len();
    let file = ModelFile { sha256: Some(digest), ..file };
    let entry = entry(&bundle, args, name.clone(), version.clone(), file, parent.as_ref())?;
    let publication = Publication::new(entry, vec![(digest, path)]);
    if args.dry_run {
        output::status(global, "Sound", format!("{name}@{version}, {}", output::size(size)));
        return Ok(ExitCode::SUCCESS);
    }
    let (counter, already_there, warnings) = send(global, args, &publication, &name, &version)?;
    for warning in warnings {
        output::warning(warning);
    }
    let verb = if already_there { "Unchanged" } else { "Published" };
    output::status(
        global,
        verb,
        format!("{name}@{version} to {}, {}", args.to, output::size(size)),
    );
    if global.json {
        output::json(&json!({
            "name": name, "version": version, "sha256": digest, "bytes": size,
            "counter": counter, "already_there": already_there,
        }))?;
    } else {
        output::line(format!("{name}@{version}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Under which name and version it is published.
fn named(bundle: &Bundle, args: &PublishArgs) -> Result<(ModelName, Version)> {
    let card_version = || {
        let version = &bundle.card.version;
        Version::parse(version).with_context(|| format!("the card's version `{version}` is none"))
    };
    let reference: Reference = match &args.publish_as {
        Some(text) => text.parse()?,
        None => bundle.card.name.parse().with_context(|| {
            format!("the card calls it `{}`: choose a name with --as", bundle.card.name)
        })?,
    };
    let version = match reference.wanted {
        None => card_version()?,
        Some(Wanted::Version(version)) => version,
        Some(Wanted::Weights(text)) => bail!("`{text}` is not a version such as 1.0.0"),
    };
    Ok((reference.name, version))
}

/// The model that a bundle was adapted from, found in a registry.
struct FoundParent {
    reference: Reference,
    model: ParentModel,
    licence: String,
}

fn parent_of(global: &Global, bundle: &Bundle) -> Result<Option<FoundParent>> {
    let Some(adapted) = &bundle.card.adapted else { return Ok(None) };
    let parent = &adapted.parent;
    let (Ok(name), Ok(version)) =
        (parent.name.parse::<ModelName>(), Version::parse(&parent.version))
    else {
        return Ok(None);
    };
    let reference = Reference::exact(name.clone(), version.clone());
    let resolved = match models::registry(global)?.resolve(&reference) {
        Ok(resolved) => resolved,
        Err(zoo_registry::Error::NotFound { .. } | zoo_registry::Error::VersionNotFound { .. }) => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let bundle: Sha256Digest = parent.digest.to_string().parse()?;
    let licence = resolved.entry.licence_of(&resolved.version).to_owned();
    let model = ParentModel { name: resolved.entry.name, version, bundle };
    Ok(Some(FoundParent { reference, model, licence }))
}

fn file_of(path: &str, format: FileFormat) -> ModelFile {
    ModelFile {
        path: path.to_owned(),
        size: None,
        sha256: None,
        format,
        urls: Vec::new(),
        evidence: Vec::new(),
        archive: None,
        composed: None,
    }
}

fn whole(path: &Path) -> Result<ModelFile> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.with_context(|| format!("{} has no name in UTF-8", path.display()))?;
    Ok(file_of(name, FileFormat::Zoo))
}

/// Writes what differs from the parent into `scratch`.
fn delta(
    global: &Global,
    bundle: &Bundle,
    parent: &FoundParent,
    scratch: &Path,
) -> Result<(PathBuf, ModelFile)> {
    let opened = models::open(global, &parent.reference.to_string())?;
    if opened.digest().to_string() != parent.model.bundle.to_hex() {
        bail!(
            "{} is not the bundle that this one was adapted from: publish it whole, without --delta",
            parent.reference
        );
    }
    let path = scratch.join("model.zoodelta");
    let header = bundle.write_delta(&path, &opened)?;
    let composed = header.result.sha256.to_string().parse()?;
    let file = file_of("model.zoodelta", FileFormat::ZooDelta);
    Ok((path, ModelFile { composed: Some(composed), ..file }))
}

/// The entry with this one version.
fn entry(
    bundle: &Bundle,
    args: &PublishArgs,
    name: ModelName,
    version: Version,
    file: ModelFile,
    parent: Option<&FoundParent>,
) -> Result<Entry> {
    let card = &bundle.card;
    let of = card
        .adapted
        .as_ref()
        .map(|adapted| format!("{}@{}", adapted.parent.name, adapted.parent.version));
    let adapted_from = |of: &String| format!("adapted from {of}");
    let or = |given: &Option<String>, default: String| given.clone().unwrap_or(default);
    let input: Vec<String> =
        match card.preprocess.as_ref().and_then(zoo_model::Preprocess::output_shape) {
            Some(shape) => shape.iter().map(usize::to_string).collect(),
            None => vec!["as the bundle's graph says".to_owned()],
        };
    // The registry knows most preprocessing, not all; the bundle's card has it in any case.
    let preprocessing = card
        .preprocess
        .as_ref()
        .and_then(|preprocess| serde_json::from_value(serde_json::to_value(preprocess).ok()?).ok());
    let preparation = match preprocessing {
        None => Some("as the bundle's card says".to_owned()),
        Some(_) => None,
    };
    let parameters: usize = bundle.weights.iter().map(|(_, tensor)| tensor.len()).sum();
    let parity = serde_json::from_value(serde_json::to_value(&card.parity)?)?;
    let provenance = card.adapted.as_ref().map(|adapted| {
        format!(
            "{} examples, {} of them held out: accuracy {:.1} %",
            adapted.examples,
            adapted.metrics.held_out,
            100.0 * adapted.metrics.accuracy
        )
    });
    Ok(Entry {
        schema: ENTRY_SCHEMA,
        summary: or(
            &args.summary,
            match &of {
                Some(of) => format!("{name}, {}", adapted_from(of)),
                None => name.to_string(),
            },
        ),
        aliases: Vec::new(),
        task: card.task.clone(),
        family: card.architecture.clone().unwrap_or_else(|| "graph".to_owned()),
        architecture: None,
        parameters: Some(parameters as u64).filter(|&n| n > 0),
        input: input.join("x"),
        classes: u32::try_from(card.labels.len()).ok().filter(|&n| n > 0),
        labels: None,
        licence: or(&args.licence, card.license.clone()),
        licence_note: None,
        citation: or(&args.citation, of.as_ref().map_or_else(|| name.to_string(), adapted_from)),
        // A path of this machine is nobody else's business.
        upstream: or(
            &args.upstream,
            if is_hub(&args.to) { args.to.clone() } else { "none given".to_owned() },
        ),
        default: None,
        preprocessing,
        preparation,
        versions: vec![EntryVersion {
            version,
            weights: "published".to_owned(),
            provenance,
            top1: None,
            yanked: false,
            architecture: None,
            parameters: None,
            input: None,
            classes: None,
            headless: false,
            licence: None,
            licence_note: None,
            upstream: None,
            preprocessing: None,
            preparation: None,
            parity,
            parent: parent.map(|parent| parent.model.clone()),
            files: vec![file],
        }],
        name,
    })
}

/// Publishes to a folder or a hub; gives the counter, whether it was there, and warnings.
fn send(
    global: &Global,
    args: &PublishArgs,
    publication: &Publication,
    name: &ModelName,
    version: &Version,
) -> Result<(u64, bool, Vec<String>)> {
    if is_hub(&args.to) {
        let published = hub(global, &args.to)?.publish(publication)?;
        return Ok((published.counter, published.already_there, published.warnings));
    }
    let writer = TreeWriter::open(Path::new(&args.to))?;
    let signing = signing(global, &writer, &args.key)?;
    let published = writer.publish(publication, &signing, Timestamp::now())?;
    if is_in_git(writer.dir()) {
        commit_to_git(&writer, name, version, &format!("Publish {name}@{version}"))?;
        output::status(global, "Committed", format!("to git: `git push` in {}", args.to));
    }
    let warnings = published.warnings.iter().map(ToString::to_string).collect();
    Ok((published.counter, published.already_there, warnings))
}

/// Whether this is an address rather than a folder.
pub(crate) fn is_hub(to: &str) -> bool {
    to.starts_with("https://") || to.starts_with("http://")
}

pub(crate) fn hub(global: &Global, to: &str) -> Result<RemoteRegistry> {
    if global.offline {
        bail!("{to} cannot be reached, for this is offline");
    }
    let fetch = models::fetch_options(global)?;
    Ok(RemoteRegistry::new(to, None, RemoteOptions { fetch, ..RemoteOptions::default() })?)
}

/// The keys that are given, or else those that `zoo hub init` made for this folder.
pub(crate) fn signing(global: &Global, writer: &TreeWriter, keys: &[PathBuf]) -> Result<Signing> {
    if !writer.is_signed() {
        if let Some(key) = keys.first() {
            bail!("the registry is unsigned, so {} has no use", key.display());
        }
        return Ok(Signing::Unsigned);
    }
    let own = [models::key_path(global, writer.dir(), "index")?];
    let keys = if keys.is_empty() && own[0].is_file() { &own[..] } else { keys };
    let keys = keys.iter().map(|path| SecretKey::load(path)).collect::<Result<Vec<_>, _>>()?;
    if keys.is_empty() {
        bail!("the registry is signed: say with which key (--key FILE)");
    }
    Ok(Signing::keys(keys))
}

/// What a hub asks of a version before it takes it: a bundle that opens, whose licence is that
/// of the entry, and that computes here what its card says. A delta is checked by whoever
/// composes it.
pub(crate) fn check_upload(
    path: &Path,
    entry: &Entry,
    version: &EntryVersion,
) -> Result<(), Vec<String>> {
    let Some(file) = version.files.first() else { return Err(vec!["it has no file".to_owned()]) };
    let problems = match file.format {
        FileFormat::Zoo => Bundle::open(path).map_or_else(
            |error| vec![error.to_string()],
            |bundle| {
                let mut problems = Vec::new();
                if bundle.card.license != entry.licence_of(version) {
                    let (card, entry) = (&bundle.card.license, entry.licence_of(version));
                    problems
                        .push(format!("the card says the licence is {card}, the entry {entry}"));
                }
                match bundle.check_parity(zoo_model::Device::Cpu) {
                    Ok(report) if report.agrees() => {}
                    Ok(report) => problems.push(format!("its parity error is {}", report.error)),
                    Err(error) => problems.push(error.to_string()),
                }
                problems
            },
        ),
        FileFormat::ZooDelta => match zoo_model::Delta::open(path) {
            Err(error) => vec![error.to_string()],
            Ok(delta) => {
                let same =
                    |digest: Digest, other: Option<String>| Some(digest.to_string()) == other;
                let header = delta.header();
                let parent = version.parent.as_ref().map(|parent| parent.bundle.to_hex());
                let composed = file.composed.map(|composed| composed.to_hex());
                if same(header.parent.digest, parent) && same(header.result.sha256, composed) {
                    Vec::new()
                } else {
                    vec!["the delta is of another parent, or composes to something else".to_owned()]
                }
            }
        },
        other => vec![format!("only bundles are taken, not {other} files")],
    };
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}
