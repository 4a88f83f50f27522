//! Giving the static files of a tree, and nothing else that is in its folder.

use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    IF_RANGE, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncSeekExt as _, ReadBuf, Take};
use tokio_util::io::ReaderStream;
use zoo_registry::{ModelName, Sha256Digest};

use crate::connection::Working;
use crate::range::{self, Wanted};
use crate::reply::Refusal;

/// Most bytes of a file that is read whole, to take its digest.
const MAX_NAMED_BYTES: u64 = 64 << 20;

/// Bytes that are read at once.
const CHUNK: usize = 1 << 17;

/// A file of a tree that everybody may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It may be another tomorrow.
    Changing,
    /// A root with a number: it stays as it is.
    Root,
    /// Its name is the digest of what is in it.
    Digest(Sha256Digest),
}

/// What kind of file of a tree is at `path`, without the slash before it; `None` if no tree
/// has such a file.
///
/// Nothing is decoded: a path with a percent sign is no path of a tree.
pub(crate) fn kind(path: &str) -> Option<Kind> {
    let digest = |text: &str| text.parse::<Sha256Digest>().ok();
    let parts: Vec<&str> = path.split('/').collect();
    match &parts[..] {
        ["config.json" | "index.json" | "root.json"] => Some(Kind::Changing),
        [name] => {
            let version = name.strip_suffix(".root.json")?;
            let number: u64 = version.parse().ok()?;
            (number.to_string() == version).then_some(Kind::Root)
        }
        ["pages", name] => digest(name.strip_suffix(".jsonl")?).map(Kind::Digest),
        ["models", name @ .., shard] => {
            name.join("/").parse::<ModelName>().ok()?;
            digest(shard.strip_suffix(".json")?).map(Kind::Digest)
        }
        ["blobs", "sha256", fan, name] => {
            let found = digest(name)?;
            (*fan == &name[..2]).then_some(Kind::Digest(found))
        }
        _ => None,
    }
}

/// The answer to a GET, or to a HEAD: the same without its body. Until all of the body was
/// read, the connection is at work.
pub(crate) async fn give(
    dir: &Path,
    path: &str,
    headers: &HeaderMap,
    is_head: bool,
    working: Working,
) -> Result<Response<Body>, Refusal> {
    let kind = kind(path).ok_or_else(Refusal::not_found)?;
    let full = inside(dir, path).await.ok_or_else(Refusal::not_found)?;
    let mut file = File::open(&full).await.map_err(|_| Refusal::not_found())?;
    let metadata = file.metadata().await.map_err(|_| Refusal::not_found())?;
    if !metadata.is_file() {
        return Err(Refusal::not_found());
    }
    let mut length = metadata.len();
    let mut whole = None;
    let tag = match kind {
        Kind::Digest(digest) => digest,
        // It is replaced as a whole: what was opened stays what it is.
        Kind::Changing | Kind::Root => {
            let mut bytes = Vec::new();
            let limited = (&mut file).take(MAX_NAMED_BYTES).read_to_end(&mut bytes).await;
            limited.map_err(Refusal::broken)?;
            length = bytes.len() as u64;
            let digest = Sha256Digest::of(&bytes);
            whole = Some(bytes);
            digest
        }
    };
    let tag = format!("\"{tag}\"");
    let mut response = Response::new(Body::empty());
    let out = response.headers_mut();
    set(out, ETAG, &tag);
    set(out, ACCEPT_RANGES, "bytes");
    set(out, X_CONTENT_TYPE_OPTIONS, "nosniff");
    let cache = match kind {
        Kind::Changing => "no-cache",
        Kind::Root | Kind::Digest(_) => "public, max-age=31536000, immutable",
    };
    set(out, CACHE_CONTROL, cache);
    if header(headers, IF_NONE_MATCH).is_some_and(|tags| names(tags, &tag)) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    let is_json = Path::new(path).extension().is_some_and(|extension| extension == "json");
    set(out, CONTENT_TYPE, if is_json { "application/json" } else { "application/octet-stream" });
    // A part of what the client has the rest of, and of nothing else.
    let same = header(headers, IF_RANGE).is_none_or(|had| had == tag);
    let asked = header(headers, RANGE).filter(|_| same && !is_head);
    let (first, count) = match asked.map_or(Wanted::Whole, |asked| range::wanted(asked, length)) {
        Wanted::Whole => (0, length),
        Wanted::Part(first, last) => {
            set(out, CONTENT_RANGE, &format!("bytes {first}-{last}/{length}"));
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            (first, last - first + 1)
        }
        Wanted::Nothing => {
            let title = "there are no such bytes";
            let refusal = Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, title, "");
            let mut response = refusal.into_response();
            set(response.headers_mut(), CONTENT_RANGE, &format!("bytes */{length}"));
            return Ok(response);
        }
    };
    set(response.headers_mut(), CONTENT_LENGTH, &count.to_string());
    if is_head {
        return Ok(response);
    }
    *response.body_mut() = if let Some(bytes) = whole {
        Body::from(bytes[first as usize..(first + count) as usize].to_vec())
    } else {
        file.seek(SeekFrom::Start(first)).await.map_err(Refusal::broken)?;
        let reader = Sending { file: file.take(count), _working: working };
        Body::from_stream(ReaderStream::with_capacity(reader, CHUNK))
    };
    Ok(response)
}

