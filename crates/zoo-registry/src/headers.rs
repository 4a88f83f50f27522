//! What the headers of an answer say, read strictly: what is odd is as good as absent.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ureq::http::HeaderMap;

use crate::http_date;

/// The text of the header `name`, if it is there once and is text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// What may go into `If-Range`: a strong entity tag, or a date where there is no tag.
pub(crate) fn strong_validator(headers: &HeaderMap) -> Option<String> {
    match header(headers, "etag") {
        Some(tag) => is_strong_tag(tag).then(|| tag.to_owned()),
        None => header(headers, "last-modified").map(str::to_owned),
    }
}

/// Whether `validator` is a strong entity tag. A weak one says "equivalent", which is not
/// "the same bytes" (RFC 9110, 13.1.5); a date is only as fine as a second.
pub(crate) fn is_strong_tag(validator: &str) -> bool {
    validator.starts_with('"') && validator.len() > 2
}

/// First byte, last byte and total of `bytes 5-9/10`.
pub(crate) fn content_range(headers: &HeaderMap) -> Option<(u64, u64, u64)> {
    parse_range(header(headers, "content-range")?)
}

fn parse_range(value: &str) -> Option<(u64, u64, u64)> {
    let (range, total) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last, total) = (first.parse().ok()?, last.parse().ok()?, total.parse().ok()?);
    (first <= last && last < total).then_some((first, last, total))
}

/// An encoding of the body other than none.
pub(crate) fn foreign_encoding(headers: &HeaderMap) -> Option<&str> {
    header(headers, "content-encoding").filter(|name| !name.eq_ignore_ascii_case("identity"))
}

/// Whether the server says that it can send parts of this file.
pub(crate) fn accepts_ranges(headers: &HeaderMap) -> bool {
    header(headers, "accept-ranges").is_some_and(|value| value.trim().eq_ignore_ascii_case("bytes"))
}

/// How long the server asks to wait.
///
/// A date is compared with the server's own `Date`, so that no two clocks must agree; the
/// caller bounds the result.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = header(headers, "retry-after")?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = http_date::parse(value)?;
    let now = header(headers, "date").and_then(http_date::parse).unwrap_or_else(|| {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() as i64)
    });
    Some(Duration::from_secs(until.saturating_sub(now).max(0) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_039_ranges() {
        assert_eq!(parse_range("bytes 5-9/10"), Some((5, 9, 10)));
        for odd in ["bytes 9-5/10", "bytes 5-10/10", "bytes 5-9/*", "5-9/10", "bytes */10", ""] {
            assert_eq!(parse_range(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn fault_047_weak_tags_do_not_prove_anything() {
        let mut headers = HeaderMap::new();
        headers.insert("last-modified", "Tue, 01 Jul 2025 10:00:00 GMT".parse().unwrap());
        assert!(strong_validator(&headers).is_some());
        headers.insert("etag", "W/\"1\"".parse().unwrap());
        assert_eq!(strong_validator(&headers), None);
        headers.insert("etag", "\"1\"".parse().unwrap());
        assert_eq!(strong_validator(&headers).as_deref(), Some("\"1\""));
    }

    #[test]
    fn fault_030_retry_after_as_seconds_or_date() {
        let wait = |after: &str, date: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert("retry-after", after.parse().unwrap());
            if let Some(date) = date {
                headers.insert("date", date.parse().unwrap());
            }
            retry_after(&headers).map(|wait| wait.as_secs())
        };
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(wait("7", date), Some(7));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:47 GMT", date), Some(10));
        // The server's clock counts, even where it is decades behind ours.
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:30 GMT", date), Some(0));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:47 GMT", None), Some(0));
        assert!(wait("Fri, 31 Dec 9999 23:59:59 GMT", None).unwrap() > 1 << 30);
        for odd in ["soon", "-1", "1.5", ""] {
            assert_eq!(wait(odd, date), None, "{odd:?}");
        }
    }
}
