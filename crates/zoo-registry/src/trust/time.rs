//! Times as signed files have them: RFC 3339 in UTC, to the second, one spelling each.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::error::TrustError;

/// Seconds of a day; UTC as computers keep it has no leap seconds.
const DAY: u64 = 86_400;

/// A time between 1970 and 9999, written `2027-01-01T00:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(u64);

impl Timestamp {
    /// The last second of the year 9999.
    pub const MAX: Self = Self(253_402_300_799);

    /// The time by this machine's clock; a clock set before 1970 counts as 1970.
    pub fn now() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Self::from_unix(since.unwrap_or_default().as_secs())
    }

    /// The time `seconds` after the beginning of 1970, at most [`Timestamp::MAX`].
    pub fn from_unix(seconds: u64) -> Self {
        Self(seconds.min(Self::MAX.0))
    }

    /// Seconds since the beginning of 1970.
    pub fn as_unix(self) -> u64 {
        self.0
    }

    /// The time `duration` later, fractions of a second cut off.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self::from_unix(self.0.saturating_add(duration.as_secs()))
    }
}

/// A clock before 1970 or after 9999 counts as the nearest time that can be written.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        Self::from_unix(time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
    }
}

impl FromStr for Timestamp {
    type Err = TrustError;

    fn from_str(text: &str) -> Result<Self, TrustError> {
        parse(text.as_bytes())
            .ok_or_else(|| TrustError::InvalidTime { text: text.chars().take(40).collect() })
    }
}

fn parse(text: &[u8]) -> Option<Timestamp> {
    const LAYOUT: &[u8; 20] = b"dddd-dd-ddTdd:dd:ddZ";
    let fits = |(layout, byte): (&u8, &u8)| {
        if *layout == b'd' { byte.is_ascii_digit() } else { layout == byte }
    };
    if text.len() != LAYOUT.len() || !LAYOUT.iter().zip(text).all(fits) {
        return None;
    }
    let number = |range: std::ops::Range<usize>| {
        text[range].iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
    };
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    let (hour, minute, second) = (number(11..13), number(14..16), number(17..19));
    let in_range = year >= 1970
        && (1..=12).contains(&month)
        && (1..=days_of_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let seconds = || days_since_1970(year, month, day) * DAY + hour * 3600 + minute * 60 + second;
    in_range.then(|| Timestamp(seconds()))
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of_month(year: u64, month: u64) -> u64 {
    match month {
        2 => 28 + u64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    let leap_days = |year: u64| year / 4 - year / 100 + year / 400;
    let whole_years = (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969);
    let whole_months: u64 = (1..month).map(|month| days_of_month(year, month)).sum();
    whole_years + whole_months + day - 1
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut days, second) = (self.0 / DAY, self.0 % DAY);
        // Never too late, and at most a few years too early.
        let mut year = 1970 + days / 366;
        while days_since_1970(year + 1, 1, 1) <= days {
            year += 1;
        }
        days -= days_since_1970(year, 1, 1);
        let mut month = 1;
        while days >= days_of_month(year, month) {
            days -= days_of_month(year, month);
            month += 1;
        }
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", days + 1)
    }
}

impl TryFrom<String> for Timestamp {
    type Error = TrustError;

    fn try_from(text: String) -> Result<Self, TrustError> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> Self {
        time.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds from `date -u -d TIME +%s` (GNU coreutils).
    #[test]
    fn known_times() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1999-12-31T23:59:59Z", 946_684_799),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2027-01-01T00:00:00Z", 1_798_761_600),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ] {
            assert_eq!(text.parse::<Timestamp>().unwrap().as_unix(), seconds, "{text}");
            assert_eq!(Timestamp(seconds).to_string(), text);
        }
    }

    #[test]
    fn every_day_comes_back() {
        for day in 0..=Timestamp::MAX.0 / DAY {
            let time = Timestamp(day * DAY + day % DAY);
            assert_eq!(parse(time.to_string().as_bytes()), Some(time));
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "",
            "2027-01-01",
            "2027-01-01T00:00:00",
            "2027-01-01T00:00:00+00:00",
            "2027-01-01T00:00:00.0Z",
            "2027-01-01 00:00:00Z",
            "2027-01-01t00:00:00z",
            "1969-12-31T23:59:59Z",
            "2027-02-29T00:00:00Z",
            "2027-13-01T00:00:00Z",
            "2027-00-01T00:00:00Z",
            "2027-01-00T00:00:00Z",
            "2027-01-01T24:00:00Z",
            "2027-01-01T00:60:00Z",
            "2027-01-01T00:00:60Z",
            "+027-01-01T00:00:00Z",
            "２027-01-01T00:00:0Z",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn clocks_out_of_range_saturate() {
        assert_eq!(Timestamp::from(UNIX_EPOCH - Duration::from_secs(9)).as_unix(), 0);
        assert_eq!(Timestamp::from_unix(u64::MAX), Timestamp::MAX);
        assert_eq!(Timestamp(1).after(Duration::MAX), Timestamp::MAX);
    }
}
