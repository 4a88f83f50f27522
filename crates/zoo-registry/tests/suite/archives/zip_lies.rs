//! Zips that say two things, or have bytes that no reader should see.

use zoo_registry::archive::ArchiveKind;

use super::build_zip::{Layout, Part, central, local, zip};
use super::{MODEL, accept, content, extracted, listed, refuse};

const ZIP: ArchiveKind = ArchiveKind::Zip;

fn model() -> Part {
    Part::deflated(MODEL, &content(1000))
}

#[test]
fn fault_101_local_and_central_headers_disagree() {
    let other = || Part::stored("a", b"x");
    for (part, why) in [
        (other().set_local(local::NAME, b"b"), "its name is not that"),
        (other().set_central(central::NAME, b"b"), "its name is not that"),
        (other().set_local(local::FLAGS, &[0, 0]), "flags or method"),
        (other().set_local(local::METHOD, &[8, 0]), "flags or method"),
        (other().set_central(central::METHOD, &[8, 0]), "flags or method"),
        (other().set_local(local::CRC, &[1]), "sizes or checksum"),
        (other().set_local(local::SIZE, &[2]), "sizes or checksum"),
        (other().set_local(local::COMPRESSED, &[2]), "sizes or checksum"),
        (other().set_central(central::CRC, &[1]), "sizes or checksum"),
        // Nothing there is only fine where a descriptor follows.
        (other().set_local(local::CRC, &[0; 12]), "sizes or checksum"),
        (other().set_central(central::SIZE, &[2]), "its two sizes differ"),
        (other().set_local(0, b"PK\x03\x05"), "its mark"),
        (other().set_central(0, b"PK\x01\x03"), "its mark"),
        (other().set_central(central::DISK, &[1]), "another disk"),
        (other().zip64().set_local(local::SIZE, &[9, 0, 0, 0]), "its zip64 field"),
    ] {
        refuse(ZIP, &zip(&[model(), part.clone()]), why);
        refuse(ZIP, &zip(&[part, model()]), why);
    }
}

#[test]
fn fault_101_data_descriptors_that_lie() {
    let streamed = || model().streamed(true, false);
    for (at, why) in [(0, "not what"), (4, "not what"), (8, "not what"), (12, "not what")] {
        let mut part = streamed();
        part.descriptor[at] ^= 1;
        refuse(ZIP, &zip(&[part, Part::stored("a", b"")]), why);
    }
    let mut cut = streamed();
    cut.descriptor.pop();
    refuse(ZIP, &zip(&[cut]), "a length that none has");
    let mut none = streamed();
    none.descriptor.clear();
    refuse(ZIP, &zip(&[none]), "a length that none has");
    // Without the flag it belongs to nobody.
    let mut stray = model();
    stray.descriptor = streamed().descriptor;
    refuse(ZIP, &zip(&[stray]), "belong to no member");
}

#[test]
fn fault_101_extra_fields_that_lie() {
    let size = 1000_u64.to_le_bytes();
    let other = || Part::stored("a", b"x");
    let bytes = b"x"; // Other content than "a": the checksum of the name is wrong.
    for (part, why) in [
        (other().extra_central(0x7075, &[&[1, 0, 0, 0, 0], &bytes[..]].concat()), "another name"),
        (other().extra_local(0x7075, &[&[1, 0, 0, 0, 0], &bytes[..]].concat()), "another name"),
        (other().extra_central(1, &size).extra_central(1, &size), "extra fields"),
        (other().extra_central(1, &size), "its zip64 field"),
        (other().zip64().extra_local(1, &size), "extra fields"),
        (other().set_central(central::SIZE, &[0xff; 4]), "its two sizes differ"),
        (
            other().set_central(central::SIZE, &[0xff; 4]).extra_central(1, &size[..7]),
            "zip64 field",
        ),
        (other().zip64().set_central(central::NAME + 1, &[2]), ""),
    ] {
        refuse(ZIP, &zip(&[model(), part]), why);
    }
    // Lengths that do not add up.
    let mut odd = other();
    odd.central.extend([1, 2, 3]);
    odd.central[central::EXTRA_LENGTH] = 3;
    refuse(ZIP, &zip(&[model(), odd]), "extra fields");
    // Sizes beyond 64 bits, once added to something.
    for value in [u64::MAX, u64::MAX - 50, 1 << 63] {
        let field = [value.to_le_bytes(), value.to_le_bytes()].concat();
        let part = other()
            .set_local(local::COMPRESSED, &[0xff; 8])
            .set_central(central::COMPRESSED, &[0xff; 8])
            .extra_local(1, &field)
            .extra_central(1, &field);
        refuse(ZIP, &zip(&[model(), part]), "a member's size");
        let part =
            other().set_central(central::OFFSET, &[0xff; 4]).extra_central(1, &value.to_le_bytes());
        assert!(listed(ZIP, &zip(&[model(), part])).is_err());
    }
}

