/// A decoded recording: one channel of samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// Samples a second, in Hz.
    pub rate: u32,
    /// How many channels the file has. `samples` is their mean.
    pub channels: usize,
    /// The samples, full scale being 1: sample `value` of a 16-bit file is `value / 32768`.
    pub samples: Vec<f32>,
}

impl Recording {
    /// Length in seconds.
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.rate.max(1))
    }
}
