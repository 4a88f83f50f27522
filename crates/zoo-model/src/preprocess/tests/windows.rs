//! A window of a resized image is computed alone; it must equal that window of the whole.

use super::patterned;
use crate::preprocess::resize::{copy_window, resize_window};
use crate::preprocess::{Filter, Pixels, Preprocess, Resize};

const FILTERS: [Filter; 5] =
    [Filter::Nearest, Filter::Box, Filter::Bilinear, Filter::Bicubic, Filter::Lanczos];

#[test]
fn a_window_equals_the_window_of_the_whole() {
    for (case, (height, width)) in (1..=20).flat_map(|h| (1..=20).map(move |w| (h, w))).enumerate()
    {
        let image = patterned(height, width, if case % 2 == 0 { 1 } else { 3 });
        for filter in FILTERS {
            let target = [1 + case * 7 % 23, 1 + case * 5 % 19];
            let antialias = case % 3 != 0;
            let whole =
                resize_window(&image, target, 0..target[0], 0..target[1], filter, antialias);
            let rows = case % target[0]..target[0];
            let columns = 0..1 + case % target[1];
            let window =
                resize_window(&image, target, rows.clone(), columns.clone(), filter, antialias);
            assert_eq!(window, copy_window(&whole, rows, columns));
        }
    }
}

#[test]
fn cropping_equals_resizing_and_then_cropping() {
    for (height, width) in (1..=20).flat_map(|h| (1..=20).map(move |w| (h, w))) {
        let image = patterned(height, width, 3);
        for filter in FILTERS {
            let resized =
                Preprocess { resize: Some(Resize::Shorter(9)), filter, ..Preprocess::default() };
            let crop = Some([4 + height as u32 % 9, 4 + width as u32 % 9]);
            let both = Preprocess { crop, ..resized.clone() };
            let only_crop = Preprocess { crop, ..Preprocess::default() };
            let whole = resized.apply(&image).unwrap();
            let [_, h, w] = whole.shape;
            let bytes = (0..h * w)
                .flat_map(|at| [0, 1, 2].map(|channel| whole.values[channel * h * w + at]));
            let bytes = bytes.map(|value| (value * 255.0).round() as u8).collect();
            let whole = Pixels::new(h, w, 3, bytes).unwrap();
            assert_eq!(both.apply(&image).unwrap(), only_crop.apply(&whole).unwrap());
        }
    }
}

#[test]
fn channels_are_resized_alone() {
    let image = patterned(13, 11, 3);
    for filter in FILTERS {
        let together = resize_window(&image, [5, 17], 0..5, 0..17, filter, true);
        for channel in 0..3 {
            let of_one =
                |image: &Pixels| image.data.iter().skip(channel).step_by(3).copied().collect();
            let gray = Pixels::new(13, 11, 1, of_one(&image)).unwrap();
            let alone = resize_window(&gray, [5, 17], 0..5, 0..17, filter, true);
            assert_eq!(alone.data, of_one(&together));
        }
    }
}
