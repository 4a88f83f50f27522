use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use zoo_convert::ConvertOptions;
use zoo_model::DType;

use crate::cli::{ConvertArgs, Global, Precision};
use crate::output;

pub(crate) fn run(global: &Global, args: &ConvertArgs) -> Result<ExitCode> {
    if let Some(language) = args.emit {
        return super::emit::run(global, args, language);
    }
    let out = args.out.as_deref().context("--out says where to write the bundle")?;
    ensure!(args.file != out, "the bundle would replace the file that it is made from");
    let options = ConvertOptions {
        architecture: args.arch.clone(),
        name: args.name.clone(),
        license: args.license.clone(),
        precision: args.precision.map(|precision| match precision {
            Precision::F32 => DType::F32,
            Precision::F16 => DType::F16,
            Precision::Bf16 => DType::BF16,
        }),
        ..ConvertOptions::default()
    };
    let conversion = zoo_convert::convert(&args.file, &options)?;
    let report = &conversion.report;
    for name in &report.unused {
        output::warning(format!("nothing takes the tensor `{name}`"));
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
