//! Zip files.

/// A zip of stored members, as `torch.save` writes them: their names and bytes.
pub fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in members {
        let offset = (file.len() as u32).to_le_bytes();
        let size = (bytes.len() as u32).to_le_bytes();
        // Both headers share: version, flags, method, time, date, checksum, two sizes, two lengths.
        let mut shared = b"\x14\0\0\0\0\0\0\0\0\0".to_vec();
        shared.extend(crc32(bytes).to_le_bytes());
        shared.extend(size);
        shared.extend(size);
        shared.extend((name.len() as u16).to_le_bytes());
        shared.extend([0, 0]);
        file.extend([b"PK\x03\x04", &shared[..], name.as_bytes(), bytes].concat());
        let entry = [b"PK\x01\x02\x14\0", &shared[..], &[0; 10], &offset, name.as_bytes()];
        directory.extend(entry.concat());
    }
    let count = (members.len() as u16).to_le_bytes();
    let [size, offset] = [&directory, &file].map(|part| (part.len() as u32).to_le_bytes());
    let end = [b"PK\x05\x06\0\0\0\0", &count[..], &count, &size, &offset, &[0, 0]].concat();
    [file, directory, end].concat()
}

/// The checksum of zip files, a bit at a time.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 * (sum & 1)))
    })
}
