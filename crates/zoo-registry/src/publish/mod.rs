//! Adding to a registry: to a tree on this machine, to one in git, or through a hub.
//!
//! A change to a tree is new files that nobody refers to, and then one new index:
//!
//! ```text
//! blobs/…, models/…, pages/…   written first, each by a rename of a flushed temporary
//! history/N.json               the index with counter N, claimed: who creates it has won
//! index.json                   the newest of those, put there by a rename
//! ```
//!
//! `history/N.json` appears with all of its bytes or not at all, and never twice, so two
//! writers cannot both make index N, whatever file locks are worth on their file system.
//! The winner's next step, replacing `index.json`, can be done by anybody: who finds a newer
//! index in `history/` than in `index.json` puts it there before doing anything else. So a
//! writer may be killed between any two steps, and two writers at once lose nothing: the
//! later one makes its change again on top of the earlier one's.
//!
//! Nothing published is ever changed or deleted: a version can be [yanked](TreeWriter::yank).
//! Publishing the same thing again changes nothing and succeeds, so a publisher who does not
//! know how far he got tries again.

// What may be published.
mod blobs;
mod licence;
mod merge;
mod names;
mod publication;

// How a tree is written.
mod claims;
mod files;
mod roots;
mod signing;
mod snapshot;
mod sweep;
mod tree;

// Where else a tree can be.
mod git;
mod problem;
mod remote;

mod error;

pub use blobs::BlobUpload;
pub use error::PublishError;
pub use files::{Operation, PublishObserver};
pub use git::{Committed, commit_to_git, is_in_git};
pub(crate) use licence::is_known as is_known_licence;
pub use licence::licence_conflict;
pub use problem::{PROBLEM_JSON, Problem};
pub use publication::{Publication, PublishLimits, PublishWarning, Published};
pub use remote::{RemoteOptions, RemotePublished, RemoteRegistry};
pub use signing::{DEFAULT_VALIDITY, Signing};
pub use sweep::Swept;
pub use tree::{InitOptions, TreeWriter};
