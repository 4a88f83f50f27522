//! A name for a preprocessing that two cards share exactly when it is the same.

use serde::Serialize;

use crate::{FrontEnd, LogMel, LogMelStatistics, Mfcc, Sound};

/// Counts changes to this crate that change its output, so that features cached by an older
/// version are not taken for those of a newer one.
const REVISION: u32 = 1;

#[derive(Serialize)]
struct Canonical<'a> {
    revision: u32,
    sound: &'a Sound,
}

impl Sound {
    /// JSON of everything that has a part in the numbers, defaults filled in, in one order and
    /// without whitespace: what a cache's key is to be made of. Fields without a value are left
    /// out.
    pub fn digest_input(&self) -> String {
        let mut sound = self.clone();
        match &mut sound.front_end {
            FrontEnd::Waveform {} | FrontEnd::Frames(_) => {}
            FrontEnd::LogMel(mel)
            | FrontEnd::Mfcc(Mfcc { mel, .. })
            | FrontEnd::LogMelStatistics(LogMelStatistics { mel, .. }) => fill(mel, self.rate),
        }
        // Structs are written field by field, not through a map of `serde_json`, whose order
        // depends on whether any crate of the build turns on `preserve_order`.
        serde_json::to_string(&Canonical { revision: REVISION, sound: &sound })
            .expect("structs of numbers and names are always JSON")
    }
}

/// Replaces what was left out by what it stands for.
fn fill(mel: &mut LogMel, rate: u32) {
    mel.window = Some(mel.window_length());
    mel.high = Some(mel.highest(rate));
}
