//! Connections that do not wait for ever.
//!
//! A client that sends the head of a request byte by byte, or asks for a gigabyte and does
//! not read it, costs a connection. So whoever owes us a head has so long for all of it, and
//! whoever is sent something so long to take the next of it. Bodies are watched where they
//! are read; while a request is worked on, nobody owes anything.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use crate::options::Patience;

/// Accepts connections that watch the time.
pub(crate) struct PatientListener {
    pub(crate) listener: TcpListener,
    pub(crate) patience: Patience,
}

/// What a request knows of its connection.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) address: IpAddr,
    /// How many are at work on a request: its handler, and then its body.
    busy: Arc<AtomicUsize>,
}

impl Peer {
    /// Says that a request is being worked on until what comes back is dropped.
    pub(crate) fn work(&self) -> Working {
        self.busy.fetch_add(1, Ordering::AcqRel);
        Working(self.busy.clone())
    }
}

/// A request is being worked on.
pub(crate) struct Working(Arc<AtomicUsize>);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Listener for PatientListener {
    type Io = PatientStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (PatientStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    // Answers are small and wanted at once.
                    let _ = stream.set_nodelay(true);
                    return (PatientStream::new(stream, self.patience), address);
                }
                // Of one connection that is gone already, or of too many open files: the
                // second ends when others end.
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, PatientListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, PatientListener>) -> Self {
        Self { address: stream.remote_addr().ip(), busy: stream.io().busy.clone() }
    }
}

/// A connection that watches the time.
pub(crate) struct PatientStream {
    stream: TcpStream,
    patience: Patience,
    busy: Arc<AtomicUsize>,
    /// When the head that is waited for must be complete.
    head_due: Instant,
    read_timer: Option<Pin<Box<Sleep>>>,
    write_timer: Option<Pin<Box<Sleep>>>,
}

impl PatientStream {
    fn new(stream: TcpStream, patience: Patience) -> Self {
        Self {
            stream,
            patience,
            busy: Arc::new(AtomicUsize::new(0)),
            head_due: Instant::now() + patience.head,
            read_timer: None,
            write_timer: None,
        }
    }

    fn poll_head_due(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            let timer = self.read_timer.get_or_insert_with(|| Box::pin(sleep_until(self.head_due)));
            ready!(timer.as_mut().poll(context));
            self.read_timer = None;
            if self.busy.load(Ordering::Acquire) > 0 {
                self.head_due = Instant::now() + self.patience.head;
            } else if self.head_due <= Instant::now() {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
        }
    }

    fn poll_stalled(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let stall = self.patience.stall;
        let timer = self.write_timer.get_or_insert_with(|| Box::pin(sleep(stall)));
        ready!(timer.as_mut().poll(context));
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }

    /// The client took something: the next head is due from here.
    fn wrote(&mut self) {
        self.write_timer = None;
        self.head_due = Instant::now() + self.patience.head;
    }
}

impl AsyncRead for PatientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Bytes that come do not put it off: a byte now and then must not hold the line.
        if self.busy.load(Ordering::Acquire) == 0
            && let Poll::Ready(error) = self.poll_head_due(context)
        {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for PatientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(context, bytes) {
            Poll::Ready(result) => {
                self.wrote();
                Poll::Ready(result)
            }
            Poll::Pending => self.poll_stalled(context).map(Err),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write_vectored(context, slices) {
            Poll::Ready(result) => {
                self.wrote();
                Poll::Ready(result)
            }
            Poll::Pending => self.poll_stalled(context).map(Err),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
