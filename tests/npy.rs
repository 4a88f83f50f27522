//! Numpy's files of little-endian `f32`. Format:
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>

use std::path::Path;

/// The numbers in a version 1 file, row-major; the shape is for the reader to know.
pub fn read(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap();
    assert!(bytes.starts_with(b"\x93NUMPY\x01\x00"), "{} is not .npy 1.0", path.display());
    let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let (header, data) = bytes[10..].split_at(header);
    let header = String::from_utf8_lossy(header);
    assert!(header.contains("'<f4'") && header.contains("'fortran_order': False"), "{header}");
    data.as_chunks().0.iter().map(|number| f32::from_le_bytes(*number)).collect()
}
