//! Checks of a preprocessing before it is used: cards come from strangers.

use super::{Error, Preprocess, Resize};

/// The largest side, in pixels, that a card may ask for.
pub const MAX_SIZE: u32 = 8192;

/// The largest output in pixels, for cards that let the image decide its size.
pub const MAX_OUTPUT_PIXELS: u64 = MAX_SIZE as u64 * MAX_SIZE as u64;

impl Preprocess {
    /// Checks that every image can be preprocessed like this.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] names the first field that is wrong: a size of zero or above
    /// [`MAX_SIZE`]; a number that is not finite; a `std` that is not positive; `mean` or
    /// `std` of another length than `color` has channels; values too large for `f32`.
    pub fn validate(&self) -> Result<(), Error> {
        match self.resize {
            Some(Resize::Shorter(size)) => check_sizes("resize", &[size])?,
            Some(Resize::Exact(size)) => check_sizes("resize", &size)?,
            None => {}
        }
        if let Some(size) = self.crop {
            check_sizes("crop", &size)?;
        }
        if !self.scale.is_finite() || self.scale == 0.0 {
            return Err(invalid("scale", format!("is {}", self.scale)));
        }
        self.check_channels("mean", &self.mean, f64::is_finite)?;
        self.check_channels("std", &self.std, |x| x.is_finite() && x > 0.0)?;
        for channel in 0..self.color.channels() {
            // Levels are monotonous, so the ends bound the rest.
            let levels = self.levels(channel);
            if !levels[0].is_finite() || !levels[255].is_finite() {
                let problem = format!("makes channel {channel} too large for 32-bit floats");
                return Err(invalid("scale, mean, std", problem));
            }
        }
        Ok(())
    }

    /// Checks the length of `values`, one a channel or none at all, and each value.
    fn check_channels(
        &self,
        field: &'static str,
        values: &[f64],
        is_valid: impl Fn(f64) -> bool,
    ) -> Result<(), Error> {
        let channels = self.color.channels();
        if !values.is_empty() && values.len() != channels {
            let problem = format!("has {} values for {channels} channels", values.len());
            return Err(invalid(field, problem));
        }
        match values.iter().find(|&&value| !is_valid(value)) {
            Some(value) => Err(invalid(field, format!("contains {value}"))),
            None => Ok(()),
        }
    }
}

/// Checks that sizes are at least 1 and at most [`MAX_SIZE`].
fn check_sizes(field: &'static str, sizes: &[u32]) -> Result<(), Error> {
    match sizes.iter().find(|&&size| size == 0 || size > MAX_SIZE) {
        Some(size) => Err(invalid(field, format!("is {size} pixels (1 to {MAX_SIZE} allowed)"))),
        None => Ok(()),
    }
}

fn invalid(field: &'static str, problem: String) -> Error {
    Error::Invalid { field, problem }
}
