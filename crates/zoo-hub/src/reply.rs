//! Answers: JSON that says yes, problems that say no.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, Response, StatusCode};
use serde::Serialize;
use zoo_registry::Error;
use zoo_registry::publish::{PROBLEM_JSON, Problem, PublishError};

/// A refusal on its way out.
pub(crate) struct Refusal {
    problem: Box<Problem>,
    retry_after: Option<Duration>,
    /// For whoever runs the hub.
    cause: Option<Box<Error>>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, title: &str, detail: impl Into<String>) -> Self {
        Self::of(Problem::new(status.as_u16(), title, detail))
    }

    pub(crate) fn invalid(title: &str, problems: Vec<String>) -> Self {
        let status = StatusCode::UNPROCESSABLE_ENTITY.as_u16();
        let detail = problems.join("; ");
        let problem = Problem::new(status, title, detail).with_problems(problems);
        Self::of(problem)
    }

    fn of(problem: Problem) -> Self {
        Self { problem: Box::new(problem), retry_after: None, cause: None }
    }

    /// What is wrong on this side, if anything is.
    pub(crate) fn cause(&self) -> Option<&Error> {
        self.cause.as_deref()
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not found", "")
    }

    pub(crate) fn later(wait: Duration) -> Self {
        let detail = "there were too many requests: wait before the next one";
        let status = StatusCode::TOO_MANY_REQUESTS;
        Self { retry_after: Some(wait), ..Self::new(status, "too many requests", detail) }
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let status =
            StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = json(status, &self.problem);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"zoo\""));
        }
        if let Some(wait) = self.retry_after {
            // Rounded up: earlier would be too early.
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1));
        }
        response
    }
}

/// What a caller is told of an error. Of what is wrong on this side he learns nothing but
/// that: paths of this machine are not his business.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        let (status, title) = match error {
            Error::Publish(PublishError::Invalid { problems, .. })
            | Error::EntryInvalid { problems, .. } => {
                return Self::invalid("the model cannot be published", problems);
            }
            Error::Publish(error) => match error {
                PublishError::Conflict { .. } => (409, "the version is published already"),
                PublishError::NameTaken { .. } => (409, "the name is taken"),
                PublishError::Licence { .. } => (422, "the licence does not allow this"),
                PublishError::NoSuchVersion { .. } => (404, "there is no such version"),
                PublishError::Outdated { .. } => (412, "the model has changed"),
                PublishError::WrongDigest { .. } => (422, "the file has another digest"),
                PublishError::TooLarge { .. } => (413, "the file is too large"),
                PublishError::Busy { .. } => return Self::internal(503, error.into()),
                _ => return Self::internal(500, error.into()),
            },
            Error::EntryTooLarge { .. } => (413, "the entry is too large"),
            error => return Self::internal(500, error),
        };
        Self::of(Problem::new(status, title, detail))
    }
}

impl Refusal {
    fn internal(status: u16, cause: Error) -> Self {
        let problem = Problem::new(status, "the registry cannot do this now", "");
        Self { cause: Some(Box::new(cause)), ..Self::of(problem) }
    }

    /// Something here broke that has no error of its own.
    pub(crate) fn broken(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let source = std::io::Error::other(why);
        let path = std::path::PathBuf::from("a request");
        Self::internal(500, Error::Io { action: "answer", path, source })
    }
}

/// `value` as JSON.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    // What goes out is made of strings and numbers: it cannot fail.
    let body = serde_json::to_vec(value).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