#[test]
fn fault_101_zip64_records() {
    let layout = || Layout::new(&[model().zip64()]);
    let build = |end64: &[u8], locator: &[u8], end: &[u8]| {
        [&layout().bytes[..], end64, locator, end].concat()
    };
    let (end64, locator) = layout().end64();
    let mut saturated = layout().end_record();
    saturated[8..20].fill(0xff);
    accept(ZIP, &build(&end64, &locator, &saturated));
    accept(ZIP, &build(&end64, &locator, &layout().end_record()));
    let broken = |record: &[u8], at: usize| {
        let mut record = record.to_vec();
        record[at] ^= 1;
        record
    };
    // Mark, size, disks, counts, size and offset of the directory.
    for at in [0, 4, 16, 20, 24, 32, 40, 48, 55] {
        let bytes = build(&broken(&end64, at), &locator, &saturated);
        refuse(ZIP, &bytes, "the zip64 end record");
    }
    for at in [0, 4, 8] {
        assert!(listed(ZIP, &build(&end64, &broken(&locator, at), &saturated)).is_err(), "{at}");
    }
    // The end record without what it refers to, or with other numbers.
    refuse(ZIP, &build(&[], &[], &saturated), "does not reach to it");
    refuse(ZIP, &build(&end64, &[], &saturated), "does not reach to it");
    for at in [12, 16] {
        let end = broken(&layout().end_record(), at);
        refuse(ZIP, &build(&end64, &locator, &end), "disagrees with the end record");
    }
    // Sizes at the end of what 64 bits can say.
    let mut huge = end64.clone();
    huge[40..56].fill(0xff);
    refuse(ZIP, &build(&huge, &locator, &saturated), "does not reach to it");
}

#[test]
fn fault_101_data_before_between_and_after() {
    let good = zip(&[model()]);
    let end = good.len() - 22;
    refuse(ZIP, &[&good[..], b"x"].concat(), "does not end with it");
    refuse(ZIP, &[&good[..], &[0; 100]].concat(), "does not end with it");
    refuse(ZIP, &[&good[..], &vec![0; 70_000]].concat(), "there is none");
    refuse(ZIP, &[b"x", &good[..]].concat(), "does not reach to it");
    refuse(ZIP, &[&good[..end], b"x", &good[end..]].concat(), "does not reach to it");
    // A second archive behind the first: which one is it?
    refuse(ZIP, &[&good[..], &good[..]].concat(), "does not reach to it");
    // Before the first member, with offsets that know of it.
    let mut before = model();
    before.local.splice(0..0, *b"#!/bin/sh");
    let before = before.set_central(central::OFFSET, &[9]);
    refuse(ZIP, &zip(&[before]), "belong to no member");
    // Between members, and between the last and the directory.
    let mut between = model();
    between.descriptor = b"hidden".to_vec();
    refuse(ZIP, &zip(&[between.clone(), Part::stored("a", b"")]), "belong to no member");
    refuse(ZIP, &zip(&[between]), "belong to no member");
    // A member that the directory leaves out.
    let mut hidden = Part::stored("hidden", b"x");
    hidden.central.clear();
    let mut layout = Layout::new(&[model(), hidden]);
    layout.members = 1;
    refuse(ZIP, &layout.end(), "belong to no member");
    // After the records, within the directory.
    let mut long = model();
    long.central.extend(b"hidden");
    refuse(ZIP, &zip(&[long]), "more than its records");
    // An end record in the comment of another.
    let layout = Layout::new(&[model()]);
    let inner = layout.end_record();
    let mut outer = layout.end_record();
    outer[20] = 22;
    refuse(ZIP, &[&layout.bytes[..], &outer, &inner].concat(), "more than one");
}

#[test]
fn fault_101_an_archive_of_several_parts() {
    // Number of this part, of the part with the directory, and members in this part.
    for at in [4, 6, 8] {
        let mut bytes = zip(&[model()]);
        let end = bytes.len() - 22;
        bytes[end + at] ^= 2;
        refuse(ZIP, &bytes, "several parts");
    }
}

/// The bomb of overlapping members: each is sound, and all share one content.
#[test]
fn fault_101_members_that_overlap() {
    let shared = Part::stored("a", b"x");
    let mut twin = shared.clone().set_central(central::OFFSET, &[0]);
    (twin.local, twin.content) = (Vec::new(), Vec::new());
    let mut layout = Layout::new(std::slice::from_ref(&shared));
    // The second record leads to the first member too.
    layout.bytes.extend(&twin.central);
    layout.directory_bytes += twin.central.len() as u32;
    layout.members = 2;
    refuse(ZIP, &layout.end(), "two members");
    // By another name, in the content of the first: quoted local headers.
    let inner = Part::stored(MODEL, &content(1000));
    let quoted = [&inner.local[..], &inner.content].concat();
    let outer = Part::stored("b", &quoted);
    let offset = outer.local.len() as u32;
    let mut empty = inner.clone().set_central(central::OFFSET, &offset.to_le_bytes());
    (empty.local, empty.content) = (Vec::new(), Vec::new());
    let bytes = zip(&[outer, empty]);
    refuse(ZIP, &bytes, "overlaps");
    assert!(extracted(ZIP, &bytes, "b").is_err());
}

#[test]
fn fault_101_offsets_that_lead_nowhere() {
    for offset in [1_u32, 20, 1 << 20, u32::MAX, u32::MAX - 1] {
        let part = Part::stored("a", b"x").set_central(central::OFFSET, &offset.to_le_bytes());
        assert!(listed(ZIP, &zip(&[model(), part])).is_err(), "{offset}");
    }
    for (offset, bytes) in [(0, u32::MAX), (u32::MAX, 0), (u32::MAX, u32::MAX), (0, 0), (5, 5)] {
        let mut layout = Layout::new(&[model()]);
        (layout.directory_at, layout.directory_bytes) = (offset, bytes);
        assert!(listed(ZIP, &layout.end()).is_err(), "{offset} {bytes}");
    }
}
