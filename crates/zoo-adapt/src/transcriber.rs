//! A model that writes down what is said in a recording.

use std::ops::Range;
use std::path::Path;

use zoo_model::bundle::Transcript;
use zoo_model::{Bundle, Device, Executor, Kind, Reader, Tensor};
use zoo_sound::Sound;

use crate::Result;
use crate::dataset::Content;

/// Seconds that are heard at once: attention takes memory by the square of them.
const WINDOW: usize = 30;
/// Seconds at the inner ends of a window that only help to hear what is between.
const MARGIN: usize = 3;

/// A model that writes, ready to run.
pub struct Transcriber {
    executor: Executor,
    reader: Reader,
    rate: usize,
    transcript: Transcript,
    letters: Vec<String>,
}

impl Transcriber {
    /// The one in `bundle`, on `device`; `None` where the model writes nothing.
    ///
    /// Fails where what its card says of that does not fit it.
    pub fn new(bundle: &Bundle, device: Device) -> Result<Option<Self>> {
        let card = &bundle.card;
        let (Some(transcript), Some(sound)) = (&card.transcript, &card.sound) else {
            return Ok(None);
        };
        transcript.check(&bundle.graph, card.labels.len())?;
        // However long a recording is, all of it is written.
        let sound = Sound { most_seconds: None, ..sound.clone() };
        let reader = Reader::Sound(Box::new(sound.prepare().map_err(zoo_model::Error::from)?));
        let graph = bundle.graph.until(&transcript.output);
        let executor = Executor::new(graph, &bundle.weights, &device)?;
        let (transcript, letters) = (transcript.clone(), card.labels.clone());
        Ok(Some(Self { executor, reader, rate: sound.rate as usize, transcript, letters }))
    }

    /// What it takes: recordings.
    pub fn kind(&self) -> Kind {
        self.reader.kind()
    }

    /// What is said in a recording, by the likeliest letter of each moment.
    ///
    /// Fails where it cannot be read, and where the model makes something else than a score for each
    /// letter.
    pub fn transcribe(&self, content: &Content) -> Result<String> {
        let name = || content.path().unwrap_or(Path::new("the recording")).display().to_string();
        let mut inputs = content.inputs(&self.reader, self.executor.graph(), name)?;
        let input = inputs.remove(0);
        let pieces = self.pieces(input.shape())?;
        if pieces.is_empty() {
            return Ok(self.transcript.greedy(&self.scores(&input)?, &self.letters));
        }
        let (samples, letters) = (input.to_f32(), self.letters.len());
        let mut scores = Vec::new();
        for piece in pieces {
            let samples = &samples[piece.samples];
            let made = self.scores(&Tensor::from_f32(&[1, samples.len()], samples))?;
            let end = piece.moments.end.min(made.len() / letters);
            scores.extend(&made[piece.moments.start.min(end) * letters..end * letters]);
        }
        Ok(self.transcript.greedy(&scores, &self.letters))
    }

    /// A score for each letter at each moment.
    fn scores(&self, input: &Tensor) -> Result<Vec<f32>> {
        let made = self.executor.infer(std::slice::from_ref(input))?.remove(0);
        match made.shape() {
            [1, _, letters] if *letters == self.letters.len() => Ok(made.to_f32()),
            other => Err(zoo_model::Error::Transcript {
                problem: format!(
                    "`{}` is {other:?}, not [1, time, {}]",
                    self.transcript.output,
                    self.letters.len()
                ),
            }
            .into()),
        }
    }

    /// The parts of an input of this shape that are heard one after the other; none where it is heard
    /// as a whole.
    fn pieces(&self, shape: &[usize]) -> Result<Vec<Piece>> {
        let window = WINDOW * self.rate;
        let samples = match *shape {
            [1, samples] if samples > window => samples,
            _ => return Ok(Vec::new()),
        };
        let moments = |samples: usize| -> Result<usize> {
            let facts = self.executor.facts(&[vec![1, samples]])?;
            let fact = facts.get(&self.transcript.output);
            Ok(fact.and_then(|fact| fact.shape.get(1).copied()).unwrap_or(0))
        };
        let more = moments(2 * window)?.saturating_sub(moments(window)?);
        if more == 0 || !window.is_multiple_of(more) {
            return Ok(Vec::new());
        }
        Ok(pieces(samples, window, MARGIN * self.rate, window / more))
    }
}

/// A part of a recording, and the moments in it that are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    samples: Range<usize>,
    moments: Range<usize>,
}

/// Windows over `samples`, more than one window, that overlap by twice `margin`; there are `step`
/// samples from one moment to the next. Every moment is kept of one window.
fn pieces(samples: usize, window: usize, margin: usize, step: usize) -> Vec<Piece> {
    let margin = margin / step;
    let hop = (window / step).saturating_sub(2 * margin).max(1);
    let mut pieces = Vec::new();
    for start in (0..).step_by(hop) {
        let first = start * step;
        let is_last = first + window >= samples;
        let from = if start == 0 { 0 } else { margin };
        let to = if is_last { usize::MAX } else { margin + hop };
        let samples = first..samples.min(first + window);
        pieces.push(Piece { samples, moments: from..to });
        if is_last {
            break;
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_moment_is_kept_once() {
        for samples in [101, 150, 161, 999] {
            let (window, step) = (100, 5);
            let pieces = pieces(samples, window, 12, step);
            let mut next = 0;
            for piece in &pieces {
                let range = piece.samples.clone();
                assert!(range.len() <= window && range.end <= samples && range.start % step == 0);
                let end = piece.moments.end.min(range.len() / step);
                let first = range.start / step;
                assert_eq!(first + piece.moments.start, next, "{pieces:?}");
                next = first + end;
            }
            assert_eq!(next, samples / step, "{pieces:?}");
        }
    }
}
