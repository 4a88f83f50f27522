//! Users who share: a bundle to give away, and a hub that runs as a process.

use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use tempfile::TempDir;

use crate::emoji::{emoji, pictures};
use crate::program::{Run, Zoo};

/// The starter model, adapted to a few emoji: the bytes of a bundle. Made once a process.
pub fn adapted() -> &'static [u8] {
    static BUNDLE: OnceLock<Vec<u8>> = OnceLock::new();
    BUNDLE.get_or_init(|| adapt(3))
}

/// The same with another seed: another bundle of the same model.
pub fn adapted_otherwise() -> &'static [u8] {
    static BUNDLE: OnceLock<Vec<u8>> = OnceLock::new();
    BUNDLE.get_or_init(|| adapt(4))
}

fn adapt(seed: u64) -> Vec<u8> {
    let zoo = Zoo::new();
    emoji(&zoo.path("data"), 4);
    let options = format!("--offline --seed {seed} --regularisation 0.1 --out emoji.zoo");
    zoo.line(&format!("adapt efficientnet-lite0 --data data {options}")).succeeds();
    fs::read(zoo.path("emoji.zoo")).unwrap()
}

/// A picture that is none of those adapted to.
pub fn picture() -> PathBuf {
    pictures("food").pop().unwrap()
}

/// Makes a signed registry in `dir` of that user's working folder; gives the fingerprint of its
/// root.
#[track_caller]
pub fn init(zoo: &Zoo, dir: &str) -> String {
    zoo.run(["hub", "init", dir]).succeeds().stdout.trim().to_owned()
}

/// Publishes `bundle` to `to` as `name`.
pub fn publish(zoo: &Zoo, bundle: &[u8], to: &str, name: &str, options: &str) -> Run {
    zoo.write("to-publish.zoo", bundle);
    zoo.line(&format!("publish to-publish.zoo --to {to} --as {name} {options}"))
}

/// The bytes that a `zoo pull --json` of one model brought.
#[track_caller]
pub fn pulled(run: Run) -> Vec<u8> {
    let row = run.succeeds().json()[0].clone();
    fs::read(row["path"].as_str().unwrap()).unwrap()
}

/// Keeps `token` for `origin`, as `zoo login` does.
#[track_caller]
pub fn login(zoo: &Zoo, origin: &str, token: &str) -> Run {
    let mut command = zoo.command(["login", origin]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(token.as_bytes()).unwrap();
    Run::new(&command, child.wait_with_output().unwrap())
}

/// Copies a folder with all that is in it.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Every file below `dir`, in the order of names.
pub fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = fs::read_dir(dir) else { return files };
    for entry in entries.map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            files.extend(files_below(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files.sort();
    files
}

/// Files whose owners took the right to write from themselves can be written to again.
pub fn overwrite(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

/// `zoo hub serve` as a process; it is killed when this is dropped.
pub struct Hub {
    child: Child,
    origin: String,
    log: Arc<Mutex<String>>,
}

impl Hub {
    /// Serves the registry in `dir` of that user's working folder to those in the file
    /// `tokens`, at any free port.
    #[track_caller]
    pub fn start(zoo: &Zoo, dir: &str) -> Self {
        Self::start_at(zoo, dir, "127.0.0.1:0")
    }

    /// The same at an address.
    #[track_caller]
    pub fn start_at(zoo: &Zoo, dir: &str, listen: &str) -> Self {
        let serve = ["hub", "serve", "--dir", dir, "--listen", listen, "--tokens", "tokens"];
        let mut command = zoo.command(serve);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let log = Arc::new(Mutex::new(String::new()));
        let first = lines.find_map(|line| {
            let origin = line.split_once(" at ").map(|(_, origin)| origin.trim().to_owned());
            *log.lock().unwrap() += &(line + "\n");
            origin
        });
        let Some(origin) = first else {
            panic!("the hub did not start:\n{}", log.lock().unwrap());
        };
        let theirs = log.clone();
        thread::spawn(move || {
            lines.for_each(|line| *theirs.lock().unwrap() += &(line + "\n"));
        });
        Self { child, origin, log }
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        self.origin.strip_prefix("http://").unwrap()
    }

    /// What it told so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Kills it, as `kill -9` does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder that is a checkout of a new repository of git, below `dir`.
pub fn git(dir: &Path, arguments: &[&str]) {
    fs::create_dir_all(dir).unwrap();
    let mut command = std::process::Command::new("git");
    command.args(["-c", "user.name=A Tester", "-c", "user.email=tester@example.org"]);
    let output = command.args(arguments).current_dir(dir).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {said}");
}

/// A folder that goes when it is dropped.
pub fn folder() -> TempDir {
    TempDir::new().unwrap()
}
