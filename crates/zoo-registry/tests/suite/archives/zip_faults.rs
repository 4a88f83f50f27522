//! Zips of every ordinary shape, and the members that are refused in them.

use zoo_registry::archive::ArchiveKind;

use super::build_zip::{Layout, Part, central, deflate, local, zip};
use super::{MODEL, accept, content, extracted, listed, refuse, refuse_cut};

const ZIP: ArchiveKind = ArchiveKind::Zip;

fn model() -> Part {
    Part::deflated(MODEL, &content(1000))
}

#[test]
fn shapes_that_writers_make() {
    let stored = Part::stored(MODEL, &content(1000));
    for part in [
        model(),
        stored.clone(),
        model().zip64(),
        model().streamed(true, false),
        model().streamed(false, false),
        model().streamed(true, true),
        model().streamed(false, true),
        stored.streamed(true, false),
        // Times of Info-ZIP, padding of PyTorch.
        model().extra_local(0x5455, &[0; 13]).extra_central(0x5455, &[0; 5]),
        model().extra_local(0x4246, &[b'Z'; 40]),
        model().set_central(central::ATTRIBUTES, &(0o100_644_u32 << 16).to_le_bytes()),
    ] {
        accept(ZIP, &zip(&[Part::directory("weights/"), part, Part::stored("a", b"")]));
    }
    let commented = {
        let layout = Layout::new(&[model()]);
        let mut end = layout.end_record();
        end[20] = 7;
        [&layout.bytes[..], &end, b"comment"].concat()
    };
    accept(ZIP, &commented);
    assert_eq!(listed(ZIP, &zip(&[])).unwrap(), []);
    // A comment on a member, and all fields in a zip64 field of which one is needed.
    let mut part = model();
    part.central[central::COMMENT_LENGTH] = 3;
    part.central.extend(b"why");
    accept(ZIP, &zip(&[part]));
    let full = [1000_u64.to_le_bytes(), (model().content.len() as u64).to_le_bytes(), [0; 8]];
    let part = model().set_central(central::COMPRESSED, &[0xff; 8]);
    accept(ZIP, &zip(&[part.extra_central(1, &full.concat())]));
}

#[test]
fn fault_085_links_and_devices_in_a_zip() {
    for (mode, why) in [
        (0o120_777_u32, "symbolic link"),
        (0o020_666, "device"),
        (0o060_666, "device"),
        (0o010_666, "fifo"),
        (0o140_666, "socket"),
        (0o040_755, "disagree"),
    ] {
        let attributes = (mode << 16).to_le_bytes();
        let part = Part::stored("a", b"/etc").set_central(central::ATTRIBUTES, &attributes);
        refuse(ZIP, &zip(&[model(), part.clone()]), why);
        // Whatever system it says it was made on.
        refuse(ZIP, &zip(&[part.set_central(5, &[0]), model()]), why);
    }
    let with = |part: Part, attributes: u32| {
        zip(&[model(), part.set_central(central::ATTRIBUTES, &attributes.to_le_bytes())])
    };
    refuse(ZIP, &with(Part::stored("a", b"x"), 0x400), "a link of Windows");
    refuse(ZIP, &with(Part::stored("a", b"x"), 0x10), "disagree");
    refuse(ZIP, &with(Part::directory("a/"), 0o100_644 << 16), "disagree");
    accept(ZIP, &with(Part::directory("a/"), 0o040_755 << 16 | 0x10));
    refuse(ZIP, &zip(&[model(), Part::stored("a/", b"x")]), "directory with content");
}

#[test]
fn fault_088_more_members_than_allowed() {
    let fill = |count: usize| {
        let others = (0..count).map(|n| Part::stored(&n.to_string(), b""));
        zip(&std::iter::once(model()).chain(others).collect::<Vec<_>>())
    };
    accept(ZIP, &fill(7));
    refuse(ZIP, &fill(8), "the number of members is more than the limit of 8");
    // Counts that are not those of the directory.
    for count in [0_u16, 1, 3, 8] {
        let mut layout = Layout::new(&[model(), Part::stored("a", b"")]);
        layout.members = count;
        assert!(listed(ZIP, &layout.end()).is_err(), "{count}");
    }
}

