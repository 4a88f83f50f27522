/// A WAV file: PCM, 16 bits, one channel. Samples are rounded, and cut off at full scale; a
/// sample that is not a number becomes 0. What [`decode`](crate::decode) read from 16 bits comes
/// out as it was.
///
/// A WAV file ends at 4 GiB, so no more than the first 2,147,483,629 samples are written.
pub fn to_wav(samples: &[f32], rate: u32) -> Vec<u8> {
    const HEADER: usize = 44;
    let samples = &samples[..samples.len().min((u32::MAX as usize - HEADER) / 2)];
    let bytes = 2 * samples.len() as u32;
    let mut wav = Vec::with_capacity(HEADER + bytes as usize);
    wav.extend(b"RIFF");
    wav.extend((HEADER as u32 - 8 + bytes).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16_u32.to_le_bytes());
    wav.extend(1_u16.to_le_bytes()); // PCM
    wav.extend(1_u16.to_le_bytes()); // channels
    wav.extend(rate.to_le_bytes());
    wav.extend(rate.saturating_mul(2).to_le_bytes()); // bytes a second
    wav.extend(2_u16.to_le_bytes()); // bytes a sample of all channels
    wav.extend(16_u16.to_le_bytes()); // bits
    wav.extend(b"data");
    wav.extend(bytes.to_le_bytes());
    for sample in samples {
        // The cast cuts off at the ends of 16 bits and turns NaN into 0.
        wav.extend(((sample * 32768.0).round() as i16).to_le_bytes());
    }
    wav
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode;

    #[test]
    fn all_values_of_16_bits_come_back() {
        let samples: Vec<f32> =
            (i16::MIN..=i16::MAX).map(|value| f32::from(value) / 32768.0).collect();
        let recording = decode(&to_wav(&samples, 22_050)).unwrap();
        assert_eq!((recording.rate, recording.channels), (22_050, 1));
        assert_eq!(recording.samples, samples);
    }

    #[test]
    fn what_does_not_fit_is_cut_off() {
        let wav = to_wav(&[1.0, -7.0, f32::NAN, 1.4 / 32768.0, -1.6 / 32768.0], 8000);
        let values: Vec<i16> =
            wav[44..].chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
        assert_eq!(values, [32767, -32768, 0, 1, -2]);
    }
}
