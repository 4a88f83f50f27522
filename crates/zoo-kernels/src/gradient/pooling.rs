use rayon::prelude::*;

use super::Geometry;

/// What a maximum pool made, and of which place of its window.
#[derive(Debug, Clone)]
pub struct Maxima {
    /// The largest number of each window, channels last.
    pub numbers: Vec<f32>,
    /// Its place in the window: the first one, if several are as large.
    pub taps: Vec<u8>,
}

impl Geometry {
    /// The largest number of each window, channel by channel; padding never is, and a
    /// window that sees nothing else gives minus infinity. A window that holds something that is
    /// no number gives that.
    ///
    /// # Panics
    /// Where the length does not fit, channels and outputs differ, or a window has more than 256
    /// places.
    pub fn maxima(&self, input: &[f32]) -> Maxima {
        assert_eq!(input.len(), self.input_len(), "the input's length");
        assert_eq!(self.channels, self.outputs, "channels");
        assert!(self.window.taps() <= 256, "places of the window");
        let (channels, [height, width]) = (self.channels, self.size);
        let (mut numbers, mut taps) = (vec![0.0; self.output_len()], vec![0; self.output_len()]);
        let line = (self.out_size[1] * channels).max(1);
        let lines = numbers.par_chunks_mut(line).zip(taps.par_chunks_mut(line)).enumerate();
        lines.for_each(|(index, (numbers, taps))| {
            let (image, y) = (index / self.out_size[0], index % self.out_size[0]);
            let pixels = numbers.chunks_mut(channels).zip(taps.chunks_mut(channels)).enumerate();
            for (x, (best, taps)) in pixels {
                let mut first = true;
                for (tap, place) in self.places(y, x) {
                    let at = ((image * height + place[0]) * width + place[1]) * channels;
                    let from = &input[at..][..channels];
                    if first {
                        best.copy_from_slice(from);
                        taps.fill(tap as u8);
                        first = false;
                        continue;
                    }
                    for ((best, found), &number) in best.iter_mut().zip(taps.iter_mut()).zip(from) {
                        let larger = number > *best || number.is_nan();
                        *best = if larger { number } else { *best };
                        *found = if larger { tap as u8 } else { *found };
                    }
                }
                if first {
                    best.fill(f32::NEG_INFINITY);
                }
            }
        });
        Maxima { numbers, taps }
    }

    /// The gradient of what [`Self::maxima`] took: that of each output goes where it came from.
    ///
    /// # Panics
    /// Where lengths do not fit.
    pub fn maxima_gradient(&self, taps: &[u8], gradient: &[f32]) -> Vec<f32> {
        assert_eq!(gradient.len(), self.output_len(), "the gradient's length");
        assert_eq!(taps.len(), gradient.len(), "the places' length");
        let (channels, [height, width]) = (self.channels, self.size);
        let [out_height, out_width] = self.out_size;
        let mut made = vec![0.0; self.input_len()];
        // Windows overlap, so an image is one thread's.
        let images = made.par_chunks_mut((height * width * channels).max(1)).enumerate();
        images.for_each(|(image, made)| {
            for pixel in 0..out_height * out_width {
                let (y, x) = (pixel / out_width, pixel % out_width);
                let from = (image * out_height * out_width + pixel) * channels;
                let (taps, gradient) = (&taps[from..][..channels], &gradient[from..][..channels]);
                for (tap, place) in self.places(y, x) {
                    let to = &mut made[(place[0] * width + place[1]) * channels..][..channels];
                    for ((to, &found), &number) in to.iter_mut().zip(taps).zip(gradient) {
                        *to += if usize::from(found) == tap { number } else { 0.0 };
                    }
                }
            }
        });
        made
    }

    /// The places of the window that makes output `y`, `x`, and where they lie inside the input.
    fn places(&self, y: usize, x: usize) -> impl Iterator<Item = (usize, [usize; 2])> {
        let window = self.window;
        let [height, width] = self.size;
        (0..window.taps()).filter_map(move |tap| {
            let (row, column) = (tap / window.kernel[1], tap % window.kernel[1]);
            let y = window.place(0, y, row, height)?;
            let x = window.place(1, x, column, width)?;
            Some((tap, [y, x]))
        })
    }
}
