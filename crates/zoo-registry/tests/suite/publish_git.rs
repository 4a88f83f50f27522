//! Publishing into a checkout of git.

use std::fs;
use std::path::Path;
use std::process::Command;

use zoo_registry::publish::{Committed, PublishError, commit_to_git, is_in_git};

use crate::publish::{Tree, refusal, verify};

fn git(dir: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").args(arguments).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A tree below the top of a repository.
fn repository() -> Tree {
    let tree = Tree::unsigned();
    let top = tree.dir.path();
    git(top, &["init", "--quiet"]);
    for (name, value) in [
        ("user.name", "Test"),
        ("user.email", "test@example.org"),
        ("commit.gpgSign", "false"),
        ("core.hooksPath", ".git/hooks"),
    ] {
        git(top, &["config", name, value]);
    }
    tree
}

#[test]
fn one_commit_a_version_of_its_files_alone() {
    let tree = repository();
    assert!(is_in_git(&tree.path()) && !is_in_git(Path::new("/")));
    let top = tree.dir.path();
    fs::write(top.join("notes.txt"), "staged by its owner").unwrap();
    git(top, &["add", "notes.txt"]);
    tree.add("alice/flowers", "1.0.0", b"one");
    let (name, version) = ("alice/flowers".parse().unwrap(), "1.0.0".parse().unwrap());
    let commit = || commit_to_git(&tree.writer, &name, &version, "alice/flowers 1.0.0");
    let Committed::Commit(hash) = commit().unwrap() else { panic!("nothing") };
    assert_eq!(git(top, &["rev-parse", "HEAD"]).trim(), hash);
    assert_eq!(git(top, &["log", "-1", "--format=%s"]).trim(), "alice/flowers 1.0.0");
    let files = git(top, &["show", "--name-only", "--format=", "HEAD"]);
    let kinds: Vec<_> = files.lines().map(|line| line.split('/').nth(1).unwrap()).collect();
    assert_eq!(kinds, ["blobs", "config.json", "index.json", "models", "pages"], "{files}");
    // What was staged is staged still.
    assert_eq!(git(top, &["status", "--porcelain", "notes.txt"]).trim(), "A  notes.txt");
    assert_eq!(commit().unwrap(), Committed::Nothing);
    // A clone is a registry, and goes on.
    let clone = tempfile::tempdir().unwrap();
    let from = top.display().to_string();
    git(clone.path(), &["clone", "--quiet", &from, "here"]);
    assert_eq!(verify(&clone.path().join("here/tree")), ["alice/flowers"]);
}

#[test]
fn going_back_in_git_is_going_back() {
    let tree = repository();
    let top = tree.dir.path();
    let name = "alice/flowers".parse().unwrap();
    for version in ["1.0.0", "2.0.0"] {
        tree.add("alice/flowers", version, version.as_bytes());
        commit_to_git(&tree.writer, &name, &version.parse().unwrap(), version).unwrap();
    }
    git(top, &["reset", "--quiet", "--hard", "HEAD~1"]);
    // No index of the future lies in wait.
    assert_eq!(tree.add("alice/flowers", "3.0.0", b"3").counter, 3);
    let entry = tree.index().lookup(&name).unwrap();
    let versions: Vec<_> = entry.versions.iter().map(|v| v.version.major).collect();
    assert_eq!(versions, [1, 3]);
}

#[cfg(unix)]
#[test]
fn a_hook_that_refuses_leaves_the_tree_whole() {
    use std::os::unix::fs::PermissionsExt as _;
    let tree = repository();
    let hook = tree.dir.path().join(".git/hooks/pre-commit");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, "#!/bin/sh\necho too large for us >&2\nexit 1\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    tree.add("alice/flowers", "1.0.0", b"one");
    let (name, version) = ("alice/flowers".parse().unwrap(), "1.0.0".parse().unwrap());
    match refusal(commit_to_git(&tree.writer, &name, &version, "m")) {
        PublishError::Git { command: "commit", said, .. } => assert!(said.contains("too large")),
        other => panic!("{other}"),
    }
    assert_eq!(verify(&tree.path()), ["alice/flowers"]);
    fs::remove_file(hook).unwrap();
    assert!(matches!(
        commit_to_git(&tree.writer, &name, &version, "m").unwrap(),
        Committed::Commit(_)
    ));
}
