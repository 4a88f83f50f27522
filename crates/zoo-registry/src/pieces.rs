//! One file in several pieces at once, from a server that can prove that they are of one file.
//!
//! What is missing is cut into pieces. Several workers take one after another, in order, each
//! by a request of its own with `Range` and `If-Range`; the first begins with the answer that
//! is open already. They write where the piece belongs. The hash follows the start of the
//! file as far as it has no holes, reading back what is still in the page cache, so that
//! memory does not grow with the file and hashing is done shortly after the last byte.
//!
//! Whatever does not fit (the range ignored, another tag, another `Content-Range`) ends all
//! of it: [`Trouble::Odd`]. A failure ends it too, but what arrived is kept.

use std::collections::{BTreeMap, VecDeque};
use std::io::Read;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::download::Plan;
use crate::error::Error;
use crate::headers::{content_range, foreign_encoding, strong_validator};
use crate::http::{Client, Failure, Part};
use crate::partial::{Extent, Partial, PieceFile};
use crate::transfer::{BUFFER_BYTES, Job, Pace, Stopped, read_some};

/// After so many bytes, or a quarter of a piece, the sidecar is written again: what a kill can
/// cost.
const NOTE_EVERY: u64 = 1 << 20;

/// Why pieces did not make a file.
pub(crate) enum Trouble {
    /// The answers do not fit together.
    Odd,
    /// Anything else.
    Failed(Failure),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Failed(error.into())
    }
}

/// The file that is fetched.
pub(crate) struct Whole<'a> {
    pub(crate) client: &'a Client,
    pub(crate) url: &'a str,
    /// The url without secrets.
    pub(crate) shown: &'a str,
    /// Its strong entity tag.
    pub(crate) tag: &'a str,
    /// Its size in bytes.
    pub(crate) total: u64,
}

/// Fetches what `partial` lacks of `whole`. `open` gives the bytes from the end of
/// `partial`'s start on.
pub(crate) fn fetch(
    whole: &Whole<'_>,
    open: impl Read + Send,
    partial: &mut Partial,
    plan: &Plan,
    job: &Job<'_>,
) -> Result<(), Trouble> {
    let mut hasher = partial.lend_hasher();
    let mut arrived: BTreeMap<u64, u64> = partial.beyond().iter().copied().collect();
    if partial.length() > 0 {
        arrived.insert(0, partial.length());
    }
    let pool = Pool {
        whole,
        file: partial.piece_file(),
        job,
        note_every: NOTE_EVERY.min(plan.piece_bytes / 4),
        state: Mutex::new(State {
            todo: missing(&arrived, whole.total, plan.piece_bytes),
            arrived,
            unnoted: 0,
            working: 0,
            trouble: None,
        }),
        changed: Condvar::new(),
    };
    // Before any byte comes to lie beyond a hole.
    pool.file.note(pool.lock().extents());
    let hashed = thread::scope(|scope| {
        let workers = plan.connections.clamp(1, pool.lock().todo.len().max(1));
        let first = pool.lock().todo.pop_front();
        pool.lock().working = workers;
        let pool = &pool;
        scope.spawn(move || pool.work(first.map(|piece| (open, piece))));
        for _ in 1..workers {
            scope.spawn(|| pool.work(None::<(std::io::Empty, Extent)>));
        }
        pool.hash_along(&mut hasher)
    });
    let state = pool.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    let beyond = state.extents().into_iter().filter(|extent| extent.0 > 0).collect();
    partial.finish_pieces(hasher, beyond)?;
    hashed?;
    state.trouble.map_or(Ok(()), Err)
}

/// What is not in `arrived`, in pieces of at most `piece_bytes`, in order.
fn missing(arrived: &BTreeMap<u64, u64>, total: u64, piece_bytes: u64) -> VecDeque<Extent> {
    let mut pieces = VecDeque::new();
    let mut at = 0;
    for (&start, &end) in arrived.iter().chain([(&total, &total)]) {
        while at < start {
            let next = start.min(at.saturating_add(piece_bytes.max(1)));
            pieces.push_back((at, next));
            at = next;
        }
        at = end;
    }
    pieces
}

/// The workers and what they share.
struct Pool<'a> {
    whole: &'a Whole<'a>,
    file: PieceFile<'a>,
    job: &'a Job<'a>,
    note_every: u64,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    todo: VecDeque<Extent>,
    /// What is there: start to end, apart.
    arrived: BTreeMap<u64, u64>,
    unnoted: u64,
    working: usize,
    trouble: Option<Trouble>,
}

impl State {
    fn extents(&self) -> Vec<Extent> {
        self.arrived.iter().map(|(start, end)| (*start, *end)).collect()
    }

    /// The end of what is there from the start without a hole.
    fn frontier(&self) -> u64 {
        self.arrived.get(&0).copied().unwrap_or(0)
    }

    fn add(&mut self, start: u64, mut end: u64) {
        if let Some(after) = self.arrived.remove(&end) {
            end = after;
        }
        match self.arrived.range_mut(..start).next_back() {
            Some((_, before)) if *before == start => *before = end,
            _ => {
                self.arrived.insert(start, end);
            }
        }
    }
}

