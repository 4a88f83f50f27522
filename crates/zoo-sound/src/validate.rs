//! Checks of a preprocessing before it is used: cards come from strangers.

use crate::limits::{MAX_FFT, MAX_MELS, MAX_PARTS, MAX_SAMPLES, RATES};
use crate::mel::Bank;
use crate::{Error, Frames, FrontEnd, Log, LogMel, LogMelStatistics, Mfcc, Sound};

impl Sound {
    /// Checks that every recording can be preprocessed like this, but for very long ones.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] names the first field that is wrong; [`Error::EmptyBand`] the first mel
    /// band in which no frequency lies.
    pub fn validate(&self) -> Result<(), Error> {
        self.check_fields()?;
        self.front_end.mel().map_or(Ok(()), |mel| Bank::new(mel, self.rate).map(drop))
    }

    /// Everything but the filter bank.
    pub(crate) fn check_fields(&self) -> Result<(), Error> {
        if !RATES.contains(&self.rate) {
            let problem =
                format!("is {} Hz ({} to {} allowed)", self.rate, RATES.start(), RATES.end());
            return Err(invalid("rate", problem));
        }
        let lengths = [
            ("seconds", self.seconds),
            ("least_seconds", self.least_seconds),
            ("most_seconds", self.most_seconds),
        ];
        for (field, seconds) in lengths {
            let Some(seconds) = seconds else { continue };
            let samples = (seconds * f64::from(self.rate)).round();
            if !(samples >= 1.0 && samples <= MAX_SAMPLES as f64) {
                let problem = format!(
                    "is {seconds}, which is {samples} samples (1 to {MAX_SAMPLES} allowed)"
                );
                return Err(invalid(field, problem));
            }
            if field != "seconds" && self.seconds.is_some() {
                let problem = "is for inputs of any length, `seconds` fixes theirs".to_owned();
                return Err(invalid(field, problem));
            }
        }
        let (least, most) = self.bounds();
        if least > most {
            let problem = format!("are {least} and {most} samples, which no length is between");
            return Err(invalid("least_seconds, most_seconds", problem));
        }
        match &self.front_end {
            FrontEnd::Waveform {} | FrontEnd::LogMel(_) => {}
            FrontEnd::Frames(frames) => check_frames(frames)?,
            FrontEnd::Mfcc(Mfcc { coefficients, mel }) => {
                check_size("coefficients", *coefficients, 1, mel.mels)?;
            }
            FrontEnd::LogMelStatistics(LogMelStatistics { parts, .. }) => {
                check_size("parts", *parts, 1, MAX_PARTS)?;
            }
        }
        self.front_end.mel().map_or(Ok(()), |mel| check_mel(mel, self.rate))
    }
}

fn check_frames(frames: &Frames) -> Result<(), Error> {
    // The deviation of one sample is none.
    check_size("length", frames.length, if frames.normalise { 2 } else { 1 }, MAX_FFT)?;
    check_size("hop", frames.hop, 1, MAX_FFT)
}

fn check_mel(mel: &LogMel, rate: u32) -> Result<(), Error> {
    check_size("fft", mel.fft, 2, MAX_FFT)?;
    check_size("hop", mel.hop, 1, mel.fft)?;
    check_size("window", mel.window_length(), 1, mel.fft)?;
    check_size("mels", mel.mels, 1, MAX_MELS)?;
    let half = f64::from(rate) / 2.0;
    let (low, high) = (mel.low, mel.highest(rate));
    if !(low >= 0.0 && low < high && high <= half) {
        let problem = format!("are {low} and {high} Hz (0 <= low < high <= {half} allowed)");
        return Err(invalid("low, high", problem));
    }
    if mel.power != 1.0 && mel.power != 2.0 {
        return Err(invalid("power", format!("is {} (1 or 2 allowed)", mel.power)));
    }
    // Subnormal numbers are out: sums with them depend on the processor's settings.
    if mel.log != Log::None && !(f64::MIN_POSITIVE..=1e30).contains(&mel.floor) {
        return Err(invalid("floor", format!("is {} (above 0 to 1e30 allowed)", mel.floor)));
    }
    if let Some(top) = mel.top_db {
        if mel.log != Log::Decibel {
            return Err(invalid("top_db", "is for `log = \"decibel\"` only".to_owned()));
        }
        check_number("top_db", top, 0.0)?;
    }
    if let Some(range) = &mel.range {
        if let Some(dynamic) = range.dynamic {
            check_number("range.dynamic", dynamic, 0.0)?;
        }
        check_number("range.add", range.add, -1e30)?;
        check_number("range.divide", range.divide, 1e-30)?;
    }
    Ok(())
}

fn check_size(field: &'static str, size: u32, least: u32, most: u32) -> Result<(), Error> {
    if (least..=most).contains(&size) {
        return Ok(());
    }
    Err(invalid(field, format!("is {size} ({least} to {most} allowed)")))
}

fn check_number(field: &'static str, number: f64, least: f64) -> Result<(), Error> {
    if (least..=1e30).contains(&number) {
        return Ok(());
    }
    Err(invalid(field, format!("is {number} ({least} to 1e30 allowed)")))
}

fn invalid(field: &'static str, problem: String) -> Error {
    Error::Invalid { field, problem }
}
