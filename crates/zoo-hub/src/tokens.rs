//! Who may publish: a file of digests of tokens, and the owners in whose name each speaks.
//!
//! ```text
//! {"schema":1,"tokens":[{"sha256":"…","namespaces":["alice"],"note":"laptop"},…]}
//! ```
//!
//! Tokens are 32 random bytes, so their digests give nothing away, and need no salt. The file
//! is read for each request: a token that is revoked is worth nothing from then on.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};
use zoo_registry::{ModelName, Sha256Digest};

use crate::error::HubError;

/// Begins every token, so that one that got into a text can be found.
const PREFIX: &str = "zoo_";

/// Most bytes of the file.
const MAX_BYTES: u64 = 16 << 20;

/// What a token allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenGrant {
    /// The digest of the token.
    pub sha256: Sha256Digest,
    /// The owners in whose name it publishes.
    pub namespaces: Vec<String>,
    /// What its owner calls it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// The file of tokens.
#[derive(Debug, Clone)]
pub struct TokenFile {
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    schema: u32,
    tokens: Vec<TokenGrant>,
}

impl TokenFile {
    /// The tokens in the file at `path`, which need not be there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a new token for these owners, and gives it. It is shown this once: only its
    /// digest is kept.
    ///
    /// # Errors
    /// [`HubError::Namespace`], [`HubError::Tokens`], [`HubError::TokenSyntax`],
    /// [`HubError::NoRandomness`].
    pub fn add(&self, namespaces: &[String], note: &str) -> Result<String, HubError> {
        for namespace in namespaces {
            // As the first part of a name, which is where it will stand.
            if format!("{namespace}/model").parse::<ModelName>().is_err() {
                return Err(HubError::Namespace { namespace: namespace.clone() });
            }
        }
        let mut bytes = [0; 32];
        SystemRandom::new().fill(&mut bytes).map_err(|_| HubError::NoRandomness)?;
        let mut token = PREFIX.to_owned();
        for byte in bytes {
            // Writing to a string cannot fail.
            let _ = write!(token, "{byte:02x}");
        }
        let grant = TokenGrant {
            sha256: Sha256Digest::of(token.as_bytes()),
            namespaces: namespaces.to_vec(),
            note: note.to_owned(),
        };
        self.change(|grants| grants.push(grant))?;
        Ok(token)
    }

    /// Takes back the tokens whose digests begin with `prefix`, and gives them.
    ///
    /// # Errors
    /// [`HubError::Tokens`], [`HubError::TokenSyntax`].
    pub fn revoke(&self, prefix: &str) -> Result<Vec<TokenGrant>, HubError> {
        let mut gone = Vec::new();
        self.change(|grants| {
            let (revoked, kept) = std::mem::take(grants)
                .into_iter()
                .partition(|grant| !prefix.is_empty() && grant.sha256.to_hex().starts_with(prefix));
            gone = revoked;
            *grants = kept;
        })?;
        Ok(gone)
    }

    /// All tokens, in the order in which they were made.
    ///
    /// # Errors
    /// [`HubError::Tokens`], [`HubError::TokenSyntax`].
    pub fn list(&self) -> Result<Vec<TokenGrant>, HubError> {
        let mut text = Vec::new();
        match File::open(&self.path) {
            Ok(file) => file.take(MAX_BYTES).read_to_end(&mut text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => Err(error),
        }
        .map_err(self.failed("read"))?;
        let raw: Raw = serde_json::from_slice(&text)
            .map_err(|source| HubError::TokenSyntax { path: self.path.clone(), source })?;
        Ok(raw.tokens)
    }

    /// What `token` allows, if it is known. Takes as long for a wrong one.
    pub(crate) fn find(&self, token: &str) -> Result<Option<TokenGrant>, HubError> {
        let digest = Sha256Digest::of(token.as_bytes());
        let mut found = None;
        for grant in self.list()? {
            if same(digest.as_bytes(), grant.sha256.as_bytes()) {
                found = Some(grant);
            }
        }
        Ok(found)
    }

    fn change(&self, change: impl FnOnce(&mut Vec<TokenGrant>)) -> Result<(), HubError> {
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(self.failed("create a folder for"))?;
        let guard = self.path.with_extension("lock");
        let guard = File::create(&guard).map_err(self.failed("lock"))?;
        // Where locks lie, two people must not make tokens in one moment.
        let _ = guard.lock();
        let mut tokens = self.list()?;
        change(&mut tokens);
        let json = serde_json::to_vec_pretty(&Raw { schema: 1, tokens })
            .map_err(|source| HubError::TokenSyntax { path: self.path.clone(), source })?;
        // A temporary file can be read by its owner alone, and so can what it becomes.
        let mut temporary = tempfile::Builder::new()
            .prefix(".zoo-")
            .tempfile_in(parent)
            .map_err(self.failed("write"))?;
        temporary
            .write_all(&json)
            .and_then(|()| temporary.as_file().sync_all())
            .map_err(self.failed("write"))?;
        temporary.persist(&self.path).map_err(|error| self.failed("replace")(error.error))?;
        Ok(())
    }

    fn failed(&self, action: &'static str) -> impl FnOnce(io::Error) -> HubError {
        let path = self.path.clone();
        move |source| HubError::Tokens { action, path, source }
    }
}

/// Whether two digests are the same, in a time that does not say how much of them is.
fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    let difference = one.iter().zip(other).fold(0, |all, (one, other)| all | (one ^ other));
    std::hint::black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_made_found_and_revoked() {
        let dir = tempfile::tempdir().unwrap();
        let tokens = TokenFile::new(dir.path().join("tokens.json"));
        assert!(tokens.find("zoo_").unwrap().is_none());
        let one = tokens.add(&["alice".to_owned()], "laptop").unwrap();
        let two = tokens.add(&["bob".to_owned(), "lab".to_owned()], "").unwrap();
        assert_ne!(one, two);
        assert_eq!(tokens.find(&one).unwrap().unwrap().namespaces, ["alice"]);
        let file = fs::read_to_string(tokens.path()).unwrap();
        assert!(!file.contains(&one) && !file.contains(&one[4..]), "{file}");
        assert!(tokens.revoke("").unwrap().is_empty());
        let digest = Sha256Digest::of(one.as_bytes()).to_hex();
        assert_eq!(tokens.revoke(&digest[..12]).unwrap().len(), 1);
        assert!(tokens.find(&one).unwrap().is_none());
        assert!(tokens.find(&two).unwrap().is_some());
        for namespace in ["", "a/b", "../x", "Alice", "zoo"] {
            assert!(tokens.add(&[namespace.to_owned()], "").is_err(), "{namespace}");
        }
    }
}
