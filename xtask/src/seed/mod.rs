//! From a table of published facts to `registry/models/*.toml`: done once, after which people own
//! the files.
//!
//! The seed is a TSV, a row for each file that somebody published. `xtask/seed/models.toml` says
//! which rows make which model and under which names; `xtask/seed/facts.toml` has what is known of
//! publishers, licences and papers. A row that no model takes and that is not skipped with a reason
//! is an error, as is a row that two models take.

mod build;
mod digests;
mod files;
mod input;
mod render;
mod row;
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use zoo_registry::Entry;

use build::Built;
use row::SeedRow;
use table::{Facts, Models};

/// What became of the seed.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// Models.
    pub(crate) models: usize,
    /// Versions of all of them.
    pub(crate) versions: usize,
    /// Files written; the others were there.
    pub(crate) files: usize,
    /// Rows that make no entry, with the reason.
    pub(crate) skipped: Vec<(String, String)>,
}

/// Writes an entry for each model of the seed `tsv` into the folder `models`. Files that are there
/// stay as they are unless `force`.
pub(crate) fn run(tsv: &Path, models: &Path, force: bool) -> Result<Written> {
    let text = fs::read_to_string(tsv).with_context(|| format!("cannot read {}", tsv.display()))?;
    let seeded = entries(&text)?;
    let mut written =
        Written { models: seeded.built.len(), skipped: seeded.skipped, ..Written::default() };
    for built in seeded.built {
        let name = built.entry.name.as_str();
        let text = render::entry(&built);
        let again = Entry::from_toml(&text, name)?;
        ensure!(again == built.entry, "{name} is not what it was after reading it again");
        again.validate(name)?;
        written.versions += again.versions.len();
        let path = models.join(format!("{name}.toml"));
        if force || !path.exists() {
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
            written.files += 1;
        }
    }
    Ok(written)
}

/// What a seed gives.
struct Seeded {
    /// The entries, in the order of the table.
    built: Vec<Built>,
    /// Rows that make no entry, with the reason.
    skipped: Vec<(String, String)>,
}

/// The entries of the seed `text`.
fn entries(text: &str) -> Result<Seeded> {
    let rows: BTreeMap<String, SeedRow> =
        row::parse(text)?.into_iter().map(|row| (row.name.clone(), row)).collect();
    let models: Models = toml::from_str(include_str!("../../seed/models.toml"))?;
    let facts: Facts = toml::from_str(include_str!("../../seed/facts.toml"))?;
    // By row, the models that take it, each with the member if it takes a part of an archive.
    let mut taken: BTreeMap<&str, Vec<Option<&str>>> = BTreeMap::new();
    for (model, version) in
        models.model.iter().flat_map(|model| model.rows.iter().map(move |row| (model, row)))
    {
        for row in std::iter::once(&version.row).chain(&version.also) {
            ensure!(rows.contains_key(row), "{} names no row of the seed: {row}", model.name);
            taken.entry(row).or_default().push(version.member.as_deref());
        }
    }
    for row in rows.keys() {
        match (taken.get(row.as_str()).map(Vec::as_slice), models.skip.get(row)) {
            (None, None) => anyhow::bail!("no model takes the row {row}, and it is not skipped"),
            (Some(_), Some(_)) => anyhow::bail!("the row {row} is both taken and skipped"),
            (Some([_, _, ..]), None) => {
                let members = &taken[row.as_str()];
                let parts = members.iter().flatten().collect::<std::collections::BTreeSet<_>>();
                ensure!(parts.len() == members.len(), "two models take the row {row}");
            }
            (Some(_), None) | (None, Some(_)) => {}
        }
    }
    let built = models
        .model
        .iter()
        .map(|model| {
            build::model(model, &rows, &facts).with_context(|| format!("model {}", model.name))
        })
        .collect::<Result<_>>()?;
    Ok(Seeded { built, skipped: models.skip.into_iter().collect() })
}
