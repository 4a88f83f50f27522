//! Where bytes come from, told apart before anything is opened.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::web_url::WebUrl;

/// A source of bytes, as written in an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// `http://` or `https://`.
    Http(String),
    /// `file://` or an absolute path.
    File(PathBuf),
    /// `builtin:NAME`: inside the binary.
    Builtin(String),
    /// `hf:OWNER/REPO/PATH` or `hf:OWNER/REPO@REVISION/PATH`: a file of a Hugging Face model
    /// repository, or of whatever speaks like it.
    Hf(HfFile),
    /// `pypi:NAME==VERSION!PATH`: a file in a wheel of a Python package, or after another `!` in a
    /// zip in it. Only recorded.
    PythonPackage(PackageFile),
    /// Relative to the registry that the entry came from.
    Relative(String),
}

/// A file of a model repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HfFile {
    /// Owner and name, with a slash between.
    repo: String,
    revision: Option<String>,
    path: String,
}

impl HfFile {
    /// Where the file is at `endpoint`.
    pub(crate) fn url(&self, endpoint: &str) -> String {
        let Self { repo, revision, path } = self;
        let revision = revision.as_deref().unwrap_or("main");
        format!("{}/{repo}/resolve/{revision}/{path}", endpoint.trim_end_matches('/'))
    }

    fn parse(text: &str) -> Option<Self> {
        let (owner, rest) = text.split_once('/')?;
        let (repo, path) = rest.split_once('/')?;
        let (repo, revision) = match repo.split_once('@') {
            Some((repo, revision)) => (repo, Some(revision)),
            None => (repo, None),
        };
        // As the hub itself allows; a slash in a revision is written `%2F`.
        let name = |name: &str| {
            name.len() <= 96
                && is_plain_part(name)
                && !name.contains("..")
                && !name.starts_with(['-', '.'])
                && !name.ends_with(['-', '.'])
        };
        let sound = name(owner)
            && name(repo)
            && revision.is_none_or(|r| r.len() <= 255 && r.split("%2F").all(is_plain_part))
            && path.len() <= 1024
            && path.split('/').all(is_path_part);
        sound.then(|| Self {
            repo: format!("{owner}/{repo}"),
            revision: revision.map(str::to_owned),
            path: path.to_owned(),
        })
    }
}

impl fmt::Display for HfFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hf:{}", self.repo)?;
        if let Some(revision) = &self.revision {
            write!(f, "@{revision}")?;
        }
        write!(f, "/{}", self.path)
    }
}

/// A file in a wheel of a Python package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PackageFile {
    pub(crate) package: String,
    pub(crate) version: String,
    pub(crate) path: String,
}

impl PackageFile {
    fn parse(text: &str) -> Option<Self> {
        let (package, rest) = text.split_once("==")?;
        let (version, path) = rest.split_once('!')?;
        let sound = is_plain_part(package)
            && is_plain_part(&version.replacen('+', ".", 1))
            && path.len() <= 1024
            && path.split(['/', '!']).all(is_path_part);
        sound.then(|| Self {
            package: package.to_owned(),
            version: version.to_owned(),
            path: path.to_owned(),
        })
    }
}

/// Letters, digits and `-_.`, and not only dots.
fn is_plain_part(part: &str) -> bool {
    part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && part.bytes().any(|b| b != b'.')
}

/// As above, with what file names have that means nothing in a url.
fn is_path_part(part: &str) -> bool {
    let odd = |b: u8| matches!(b, b'+' | b'=' | b'@' | b',' | b'~' | b'(' | b')' | b'[' | b']');
    let bytes = part.bytes().filter(|b| !odd(*b)).map(char::from).collect::<String>();
    part.bytes().any(|b| b != b'.') && (bytes.is_empty() || is_plain_part(&bytes))
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
        if let Some(file) = url.strip_prefix("hf:") {
            return HfFile::parse(file)
                .map(Self::Hf)
                .ok_or("is not like hf:OWNER/REPO/PATH or hf:OWNER/REPO@REVISION/PATH");
        }
        if let Some(file) = url.strip_prefix("pypi:") {
            return PackageFile::parse(file)
                .map(Self::PythonPackage)
                .ok_or("is not like pypi:NAME==VERSION!PATH");
        }
        if let Some((scheme, rest)) = url.split_once("://") {
            return match scheme {
                "http" | "https" => WebUrl::parse(url).map(|_| Self::Http(url.to_owned())),
                "file" => file_path(rest).ok_or("is not a local file"),
                _ => Err("has a scheme other than https, http, file, hf, pypi or builtin"),
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
    fn files_of_model_repositories() {
        let url = |text: &str| match Source::parse(text) {
            Ok(Source::Hf(file)) => {
                assert_eq!(file.to_string(), text);
                file.url("https://hub/")
            }
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(url("hf:a/b/c.bin"), "https://hub/a/b/resolve/main/c.bin");
        assert_eq!(url("hf:a/b@v1.0/d/c.bin"), "https://hub/a/b/resolve/v1.0/d/c.bin");
        assert_eq!(url("hf:a/b@refs%2Fpr%2F1/c"), "https://hub/a/b/resolve/refs%2Fpr%2F1/c");
        assert_eq!(url("hf:a/b/c[1]=(2).bin"), "https://hub/a/b/resolve/main/c[1]=(2).bin");
    }

    #[test]
    fn files_in_python_packages() {
        let Ok(Source::PythonPackage(file)) = Source::parse("pypi:a-b==1.0.2+cpu!a_b/w.pth") else {
            panic!()
        };
        assert_eq!((file.package.as_str(), file.version.as_str()), ("a-b", "1.0.2+cpu"));
        assert_eq!(file.path, "a_b/w.pth");
    }

    #[test]
    fn fault_008_and_009_odd_repositories_and_packages() {
        for url in [
            "hf:",
            "hf:a",
            "hf:a/b",
            "hf:a/b/",
            "hf:a//c",
            "hf:a/b/../c",
            "hf:../b/c",
            "hf:a/../c/d",
            "hf:a/b//c",
            "hf:a/b@/c",
            "hf:a/b@../c",
            "hf:a/b@x@y/c",
            "hf:a/b/c?download=true",
            "hf:a/b/c%2e%2e",
            "hf:a/b/c\\d",
            "hf:a/.b/c",
            "hf:user:pw@host/b/c",
            "pypi:",
            "pypi:a!b",
            "pypi:a==!b",
            "pypi:a==1",
            "pypi:a==1!",
            "pypi:a==1!../b",
            "pypi:a==1!/b",
            "pypi:a/b==1!c",
        ] {
            assert!(Source::parse(url).is_err(), "{url:?} was accepted");
        }
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
