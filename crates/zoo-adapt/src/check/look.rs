//! The look at one example.

use zoo_model::{Reader, preprocess, reader};

use super::Flaw;

/// The share of samples at full scale above which a recording counts as clipped.
const CLIPPED: f32 = 0.001;

/// What is odd about the example with these bytes, of which `known` says whether it was read
/// without a fault before; or why it cannot be used.
pub(crate) fn look(
    reader: &Reader,
    bytes: &[u8],
    known: impl FnOnce() -> bool,
) -> Result<Vec<Flaw>, String> {
    match reader {
        Reader::Picture(_) => {
            if known() {
                return Ok(Vec::new());
            }
            preprocess::decode_bytes(bytes).map_err(|error| crate::chain(&error))?;
            Ok(Vec::new())
        }
        Reader::Text(encoder, _) => {
            let text = reader::text_of(bytes).map_err(|error| crate::chain(&error))?;
            if text.trim().is_empty() {
                return Err("the text is empty".to_owned());
            }
            let encoded = encoder.encode(text).map_err(|error| crate::chain(&error))?;
            let flaws = [
                (encoded.ids.is_empty(), Flaw::NoKnownWord),
                (encoded.truncated > 0, Flaw::CutOff),
            ];
            Ok(flaws.into_iter().filter(|(holds, _)| *holds).map(|(_, flaw)| flaw).collect())
        }
        Reader::Sound(_) => {
            let recording = zoo_sound::decode(bytes).map_err(|error| crate::chain(&error))?;
            let found = zoo_sound::inspect(&recording);
            let flaws = [(found.silent, Flaw::Silent), (found.clipped > CLIPPED, Flaw::Clipped)];
            Ok(flaws.into_iter().filter(|(holds, _)| *holds).map(|(_, flaw)| flaw).collect())
        }
    }
}
