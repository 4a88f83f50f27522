//! Thousands of damaged archives: each is let in or refused, within its limits, and what a
//! checksum covers comes out right or not at all.

use std::fs::File;
use std::io::{self, Seek as _, Write};

use flate2::Crc;
use zoo_registry::archive::{ArchiveKind, Limits, extract, list};

use super::build_tar::{Tar, seal};
use super::build_zip::{Part, zip};
use super::{MODEL, content, gzip, small};

/// Rounds of each of the eight runs, two for every kind.
const ROUNDS: usize = 1500;

/// `SplitMix64`.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }
}

/// Counts and sums, and holds nothing.
#[derive(Default)]
struct Counter {
    bytes: u64,
    crc: Crc,
}

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len() as u64;
        self.crc.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(3) {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len());
        let end = (at + 1 + random.below(12)).min(bytes.len());
        match random.below(8) {
            0 | 1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = random.below(256) as u8,
            3 => bytes[at..end].fill(0xff),
            4 => bytes[at..end].fill(0),
            5 => bytes.truncate(at),
            6 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => drop(bytes.drain(at..end)),
        }
    }
}

/// Damages `good` again and again; gives how often it was still let in. `checked` says that
/// a checksum covers the content; `repair` may make a damaged archive look sound again.
fn hammer(
    kind: ArchiveKind,
    good: &[u8],
    checked: bool,
    seed: u64,
    repair: impl Fn(&mut Vec<u8>),
) -> usize {
    let limits = Limits { max_member_bytes: 1 << 16, max_total_bytes: 1 << 17, ..small() };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("archive");
    let mut file = File::create(&path).unwrap();
    let mut expected = Counter::default();
    expected.write_all(&content(1000)).unwrap();
    let mut random = Random(seed);
    let mut accepted = 0;
    for round in 0..ROUNDS {
        let mut bytes = good.to_vec();
        damage(&mut bytes, &mut random);
        repair(&mut bytes);
        // Overwritten, not truncated to nothing: that would wait for the disk each time.
        file.rewind().unwrap();
        file.write_all(&bytes).unwrap();
        file.set_len(bytes.len() as u64).unwrap();
        let listed = list(&path, kind, &limits);
        let mut out = Counter::default();
        let extracted = extract(&path, kind, MODEL, &limits, &mut out);
        assert!(out.bytes <= limits.max_member_bytes, "{kind} {round}");
        if let Ok(size) = extracted {
            accepted += 1;
            assert_eq!(size, out.bytes, "{kind} {round}");
            let members = listed.unwrap_or_else(|error| panic!("{round} {error:?}"));
            if kind != ArchiveKind::Gz {
                let member = members.iter().find(|member| member.path == MODEL).unwrap();
                assert_eq!(member.size, size, "{kind} {round}");
            }
            if checked {
                assert_eq!((size, out.crc.sum()), (1000, expected.crc.sum()), "{kind} {round}");
            }
        }
    }
    assert!(accepted < ROUNDS / 2, "{kind}: damage does little, {accepted}");
    accepted
}

fn sample_tar() -> Vec<u8> {
    let tar = Tar::new().pax(b'g', &[("comment", "x")]).dir("weights").long_name(MODEL);
    let tar = tar.file("x", &content(1000)).pax(b'x', &[("path", "a/b"), ("size", "1")]);
    tar.file("y", b"y").finish()
}

fn sample_zip() -> Vec<u8> {
    zip(&[
        Part::directory("weights/"),
        Part::deflated(MODEL, &content(1000)).streamed(true, false),
        Part::stored("a", b"a").zip64(),
    ])
}

#[test]
fn fault_100_damaged_tars() {
    // A flip in the content of a plain tar is nobody's to see.
    assert!(hammer(ArchiveKind::Tar, &sample_tar(), false, 1, |_| {}) > 0);
    // With checksums made right, damage reaches what is behind them.
    hammer(ArchiveKind::Tar, &sample_tar(), false, 2, |bytes| {
        for block in bytes.chunks_exact_mut(512) {
            if block[257..].starts_with(b"ustar") {
                seal(block);
            }
        }
    });
}

#[test]
fn fault_100_damaged_tars_in_gzip() {
    hammer(ArchiveKind::TarGz, &gzip(&sample_tar()), true, 3, |_| {});
    // The tar is damaged, and the gzip is not.
    hammer(ArchiveKind::TarGz, &sample_tar(), false, 4, |bytes| *bytes = gzip(bytes));
}

#[test]
fn fault_100_damaged_gzip() {
    let two = [gzip(&content(1000)[..600]), gzip(&content(1000)[600..])].concat();
    // Between its members a cut cannot be seen: only whole ones are hammered for content.
    hammer(ArchiveKind::Gz, &gzip(&content(1000)), true, 5, |_| {});
    hammer(ArchiveKind::Gz, &two, false, 6, |_| {});
}

#[test]
fn fault_101_damaged_zips() {
    hammer(ArchiveKind::Zip, &sample_zip(), true, 7, |_| {});
    // Damage at the end only: directory and end records.
    let good = sample_zip();
    let head = good.len() - 330;
    hammer(ArchiveKind::Zip, &good[head..], true, 8, |bytes| {
        bytes.splice(0..0, good[..head].iter().copied());
    });
}
