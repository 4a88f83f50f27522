//! How long ago something was used, where clocks may be wrong.
//!
//! Age is told by the clock of the file system that the cache is on, not by that of this
//! machine. A time that lies in the future or before there was a cache is that of a wrong
//! clock and says nothing: such a thing is spared once and its time set to now, so that it
//! neither goes too early nor stays for ever. Where the clock itself is that wrong, nothing
//! goes.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Nothing in a cache is older: 2024-01-01, as time since 1970.
const EARLIEST: Duration = Duration::from_hours(473_352);

/// How far in the future a time may lie, for clocks of a network that disagree.
const TOLERANCE: Duration = Duration::from_hours(1);

/// How far the clock of a file system may be from ours to be preferred.
const MAX_APART: Duration = Duration::from_hours(12);

/// How old things are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pub(super) now: SystemTime,
}

/// What times tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    /// Last used this long ago.
    Known(Duration),
    /// A wrong clock was read.
    Unknown,
}

impl Clock {
    /// The clock of the file system: its time is that of `written`, which was just written.
    pub(super) fn of_file(written: &Path) -> Self {
        let ours = SystemTime::now();
        let written = fs::metadata(written).and_then(|m| m.modified()).ok();
        // It was not, in a dry run or where the disk is full.
        let is_near = |written: &SystemTime| {
            let (ahead, behind) = (written.duration_since(ours), ours.duration_since(*written));
            ahead.or(behind).is_ok_and(|apart| apart < MAX_APART)
        };
        Self { now: written.filter(is_near).unwrap_or(ours) }
    }

    /// Whether it shows a time before there was a cache.
    pub(super) fn is_wrong(self) -> bool {
        self.now < UNIX_EPOCH + EARLIEST
    }

    /// The age of what was noted as used at `noted`, and itself has the time `own`.
    pub(super) fn age(self, noted: Option<SystemTime>, own: Option<SystemTime>) -> Age {
        let is_plausible =
            |time: &SystemTime| *time >= UNIX_EPOCH + EARLIEST && *time <= self.now + TOLERANCE;
        if self.is_wrong() || noted.is_some_and(|noted| !is_plausible(&noted)) {
            return Age::Unknown;
        }
        match noted.max(own.filter(is_plausible)) {
            Some(used) => Age::Known(self.now.duration_since(used).unwrap_or_default()),
            None => Age::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    #[test]
    fn a_clock_that_is_wrong_makes_nothing_old() {
        let today = UNIX_EPOCH + EARLIEST + 700 * DAY;
        let right = Clock { now: today };
        assert_eq!(right.age(Some(today - DAY), None), Age::Known(DAY));
        assert_eq!(right.age(None, Some(today - DAY)), Age::Known(DAY));
        // The younger of the two counts.
        assert_eq!(right.age(Some(today - 2 * DAY), Some(today - DAY)), Age::Known(DAY));
        // A network whose clocks disagree by a little.
        assert_eq!(right.age(Some(today + TOLERANCE), None), Age::Known(Duration::ZERO));
        // Noted by a clock that was far ahead, or that began in 1970.
        assert_eq!(right.age(Some(today + 400 * DAY), Some(today - DAY)), Age::Unknown);
        assert_eq!(right.age(Some(UNIX_EPOCH + DAY), Some(today)), Age::Unknown);
        assert_eq!(right.age(None, Some(UNIX_EPOCH + DAY)), Age::Unknown);
        assert_eq!(right.age(None, None), Age::Unknown);
        // The time of the bytes alone does not keep what was last used long ago.
        assert_eq!(right.age(Some(today - DAY), Some(today + 9 * DAY)), Age::Known(DAY));
        let wrong = Clock { now: UNIX_EPOCH + DAY };
        assert!(wrong.is_wrong());
        assert_eq!(wrong.age(Some(UNIX_EPOCH), Some(UNIX_EPOCH)), Age::Unknown);
    }
}
