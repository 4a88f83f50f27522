//! A name for a preprocessing that two cards share exactly when it is the same.

use serde_json::json;
use sha2::{Digest, Sha256};

use super::Preprocess;

/// Counts changes to this module that change its output, so that features cached by an
/// older version are not taken for those of a newer one.
const REVISION: u32 = 1;

impl Preprocess {
    /// JSON with every field present, defaults filled in, keys sorted, and no whitespace.
    pub fn canonical_json(&self) -> String {
        let channels = self.color.channels();
        // Adding zero turns -0 into 0.
        let filled = |values: &[f64], default: f64| -> Vec<f64> {
            if values.is_empty() {
                vec![default; channels]
            } else {
                values.iter().map(|value| value + 0.0).collect()
            }
        };
        // The keys are listed sorted because a map keeps their order when any crate in the
        // build turns on serde_json's `preserve_order`, and sorts them when none does.
        json!({
            "alpha": self.alpha,
            "antialias": self.antialias,
            "color": self.color,
            "crop": self.crop,
            "exif": self.exif,
            "filter": self.filter,
            "mean": filled(&self.mean, 0.0),
            "resize": self.resize,
            "revision": REVISION,
            "scale": self.scale,
            "std": filled(&self.std, 1.0),
        })
        .to_string()
    }

    /// SHA-256 of [`Preprocess::canonical_json`], 64 lower-case hexadecimal digits.
    pub fn digest(&self) -> String {
        format!("{:x}", Sha256::digest(self.canonical_json()))
    }
}
