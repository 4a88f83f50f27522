use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, ensure};
use serde_json::json;
use zoo_convert::export::{ExportFormat, export};

use crate::cli::{ExportArgs, ExportFormatName, Global};
use crate::{models, output};

pub(crate) fn run(global: &Global, args: &ExportArgs) -> Result<ExitCode> {
    let format = match args.format {
        ExportFormatName::Onnx => ExportFormat::Onnx,
        ExportFormatName::Safetensors => ExportFormat::Safetensors,
        ExportFormatName::Burnpack => ExportFormat::Burnpack,
    };
    let out = args.out.clone().unwrap_or_else(|| beside(&args.model, format));
    ensure!(Path::new(&args.model) != out, "the file would replace the model that it is made from");
    ensure_absent(&out, args.force)?;
    let bundle = models::open(global, &args.model)?;
    export(&bundle, format, &out)?;
    let card = &bundle.card;
    if global.json {
        output::json(&json!({
            "out": out,
            "format": format.extension(),
            "model": format!("{}@{}", card.name, card.version),
            "parameters": bundle.graph.parameters.len(),
        }))?;
    } else {
        let what = format!("{}@{}", card.name, card.version);
        output::status(global, "Exported", what);
        output::line(out.display().to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Refuses to replace what stands at `path`, unless asked to.
pub(super) fn ensure_absent(path: &Path, force: bool) -> Result<()> {
    let there = path.symlink_metadata().is_ok();
    ensure!(force || !there, "{} is there already: --force replaces it", path.display());
    Ok(())
}

/// The file that `model` becomes if nobody says: in the current folder, called like the model.
fn beside(model: &str, format: ExportFormat) -> PathBuf {
    let name = Path::new(model).file_name().unwrap_or_default().to_string_lossy().into_owned();
    // The version of NAME@1.0.0 has dots that begin no extension.
    let name = name.split('@').next().unwrap_or_default();
    let stem = name.strip_suffix(".zoo").unwrap_or(name);
    PathBuf::from(format!("{stem}.{}", format.extension()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_like_its_model() {
        for (model, file) in [
            ("flowers.zoo", "flowers.onnx"),
            ("../models/flowers.zoo", "flowers.onnx"),
            ("resnet-50@1.2.0", "resnet-50.onnx"),
            ("alice/squeezenet-1.1", "squeezenet-1.1.onnx"),
        ] {
            assert_eq!(beside(model, ExportFormat::Onnx), Path::new(file));
        }
    }
}
