//! An ONNX file as Rust source: a typed module of Burn, for those who want static code.
//!
//! The source is made by `burn-onnx`, the heir of `burn-import`. It takes what its own parser
//! takes, which is not what [`onnx`](crate::onnx) does: neither is a part of the other. What comes
//! out needs `burn` and `burn-store` to compile.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use burn_onnx::{LoadStrategy, ModelGen};

use crate::{Error, onnx};

/// The files that were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emitted {
    /// The source: a struct `Model` with `from_bytes` and `forward`.
    pub source: PathBuf,
    /// What `from_bytes` takes: the parameters, in burnpack.
    pub weights: PathBuf,
}

impl Emitted {
    /// What [`emit_rust`] writes of `file` into `folder`: `NAME.rs` and `NAME.bpk`.
    pub fn of(file: &Path, folder: &Path) -> Self {
        let stem = file.file_stem().unwrap_or_default();
        let place = |extension: &str| folder.join(stem).with_extension(extension);
        Self { source: place("rs"), weights: place("bpk") }
    }
}

/// Writes the source of the ONNX file `file` into `folder`, which is made if need be. What stood
/// there is replaced once all is made.
///
/// The source names no path: a program says itself where it has the parameters.
pub fn emit_rust(file: &Path, folder: &Path) -> Result<Emitted, Error> {
    let failed = |action: &'static str, path: &Path| {
        let path = path.to_owned();
        move |source| Error::from(zoo_model::Error::Io { action, path, source })
    };
    fs::create_dir_all(folder).map_err(failed("create", folder))?;
    let temporary = tempfile::Builder::new()
        .prefix(".zoo-")
        .tempdir_in(folder)
        .map_err(failed("write in", folder))?;
    generate(file, temporary.path())?;
    let (made, emitted) = (Emitted::of(file, temporary.path()), Emitted::of(file, folder));
    for (from, to) in [(&made.weights, &emitted.weights), (&made.source, &emitted.source)] {
        fs::rename(from, to).map_err(failed("write", to))?;
    }
    Ok(emitted)
}

/// burn-onnx is meant for build scripts and panics where it fails: that happens on a thread of
/// its own, with the message as what is left of it.
fn generate(file: &Path, folder: &Path) -> Result<(), Error> {
    let refused = |reason: &str| Error::NotEmitted {
        path: file.to_owned(),
        reason: reason.trim_end().to_owned(),
    };
    let (Some(input), Some(output)) = (file.to_str(), folder.to_str()) else {
        return Err(refused("its path, or that of the folder, is no Unicode"));
    };
    let run = || {
        // Not `new`, which takes over logging and the panic hook of the whole program.
        let mut generator = ModelGen::default();
        generator.input(input).out_dir(output).load_strategy(LoadStrategy::Bytes).run_from_cli();
    };
    thread::scope(|scope| {
        let builder = thread::Builder::new().name(onnx::THREAD_NAME.to_owned());
        // Its parser and its formatter recurse.
        let worker = builder
            .stack_size(64 << 20)
            .spawn_scoped(scope, run)
            .map_err(|source| Error::Io { path: file.to_owned(), source })?;
        worker.join().map_err(|panic| refused(&onnx::panic_text(&*panic)))
    })
}
