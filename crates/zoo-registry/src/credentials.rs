//! Tokens, each for exactly one origin.
//!
//! ```toml
//! ["https://models.example.org"]
//! token = "…"
//! ```
//!
//! Whether a token is sent is decided anew for every request and every redirect, by scheme,
//! host and port of that very request; nothing that a server says has a part in it. A token
//! goes over `https`, or over plain `http` to this machine. It occurs in no error and no
//! `Debug`.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::atomic::{create_dir_all, parent_of};
use crate::web_url::WebOrigin;

/// Most bytes of a credentials file.
const MAX_BYTES: u64 = 1 << 20;

/// Longest token, in bytes; a request header has no room for more.
const MAX_TOKEN_LEN: usize = 4096;

/// What is wrong with credentials. No message holds a token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// Not scheme, host and port.
    #[error("`{origin}` is not an origin such as https://host: it {why}")]
    Origin {
        /// What was given, without secrets.
        origin: String,
        /// Completes the sentence.
        why: &'static str,
    },
    /// Everybody on the way could read the token.
    #[error("a token for {origin} would go over plain http")]
    PlainHttp {
        /// The origin.
        origin: String,
    },
    /// Empty, too long, or with characters that no header holds.
    #[error(
        "the token for {origin} is not one (allowed: 1 to 4096 visible ASCII characters, no spaces)"
    )]
    Token {
        /// The origin.
        origin: String,
    },
    /// Other users of this machine can read the file.
    #[error("the credentials {} can be read by others; allow it to yourself only (chmod 600)", path.display())]
    OpenToOthers {
        /// The file.
        path: PathBuf,
    },
    /// Not TOML, or not of the right shape. The parser's message is left out: it quotes.
    #[error("cannot understand the credentials {} at line {line}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// The operating system refuses.
    #[error("cannot {action} the credentials {}", path.display())]
    Io {
        /// What was tried, an infinitive.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Tokens by origin.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    tokens: BTreeMap<WebOrigin, String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.origins()).finish()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawToken {
    token: String,
}

impl Credentials {
    /// No tokens.
    pub fn none() -> Self {
        Self::default()
    }

    /// These, and `token` for `origin` (`https://host` or `https://host:port`), which replaces
    /// an earlier one.
    ///
    /// # Errors
    /// [`CredentialsError::Origin`], [`CredentialsError::PlainHttp`],
    /// [`CredentialsError::Token`].
    pub fn with(mut self, origin: &str, token: &str) -> Result<Self, CredentialsError> {
        let origin = parse_origin(origin)?;
        if !origin.https && !origin.is_loopback() {
            return Err(CredentialsError::PlainHttp { origin: origin.to_string() });
        }
        let plain = token.bytes().all(|b| b.is_ascii_graphic());
        if token.is_empty() || token.len() > MAX_TOKEN_LEN || !plain {
            return Err(CredentialsError::Token { origin: origin.to_string() });
        }
        self.tokens.insert(origin, token.to_owned());
        Ok(self)
    }

    /// These, and `others`, which win.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.tokens.extend(others.tokens);
        self
    }

    /// The origins that have a token.
    pub fn origins(&self) -> impl Iterator<Item = String> {
        self.tokens.keys().map(WebOrigin::to_string)
    }

    /// The token that belongs to `origin` and may be sent there.
    pub(crate) fn token_for(&self, origin: &WebOrigin) -> Option<&str> {
        self.tokens.get(origin).map(String::as_str)
    }

    /// The credentials in the file at `path`; none if there is no file.
    ///
    /// # Errors
    /// [`CredentialsError`]; a file that other users can read is refused.
    pub fn read(path: &Path) -> Result<Self, CredentialsError> {
        let failed =
            |source| CredentialsError::Io { action: "read", path: path.to_owned(), source };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::none()),
            Err(error) => return Err(failed(error)),
        };
        if is_open_to_others(&file).map_err(failed)? {
            return Err(CredentialsError::OpenToOthers { path: path.to_owned() });
        }
        let mut text = String::new();
        file.take(MAX_BYTES).read_to_string(&mut text).map_err(failed)?;
        let raw: BTreeMap<String, RawToken> = toml::from_str(&text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start).min(text.len());
            let line = 1 + text.get(..at).unwrap_or("").matches('\n').count();
            CredentialsError::Syntax { path: path.to_owned(), line }
        })?;
        raw.iter().try_fold(Self::none(), |all, (origin, raw)| all.with(origin, &raw.token))
    }

    /// Puts `token` for `origin` into the file at `path`, which only its owner can read then.
    ///
    /// # Errors
    /// [`CredentialsError`].
    pub fn store(path: &Path, origin: &str, token: &str) -> Result<(), CredentialsError> {
        Self::read(path)?.with(origin, token)?.write(path)
    }

    /// Takes the token for `origin` out of the file at `path`; says whether there was one.
    ///
    /// # Errors
    /// [`CredentialsError`].
    pub fn remove(path: &Path, origin: &str) -> Result<bool, CredentialsError> {
        let origin = parse_origin(origin)?;
        let mut credentials = Self::read(path)?;
        if credentials.tokens.remove(&origin).is_none() {
            return Ok(false);
        }
        credentials.write(path).map(|()| true)
    }

    fn write(&self, path: &Path) -> Result<(), CredentialsError> {
        let failed =
            |source| CredentialsError::Io { action: "write", path: path.to_owned(), source };
        let raw: BTreeMap<String, RawToken> = self
            .tokens
            .iter()
            .map(|(origin, token)| (origin.to_string(), RawToken { token: token.clone() }))
            .collect();
        let text = toml::to_string(&raw).map_err(|error| failed(io::Error::other(error)))?;
        let parent = parent_of(path);
        create_dir_all(parent).map_err(|error| failed(io::Error::other(error)))?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".zoo-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            builder.permissions(std::fs::Permissions::from_mode(0o600));
        }
        let mut temporary = builder.tempfile_in(parent).map_err(failed)?;
        temporary
            .write_all(text.as_bytes())
            .and_then(|()| temporary.as_file().sync_all())
            .map_err(failed)?;
        temporary.persist(path).map_err(|error| failed(error.error))?;
        Ok(())
    }
}

