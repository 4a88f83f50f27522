//! A registry in git: its newest commit, in the cache, by the `git` of this machine.
//!
//! What a repository holds is untrusted bytes like any other. So no hooks run, no symbolic
//! links are made, no submodules are followed, and only usual transports are allowed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::atomic::create_dir_all;
use crate::digest::Sha256Digest;
use crate::error::Error;
use crate::store::Store;
use crate::url::redacted;

/// What git is told before anything else.
const CAUTION: [&str; 8] = [
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.symlinks=false",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "submodule.recurse=false",
];

/// The folder with the newest commit of the repository at `url`; offline, with the newest
/// that was seen.
///
/// # Errors
/// [`Error::Git`], [`Error::OfflineIndex`], [`Error::UnsupportedUrl`].
pub(crate) fn bring(url: &str, store: &Store, offline: bool) -> Result<PathBuf, Error> {
    let known = ["https://", "http://", "ssh://", "git://", "file:///"];
    let is_path = Path::new(url).is_absolute();
    if !is_path && !known.iter().any(|scheme| url.starts_with(scheme)) {
        return Err(Error::UnsupportedUrl {
            url: redacted(url),
            why: "is no repository's address (https, ssh, git or file)",
        });
    }
    let folder = store.root().join("index").join("git");
    let checkout = folder.join(&Sha256Digest::of(url.as_bytes()).to_hex()[..32]);
    let is_there = checkout.join(".git").is_dir();
    if offline {
        return if is_there {
            Ok(checkout)
        } else {
            Err(Error::OfflineIndex { url: redacted(url) })
        };
    }
    if is_there {
        run(url, &checkout, &["fetch", "--quiet", "--depth=1", "--no-tags", "origin", "HEAD"])?;
        run(url, &checkout, &["reset", "--quiet", "--hard", "FETCH_HEAD"])?;
        return Ok(checkout);
    }
    // Beside its place, then renamed: a clone that was killed is no clone.
    create_dir_all(&folder)?;
    let temporary = tempfile::Builder::new()
        .prefix(".zoo-")
        .tempdir_in(&folder)
        .map_err(Error::io("create a folder in", &folder))?;
    let target = temporary.path().join("clone");
    let target_text = target.display().to_string();
    let clone = ["clone", "--quiet", "--depth=1", "--no-tags", "--", url, &target_text];
    run(url, &folder, &clone)?;
    match std::fs::rename(&target, &checkout) {
        Ok(()) => {}
        // Another process was faster.
        Err(_) if checkout.join(".git").is_dir() => {}
        Err(error) => return Err(Error::io("rename", &target)(error)),
    }
    Ok(checkout)
}

fn run(url: &str, dir: &Path, arguments: &[&str]) -> Result<(), Error> {
    let failed = |why: String| Error::Git { location: redacted(url), why };
    let output = Command::new("git")
        .args(CAUTION)
        .args(arguments)
        .current_dir(dir)
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(format!("the program `git` cannot be run ({error})")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    Err(failed(last.trim().to_owned()))
}
