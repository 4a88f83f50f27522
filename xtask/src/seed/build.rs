//! From the rows of a model to its entry: what all versions share is said once.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use zoo_registry::{
    ArchiveMember, Entry, EntryVersion, FileFormat, ModelName, Preprocessing, Top1, Version,
};

use super::files;
use super::input::{self, Input};
use super::row::SeedRow;
use super::table::{Facts, Licence, ModelPlan, VersionPlan};

/// The version that no row has: the starter.
const STARTER: &str = include_str!("../../seed/starter.toml");

/// An entry, and what only its file says.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) entry: Entry,
    /// What the file begins with, in place of the usual comment.
    pub(super) comment: Option<String>,
    /// Whether the preprocessing differs from torchvision's as its networks' `transform_input`.
    pub(super) transform_input: bool,
}

/// One version before anything is shared.
struct Draft<'a> {
    plan: &'a VersionPlan,
    version: EntryVersion,
    licence: Licence,
    upstream: String,
    input: Option<String>,
    made: Input,
    same_size: bool,
}

/// The entry of `plan`.
pub(super) fn model(
    plan: &ModelPlan,
    rows: &BTreeMap<String, SeedRow>,
    facts: &Facts,
) -> Result<Built> {
    let mut drafts = plan
        .rows
        .iter()
        .map(|version| {
            draft(version, plan, rows, facts).with_context(|| format!("row {}", version.row))
        })
        .collect::<Result<Vec<_>>>()?;
    number(&mut drafts, plan.starter);

    let first = drafts.first().context("there is no row")?;
    let first_row = &rows[&first.plan.row];
    let starter: Option<EntryVersion> =
        plan.starter.then(|| toml::from_str(STARTER)).transpose()?;
    let (licence, upstream) = match &plan.upstream {
        Some(upstream) => (first.licence.clone(), upstream.clone()),
        None => (first.licence.clone(), first.upstream.clone()),
    };
    // The starter's own licence needs no note.
    let licence = if plan.starter { Licence { note: None, ..licence } } else { licence };
    let made = match &starter {
        Some(EntryVersion { preprocessing: Some(image), .. }) => Input::Image(image.clone()),
        _ => first.made.clone(),
    };
    let input = plan.input.clone().or_else(|| first.input.clone()).context("there is no input")?;
    let task = plan.task.clone().unwrap_or_else(|| first_row.task.clone());
    ensure!(!task.contains('('), "the task {task:?} needs a name");
    let classes = plan.classes.or_else(|| classes_of(first_row).filter(|n| *n > 0));
    let imagenet = task == "image-classification" && classes == Some(1000);
    let labels = plan.labels.clone().or_else(|| imagenet.then(|| "imagenet-1k".to_owned()));
    let shared = plan.same_parameters || drafts.iter().all(|draft| draft.same_size);
    let architecture = match drafts.iter().map(|draft| draft.plan.architecture.as_ref()).min() {
        Some(Some(architecture)) if !plan.starter => Some(architecture.clone()),
        _ => None,
    };
    let default = match &plan.default {
        Some(default) => default.clone(),
        None => default_of(&drafts),
    };
    let mut versions: Vec<EntryVersion> = starter
        .map(|starter| EntryVersion {
            preprocessing: None,
            architecture: Some(plan.name.clone()),
            parameters: plan.parameters.filter(|_| !shared),
            ..starter
        })
        .into_iter()
        .collect();
    let transform_input = drafts.iter().any(|draft| draft.plan.transform_input);
    for draft in drafts {
        let mut version = draft.version;
        if draft.licence != licence {
            version.licence = Some(draft.licence.id);
            version.licence_note = draft.licence.note;
        }
        version.upstream = (draft.upstream != upstream).then_some(draft.upstream);
        let own_input = if plan.input.is_some() { draft.plan.input.clone() } else { draft.input };
        version.input = own_input.filter(|own| *own != input);
        if plan.preparation.is_none() && draft.made != made {
            (version.preprocessing, version.preparation) = split(draft.made);
        }
        version.classes = version.classes.filter(|own| Some(*own) != classes && *own > 0);
        if !shared && draft.same_size && !version.headless {
            version.parameters = plan.parameters;
        }
        if architecture.is_none() {
            version.architecture.clone_from(&draft.plan.architecture);
        }
        versions.push(version);
    }
    let (preprocessing, preparation) = match &plan.preparation {
        Some(words) => (None, Some(words.clone())),
        None => split(made),
    };
    let entry = Entry {
        schema: zoo_registry::ENTRY_SCHEMA,
        name: plan.name.parse()?,
        aliases: aliases(plan)?,
        summary: plan.summary.clone(),
        task,
        family: plan.family.clone(),
        architecture,
        parameters: plan.parameters.filter(|_| shared),
        input,
        classes,
        labels,
        licence: licence.id,
        licence_note: licence.note,
        citation: facts.paper.get(&plan.paper).context("the paper is not known")?.clone(),
        upstream,
        default: Some(default),
        preprocessing,
        preparation,
        versions,
    };
    Ok(Built { entry, comment: plan.comment.clone(), transform_input })
}

