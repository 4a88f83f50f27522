//! The entries that the binary carries, so that the first run needs no network. Each is
//! parsed when it is asked for.

use crate::entry::Entry;
use crate::error::Error;
use crate::name::ModelName;

include!(concat!(env!("OUT_DIR"), "/builtin.rs"));

/// The names of all entries, in order.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ENTRIES.iter().map(|(name, _)| *name)
}

/// All aliases, each with the name that it means, in order.
pub(super) fn aliases() -> impl Iterator<Item = (&'static str, &'static str)> {
    ALIASES.iter().copied()
}

/// The entry with this name or alias.
pub(super) fn get(name: &ModelName) -> Result<Option<Entry>, Error> {
    let own_name = find(ALIASES, name.as_str()).unwrap_or(name.as_str());
    find(ENTRIES, own_name).map(|json| parse(own_name, json)).transpose()
}

/// Every entry, in the order of names.
pub(super) fn entries() -> impl Iterator<Item = Result<Entry, Error>> {
    ENTRIES.iter().map(|(name, json)| parse(name, json))
}

fn parse(name: &str, json: &str) -> Result<Entry, Error> {
    Entry::from_json(json.as_bytes(), &format!("builtin:{name}"))
}

fn find(table: &'static [(&str, &str)], key: &str) -> Option<&'static str> {
    let at = table.binary_search_by(|(other, _)| (*other).cmp(key)).ok()?;
    Some(table[at].1)
}
