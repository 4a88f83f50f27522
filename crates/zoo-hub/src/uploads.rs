//! Taking a file, in one piece, under the digest that it must have.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Instant;

use axum::body::{Body, HttpBody as _};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE};
use axum::http::{HeaderMap, Response, StatusCode};
use serde::Serialize;
use tokio::time::timeout;
use zoo_registry::Sha256Digest;

use crate::hub::State;
use crate::options::Patience;
use crate::reply::{Refusal, json};

/// Bytes that are written at once.
const CHUNK: usize = 1 << 18;

#[derive(Serialize)]
struct Stored {
    sha256: Sha256Digest,
    bytes: u64,
}

/// Stores the body of a request. Until all of it is there and right, nothing is.
pub(crate) async fn put(
    state: &State,
    digest: Sha256Digest,
    headers: &HeaderMap,
    reader: &mut BodyReader,
) -> Result<Response<Body>, Refusal> {
    let refuse = |status, title, detail: &str| Err(Refusal::new(status, title, detail));
    if headers.contains_key(CONTENT_RANGE) {
        // A server that took a part for the whole would store nonsense (RFC 9110, 14.4).
        let detail = "send the whole file in one request";
        return refuse(StatusCode::BAD_REQUEST, "parts are not taken", detail);
    }
    if headers.get(CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        let detail = "send the file as it is";
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "encodings are not taken", detail);
    }
    let limit = state.options.max_blob_bytes;
    let announced = headers.get(CONTENT_LENGTH).and_then(|n| n.to_str().ok()?.parse().ok());
    if announced.is_some_and(|announced: u64| announced > limit) {
        let detail = format!("the most that is taken is {limit} bytes");
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, "the file is too large", &detail);
    }
    let mut upload = state.writer.begin_blob(digest)?;
    loop {
        let chunk = reader.next().await?;
        if chunk.is_empty() {
            break;
        }
        // Away from the threads that answer others: a disk can be slow.
        upload = blocking(move || {
            upload.write(&chunk)?;
            Ok(upload)
        })
        .await?;
    }
    let bytes = blocking(move || upload.finish()).await?;
    Ok(json(StatusCode::CREATED, &Stored { sha256: digest, bytes }))
}

/// Runs `work` where it may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, zoo_registry::Error> + Send + 'static,
) -> Result<T, Refusal> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(Refusal::broken)??)
}

/// Reads a body from somebody who may be slow, or gone.
pub(crate) struct BodyReader {
    body: Body,
    patience: Patience,
    began: Instant,
    bytes: u64,
}

impl BodyReader {
    pub(crate) fn new(body: Body, patience: Patience) -> Self {
        Self { body, patience, began: Instant::now(), bytes: 0 }
    }

    /// The next bytes; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Vec<u8>, Refusal> {
        let mut chunk = Vec::new();
        while chunk.len() < CHUNK {
            let frame = poll_fn(|context| Pin::new(&mut self.body).poll_frame(context));
            let Patience { stall, min_rate, .. } = self.patience;
            let frame = match timeout(stall, frame).await {
                Err(_) => return Err(slow()),
                Ok(None) => break,
                Ok(Some(Err(_))) => {
                    let detail = "the body ended early";
                    let status = StatusCode::BAD_REQUEST;
                    return Err(Refusal::new(status, "the body is not complete", detail));
                }
                Ok(Some(Ok(frame))) => frame,
            };
            // Trailers say nothing here.
            let Ok(data) = frame.into_data() else { continue };
            chunk.extend_from_slice(&data);
            self.bytes += data.len() as u64;
            let elapsed = self.began.elapsed();
            if elapsed > stall && (self.bytes as f64) < elapsed.as_secs_f64() * min_rate as f64 {
                return Err(slow());
            }
        }
        Ok(chunk)
    }

    /// Reads and forgets up to `limit` bytes: who is answered while he still sends may never
    /// see the answer.
    pub(crate) async fn drain(mut self, limit: u64) {
        while self.bytes < limit && self.next().await.is_ok_and(|chunk| !chunk.is_empty()) {}
    }

    /// All of it, which is at most `limit` bytes.
    pub(crate) async fn all(&mut self, limit: usize) -> Result<Vec<u8>, Refusal> {
        let mut all = Vec::new();
        loop {
            let chunk = self.next().await?;
            if chunk.is_empty() {
                return Ok(all);
            }
            if all.len() + chunk.len() > limit {
                let detail = format!("the most that is taken is {limit} bytes");
                let status = StatusCode::PAYLOAD_TOO_LARGE;
                return Err(Refusal::new(status, "the request is too large", detail));
            }
            all.extend_from_slice(&chunk);
        }
    }
}

fn slow() -> Refusal {
    let detail = "the body came too slowly";
    Refusal::new(StatusCode::REQUEST_TIMEOUT, "the request took too long", detail)
}
