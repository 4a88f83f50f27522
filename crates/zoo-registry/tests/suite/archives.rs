//! Archives: hostile ones, cut ones, and those that ordinary tools make. They are built here
//! byte by byte, so that each lie is the only one.

mod build_tar;
mod build_zip;
mod gzip_faults;
mod into_store;
mod names;
mod random_damage;
mod tar_faults;
#[cfg(unix)]
mod tools;
mod zip_faults;
mod zip_lies;

use std::error::Error as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use zoo_registry::archive::{
    ArchiveError, ArchiveFault, ArchiveKind, DETECT_BYTES, Limits, Member, MemberKind, extract,
    list,
};

use build_tar::Tar;
use build_zip::{Part, zip};

/// The member that the tests ask for.
pub(crate) const MODEL: &str = "weights/model.bin";

/// Limits that are reached with little.
pub(crate) fn small() -> Limits {
    Limits {
        max_members: 8,
        max_member_bytes: 1 << 20,
        max_total_bytes: 2 << 20,
        max_ratio: 50,
        ratio_free_bytes: 1 << 16,
        max_header_bytes: 4096,
        max_directory_bytes: 1 << 16,
        ..Limits::default()
    }
}

/// Content that neither compresses to nothing nor repeats.
pub(crate) fn content(bytes: usize) -> Vec<u8> {
    let mut state = 7_u32;
    (0..bytes)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 27) as u8
        })
        .collect()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Runs `run` on a file with these bytes, whose name says nothing.
fn with_file<T>(bytes: &[u8], run: impl FnOnce(&Path) -> T) -> T {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("archive");
    fs::write(&path, bytes).unwrap();
    let result = run(&path);
    // Nothing is ever made beside the archive.
    assert_eq!(crate::support::list(dir.path()), [path]);
    result
}

pub(crate) fn listed(kind: ArchiveKind, bytes: &[u8]) -> Result<Vec<Member>, ArchiveError> {
    with_file(bytes, |path| list(path, kind, &small()))
}

pub(crate) fn extracted(
    kind: ArchiveKind,
    bytes: &[u8],
    member: &str,
) -> Result<Vec<u8>, ArchiveError> {
    with_file(bytes, |path| {
        let mut out = Vec::new();
        let size = extract(path, kind, member, &small(), &mut out)?;
        assert_eq!(size, out.len() as u64);
        Ok(out)
    })
}

/// The archive is let in and its model is `content(1000)`.
#[track_caller]
pub(crate) fn accept(kind: ArchiveKind, bytes: &[u8]) {
    let members = listed(kind, bytes).unwrap_or_else(|error| panic!("{:?}", error.fault));
    assert!(members.iter().any(|member| member.path == MODEL), "{members:?}");
    let got = extracted(kind, bytes, MODEL).unwrap_or_else(|error| panic!("{:?}", error.fault));
    assert!(got == content(1000));
}

/// The archive is refused whether it is listed or extracted from, for a reason whose text
/// contains `why`.
#[track_caller]
pub(crate) fn refuse(kind: ArchiveKind, bytes: &[u8], why: &str) {
    let results = [listed(kind, bytes).map(|_| ()), extracted(kind, bytes, MODEL).map(|_| ())];
    for result in results {
        let Err(error) = result else {
            panic!("let in, though: {why}");
        };
        let cause = error.source().unwrap().to_string();
        assert!(cause.contains(why), "{cause:?} does not contain {why:?}");
    }
}

/// The archive is let in; cut to any of `lengths` it is refused.
#[track_caller]
pub(crate) fn refuse_cut(kind: ArchiveKind, bytes: &[u8], lengths: impl Iterator<Item = usize>) {
    with_file(bytes, |path| {
        let mut out = Vec::new();
        extract(path, kind, MODEL, &small(), &mut out).unwrap();
        assert!(out == content(1000));
        for length in lengths {
            let file = fs::File::options().write(true).open(path).unwrap();
            file.set_len(length as u64).unwrap();
            assert!(list(path, kind, &small()).is_err(), "{kind} {length}");
            let result = extract(path, kind, MODEL, &small(), &mut std::io::sink());
            assert!(result.is_err(), "{kind} {length}");
        }
    });
}

