//! Names of members, in tar and zip alike.

use zoo_registry::archive::{ArchiveKind, Limits, list};

use super::build_tar::Tar;
use super::build_zip::{Part, zip};
use super::{MODEL, accept, content, gzip, listed, refuse, small};

/// Both refuse a sound archive that has a member of this name too.
#[track_caller]
fn refuse_name(name: &[u8], why: &str) {
    let model = content(1000);
    let tar = || Tar::new().file(MODEL, &model);
    refuse(ArchiveKind::Tar, &tar().entry(name, b'0', b"x").finish(), why);
    refuse(ArchiveKind::TarGz, &gzip(&tar().entry(name, b'0', b"x").finish()), why);
    let parts = [Part::stored(MODEL, &model), Part::new(name, 0, b"x", b"x")];
    refuse(ArchiveKind::Zip, &zip(&parts), why);
}

#[test]
fn names_that_are_fine() {
    for name in [
        "a",
        "./a",
        "weights/b",
        "...a",
        ".hidden",
        "a..b",
        "a b",
        "nullable",
        "com10",
        "console.txt",
        "模型/权重.bin",
        "é",
        "__MACOSX/._model.bin",
    ] {
        let model = content(1000);
        let tar = Tar::new().file(MODEL, &model).file(name, b"x").finish();
        accept(ArchiveKind::Tar, &tar);
        accept(ArchiveKind::Zip, &zip(&[Part::stored(MODEL, &model), Part::stored(name, b"x")]));
        assert_eq!(listed(ArchiveKind::Tar, &tar).unwrap()[1].path, name.trim_start_matches("./"));
    }
}

/// What `tar` makes of `.`.
#[test]
fn the_root_directory_is_no_member() {
    let model = content(1000);
    let tar = Tar::new().dir("./").dir("./weights/").file("./weights/model.bin", &model).finish();
    accept(ArchiveKind::Tar, &tar);
    assert_eq!(listed(ArchiveKind::Tar, &tar).unwrap().len(), 2);
    refuse(ArchiveKind::Tar, &Tar::new().dir("/").finish(), "absolute");
    refuse(ArchiveKind::Tar, &Tar::new().file("./", b"x").finish(), "empty");
    refuse(ArchiveKind::Tar, &Tar::new().file(".", b"x").finish(), "leads elsewhere");
}

#[test]
fn fault_083_members_outside_of_the_root() {
    for name in ["/etc/passwd", "//etc/passwd", ".//etc/passwd"] {
        refuse_name(name.as_bytes(), "absolute");
    }
    for name in ["C:/x", "C:\\x", "D:rel", "a/C:x", "\\\\host\\share", "\\x", "a:stream"] {
        refuse_name(name.as_bytes(), "is not allowed");
    }
}

#[test]
fn fault_086_dots_that_lead_elsewhere() {
    for name in ["..", "../x", "a/../x", "a/..", "./../x", "weights/../../x", "a/./b", "./."] {
        refuse_name(name.as_bytes(), "leads elsewhere");
    }
    refuse_name(b"..\\x", "is not allowed");
    refuse_name(b".. /x", "a dot or blank");
}

#[test]
fn fault_087_names_that_are_no_utf8() {
    for name in [&b"\xff"[..], b"a/\xc3", b"\xc0\xae\xc0\xae/x", b"\xed\xa0\x80"] {
        refuse_name(name, "UTF-8");
    }
}

