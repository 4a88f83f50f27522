//! The registry as static files: the same entries and times give the same bytes.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use zoo_registry::trust::{Envelope, Kind, SecretKey, Timestamp, sign_envelope};
use zoo_registry::{BuildOptions, Index, build_tree};

/// Who signs the index, and for how long.
pub(crate) struct Signing {
    pub(crate) key: Vec<PathBuf>,
    pub(crate) root: Option<PathBuf>,
    pub(crate) created: Option<String>,
    pub(crate) days: u64,
}

/// Writes the tree of the entries in `models` to `out`.
pub(crate) fn run(models: &Path, out: &Path, signing: &Signing) -> Result<ExitCode> {
    let index = Index::from_dir(models)?;
    let entries = index.entries()?;
    if let Some(error) = index.take_rejected().into_iter().next() {
        return Err(anyhow::Error::new(error).context("an entry cannot be read"));
    }
    let keys =
        signing.key.iter().map(|path| SecretKey::load(path)).collect::<Result<Vec<_>, _>>()?;
    let created = match (&signing.created, keys.is_empty()) {
        (Some(time), _) => Some(time.parse::<Timestamp>().context("cannot read --created")?),
        (None, false) => bail!("a signed index says when it was made: give --created"),
        (None, true) => None,
    };
    let valid = Duration::from_hours(signing.days.saturating_mul(24).min(24 * 365_000));
    let path = out.join("index.json");
    let before = std::fs::read(&path).ok();
    let last = before.as_deref().and_then(counter);
    let build = |counter| {
        let options = BuildOptions {
            counter,
            created: created.map(|time| time.to_string()),
            expires: created.map(|time| time.after(valid).to_string()),
            ..BuildOptions::default()
        };
        let built = build_tree(&entries, out, &options)?;
        anyhow::Ok((sign_envelope(Kind::Index, &built.payload, &keys)?, built))
    };
    // The counter rises only where something changed.
    let (mut bytes, mut built) = build(last.unwrap_or(1))?;
    if let (Some(last), true) = (last, before.as_deref() != Some(&bytes[..])) {
        (bytes, built) = build(last + 1)?;
    }
    if let Some(root) = &signing.root {
        let root =
            std::fs::read(root).with_context(|| format!("cannot read {}", root.display()))?;
        write(&out.join("root.json"), &root)?;
        write(&out.join("1.root.json"), &root)?;
    }
    if before.as_deref() != Some(&bytes[..]) {
        write(&path, &bytes)?;
    }
    println!("{} models on {} pages in {}", built.models, built.pages, out.display());
    Ok(ExitCode::SUCCESS)
}

/// The counter of the index in these bytes.
fn counter(bytes: &[u8]) -> Option<u64> {
    let payload = Envelope::parse(bytes).ok()?.payload();
    serde_json::from_slice::<serde_json::Value>(payload).ok()?.get("counter")?.as_u64()
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    zoo_model::write_file_atomically(path, |file| {
        let failed = |source| zoo_model::Error::Io { action: "write", path: path.into(), source };
        file.write_all(bytes).map_err(failed)
    })?;
    Ok(())
}
