//! Members that become blobs.

use std::fs;
use std::path::PathBuf;

use zoo_registry::archive::{ArchiveFault, ArchiveKind, extract_into_store};
use zoo_registry::{BlobState, Error, Sha256Digest};

use super::build_tar::Tar;
use super::build_zip::{Part, zip};
use super::{MODEL, content, gzip, small};
use crate::support::Cache;

fn write(cache: &Cache, bytes: &[u8]) -> PathBuf {
    let path = cache.dir.path().join("archive");
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_member_becomes_a_blob() {
    let cache = Cache::new();
    let tar = Tar::new().file("a", b"a").file(MODEL, &content(1000)).finish();
    let archive = write(&cache, &gzip(&tar));
    let digest = Sha256Digest::of(&content(1000));
    // The second time it is there already.
    for _ in 0..2 {
        let (got, path, size) =
            extract_into_store(&cache.store, &archive, ArchiveKind::TarGz, MODEL, &small())
                .unwrap();
        assert_eq!((got, size), (digest, 1000));
        assert_eq!(path, cache.store.blob_path(&digest));
        assert_eq!(cache.store.verify(&digest).unwrap(), BlobState::Intact(1000));
        assert_eq!(cache.store.blobs().unwrap(), [(digest, 1000)]);
        assert!(cache.partial_files().is_empty());
    }
}

/// An archive in an archive, one level at a time.
#[test]
fn a_chain_of_archives() {
    let cache = Cache::new();
    let inner = zip(&[Part::deflated(MODEL, &content(1000))]);
    let archive = write(&cache, &zip(&[Part::stored("inner.zip", &inner)]));
    let extract = |archive: &PathBuf, member: &str| {
        extract_into_store(&cache.store, archive, ArchiveKind::Zip, member, &small()).unwrap()
    };
    let (_, inner, _) = extract(&archive, "inner.zip");
    assert_eq!(extract(&inner, MODEL).0, Sha256Digest::of(&content(1000)));
}

/// Whatever shows late that an archive is bad, there is no blob and no rest of one.
#[test]
fn fault_100_nothing_is_there_until_all_is_well() {
    let model = content(1000);
    let tar = Tar::new().file(MODEL, &model);
    let mut wrong_crc = gzip(&tar.0);
    let at = wrong_crc.len() - 8;
    wrong_crc[at] ^= 1;
    let cut = gzip(&Tar::new().file(MODEL, &model).0);
    let hostile_after = Tar::new().file(MODEL, &model).link(b'2', "a", "/etc").finish();
    let damaged = Part::new(MODEL.as_bytes(), 0, &content(999), &content(1000)[1..]);
    for (kind, bytes) in [
        (ArchiveKind::TarGz, wrong_crc),
        (ArchiveKind::TarGz, cut),
        (ArchiveKind::Tar, hostile_after),
        (ArchiveKind::Zip, zip(&[damaged])),
        (ArchiveKind::Zip, zip(&[Part::stored("other", b"x")])),
    ] {
        let cache = Cache::new();
        let archive = write(&cache, &bytes);
        let error = extract_into_store(&cache.store, &archive, kind, MODEL, &small()).unwrap_err();
        assert!(matches!(error, Error::Archive(_)), "{error:?}");
        cache.assert_empty();
    }
}

/// The destination is a path that the digest makes. A link there is replaced, not followed;
/// a cache behind a link works as it is.
#[cfg(unix)]
#[test]
fn fault_093_links_at_the_destination() {
    use std::os::unix::fs::symlink;

    let cache = Cache::new();
    let archive = write(&cache, &zip(&[Part::stored(MODEL, &content(1000))]));
    let outside = cache.dir.path().join("outside");
    let blob = cache.store.blob_path(&Sha256Digest::of(&content(1000)));
    fs::create_dir_all(blob.parent().unwrap()).unwrap();
    symlink(&outside, &blob).unwrap();
    let extract =
        |store| extract_into_store(store, &archive, ArchiveKind::Zip, MODEL, &small()).unwrap();
    assert_eq!(extract(&cache.store).1, blob);
    assert!(!outside.exists());
    assert!(fs::symlink_metadata(&blob).unwrap().is_file());

    let link = cache.dir.path().join("link");
    symlink(cache.store.root(), &link).unwrap();
    fs::remove_file(&blob).unwrap();
    let store = zoo_registry::Store::open(&link).unwrap();
    assert_eq!(fs::read(extract(&store).1).unwrap(), content(1000));
    assert!(fs::symlink_metadata(&blob).unwrap().is_file());
}

#[test]
fn fault_027_a_cache_that_cannot_be_written_to() {
    let cache = Cache::new();
    let archive = write(&cache, &zip(&[Part::stored(MODEL, &content(1000))]));
    fs::write(cache.store.root().join("partial"), "in the way").unwrap();
    let error =
        extract_into_store(&cache.store, &archive, ArchiveKind::Zip, MODEL, &small()).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error:?}");
}

/// A writer that fails is not the archive's fault, and is told apart.
#[test]
fn fault_056_a_full_disk() {
    let cache = Cache::new();
    let archive = write(&cache, &zip(&[Part::stored(MODEL, &content(1000))]));
    let mut room = [0; 500];
    let kind = ArchiveKind::Zip;
    let error = zoo_registry::archive::extract(&archive, kind, MODEL, &small(), &mut &mut room[..])
        .unwrap_err();
    assert!(matches!(error.fault, ArchiveFault::Write(_)), "{error:?}");
}