#[test]
fn fault_098_names_that_meet() {
    for (name, why) in [
        (MODEL, "two members"),
        ("weights/MODEL.bin", "case only"),
        ("Weights/other", "case only"),
        ("weights", "a file and a directory"),
        ("weights/model.bin/x", "a file and a directory"),
        ("weights/\u{17f}", "case only"),
    ] {
        let model = content(1000);
        let before = "weights/s";
        let tar = Tar::new().file(before, b"").file(MODEL, &model).file(name, b"x").finish();
        refuse(ArchiveKind::Tar, &tar, why);
        let [before, model, other] = [(before, &b""[..]), (MODEL, &model), (name, b"x")]
            .map(|(name, content)| Part::stored(name, content));
        refuse(ArchiveKind::Zip, &zip(&[before.clone(), model.clone(), other.clone()]), why);
        refuse(ArchiveKind::Zip, &zip(&[other, before, model]), why);
    }
    // Case folds beyond ASCII too.
    let tar = Tar::new().file("É", b"").file("é", b"").finish();
    refuse(ArchiveKind::Tar, &tar, "case only");
    // A directory may follow what is in it, once.
    let tar = || Tar::new().file(MODEL, &content(1000)).dir("weights/");
    accept(ArchiveKind::Tar, &tar().finish());
    refuse(ArchiveKind::Tar, &tar().dir("./weights").finish(), "two members");
}

#[test]
fn fault_099_control_characters_and_nothing() {
    refuse_name(b"", "empty");
    refuse_name(b"a//b", "empty");
    for name in ["a\nb", "a\x1bb", "\x7f", "a\u{85}b", "\t"] {
        refuse_name(name.as_bytes(), "is not allowed");
    }
    // In a tar a NUL ends the name, and nothing may follow it.
    let tar = Tar::new().entry(b"a\0b", b'0', b"x").finish();
    refuse(ArchiveKind::Tar, &tar, "NUL inside");
    let tar = Tar::new().long_name("a\0b").file("a", b"x").finish();
    refuse(ArchiveKind::Tar, &tar, "NUL inside");
    let tar = Tar::new().pax(b'x', &[("path", "a\0b")]).file("a", b"x").finish();
    refuse(ArchiveKind::Tar, &tar, "is not allowed");
    let tar = Tar::new().pax(b'x', &[("path", "")]).file("a", b"x").finish();
    refuse(ArchiveKind::Tar, &tar, "empty");
    refuse(ArchiveKind::Tar, &Tar::new().long_name("").file("a", b"x").finish(), "empty");
    refuse(ArchiveKind::Zip, &zip(&[Part::new(b"a\0b", 0, b"x", b"x")]), "is not allowed");
}

#[test]
fn names_that_windows_cannot_have() {
    for name in ["con", "NUL.txt", "a/aux/b", "Com1", "lpt9.tar.gz", "conout$", "com¹"] {
        refuse_name(name.as_bytes(), "device name");
    }
    for name in ["a.", "a ", "a./b"] {
        refuse_name(name.as_bytes(), "a dot or blank");
    }
}

#[test]
fn names_that_are_too_long_or_deep() {
    let long = ["a".repeat(204).as_str(); 5].join("/");
    let tar = |name: &str| Tar::new().long_name(name).file("a", b"x").finish();
    refuse(ArchiveKind::Tar, &tar(&format!("{long}b")), "it has 1025 bytes");
    assert_eq!(listed(ArchiveKind::Tar, &tar(&long)).unwrap()[0].path, long);
    refuse(ArchiveKind::Tar, &tar(&"a".repeat(256)), "a part of it has 256 bytes");
    let deep = ["a"; 33].join("/");
    refuse(ArchiveKind::Tar, &tar(&deep), "it has 33 parts");
    assert!(listed(ArchiveKind::Tar, &tar(&deep[2..])).is_ok());
    refuse(ArchiveKind::Zip, &zip(&[Part::stored(&"a".repeat(60_000), b"")]), "60000 bytes");
}

/// Many long names are a bomb too: they are held in memory.
#[test]
fn fault_088_and_096_names_beyond_what_is_held() {
    let limits = Limits { max_members: 1000, ..small() };
    let mut tar = Tar::new();
    for number in 0..200 {
        tar = tar.long_name(&format!("{}{number:03}", "a/".repeat(20) + &"b".repeat(180)));
        tar = tar.file("x", b"");
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("archive");
    std::fs::write(&path, tar.finish()).unwrap();
    let error = list(&path, ArchiveKind::Tar, &limits).unwrap_err();
    assert!(error.fault.to_string().contains("names and directory"), "{:?}", error.fault);
}
