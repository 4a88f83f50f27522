//! How much an archive may cost.

use super::error::ArchiveFault;

/// What an archive may have and unpack to. The defaults let every published model pass that
/// we know of and stop a bomb before it costs more than a download would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most members, directories included. 100,000.
    pub max_members: u64,
    /// Most bytes of one member's content. 16 GiB.
    pub max_member_bytes: u64,
    /// Most bytes of all contents together, and most bytes that the gzip stream around a
    /// tar may unpack to. 64 GiB.
    pub max_total_bytes: u64,
    /// How many times larger than its compressed form something may be. Deflate reaches
    /// 1032; weights reach 2, text 10, tables of mostly zeros 100. 200.
    pub max_ratio: u64,
    /// Up to this many unpacked bytes any ratio passes: they do no harm. 16 MiB.
    pub ratio_free_bytes: u64,
    /// Longest name of a member in bytes. 1024.
    pub max_path_bytes: usize,
    /// Most parts in one name. 32.
    pub max_path_depth: usize,
    /// Longest extended header (pax, GNU long name) in bytes: held in memory. 256 KiB.
    pub max_header_bytes: u64,
    /// Longest central directory of a zip, and most bytes of names in any archive: those are
    /// held in memory too. 64 MiB.
    pub max_directory_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_members: 100_000,
            max_member_bytes: 16 << 30,
            max_total_bytes: 64 << 30,
            max_ratio: 200,
            ratio_free_bytes: 16 << 20,
            max_path_bytes: 1024,
            max_path_depth: 32,
            max_header_bytes: 256 << 10,
            max_directory_bytes: 64 << 20,
        }
    }
}

impl Limits {
    /// Whether `unpacked` bytes may come from `packed` bytes.
    pub(super) fn check_ratio(&self, unpacked: u64, packed: u64) -> Result<(), ArchiveFault> {
        let most = packed.saturating_mul(self.max_ratio).max(self.ratio_free_bytes);
        check("the ratio of unpacked to packed bytes", unpacked <= most, self.max_ratio)
    }

    /// Whether a member may have `bytes`.
    pub(super) fn check_member(&self, bytes: u64) -> Result<(), ArchiveFault> {
        check("a member's size in bytes", bytes <= self.max_member_bytes, self.max_member_bytes)
    }

    /// Whether all members may have `bytes` together.
    pub(super) fn check_total(&self, bytes: u64) -> Result<(), ArchiveFault> {
        check("the unpacked size in bytes", bytes <= self.max_total_bytes, self.max_total_bytes)
    }

    /// Whether there may be `members`.
    pub(super) fn check_members(&self, members: u64) -> Result<(), ArchiveFault> {
        check("the number of members", members <= self.max_members, self.max_members)
    }

    /// Whether an extended header may have `bytes`.
    pub(super) fn check_header(&self, bytes: u64) -> Result<(), ArchiveFault> {
        let limit = self.max_header_bytes;
        check("an extended header's size in bytes", bytes <= limit, limit)
    }

    /// Whether names or a central directory may take `bytes`.
    pub(super) fn check_directory(&self, bytes: u64) -> Result<(), ArchiveFault> {
        let limit = self.max_directory_bytes;
        check("the size of the names and directory in bytes", bytes <= limit, limit)
    }
}

fn check(what: &'static str, fine: bool, limit: u64) -> Result<(), ArchiveFault> {
    if fine { Ok(()) } else { Err(ArchiveFault::Limit { what, limit }) }
}
