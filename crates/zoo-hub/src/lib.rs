//! Serve a registry and take what its owners publish.
//!
//! A hub is a [tree of static files](zoo_registry::publish) with a door: it gives those files
//! to everybody, and takes new ones from who has a token. Any web server or bucket can do the
//! first in its place.
//!
//! ```text
//! GET, HEAD  /config.json /index.json /root.json /N.root.json
//! GET, HEAD  /pages/… /models/… /blobs/…
//! HEAD, PUT  /api/v1/blobs/sha256/DIGEST                 a file; its bytes must have the digest
//! PUT        /api/v1/models/OWNER/NAME/VERSION           an entry with that one version, as JSON
//! POST       /api/v1/models/OWNER/NAME/VERSION/yank      and /unyank
//! ```
//!
//! Everything below `/api` takes `Authorization: Bearer TOKEN`. What is refused is refused
//! with a [`Problem`](zoo_registry::publish::Problem). Each request may be repeated: the same
//! thing published twice is published once.
#![cfg_attr(test, allow(clippy::unwrap_used))]

// Who may do what, how often.
mod rate;
mod tokens;

// What is given.
mod files;
mod range;

// What is taken.
mod publishing;
mod uploads;

// The server.
mod connection;
mod error;
mod hub;
mod options;
mod reply;
mod request;

pub use error::HubError;
pub use hub::{Hub, HubHandle, serve};
pub use options::{HubObserver, HubOptions, Patience, Validate};
pub use rate::Rate;
pub use tokens::{TokenFile, TokenGrant};
