//! The programs under test.
//!
//! Cargo tells a test where the programs of its own package are, not those of others. So they
//! are built here, once a process, as they would be built to be used; where nothing changed,
//! that takes a moment.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The program `zoo`.
pub fn zoo() -> &'static Path {
    static ZOO: OnceLock<PathBuf> = OnceLock::new();
    ZOO.get_or_init(|| build("zoo"))
}

/// The program `xtask`, which `cargo xtask` runs.
pub fn xtask() -> &'static Path {
    static XTASK: OnceLock<PathBuf> = OnceLock::new();
    XTASK.get_or_init(|| build("xtask"))
}

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Builds `package` with the profile of this test and into the same target folder. Both programs are
/// built: what they depend on has then the features that it has in the workspace, and is there already.
fn build(package: &str) -> PathBuf {
    // target/PROFILE/deps/TEST
    let test = env::current_exe().unwrap();
    let profile_dir = test.ancestors().nth(2).unwrap();
    let profile = match profile_dir.file_name().unwrap().to_str().unwrap() {
        "debug" => "dev",
        other => other,
    };
    let output = Command::new(env!("CARGO"))
        .args(["build", "--offline", "--package", "zoo", "--package", "xtask", "--bin", package])
        .args(["--profile", profile, "--target-dir"])
        .arg(profile_dir.parent().unwrap())
        .current_dir(repository())
        .output()
        .unwrap();
    let diagnostics = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{package} does not build:\n{diagnostics}");
    profile_dir.join(format!("{package}{}", env::consts::EXE_SUFFIX))
}
