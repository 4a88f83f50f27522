//! What a hub is to serve, to whom, and how patiently.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use zoo_registry::publish::Signing;
use zoo_registry::{Entry, EntryVersion};

use crate::rate::Rate;

/// Looks at a version before it is published: the file of its weights, the entry as sent, and
/// the version. Gives every problem, one sentence each.
pub type Validate =
    Arc<dyn Fn(&Path, &Entry, &EntryVersion) -> Result<(), Vec<String>> + Send + Sync>;

/// Is told what a hub does.
pub trait HubObserver: Send + Sync {
    /// A request was answered.
    fn answered(&self, method: &str, path: &str, status: u16) {
        let _ = (method, path, status);
    }

    /// Something on this side is wrong; whoever asked was only told so much.
    fn failed(&self, error: &zoo_registry::Error) {
        let _ = error;
    }
}

impl HubObserver for zoo_registry::Silent {}

/// What a hub is to serve.
#[derive(Clone)]
pub struct HubOptions {
    /// The folder of the registry.
    pub dir: PathBuf,
    /// Where to listen; port 0 takes any.
    pub listen: SocketAddr,
    /// The file of tokens; without one nobody may publish.
    pub tokens: Option<PathBuf>,
    /// The keys for the index.
    pub signing: Arc<Signing>,
    /// Most bytes of one file.
    pub max_blob_bytes: u64,
    /// Give, and take nothing.
    pub read_only: bool,
    /// What is checked before a version is published.
    pub validate: Validate,
    /// How often one publisher may ask.
    pub rate: Rate,
    /// How long slow clients are waited for.
    pub patience: Patience,
    /// Unfinished files older than this are removed at the start: nobody writes to them.
    pub leftovers_older_than: Duration,
    /// Is told of requests and errors.
    pub observer: Arc<dyn HubObserver>,
}

/// How long a hub waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For the whole head of a request, and between two requests.
    pub head: Duration,
    /// For the next bytes of a body, and for the client to take the next of an answer.
    pub stall: Duration,
    /// Bytes a second that a body must come with on average, once `stall` is over.
    pub min_rate: u64,
    /// For requests under way, when it is to stop.
    pub shutdown: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(15),
            stall: Duration::from_secs(30),
            min_rate: 1 << 10,
            shutdown: Duration::from_secs(30),
        }
    }
}

impl HubOptions {
    /// The registry in `dir`, given to this machine alone and changed by nobody.
    pub fn new(dir: impl Into<PathBuf>, signing: Signing) -> Self {
        Self {
            dir: dir.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tokens: None,
            signing: Arc::new(signing),
            max_blob_bytes: 16 << 30,
            read_only: false,
            validate: Arc::new(|_, _, _| Ok(())),
            rate: Rate::default(),
            patience: Patience::default(),
            leftovers_older_than: Duration::from_hours(1),
            observer: Arc::new(zoo_registry::Silent),
        }
    }
}

impl fmt::Debug for HubOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubOptions")
            .field("dir", &self.dir)
            .field("listen", &self.listen)
            .field("read_only", &self.read_only)
            .finish_non_exhaustive()
    }
}
