//! Resampling against Pillow 12: `Image.resize((width, height), filter)`.

use sha2::{Digest, Sha256};

use super::patterned;
use crate::preprocess::Filter;
use crate::preprocess::resize::resize_window;

/// An image of 4 x 5 gray pixels reduced to 2 x 3 and enlarged to 6 x 7.
#[test]
fn small_images() {
    #[rustfmt::skip]
    let cases: [(Filter, [u8; 6], [u8; 42]); 5] = [
        (Filter::Nearest, [111, 157, 243, 229, 219, 249], [
            11, 139, 139, 85, 105, 105, 199,
            111, 97, 97, 157, 35, 35, 243,
            111, 97, 97, 157, 35, 35, 243,
            13, 113, 113, 31, 23, 23, 89,
            13, 113, 113, 31, 23, 23, 89,
            229, 187, 187, 219, 69, 69, 249,
        ]),
        (Filter::Box, [90, 121, 146, 136, 125, 108], [
            11, 139, 139, 85, 105, 105, 199,
            111, 97, 97, 157, 35, 35, 243,
            111, 97, 97, 157, 35, 35, 243,
            13, 113, 113, 31, 23, 23, 89,
            229, 187, 187, 219, 69, 69, 249,
            229, 187, 187, 219, 69, 69, 249,
        ]),
        (Filter::Bilinear, [81, 100, 143, 129, 114, 122], [
            11, 84, 124, 85, 99, 145, 199,
            61, 94, 119, 121, 85, 135, 221,
            95, 97, 110, 136, 62, 112, 217,
            29, 76, 94, 52, 33, 63, 115,
            121, 138, 143, 125, 69, 99, 169,
            229, 205, 196, 219, 112, 146, 249,
        ]),
        (Filter::Bicubic, [78, 97, 145, 135, 111, 118], [
            0, 85, 136, 80, 95, 150, 201,
            61, 94, 126, 126, 75, 138, 238,
            103, 95, 110, 144, 44, 108, 237,
            8, 70, 97, 36, 17, 55, 104,
            119, 141, 151, 123, 56, 94, 169,
            246, 211, 202, 231, 98, 144, 255,
        ]),
        (Filter::Lanczos, [76, 91, 140, 142, 107, 115], [
            0, 84, 145, 75, 84, 153, 197,
            67, 94, 136, 134, 68, 145, 248,
            102, 87, 113, 140, 29, 103, 232,
            0, 64, 99, 30, 3, 53, 100,
            116, 141, 159, 120, 48, 94, 165,
            255, 211, 211, 240, 92, 145, 255,
        ]),
    ];
    let image = patterned(4, 5, 1);
    for (filter, reduced, enlarged) in cases {
        let resized = |h, w| resize_window(&image, [h, w], 0..h, 0..w, filter, true);
        assert_eq!(resized(2, 3).data, reduced, "{filter:?}");
        assert_eq!(resized(6, 7).data, enlarged, "{filter:?}");
    }
}

/// RGB images of `[height, width]` to `[height, width]`: the first 8 hexadecimal digits of
/// the result's SHA-256, filter by filter.
#[test]
fn larger_images() {
    let filters =
        [Filter::Nearest, Filter::Box, Filter::Bilinear, Filter::Bicubic, Filter::Lanczos];
    let cases = [
        ([61, 47], [30, 23], ["152115d3", "9dcd4639", "0241c93d", "581ecc5d", "988a2357"]),
        ([61, 47], [200, 150], ["54154d3f", "54154d3f", "121a265c", "25952310", "f7ccb06b"]),
        ([61, 47], [13, 99], ["88949108", "6c2c2f9d", "57c32b16", "06bde80b", "d583c078"]),
        ([300, 451], [256, 384], ["dceb144d", "5b7be58d", "a587d6c2", "27d63c54", "b66a0133"]),
        ([64, 64], [256, 256], ["28e8213d", "28e8213d", "540a8370", "527b0c3c", "d4c95844"]),
        ([7, 500], [224, 3], ["a3023df7", "5bd46cf1", "aa8815e6", "7d7efdb5", "f30a29ca"]),
        ([1, 1], [5, 5], ["4010c37e", "4010c37e", "4010c37e", "4010c37e", "4010c37e"]),
        ([333, 1], [1, 37], ["fb0a4c37", "a51f68f2", "4d2f4837", "47bc64e4", "47bc64e4"]),
        ([480, 640], [224, 224], ["c15c3c98", "eaf1d204", "a94f11f8", "aafe4238", "4558d5fb"]),
        ([97, 89], [96, 90], ["29f7dafa", "38b4a094", "61f4dbcb", "6bb56efc", "d19737b2"]),
    ];
    for ([height, width], target, expected) in cases {
        let image = patterned(height, width, 3);
        for (filter, expected) in filters.into_iter().zip(expected) {
            let [rows, columns] = target;
            let resized = resize_window(&image, target, 0..rows, 0..columns, filter, true);
            let digest = format!("{:x}", Sha256::digest(&resized.data));
            assert_eq!(&digest[..8], expected, "{height} x {width} to {target:?}, {filter:?}");
        }
    }
}

/// Without antialiasing, reducing by four takes the two pixels next to each centre.
#[test]
fn without_antialiasing_pixels_are_skipped() {
    let image =
        crate::preprocess::Pixels::new(1, 8, 1, vec![9, 10, 30, 9, 9, 100, 101, 9]).unwrap();
    let resized =
        |antialias| resize_window(&image, [1, 2], 0..1, 0..2, Filter::Bilinear, antialias);
    assert_eq!(resized(false).data, [20, 101]);
    assert_ne!(resized(true).data, [20, 101]);
}
