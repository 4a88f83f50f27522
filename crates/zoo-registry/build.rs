//! Puts `registry/models/*.toml` into the library as JSON that is parsed one entry at a time:
//! reading one model must not cost the reading of all.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let models = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../registry/models");
    println!("cargo::rerun-if-changed={}", models.display());
    let mut entries = Vec::new();
    let mut aliases = Vec::new();
    for path in toml_files(&models)? {
        println!("cargo::rerun-if-changed={}", path.display());
        let text = fs::read_to_string(&path)?;
        let value: toml::Value =
            toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        let name = value.get("name").and_then(toml::Value::as_str).unwrap_or_default().to_owned();
        for alias in value.get("aliases").and_then(toml::Value::as_array).into_iter().flatten() {
            aliases.push((alias.as_str().unwrap_or_default().to_owned(), name.clone()));
        }
        entries.push((name, serde_json::to_string(&value)?));
    }
    // Sorted, so that both are found by bisection.
    entries.sort();
    aliases.sort();
    let mut code = String::new();
    for (table, pairs) in [("ENTRIES", entries), ("ALIASES", aliases)] {
        writeln!(code, "pub(super) static {table}: &[(&str, &str)] = &[")?;
        for (key, value) in pairs {
            writeln!(code, "    ({key:?}, {value:?}),")?;
        }
        writeln!(code, "];")?;
    }
    let target = PathBuf::from(env::var("OUT_DIR")?).join("builtin.rs");
    fs::write(target, code)?;
    Ok(())
}

fn toml_files(dir: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
