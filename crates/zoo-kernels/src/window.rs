use std::ops::Range;

/// A window that slides over the height and width of images, as convolutions and pools have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Its height and width.
    pub kernel: [usize; 2],
    /// Its steps downwards and to the right.
    pub stride: [usize; 2],
    /// From one of its places to the next, downwards and to the right.
    pub dilation: [usize; 2],
    /// What is missing above and to the left of the images. Windows may also hang over at the
    /// bottom and to the right.
    pub padding: [usize; 2],
}

impl Window {
    /// One place, moved pixel by pixel.
    pub const POINT: Self =
        Self { kernel: [1; 2], stride: [1; 2], dilation: [1; 2], padding: [0; 2] };

    /// Checks that no sum of its lengths can overflow.
    ///
    /// # Panics
    /// Where a length is zero or beyond 2^20, or padding beyond 2^21.
    pub(crate) fn check(&self) {
        const MOST: usize = 1 << 20;
        let lengths = [self.kernel, self.stride, self.dilation];
        let sane = lengths.as_flattened().iter().all(|length| (1..=MOST).contains(length));
        assert!(sane && self.padding.iter().all(|&zeros| zeros <= 2 * MOST), "{self:?}");
    }

    /// How many places it has.
    pub fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Where, along `axis` of length `length`, its place `tap` lies when it makes output
    /// `position`; `None` in the padding.
    #[inline]
    pub(crate) fn place(
        &self,
        axis: usize,
        position: usize,
        tap: usize,
        length: usize,
    ) -> Option<usize> {
        let place = position * self.stride[axis] + tap * self.dilation[axis];
        place.checked_sub(self.padding[axis]).filter(|&place| place < length)
    }

    /// Which of its places along `axis` lie inside when it makes output `position`.
    pub(crate) fn inside(&self, axis: usize, position: usize, length: usize) -> Range<usize> {
        let (first, step) = (position * self.stride[axis], self.dilation[axis]);
        let begin = self.padding[axis].saturating_sub(first).div_ceil(step);
        let end = (length + self.padding[axis]).saturating_sub(first).div_ceil(step);
        let end = end.min(self.kernel[axis]);
        begin.min(end)..end
    }

    /// The output positions along `axis` for which all of its places lie inside.
    pub(crate) fn interior(&self, axis: usize, length: usize, outputs: usize) -> Range<usize> {
        let reach = (self.kernel[axis] - 1) * self.dilation[axis];
        let begin = self.padding[axis].div_ceil(self.stride[axis]).min(outputs);
        let end = match (length + self.padding[axis]).checked_sub(reach + 1) {
            Some(last) => (last / self.stride[axis] + 1).min(outputs),
            None => 0,
        };
        begin..end.max(begin)
    }
}

#[cfg(test)]
mod tests {
    use super::Window;

    #[test]
    fn what_is_inside_is_where_places_are() {
        for kernel in 1..5 {
            for (stride, dilation, padding) in
                [(1, 1, 0), (1, 1, 1), (2, 1, 2), (3, 2, 3), (1, 3, 4)]
            {
                for length in 1..9 {
                    let window = Window {
                        kernel: [kernel; 2],
                        stride: [stride; 2],
                        dilation: [dilation; 2],
                        padding: [padding; 2],
                    };
                    let interior = window.interior(1, length, 12);
                    for position in 0..12 {
                        let taps: Vec<usize> = (0..kernel)
                            .filter(|&tap| window.place(1, position, tap, length).is_some())
                            .collect();
                        let range = window.inside(1, position, length);
                        assert_eq!(
                            range.clone().collect::<Vec<_>>(),
                            taps,
                            "{window:?} {position}"
                        );
                        assert_eq!(interior.contains(&position), taps.len() == kernel);
                    }
                }
            }
        }
    }
}
