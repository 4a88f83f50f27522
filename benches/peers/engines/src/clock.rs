//! Repeats a run, and says how long it took.

use std::time::Instant;

use anyhow::Result;

use crate::Run;

/// Runs before the clock starts, as in `zoo bench`.
const WARM_UP: usize = 2;

/// The fewest runs of which a median says anything.
const FEWEST: usize = 3;

/// Seconds of one run.
pub struct Times {
    /// How many runs were timed.
    pub runs: usize,
    /// The shortest.
    pub best: f64,
    /// The one in the middle.
    pub median: f64,
}

/// Runs to warm up, then for `seconds`, but at least three times.
pub fn measure(mut run: Run, seconds: f64) -> Result<Times> {
    for _ in 0..WARM_UP {
        run()?;
    }
    let mut times = Vec::new();
    let begin = Instant::now();
    while times.len() < FEWEST || begin.elapsed().as_secs_f64() < seconds {
        let start = Instant::now();
        run()?;
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(Times { runs: times.len(), best: times[0], median: times[times.len() / 2] })
}