/// A file on its way out.
struct Sending {
    file: Take<File>,
    _working: Working,
}

impl AsyncRead for Sending {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.file).poll_read(context, buffer)
    }
}

/// Where `path` is, if it is a file below `dir` and no link leads there.
async fn inside(dir: &Path, path: &str) -> Option<PathBuf> {
    let dir = tokio::fs::canonicalize(dir).await.ok()?;
    let full = dir.join(path);
    (tokio::fs::canonicalize(&full).await.ok()? == full).then_some(full)
}

/// Whether a list of entity tags, as `If-None-Match` has it, names `tag`.
fn names(tags: &str, tag: &str) -> bool {
    tags.split(',').map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}

fn header(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_007_and_008_only_files_of_a_tree() {
        let hex = "ab".repeat(32);
        for path in [
            "config.json".to_owned(),
            "index.json".to_owned(),
            "root.json".to_owned(),
            "12.root.json".to_owned(),
            format!("pages/{hex}.jsonl"),
            format!("models/resnet-50/{hex}.json"),
            format!("models/alice/flowers/{hex}.json"),
            format!("blobs/sha256/ab/{hex}"),
        ] {
            assert!(kind(&path).is_some(), "{path}");
        }
        for path in [
            String::new(),
            ".".to_owned(),
            "..".to_owned(),
            "../index.json".to_owned(),
            "tokens.json".to_owned(),
            "history/1.json".to_owned(),
            "history/.lock".to_owned(),
            "01.root.json".to_owned(),
            "+1.root.json".to_owned(),
            ".root.json".to_owned(),
            "x.root.json".to_owned(),
            "index.json/".to_owned(),
            "/index.json".to_owned(),
            "%69ndex.json".to_owned(),
            format!("pages/../pages/{hex}.jsonl"),
            format!("pages/%2e%2e/{hex}.jsonl"),
            format!("pages/{hex}"),
            format!("pages/{}.jsonl", hex.to_uppercase()),
            format!("pages/.zoo-{hex}.jsonl"),
            format!("models/../{hex}.json"),
            format!("models/a/b/c/{hex}.json"),
            format!("models/{hex}.json"),
            format!("models/con/{hex}.json"),
            format!("blobs/sha256/aa/{hex}"),
            format!("blobs/md5/ab/{hex}"),
            format!("blobs/sha256/ab/{hex}\0"),
            format!("blobs\\sha256\\ab\\{hex}"),
        ] {
            assert!(kind(&path).is_none(), "{path}");
        }
    }
}
