//! Whole files: exact ones, damaged ones, and those of kinds that are not read.

use sha2::{Digest, Sha256};

use super::samples::{BASELINE, PROGRESSIVE, STANDARD};
use super::{Failure, decode};

/// Where a file's first bytes `marker` are.
fn find(file: &[u8], marker: [u8; 2]) -> usize {
    file.windows(2).position(|bytes| bytes == marker).unwrap()
}

#[test]
fn the_pixels_are_those_of_pillow() {
    let gray = decode(&STANDARD).unwrap();
    assert_eq!((gray.height, gray.width, gray.channels), (3, 5, 1));
    #[rustfmt::skip]
    assert_eq!(gray.data, [
        163, 161, 162, 165, 167,
        161, 159, 160, 163, 165,
        163, 161, 161, 164, 167,
    ]);
    let cases =
        [(&BASELINE[..], 10, 19, "b2936f6c8d49497f"), (&PROGRESSIVE, 9, 13, "0696a13856e6c51c")];
    for (file, height, width, digest) in cases {
        let image = decode(file).unwrap();
        assert_eq!((image.height, image.width, image.channels), (height, width, 3));
        assert_eq!(format!("{:x}", Sha256::digest(&image.data))[..16], *digest);
    }
}

/// The same blocks as those of another image, whose size and sampling they fit as well: half
/// the height, a quarter of a side, and a width too small to interpolate.
#[test]
fn rarer_samplings_are_those_of_pillow_too() {
    let cases = [
        (&PROGRESSIVE[..], 0xC2, [13, 9], 0x12, "7196d9337bf71c05"),
        (&BASELINE, 0xC0, [5, 38], 0x41, "6e472a448c02e68b"),
        (&BASELINE, 0xC0, [38, 5], 0x14, "4534d95d2e663755"),
        (&PROGRESSIVE, 0xC2, [9, 3], 0x21, "b8c02e2d639f8fd5"),
    ];
    for (file, marker, [height, width], sampling, digest) in cases {
        let mut file = file.to_vec();
        let frame = find(&file, [0xFF, marker]);
        (file[frame + 6], file[frame + 8], file[frame + 11]) = (height, width, sampling);
        let image = decode(&file).unwrap();
        assert_eq!(format!("{:x}", Sha256::digest(&image.data))[..16], *digest);
    }
}

#[test]
fn fill_bytes_and_what_follows_the_end_are_skipped() {
    let scan = find(&BASELINE, [0xFF, 0xDA]);
    let file = [&BASELINE[..scan], &[0xFF; 3], &BASELINE[scan..], &[0xFF, 0xD8, 1]].concat();
    assert_eq!(decode(&file).unwrap(), decode(&BASELINE).unwrap());
}

#[test]
fn the_orientation_is_read() {
    let exif = [
        &[0xFF, 0xE1, 0, 34][..],
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0",
    ];
    let file = [&STANDARD[..2], exif[0], exif[1], &STANDARD[2..]].concat();
    let image = decode(&file).unwrap();
    assert_eq!((image.upright().height, image.upright().width), (5, 3));
}

#[test]
fn every_truncated_file_is_named_so() {
    for file in [&BASELINE[..], &PROGRESSIVE, &STANDARD] {
        for kept in 0..file.len() {
            assert_eq!(decode(&file[..kept]), Err(Failure::Truncated), "{kept}");
        }
    }
}

/// One flipped bit at every place, and several at places that a generator chooses.
#[test]
fn damaged_files_do_not_panic() {
    let mut state = 1_u64;
    let mut random = |below: usize| {
        // Knuth's MMIX generator; its upper bits are the better ones.
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for file in [&BASELINE[..], &PROGRESSIVE, &STANDARD] {
        for bit in 0..8 * file.len() {
            let mut damaged = file.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let _ = decode(&damaged);
        }
        for round in 0..10_000 {
            let mut damaged = file.to_vec();
            for _ in 0..=round % 4 {
                damaged[random(file.len())] = random(256) as u8;
            }
            damaged.truncate(file.len() - random(2) * random(file.len()));
            let _ = decode(&damaged);
        }
    }
}

/// A lost restart marker, and a scan that is shorter than its image.
#[test]
fn missing_data_is_damage() {
    let restart = find(&BASELINE, [0xFF, 0xD0]);
    for file in [
        [&BASELINE[..restart], &BASELINE[restart + 2..]].concat(),
        [&BASELINE[..restart], &[0xFF, 0xD9]].concat(),
    ] {
        assert!(matches!(decode(&file), Err(Failure::Malformed(_))));
    }
}

#[test]
fn a_header_that_promises_too_much_is_refused_unallocated() {
    let frame = find(&BASELINE, [0xFF, 0xC0]);
    let with_size = |width: u16, height: u16| {
        let mut file = BASELINE.to_vec();
        file[frame + 5..][..2].copy_from_slice(&height.to_be_bytes());
        file[frame + 7..][..2].copy_from_slice(&width.to_be_bytes());
        decode(&file)
    };
    assert_eq!(with_size(16_385, 1), Err(Failure::TooLarge { width: 16_385, height: 1 }));
    assert!(matches!(with_size(16_384, 16_384), Err(Failure::TooLarge { .. })));
    assert_eq!(with_size(12_000, 12_000), Err(Failure::Truncated));
}

#[test]
fn scans_without_end_are_refused() {
    let start = find(&PROGRESSIVE, [0xFF, 0xDA]);
    let end = start + find(&PROGRESSIVE[start..], [0xFF, 0xC4]);
    let repeated = |count| {
        let scans = PROGRESSIVE[start..end].repeat(count);
        decode(&[&PROGRESSIVE[..start], &scans, &PROGRESSIVE[end..]].concat())
    };
    assert_eq!(repeated(20), decode(&PROGRESSIVE));
    assert!(matches!(repeated(600), Err(Failure::Malformed(_))));
}

#[test]
fn other_kinds_are_refused() {
    let frame = find(&BASELINE, [0xFF, 0xC0]);
    // Arithmetic coding, lossless, 12 bits, a height of zero, four components.
    for (at, value) in [(1, 0xC9), (1, 0xC3), (4, 12), (6, 0), (9, 4)] {
        let mut file = BASELINE.to_vec();
        file[frame + at] = value;
        assert_eq!(decode(&file), Err(Failure::Unsupported));
    }
}
