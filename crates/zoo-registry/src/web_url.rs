//! An `http` or `https` url taken apart, so that who is asked is decided on parts and never on
//! how a string begins.

use std::fmt::{self, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Whom a url asks: the origin of RFC 6454. A token belongs to exactly one of these.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct WebOrigin {
    pub(crate) https: bool,
    /// In lower case; an IPv6 address with its brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl WebOrigin {
    /// Whether the host is this machine, so that nobody listens on the way.
    pub(crate) fn is_loopback(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        self.host == "localhost"
            || bare.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
            || bare.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback())
    }

    /// An origin written as a url without path, query or fragment.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let url = WebUrl::parse(text)?;
        if url.tail != "/" || text.contains(['?', '#']) {
            return Err("has more than scheme, host and port");
        }
        Ok(url.origin)
    }
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, default) = if self.https { ("https", 443) } else { ("http", 80) };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port == default { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

/// A url that can be asked for. [`fmt::Display`] gives all of it, signatures included: show
/// people [`crate::url::redacted`] of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WebUrl {
    pub(crate) origin: WebOrigin,
    /// Path and query; begins with `/`.
    tail: String,
}

impl WebUrl {
    /// The error completes the sentence "url `...` ...".
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        Self::from_bytes(text.as_bytes())
    }

    fn from_bytes(text: &[u8]) -> Result<Self, &'static str> {
        let Some((https, rest)) = split_scheme(text) else {
            return Err("is neither https nor http");
        };
        Self::after_scheme(https, rest)
    }

    /// `rest` is what follows `https://`.
    fn after_scheme(https: bool, rest: &[u8]) -> Result<Self, &'static str> {
        let end = rest.iter().position(|b| b"/?#\\".contains(b)).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        // A backslash ends the host in a browser and not elsewhere: two hosts in one url.
        if tail.first() == Some(&b'\\') {
            return Err("has a backslash after the host");
        }
        let authority = std::str::from_utf8(authority).map_err(|_| BAD_HOST)?;
        if authority.contains('@') {
            return Err("has a user name or password in it");
        }
        let bracket = authority.rfind(']').map_or(0, |at| at + 1);
        let (host, port) = match authority[bracket..].split_once(':') {
            Some((rest, port)) => (&authority[..bracket + rest.len()], port),
            None => (authority, ""),
        };
        let port = match port {
            "" if https => 443,
            "" => 80,
            digits if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().ok().filter(|port| *port > 0).ok_or("has no valid port")?
            }
            _ => return Err("has no valid port"),
        };
        let origin = WebOrigin { https, host: checked_host(host)?, port };
        Ok(Self { origin, tail: encoded_tail(tail)? })
    }

    /// Where `location`, the value of a `Location` header of the answer to this url, leads
    /// (RFC 3986, 5.2).
    ///
    /// What a url cannot hold but servers send (spaces, brackets, bytes above 127) is percent-
    /// encoded; what could mean two things is refused.
    pub(crate) fn join(&self, location: &[u8]) -> Result<Self, &'static str> {
        let location = location.trim_ascii();
        if location.is_empty() {
            return Err("leads nowhere");
        }
        if split_scheme(location).is_some() {
            return Self::from_bytes(location);
        }
        if let Some(rest) = location.strip_prefix(b"//") {
            return Self::after_scheme(self.origin.https, rest);
        }
        let first = location.split(|b| b"/?#".contains(b)).next().unwrap_or_default();
        if first.contains(&b':') {
            return Err("is neither https nor http");
        }
        if first.contains(&b'\\') {
            return Err("has a backslash");
        }
        let path = self.tail.split('?').next().unwrap_or("/");
        let joined = match location[0] {
            b'/' => location.to_vec(),
            b'?' => [path.as_bytes(), location].concat(),
            b'#' => self.tail.clone().into_bytes(),
            _ => {
                let folder = &path[..=path.rfind('/').unwrap_or(0)];
                [folder.as_bytes(), location].concat()
            }
        };
        let tail = without_dots(&encoded_tail(&joined)?);
        Ok(Self { origin: self.origin.clone(), tail })
    }
}

impl fmt::Display for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.tail)
    }
}

const BAD_HOST: &str = "has a host that is none (allowed: letters, digits, `-`, `_`, `.`, or an \
                        IPv6 address in brackets; other alphabets in their `xn--` form)";

fn split_scheme(text: &[u8]) -> Option<(bool, &[u8])> {
    let at = text.windows(3).position(|w| w == b"://")?;
    let https = match &text[..at] {
        scheme if scheme.eq_ignore_ascii_case(b"https") => true,
        scheme if scheme.eq_ignore_ascii_case(b"http") => false,
        _ => return None,
    };
    Some((https, &text[at + 3..]))
}

