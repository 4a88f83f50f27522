//! Registries and the cache: publishing, trusting, serving, keeping.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::parse_size;

#[derive(Args)]
pub(crate) struct LintArgs {
    /// A folder with models/*.toml, or any registry; without it, the one inside this program
    pub(crate) registry: Option<String>,
    /// Fail on warnings too
    #[arg(long)]
    pub(crate) strict: bool,
}

#[derive(Args)]
pub(crate) struct LoginArgs {
    /// Scheme, host and port, such as <https://hub.example.org>
    pub(crate) origin: String,
}

#[derive(Args)]
pub(crate) struct BundleArgs {
    /// NAME or NAME@VERSION, one or more
    #[arg(required = true)]
    pub(crate) names: Vec<String>,
    /// The folder to write: a registry of its own, for `zoo pull --from`
    #[arg(long, short)]
    pub(crate) out: PathBuf,
}

#[derive(Args)]
pub(crate) struct PublishArgs {
    /// The bundle
    pub(crate) bundle: PathBuf,
    /// The registry: a folder, a folder in a git checkout, or the address of a hub
    #[arg(long)]
    pub(crate) to: String,
    /// Publish it as OWNER/NAME or OWNER/NAME@VERSION instead of what its card says
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) publish_as: Option<String>,
    /// One line about it, for people
    #[arg(long)]
    pub(crate) summary: Option<String>,
    /// The licence of its weights, as an SPDX identifier; the card says, if not given
    #[arg(long, alias = "license")]
    pub(crate) licence: Option<String>,
    /// What to cite
    #[arg(long)]
    pub(crate) citation: Option<String>,
    /// The page where one reads about it
    #[arg(long)]
    pub(crate) upstream: Option<String>,
    /// Store only what differs from the model that it was adapted from
    #[arg(long)]
    pub(crate) delta: bool,
    /// A key that signs the registry's index; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Vec<PathBuf>,
    /// Check all, and publish nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct YankArgs {
    /// NAME@VERSION
    pub(crate) name: String,
    /// The registry: a folder, or the address of a hub
    #[arg(long)]
    pub(crate) to: String,
    /// Take the withdrawal back
    #[arg(long)]
    pub(crate) undo: bool,
    /// A key that signs the registry's index; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Vec<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum CacheCommand {
    /// List what is there
    Ls,
    /// Read all of it again and compare digests; what is wrong is removed
    Verify {
        /// Remove nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Remove what nothing needs
    Gc {
        /// Show what would go, and remove nothing
        #[arg(long)]
        dry_run: bool,
        /// Spare what was used in the last so many hours
        #[arg(long, value_name = "HOURS", default_value_t = 24)]
        grace: u64,
        /// Remove only until the cache is no larger, what was not used for longest first
        #[arg(long, value_name = "SIZE", value_parser = parse_size)]
        max_size: Option<u64>,
        /// Wait so many seconds for others that use the cache
        #[arg(long, value_name = "SECONDS", default_value_t = 0)]
        wait: u64,
    },
    /// Keep a model, whatever happens
    Pin {
        /// NAME or NAME@VERSION
        name: String,
        /// Why
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Let it go again
    Unpin {
        /// NAME, NAME@VERSION or a sha256
        name: String,
    },
    /// Print where it is
    Path,
}

#[derive(Subcommand)]
pub(crate) enum TrustCommand {
    /// List the registries that are trusted
    List,
    /// Trust a registry, by the fingerprint of its root that its owner gave you
    Add {
        /// The registry
        location: String,
        /// The fingerprint; without it, whoever answers now is believed
        #[arg(long, value_name = "SHA256")]
        fingerprint: Option<String>,
        /// What messages call it
        #[arg(long, default_value = "registry")]
        name: String,
        /// Read the root from this file instead of the registry
        #[arg(long, value_name = "FILE")]
        root: Option<PathBuf>,
    },
    /// Trust it no more
    Remove {
        /// The registry
        location: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum HubCommand {
    /// Make an empty registry in a folder
    Init {
        /// The folder
        dir: PathBuf,
        /// Nobody signs it
        #[arg(long, conflicts_with_all = ["root_key", "index_key"])]
        unsigned: bool,
        /// Keys that sign the root; made in the config folder, if not given
        #[arg(long, value_name = "FILE")]
        root_key: Vec<PathBuf>,
        /// Keys that sign the index; made in the config folder, if not given
        #[arg(long, value_name = "FILE")]
        index_key: Vec<PathBuf>,
        /// How many of the root keys it takes
        #[arg(long, default_value_t = 1)]
        threshold: usize,
        /// For how many days the root is good
        #[arg(long, default_value_t = 3650)]
        days: u64,
    },
    /// Serve a registry, and take what its owners publish
    Serve(ServeArgs),
    /// Make a key
    Key {
        /// The file to write
        file: PathBuf,
    },
    /// Renew the index's signature and expiry
    Sign {
        /// The folder
        dir: PathBuf,
        /// A key that signs the index; may be given several times
        #[arg(long, value_name = "FILE")]
        key: Vec<PathBuf>,
    },
    /// Write the next root: other keys, another expiry
    Rotate {
        /// The folder
        dir: PathBuf,
        /// Root keys that sign, old and new
        #[arg(long, value_name = "FILE", required = true)]
        root_key: Vec<PathBuf>,
        /// Index keys of the new root
        #[arg(long, value_name = "FILE", required = true)]
        index_key: Vec<PathBuf>,
        /// Root keys of the new root; those that sign, if not given
        #[arg(long, value_name = "FILE")]
        new_root_key: Vec<PathBuf>,
        /// How many of the root keys it takes
        #[arg(long, default_value_t = 1)]
        threshold: usize,
        /// For how many days the root is good
        #[arg(long, default_value_t = 3650)]
        days: u64,
    },
    /// Give and take back the right to publish
    #[command(subcommand)]
    Token(TokenCommand),
}

#[derive(Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token that may publish for these owners; it is printed once
    Add {
        /// The file of tokens
        #[arg(long)]
        tokens: PathBuf,
        /// The owners
        #[arg(required = true)]
        owners: Vec<String>,
    },
    /// Take back the token of which this is the start of its sha256
    Remove {
        /// The file of tokens
        #[arg(long)]
        tokens: PathBuf,
        /// The start of the sha256, as `list` shows it
        start: String,
    },
    /// List the tokens, by the start of their sha256
    List {
        /// The file of tokens
        #[arg(long)]
        tokens: PathBuf,
    },
}

#[derive(Args)]
pub(crate) struct ServeArgs {
    /// The registry's folder
    #[arg(long)]
    pub(crate) dir: PathBuf,
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:8731")]
    pub(crate) listen: std::net::SocketAddr,
    /// The file of tokens that may publish; without it nothing is taken
    #[arg(long)]
    pub(crate) tokens: Option<PathBuf>,
    /// A key that signs the index; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Vec<PathBuf>,
    /// The largest file that is taken
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value = "4GB")]
    pub(crate) max_size: u64,
    /// Serve, and take nothing
    #[arg(long)]
    pub(crate) read_only: bool,
}
