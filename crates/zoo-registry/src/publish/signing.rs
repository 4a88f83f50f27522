//! Who signs a change.

use std::time::Duration;

use crate::trust::SecretKey;

/// How long an index is good for unless somebody says otherwise: a year.
pub const DEFAULT_VALIDITY: Duration = Duration::from_hours(365 * 24);

/// How the next index is signed.
#[derive(Debug)]
pub enum Signing {
    /// Not at all: for registries that were made so.
    Unsigned,
    /// By these keys.
    Keys {
        /// Enough keys of those to which the root gives the index.
        keys: Vec<SecretKey>,
        /// How long the index is good for.
        valid_for: Duration,
    },
}

impl Signing {
    /// Signed by `keys`, for [`DEFAULT_VALIDITY`].
    pub fn keys(keys: Vec<SecretKey>) -> Self {
        Self::Keys { keys, valid_for: DEFAULT_VALIDITY }
    }

    pub(super) fn is_signed(&self) -> bool {
        matches!(self, Self::Keys { .. })
    }

    pub(super) fn secret_keys(&self) -> &[SecretKey] {
        match self {
            Self::Unsigned => &[],
            Self::Keys { keys, .. } => keys,
        }
    }
}
