use std::process::ExitCode;

use anyhow::Result;

use crate::cli::{ConvertArgs, Global, Language};

/// Writes the source of an ONNX file, by `burn-onnx`.
#[cfg(feature = "emit-rust")]
pub(super) fn run(global: &Global, args: &ConvertArgs, language: Language) -> Result<ExitCode> {
    use serde_json::json;
    use zoo_convert::emit::{Emitted, emit_rust};

    use crate::output;

    let Language::Rust = language;
    let folder = args.out.as_deref().unwrap_or(std::path::Path::new("."));
    let places = Emitted::of(&args.file, folder);
    for path in [&places.source, &places.weights] {
        super::export::ensure_absent(path, args.force)?;
    }
    let emitted = emit_rust(&args.file, folder)?;
    if global.json {
        output::json(&json!({ "source": emitted.source, "weights": emitted.weights }))?;
    } else {
        output::status(global, "Emitted", args.file.display().to_string());
        output::line(emitted.source.display().to_string())?;
        output::line(emitted.weights.display().to_string())?;
        output::status(global, "Needs", "the crates burn and burn-store, 0.22");
    }
    Ok(ExitCode::SUCCESS)
}

/// Says how to get a program that can.
#[cfg(not(feature = "emit-rust"))]
pub(super) fn run(_: &Global, _: &ConvertArgs, language: Language) -> Result<ExitCode> {
    let Language::Rust = language;
    anyhow::bail!(
        "this build cannot write source: it lacks the cargo feature `emit-rust`, which \
         `cargo install --path crates/zoo --features emit-rust` has"
    )
}
