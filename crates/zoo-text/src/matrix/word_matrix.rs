//! Word vectors in memory.

use std::sync::OnceLock;

use bytes::Bytes;

use super::Element;
use crate::Error;

/// `[rows, dimension]` numbers, mapped or shared, as they are in a file.
#[derive(Debug, Clone)]
pub struct WordMatrix {
    bytes: Bytes,
    element: Element,
    rows: usize,
    dimension: usize,
    pub(super) norms: OnceLock<Vec<f32>>,
}

impl WordMatrix {
    /// Takes `bytes` as `rows` rows of `dimension` numbers. They need no alignment, and any bits
    /// are allowed.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the number of bytes is another, or `dimension` is zero.
    pub fn new(
        bytes: Bytes,
        element: Element,
        rows: usize,
        dimension: usize,
    ) -> Result<Self, Error> {
        let size = element.size();
        let expected = rows.checked_mul(dimension).and_then(|numbers| numbers.checked_mul(size));
        if dimension == 0 || expected != Some(bytes.len()) {
            return Err(Error::Shape { bytes: bytes.len(), rows, dimension, size });
        }
        Ok(Self { bytes, element, rows, dimension, norms: OnceLock::new() })
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many numbers a row has.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The numbers of a row, `[dimension]`.
    ///
    /// # Errors
    ///
    /// [`Error::NoRow`] if there is none.
    pub fn row(&self, row: usize) -> Result<Vec<f32>, Error> {
        if row >= self.rows {
            return Err(Error::NoRow { row, rows: self.rows });
        }
        let mut values = vec![0.0; self.dimension];
        self.decode(row, &mut values);
        Ok(values)
    }

    /// Widens whole rows from `first` on, as many as `values` holds.
    pub(super) fn decode(&self, first: usize, values: &mut [f32]) {
        let size = self.element.size();
        let start = first * self.dimension * size;
        self.element.decode(&self.bytes[start..start + values.len() * size], values);
    }
}
