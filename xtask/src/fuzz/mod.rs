//! Fuzzing on a stable compiler: `cargo xtask fuzz TARGET --seconds N`.
//!
//! The targets are those of `fuzz/`, which libFuzzer runs with coverage. Here inputs are changed
//! at random, and kept as a beginning for more where what came of them is new: the error's words
//! stand in for coverage. It stops with the input in a file where a target panics, takes long or
//! makes the process large; one that ends the process is left in the same file.

mod corpus;
mod mutate;
#[path = "../../../fuzz/src/targets.rs"]
mod targets;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use zoo_model::SplitMix64;

pub(super) use corpus::write as write_corpus;
use targets::{TARGETS, Target};

/// What to run, and for how long.
pub(super) struct Options<'a> {
    /// The name of a target, or `all`.
    pub(super) target: &'a str,
    /// How long each runs.
    pub(super) seconds: u64,
    /// Of the random changes.
    pub(super) seed: u64,
    /// The most memory that the process may ever have held, in MiB.
    pub(super) memory: u64,
    /// Whether to go on after a panic, and take down the first of each place.
    pub(super) keep_going: bool,
    /// A folder whose files are begun with as well, where they have the target's extension.
    pub(super) also: Option<&'a Path>,
}

/// The longest that one input may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most inputs that are kept beside the corpus, and the longest of them.
const MAX_POOL: usize = 2048;
const MAX_KEPT: usize = 16 << 10;

/// Runs targets with the corpora in `repository`; fails at the first finding.
pub(super) fn run(repository: &Path, options: &Options) -> Result<ExitCode> {
    let chosen = |target: &&Target| options.target == "all" || options.target == target.name;
    let chosen: Vec<_> = TARGETS.iter().filter(chosen).collect();
    if chosen.is_empty() {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        bail!("`{}` is no target: use all, {}", options.target, names.join(", "));
    }
    let panics = Panics::watch();
    let mut sound = true;
    for target in chosen {
        let folder = repository.join("target/fuzz").join(target.name);
        fs::create_dir_all(&folder)?;
        let mut pool = read_files(&repository.join("fuzz/corpus").join(target.name), None)?;
        if let Some(also) = options.also {
            pool.extend(read_files(also, Some(target.extension))?);
            if target.name == "graph_json" {
                pool.extend(lowered(also, &folder)?);
            }
        }
        sound &= fuzz(target, pool, &folder, options, &panics)?;
        if !(sound || options.keep_going) {
            break;
        }
    }
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether the target ran its time without a finding.
fn fuzz(
    target: &Target,
    mut pool: Vec<Vec<u8>>,
    folder: &Path,
    options: &Options,
    panics: &Panics,
) -> Result<bool> {
    let input_file = folder.join(format!("input.{}", target.extension));
    let watch = Watch::start(input_file.clone());
    let mut random = SplitMix64::for_part(options.seed, zoo_model::fnv1a(target.name));
    let (mut seen, mut found) = (HashSet::new(), HashSet::new());
    let (mut executions, mut ran, mut slowest) = (0_u64, 0_u64, Duration::ZERO);
    let begun = Instant::now();
    // The corpus first, as it is.
    let mut unchanged = pool.clone();
    let corpus = pool.len();
    while begun.elapsed().as_secs() < options.seconds || !unchanged.is_empty() {
        let input =
            unchanged.pop().unwrap_or_else(|| mutate::mutate(&pool, target.extension, &mut random));
        let start = watch.begin();
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| target.run(folder, &input)));
        watch.end();
        slowest = slowest.max(start.elapsed());
        executions += 1;
        if let Some(what) = memory_finding(options.memory) {
            println!("{}: {what}; the input is in {}", target.name, input_file.display());
            return Ok(false);
        }
        if let Some((place, what)) = panics.ours() {
            if found.insert(place) {
                let kept = folder.join(format!("finding-{}.{}", found.len(), target.extension));
                fs::write(&kept, &input)?;
                println!("{}: {what}; the input is in {}", target.name, kept.display());
            }
            if !options.keep_going {
                return Ok(false);
            }
            continue;
        }
        let Ok(outcome) = outcome else { bail!("{}: a panic without a message", target.name) };
        let outcome = outcome.with_context(|| format!("writing {}", input_file.display()))?;
        ran += u64::from(outcome.contains("ran, "));
        if input.len() <= MAX_KEPT && seen.insert(without_details(&outcome)) {
            if pool.len() < corpus + MAX_POOL {
                pool.push(input);
            } else {
                pool[corpus + random.below(MAX_POOL as u64) as usize] = input;
            }
        }
    }
    println!(
        "{}: {executions} inputs in {:.0} s, {ran} of them ran, {} ways to end, the slowest took \
         {} ms, peak memory {} MiB (corpus of {corpus})",
        target.name,
        begun.elapsed().as_secs_f64(),
        seen.len(),
        slowest.as_millis(),
        peak_memory().map_or_else(|| "unknown".to_owned(), |mib| mib.to_string()),
    );
    for (place, times) in panics.contained() {
        println!("  a library's panic became an error {times} times: {place}");
    }
    Ok(found.is_empty())
}

