use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use tempfile::TempDir;
use zoo_convert::words::Pooling;
use zoo_convert::{ConvertOptions, Preparation};
use zoo_model::DType;
use zoo_registry::archive::{self, ArchiveKind, Limits, MemberKind};
use zoo_text::vectors::Findings;

use crate::cli::{ConvertArgs, Global, PoolingName, Precision};
use crate::output;

/// The parameter of networks of speech that names letters.
const LETTERS: &str = "lm_head.weight";

pub(crate) fn run(global: &Global, args: &ConvertArgs) -> Result<ExitCode> {
    if let Some(language) = args.emit {
        return super::emit::run(global, args, language);
    }
    let out = args.out.as_deref().context("--out says where to write the bundle")?;
    ensure!(args.file != out, "the bundle would replace the file that it is made from");
    let input = args.input.as_deref().map(read_input).transpose()?.unwrap_or_default();
    let options = ConvertOptions {
        preparation: input.preprocess.map_or(Preparation::Usual, Preparation::Stated),
        text: input.text,
        sound: input.sound,
        architecture: args.arch.clone(),
        name: args.name.clone(),
        license: args.license.clone(),
        precision: args.precision.map(|precision| match precision {
            Precision::F32 => DType::F32,
            Precision::F16 => DType::F16,
            Precision::Bf16 => DType::BF16,
        }),
        pooling: match args.pooling {
            PoolingName::Mean => Pooling::Mean,
            PoolingName::Sif => Pooling::Sif,
        },
        skip_malformed: args.skip_malformed,
        ..ConvertOptions::default()
    };
    let unpacked = unpack(&args.file, args.member.as_deref())?;
    let file = unpacked.as_ref().map_or(args.file.as_path(), |(_, file)| file.as_path());
    let conversion = zoo_convert::convert(file, &options);
    let conversion = match &unpacked {
        // The name of a temporary file says nothing.
        Some((_, member)) => conversion.with_context(|| {
            let member = member.file_name().unwrap_or_default().display();
            format!("cannot convert {member} of {}", args.file.display())
        })?,
        None => conversion?,
    };
    let report = &conversion.report;
    for name in &report.unused {
        output::warning(format!("nothing takes the tensor `{name}`"));
    }
    if let Some(findings) = &conversion.findings {
        warn_of(findings);
    }
    if report.ignored.iter().any(|name| name == LETTERS) {
        output::warning(
            "it names letters, but no vocab.json beside it says which: the model makes features and \
             writes nothing",
        );
    }
    let digest = conversion.bundle.write(out)?;
    if global.json {
        output::json(&json!({
            "out": out,
            "digest": digest,
            "format": conversion.format.name(),
            "architecture": conversion.bundle.card.architecture,
            "applied": report.applied,
            "unused": report.unused,
            "ignored": report.ignored,
            "prefix": report.prefix,
        }))?;
    } else {
        let what = conversion.bundle.card.architecture.as_deref().unwrap_or("graph");
        output::status(
            global,
            "Converted",
            format!(
                "{} ({}, {what}): {} parameters applied, {} unused, {} ignored",
                args.file.display(),
                conversion.format.name(),
                report.applied.len(),
                report.unused.len(),
                report.ignored.len(),
            ),
        );
        let out = out.display();
        output::line(format!("{out}"))?;
        output::status(global, "Next", format!("zoo inspect {out}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// The file called `member` of the archive at `path`, or the only one in it, in a folder of its own
/// that goes with what is returned. `None` where `path` is to be read as it is.
fn unpack(path: &Path, member: Option<&str>) -> Result<Option<(TempDir, PathBuf)>> {
    let kind = if path.is_dir() { None } else { ArchiveKind::detect_file(path)? };
    let limits = Limits::default();
    let (kind, member) = match (kind, member) {
        (None, Some(_)) => bail!("{} is no archive: leave out --member", path.display()),
        (Some(kind), Some(member)) => (kind, member.to_owned()),
        (Some(ArchiveKind::Zip), None) => {
            // What is wrong with a checkpoint its own reader says.
            let Ok(members) = archive::list(path, ArchiveKind::Zip, &limits) else {
                return Ok(None);
            };
            let files: Vec<String> = members
                .into_iter()
                .filter(|member| member.kind == MemberKind::File)
                .map(|member| member.path)
                .collect();
            match &files[..] {
                // PyTorch's checkpoints are archives themselves.
                files if files.iter().any(|file| file.ends_with("data.pkl")) => return Ok(None),
                [] => bail!("{} holds no file", path.display()),
                [only] => (ArchiveKind::Zip, only.clone()),
                files => bail!(
                    "{} holds {} files: --member says which, of {}",
                    path.display(),
                    files.len(),
                    files.join(", ")
                ),
            }
        }
        // Bundles and early checkpoints are tars, and what is gzipped is read as it is.
        (_, None) => return Ok(None),
    };
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let name = member.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("member");
    let file = folder.path().join(name);
    let mut out =
        File::create(&file).with_context(|| format!("cannot write {}", file.display()))?;
    archive::extract(path, kind, &member, &limits, &mut out)?;
    Ok(Some((folder, file)))
}

/// How examples become a model's input, as a card says it.
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    preprocess: Option<zoo_model::Preprocess>,
    text: Option<zoo_text::Text>,
    sound: Option<zoo_sound::Sound>,
}

fn read_input(path: &std::path::Path) -> Result<Input> {
    let cannot = || format!("cannot read {}", path.display());
    let input: Input = toml::from_str(&std::fs::read_to_string(path).with_context(cannot)?)
        .with_context(cannot)?;
    let stated = [input.preprocess.is_some(), input.text.is_some(), input.sound.is_some()];
    ensure!(
        stated.iter().filter(|stated| **stated).count() == 1,
        "{} must have one of the sections [preprocess], [text] and [sound]",
        path.display()
    );
    Ok(input)
}

/// Tells what of a file of word vectors was left out.
fn warn_of(findings: &Findings) {
    if let Some(declared) = findings.declared.filter(|declared| *declared != findings.present) {
        let present = findings.present;
        output::warning(format!("the header declares {declared} rows, there are {present}"));
    }
    for (kind, count) in &findings.skipped {
        output::warning(format!("{count} rows are left out: {kind}"));
    }
    for finding in &findings.first {
        output::warning(format!("{}: {}", finding.place, finding.flaw));
    }
}
