/// The least and the greatest sample of each of `columns` equal parts of time, for drawing a
/// waveform. With fewer samples than columns some samples are in several. No samples, no columns.
pub fn envelope(samples: &[f32], columns: usize) -> Vec<(f32, f32)> {
    if samples.is_empty() {
        return Vec::new();
    }
    let edge = |column: usize| (column as u128 * samples.len() as u128 / columns as u128) as usize;
    (0..columns)
        .map(|column| {
            let from = edge(column);
            let part = &samples[from..edge(column + 1).max(from + 1)];
            part.iter().fold((part[0], part[0]), |(least, greatest), &sample| {
                (least.min(sample), greatest.max(sample))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_hold_least_and_greatest() {
        let samples = [0.0, 1.0, -1.0, 0.5, 0.25, -0.5, 0.75];
        assert_eq!(envelope(&samples, 2), [(-1.0, 1.0), (-0.5, 0.75)]);
        assert_eq!(envelope(&samples, 1), [(-1.0, 1.0)]);
    }

    #[test]
    fn every_sample_is_in_a_column() {
        let samples: Vec<f32> = (0..1000).map(|i| i as f32).collect();
        let columns = envelope(&samples, 7);
        assert_eq!((columns[0].0, columns[6].1), (0.0, 999.0));
        for pair in columns.windows(2) {
            assert_eq!(pair[0].1 + 1.0, pair[1].0);
        }
    }

    #[test]
    fn few_samples_fill_many_columns() {
        let expected = [(3.0, 3.0), (3.0, 3.0), (4.0, 4.0), (4.0, 4.0)];
        assert_eq!(envelope(&[3.0, 4.0], 4), expected);
        assert_eq!(envelope(&[], 4), []);
        assert_eq!(envelope(&[1.0], 0), []);
    }
}
