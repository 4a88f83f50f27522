use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::{Bundle, archive, files};
use crate::atomic::{PREFIX, make_folder_of, sync_folder};
use crate::{Digest, Error, write_file_atomically};

impl Bundle {
    /// Writes a `.zoo` file, or a folder where `path` does not end in `.zoo`. What stood there
    /// is replaced as a whole once the new one is on disk; a folder is replaced only if it is
    /// a bundle or empty.
    ///
    /// The bytes follow from the model alone. Returns the bundle's digest.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<Digest, Error> {
        let path = path.as_ref();
        let members = files::encode(self);
        if path.extension().is_some_and(|extension| extension == "zoo") {
            write_archive(path, members.in_pieces())?;
        } else {
            write_folder(path, &members)?;
        }
        Ok(Digest::of(members.sums()))
    }

    /// The `.zoo` file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Weights that no `.zoo` file can hold do not fit into memory.
        archive::pieces(files::encode(self).in_pieces()).unwrap_or_default().concat()
    }
}

/// Writes the archive of `members`, each in pieces, to `path`.
pub(super) fn write_archive<'a>(
    path: &Path,
    members: impl IntoIterator<Item = (&'static str, Vec<&'a [u8]>)>,
) -> Result<(), Error> {
    let pieces = archive::pieces(members).map_err(|reason| files::refused(path, reason))?;
    write_pieces(path, &pieces)
}

/// Writes the pieces of a file to `path`.
pub(super) fn write_pieces(path: &Path, pieces: &[impl AsRef<[u8]>]) -> Result<(), Error> {
    write_file_atomically(path, |file| {
        pieces
            .iter()
            .try_for_each(|piece| file.write_all(piece.as_ref()))
            .map_err(Error::io("write", path))
    })
}

fn write_folder(path: &Path, members: &files::Encoded) -> Result<(), Error> {
    let parent = make_folder_of(path)?;
    let temporary = tempfile::Builder::new()
        .prefix(PREFIX)
        .tempdir_in(parent)
        .map_err(Error::io("write in", parent))?;
    for (name, pieces) in members.in_order() {
        let file = temporary.path().join(name);
        write_file(&file, pieces).map_err(Error::io("write", file))?;
    }
    replace_folder(temporary, path)?;
    sync_folder(parent);
    Ok(())
}

fn write_file(path: &Path, pieces: &[bytes::Bytes]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    pieces.iter().try_for_each(|piece| file.write_all(piece))?;
    file.sync_all()
}

fn replace_folder(temporary: tempfile::TempDir, path: &Path) -> Result<(), Error> {
    if path.exists() {
        let is_ours = path.join(files::CARD).is_file();
        let is_empty = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
        if !is_ours && !is_empty {
            let reason = "it is there already and is no bundle: choose another name".to_owned();
            return Err(Error::Bundle { path: path.to_owned(), reason });
        }
        fs::remove_dir_all(path).map_err(Error::io("replace", path))?;
    }
    fs::rename(temporary.keep(), path).map_err(Error::io("write", path))
}
