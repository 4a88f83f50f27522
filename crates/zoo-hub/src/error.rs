//! Why a hub cannot be run.

use std::io;
use std::path::PathBuf;

/// Why a hub cannot be run, or its tokens not be changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// The registry cannot be opened.
    #[error("cannot serve the registry {}", dir.display())]
    Registry {
        /// Its folder.
        dir: PathBuf,
        /// Why.
        source: Box<zoo_registry::Error>,
    },
    /// The address cannot be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The system gives no threads or no signals.
    #[error("cannot start the server")]
    Start(#[source] io::Error),
    /// The file of tokens cannot be read or written.
    #[error("cannot {action} the tokens {}", path.display())]
    Tokens {
        /// What was tried, an infinitive.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file of tokens says something that cannot be followed.
    #[error("the tokens {} cannot be understood", path.display())]
    TokenSyntax {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// No namespace of models.
    #[error("`{namespace}` cannot be the owner of models")]
    Namespace {
        /// What was given.
        namespace: String,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers for a token")]
    NoRandomness,
}
