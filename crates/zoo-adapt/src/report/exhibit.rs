//! An example on a page: a picture to see, a text to read, a recording to hear.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zoo_model::Kind;

use super::html::Html;
use crate::dataset::Content;
use crate::features::MAX_BYTES;
use crate::thumbnail;

/// What a page shows of an example.
#[derive(Debug, Clone, PartialEq)]
pub enum Exhibit {
    /// A small picture as a PNG file, about 160 pixels wide.
    Picture(Vec<u8>),
    /// The beginning of a text.
    Text(String),
    /// The beginning of a recording.
    Sound {
        /// As a WAV file.
        wav: Vec<u8>,
        /// The lowest and the highest sample, from -1 to 1, of each of equal parts.
        envelope: Vec<(f32, f32)>,
    },
    /// Nothing: it could not be read any more.
    Nothing,
}

/// As much of a text is shown.
const MAX_CHARACTERS: usize = 600;
/// As much of a recording is heard, at most at this rate: a page with two dozen stays below some
/// megabytes.
const MAX_SECONDS: usize = 5;
const MAX_RATE: u32 = 16_000;
/// The parts that a waveform is drawn in.
const COLUMNS: usize = 120;

impl Exhibit {
    pub(crate) fn of(kind: Kind, content: &Content) -> Self {
        let Ok(bytes) = content.read(MAX_BYTES) else { return Self::Nothing };
        match kind {
            Kind::Picture => thumbnail::png(&bytes).map_or(Self::Nothing, Self::Picture),
            Kind::Text => {
                let text = String::from_utf8_lossy(&bytes);
                let mut shown: String = text.chars().take(MAX_CHARACTERS).collect();
                if shown.len() < text.len() {
                    shown.push('…');
                }
                Self::Text(shown)
            }
            Kind::Sound => Self::sound(&bytes).unwrap_or(Self::Nothing),
        }
    }

    fn sound(bytes: &[u8]) -> Option<Self> {
        let recording = zoo_sound::decode(bytes).ok()?;
        let rate = recording.rate.min(MAX_RATE);
        let most = MAX_SECONDS * recording.rate as usize;
        let heard = &recording.samples[..recording.samples.len().min(most)];
        let samples = zoo_sound::resample(heard, recording.rate, rate).ok()?;
        let envelope = zoo_sound::envelope(&samples, COLUMNS);
        Some(Self::Sound { wav: zoo_sound::to_wav(&samples, rate), envelope })
    }

    pub(super) fn write(&self, html: &mut Html) {
        match self {
            Self::Picture(png) => {
                html.raw("<div class=\"thumbnail\"><img alt=\"\" src=\"data:image/png;base64,");
                html.raw(&STANDARD.encode(png)).raw("\"></div>");
            }
            Self::Text(text) => {
                html.raw("<blockquote class=\"excerpt\">").text(text).raw("</blockquote>");
            }
            Self::Sound { wav, envelope } => {
                waveform(html, envelope);
                html.raw("<audio controls preload=\"none\" src=\"data:audio/wav;base64,");
                html.raw(&STANDARD.encode(wav)).raw("\"></audio>");
            }
            Self::Nothing => {
                html.raw("<div class=\"thumbnail\"><span class=\"note\">not shown</span></div>");
            }
        }
    }
}

/// The envelope as one shape, mirrored about the middle where it is.
fn waveform(html: &mut Html, envelope: &[(f32, f32)]) {
    let width = envelope.len();
    html.raw("<svg class=\"waveform\" viewBox=\"0 0 ").number(width);
    html.raw(" 40\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><path d=\"");
    for (column, (low, high)) in envelope.iter().enumerate() {
        let [top, bottom] = [high, low].map(|value| 20.0 - 19.0 * value.clamp(-1.0, 1.0));
        html.raw("M").number(column).raw(" ").number(format!("{top:.1}"));
        html.raw("h1V").number(format!("{:.1}", bottom.max(top + 0.4))).raw("h-1z");
    }
    html.raw("\"/></svg>");
}