impl Pool<'_> {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked left no half-done change: every one is a single call.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hashes the start of the file as it grows, until nobody works any more.
    fn hash_along(&self, hasher: &mut crate::digest::Sha256Hasher) -> Result<(), Error> {
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let frontier = {
                let mut state = self.lock();
                while state.frontier() == hasher.bytes() && state.working > 0 {
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                state.frontier()
            };
            if frontier == hasher.bytes() {
                return Ok(());
            }
            while hasher.bytes() < frontier {
                let most = buffer.len().min((frontier - hasher.bytes()) as usize);
                let n = match self.file.read_at(&mut buffer[..most], hasher.bytes()) {
                    Ok(0) => Err(Error::Truncated {
                        url: self.whole.shown.to_owned(),
                        expected: frontier,
                        got: hasher.bytes(),
                    }),
                    read => read,
                };
                match n {
                    Ok(n) => hasher.update(&buffer[..n]),
                    Err(error) => {
                        // The workers must not go on for a file that nobody can read.
                        self.lock().trouble.get_or_insert(Trouble::Odd);
                        return Err(error);
                    }
                }
            }
        }
    }

    fn work(&self, mut open: Option<(impl Read, Extent)>) {
        // However this ends, whoever waits for the workers must hear of it.
        let _working = Working(self);
        loop {
            let done = if let Some((mut reader, piece)) = open.take() {
                self.read_piece(&mut reader, piece)
            } else {
                let mut state = self.lock();
                let next = state.todo.pop_front().filter(|_| state.trouble.is_none());
                drop(state);
                let Some(piece) = next else { break };
                self.request_piece(piece)
            };
            if let Err(trouble) = done {
                self.lock().trouble.get_or_insert(trouble);
                break;
            }
        }
    }

    fn request_piece(&self, piece: Extent) -> Result<(), Trouble> {
        let (start, end) = piece;
        let part = Part { first: start, last: Some(end - 1), if_range: self.whole.tag };
        let mut answer = self.whole.client.request(self.whole.url, Some(part))?;
        let headers = answer.response.headers();
        match answer.status() {
            206 => {}
            200 | 416 => return Err(Trouble::Odd),
            _ => return Err(answer.failure(self.whole.shown).into()),
        }
        let fits = content_range(headers) == Some((start, end - 1, self.whole.total))
            && strong_validator(headers).is_none_or(|now| now == self.whole.tag)
            && foreign_encoding(headers).is_none();
        let body = answer.response.body_mut();
        if !fits || body.content_length().is_some_and(|length| length != end - start) {
            return Err(Trouble::Odd);
        }
        let mut reader = body.as_reader();
        self.read_piece(&mut reader, piece)?;
        // To the end, so that the connection can be used again.
        match reader.read(&mut [0]) {
            Ok(0) | Err(_) => Ok(()),
            Ok(_) => Err(Trouble::Odd),
        }
    }

    /// Takes `piece` from `reader` and puts it into its place.
    fn read_piece(&self, reader: &mut impl Read, piece: Extent) -> Result<(), Trouble> {
        let (mut at, end) = piece;
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut pace = Pace::new(self.job.min_rate);
        while at < end {
            let most = buffer.len().min((end - at) as usize);
            let n = match read_some(reader, &mut buffer[..most]) {
                Ok(0) => {
                    return Err(Trouble::from(Error::Truncated {
                        url: self.whole.shown.to_owned(),
                        expected: end,
                        got: at,
                    }));
                }
                Ok(n) => n,
                Err(Stopped::Failed(error)) => return Err(error.into()),
                Err(Stopped::Reading(error)) => {
                    return Err(Trouble::from(Error::Transport {
                        url: self.whole.shown.to_owned(),
                        source: Box::new(error.into()),
                    }));
                }
            };
            self.job.check_wanted()?;
            self.file.write_at(&buffer[..n], at)?;
            self.job.observer.advanced(n as u64);
            let over = {
                let mut state = self.lock();
                state.add(at, at + n as u64);
                state.unnoted += n as u64;
                if state.unnoted >= self.note_every {
                    state.unnoted = 0;
                    self.file.note(state.extents());
                }
                state.trouble.is_some()
            };
            self.changed.notify_all();
            if over {
                return Ok(());
            }
            at += n as u64;
            pace.advance(self.whole.shown, n as u64)?;
        }
        Ok(())
    }
}

/// One worker at work.
struct Working<'a>(&'a Pool<'a>);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.lock().working -= 1;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_pieces() {
        let arrived = BTreeMap::from([(0, 3), (5, 6), (20, 30)]);
        assert_eq!(missing(&arrived, 31, 6), [(3, 5), (6, 12), (12, 18), (18, 20), (30, 31)]);
        assert_eq!(missing(&BTreeMap::new(), 2, 6), [(0, 2)]);
        assert_eq!(missing(&BTreeMap::from([(0, 2)]), 2, 6), []);
    }

    #[test]
    fn extents_grow_together() {
        let mut state = State {
            todo: VecDeque::new(),
            arrived: BTreeMap::new(),
            unnoted: 0,
            working: 0,
            trouble: None,
        };
        for (start, end) in [(4, 6), (0, 2), (8, 9), (6, 8), (2, 3)] {
            state.add(start, end);
        }
        assert_eq!(state.extents(), [(0, 3), (4, 9)]);
        state.add(3, 4);
        assert_eq!(state.extents(), [(0, 9)]);
        assert_eq!(state.frontier(), 9);
    }
}