fn parse_origin(origin: &str) -> Result<WebOrigin, CredentialsError> {
    WebOrigin::parse(origin).map_err(|why| CredentialsError::Origin {
        origin: crate::url::redacted(origin).chars().take(200).collect(),
        why,
    })
}

/// Whether anyone but the owner may read `file`. Windows keeps a user's files to the user.
fn is_open_to_others(file: &File) -> io::Result<bool> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        Ok(file.metadata()?.mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        file.metadata().map(|_| false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_051_and_050_tokens_and_origins() {
        let secret = "hunter2";
        let some = Credentials::none().with("https://host", secret).unwrap();
        let origin = |text| WebOrigin::parse(text).unwrap();
        assert_eq!(some.token_for(&origin("https://HOST:443")), Some(secret));
        for other in ["http://host", "https://host:8443", "https://sub.host", "https://host.evil"] {
            assert_eq!(some.token_for(&origin(other)), None, "{other}");
        }
        assert!(!format!("{some:?}").contains(secret));
        assert!(Credentials::none().with("http://127.0.0.1:8080", secret).is_ok());
        for (origin, token) in [
            ("http://host", secret),
            ("https://user:hunter2@host", "t"),
            ("https://host/path", secret),
            ("host", secret),
            ("https://host", ""),
            ("https://host", "hunter2\r\nX-Injected: 1"),
            ("https://host", "hunter2 hunter2"),
        ] {
            let error = Credentials::none().with(origin, token).unwrap_err();
            assert!(!format!("{error} {error:?}").contains(secret), "{error:?}");
        }
    }

    #[test]
    fn a_file_of_tokens() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("zoo/credentials.toml");
        assert_eq!(Credentials::read(&path).unwrap(), Credentials::none());
        Credentials::store(&path, "https://a", "one").unwrap();
        Credentials::store(&path, "https://b:8443", "two").unwrap();
        let read = Credentials::read(&path).unwrap();
        assert_eq!(read.origins().collect::<Vec<_>>(), ["https://a", "https://b:8443"]);
        assert!(Credentials::remove(&path, "https://A/").unwrap());
        assert!(!Credentials::remove(&path, "https://a").unwrap());
        assert_eq!(Credentials::read(&path).unwrap().origins().count(), 1);
    }

    #[test]
    fn fault_051_syntax_errors_do_not_quote() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("credentials.toml");
        Credentials::store(&path, "https://a", "one").unwrap();
        for text in ["\n\ntoken = \"hunter2", "[\"https://a\"]\n\ntokn = \"hunter2\"\n"] {
            // Writing to the file that is there keeps its mode.
            std::fs::write(&path, text).unwrap();
            let error = Credentials::read(&path).unwrap_err();
            let CredentialsError::Syntax { line, .. } = error else { panic!("{error}") };
            assert!(line >= 1);
            assert!(!format!("{error:?}").contains("hunter2"));
        }
    }

    #[cfg(unix)]
    #[test]
    fn fault_051_files_that_others_can_read() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("credentials.toml");
        Credentials::store(&path, "https://a", "one").unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        for open in [0o640, 0o604, 0o620] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(open)).unwrap();
            let error = Credentials::read(&path).unwrap_err();
            assert!(matches!(error, CredentialsError::OpenToOthers { .. }), "{error}");
            let refused = Credentials::store(&path, "https://b", "two");
            assert!(refused.is_err(), "it was rewritten with {open:o}");
        }
    }
}
