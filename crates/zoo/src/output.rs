//! What people and pipes see: the only place that prints.

use std::io::{self, IsTerminal, Write};

use anyhow::Result;
use serde::Serialize;

use crate::cli::Global;
use crate::hints;

/// A line of results, on stdout.
pub(crate) fn line(text: impl AsRef<str>) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(printable(text.as_ref()).as_bytes())?;
    Ok(out.write_all(b"\n")?)
}

/// A result as JSON, on stdout.
pub(crate) fn json(value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    Ok(io::stdout().lock().write_all(text.as_bytes())?)
}

/// Bytes that are a result by themselves, on stdout.
pub(crate) fn bytes(bytes: &[u8]) -> Result<()> {
    Ok(io::stdout().lock().write_all(bytes)?)
}

/// What was done, on stderr: a verb, and on what.
pub(crate) fn status(global: &Global, verb: &str, what: impl AsRef<str>) {
    if !global.quiet {
        say(&format!("{} {}", paint(&format!("{verb:>12}"), "1;32"), printable(what.as_ref())));
    }
}

/// Something that a person should know, on stderr.
pub(crate) fn warning(text: impl AsRef<str>) {
    say(&format!("{}: {}", paint("warning", "1;33"), printable(text.as_ref())));
}

/// Why it failed, with all causes and what to do, on stderr.
pub(crate) fn error(error: &anyhow::Error) {
    say(&format!("{}: {}", paint("error", "1;31"), printable(&error.to_string())));
    for cause in error.chain().skip(1) {
        say(&format!("  {} {}", paint("caused by:", "1"), printable(&cause.to_string())));
    }
    for hint in hints::of(error) {
        say(&format!("  {} {hint}", paint("hint:", "1;36")));
    }
}

/// A line of diagnostics. Whoever closed stderr does not want them, and the work goes on.
fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Whether the reader of our output went away.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Whether progress bars make sense.
pub(crate) fn shows_progress(global: &Global) -> bool {
    !global.quiet && io::stderr().is_terminal()
}

/// Names come from strangers: what would steer a terminal is shown, not done.
fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| match c {
            '\n' | '\t' => vec![c],
            c if c.is_control() => c.escape_default().collect(),
            c => vec![c],
        })
        .collect()
}

fn paint(text: &str, style: &str) -> String {
    let plain = std::env::var_os("NO_COLOR").is_some() || !io::stderr().is_terminal();
    if plain { text.to_owned() } else { format!("\x1b[{style}m{text}\x1b[0m") }
}

/// A table with aligned columns, its first row the headings.
pub(crate) fn table(rows: &[Vec<String>]) -> Result<()> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        line(cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

/// A number of bytes, for people.
pub(crate) fn size(bytes: u64) -> String {
    match bytes as f64 {
        bytes if bytes >= 1e9 => format!("{:.1} GB", bytes / 1e9),
        bytes if bytes >= 1e6 => format!("{:.1} MB", bytes / 1e6),
        bytes if bytes >= 1e3 => format!("{:.1} kB", bytes / 1e3),
        _ => format!("{bytes} B"),
    }
}

/// A count, for people.
pub(crate) fn count(number: u64) -> String {
    match number as f64 {
        number if number >= 1e6 => format!("{:.2} M", number / 1e6),
        number if number >= 1e4 => format!("{:.1} k", number / 1e3),
        _ => number.to_string(),
    }
}
