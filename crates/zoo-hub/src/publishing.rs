//! Taking a version whose files are here, and withdrawing one.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::IF_MATCH;
use axum::http::{HeaderMap, Response, StatusCode};
use semver::Version;
use serde::Serialize;
use zoo_registry::publish::{Publication, Published};
use zoo_registry::trust::Timestamp;
use zoo_registry::{Entry, Error, MAX_ENTRY_BYTES, ModelName, Sha256Digest};

use crate::hub::State;
use crate::reply::{Refusal, json};
use crate::uploads::{BodyReader, blocking};

#[derive(Serialize)]
struct Done {
    counter: u64,
    already_there: bool,
    warnings: Vec<String>,
}

impl From<Published> for Done {
    fn from(published: Published) -> Self {
        let Published { counter, already_there, warnings } = published;
        Self {
            counter,
            already_there,
            warnings: warnings.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Publishes the entry in the body of a request, whose one version is `version` of `name`.
pub(crate) async fn put(
    state: &Arc<State>,
    name: ModelName,
    version: Version,
    headers: &HeaderMap,
    reader: &mut BodyReader,
) -> Result<Response<Body>, Refusal> {
    let tag = headers.get(IF_MATCH).map(|tag| tag.to_str().unwrap_or_default());
    let based_on = tag.map(|tag| tag.trim_matches('"').parse::<Sha256Digest>()).transpose();
    let based_on = based_on.map_err(|_| {
        let detail = "If-Match takes the digest of a shard";
        Refusal::new(StatusCode::BAD_REQUEST, "no such tag", detail)
    })?;
    let bytes = reader.all(MAX_ENTRY_BYTES as usize).await?;
    let entry = Entry::from_json(&bytes, "the request").map_err(|error| {
        let why = std::error::Error::source(&error).map(ToString::to_string);
        let detail = why.unwrap_or_else(|| error.to_string());
        Refusal::new(StatusCode::BAD_REQUEST, "the entry cannot be read", detail)
    })?;
    let state = state.clone();
    // One at a time: who would lose to another in this process waits for him instead.
    let _turn = state.turn.lock().await;
    let inner = state.clone();
    let checked = blocking(move || {
        let problems = problems(&inner, &name, &version, &entry);
        if !problems.is_empty() {
            return Ok(Err(problems));
        }
        let publication = Publication { based_on, ..Publication::new(entry, Vec::new()) };
        let signing = &inner.options.signing;
        inner.writer.publish(&publication, signing, Timestamp::now()).map(Ok)
    });
    match checked.await? {
        Ok(published) => {
            let new = !published.already_there;
            let status = if new { StatusCode::CREATED } else { StatusCode::OK };
            Ok(json(status, &Done::from(published)))
        }
        Err(problems) => Err(Refusal::invalid("the model cannot be published", problems)),
    }
}

/// What is wrong with `entry`, so far as it can be told without the rest of the registry.
fn problems(state: &State, name: &ModelName, version: &Version, entry: &Entry) -> Vec<String> {
    let mut problems = Vec::new();
    if entry.name != *name {
        problems.push(format!("the entry is of `{}`, not of `{name}`", entry.name));
    }
    let [only] = &entry.versions[..] else {
        problems.push(format!("there are {} versions instead of one", entry.versions.len()));
        return problems;
    };
    if only.version != *version {
        problems.push(format!("the version is {}, not {version}", only.version));
    }
    let mut weights = None;
    for file in &only.files {
        let path = &file.path;
        match &file.sha256 {
            // Nobody could check what is elsewhere, and tomorrow it could be gone.
            Some(digest) if state.writer.blob_size(digest).is_none() => {
                problems.push(format!("file `{path}`: {digest} was not sent"));
            }
            Some(digest) => weights = weights.or(Some(*digest)),
            None => problems.push(format!("file `{path}`: there is no sha256")),
        }
    }
    // Without its file there is nothing to look at.
    if let (true, Some(digest)) = (problems.is_empty(), weights) {
        let path = state.writer.blob_path(&digest);
        problems.extend((state.options.validate)(&path, entry, only).err().into_iter().flatten());
    }
    problems
}

/// Withdraws a version, or takes that back.
pub(crate) async fn yank(
    state: &Arc<State>,
    name: ModelName,
    version: Version,
    yanked: bool,
) -> Result<Response<Body>, Refusal> {
    let _turn = state.turn.lock().await;
    let state = state.clone();
    let done = blocking(move || -> Result<Published, Error> {
        let signing = &state.options.signing;
        state.writer.yank(&name, &version, yanked, signing, Timestamp::now())
    });
    Ok(json(StatusCode::OK, &Done::from(done.await?)))
}
