//! `a` is to `b` as `c` is to what?

use super::WordMatrix;
use super::norms::unit;
use crate::Error;

impl WordMatrix {
    /// The `top` rows that are to row `c` what row `b` is to row `a`: nearest to `b - a + c`, each
    /// of length one, the three themselves left out. This is 3CosAdd (Mikolov, Yih and Zweig,
    /// "Linguistic regularities in continuous space word representations", 2013), as gensim's
    /// `most_similar(positive=[b, c], negative=[a])` computes it.
    ///
    /// # Errors
    ///
    /// [`Error::NoRow`] if there is no row `a`, `b` or `c`.
    pub fn analogy(
        &self,
        a: usize,
        b: usize,
        c: usize,
        top: usize,
    ) -> Result<Vec<(usize, f32)>, Error> {
        self.nearest(&self.offset(a, b, c)?, top, &[a, b, c])
    }

    /// `b - a + c` of unit rows, `[dimension]`.
    pub(super) fn offset(&self, a: usize, b: usize, c: usize) -> Result<Vec<f32>, Error> {
        let [mut query, minus, plus] = [b, a, c].map(|row| Ok(unit(&self.row(row)?)));
        let (minus, plus): (Vec<f32>, Vec<f32>) = (minus?, plus?);
        if let Ok(query) = &mut query {
            for ((query, minus), plus) in query.iter_mut().zip(minus).zip(plus) {
                *query = *query - minus + plus;
            }
        }
        query
    }
}
