//! How fast a file of 1 GiB comes from a server on this machine, beside curl and sha256sum.
//!
//! ```text
//! cargo bench -p zoo-registry                  1 GiB, three rounds
//! cargo bench -p zoo-registry -- --mib 4096 --rounds 5
//! ```
//!
//! Both sides are processes of their own, started in turn against the same server, and both
//! end with the file in the same directory and its SHA-256 known. Ours also flushes the file
//! to the disk before it counts as fetched; the other side does so in the column `+sync`.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use zoo_registry::{
    Expected, FetchOptions, FetchRequest, Proxies, Sha256Digest, Silent, Store, fetch,
};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |flag: &str| {
        let at = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(at + 1).cloned()
    };
    if let Some(url) = after("--fetch") {
        return fetch_one(
            &url,
            &after("--sha256").unwrap(),
            &after("--cache").unwrap(),
            after("--connections"),
        );
    }
    let mib: u64 = after("--mib").map_or(1024, |mib| mib.parse().unwrap());
    let rounds: usize = after("--rounds").map_or(3, |rounds| rounds.parse().unwrap());
    compare(mib, rounds);
}

/// The child: fetches and says how much memory that took at most.
fn fetch_one(url: &str, sha256: &str, cache: &str, connections: Option<String>) {
    let store = Store::open(cache).unwrap();
    let urls = [url.to_owned()];
    let request = FetchRequest {
        name: "file",
        urls: &urls,
        expected: Expected::Sha256(sha256.parse().unwrap()),
        size: None,
    };
    let mut options = FetchOptions { proxies: Some(Proxies::none()), ..FetchOptions::default() };
    if let Some(connections) = connections {
        options.connections = connections.parse().unwrap();
    }
    fetch(&store, &request, &options, &Silent).unwrap();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("unknown");
    println!("{}", peak.trim());
}

fn compare(mib: u64, rounds: usize) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("served");
    let digest = write_file(&path, mib);
    let url = serve(&path);
    println!("{mib} MiB over loopback, seconds of wall time");
    println!(
        "{:>6} {:>12} {:>12} {:>12} {:>12}  peak memory",
        "round", "curl+sha256", "+sync", "one stream", "4 ranges"
    );
    let mut totals = [Duration::ZERO; 4];
    for round in 1..=rounds {
        let out = dir.path().join("out");
        let curl = format!("curl -s -o {0} {url} && sha256sum {0}", out.display());
        let curl = time(Command::new("sh").args(["-c", &curl]), &digest.to_hex()).0;
        fs::remove_file(&out).unwrap();
        let synced = format!("curl -s -o {0} {url} && sha256sum {0} && sync {0}", out.display());
        let synced = time(Command::new("sh").args(["-c", &synced]), &digest.to_hex()).0;
        fs::remove_file(&out).unwrap();
        let ours = |connections: &str| {
            let cache = dir.path().join("cache");
            let mut child = Command::new(std::env::current_exe().unwrap());
            child.args([
                "--fetch",
                &url,
                "--sha256",
                &digest.to_hex(),
                "--connections",
                connections,
            ]);
            child.arg("--cache").arg(&cache);
            let (took, peak) = time(&mut child, "kB");
            fs::remove_dir_all(&cache).unwrap();
            (took, peak)
        };
        let ((one, peak_of_one), (four, peak_of_four)) = (ours("1"), ours("4"));
        println!(
            "{round:>6} {:>12.2} {:>12.2} {:>12.2} {:>12.2}  {peak_of_one}, {peak_of_four}",
            curl.as_secs_f64(),
            synced.as_secs_f64(),
            one.as_secs_f64(),
            four.as_secs_f64()
        );
        for (total, took) in totals.iter_mut().zip([curl, synced, one, four]) {
            *total += took;
        }
    }
    let ratio = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64();
    println!(
        "our speed by theirs: one stream {:.2}, 4 ranges {:.2}; by theirs with sync: {:.2}, {:.2}",
        ratio(totals[0], totals[2]),
        ratio(totals[0], totals[3]),
        ratio(totals[1], totals[2]),
        ratio(totals[1], totals[3])
    );
}

/// Runs `command`, whose output must hold `expected`.
fn time(command: &mut Command, expected: &str) -> (Duration, String) {
    let start = Instant::now();
    let output = command.output().unwrap();
    let took = start.elapsed();
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(output.status.success() && text.contains(expected), "{command:?}: {output:?}");
    (took, text)
}

/// Writes bytes without repetition, so that nothing on the way can be clever.
fn write_file(path: &Path, mib: u64) -> Sha256Digest {
    let mut file = File::create(path).unwrap();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..mib {
        let block: Vec<u8> = (0..1 << 17)
            .flat_map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.to_le_bytes()
            })
            .collect();
        file.write_all(&block).unwrap();
    }
    file.sync_all().unwrap();
    Sha256Digest::of_reader(&mut File::open(path).unwrap()).unwrap().0
}

/// Serves the file at `path` as a good web server does: ranges, a strong tag, kept connections,
/// bytes that go from the file to the socket without passing through here.
fn serve(path: &Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/file", listener.local_addr().unwrap());
    let path = Arc::new(path.to_owned());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let path = path.clone();
            // A client that goes away is no fault.
            thread::spawn(move || stream.and_then(|stream| answer_all(stream, &path)));
        }
    });
    url
}

fn answer_all(stream: TcpStream, path: &Path) -> io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let mut stream = stream;
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    loop {
        let mut range = None;
        loop {
            let Some(line) = lines.next() else { return Ok(()) };
            let line = line?.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some((first, last)) =
                line.strip_prefix("range: bytes=").and_then(|r| r.split_once('-'))
            {
                range = Some((first.parse().unwrap_or(0), last.parse().unwrap_or(size - 1)));
            }
        }
        let (first, last) = range.unwrap_or((0, size - 1));
        let status = if range.is_some() { "206 Partial Content" } else { "200 OK" };
        write!(
            stream,
            "HTTP/1.1 {status}\r\nETag: \"1\"\r\nAccept-Ranges: bytes\r\nContent-Range: bytes \
             {first}-{last}/{size}\r\nContent-Length: {}\r\n\r\n",
            last + 1 - first
        )?;
        file.seek(SeekFrom::Start(first))?;
        io::copy(&mut (&file).take(last + 1 - first), &mut stream)?;
    }
}
