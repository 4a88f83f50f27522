//! Why something is not published.

use std::io;
use std::path::PathBuf;

use semver::Version;

use crate::digest::Sha256Digest;
use crate::name::ModelName;

use super::problem::Problem;

/// Why something is not published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The folder holds no registry.
    #[error("{} is no registry: there is no config.json", path.display())]
    NotARegistry {
        /// The folder.
        path: PathBuf,
    },
    /// The folder holds a registry already.
    #[error("there is a registry in {} already", path.display())]
    AlreadyARegistry {
        /// The folder.
        path: PathBuf,
    },
    /// An unsigned change to a signed registry.
    #[error("the registry {} is signed, and there is no key to sign with", path.display())]
    KeyNeeded {
        /// The folder.
        path: PathBuf,
    },
    /// A signed change to an unsigned registry.
    #[error("the registry {} is unsigned: signing this change would promise what was not kept \
             before", path.display())]
    Unsigned {
        /// The folder.
        path: PathBuf,
    },
    /// What is to be published breaks rules.
    #[error("`{name}` cannot be published: {}", problems.join("; "))]
    Invalid {
        /// The model.
        name: ModelName,
        /// Every problem, one sentence each.
        problems: Vec<String>,
    },
    /// The version is there with other contents. It stays as it is, yanked or not.
    #[error("version {version} of `{name}` is published with other {what}; use a new version")]
    Conflict {
        /// The model.
        name: ModelName,
        /// The version.
        version: Version,
        /// What differs: `files` or `facts`.
        what: &'static str,
    },
    /// The name cannot be told from one that others have.
    #[error("the name `{name}` cannot be told from `{taken}`")]
    NameTaken {
        /// The name asked for.
        name: Box<ModelName>,
        /// The name that is there.
        taken: Box<ModelName>,
    },
    /// The licence does not allow what the publisher wants.
    #[error(
        "the licence `{child}` cannot be given to what was made from `{parent}`, which is \
             under `{parent_licence}`: {why}"
    )]
    Licence {
        /// The licence of what is to be published.
        child: String,
        /// The model that it was made from.
        parent: Box<ModelName>,
        /// That model's licence.
        parent_licence: String,
        /// Which of its terms forbids it.
        why: String,
    },
    /// There is no such version.
    #[error("there is no version {version} of `{name}` here")]
    NoSuchVersion {
        /// The model.
        name: ModelName,
        /// The version.
        version: Version,
    },
    /// The model is not what the publisher thinks it is.
    #[error("`{name}` was changed by somebody else meanwhile")]
    Outdated {
        /// The model.
        name: ModelName,
    },
    /// A file has another digest than the one under which it is to be published.
    #[error("the file for sha256 {expected} has sha256 {got}")]
    WrongDigest {
        /// The digest promised.
        expected: Box<Sha256Digest>,
        /// That of the bytes.
        got: Box<Sha256Digest>,
    },
    /// A file is larger than this registry takes.
    #[error("the file with sha256 {digest} has more than {limit} bytes")]
    TooLarge {
        /// The digest promised.
        digest: Box<Sha256Digest>,
        /// The limit in bytes.
        limit: u64,
    },
    /// Others changed the registry each time that this change was tried.
    #[error("the registry {} changed under all of {attempts} attempts", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
        /// How often it was tried.
        attempts: u32,
    },
    /// What is in the registry does not fit together.
    #[error("the registry {} is damaged: {why}", path.display())]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The git program could not be started.
    #[error("cannot run git in {}", path.display())]
    GitMissing {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The change is in the folder, but git did not take it.
    #[error("the registry in {} is complete, but `git {command}` failed: {said}", path.display())]
    Git {
        /// The folder.
        path: PathBuf,
        /// The command of git.
        command: &'static str,
        /// What git said.
        said: String,
    },
    /// The hub refuses.
    #[error("{url} refused: {problem}")]
    Refused {
        /// The url, without secrets.
        url: String,
        /// What the hub says, fit for a terminal.
        problem: Box<Problem>,
    },
    /// Something answers that is not a hub: a sign-in page, a proxy, a plain web server.
    #[error("{url} did not answer as a hub does: {why}")]
    NotAHub {
        /// The url, without secrets.
        url: String,
        /// What was wrong with the answer.
        why: String,
    },
    /// A token must not travel where others can read it.
    #[error("{url} is not https: the token is not sent there")]
    TokenInTheClear {
        /// The url, without secrets.
        url: String,
    },
}
