//! rten, with a pool of threads of its own.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use rten::{Model, ModelOptions, RunOptions, ThreadPool};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use crate::{Run, pictures};

/// Weights are packed once, when the network is loaded, as rten's guide to performance advises.
pub fn load(path: &Path, shape: [usize; 4], threads: usize) -> Result<Run> {
    let model: Model = ModelOptions::with_all_ops()
        .prepack_weights(true)
        .load_file(path)
        .with_context(|| format!("rten cannot load {}", path.display()))?;
    let input = NdTensor::from_data(shape, pictures(shape));
    let pool = Arc::new(ThreadPool::with_num_threads(threads));
    Ok(Box::new(move || {
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&pool)));
        model.run_one(input.view().into(), Some(options)).context("rten cannot run the network")?;
        Ok(())
    }))
}
