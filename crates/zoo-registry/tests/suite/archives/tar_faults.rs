//! Tars that lie, smuggle or stop.

use zoo_registry::archive::ArchiveKind;

use super::build_tar::{Header, Tar, pax_record};
use super::{MODEL, accept, content, extracted, gzip, refuse, refuse_cut};

const TAR: ArchiveKind = ArchiveKind::Tar;

/// A sound tar with the model, to which a test adds.
fn tar() -> Tar {
    Tar::new().file(MODEL, &content(1000))
}

#[test]
fn headers_of_every_dialect() {
    let model = content(1000);
    let header = Header::new(MODEL.as_bytes(), b'0', 1000);
    accept(TAR, &Tar::new().raw(&header.clone().set(257, b"ustar  \0"), &model).finish());
    accept(TAR, &Tar::new().raw(&header.clone().set(257, &[0; 8]).set(156, &[0]), &model).finish());
    // Only POSIX has a prefix there.
    let prefixed = Header::new(b"model.bin", b'0', 1000).set(345, b"weights");
    accept(TAR, &Tar::new().raw(&prefixed, &model).finish());
    let gnu =
        Header::new(MODEL.as_bytes(), b'0', 1000).set(345, b"13371337").set(257, b"ustar  \0");
    accept(TAR, &Tar::new().raw(&gnu, &model).finish());
    // Sizes in base-256, and with blanks.
    let binary = [&[0x80][..], &[0; 9], &1000_u16.to_be_bytes()].concat();
    accept(TAR, &Tar::new().raw(&header.clone().set(124, &binary), &model).finish());
    let blanks = header.clone().set(124, b"       1750 ");
    accept(TAR, &Tar::new().raw(&blanks, &model).finish());
    // A v7 directory.
    accept(TAR, &tar().entry(b"old/", 0, b"").finish());
    refuse(TAR, &tar().entry(b"old/", 0, b"x").finish(), "directory with content");
    refuse(TAR, &tar().entry(b"dir", b'5', b"x").finish(), "directory with content");
    refuse(TAR, &Tar::new().raw(&header.set(257, b"ustar 00"), &model).finish(), "magic");
}

#[test]
fn long_names_of_posix_and_gnu() {
    let model = content(1000);
    for start in [
        Tar::new().long_name(MODEL),
        Tar::new().pax(b'x', &[("path", MODEL), ("mtime", "1.5"), ("SCHILY.xattr.user.a", "=\n")]),
        Tar::new().pax(b'g', &[("comment", "a commit")]).pax(b'x', &[("path", MODEL)]),
    ] {
        accept(TAR, &start.file("cut off", &model).finish());
    }
    for (start, why) in [
        (Tar::new().long_name("a").pax(b'x', &[("path", "a")]), "POSIX and of GNU"),
        (Tar::new().long_name("a").long_name("a"), "another one of its kind"),
        (Tar::new().pax(b'x', &[("path", "a")]).pax(b'x', &[]), "another one of its kind"),
        (Tar::new().pax(b'x', &[("path", "a"), ("path", "b")]), "there twice"),
        (Tar::new().pax(b'g', &[("path", "a")]), "names all members"),
        (Tar::new().pax(b'g', &[("size", "1")]), "names all members"),
    ] {
        refuse(TAR, &start.file(MODEL, &model).finish(), why);
    }
    refuse(TAR, &tar().long_name("a").finish(), "has no member");
    refuse(TAR, &tar().pax(b'x', &[("path", "a")]).finish(), "has no member");
}

/// CVE-2022-36113: the file that says "complete" was a link that the archive brought along.
#[test]
fn fault_084_a_marker_as_symlink() {
    refuse(TAR, &tar().link(b'2', ".cargo-ok", "/etc/passwd").finish(), "symbolic link");
    refuse(TAR, &tar().link(b'2', "digests", "model.bin").finish(), "symbolic link");
}

