//! Files say by which schema they were written, so that one from the future is told from a
//! broken one.

use serde::Deserialize;

use crate::error::Error;

/// Only the schema of a file, whatever else is in it.
#[derive(Deserialize)]
pub(crate) struct SchemaOnly {
    schema: u32,
}

impl SchemaOnly {
    /// Fails if the file, which `origin` names, is newer than `supported`.
    pub(crate) fn check(&self, origin: &str, supported: u32) -> Result<(), Error> {
        check(self.schema, origin, supported)
    }
}

/// Fails if `found` is newer than `supported`. `origin` names the file.
pub(crate) fn check(found: u32, origin: &str, supported: u32) -> Result<(), Error> {
    if found > supported {
        return Err(Error::FutureSchema { origin: origin.to_owned(), found, supported });
    }
    Ok(())
}
