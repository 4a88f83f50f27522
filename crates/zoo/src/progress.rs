//! Progress bars: the libraries' events, made visible.

use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use zoo_adapt::progress::{Event, Observer};
use zoo_registry::FetchObserver;

use crate::cli::Global;
use crate::output;

/// Shows events as bars on a terminal, and as lines where there is none.
pub(crate) struct Bars {
    global: Global,
    bar: Mutex<ProgressBar>,
}

const COUNTS: &str = "{msg:>12} [{bar:30}] {pos}/{len} {eta}";
const BYTES: &str = "{msg:>12} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta}";

impl Bars {
    pub(crate) fn new(global: &Global) -> Self {
        Self { global: global.clone(), bar: Mutex::new(ProgressBar::hidden()) }
    }

    fn start(&self, total: u64, style: &str, message: &str) {
        let target = if output::shows_progress(&self.global) {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(message.to_owned());
        if let Ok(mut current) = self.bar.lock() {
            *current = bar;
        }
    }

    fn with(&self, act: impl FnOnce(&ProgressBar)) {
        if let Ok(bar) = self.bar.lock() {
            act(&bar);
        }
    }
}

impl Observer for Bars {
    fn event(&self, event: Event) {
        match event {
            Event::Started { step, total } => self.start(total as u64, COUNTS, step.name()),
            // Threads tell their counts in any order.
            Event::Advanced { done, .. } => self.with(|bar| {
                bar.set_position(bar.position().max(done as u64));
            }),
            Event::Finished { step, summary } => {
                self.with(ProgressBar::finish_and_clear);
                output::status(&self.global, step.name(), summary);
            }
            Event::Warning(text) => self.with(|bar| bar.suspend(|| output::warning(text))),
            _ => {}
        }
    }
}

impl FetchObserver for Bars {
    fn started(&self, name: &str, total: Option<u64>) {
        self.start(total.unwrap_or_default(), BYTES, "fetching");
        output::status(&self.global, "Fetching", name);
    }

    fn resumed(&self, at: u64) {
        self.with(|bar| bar.set_position(at));
        output::status(&self.global, "Resuming", format!("at {}", output::size(at)));
    }

    fn restarted(&self) {
        self.with(|bar| bar.set_position(0));
    }

    fn advanced(&self, bytes: u64) {
        self.with(|bar| bar.inc(bytes));
    }

    fn retrying(&self, why: &str, attempt: u32, wait: Duration) {
        let text = format!("{why}; attempt {attempt} in {:.1} s", wait.as_secs_f64());
        self.with(|bar| bar.suspend(|| output::warning(text)));
    }

    fn finished(&self) {
        self.with(ProgressBar::finish_and_clear);
    }
}
