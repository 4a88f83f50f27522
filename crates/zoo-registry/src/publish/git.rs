//! A registry in a checkout of git: what was published becomes a commit.

use std::collections::HashSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use semver::Version;

use super::error::PublishError;
use super::tree::TreeWriter;
use crate::error::Error;
use crate::name::ModelName;

/// What git made of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// A commit with this name.
    Commit(String),
    /// Nothing: all of it was committed before.
    Nothing,
}

/// Whether `dir` is in a checkout of git. Where there is no git, no.
pub fn is_in_git(dir: &Path) -> bool {
    let asked = git(dir).args(["rev-parse", "--is-inside-work-tree"]).output();
    asked.is_ok_and(|output| output.status.success() && output.stdout.trim_ascii() == b"true")
}

/// Commits the files of a published version, and nothing else that is changed or staged
/// there. Hooks run and commits are signed as the user has set it; nothing is pushed.
///
/// Doing so again commits nothing, so who was stopped between publishing and this publishes
/// again.
///
/// # Errors
/// [`PublishError::GitMissing`]; [`PublishError::Git`]: the tree is complete all the same.
pub fn commit_to_git(
    writer: &TreeWriter,
    name: &ModelName,
    version: &Version,
    message: &str,
) -> Result<Committed, Error> {
    let files = writer.files_of(name, version)?;
    // From here on the commits are the history: git may go back to any of them, and no
    // newer index may then be waiting to take its place.
    writer.forget_history()?;
    let paths = files.join("\0").into_bytes();
    let dir = writer.dir();
    run(dir, "add", &[], &paths)?;
    if !is_any_staged(dir, &files)? {
        return Ok(Committed::Nothing);
    }
    run(dir, "commit", &["--quiet", "--message", message, "--only"], &paths)?;
    let head = run(dir, "rev-parse", &["HEAD"], b"")?;
    Ok(Committed::Commit(String::from_utf8_lossy(head.stdout.trim_ascii()).into_owned()))
}

/// Whether git would commit any of these files.
fn is_any_staged(dir: &Path, files: &[String]) -> Result<bool, Error> {
    let prefix = run(dir, "rev-parse", &["--show-prefix"], b"")?.stdout;
    let prefix = String::from_utf8_lossy(prefix.trim_ascii_end()).into_owned();
    let ours: HashSet<String> = files.iter().map(|file| format!("{prefix}{file}")).collect();
    let arguments = ["--porcelain", "-z", "--no-renames", "--untracked-files=no"];
    let status = run(dir, "status", &arguments, b"")?;
    // Two letters, a space, and the path from the top; the first letter is what is staged.
    Ok(status.stdout.split(|&byte| byte == 0).any(|line| match line {
        [staged, _, b' ', path @ ..] => {
            *staged != b' ' && ours.contains(&*String::from_utf8_lossy(path))
        }
        _ => false,
    }))
}

fn git(dir: &Path) -> Command {
    let mut command = Command::new("git");
    // Paths are names of files, not patterns.
    command.arg("--literal-pathspecs").current_dir(dir).stdin(Stdio::null());
    command
}

/// Runs a command of git, on those `paths` if there are any, separated by NUL.
fn run(dir: &Path, what: &'static str, arguments: &[&str], paths: &[u8]) -> Result<Output, Error> {
    let missing = |source| PublishError::GitMissing { path: dir.to_owned(), source };
    let mut command = git(dir);
    command.arg(what).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    if !paths.is_empty() {
        // A list of pages may be longer than a command line.
        command.args(["--pathspec-from-file=-", "--pathspec-file-nul"]).stdin(Stdio::piped());
    }
    let mut child = command.spawn().map_err(missing)?;
    if let Some(mut input) = child.stdin.take() {
        // Git that stops early says why itself.
        let _ = input.write_all(paths);
    }
    let output = child.wait_with_output().map_err(missing)?;
    if output.status.success() {
        return Ok(output);
    }
    let said = [&output.stderr[..], &output.stdout[..]].concat();
    let said = String::from_utf8_lossy(said.trim_ascii()).chars().take(2000).collect();
    Err(PublishError::Git { path: dir.to_owned(), command: what, said }.into())
}
