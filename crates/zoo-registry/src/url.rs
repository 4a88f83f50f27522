//! Where bytes come from, told apart before anything is opened.

use std::path::{Path, PathBuf};

/// A source of bytes, as written in an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// `http://` or `https://`.
    Http(String),
    /// `file://` or an absolute path.
    File(PathBuf),
    /// `builtin:NAME`: inside the binary.
    Builtin(String),
    /// `pypi:NAME==VERSION!PATH`: a file in a wheel of a Python package, perhaps in a zip in it.
    /// Only recorded.
    PythonPackage(String),
    /// Relative to the registry that the entry came from.
    Relative(String),
}

impl Source {
    /// Tells the kinds apart. The error completes the sentence "url `...` ...".
    pub(crate) fn parse(url: &str) -> Result<Self, &'static str> {
        if url.is_empty() || url.chars().any(|c| c.is_control() || c == ' ') {
            return Err("is empty or has spaces or control characters");
        }
        if let Some(name) = url.strip_prefix("builtin:") {
            return Ok(Self::Builtin(name.to_owned()));
        }
        if let Some(file) = url.strip_prefix("pypi:") {
            return match file.split_once("==").and_then(|(_, rest)| rest.split_once('!')) {
                Some((version, path)) if !version.is_empty() && !path.is_empty() => {
                    Ok(Self::PythonPackage(file.to_owned()))
                }
                _ => Err("is not like pypi:NAME==VERSION!PATH"),
            };
        }
        if let Some((scheme, rest)) = url.split_once("://") {
            return match scheme {
                "http" | "https" => {
                    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
                    if authority.is_empty() {
                        Err("has no host")
                    } else if authority.contains('@') {
                        Err("has a user name or password in it")
                    } else {
                        Ok(Self::Http(url.to_owned()))
                    }
                }
                "file" => file_path(rest).ok_or("is not a local file"),
                _ => Err("has a scheme other than https, http, file or builtin"),
            };
        }
        if Path::new(url).is_absolute() {
            return Ok(Self::File(PathBuf::from(url)));
        }
        if crate::validate::is_safe_relative_path(url) {
            return Ok(Self::Relative(url.to_owned()));
        }
        Err("is neither a url nor a plain relative path")
    }
}

/// The path of `file://` + `rest`: no host but `localhost`, percent signs decoded.
fn file_path(rest: &str) -> Option<Source> {
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        return None;
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    let path = String::from_utf8(bytes).ok()?;
    (!path.contains('\0')).then(|| Source::File(PathBuf::from(path)))
}

/// `url` as it may appear in messages: without user, password and query, which may be a
/// signature.
pub(crate) fn redacted(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(authority_end);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let path = tail.split(['?', '#']).next().unwrap_or(tail);
    let query = if tail.contains('?') { "?…" } else { "" };
    format!("{scheme}://{host}{path}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_sources() {
        assert!(matches!(Source::parse("https://a/b"), Ok(Source::Http(_))));
        assert_eq!(Source::parse("file:///a%20b/c"), Ok(Source::File(PathBuf::from("/a b/c"))));
        assert_eq!(Source::parse("builtin:x"), Ok(Source::Builtin("x".to_owned())));
        assert!(matches!(Source::parse("blobs/x.pth"), Ok(Source::Relative(_))));
    }

    #[test]
    fn fault_008_and_021_refused_sources() {
        for url in [
            "",
            "../x",
            "a/../b",
            "a\\b",
            "C:\\x",
            "ftp://a/b",
            "https:///x",
            "https://user:secret@host/x",
            "file://host/x",
            "file:///%zz",
            "a b",
        ] {
            assert!(Source::parse(url).is_err(), "{url:?} was accepted");
        }
    }

    #[test]
    fn fault_051_nothing_secret_in_messages() {
        assert_eq!(
            redacted("https://me:pw@host/file.pth?X-Signature=abc#f"),
            "https://host/file.pth?…"
        );
    }
}
