use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use crate::cli::{Global, VerifyArgs};
use crate::{models, output};

pub(crate) fn run(global: &Global, args: &VerifyArgs) -> Result<ExitCode> {
    let bundle = models::open(global, &args.model)?;
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
