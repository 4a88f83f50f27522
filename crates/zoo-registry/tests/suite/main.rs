//! The registry as its users see it: names, entries, indexes, downloads from a server that
//! misbehaves on order, the store, the lock. Numbers in test names are those of the
//! project's checklist of bad inputs and faults.
#![allow(clippy::unwrap_used)]

mod archives;
mod entries;
mod gc;
mod gc_faults;
mod http_credentials;
mod http_faults;
mod http_limits;
mod http_mirrors;
mod http_pieces;
mod http_proxies;
mod http_redirects;
mod http_resume;
mod http_tls;
mod indexes;
mod lints;
mod locks;
mod names;
mod publish;
mod publish_git;
mod publish_kill;
mod publish_remote;
mod pulls;
mod seeded;
mod server;
mod sources;
mod stores;
mod stores_processes;
mod stores_stamps;
mod support;
mod trust_envelopes;
mod trust_indexes;
mod trust_roots;
mod trust_stores;
mod trust_support;
