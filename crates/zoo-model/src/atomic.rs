//! Files that are there as a whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::Error;

/// Writes a file that is there as a whole or not at all, even after a power cut.
///
/// `write` fills a temporary beside `path`, which is made readable for everyone, brought to
/// the disk and renamed; then the folder is brought to the disk. Folders that lead to `path`
/// are made. What stood at `path` is replaced in one step; where `write` fails, it stays, and
/// nothing else is left. Returns what `write` returns.
///
/// Other processes may see temporaries, whose names begin with `.zoo-`; one is left behind
/// where the process is killed.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("notes/today.txt");
/// zoo_model::write_file_atomically(&path, |file| {
///     file.write_all(b"rain").map_err(Box::<dyn std::error::Error>::from)
/// })?;
/// assert_eq!(std::fs::read(&path)?, b"rain");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_file_atomically<T, E: From<Error>>(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut dyn Write) -> Result<T, E>,
) -> Result<T, E> {
    let path = path.as_ref();
    let folder = make_folder_of(path)?;
    let temporary = tempfile::Builder::new()
        .prefix(PREFIX)
        .tempfile_in(folder)
        .map_err(Error::io("write in", folder))?;
    let mut buffered = BufWriter::new(temporary.as_file());
    let written = write(&mut buffered)?;
    buffered.flush().map_err(Error::io("write", path))?;
    drop(buffered);
    set_readable(temporary.path())
        .and_then(|()| temporary.as_file().sync_all())
        .map_err(Error::io("write", path))?;
    temporary.persist(path).map_err(|error| Error::io("write", path)(error.error))?;
    sync_folder(folder);
    Ok(written)
}

/// How the names of temporaries begin.
pub(crate) const PREFIX: &str = ".zoo-";

/// The folder that holds `path`, which is there afterwards.
pub(crate) fn make_folder_of(path: &Path) -> Result<&Path, Error> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    Ok(folder)
}

/// Makes a rename in `folder` survive a power cut, where the system can promise that.
///
/// Windows and some network file systems cannot; there the old file may come back, whole.
pub(crate) fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

/// Temporaries are private; what they become is for everyone, as files are.
#[cfg(unix)]
fn set_readable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn set_readable(_path: &Path) -> io::Result<()> {
    Ok(())
}
