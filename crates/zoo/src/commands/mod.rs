//! One command a file.

mod adapt;
mod bench;
mod bundle;
mod cache;
mod convert;
mod emit;
mod eval;
mod export;
mod hub;
mod info;
mod inspect;
mod lint;
mod list;
mod login;
mod predict;
mod publish;
mod pull;
mod trust;
mod verify;
mod words;
mod yank;

use std::process::ExitCode;

use anyhow::Result;
use clap::CommandFactory;

use crate::cli::{Cli, Command, CompletionsArgs};
use crate::output;

/// Runs a command.
pub(crate) fn run(cli: Cli) -> Result<ExitCode> {
    let global = &cli.global;
    match cli.command {
        Command::List(args) => list::list(global, &args),
        Command::Search(args) => list::search(global, &args),
        Command::Info(args) => info::run(global, &args),
        Command::Pull(args) => pull::run(global, &args),
        Command::Predict(args) => predict::run(global, &args),
        Command::Eval(args) => eval::run(global, &args),
        Command::Convert(args) => convert::run(global, &args),
        Command::Export(args) => export::run(global, &args),
        Command::Inspect(args) => inspect::run(global, &args),
        Command::Verify(args) => verify::run(global, &args),
        Command::Adapt(args) => adapt::run(global, args),
        Command::Words(args) => words::run(global, &args),
        Command::Bench(args) => bench::run(global, &args),
        Command::Publish(args) => publish::run(global, &args),
        Command::Yank(args) => yank::run(global, &args),
        Command::Bundle(args) => bundle::run(global, &args),
        Command::Cache(command) => cache::run(global, command),
        Command::Trust(command) => trust::run(global, command),
        Command::Login(args) => login::login(global, &args),
        Command::Logout(args) => login::logout(global, &args),
        Command::Hub(command) => hub::run(global, command),
        Command::Lint(args) => lint::run(global, &args),
        Command::Completions(args) => completions(&args),
    }
}

fn completions(args: &CompletionsArgs) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "zoo", &mut script);
    output::bytes(&script)?;
    Ok(ExitCode::SUCCESS)
}
