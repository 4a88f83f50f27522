//! From luma and chroma to red, green and blue (JFIF 1.02, "Conversion to and from RGB"),
//! rounded as libjpeg rounds it.

/// Pixels converted at a time: as many as let the compiler use vector instructions.
const LANES: usize = 16;

/// Fractional bits of the constants.
const SCALE_BITS: u32 = 16;

/// One half, scaled.
const HALF: i32 = 1 << (SCALE_BITS - 1);

/// A constant, scaled.
const fn fixed(value: f64) -> i32 {
    (value * (1 << SCALE_BITS) as f64 + 0.5) as i32
}

/// The product of a chroma value and a constant between -0.5 and 0.5, rounded half up.
///
/// Says `(chroma * share + HALF) >> SCALE_BITS` in a way that 16-bit vectors can follow:
/// twice the product is cut off, and the last bit rounded away.
#[inline(always)]
fn part(chroma: i16, share: i32) -> i16 {
    (((i32::from(2 * chroma) * share) >> SCALE_BITS) as i16 + 1) >> 1
}

/// One pixel. Constants that exceed 16 bits are split into a whole and a remainder.
#[inline(always)]
fn pixel(luma: u8, blue: u8, red: u8) -> [u8; 3] {
    const WHOLE: i32 = 1 << SCALE_BITS;
    let luma = i16::from(luma);
    let (blue, red) = (i16::from(blue) - 128, i16::from(red) - 128);
    // Rounded only after both chromas are added.
    let green =
        i32::from(blue) * -fixed(0.344_14) + i32::from(red) * (WHOLE - fixed(0.714_14)) + HALF;
    [
        luma + red + part(red, fixed(1.402) - WHOLE),
        luma - red + (green >> SCALE_BITS) as i16,
        luma + 2 * blue + part(blue, fixed(1.772) - 2 * WHOLE),
    ]
    .map(|value| value.clamp(0, 255) as u8)
}

/// Converts a row of luma and both chromas to interleaved RGB.
#[inline(always)]
pub(super) fn to_rgb([luma, blue, red]: [&[u8]; 3], out: &mut [u8]) {
    let width = out.len() / 3;
    let (lumas, _) = luma[..width].as_chunks::<LANES>();
    let (blues, _) = blue[..width].as_chunks::<LANES>();
    let (reds, _) = red[..width].as_chunks::<LANES>();
    let mut done = 0;
    for ((luma, blue), red) in lumas.iter().zip(blues).zip(reds) {
        let Some(out) = out[3 * done..].first_chunk_mut() else { break };
        let mut pixels = [0; LANES];
        for at in 0..LANES {
            let [red, green, blue] = pixel(luma[at], blue[at], red[at]).map(u32::from);
            pixels[at] = red | green << 8 | blue << 16;
        }
        pack(&pixels, out);
        done += LANES;
    }
    let (pixels, _) = out.as_chunks_mut::<3>();
    for (at, out) in pixels.iter_mut().enumerate().skip(done) {
        *out = pixel(luma[at], blue[at], red[at]);
    }
}

/// Bytes that [`pack`] touches: those of its pixels, and two that come next.
const PACKED: usize = 3 * LANES + 2;

/// Writes pixels of four bytes without their last, two at a time, each time over two bytes that
/// are still to come.
#[inline(always)]
fn pack(pixels: &[u32; LANES], out: &mut [u8; PACKED]) {
    for (at, &[first, second]) in pixels.as_chunks::<2>().0.iter().enumerate() {
        let both = u64::from(first) | u64::from(second) << 24;
        out[6 * at..6 * at + 8].copy_from_slice(&both.to_le_bytes());
    }
}

/// Interleaves a row of red, green and blue.
#[inline(always)]
pub(super) fn interleave([red, green, blue]: [&[u8]; 3], out: &mut [u8]) {
    let (pixels, _) = out.as_chunks_mut::<3>();
    for (((pixel, &red), &green), &blue) in pixels.iter_mut().zip(red).zip(green).zip(blue) {
        *pixel = [red, green, blue];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pair of chromas, against the formula as it is written in the standard but for
    /// its rounding.
    #[test]
    fn split_constants_are_exact() {
        for (blue, red) in (0..=255).flat_map(|blue| (0..=255).map(move |red| (blue, red))) {
            let (b, r) = (i32::from(blue) - 128, i32::from(red) - 128);
            let share = |sum: i32| ((sum + HALF) >> SCALE_BITS) + 100;
            let expected = [
                share(fixed(1.402) * r),
                share(-fixed(0.344_14) * b - fixed(0.714_14) * r),
                share(fixed(1.772) * b),
            ];
            assert_eq!(pixel(100, blue, red), expected.map(|value| value.clamp(0, 255) as u8));
        }
    }

    #[test]
    fn every_pixel_of_a_row_is_written() {
        for width in 0..100 {
            let row: Vec<u8> = (0..width).map(|at| (at * 37 + 11) as u8).collect();
            let mut out = vec![0; 3 * width];
            to_rgb([&row, &row, &row], &mut out);
            for (&value, out) in row.iter().zip(out.as_chunks().0) {
                assert_eq!(*out, pixel(value, value, value));
            }
        }
    }
}