#[test]
fn plain_archives_of_every_kind() {
    let tar = Tar::new().dir("weights/").file(MODEL, &content(1000)).file("a", b"").finish();
    let model = Part::deflated(MODEL, &content(1000));
    let zip = zip(&[Part::directory("weights/"), model, Part::stored("a", b"")]);
    let members = [
        ("weights", 0, MemberKind::Directory),
        (MODEL, 1000, MemberKind::File),
        ("a", 0, MemberKind::File),
    ]
    .map(|(path, size, kind)| Member { path: path.to_owned(), size, kind });
    for (kind, bytes) in
        [(ArchiveKind::TarGz, gzip(&tar)), (ArchiveKind::Tar, tar), (ArchiveKind::Zip, zip)]
    {
        accept(kind, &bytes);
        assert_eq!(listed(kind, &bytes).unwrap(), members, "{kind}");
        assert_eq!(extracted(kind, &bytes, "a").unwrap(), b"");
        assert_eq!(extracted(kind, &bytes, "./a").unwrap(), b"");
    }
    let gz = gzip(&content(1000));
    let anonymous = Member { path: String::new(), size: 1000, kind: MemberKind::File };
    assert_eq!(listed(ArchiveKind::Gz, &gz).unwrap(), [anonymous]);
    assert!(extracted(ArchiveKind::Gz, &gz, "").unwrap() == content(1000));
}

#[test]
fn a_member_that_is_not_there_or_has_no_content() {
    let tar = Tar::new().dir("weights").file(MODEL, &content(1000)).finish();
    let zip = zip(&[Part::directory("weights/"), Part::stored(MODEL, &content(1000))]);
    for (kind, bytes) in [(ArchiveKind::Tar, tar), (ArchiveKind::Zip, zip)] {
        let error = extracted(kind, &bytes, "weights/modell.bin").unwrap_err();
        let ArchiveFault::NotFound { suggestions, .. } = error.fault else {
            panic!("{error:?}");
        };
        assert_eq!(suggestions, [MODEL]);
        let error = extracted(kind, &bytes, "weights").unwrap_err();
        assert!(matches!(error.fault, ArchiveFault::IsDirectory { .. }), "{error:?}");
        let error = extracted(kind, &bytes, "").unwrap_err();
        assert!(matches!(error.fault, ArchiveFault::NotFound { .. }), "{error:?}");
    }
}

#[test]
fn kinds_are_written_as_in_entries() {
    for kind in [ArchiveKind::Tar, ArchiveKind::TarGz, ArchiveKind::Zip, ArchiveKind::Gz] {
        let json = serde_json::to_string(&kind).unwrap();
        assert_eq!(json, format!("\"{kind}\""));
        assert_eq!(serde_json::from_str::<ArchiveKind>(&json).unwrap(), kind);
    }
}

#[test]
fn fault_102_the_bytes_say_what_it_is() {
    let tar = Tar::new().file(MODEL, &content(1000)).finish();
    let zip = zip(&[Part::stored(MODEL, &content(1000))]);
    let cases = [
        (gzip(&tar), Some(ArchiveKind::TarGz)),
        (gzip(&content(1000)), Some(ArchiveKind::Gz)),
        (gzip(&zip), Some(ArchiveKind::Gz)),
        (tar, Some(ArchiveKind::Tar)),
        (zip, Some(ArchiveKind::Zip)),
        (content(1000), None),
        (vec![0; 1024], None),
        (Vec::new(), None),
        (vec![0x1f, 0x8b], Some(ArchiveKind::Gz)),
    ];
    let all = [ArchiveKind::Tar, ArchiveKind::TarGz, ArchiveKind::Zip, ArchiveKind::Gz];
    for (bytes, kind) in cases {
        let head = &bytes[..bytes.len().min(DETECT_BYTES)];
        assert_eq!(ArchiveKind::detect(head), kind);
        let found = with_file(&bytes, |path| ArchiveKind::detect_file(path).unwrap());
        assert_eq!(found, kind);
        let Some(kind) = kind else { continue };
        for other in all {
            let gzips = [ArchiveKind::TarGz, ArchiveKind::Gz];
            if gzips.contains(&kind) && gzips.contains(&other) {
                continue;
            }
            if other != kind {
                refuse(other, &bytes, &format!("it is {kind}, not {other}"));
            }
        }
    }
}

#[test]
fn an_error_names_the_archive_and_its_cause() {
    let missing = Path::new("no-such-folder/archive.zip");
    let error = list(missing, ArchiveKind::Zip, &small()).unwrap_err();
    assert_eq!(error.to_string(), "cannot read the archive no-such-folder/archive.zip");
    assert!(matches!(error.fault, ArchiveFault::Read(_)));
    assert!(error.source().unwrap().source().is_some());
    let dir = tempfile::tempdir().unwrap();
    let error = list(dir.path(), ArchiveKind::Tar, &small()).unwrap_err();
    assert!(matches!(error.fault, ArchiveFault::NotAFile));
}
