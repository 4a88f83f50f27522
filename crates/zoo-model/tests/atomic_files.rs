//! A file is replaced as a whole, or stays.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{fs, io};

use zoo_model::{Error, write_file_atomically};

#[test]
fn a_file_is_there_whole_with_the_folders_that_lead_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/file.txt");
    for text in ["first", "second"] {
        let written = write_file_atomically(&path, |file| {
            file.write_all(text.as_bytes()).unwrap();
            Ok::<usize, Error>(text.len())
        });
        assert_eq!(written.unwrap(), text.len());
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    }
}

#[test]
fn what_fails_in_the_middle_leaves_the_old_file_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.txt");
    fs::write(&path, "old").unwrap();
    let failed = write_file_atomically(&path, |file| {
        file.write_all(&vec![b'n'; 100_000]).unwrap();
        Err::<(), Error>(Error::Io {
            action: "write",
            path: path.clone(),
            source: io::Error::other("the disk is full"),
        })
    });
    assert!(failed.unwrap_err().to_string().contains("file.txt"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_place_that_cannot_be_written_to_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "no folder").unwrap();
    let nothing = |_: &mut dyn io::Write| Ok::<(), Error>(());
    let error = write_file_atomically(folder.path().join("file/inside"), nothing).unwrap_err();
    assert!(error.to_string().contains("file"), "{error}");
    fs::create_dir(folder.path().join("target")).unwrap();
    let error = write_file_atomically(folder.path().join("target"), nothing).unwrap_err();
    assert!(error.to_string().contains("target"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}