/// The name without separators first: it is what people type who do not remember them.
fn aliases(plan: &ModelPlan) -> Result<Vec<ModelName>> {
    let plain: String = plan.name.chars().filter(char::is_ascii_alphanumeric).collect();
    let mut aliases: Vec<ModelName> = Vec::new();
    for alias in std::iter::once(&plain).chain(&plan.aliases) {
        let alias: ModelName = alias.parse()?;
        if alias.as_str() != plan.name && !aliases.contains(&alias) {
            aliases.push(alias);
        }
    }
    Ok(aliases)
}

/// torchvision's weights have the numbers of their names; what others published of the same
/// network comes after.
fn number(drafts: &mut [Draft<'_>], starter: bool) {
    let torchvision = drafts.iter().any(|draft| draft.plan.row.starts_with("torchvision/"));
    let mut next = if torchvision { 3 } else { 1 + u64::from(starter) };
    for draft in drafts {
        let major = match draft.plan.weights.as_str() {
            "IMAGENET1K_V1" => 1,
            "IMAGENET1K_V2" => 2,
            _ => {
                next += 1;
                next - 1
            }
        };
        draft.version.version = Version::new(major, 0, 0);
    }
}

/// The version for whoever asks for none. Of those that run here: the first checkpoint, or the most
/// accurate ONNX graph, or the first safetensors. Where none runs: the first.
fn default_of(drafts: &[Draft<'_>]) -> Version {
    let runs = |draft: &&Draft<'_>, format: FileFormat| {
        let file = &draft.version.files[0];
        let located = file.archive.as_ref().is_none_or(ArchiveMember::is_located);
        let known = format.has_graph() || draft.plan.architecture.is_some();
        file.format == format && located && known && !draft.plan.guessed && !draft.version.headless
    };
    let percent = |draft: &&Draft<'_>| draft.version.top1.as_ref().map_or(0.0, |top1| top1.percent);
    let of = |format| drafts.iter().find(|draft| runs(draft, format));
    let onnx = drafts
        .iter()
        .rev()
        .filter(|draft| runs(draft, FileFormat::Onnx))
        .max_by(|a, b| percent(a).total_cmp(&percent(b)));
    let chosen = of(FileFormat::Pytorch).or(onnx).or_else(|| of(FileFormat::Safetensors));
    let usable = || drafts.iter().find(|draft| !draft.plan.guessed);
    chosen.or_else(usable).unwrap_or(&drafts[0]).version.version.clone()
}

fn split(made: Input) -> (Option<Preprocessing>, Option<String>) {
    match made {
        Input::Image(image) => (Some(image), None),
        Input::Words(words) => (None, Some(words)),
    }
}

fn draft<'a>(
    plan: &'a VersionPlan,
    model: &ModelPlan,
    rows: &BTreeMap<String, SeedRow>,
    facts: &Facts,
) -> Result<Draft<'a>> {
    let row = &rows[&plan.row];
    let about = facts.publisher.get(row.publisher()).context("the publisher is not known")?;
    let licence = facts.licence.get(&row.licence).context("the licence is not known")?.clone();
    let mut files = vec![files::file(plan, row, facts)?];
    for other in &plan.also {
        let other = files::file(plan, &rows[other], facts)?;
        let file = &mut files[0];
        file.sha256 = file.sha256.or(other.sha256);
        file.size = file.size.or(other.size);
        for url in other.urls {
            if !file.urls.contains(&url) {
                file.urls.push(url);
            }
        }
        file.evidence.extend(other.evidence);
    }
    // A place that encrypts comes before one that does not.
    files[0].urls.sort_by_key(|url| url.starts_with("http:"));
    let headless = plan.headless || (classes_of(row) == Some(0));
    // An exporter's own timm networks are resized as timm does it.
    let antialias = plan.antialias.unwrap_or(about.antialias || row.name.ends_with("_timm"));
    let pictured = plan.preprocess_as.as_ref().map_or(row, |other| &rows[other]);
    let made = match &model.preparation {
        Some(words) => Input::Words(words.clone()),
        None => input::of(pictured, plan, antialias, facts)?,
    };
    let input =
        plan.input.clone().or_else(|| Some(row.input_size.clone()).filter(|s| !s.is_empty()));
    Ok(Draft {
        plan,
        version: EntryVersion {
            version: Version::new(0, 0, 0),
            weights: plan.weights.clone(),
            provenance: plan.provenance.clone(),
            top1: match &plan.top1 {
                Some(top1) => Some(top1.clone()),
                None => top1(row, &about.top1)?,
            },
            yanked: false,
            architecture: None,
            parameters: None,
            input: None,
            classes: plan.classes.or_else(|| classes_of(row)).filter(|_| !headless),
            headless,
            licence: None,
            licence_note: None,
            upstream: None,
            preprocessing: None,
            preparation: None,
            parity: None,
            parent: None,
            files,
        },
        licence,
        upstream: plan
            .upstream
            .clone()
            .or_else(|| model.upstream.clone())
            .map_or_else(|| upstream(row, &about.upstream), Ok)?,
        input,
        made,
        same_size: about.same_size && !plan.other_size,
    })
}