/// Every file below `folder`, of `extension` if given, that is short enough to begin with.
fn read_files(folder: &Path, extension: Option<&str>) -> Result<Vec<Vec<u8>>> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?;
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(read_files(&path, extension)?);
        } else if extension.is_none_or(|wanted| path.extension().is_some_and(|it| it == wanted)) {
            let bytes = fs::read(&path)?;
            files.extend((bytes.len() <= MAX_KEPT).then_some(bytes));
        }
    }
    Ok(files)
}

/// The graphs of the ONNX files below `folder`, which are written into `scratch` one by one.
fn lowered(folder: &Path, scratch: &Path) -> Result<Vec<Vec<u8>>> {
    let mut graphs = Vec::new();
    for bytes in read_files(folder, Some("onnx"))? {
        let path = scratch.join("lowered.onnx");
        fs::write(&path, bytes)?;
        graphs.extend(zoo_convert::onnx::load(&path).map(|model| model.graph.to_json().into()));
    }
    graphs.retain(|graph: &Vec<u8>| graph.len() <= MAX_KEPT);
    Ok(graphs)
}

/// An outcome without its numbers and what stands in quotes or brackets: those of one kind are
/// alike.
fn without_details(outcome: &str) -> String {
    let outside: String = outcome.split('`').step_by(2).collect();
    let outside =
        outside.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest));
    outside.flat_map(str::chars).filter(|c| c.is_alphabetic() || *c == ' ').take(120).collect()
}

fn memory_finding(limit: u64) -> Option<String> {
    let peak = peak_memory().filter(|&peak| peak > limit)?;
    Some(format!("the process has held {peak} MiB, {limit} MiB is the most"))
}

/// The most that the process has held so far, in MiB; `None` on systems that do not say.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? >> 10)
}

/// Ends the process where an input takes too long.
#[derive(Clone)]
struct Watch(Arc<Mutex<Option<Instant>>>);

impl Watch {
    fn start(input_file: PathBuf) -> Self {
        let watch = Self(Arc::default());
        let watched = watch.clone();
        thread::spawn(move || {
            loop {
                thread::sleep(Duration::from_secs(1));
                if lock(&watched.0).is_some_and(|since| since.elapsed() > PATIENCE) {
                    println!("an input takes longer than {PATIENCE:?}: {}", input_file.display());
                    std::process::exit(1);
                }
            }
        });
        watch
    }

    fn begin(&self) -> Instant {
        let now = Instant::now();
        *lock(&self.0) = Some(now);
        now
    }

    fn end(&self) {
        *lock(&self.0) = None;
    }
}

/// The panics of all threads, by place.
#[derive(Clone, Default)]
struct Panics(Arc<Mutex<Found>>);

#[derive(Default)]
struct Found {
    ours: Option<(String, String)>,
    contained: BTreeMap<String, u64>,
}

impl Panics {
    /// Takes them down instead of printing them.
    fn watch() -> Self {
        let panics = Self::default();
        let noted = panics.clone();
        panic::set_hook(Box::new(move |info| noted.note(info)));
        panics
    }

    /// A panic of a library is an error where a thread is there to contain it; one of our own
    /// code is a finding anywhere.
    fn note(&self, info: &PanicHookInfo) {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let contained = thread::current().name() == Some(zoo_convert::onnx::THREAD_NAME);
        let mut found = lock(&self.0);
        if contained && !place.starts_with("crates/") {
            *found.contained.entry(place).or_default() += 1;
        } else {
            found.ours.get_or_insert_with(|| (place, info.to_string()));
        }
    }

    /// The first panic since the last call: its place and what it says.
    fn ours(&self) -> Option<(String, String)> {
        lock(&self.0).ours.take()
    }

    fn contained(&self) -> BTreeMap<String, u64> {
        std::mem::take(&mut lock(&self.0).contained)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
