//! Ed25519 keys (RFC 8032): public ones as text, secret ones in files that only their owner
//! can read.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::str::FromStr;

use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use super::envelope::{Kind, Signature};
use super::error::TrustError;
use crate::atomic;
use crate::digest::Sha256Digest;
use crate::error::Error;
use crate::hex;

/// The name of a key: the digest of its 32 public bytes.
pub type KeyId = Sha256Digest;

const PUBLIC_PREFIX: &str = "zoo-key-ed25519 ";
const SECRET_PREFIX: &str = "zoo-secret-key-ed25519 ";

/// A public key. As text: `zoo-key-ed25519` and 64 digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The key with these 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest by which roots and envelopes name this key.
    pub fn id(&self) -> KeyId {
        Sha256Digest::of(&self.0)
    }

    /// Whether `signature` is this key's on a `payload` of this kind.
    pub fn verifies(&self, kind: Kind, payload: &[u8], signature: &Signature) -> bool {
        signature.key == self.id() && self.verifies_message(&kind.message(payload), signature)
    }

    pub(super) fn verifies_message(&self, message: &[u8], signature: &Signature) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature.as_bytes()).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PUBLIC_PREFIX}{}", hex::encode(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", hex::encode(&self.0))
    }
}

/// Space around the text is allowed: it is pasted by hand.
impl FromStr for PublicKey {
    type Err = TrustError;

    fn from_str(text: &str) -> Result<Self, TrustError> {
        text.trim()
            .strip_prefix(PUBLIC_PREFIX)
            .and_then(|digits| hex::decode(digits.as_bytes()))
            .map(Self)
            .ok_or_else(|| TrustError::InvalidPublicKey { text: shown(text) })
    }
}

/// The start of `text`, unless it is a secret key in the wrong place.
fn shown(text: &str) -> String {
    if text.contains("secret") { "…".to_owned() } else { text.chars().take(80).collect() }
}

/// A secret key. It is never shown, and cannot be cloned.
pub struct SecretKey {
    seed: [u8; 32],
    pair: Ed25519KeyPair,
}

impl SecretKey {
    /// A new key from the system's random numbers.
    ///
    /// # Errors
    /// [`TrustError::NoRandomness`].
    pub fn generate() -> Result<Self, TrustError> {
        let mut seed = [0; 32];
        SystemRandom::new().fill(&mut seed).map_err(|_| TrustError::NoRandomness)?;
        Self::from_seed(seed)
    }

    /// The key that follows from these 32 secret bytes (RFC 8032, 5.1.5).
    ///
    /// # Errors
    /// None today: every seed is a key.
    pub fn from_seed(seed: [u8; 32]) -> Result<Self, TrustError> {
        let pair =
            Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| TrustError::NoRandomness)?;
        Ok(Self { seed, pair })
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.pair.public_key().as_ref());
        PublicKey(bytes)
    }

    /// This key's signature on a `payload` of this kind. Signing twice gives the same.
    pub fn sign(&self, kind: Kind, payload: &[u8]) -> Signature {
        let mut bytes = [0; 64];
        bytes.copy_from_slice(self.pair.sign(&kind.message(payload)).as_ref());
        Signature::new(self.public().id(), bytes)
    }

    /// Writes the key to a new file that only its owner can read.
    ///
    /// # Errors
    /// [`Error::Io`], also where there is a file already: a key is never overwritten.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let parent = atomic::parent_of(path);
        atomic::create_dir_all(parent)?;
        // Made with mode 600 from the start: at no time is it open to others.
        let mut file = tempfile::Builder::new()
            .prefix(".zoo-")
            .tempfile_in(parent)
            .map_err(Error::io("create a file in", parent))?;
        writeln!(file, "{SECRET_PREFIX}{}", hex::encode(&self.seed))
            .and_then(|()| file.as_file().sync_all())
            .map_err(Error::io("write", path))?;
        file.persist_noclobber(path)
            .map_err(|error| Error::io("create the secret key", path)(error.error))?;
        atomic::sync_dir(parent);
        Ok(())
    }

    /// Reads the key in the file at `path`.
    ///
    /// # Errors
    /// [`Error::Io`], [`TrustError::ExposedSecretKey`], [`TrustError::InvalidSecretKey`]. None
    /// of them repeats what is in the file.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io("open the secret key", path))?;
        check_mode(&file, path)?;
        let mut text = Vec::new();
        file.take(256).read_to_end(&mut text).map_err(Error::io("read the secret key", path))?;
        let seed = text
            .strip_prefix(SECRET_PREFIX.as_bytes())
            .and_then(|rest| rest.strip_suffix(b"\n"))
            .and_then(hex::decode)
            .ok_or_else(|| TrustError::InvalidSecretKey { path: path.to_owned() })?;
        Ok(Self::from_seed(seed)?)
    }
}

#[cfg(unix)]
fn check_mode(file: &File, path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = file.metadata().map_err(Error::io("read the mode of", path))?;
    let mode = metadata.permissions().mode() & 0o777;
    if metadata.is_dir() {
        let error = io::Error::from(io::ErrorKind::IsADirectory);
        return Err(Error::io("read the secret key", path)(error));
    }
    if mode & 0o077 != 0 {
        return Err(TrustError::ExposedSecretKey { path: path.to_owned(), mode }.into());
    }
    Ok(())
}

/// Elsewhere a file in the user's folder is the user's.
#[cfg(not(unix))]
fn check_mode(_: &File, _: &Path) -> Result<(), Error> {
    Ok(())
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretKey").field("public", &self.public()).finish_non_exhaustive()
    }
}
