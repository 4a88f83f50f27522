use super::{LogMel, MelNorm};
use crate::Error;

/// Mel filters: triangles over the frequencies of a Fourier transform, of each only the part that
/// is not zero.
#[derive(Clone, Debug)]
pub(crate) struct Bank {
    filters: Vec<Filter>,
}

#[derive(Clone, Debug)]
struct Filter {
    /// The first frequency with a weight.
    first: usize,
    weights: Vec<f64>,
}

impl Bank {
    /// Filters as librosa's `filters.mel` and torchaudio's `melscale_fbanks` make them: band `i`
    /// rises from corner `i` to corner `i + 1` and falls to corner `i + 2` of `mels + 2` corners,
    /// equally spaced in mel from `low` to `high`. Frequencies are exact, `i * rate / fft`;
    /// torchaudio's differ from that by up to `i / (fft / 2)` Hz where rate or `fft` is odd.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyBand`], unless the card allows it.
    pub(crate) fn new(spec: &LogMel, rate: u32) -> Result<Self, Error> {
        let (mels, fft) = (spec.mels as usize, f64::from(spec.fft));
        let low = spec.scale.mel(spec.low);
        let high = spec.scale.mel(spec.highest(rate));
        let corner = |i: usize| spec.scale.hz(low + (high - low) * i as f64 / (mels + 1) as f64);
        let spacing = f64::from(rate) / fft;
        let last = spec.fft as usize / 2;
        let filters = (0..mels).map(|band| {
            let [from, peak, to] = [corner(band), corner(band + 1), corner(band + 2)];
            let height = match spec.norm {
                MelNorm::None => 1.0,
                MelNorm::Slaney => 2.0 / (to - from),
            };
            let weight = |i: usize| {
                let hz = i as f64 * spacing;
                let rising = (hz - from) / (peak - from);
                let falling = (to - hz) / (to - peak);
                height * rising.min(falling).max(0.0)
            };
            let mut first = (from / spacing).floor() as usize;
            let end = ((to / spacing).ceil() as usize).min(last);
            let mut weights: Vec<f64> = (first..=end).map(weight).collect();
            let zeros = weights.iter().take_while(|&&weight| weight == 0.0).count();
            weights.drain(..zeros);
            first += zeros;
            while weights.pop_if(|weight| *weight == 0.0).is_some() {}
            if weights.is_empty() && !spec.empty_bands {
                return Err(Error::EmptyBand { band, low: from, high: to, fft: spec.fft });
            }
            Ok(Filter { first, weights })
        });
        Ok(Self { filters: filters.collect::<Result<_, _>>()? })
    }

    /// The energy of each band, low bands first, of the magnitudes (to a power) of `fft / 2 + 1`
    /// frequencies.
    pub(crate) fn bands(&self, spectrum: &[f64]) -> impl Iterator<Item = f64> {
        self.filters.iter().map(move |filter| {
            // An empty filter may begin behind the last frequency.
            let frequencies = spectrum.get(filter.first..).unwrap_or_default();
            filter.weights.iter().zip(frequencies).map(|(weight, x)| weight * x).sum()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MelScale;

    #[test]
    fn filters_are_triangles() {
        let spec = LogMel {
            fft: 64,
            mels: 2,
            high: Some(600.0),
            scale: MelScale::Slaney,
            ..LogMel::default()
        };
        let bank = Bank::new(&spec, 3200).unwrap();
        // Corners 0, 200, 400, 600 Hz; a frequency every 50 Hz.
        assert_eq!(bank.filters[0].first, 1);
        for (weight, expected) in
            bank.filters[0].weights.iter().zip([0.25, 0.5, 0.75, 1.0, 0.75, 0.5, 0.25])
        {
            assert!((weight - expected).abs() < 1e-12, "{weight}");
        }
        let flat = vec![1.0; 33];
        for energy in bank.bands(&flat) {
            assert!((energy - 4.0).abs() < 1e-12, "{energy}");
        }
    }

    #[test]
    fn slaney_norm_gives_area_one() {
        let spec = LogMel { fft: 4096, norm: MelNorm::Slaney, ..LogMel::default() };
        let flat = vec![1.0; 2049];
        for energy in Bank::new(&spec, 16_000).unwrap().bands(&flat) {
            let area = energy * 16_000.0 / 4096.0;
            assert!((area - 1.0).abs() < 0.01, "{area}");
        }
    }

    /// torchaudio's defaults, over which it warns.
    #[test]
    fn an_empty_band_is_named() {
        let mut spec = LogMel { fft: 400, mels: 128, ..LogMel::default() };
        let error = Bank::new(&spec, 16_000).unwrap_err();
        let Error::EmptyBand { band, low, high, fft: 400 } = error else { panic!("{error}") };
        assert!(band < 10 && high - low < 40.0, "{band}: {low} to {high}");
        spec.empty_bands = true;
        let energies: Vec<f64> = Bank::new(&spec, 16_000).unwrap().bands(&[1.0; 201]).collect();
        assert_eq!((energies.len(), energies[band]), (128, 0.0));
    }
}
