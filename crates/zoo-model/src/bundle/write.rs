use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::{Bundle, archive, files};
use crate::{Digest, Error};

impl Bundle {
    /// Writes a `.zoo` file, or a folder where `path` does not end in `.zoo`. What stood there
    /// is replaced as a whole once the new one is on disk; a folder is replaced only if it is
    /// a bundle or empty.
    ///
    /// The bytes follow from the model alone. Returns the bundle's digest.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<Digest, Error> {
        let path = path.as_ref();
        let members = files::encode(self);
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        if path.extension().is_some_and(|extension| extension == "zoo") {
            let mut temporary = tempfile::Builder::new()
                .prefix(".zoo-")
                .tempfile_in(parent)
                .map_err(Error::io("write in", parent))?;
            write_archive(temporary.as_file_mut(), &members).map_err(Error::io("write", path))?;
            set_readable(temporary.path()).map_err(Error::io("write", path))?;
            temporary.persist(path).map_err(|error| Error::io("write", path)(error.error))?;
        } else {
            let temporary = tempfile::Builder::new()
                .prefix(".zoo-")
                .tempdir_in(parent)
                .map_err(Error::io("write in", parent))?;
            for (name, bytes) in members.in_order() {
                let file = temporary.path().join(name);
                write_file(&file, bytes).map_err(Error::io("write", file))?;
            }
            replace_folder(temporary, path)?;
        }
        // The rename itself is on disk only with its folder.
        File::open(parent)
            .and_then(|folder| folder.sync_all())
            .map_err(Error::io("sync", parent))?;
        Ok(Digest::of(members.sums().as_bytes()))
    }

    /// The `.zoo` file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Writing to memory does not fail.
        let _ = write_members(&mut bytes, &files::encode(self));
        bytes
    }
}

fn write_archive(file: &mut File, members: &files::Members) -> io::Result<()> {
    let mut buffered = BufWriter::new(&mut *file);
    write_members(&mut buffered, members)?;
    buffered.flush()?;
    drop(buffered);
    file.sync_all()
}

fn write_members(out: &mut impl Write, members: &files::Members) -> io::Result<()> {
    for (name, bytes) in members.in_order() {
        if bytes.len() as u64 > archive::MAX_MEMBER {
            let message = format!("{name} is larger than a .zoo file can hold: write a folder");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        out.write_all(&archive::header(name, bytes.len() as u64))?;
        out.write_all(bytes)?;
        out.write_all(&archive::END[..archive::padding(bytes.len())])?;
    }
    out.write_all(&archive::END)
}

fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Temporaries are private; what they become is for everyone, as files are.
#[cfg(unix)]
pub fn set_readable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
/// As on Unix, where there is something to do.
pub fn set_readable(_path: &Path) -> io::Result<()> {
    Ok(())
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
