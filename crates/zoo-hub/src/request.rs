//! What a request asks for, and whether whoever asks may have it.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::header::{ALLOW, AUTHORIZATION};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use semver::Version;
use zoo_registry::{ModelName, Sha256Digest};

use crate::connection::Peer;
use crate::files;
use crate::hub::State;
use crate::publishing;
use crate::rate::Buckets;
use crate::reply::Refusal;
use crate::tokens::{TokenFile, TokenGrant};
use crate::uploads::{self, BodyReader};

/// What of a refused body is read before the answer.
const DRAINED_BYTES: u64 = 1 << 20;

/// A request to the part of a hub that takes things.
#[derive(Debug)]
enum Asked {
    Blob(Sha256Digest),
    Version(ModelName, Version),
    Yank(ModelName, Version, bool),
}

impl Asked {
    /// What `path`, without `/api/v1/`, is. Only the plus sign of a version may be encoded.
    fn parse(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').collect();
        let model = |owner: &str, name: &str, version: &str| {
            let version = version.replace("%2B", "+").replace("%2b", "+").parse().ok()?;
            Some((format!("{owner}/{name}").parse().ok()?, version))
        };
        match &parts[..] {
            ["blobs", "sha256", digest] => digest.parse().ok().map(Self::Blob),
            ["models", owner, name, version] => {
                model(owner, name, version).map(|(name, version)| Self::Version(name, version))
            }
            ["models", owner, name, version, action @ ("yank" | "unyank")] => {
                let (name, version) = model(owner, name, version)?;
                Some(Self::Yank(name, version, *action == "yank"))
            }
            _ => None,
        }
    }

    fn methods(&self) -> &'static str {
        match self {
            Self::Blob(_) => "HEAD, PUT",
            Self::Version(..) => "PUT",
            Self::Yank(..) => "POST",
        }
    }

    /// In whose name it acts; a file is nobody's.
    fn owner(&self) -> Option<&str> {
        match self {
            Self::Blob(_) => None,
            Self::Version(name, _) | Self::Yank(name, ..) => name.owner(),
        }
    }
}

/// Answers a request.
pub(crate) async fn answer(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
) -> Response<Body> {
    let working = peer.work();
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let answered = match path.strip_prefix("/api/v1/") {
        Some(rest) => {
            let mut reader = BodyReader::new(body, state.options.patience);
            let taken = take(&state, &peer, &head.method, rest, &head.headers, &mut reader).await;
            if taken.is_err() {
                reader.drain(DRAINED_BYTES).await;
            }
            taken
        }
        None => match head.method {
            Method::GET | Method::HEAD => {
                let is_head = head.method == Method::HEAD;
                let dir = state.writer.dir();
                files::give(dir, &path[1..], &head.headers, is_head, peer.work()).await
            }
            _ => Ok(wrong_method("GET, HEAD")),
        },
    };
    let response = answered.unwrap_or_else(|refusal| {
        if let Some(cause) = refusal.cause() {
            state.options.observer.failed(cause);
        }
        refusal.into_response()
    });
    let status = response.status().as_u16();
    state.options.observer.answered(head.method.as_str(), &path, status);
    drop(working);
    response
}

async fn take(
    state: &Arc<State>,
    peer: &Peer,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    reader: &mut BodyReader,
) -> Result<Response<Body>, Refusal> {
    let asked = Asked::parse(path).ok_or_else(Refusal::not_found)?;
    if !asked.methods().split(", ").any(|allowed| allowed == method.as_str()) {
        return Ok(wrong_method(asked.methods()));
    }
    if state.options.read_only {
        let detail = "this registry can be read, and takes nothing";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "read-only", detail));
    }
    let grant = authorize(state, peer, headers).await?;
    if let Some(owner) = asked.owner()
        && !grant.namespaces.iter().any(|namespace| namespace == owner)
    {
        let detail = format!("this token does not publish for `{owner}`");
        return Err(Refusal::new(StatusCode::FORBIDDEN, "not your models", detail));
    }
    if *method != Method::HEAD {
        check_rate(&state.tokens, grant.sha256)?;
    }
    match asked {
        Asked::Blob(digest) if *method == Method::HEAD => {
            if state.writer.blob_size(&digest).is_none() {
                return Err(Refusal::not_found());
            }
            let path = state.writer.blob_path(&digest);
            let path = path.strip_prefix(state.writer.dir()).map_err(Refusal::broken)?;
            let path = path.to_str().unwrap_or_default();
            files::give(state.writer.dir(), path, headers, true, peer.work()).await
        }
        Asked::Blob(digest) => uploads::put(state, digest, headers, reader).await,
        Asked::Version(name, version) => {
            publishing::put(state, name, version, headers, reader).await
        }
        Asked::Yank(name, version, yanked) => publishing::yank(state, name, version, yanked).await,
    }
}

/// What the request's token allows. Who has none that is known may guess only so often.
async fn authorize(
    state: &Arc<State>,
    peer: &Peer,
    headers: &HeaderMap,
) -> Result<TokenGrant, Refusal> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    });
    let found = match (bearer, &state.options.tokens) {
        (Some(token), Some(path)) => {
            let tokens = TokenFile::new(path);
            let found = tokio::task::spawn_blocking(move || tokens.find(&token)).await;
            found.map_err(Refusal::broken)?.map_err(Refusal::broken)?
        }
        _ => None,
    };
    if let Some(grant) = found {
        return Ok(grant);
    }
    check_rate(&state.strangers, peer.address)?;
    let detail = "publishing takes a token of this registry";
    Err(Refusal::new(StatusCode::UNAUTHORIZED, "no token that is known here", detail))
}

fn check_rate<K: std::hash::Hash + Eq>(buckets: &Buckets<K>, key: K) -> Result<(), Refusal> {
    buckets.take(key, Instant::now()).map_err(Refusal::later)
}

fn wrong_method(allowed: &'static str) -> Response<Body> {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    let detail = format!("allowed: {allowed}");
    let mut response = Refusal::new(status, "method not allowed", detail).into_response();
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}
