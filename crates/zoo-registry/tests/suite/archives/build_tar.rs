//! Tars, header by header.

/// A header with its checksum.
#[derive(Clone)]
pub(crate) struct Header(pub(crate) [u8; 512]);

impl Header {
    /// As a POSIX writer makes it.
    pub(crate) fn new(name: &[u8], typeflag: u8, size: u64) -> Self {
        let mut header = Self([0; 512]);
        header.0[257..265].copy_from_slice(b"ustar\x0000");
        header.0[100..108].copy_from_slice(b"0000644\0");
        header.0[156] = typeflag;
        header.set(0, name).set(124, format!("{size:011o}\0").as_bytes())
    }

    /// Puts `bytes` at `at` and makes the checksum right again.
    pub(crate) fn set(mut self, at: usize, bytes: &[u8]) -> Self {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        seal(&mut self.0);
        self
    }
}

/// Writes the checksum of a header.
pub(crate) fn seal(header: &mut [u8]) {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// A tar in the making.
pub(crate) struct Tar(pub(crate) Vec<u8>);

impl Tar {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn file(self, name: &str, content: &[u8]) -> Self {
        self.entry(name.as_bytes(), b'0', content)
    }

    pub(crate) fn dir(self, name: &str) -> Self {
        self.entry(name.as_bytes(), b'5', b"")
    }

    pub(crate) fn link(self, typeflag: u8, name: &str, target: &str) -> Self {
        self.raw(&Header::new(name.as_bytes(), typeflag, 0).set(157, target.as_bytes()), b"")
    }

    pub(crate) fn entry(self, name: &[u8], typeflag: u8, content: &[u8]) -> Self {
        self.raw(&Header::new(name, typeflag, content.len() as u64), content)
    }

    /// A header as it is, and what follows it, padded.
    pub(crate) fn raw(mut self, header: &Header, content: &[u8]) -> Self {
        self.0.extend(header.0);
        self.0.extend(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    /// A pax header with these records.
    pub(crate) fn pax(self, typeflag: u8, records: &[(&str, &str)]) -> Self {
        let data: String = records.iter().map(|(key, value)| pax_record(key, value)).collect();
        self.entry(b"PaxHeaders/x", typeflag, data.as_bytes())
    }

    /// A long name as GNU writes it.
    pub(crate) fn long_name(self, name: &str) -> Self {
        self.entry(b"././@LongLink", b'L', format!("{name}\0").as_bytes())
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}

/// A record, whose length counts its own digits.
pub(crate) fn pax_record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let length = (1..9).map(|digits| rest + digits).find(|n| n.to_string().len() + rest == *n);
    format!("{} {key}={value}\n", length.unwrap())
}