#[test]
fn fault_085_every_other_type_of_member() {
    for (typeflag, why) in [
        (b'1', "hard link"),
        (b'2', "symbolic link"),
        (b'3', "device"),
        (b'4', "device"),
        (b'6', "fifo"),
        (b'K', "long link target"),
        (b'S', "sparse"),
        (b'7', "is not known"),
        (b'D', "is not known"),
        (b'M', "is not known"),
        (b'V', "is not known"),
        (b'X', "is not known"),
        (b'Z', "is not known"),
        (0xff, "is not known"),
    ] {
        let with = |tar: Tar| tar.link(typeflag, "a", MODEL);
        refuse(TAR, &with(tar()).finish(), why);
        refuse(TAR, &with(Tar::new()).file(MODEL, &content(1000)).finish(), why);
        refuse(ArchiveKind::TarGz, &gzip(&with(tar()).finish()), why);
    }
    for key in ["GNU.sparse.major", "GNU.sparse.name", "SCHILY.realsize", "GNU.dumpdir"] {
        refuse(TAR, &tar().pax(b'x', &[(key, "1")]).file("a", b"").finish(), "is not let in");
        refuse(TAR, &tar().pax(b'g', &[(key, "1")]).file("a", b"").finish(), "is not let in");
    }
    refuse(TAR, &tar().pax(b'x', &[("linkpath", "a")]).file("a", b"").finish(), "makes a link");
}

#[test]
fn fault_088_more_members_than_allowed() {
    let fill = |count| (0..count).fold(tar(), |tar, n| tar.file(&n.to_string(), b""));
    accept(TAR, &fill(7).finish());
    refuse(TAR, &fill(8).finish(), "the number of members is more than the limit of 8");
    // The root is not listed, and counts.
    let roots = (0..8).fold(tar(), |tar, _| tar.dir("./"));
    refuse(TAR, &roots.finish(), "the number of members");
}

/// The size that reading and skipping take must be one, or a member is hidden from some.
#[test]
fn fault_089_pax_size_against_header_size() {
    let model = content(1000);
    let sized = |size: &str| Tar::new().pax(b'x', &[("size", size)]).file(MODEL, &model).finish();
    accept(TAR, &sized("1000"));
    for size in ["999", "1001", "0", "512", "1536", "9223372036854775807"] {
        refuse(TAR, &sized(size), "not that of its pax header");
    }
    for size in ["", "-1", "1e3", "0x3e8", " 1000", "9223372036854775808"] {
        refuse(TAR, &sized(size), "not a number below 2^63");
    }
    // POSIX writers put 0 into a header whose field is too short, and only then.
    let zero = |size: &str| {
        let header = Header::new(MODEL.as_bytes(), b'0', 0);
        Tar::new().pax(b'x', &[("size", size)]).raw(&header, &model).finish()
    };
    refuse(TAR, &zero("1000"), "not that of its pax header");
    refuse(TAR, &zero("8589934591"), "not that of its pax header");
}

/// 8 GiB and a byte, of which file systems of Unix store nothing.
#[cfg(unix)]
#[test]
fn fault_089_a_size_that_only_pax_can_say() {
    use std::fs::File;
    use std::io::{Seek as _, SeekFrom, Write as _};

    use zoo_registry::archive::{Limits, extract, list};

    let size = (1_u64 << 33) + 1;
    let start = Tar::new().pax(b'x', &[("size", &size.to_string())]);
    let start = start.raw(&Header::new(b"large", b'0', 0), b"").0;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("archive");
    let mut file = File::create(&path).unwrap();
    file.write_all(&start).unwrap();
    file.seek(SeekFrom::Current((size as i64 + 511) & !511)).unwrap();
    file.write_all(&tar().finish()).unwrap();
    let limits = Limits::default();
    let members = list(&path, TAR, &limits).unwrap();
    assert_eq!(members.iter().map(|member| member.size).collect::<Vec<_>>(), [size, 1000]);
    let mut out = Vec::new();
    extract(&path, TAR, MODEL, &limits, &mut out).unwrap();
    assert!(out == content(1000));
    let error = list(&path, TAR, &super::small()).unwrap_err();
    assert!(error.fault.to_string().contains("a member's size"), "{:?}", error.fault);
}

/// A reader that believes the header skips nothing and finds a link in the content.
#[test]
fn fault_090_a_link_smuggled_by_pax_size() {
    let hidden = Tar::new().link(b'2', "escape", "/etc").0;
    for (header_size, pax_size) in [(0, 512), (512, 0)] {
        let header = Header::new(b"a", b'0', header_size);
        let tar = tar().pax(b'x', &[("size", &format!("{pax_size}"))]).raw(&header, &hidden);
        refuse(TAR, &tar.finish(), "not that of its pax header");
    }
    // As content it is content.
    let tar = tar().file("a", &hidden).finish();
    accept(TAR, &tar);
    assert_eq!(extracted(TAR, &tar, "a").unwrap(), hidden);
}

#[test]
fn fault_091_a_link_and_a_member_through_it() {
    for typeflag in [b'1', b'2'] {
        let tar = Tar::new().link(typeflag, "weights", "/tmp").file(MODEL, &content(1000));
        refuse(TAR, &tar.finish(), "link");
        let tar = tar_with_link_after(typeflag);
        refuse(TAR, &tar, "link");
    }
}

