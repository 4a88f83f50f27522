//! The starter model: what the first run adapts, with no network.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use zoo_convert::{ConvertOptions, convert};
use zoo_model::DType;

/// Where the binary takes it from.
const TARGET: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../registry/starter/efficientnet-lite0.zoo");

/// Converts the published checkpoint to a bundle of half precision.
pub(crate) fn run(checkpoint: &Path) -> Result<ExitCode> {
    let options = ConvertOptions {
        architecture: Some("efficientnet-lite0".to_owned()),
        license: Some("Apache-2.0".to_owned()),
        precision: Some(DType::F16),
        ..ConvertOptions::default()
    };
    let conversion = convert(checkpoint, &options)?;
    let digest = conversion.bundle.write(TARGET)?;
    let bytes = std::fs::read(TARGET)?;
    println!("{TARGET}");
    println!(
        "bundle {digest}, file sha256 {}, {} bytes",
        zoo_model::Digest::of(&bytes),
        bytes.len()
    );
    Ok(ExitCode::SUCCESS)
}