fn checked_host(host: &str) -> Result<String, &'static str> {
    if host.is_empty() {
        return Err("has no host");
    }
    if let Some(address) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        let address: Ipv6Addr = address.parse().map_err(|_| BAD_HOST)?;
        return Ok(format!("[{address}]"));
    }
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if host.len() > 253 || !host.bytes().all(allowed) {
        return Err(BAD_HOST);
    }
    Ok(host.to_ascii_lowercase())
}

/// Path and query with everything encoded that a request line cannot hold; no fragment.
fn encoded_tail(tail: &[u8]) -> Result<String, &'static str> {
    let tail = tail.split(|b| *b == b'#').next().unwrap_or_default();
    let mut text = String::with_capacity(tail.len() + 1);
    if tail.first() != Some(&b'/') {
        text.push('/');
    }
    for (at, &byte) in tail.iter().enumerate() {
        let escape = byte == b'%'
            && tail.get(at + 1..at + 3).is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit));
        match byte {
            _ if byte.is_ascii_control() => return Err("has control characters"),
            b'%' if escape => text.push('%'),
            b'%'
            | b' '
            | b'"'
            | b'<'
            | b'>'
            | b'\\'
            | b'^'
            | b'`'
            | b'{'
            | b'|'
            | b'}'
            | 0x80.. => {
                // Writing to a string cannot fail.
                let _ = write!(text, "%{byte:02X}");
            }
            _ => text.push(char::from(byte)),
        }
    }
    Ok(text)
}

/// `tail` with `.` and `..` taken out of the path (RFC 3986, 5.2.4).
fn without_dots(tail: &str) -> String {
    let (path, query) = tail.split_once('?').map_or((tail, None), |(p, q)| (p, Some(q)));
    let mut parts: Vec<&str> = Vec::new();
    let mut open_end = false;
    for part in path.trim_start_matches('/').split('/') {
        open_end = matches!(part, "." | "..");
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    let mut text = format!("/{}", parts.join("/"));
    if open_end && text != "/" {
        text.push('/');
    }
    if let Some(query) = query {
        text = format!("{text}?{query}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        let same = ["https://Host", "https://host:443", "HTTPS://HOST/", "https://host:"];
        for text in same {
            assert_eq!(WebOrigin::parse(text).unwrap().to_string(), "https://host", "{text}");
        }
        let others = ["http://host", "https://host:8443", "https://host.evil", "https://[::1]"];
        for text in others {
            assert_ne!(WebOrigin::parse(text), WebOrigin::parse("https://host"), "{text}");
        }
        for text in ["https://host/path", "https://host?x", "host", "https://", "ftp://host"] {
            assert!(WebOrigin::parse(text).is_err(), "{text}");
        }
        for text in ["http://localhost:1", "http://127.9.9.9", "http://[::1]:80"] {
            assert!(WebOrigin::parse(text).unwrap().is_loopback(), "{text}");
        }
        for text in ["http://localhost.evil", "http://127.0.0.1.evil", "http://10.0.0.1"] {
            assert!(!WebOrigin::parse(text).unwrap().is_loopback(), "{text}");
        }
    }

    #[test]
    fn fault_011_and_054_odd_names_in_a_location() {
        let from = WebUrl::parse("https://a:8443/x/y?q=1").unwrap();
        for (location, to) in [
            ("https://b/z", "https://b/z"),
            ("//b/z", "https://b/z"),
            ("/z", "https://a:8443/z"),
            ("z", "https://a:8443/x/z"),
            ("../../../z/./w", "https://a:8443/z/w"),
            ("..", "https://a:8443/"),
            (".", "https://a:8443/x/"),
            ("?r=2", "https://a:8443/x/y?r=2"),
            ("#f", "https://a:8443/x/y?q=1"),
            ("/model [1] (copy).bin#x", "https://a:8443/model%20[1]%20(copy).bin"),
            ("/100%/50%25/%zz", "https://a:8443/100%25/50%25/%25zz"),
            ("/ä|{x}\"<>^`", "https://a:8443/%C3%A4%7C%7Bx%7D%22%3C%3E%5E%60"),
            ("/a\\b", "https://a:8443/a%5Cb"),
            ("HTTPS://B", "https://b/"),
        ] {
            let joined = from.join(location.as_bytes()).unwrap().to_string();
            assert_eq!(joined, to, "{location:?}");
            assert!(joined.parse::<ureq::http::Uri>().is_ok(), "{joined}");
        }
    }

    #[test]
    fn fault_021_and_054_refused_locations() {
        let from = WebUrl::parse("https://a/x").unwrap();
        for location in [
            "",
            " ",
            "ftp://b/z",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "https://user:secret@b/",
            "https://b@c/",
            "https://b\\@c/",
            "https://b\\c",
            "\\\\b\\c",
            "https:///z",
            "https://[::1/z",
            "https://b:99999/",
            "https://b:0/",
            "https://b:8x/",
            "https://b c/",
            "https://b%2ec/",
            "https://bücher/",
            "/a\u{7}b",
            "/a\tb",
        ] {
            assert!(from.join(location.as_bytes()).is_err(), "{location:?} was followed");
        }
    }
}
