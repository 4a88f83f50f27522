//! What an index costs as it grows: `cargo bench -p zoo-registry --bench index -- 400 10000`,
//! and `1000000` where there is room for two million small files.
//!
//! Trees of synthetic entries are built in a temporary folder and served from there; each
//! line gives the sizes, and the median and worst time of opening the index and of looking
//! one name up in it, with nothing held in memory from one to the next.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;
use std::time::{Duration, Instant};

use zoo_registry::{BuildOptions, Entry, Index, Query, build_tree, write_index};

/// Lookups and searches that are timed for each size.
const LOOKUPS: usize = 101;
const SEARCHES: usize = 3;

fn main() {
    let sizes: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![400, 10_000] } else { sizes };
    println!(
        "{:>9} {:>6} {:>12} {:>10} {:>11} {:>11} {:>11} {:>11} {:>9}",
        "models", "pages", "index bytes", "read", "lookup", "worst", "search", "suggest", "build"
    );
    for models in sizes {
        measure(models);
    }
}

fn measure(models: usize) {
    let dir = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let options = BuildOptions { in_a_hurry: true, counter: 1, ..BuildOptions::default() };
    let built = build_tree((0..models).map(entry), dir.path(), &options).unwrap();
    write_index(dir.path(), &built.payload, &[]).unwrap();
    let build = start.elapsed();
    let index_bytes = std::fs::metadata(dir.path().join("index.json")).unwrap().len();
    let mut lookups: Vec<Duration> = (0..LOOKUPS)
        .map(|at| {
            let name = name(at * 7919 % models);
            let start = Instant::now();
            let index = Index::from_dir(dir.path()).unwrap();
            let entry = index.lookup(&name.parse().unwrap()).unwrap();
            let time = start.elapsed();
            assert_eq!(entry.name.as_str(), name);
            time
        })
        .collect();
    lookups.sort();
    let mut searches: Vec<Duration> = (0..SEARCHES)
        .map(|_| {
            let start = Instant::now();
            let index = Index::from_dir(dir.path()).unwrap();
            let found = index.search(&Query::words("network 399"));
            let time = start.elapsed();
            assert!(!found.is_empty());
            time
        })
        .collect();
    searches.sort();
    let start = Instant::now();
    let missing =
        Index::from_dir(dir.path()).unwrap().lookup(&"somebody7/netwrok-399".parse().unwrap());
    let suggest = start.elapsed();
    assert!(missing.is_err());
    let read = index_bytes + page_and_shard(dir.path());
    println!(
        "{models:>9} {:>6} {:>12} {read:>10} {:>11} {:>11} {:>11} {:>11} {:>9}",
        built.pages,
        index_bytes,
        show(lookups[LOOKUPS / 2]),
        show(lookups[LOOKUPS - 1]),
        show(searches[SEARCHES / 2]),
        show(suggest),
        show(build),
    );
}

/// Bytes of a usual page and a shard: with the index, what one lookup reads.
fn page_and_shard(dir: &Path) -> u64 {
    let pages = std::fs::read_dir(dir.join("pages")).unwrap();
    let sizes: Vec<u64> = pages.map(|page| page.unwrap().metadata().unwrap().len()).collect();
    let shard = serde_json::to_vec(&entry(0)).unwrap().len() as u64;
    sizes.iter().sum::<u64>() / sizes.len() as u64 + shard
}

fn show(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{:.2} ms", time.as_secs_f64() * 1e3)
    } else {
        format!("{:.2} s", time.as_secs_f64())
    }
}

fn name(at: usize) -> String {
    format!("owner-{}/network-{}", at % 9973, at)
}

/// An entry of usual length.
fn entry(at: usize) -> Entry {
    let digest = zoo_registry::Sha256Digest::of(&at.to_le_bytes());
    let text = format!(
        r#"{{"schema":1,"name":"{}","summary":"Network number {at}, adapted to other pictures",
        "task":"image-classification","family":"resnet","architecture":"resnet-50",
        "parameters":25557032,"input":"3x224x224","classes":1000,"licence":"Apache-2.0",
        "citation":"nobody: a synthetic entry","upstream":"https://example.org/{at}",
        "version":[{{"version":"1.0.0","weights":"synthetic","files":[{{"path":"model.zoo",
        "size":{{"bytes":102530333,"exact":true}},"sha256":"{digest}","format":"zoo",
        "urls":["blobs/sha256/{}/{digest}"]}}]}}]}}"#,
        name(at),
        &digest.to_hex()[..2]
    );
    Entry::from_json(text.as_bytes(), "synthetic").unwrap()
}
