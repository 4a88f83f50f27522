//! Stamps: what a file looked like when all of its bytes were last seen to be right.
//!
//! Hashing half a gigabyte takes a second, looking at its metadata some microseconds. A
//! stamp notes size, time of modification and, on unix, inode and time of change of a blob;
//! while they are the same, its bytes are taken to be. The stamp's own time of modification
//! is the time when the blob was last used.
//!
//! A file that is written twice within one tick of the file system's clock has one time of
//! modification. Hence blobs are *settled* before they are stamped: their time is set back
//! by some seconds, so that whoever writes to them later gives them another.
//!
//! A stamp is never needed: one that is missing, cut off, of an unknown schema or about
//! something else means that the blob is hashed again.

use std::fs::{self, File, FileTimes, Metadata};
use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::atomic;
use crate::digest::Sha256Digest;

/// The schema that this version writes and the only one it believes.
const STAMP_SCHEMA: u32 = 1;

/// Most bytes of a stamp.
const MAX_STAMP_BYTES: u64 = 1 << 10;

/// The time of last use is noted this exactly.
pub(super) const USE_INTERVAL: Duration = Duration::from_hours(1);

/// How far settled times are set back: more than the two seconds of FAT, the coarsest clock.
const SETTLED_BY: u64 = 4;

/// How long a file that cannot be settled must have been left alone.
pub(super) const UNSETTLED_AGE: Duration = Duration::from_secs(10);

/// What is noted of a file. Two that are equal are taken to be of the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stamp {
    schema: u32,
    /// A stamp in another's place vouches for nothing.
    sha256: Sha256Digest,
    size: u64,
    /// Seconds and nanoseconds since 1970.
    modified: (i64, u32),
    /// On unix: when the inode changed, which no program can set, and its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inode: Option<(i64, i64, u64)>,
}

impl Stamp {
    /// The stamp of the file with `metadata` under the name `digest`.
    pub(super) fn of(digest: &Sha256Digest, metadata: &Metadata) -> Option<Self> {
        #[cfg(unix)]
        let inode = {
            use std::os::unix::fs::MetadataExt as _;
            Some((metadata.ctime(), metadata.ctime_nsec(), metadata.ino()))
        };
        #[cfg(not(unix))]
        let inode = None;
        Some(Self {
            schema: STAMP_SCHEMA,
            sha256: *digest,
            size: metadata.len(),
            modified: since_epoch(metadata.modified().ok()?),
            inode,
        })
    }

    /// The stamp at `path`, if there is one that can be read.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let mut text = String::new();
        File::open(path).ok()?.take(MAX_STAMP_BYTES).read_to_string(&mut text).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Writes the stamp to `path`. A cache that cannot be written to has none.
    pub(super) fn write(&self, path: &Path) {
        if let Ok(json) = serde_json::to_vec(self) {
            let _ = atomic::write_carelessly(path, &json);
        }
    }
}

/// Notes that what the stamp at `path` is about is being used.
pub(super) fn note_use(path: &Path) {
    let Ok(modified) = fs::metadata(path).and_then(|metadata| metadata.modified()) else {
        return;
    };
    // A time in the future was noted by a wrong clock: it is put right as well.
    let recent = SystemTime::now().duration_since(modified).is_ok_and(|age| age < USE_INTERVAL);
    if !recent {
        set_modified(path, SystemTime::now());
    }
}

/// Sets the time of modification, where that is allowed.
pub(super) fn set_modified(path: &Path, time: SystemTime) {
    // The owner of a file may set its time also where nobody may write to it.
    let file = File::options().write(true).open(path).or_else(|_| File::open(path));
    let _ = file.and_then(|file| file.set_times(FileTimes::new().set_modified(time)));
}

/// Sets the time of modification of `file` back, so that it differs from that of any later
/// write. Says whether its time can be relied on now.
pub(super) fn settle(file: &File) -> bool {
    let Ok(modified) = file.metadata().and_then(|metadata| metadata.modified()) else {
        return false;
    };
    if is_settled(modified) {
        return true;
    }
    let (seconds, _) = since_epoch(modified);
    let settled = u64::try_from(seconds)
        .ok()
        .and_then(|seconds| (seconds & !1).checked_sub(SETTLED_BY))
        .map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
    let set = settled
        .is_some_and(|settled| file.set_times(FileTimes::new().set_modified(settled)).is_ok());
    let is_old =
        || SystemTime::now().duration_since(modified).is_ok_and(|age| age >= UNSETTLED_AGE);
    set || is_old()
}

/// An even second and no fraction: a time that was set, not one that passed.
fn is_settled(time: SystemTime) -> bool {
    let (seconds, nanos) = since_epoch(time);
    nanos == 0 && seconds % 2 == 0
}

fn since_epoch(time: SystemTime) -> (i64, u32) {
    let parts = |d: Duration| (i64::try_from(d.as_secs()).unwrap_or(i64::MAX), d.subsec_nanos());
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => parts(since),
        Err(before) => {
            let (seconds, nanos) = parts(before.duration());
            (-seconds, nanos)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamped() -> (tempfile::TempDir, std::path::PathBuf, Stamp) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("blob"), "abc").unwrap();
        let metadata = fs::metadata(dir.path().join("blob")).unwrap();
        let stamp = Stamp::of(&Sha256Digest::of(b"abc"), &metadata).unwrap();
        let path = dir.path().join("stamp");
        stamp.write(&path);
        (dir, path, stamp)
    }

    #[test]
    fn fault_072_a_stamp_cut_off_anywhere_is_none() {
        let (_dir, path, stamp) = stamped();
        let whole = fs::read(&path).unwrap();
        assert_eq!(Stamp::read(&path), Some(stamp));
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert_eq!(Stamp::read(&path), None, "{length}");
        }
    }

    #[test]
    fn fault_073_and_081_unknown_fields_and_numbers_that_overflow() {
        let (_dir, path, stamp) = stamped();
        let text = fs::read_to_string(&path).unwrap();
        for (from, to) in [
            ("\"schema\":1", "\"schema\":1,\"new\":true"),
            ("\"size\":3", "\"size\":18446744073709551619"),
            ("\"size\":3", "\"size\":-3"),
            ("\"size\":3", "\"size\":3e400"),
            ("\"modified\":[", "\"modified\":[99999999999999999999,"),
        ] {
            assert!(text.contains(from));
            fs::write(&path, text.replace(from, to)).unwrap();
            assert_eq!(Stamp::read(&path), None, "{to}");
        }
        // A schema of the future reads, and is not what this version would write.
        fs::write(&path, text.replace("\"schema\":1", "\"schema\":2")).unwrap();
        assert_ne!(Stamp::read(&path), Some(stamp));
    }

    #[test]
    fn a_settled_file_shows_every_later_write() {
        let (dir, ..) = stamped();
        let path = dir.path().join("blob");
        let file = File::options().write(true).open(&path).unwrap();
        assert!(settle(&file));
        let settled = file.metadata().unwrap().modified().unwrap();
        assert!(is_settled(settled) && settle(&file));
        assert_eq!(file.metadata().unwrap().modified().unwrap(), settled);
        fs::write(&path, "abd").unwrap();
        assert_ne!(fs::metadata(&path).unwrap().modified().unwrap(), settled);
    }
}
