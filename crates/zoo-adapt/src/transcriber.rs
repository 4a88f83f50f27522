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
        let mut scores = Vec::new();
        for piece in self.pieces(input.shape())? {
            let made = match piece.samples {
                Some(samples) => {
                    let values = &input.to_f32()[samples];
                    self.scores(&Tensor::from_f32(&[1, values.len()], values))?
                }
                None => self.scores(&input)?,
            };
            let letters = self.letters.len();
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

    /// The parts of an input of this shape that are heard one after the other.
    fn pieces(&self, shape: &[usize]) -> Result<Vec<Piece>> {
        let whole = || vec![Piece { samples: None, moments: 0..usize::MAX }];
        let window = WINDOW * self.rate;
        let &[1, samples] = shape else { return Ok(whole()) };
        if samples <= window {
            return Ok(whole());
        }
        let moments = |samples: usize| -> Result<usize> {
            let facts = self.executor.facts(&[vec![1, samples]])?;
            let fact = facts.get(&self.transcript.output);
            Ok(fact.and_then(|fact| fact.shape.get(1).copied()).unwrap_or(0))
        };
        let more = moments(2 * window)?.saturating_sub(moments(window)?);
        if more == 0 || !window.is_multiple_of(more) {
            return Ok(whole());
        }
        Ok(pieces(samples, window, MARGIN * self.rate, window / more))
    }
}

/// A part of a recording, and the moments in it that are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    /// All of them, where there are none.
    samples: Option<Range<usize>>,
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
        let samples = Some(first..samples.min(first + window));
        pieces.push(Piece { samples, moments: from..to });
        if is_last {
            break;
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use zoo_model::graph::TimeConv;
    use zoo_model::{Card, GraphBuilder, Weights};

    use super::*;

    /// Says A of what is loud above zero for 40 ms, B of what is below it.
    fn bundle() -> Bundle {
        let mut b = GraphBuilder::new();
        let x = b.input("waveform", &[None, None]);
        let x = b.unsqueeze(&x, 1);
        let x = b.with_channels(&x, 1);
        let conv =
            TimeConv { outputs: 4, kernel: 320, stride: 320, padding: 0, groups: 1, bias: true };
        let x = b.conv_over_time("conv", &x, conv);
        let letters = b.swap_time_and_channels(&x);
        let graph = b.finish(&[("letters", &letters)]).unwrap();
        let rows = [0.0, 1.0, -1.0, 0.0].into_iter().flat_map(|row| [row; 320]);
        let mut weights = Weights::new();
        weights.insert("conv.weight", Tensor::from_f32(&[4, 1, 320], &rows.collect::<Vec<_>>()));
        weights.insert("conv.bias", Tensor::from_f32(&[4], &[10.0, 0.0, 0.0, -1.0]));
        let mut card = Card::new("writer", "speech-recognition", "MIT");
        card.labels = ["-", "A", "B", "|"].map(str::to_owned).to_vec();
        card.sound = Some(Sound { rate: 8000, most_seconds: Some(30.0), ..Sound::default() });
        let output = "letters".to_owned();
        card.transcript =
            Some(Transcript { output, blank: 0, space: Some(3), unwritten: Vec::new() });
        Bundle::new(card, graph, weights)
    }

    /// So many letters, each of 80 ms of sound and 120 ms of silence, and what they are.
    fn recording(letters: usize) -> (Vec<f32>, String) {
        let is_a = |letter: usize| letter * letter % 7 < 3;
        let sample = |at: usize| match (at % 1600 < 640, is_a(at / 1600)) {
            (false, _) => 0.0,
            (true, true) => 0.5,
            (true, false) => -0.5,
        };
        let text = (0..letters).map(|letter| if is_a(letter) { 'A' } else { 'B' });
        ((0..letters * 1600).map(sample).collect(), text.collect())
    }

    #[test]
    fn all_of_a_recording_is_written_however_long_it_is() {
        let transcriber = Transcriber::new(&bundle(), Device::Cpu).unwrap().unwrap();
        let folder = tempfile::tempdir().unwrap();
        for letters in [1, 149, 150, 151, 400] {
            let (samples, text) = recording(letters);
            let path = folder.path().join("recording.wav");
            std::fs::write(&path, zoo_sound::to_wav(&samples, 8000)).unwrap();
            assert_eq!(transcriber.transcribe(&Content::File(path)).unwrap(), text, "{letters}");
        }
    }

    #[test]
    fn a_model_that_writes_nothing_is_none_and_one_that_cannot_is_refused() {
        let mut mute = bundle();
        mute.card.transcript = None;
        assert!(Transcriber::new(&mute, Device::Cpu).unwrap().is_none());
        let mut few = bundle();
        few.card.labels.truncate(2);
        let error = Transcriber::new(&few, Device::Cpu).err().unwrap().to_string();
        assert!(error.contains("no letter 3"), "{error}");
        let mut many = bundle();
        many.card.labels.push("C".to_owned());
        let transcriber = Transcriber::new(&many, Device::Cpu).unwrap().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording.wav");
        std::fs::write(&path, zoo_sound::to_wav(&recording(1).0, 8000)).unwrap();
        let error = transcriber.transcribe(&Content::File(path)).unwrap_err().to_string();
        assert!(error.contains("[1, 5, 4], not [1, time, 5]"), "{error}");
    }

    #[test]
    fn every_moment_is_kept_once() {
        for samples in [101, 150, 161, 999] {
            let (window, step) = (100, 5);
            let pieces = pieces(samples, window, 12, step);
            let mut next = 0;
            for piece in &pieces {
                let range = piece.samples.clone().unwrap();
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
