//! Running `zoo` as a person would: as a process, in a folder, with a cache.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::binaries;

/// Variables that would let this machine's settings into a test.
const FOREIGN: [&str; 16] = [
    "ZOO_REGISTRY",
    "HF_ENDPOINT",
    "HF_TOKEN",
    "SSL_CERT_FILE",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "NO_COLOR",
    "RUST_BACKTRACE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
];

/// The user of git, with no settings.
const GIT: [(&str, &str); 6] = [
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_AUTHOR_NAME", "A Tester"),
    ("GIT_AUTHOR_EMAIL", "tester@example.org"),
    ("GIT_COMMITTER_NAME", "A Tester"),
    ("GIT_COMMITTER_EMAIL", "tester@example.org"),
];

/// A user who trusts nobody, with an empty cache and an empty working folder; all of it goes
/// when this is dropped.
pub struct Zoo {
    cache: TempDir,
    config: TempDir,
    work: TempDir,
}

impl Zoo {
    /// A user who has never run `zoo` before.
    #[expect(clippy::new_without_default, reason = "it makes folders")]
    pub fn new() -> Self {
        let folder = || TempDir::new().unwrap();
        Self { cache: folder(), config: folder(), work: folder() }
    }

    /// The working folder.
    pub fn work(&self) -> &Path {
        self.work.path()
    }

    /// The cache.
    pub fn cache(&self) -> &Path {
        self.cache.path()
    }

    /// Whom this user trusts, keys and tokens.
    pub fn config(&self) -> &Path {
        self.config.path()
    }

    /// A path below the working folder.
    pub fn path(&self, below: &str) -> PathBuf {
        self.work().join(below)
    }

    /// Writes a file below the working folder, with the folders that it takes.
    pub fn write(&self, below: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// `zoo ARGUMENTS`, ready to be started in the working folder, without input.
    pub fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(binaries::zoo());
        command.args(arguments).current_dir(self.work()).stdin(Stdio::null());
        for name in FOREIGN {
            command.env_remove(name);
        }
        command.env("ZOO_CACHE", self.cache()).env("ZOO_CONFIG", self.config());
        // What git knows of this machine's user is of no concern either.
        for (name, value) in GIT {
            command.env(name, value);
        }
        command
    }

    /// Runs `zoo ARGUMENTS` to its end.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Run {
        let mut command = self.command(arguments);
        let output = command.output().unwrap();
        Run::new(&command, output)
    }

    /// Runs `zoo` with the words of `line` as arguments, to its end.
    pub fn line(&self, line: &str) -> Run {
        self.run(line.split_whitespace())
    }
}

/// What a finished process left behind.
pub struct Run {
    /// How it ended.
    pub status: ExitStatus,
    /// Its results.
    pub stdout: String,
    /// Its diagnostics.
    pub stderr: String,
    command: String,
}

impl Run {
    /// Reads what came of `command`.
    pub fn new(command: &Command, output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self {
            status: output.status,
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            command: format!("{command:?}"),
        }
    }

    /// Fails the test unless the process ended well.
    #[track_caller]
    pub fn succeeds(self) -> Self {
        self.keeps_its_head();
        assert_eq!(self.status.code(), Some(0), "it should have worked:\n{self}");
        self
    }

    /// Fails the test unless the process ended with status 1 and said why.
    #[track_caller]
    pub fn fails(self) -> Self {
        self.keeps_its_head();
        assert_eq!(self.status.code(), Some(1), "it should have failed, with status 1:\n{self}");
        assert!(self.stderr.contains("error: "), "it should have said why:\n{self}");
        self
    }

    /// Fails the test if the process panicked or was ended by a signal.
    #[track_caller]
    pub fn keeps_its_head(&self) {
        assert!(self.status.code().is_some(), "it was ended by a signal:\n{self}");
        assert!(!self.stderr.contains("panicked"), "it panicked:\n{self}");
    }

    /// Fails the test unless the diagnostics contain each of `texts`.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stderr.contains(text), "stderr should have `{text}`:\n{self}");
        }
        self
    }

    /// Fails the test unless the results contain each of `texts`.
    #[track_caller]
    pub fn shows(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stdout.contains(text), "stdout should have `{text}`:\n{self}");
        }
        self
    }

    /// The results as JSON: all of stdout.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("stdout is not JSON ({error}):\n{self}"))
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}", self.command, self.status)?;
        writeln!(f, "--- stdout\n{}--- stderr\n{}---", self.stdout, self.stderr)
    }
}
