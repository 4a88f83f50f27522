//! Gzip streams that are bombs, damaged or followed by something.

use std::io::Write as _;

use flate2::write::GzEncoder;
use flate2::{Compression, Crc, GzBuilder};
use zoo_registry::archive::{ArchiveKind, extract};

use super::build_tar::Tar;
use super::build_zip::{Part, central, local, zip};
use super::{
    MODEL, accept, content, extracted, gzip, listed, refuse, refuse_cut, small, with_file,
};

const GZ: ArchiveKind = ArchiveKind::Gz;

fn zeros(bytes: usize) -> Vec<u8> {
    gzip(&vec![0; bytes])
}

#[test]
fn several_members_in_a_row() {
    let content = content(1000);
    let mut all = [gzip(&content[..300]), gzip(b""), gzip(&content[300..])].concat();
    assert!(extracted(GZ, &all, "").unwrap() == content);
    // A boundary within the tar inside.
    let tar = Tar::new().file(MODEL, &content).finish();
    accept(ArchiveKind::TarGz, &[gzip(&tar[..700]), gzip(&tar[700..])].concat());
    all.extend(&gzip(b"")[..9]);
    refuse(GZ, &all, "ends within a gzip header");
}

#[test]
fn headers_with_everything() {
    let mut encoder = GzBuilder::new()
        .filename("/../name")
        .comment("comment")
        .extra(vec![1; 300])
        .write(Vec::new(), Compression::default());
    encoder.write_all(&content(1000)).unwrap();
    let plain = encoder.finish().unwrap();
    assert!(extracted(GZ, &plain, "ignored").unwrap() == content(1000));
    // The same with a checksum of the header.
    let end = 10 + 2 + 300 + "/../name\0comment\0".len();
    let mut header = plain[..end].to_vec();
    header[3] |= 2;
    let mut crc = Crc::new();
    crc.update(&header);
    let sum = (crc.sum() as u16).to_le_bytes();
    let summed = [&header, &sum[..], &plain[end..]].concat();
    assert!(extracted(GZ, &summed, "").unwrap() == content(1000));
    let wrong = [&header, &[sum[0] ^ 1, sum[1]][..], &plain[end..]].concat();
    refuse(GZ, &wrong, "its checksum is wrong");
    for (at, value, why) in [(1, 0, "1f 8b"), (2, 7, "deflate"), (3, 0x20, "reserved")] {
        let mut bad = gzip(b"x");
        bad[at] = value;
        refuse(GZ, &bad, why);
    }
    let mut endless = gzip(b"x");
    endless[3] = 8;
    let endless = [&endless[..10], &vec![b'a'; 1 << 17]].concat();
    refuse(GZ, &endless, "too long");
}

#[test]
fn fault_095_a_bomb_never_writes_more_than_its_limit() {
    let written = |kind, bytes: &[u8]| {
        with_file(bytes, |path| {
            let mut out = Vec::new();
            let error = extract(path, kind, MODEL, &small(), &mut out).unwrap_err();
            (error.fault.to_string(), out.len())
        })
    };
    // 8 MiB of zeros in 8 KiB: the ratio shows first.
    let (why, length) = written(GZ, &zeros(8 << 20));
    assert!(why.contains("ratio"), "{why}");
    assert!(length <= 1 << 18, "{length}");
    // Spread over members, each harmless by itself.
    let (why, length) = written(GZ, &zeros(1 << 16).repeat(64));
    assert!(why.contains("ratio"), "{why}");
    assert!(length <= 1 << 18, "{length}");
    // With an honest ratio the size is the limit.
    let (why, length) = written(GZ, &gzip(&content((1 << 20) + 1)));
    assert!(why.contains("unpacked size in bytes is more than the limit of 1048576"), "{why}");
    assert!(length <= 1 << 20, "{length}");
    assert!(extracted(GZ, &gzip(&content(1 << 20)), "").is_ok());
    // In a tar, whose header is honest or not.
    let bomb = Tar::new().file(MODEL, &vec![0; 1 << 20]).finish();
    let (why, length) = written(ArchiveKind::TarGz, &gzip(&bomb));
    assert!(why.contains("ratio"), "{why}");
    assert!(length <= 1 << 18, "{length}");
    // Behind the end of the tar.
    let tar = Tar::new().file(MODEL, &content(1000)).finish();
    let (why, _) = written(ArchiveKind::TarGz, &[gzip(&tar), zeros(8 << 20)].concat());
    assert!(why.contains("ratio") || why.contains("follows its end"), "{why}");
}

#[test]
fn fault_095_a_bomb_in_a_zip() {
    let zeros = vec![0; 1 << 20];
    refuse(ArchiveKind::Zip, &zip(&[Part::deflated(MODEL, &zeros)]), "ratio");
    // It says that it is small.
    let small_size = 60_000_u32.to_le_bytes();
    let bomb = Part::deflated(MODEL, &zeros)
        .set_local(local::SIZE, &small_size)
        .set_central(central::SIZE, &small_size);
    let bytes = zip(&[bomb]);
    assert!(listed(ArchiveKind::Zip, &bytes).is_ok());
    with_file(&bytes, |path| {
        let mut out = Vec::new();
        let error = extract(path, ArchiveKind::Zip, MODEL, &small(), &mut out).unwrap_err();
        assert!(error.fault.to_string().contains("60000 bytes"), "{:?}", error.fault);
        assert!(out.len() <= 60_000);
    });
}

#[test]
fn fault_100_cut_at_every_byte() {
    let gz = gzip(&content(1000));
    let tar_gz = gzip(&Tar::new().file(MODEL, &content(1000)).finish());
    for (kind, bytes) in [(GZ, gz), (ArchiveKind::TarGz, tar_gz)] {
        refuse_cut(kind, &bytes, (0..bytes.len()).rev());
    }
}

#[test]
fn fault_100_a_trailer_that_is_wrong_and_what_follows_it() {
    let good = gzip(&content(1000));
    let last = good.len();
    for (at, why) in [(last - 8, "CRC-32"), (last - 4, "bytes that are declared")] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        refuse(GZ, &bad, why);
    }
    for tail in
        [&b"\0"[..], b"x", b"\x1f", b"\x1f\x8c", b"\x1f\x8c\x08\0\0\0\0\0\0\0\0\0", &[0; 512]]
    {
        let error = listed(GZ, &[&good, tail].concat()).unwrap_err();
        let why = error.fault.to_string();
        assert!(why.contains("follows its end") || why.contains("ends within"), "{why}");
    }
}

/// A deflate stream may stop without saying so: flate2 alone would take that for the end.
#[test]
fn fault_100_a_stream_without_an_end_mark() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&content(1000)).unwrap();
    encoder.flush().unwrap();
    let open = encoder.get_ref().clone();
    refuse(GZ, &open, "ends within a deflate stream");
}
