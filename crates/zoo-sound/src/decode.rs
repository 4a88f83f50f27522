//! From a file to samples, within bounds.
//!
//! WAV is read in [`riff`]; other containers and codecs are symphonia's. What is done here is to
//! see which of them it is, to look at what symphonia would believe without looking
//! ([`container`]), and to keep to the limits while samples come ([`Mixer`]).

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::errors::Error as DecoderError;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::packet::Packet;
use symphonia::default::formats::{FlacReader, MpaReader, OggReader};

use crate::container::{self, Compressed, Container};
use crate::limits::MAX_BYTES;
use crate::mixer::Mixer;
use crate::{DecodeError, Error, Recording, riff};

/// Reads and decodes the recording in a file.
///
/// # Errors
///
/// [`Error::Read`] if the file cannot be read, [`Error::DecodeFile`] otherwise, as [`decode`].
pub fn decode_file(path: &Path) -> Result<Recording, Error> {
    let read = || {
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|source| Error::Read { path: path.to_owned(), source })?;
    decode(&bytes).map_err(|source| Error::DecodeFile { path: path.to_owned(), source })
}

/// Decodes a recording from memory: WAV (PCM of up to 32 bits, floats of 32 and 64), FLAC, MP3 and
/// OGG Vorbis. The channels become their mean.
///
/// A file that ends early gives what there is of it, except for FLAC, which says how long it is.
/// What encoders put before and behind the recording is cut off where the file says how much it is.
///
/// # Errors
///
/// As [`DecodeError`] lists them. Damage is an error as well, and not skipped as players do, where
/// it is noticed: what cannot be recognised as a frame of MP3, or a page of OGG, is passed over by
/// symphonia, and the recording is the shorter for it.
pub fn decode(bytes: &[u8]) -> Result<Recording, DecodeError> {
    if bytes.is_empty() {
        return Err(DecodeError::Empty);
    }
    if bytes.len() > MAX_BYTES {
        return Err(DecodeError::TooLarge);
    }
    let (container, bytes) = container::recognize(bytes)?;
    // Damaged files reach assertions and overflows in symphonia's decoders of Vorbis. Nothing
    // outlives the call, so nothing is left half done; the program's panic hook is called.
    let samples = match container {
        Container::Wav => riff::read(bytes)?,
        Container::Compressed(kind) => panic::catch_unwind(AssertUnwindSafe(|| read(kind, bytes)))
            .unwrap_or(Err(DecodeError::Failed))?,
    };
    samples.finish()
}

fn read(kind: Compressed, bytes: &[u8]) -> Result<Mixer, DecodeError> {
    let damaged = |source| classify(source, 0);
    let mut reader = open(kind, bytes).map_err(damaged)?;
    let track = reader
        .default_track(TrackType::Audio)
        .and_then(|track| Some((track, track.codec_params.as_ref()?.audio()?)));
    let Some((track, parameters)) = track else { return Err(DecodeError::NoSamples) };
    let (track, length) = (track.id, track.num_frames);
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default().verify(true))
        .map_err(damaged)?;
    let mut mixer = Mixer::default();
    let mut interleaved: Vec<f32> = Vec::new();
    while let Some(packet) = next(reader.as_mut(), mixer.samples.len())? {
        if packet.track_id != track {
            continue;
        }
        let decoded = match decoder.decode(&packet) {
            // The last packet of a file that ends early.
            Err(DecoderError::IoError(source)) if is_end(&source) => break,
            decoded => decoded.map_err(|source| classify(source, mixer.samples.len()))?,
        };
        decoded.copy_to_vec_interleaved(&mut interleaved);
        mixer.add(decoded.spec().rate(), decoded.spec().channels().count(), &interleaved)?;
    }
    let problem = if decoder.finalize().verify_ok == Some(false) {
        "the samples are not those that were written"
    } else if kind == Compressed::Flac && length > Some(mixer.samples.len() as u64) {
        "fewer samples than the header says"
    } else {
        return Ok(mixer);
    };
    Err(classify(DecoderError::DecodeError(problem), mixer.samples.len()))
}

fn open(kind: Compressed, bytes: &[u8]) -> Result<Box<dyn FormatReader + '_>, DecoderError> {
    let source = Box::new(Cursor::new(bytes));
    let stream = MediaSourceStream::new(source, MediaSourceStreamOptions::default());
    let options = FormatOptions::default();
    Ok(match kind {
        Compressed::Flac => Box::new(FlacReader::try_new(stream, options)?),
        Compressed::Ogg => Box::new(OggReader::try_new(stream, options)?),
        Compressed::Mp3 => Box::new(MpaReader::try_new(stream, options)?),
    })
}

/// The next packet, or `None` at the end, wherever that is.
fn next(reader: &mut dyn FormatReader, samples: usize) -> Result<Option<Packet>, DecodeError> {
    match reader.next_packet() {
        Err(DecoderError::IoError(source)) if is_end(&source) => Ok(None),
        packet => packet.map_err(|source| classify(source, samples)),
    }
}

fn is_end(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof
}

fn classify(source: DecoderError, samples: usize) -> DecodeError {
    match source {
        DecoderError::Unsupported(what) => DecodeError::Unsupported { what },
        DecoderError::ResetRequired => {
            DecodeError::Unsupported { what: "several recordings in one file" }
        }
        source => DecodeError::Malformed { samples, source },
    }
}
