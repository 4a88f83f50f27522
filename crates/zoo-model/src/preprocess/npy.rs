//! Reads the `.npy` files of the fixtures: version 1, C order, little endian.

use std::path::Path;

/// The values of a file of type `|u1` or `<f4`, flat, as `f32`.
pub(super) fn read(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap();
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
    let header_length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let (header, data) = bytes[10..].split_at(header_length);
    let header = std::str::from_utf8(header).unwrap();
    assert!(header.contains("'fortran_order': False"), "{header}");
    if header.contains("'|u1'") {
        return data.iter().map(|&byte| f32::from(byte)).collect();
    }
    assert!(header.contains("'<f4'"), "{header}");
    let (floats, _) = data.as_chunks();
    floats.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}