/// How many classes `row` says come out; 0 where it says that none do.
fn classes_of(row: &SeedRow) -> Option<u32> {
    row.classes.parse().ok()
}

/// The accuracy, and who measured it: what stands in brackets says more.
fn top1(row: &SeedRow, publisher: &str) -> Result<Option<Top1>> {
    if row.top1.is_empty() {
        return Ok(None);
    }
    let (number, aside) = match row.top1.split_once(" (") {
        Some((number, aside)) => (number, Some(aside.trim_end_matches(')'))),
        None => (row.top1.as_str(), None),
    };
    let source = match aside {
        Some("paper, Lite0") | None => publisher.to_owned(),
        Some(aside) if aside.starts_with("timm") => aside.replace("timm tag", "timm, for"),
        Some("77.70 measured by INC") => {
            format!("{publisher}; Intel's Neural Compressor measured 77.70")
        }
        Some("20 styles") => format!("{publisher}, over 20 styles"),
        Some(aside) => format!("{publisher}; {}", aside.replace("OMZ", "the Open Model Zoo")),
    };
    let source = source.replace("timm, measured at", "timm, at").replace(", measured at", ", at");
    Ok(Some(Top1 { percent: number.parse().context("top1 is no number")?, source }))
}

fn upstream(row: &SeedRow, template: &str) -> Result<String> {
    let (_, name) = row.name.split_once('/').unwrap_or(("", &row.name));
    let name = name.split(['#']).next().unwrap_or(name);
    let name = if row.publisher() == "torchvision" {
        name.split_once('.').map_or(name, |(name, _)| name)
    } else {
        name
    };
    // `OWNER/REPOSITORY PATH @REF`: the folder, without the one that only holds the file.
    let path = row.source_of_digest.split(' ').nth(1).unwrap_or_default();
    let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
    let dir = dir.strip_suffix("/model").unwrap_or(dir);
    let tag = row.source_of_digest.split_once(" @").map_or("HEAD", |(_, tag)| tag);
    let tag = if tag == "HEAD" { "master" } else { tag };
    ensure!(!template.contains("{dir}") || !dir.is_empty(), "the source names no folder");
    Ok(template.replace("{name}", name).replace("{dir}", dir).replace("{ref}", tag))
}
