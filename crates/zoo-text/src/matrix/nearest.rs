//! The rows that are nearest to a query.

use rayon::prelude::*;

use super::dot::dot;
use super::norms::unit;
use super::top::{Candidate, Top};
use super::{BLOCK, WordMatrix};
use crate::Error;

impl WordMatrix {
    /// The `top` rows that are most similar to `query`, `[dimension]`, by the cosine of the
    /// angle between them, -1 to 1: most similar first, of equals the lower row first. Rows in
    /// `exclude` are left out. A row or a query without direction (all zeros, or not finite) has
    /// similarity 0 to all; no similarity is NaN.
    ///
    /// # Errors
    ///
    /// [`Error::Dimension`] if the query has another dimension.
    pub fn nearest(
        &self,
        query: &[f32],
        top: usize,
        exclude: &[usize],
    ) -> Result<Vec<(usize, f32)>, Error> {
        let (dimension, rows) = (self.dimension(), self.rows());
        if query.len() != dimension {
            return Err(Error::Dimension { found: query.len(), expected: dimension });
        }
        let limit = top.min(rows);
        if limit == 0 {
            return Ok(Vec::new());
        }
        let (query, norms) = (unit(query), self.norms());
        let beginning = || (Top::new(limit), vec![0.0; dimension]);
        let best = (0..rows.div_ceil(BLOCK))
            .into_par_iter()
            .with_min_len(16)
            .fold(beginning, |(mut best, mut values), block| {
                let first = block * BLOCK;
                for (row, &norm) in norms[first..rows.min(first + BLOCK)].iter().enumerate() {
                    let row = first + row;
                    let mut similarity = 0.0;
                    if norm > 0.0 {
                        self.decode(row, &mut values);
                        similarity = (dot(&values, &query) / norm).clamp(-1.0, 1.0);
                    }
                    let candidate = Candidate { similarity, row };
                    if best.takes(candidate) && !exclude.contains(&row) {
                        best.push(candidate);
                    }
                }
                (best, values)
            })
            .map(|(best, _)| best)
            .reduce(|| Top::new(limit), Top::merge);
        Ok(best.into_sorted())
    }
}
