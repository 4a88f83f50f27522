//! The server: from options to a listening socket, and back to silence.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::Router;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Mutex, oneshot};
use tokio::time::timeout;
use zoo_registry::Sha256Digest;
use zoo_registry::publish::{PublishLimits, TreeWriter};

use crate::connection::{PatientListener, Peer};
use crate::error::HubError;
use crate::options::HubOptions;
use crate::rate::Buckets;
use crate::request;

/// What all requests share.
pub(crate) struct State {
    pub(crate) options: HubOptions,
    pub(crate) writer: TreeWriter,
    /// Held by whoever changes the index.
    pub(crate) turn: Mutex<()>,
    /// How often each token asked.
    pub(crate) tokens: Buckets<Sha256Digest>,
    /// How often each address came without one.
    pub(crate) strangers: Buckets<std::net::IpAddr>,
}

/// A hub that listens and does not answer yet.
pub struct Hub {
    runtime: Runtime,
    listener: TcpListener,
    address: SocketAddr,
    state: Arc<State>,
}

/// A hub that answers on threads of its own. Dropped, it stops.
pub struct HubHandle {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Hub {
    /// Opens the registry, finishes what a killed hub had begun, and listens.
    ///
    /// # Errors
    /// [`HubError`].
    pub fn bind(options: HubOptions) -> Result<Self, HubError> {
        let registry = |source: zoo_registry::Error| HubError::Registry {
            dir: options.dir.clone(),
            source: Box::new(source),
        };
        let limits =
            PublishLimits { blob_bytes: options.max_blob_bytes, ..PublishLimits::default() };
        let writer = TreeWriter::open(&options.dir).map_err(registry)?.with_limits(limits);
        if !options.read_only {
            writer.recover(options.leftovers_older_than).map_err(registry)?;
        }
        let runtime = Builder::new_multi_thread().enable_all().build().map_err(HubError::Start)?;
        let listen = |source| HubError::Listen { address: options.listen, source };
        let listener = runtime.block_on(TcpListener::bind(options.listen)).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let (tokens, strangers) = (Buckets::new(options.rate), Buckets::new(options.rate));
        let state = State { options, writer, turn: Mutex::new(()), tokens, strangers };
        Ok(Self { runtime, listener, address, state: Arc::new(state) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` is there, then finishes what is under way.
    ///
    /// # Errors
    /// [`HubError::Start`].
    pub fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), HubError> {
        let Self { runtime, listener, state, .. } = self;
        let patience = state.options.patience;
        let listener = PatientListener { listener, patience };
        let service = Router::new()
            .fallback(request::answer)
            .with_state(state)
            .into_make_service_with_connect_info::<Peer>();
        let result = runtime.block_on(async move {
            let (stopping, stopped) = oneshot::channel();
            let signal = async move {
                stop.await;
                let _ = stopping.send(());
            };
            let server = axum::serve(listener, service).with_graceful_shutdown(signal);
            let mut server = tokio::spawn(server.into_future());
            tokio::select! {
                result = &mut server => result,
                // A client that never ends must not keep the hub from it.
                _ = stopped => match timeout(patience.shutdown, &mut server).await {
                    Ok(result) => result,
                    Err(_) => Ok(Ok(())),
                },
            }
        });
        // What was begun is finished by whoever comes next.
        runtime.shutdown_timeout(patience.stall);
        result.map_err(|error| HubError::Start(error.into()))?.map_err(HubError::Start)
    }

    /// Answers on a thread of its own.
    ///
    /// # Errors
    /// [`HubError::Start`].
    pub fn spawn(self) -> Result<HubHandle, HubError> {
        let (stop, stopped) = oneshot::channel::<()>();
        let run = move || {
            // Gone or told: both mean stop. What went wrong while running went to clients.
            let _ = self.run(async move {
                let _ = stopped.await;
            });
        };
        let thread = std::thread::Builder::new()
            .name("hub".to_owned())
            .spawn(run)
            .map_err(HubError::Start)?;
        Ok(HubHandle { stop: Some(stop), thread: Some(thread) })
    }
}

impl HubHandle {
    /// Stops the hub and waits for its end.
    pub fn shutdown(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It only runs the server, which does not panic.
            let _ = thread.join();
        }
    }
}

impl Drop for HubHandle {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Serves until the process is told to stop (interrupt, or terminate on Unix). `listening`
/// is called once with the address.
///
/// # Errors
/// [`HubError`].
pub fn serve(options: HubOptions, listening: impl FnOnce(SocketAddr)) -> Result<(), HubError> {
    let hub = Hub::bind(options)?;
    listening(hub.address());
    hub.run(told_to_stop())
}

async fn told_to_stop() {
    let interrupted = async {
        // Where no signal can be heard, only killing helps, which is safe at any time.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                () = interrupted => {},
                _ = terminated.recv() => {},
            }
            return;
        }
    }
    interrupted.await;
}