#[test]
fn fault_102_flags_of_encryption_and_of_the_unknown() {
    let flagged = |bit: u16| {
        let flags = (0x800_u16 | 1 << bit).to_le_bytes();
        let part = Part::stored("a", b"x");
        part.set_local(local::FLAGS, &flags).set_central(central::FLAGS, &flags)
    };
    for bit in [0, 6, 13] {
        refuse(ZIP, &zip(&[model(), flagged(bit)]), "it is encrypted");
    }
    for bit in [4, 5, 7, 8, 9, 10, 12, 14, 15] {
        refuse(ZIP, &zip(&[model(), flagged(bit)]), "flags that are not known");
    }
    for bit in [1, 2, 11] {
        accept(ZIP, &zip(&[model(), flagged(bit)]));
    }
    // Hidden in one of the two records.
    for bit in [0, 1, 3] {
        let flags = (0x800 | 1_u16 << bit).to_le_bytes();
        let part = Part::stored("a", b"x").set_local(local::FLAGS, &flags);
        refuse(ZIP, &zip(&[model(), part]), "flags or method");
    }
}

#[test]
fn fault_102_methods_that_are_not_known() {
    // Shrunk, deflate64, bzip2, LZMA, Zstandard, xz, AES.
    for method in [1_u16, 9, 12, 14, 93, 95, 99] {
        let method_bytes = method.to_le_bytes();
        let part = Part::stored("a", b"x")
            .set_local(local::METHOD, &method_bytes)
            .set_central(central::METHOD, &method_bytes);
        refuse(ZIP, &zip(&[model(), part]), &format!("its method {method} is not known"));
        let part = Part::stored("a", b"x").set_local(local::METHOD, &method_bytes);
        assert!(listed(ZIP, &zip(&[model(), part])).is_err());
    }
}

#[test]
fn fault_101_a_zip_in_a_zip_is_content() {
    let inner = zip(&[Part::stored("../../inner", b"x")]);
    let outer = zip(&[model(), Part::stored("inner.zip", &inner)]);
    accept(ZIP, &outer);
    assert_eq!(listed(ZIP, &outer).unwrap().len(), 2);
    assert_eq!(extracted(ZIP, &outer, "inner.zip").unwrap(), inner);
}

#[test]
fn fault_101_content_that_is_not_as_declared() {
    let bad = |part: Part, why: &str| {
        let bytes = zip(&[part]);
        assert!(listed(ZIP, &bytes).is_ok(), "{why}");
        let error = extracted(ZIP, &bytes, MODEL).unwrap_err();
        let text = error.fault.to_string();
        assert!(text.contains(why), "{text:?} does not contain {why:?}");
    };
    let both = |part: Part, in_local: usize, in_central: usize, bytes: &[u8]| {
        part.set_local(in_local, bytes).set_central(in_central, bytes)
    };
    let crc = &[1, 2, 3, 4];
    bad(both(model(), local::CRC, central::CRC, crc), "CRC-32");
    let stored = Part::stored(MODEL, &content(1000));
    bad(both(stored, local::CRC, central::CRC, crc), "CRC-32");
    for size in [999_u32, 1001] {
        let part = both(model(), local::SIZE, central::SIZE, &size.to_le_bytes());
        bad(part, &format!("the {size} bytes that are declared"));
    }
    let packed = deflate(&content(1000));
    let model = |packed: &[u8]| Part::new(MODEL.as_bytes(), 8, &content(1000), packed);
    bad(model(&[&packed[..], b"hidden"].concat()), "bytes that are declared");
    bad(model(&packed[..packed.len() - 1]), "ends within a deflate stream");
    bad(model(b"\x07"), "malformed");
    bad(model(b""), "ends within a deflate stream");
}

#[test]
fn fault_100_cut_at_every_byte() {
    let zips = [
        zip(&[Part::directory("weights/"), model()]),
        zip(&[model().zip64(), Part::stored("a", b"x").streamed(true, false)]),
    ];
    for bytes in zips {
        refuse_cut(ZIP, &bytes, (0..bytes.len()).rev());
    }
}
