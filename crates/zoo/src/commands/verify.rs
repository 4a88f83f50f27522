use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::json;

use crate::cli::{Global, VerifyArgs};
use crate::{models, output};

/// The largest difference, as a share of the outputs' standard deviation. Half-precision
/// weights are compared with what the same weights gave, so this is arithmetic alone.
const TOLERANCE: f32 = 1e-3;

pub(crate) fn run(global: &Global, args: &VerifyArgs) -> Result<ExitCode> {
    let bundle = models::open(global, &args.model)?;
    let parity = bundle
        .card
        .parity
        .as_ref()
        .with_context(|| format!("the card of {} has no parity vector", args.model))?;
    let found = zoo_convert::parity(&bundle.graph, &bundle.weights, global.device)?;
    let largest = found
        .expected
        .iter()
        .zip(&parity.expected)
        .map(|(ours, theirs)| (ours - theirs).abs())
        .fold(0.0, |a: f32, b| if a.is_nan() || b.is_nan() { f32::NAN } else { a.max(b) });
    let error = largest / parity.deviation.max(f32::MIN_POSITIVE);
    let agrees = error <= TOLERANCE && found.expected.len() == parity.expected.len();
    if global.json {
        output::json(
            &json!({ "model": args.model, "error": error, "tolerance": TOLERANCE, "agrees": agrees }),
        )?;
    } else {
        let word = if agrees { "agrees" } else { "DOES NOT AGREE" };
        output::line(format!(
            "{}@{} {word}: error {error:.1e} of the outputs' deviation, {TOLERANCE:.0e} allowed",
            bundle.card.name, bundle.card.version
        ))?;
    }
    Ok(if agrees { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
