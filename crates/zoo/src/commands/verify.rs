use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;
use zoo_model::Bundle;

use crate::cli::{Global, VerifyArgs};
use crate::{models, output};

pub(crate) fn run(global: &Global, args: &VerifyArgs) -> Result<ExitCode> {
    let bundle = open(global, &args.model)?;
    let report = bundle.check_parity(global.device)?;
    let (error, tolerance, agrees) = (report.error, report.tolerance, report.agrees());
    if global.json {
        output::json(
            &json!({ "model": args.model, "error": error, "tolerance": tolerance, "agrees": agrees }),
        )?;
    } else {
        let word = if agrees { "agrees" } else { "DOES NOT AGREE" };
        output::line(format!(
            "{}@{} {word}: error {error:.1e} of the outputs' deviation, {tolerance:.0e} allowed",
            bundle.card.name, bundle.card.version
        ))?;
    }
    Ok(if agrees { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The model, with the parity vector of its entry where it has one: that is what the registry
/// says, while the card of a converted model only says what this program made of the file.
fn open(global: &Global, model: &str) -> Result<Bundle> {
    if Path::new(model).exists() || models::looks_like_path(model) {
        return models::open(global, model);
    }
    let pulled = models::pull(global, model, models::pull_options(global))?;
    let mut bundle = models::open_pulled(global, &pulled)?;
    if let Some(parity) = &pulled.version.parity {
        bundle.card.parity = Some(serde_json::from_value(serde_json::to_value(parity)?)?);
    }
    Ok(bundle)
}
