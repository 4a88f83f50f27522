//! tract, optimised for the very shape of the batch.

use std::path::Path;

use anyhow::{Context, Result};
use tract_onnx::prelude::*;

use crate::{Run, pictures};

/// tract plans for shapes that it knows: the open batch becomes the one that is asked for.
pub fn load(path: &Path, shape: [usize; 4], threads: usize) -> Result<Run> {
    if threads > 1 {
        multithread::set_default_executor(multithread::Executor::multithread(threads));
    }
    let model = tract_onnx::onnx()
        .model_for_path(path)
        .and_then(|model| model.with_input_fact(0, f32::fact(shape).into()))
        .and_then(|model| model.into_optimized())
        .and_then(|model| model.into_runnable())
        .with_context(|| format!("tract cannot load {}", path.display()))?;
    let input: TValue = Tensor::from_shape(&shape, &pictures(shape))?.into();
    Ok(Box::new(move || {
        model.run(tvec!(input.clone())).context("tract cannot run the network")?;
        Ok(())
    }))
}
