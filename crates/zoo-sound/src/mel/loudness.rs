//! From energies to what the ear, or a model, takes for loudness.

use serde::{Deserialize, Serialize};

use super::LogMel;

/// The logarithm of energies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Log {
    /// None: energies as they are, without `floor`.
    None,
    /// `ln`.
    #[default]
    Natural,
    /// `log10`.
    Log10,
    /// `10 log10` of power, `20 log10` of magnitudes: librosa's `power_to_db` and
    /// `amplitude_to_db` with a reference of 1, torchaudio's `AmplitudeToDB`.
    Decibel,
}

/// How logarithms are kept from zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum FloorBy {
    /// What is less becomes `floor`.
    #[default]
    Clamp,
    /// `floor` is added to every number.
    Add,
}

/// A last linear step over a whole spectrogram, `(max(x, greatest - dynamic) + add) / divide`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ValueRange {
    /// How far below the greatest value of a recording its least may be; left out, as far as it
    /// is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamic: Option<f64>,
    /// What is added.
    pub add: f64,
    /// What it is divided by.
    pub divide: f64,
}

impl Default for ValueRange {
    fn default() -> Self {
        Self { dynamic: None, add: 0.0, divide: 1.0 }
    }
}

impl LogMel {
    /// The logarithm of an energy, kept above the floor.
    pub(super) fn logarithm(&self, energy: f64) -> f64 {
        let floored = match self.floor_by {
            FloorBy::Clamp => energy.max(self.floor),
            FloorBy::Add => energy + self.floor,
        };
        match self.log {
            Log::None => energy,
            Log::Natural => floored.ln(),
            Log::Log10 => floored.log10(),
            Log::Decibel => 20.0 / self.power * floored.log10(),
        }
    }

    /// What depends on the greatest value of a recording, and the last linear step.
    pub(super) fn rescale(&self, values: &mut [f32]) {
        if let Some(top) = self.top_db {
            raise(values, top);
        }
        if let Some(range) = &self.range {
            if let Some(dynamic) = range.dynamic {
                raise(values, dynamic);
            }
            for value in values {
                *value = ((f64::from(*value) + range.add) / range.divide) as f32;
            }
        }
    }
}

/// Raises all values to at least the greatest less `dynamic`.
fn raise(values: &mut [f32], dynamic: f64) {
    let greatest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let least = (f64::from(greatest) - dynamic) as f32;
    for value in values {
        *value = value.max(least);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_floored() {
        let spec = |log, power, floor_by| LogMel {
            log,
            power,
            floor_by,
            floor: 1e-3,
            ..LogMel::default()
        };
        let cases = [
            (Log::None, 2.0, FloorBy::Clamp, 0.0, 0.0),
            (Log::Natural, 2.0, FloorBy::Clamp, 0.0, 1e-3_f64.ln()),
            (Log::Log10, 2.0, FloorBy::Clamp, 100.0, 2.0),
            (Log::Log10, 2.0, FloorBy::Add, 0.999, 0.0),
            (Log::Decibel, 2.0, FloorBy::Clamp, 100.0, 20.0),
            (Log::Decibel, 1.0, FloorBy::Clamp, 100.0, 40.0),
        ];
        for (log, power, floor_by, energy, expected) in cases {
            let value = spec(log, power, floor_by).logarithm(energy);
            assert!((value - expected).abs() < 1e-12, "{log:?} {power} {floor_by:?}: {value}");
        }
    }

    #[test]
    fn whisper_keeps_eight_decades() {
        let range = ValueRange { dynamic: Some(8.0), add: 4.0, divide: 4.0 };
        let mut values = [2.0, -5.0, -10.0];
        LogMel { range: Some(range), ..LogMel::default() }.rescale(&mut values);
        assert_eq!(values, [1.5, -0.25, -0.5]);
    }

    #[test]
    fn top_db_raises_what_is_low() {
        let mut values = [-3.0, -90.0, -70.0];
        LogMel { top_db: Some(80.0), ..LogMel::default() }.rescale(&mut values);
        assert_eq!(values, [-3.0, -83.0, -70.0]);
    }
}
