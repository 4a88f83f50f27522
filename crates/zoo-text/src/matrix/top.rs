//! The best of many.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A row and how similar it is, ordered from the most similar; of equals the lower row first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) similarity: f32,
    pub(super) row: usize,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        // Adding zero turns -0 into 0, which it equals.
        let order = (other.similarity + 0.0).total_cmp(&(self.similarity + 0.0));
        order.then(self.row.cmp(&other.row))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

/// The first `limit` candidates of their order, whatever the order they come in.
pub(super) struct Top {
    limit: usize,
    /// The last of them on top.
    heap: BinaryHeap<Candidate>,
}

impl Top {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, heap: BinaryHeap::new() }
    }

    /// Whether `candidate` would be among them.
    pub(super) fn takes(&self, candidate: Candidate) -> bool {
        self.heap.len() < self.limit || self.heap.peek().is_some_and(|last| candidate < *last)
    }

    pub(super) fn push(&mut self, candidate: Candidate) {
        if self.takes(candidate) {
            if self.heap.len() == self.limit {
                self.heap.pop();
            }
            self.heap.push(candidate);
        }
    }

    pub(super) fn merge(mut self, other: Self) -> Self {
        for candidate in other.heap {
            self.push(candidate);
        }
        self
    }

    pub(super) fn into_sorted(self) -> Vec<(usize, f32)> {
        let sorted = self.heap.into_sorted_vec();
        sorted.into_iter().map(|candidate| (candidate.row, candidate.similarity)).collect()
    }
}
