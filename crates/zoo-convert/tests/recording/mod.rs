//! The recording of reference/generate.py and data/heard.py.

/// Half a second, 16,000 samples a second.
pub(crate) fn signal() -> Vec<f32> {
    let sample = |index: usize| {
        let t = index as f64 / 16_000.0;
        let phase = std::f64::consts::TAU * (150.0 * t + 100.0 * t * t);
        (0.4 * phase.sin() + 0.2 * (3.1 * phase + 0.5).sin()) as f32
    };
    (0..8000).map(sample).collect()
}
