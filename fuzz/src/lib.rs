//! The targets as libFuzzer runs them: `cargo +nightly fuzz run TARGET`. On a stable compiler,
//! `cargo xtask fuzz TARGET` runs the same ones with mutations of its own.

mod targets;

use std::sync::LazyLock;

/// A folder for the file that is read, one a process.
static FOLDER: LazyLock<std::path::PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("zoo-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for temporary files");
    folder
});

/// Gives `input` to the target called `name`.
///
/// # Panics
/// Where the readers do, which is what is looked for, and where there is no such target.
pub fn run(name: &str, input: &[u8]) {
    let target = targets::TARGETS.iter().find(|target| target.name == name);
    let target = target.expect("a target of this name");
    target.run(&FOLDER, input).expect("a file that can be written");
}
