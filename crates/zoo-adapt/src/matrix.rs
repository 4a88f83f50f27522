//! A borrowed table of numbers.

use crate::error::{Error, Result};

/// Numbers `[rows, columns]`, row after row, such as the features of all examples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
}

impl<'a> Matrix<'a> {
    /// Views `data` as `[rows, columns]`.
    ///
    /// # Errors
    ///
    /// There are no columns, or `data` holds another number of values.
    pub fn new(data: &'a [f32], rows: usize, columns: usize) -> Result<Self> {
        if columns == 0 {
            return Err(Error::setting("number of columns", "at least 1", columns));
        }
        let expected = rows.saturating_mul(columns);
        Error::expect_size("values of a matrix", expected, data.len())?;
        Ok(Self { data, rows, columns })
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns, at least 1.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// One row `[columns]`.
    pub fn row(&self, row: usize) -> &'a [f32] {
        &self.data[row * self.columns..(row + 1) * self.columns]
    }

    /// `Ok` where every value is finite.
    ///
    /// # Errors
    ///
    /// Names the row and column of the first NaN or infinity.
    pub fn expect_finite(&self) -> Result<()> {
        match self.data.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(Error::NotFinite {
                row: at / self.columns,
                column: at % self.columns,
                value: self.data[at],
            }),
            None => Ok(()),
        }
    }
}
