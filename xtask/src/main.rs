//! Repository chores: `cargo xtask CHORE`.
#![allow(clippy::print_stdout, reason = "a program")]

mod faults;
mod fuzz;
mod index;
mod onnx_conformance;
mod parity;
mod seed;
mod starter;
mod support;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Repository chores.
#[derive(Parser)]
#[command(name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Compare our networks with torchvision's numbers, for weights made by a rule
    Parity {
        /// The folder of `NAME.json` and `NAME.grad.json` fixtures
        dir: PathBuf,
        /// Only fixtures whose name contains this
        #[arg(long)]
        only: Option<String>,
    },
    /// Run ONNX's own conformance cases
    OnnxConformance {
        /// The folder of cases, each a folder with `model.onnx` and `test_data_set_*`
        dir: PathBuf,
        /// Only cases whose name contains this
        #[arg(long, conflicts_with_all = ["write", "check"])]
        only: Option<String>,
        /// Write docs/onnx-support.md
        #[arg(long)]
        write: bool,
        /// Fail if docs/onnx-support.md is not what the cases say
        #[arg(long, conflicts_with = "write")]
        check: bool,
    },
    /// Write the registry as static files, from registry/models
    Index {
        /// The folder to write
        out: PathBuf,
        /// A key that signs it, as `zoo hub key` makes them; may be given several times
        #[arg(long, value_name = "FILE")]
        key: Vec<PathBuf>,
        /// The root that gives those keys the index
        #[arg(long, value_name = "FILE", requires = "key")]
        root: Option<PathBuf>,
        /// When it is made, as in 2026-01-31T12:00:00Z; needed where it is signed
        #[arg(long, value_name = "TIME", requires = "key")]
        created: Option<String>,
        /// For how many days it is good, where it is signed
        #[arg(long, default_value_t = 365)]
        days: u64,
    },
    /// Make the starter models that the binary carries
    Starter {
        /// The folder with `models` and `words`
        fixtures: PathBuf,
    },
    /// Write registry/models/*.toml from a table of published facts, those that are not there
    Seed {
        /// The table, `registry_seed.tsv`
        tsv: PathBuf,
        /// Write those that are there as well: what people wrote into them is lost
        #[arg(long)]
        force: bool,
    },
    /// Write docs/support.md: which formats are read, and which networks run
    Support {
        /// Write nothing, and fail if it is not what is there
        #[arg(long)]
        check: bool,
    },
    /// Give changed files to every reader: fails where one panics, takes long or takes much memory
    Fuzz {
        /// One of the targets in fuzz, or all
        target: String,
        /// For how long, each
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// The seed of the changes
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// The most memory that the process may hold, in MiB
        #[arg(long, default_value_t = 1024, value_name = "MIB")]
        memory: u64,
        /// Go on after a panic, and take down the first of each place
        #[arg(long)]
        keep_going: bool,
        /// Begin with the files below this folder as well
        #[arg(long, value_name = "DIR")]
        also: Option<PathBuf>,
    },
    /// Write fuzz/corpus: the files that fuzzing begins with
    FuzzCorpus,
    /// Write docs/faults.md: which bad inputs the tests try
    Faults {
        /// Write nothing, and fail if it is not what is there
        #[arg(long)]
        check: bool,
    },
}

/// Where everything is.
const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Where entries are.
const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../registry/models");

fn main() -> Result<ExitCode> {
    match Cli::parse().chore {
        Chore::Parity { dir, only } => parity::run(&dir, only.as_deref()),
        Chore::OnnxConformance { dir, only, write, check } => {
            let page = Path::new(REPOSITORY).join("docs/onnx-support.md");
            let page = (write || check).then_some((page.as_path(), check));
            onnx_conformance::run(&dir, only.as_deref(), page)
        }
        Chore::Index { out, key, root, created, days } => {
            index::run(Path::new(MODELS), &out, &index::Signing { key, root, created, days })
        }
        Chore::Starter { fixtures } => starter::run(&fixtures),
        Chore::Seed { tsv, force } => {
            let written = seed::run(&tsv, Path::new(MODELS), force)?;
            for (row, why) in &written.skipped {
                println!("skipped {row}: {why}");
            }
            println!(
                "{} models, {} versions, {} files written",
                written.models, written.versions, written.files
            );
            Ok(ExitCode::SUCCESS)
        }
        Chore::Support { check } => {
            println!("{}", support::run(Path::new(REPOSITORY), Path::new(MODELS), check)?);
            Ok(ExitCode::SUCCESS)
        }
        Chore::Fuzz { target, seconds, seed, memory, keep_going, also } => {
            let also = also.as_deref();
            let target = target.as_str();
            let options = fuzz::Options { target, seconds, seed, memory, keep_going, also };
            fuzz::run(Path::new(REPOSITORY), &options)
        }
        Chore::FuzzCorpus => {
            fuzz::write_corpus(&Path::new(REPOSITORY).join("fuzz/corpus"))?;
            Ok(ExitCode::SUCCESS)
        }
        Chore::Faults { check } => {
            println!("{}", faults::run(Path::new(REPOSITORY), check)?);
            Ok(ExitCode::SUCCESS)
        }
    }
}
