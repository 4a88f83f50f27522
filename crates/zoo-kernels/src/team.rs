//! Threads that go through the same list of steps together.
//!
//! A step falls into tasks, which whoever is free takes; the next step begins when all tasks are
//! done. Nobody is waited for who has not begun a task: so a thread that the system runs
//! late, or never, costs its share of the work and nothing else.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::LocalKey;

use crate::Scratch;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::default());
}

/// Turns of an idle loop before a thread gives way to others.
const SPINS: usize = if cfg!(miri) { 1 } else { 4096 };

/// How far a step has come. On a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Progress {
    /// The next task to take.
    next: AtomicUsize,
    /// Tasks that are done.
    done: AtomicUsize,
}

/// How many threads the current pool has.
pub fn threads() -> usize {
    rayon::current_num_threads()
}

/// Runs `work` with what this thread keeps of scratch.
pub(crate) fn with_scratch<T>(work: impl FnOnce(&mut Scratch) -> T) -> T {
    with_kept(&SCRATCH, work)
}

/// Runs `work` with what this thread keeps between calls, or with something new where that is in
/// use already.
pub(crate) fn with_kept<K: Default, T>(
    kept: &'static LocalKey<RefCell<K>>,
    work: impl FnOnce(&mut K) -> T,
) -> T {
    kept.with(|kept| match kept.try_borrow_mut() {
        Ok(mut kept) => work(&mut kept),
        Err(_) => work(&mut K::default()),
    })
}

/// Runs all steps on up to `threads` threads of the current pool, this one among them: step `i`
/// has `tasks[i]` tasks, and `work(i, task, scratch)` runs once for each, in any order and on any
/// thread, but after all of the steps before.
pub fn run_steps(
    threads: usize,
    tasks: &[usize],
    work: impl Fn(usize, usize, &mut Scratch) + Sync,
) {
    let progress: Vec<Progress> = tasks.iter().map(|_| Progress::default()).collect();
    let failed = AtomicBool::new(false);
    let take_part = || {
        with_scratch(|scratch| {
            go_through(tasks, &progress, &failed, |step, task| work(step, task, scratch));
        });
    };
    let useful = tasks.iter().copied().max().unwrap_or(0).min(threads);
    rayon::in_place_scope(|scope| {
        for _ in 1..useful {
            scope.spawn(|_| take_part());
        }
        take_part();
    });
}

/// Sets a flag unless it is disarmed: whoever waits must not wait for a thread that panicked.
struct Alarm<'a>(Option<&'a AtomicBool>);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if let Some(failed) = self.0 {
            failed.store(true, Ordering::Release);
        }
    }
}

fn go_through(
    tasks: &[usize],
    progress: &[Progress],
    failed: &AtomicBool,
    mut work: impl FnMut(usize, usize),
) {
    let mut alarm = Alarm(Some(failed));
    for (step, (&count, progress)) in tasks.iter().zip(progress).enumerate() {
        loop {
            let task = progress.next.fetch_add(1, Ordering::Relaxed);
            if task >= count {
                break;
            }
            work(step, task);
            progress.done.fetch_add(1, Ordering::AcqRel);
        }
        let mut spins = 0;
        while progress.done.load(Ordering::Acquire) < count {
            if failed.load(Ordering::Acquire) {
                return;
            }
            spins += 1;
            if spins < SPINS { std::hint::spin_loop() } else { std::thread::yield_now() }
        }
    }
    alarm.0 = None;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_runs_once_and_after_the_steps_before() {
        let tasks = [3, 1, 0, 17, 2];
        let counts: Vec<Vec<AtomicUsize>> =
            tasks.iter().map(|&n| (0..n).map(|_| AtomicUsize::new(0)).collect()).collect();
        // Miri tries out orders by itself, and takes seconds for a round.
        let rounds = if cfg!(miri) { 3 } else { 199 };
        for round in 1..=rounds {
            run_steps(4, &tasks, |step, task, _| {
                for before in &counts[..step] {
                    assert!(before.iter().all(|count| count.load(Ordering::SeqCst) == round));
                }
                counts[step][task].fetch_add(1, Ordering::SeqCst);
            });
        }
        assert!(counts.iter().flatten().all(|count| count.load(Ordering::SeqCst) == rounds));
    }

    #[test]
    fn a_panic_reaches_the_caller_and_nobody_waits_for_ever() {
        let caught = std::panic::catch_unwind(|| {
            run_steps(4, &[8, 8], |step, task, _| assert!((step, task) != (0, 5), "on purpose"));
        });
        assert!(caught.is_err());
    }
}