fn tar_with_link_after(typeflag: u8) -> Vec<u8> {
    tar().link(typeflag, MODEL, "/etc/passwd").finish()
}

#[test]
fn fault_092_a_chain_of_links() {
    let tar = Tar::new().link(b'2', "a", ".").link(b'2', "a/b", "..").link(b'2', "a/b/c", "..");
    refuse(TAR, &tar.file("a/b/c/passwd", b"x").finish(), "symbolic link");
}

#[test]
fn fault_094_links_in_a_circle() {
    refuse(TAR, &tar().link(b'2', "a", "b").link(b'2', "b", "a").finish(), "symbolic link");
    refuse(TAR, &tar().link(b'1', "a", "a").finish(), "hard link");
}

#[test]
fn fault_096_oversized_extended_headers() {
    let comment = "c".repeat(4000);
    accept(
        TAR,
        &Tar::new().pax(b'x', &[("comment", &comment)]).file(MODEL, &content(1000)).finish(),
    );
    let long = "c".repeat(5000);
    for start in [
        Tar::new().pax(b'x', &[("comment", &long)]),
        Tar::new().pax(b'g', &[("comment", &long)]),
        Tar::new().long_name(&long),
        // Announced only: nothing is allocated for it.
        Tar::new().raw(&Header::new(b"x", b'x', (1 << 33) - 1), b""),
        Tar::new().raw(&Header::new(b"x", b'L', 1 << 32), b""),
    ] {
        let tar = start.file(MODEL, &content(1000)).finish();
        refuse(TAR, &tar, "an extended header's size in bytes is more than the limit of 4096");
    }
    let record = pax_record("path", "a");
    for bad in ["999 path=a\n", "0 path=a\n", "path=a\n", &record[..record.len() - 1]] {
        let tar = tar().entry(b"x", b'x', bad.as_bytes()).file("a", b"").finish();
        refuse(TAR, &tar, "is not `LENGTH KEY=VALUE`");
    }
}

#[test]
fn fault_097_header_sizes_that_overflow() {
    let with_size = |bytes: &[u8]| {
        let header = Header::new(MODEL.as_bytes(), b'0', 0).set(124, bytes);
        Tar::new().raw(&header, &content(1000)).finish()
    };
    for bad in [
        &b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"[..],
        b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x80\xff\0\0\0\0\0\0\0\0\0\0",
        b"-0000000001\0",
        b"0000000009\0\0",
        b"\0\0\0\0\0\0\0\0\0\0\0\0",
    ] {
        refuse(TAR, &with_size(bad), "not a number below 2^63");
    }
    refuse(TAR, &with_size(b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"), "a member's size");
    refuse(TAR, &with_size(b"777777777777"), "a member's size");
    // Two that only together are too large.
    let half = vec![0; 1 << 20];
    let tar = tar().file("a", &half).file("b", &half).finish();
    refuse(TAR, &tar, "the unpacked size in bytes is more than the limit of 2097152");
}

#[test]
fn fault_100_cut_at_every_byte() {
    let tar =
        Tar::new().pax(b'g', &[("comment", "x")]).dir("weights").pax(b'x', &[("path", MODEL)]);
    let tar = tar.file("x", &content(1000)).long_name("long").file("l", b"l").finish();
    refuse_cut(TAR, &tar, (0..tar.len()).rev());
}

#[test]
fn fault_100_a_bad_end() {
    let end = |tail: &[u8]| [&tar().0[..], tail].concat();
    refuse(TAR, &end(&[]), "ends within");
    refuse(TAR, &end(&[0; 512]), "ends within");
    accept(TAR, &end(&[0; 1024]));
    accept(TAR, &end(&[0; 10_240]));
    refuse(TAR, &end(&[0; 1025]), "follows its end");
    refuse(TAR, &end(&vec![0; 2 << 20]), "follows its end");
    refuse(
        TAR,
        &end(&[&[0; 512][..], &Tar::new().file("a", b"").finish()].concat()),
        "not followed",
    );
    refuse(
        TAR,
        &end(&[&[0; 1024][..], &Tar::new().file("a", b"").finish()].concat()),
        "follows its end",
    );
    let mut hidden = vec![0; 4096];
    hidden[4000] = 1;
    refuse(TAR, &end(&hidden), "follows its end at byte");
    // A damaged header is no end.
    let mut damaged = tar().finish();
    damaged[3] ^= 1;
    refuse(TAR, &damaged, "checksum");
    refuse(TAR, &[&damaged[512..]].concat(), "checksum");
}
