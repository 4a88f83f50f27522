//! Repository chores: `cargo xtask CHORE`.
#![allow(clippy::print_stdout, reason = "a program")]

mod parity;
mod starter;

use std::path::PathBuf;
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
    /// Make the starter model that the binary carries
    Starter {
        /// The published checkpoint, efficientnet-lite0-57934424.pth
        checkpoint: PathBuf,
    },
}

fn main() -> Result<ExitCode> {
    match Cli::parse().chore {
        Chore::Parity { dir, only } => parity::run(&dir, only.as_deref()),
        Chore::Starter { checkpoint } => starter::run(&checkpoint),
    }
}
