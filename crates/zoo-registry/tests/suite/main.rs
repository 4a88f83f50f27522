//! The registry as its users see it: names, entries, indexes, downloads from a server that
//! misbehaves on order, the store, the lock. Numbers in test names are those of the
//! project's checklist of bad inputs and faults.
#![allow(clippy::unwrap_used)]

mod entries;
mod http_faults;
mod http_resume;
mod indexes;
mod locks;
mod names;
mod pulls;
mod server;
mod sources;
mod stores;
mod support;
mod trust_envelopes;
mod trust_indexes;
mod trust_roots;
mod trust_stores;
mod trust_support;
