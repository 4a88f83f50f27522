//! `zoo`: pull a pretrained model, adapt it to your own data, share the result.
//!
//! Arguments are parsed ([`cli`]), then each command runs by itself ([`commands`]) on the
//! libraries, and says what it found through [`output`]: results on stdout, everything else on
//! stderr. Errors go up to here, where [`hints`] adds what to do about them.

mod cli;
mod commands;
mod config;
mod hints;
mod models;
mod output;
mod preparation;
mod progress;

use std::process::ExitCode;

use clap::Parser;
use zoo_kernels::Recycler;

/// Training and inference need the same large blocks again and again.
#[global_allocator]
static MEMORY: Recycler = Recycler::new();

fn main() -> ExitCode {
    quiet_parser_panics();
    let cli = cli::Cli::parse();
    match commands::run(cli) {
        Ok(code) => code,
        // Whoever reads our output has read enough.
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error);
            ExitCode::FAILURE
        }
    }
}

/// Parsers may panic on hostile files where this is turned into an error: that of ONNX, in a thread of
/// its own, those of recordings and of tokenizers. The panic itself is no news.
fn quiet_parser_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let file = info.location().map(std::panic::Location::file).unwrap_or_default();
        let is_caught = ["symphonia", "tokenizers"].iter().any(|parser| file.contains(parser));
        if !is_caught && std::thread::current().name() != Some("zoo-onnx") {
            usual(info);
        }
    }));
}
