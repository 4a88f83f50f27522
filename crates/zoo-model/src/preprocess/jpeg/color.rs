//! From luma and chroma to red, green and blue (JFIF 1.02, "Conversion to and from RGB"),
//! rounded as libjpeg rounds it.

/// Fractional bits of the constants.
const SCALE_BITS: u32 = 16;

/// One half, scaled.
const HALF: i32 = 1 << (SCALE_BITS - 1);

/// What a chroma value adds to each colour. Green's share is still scaled: it is rounded only
/// after both chromas are added.
#[derive(Clone, Copy)]
struct Share {
    /// What the red chroma adds to red.
    red: i16,
    /// What the blue chroma adds to blue.
    blue: i16,
    /// What the red chroma adds to green.
    green_of_red: i32,
    /// What the blue chroma adds to green, with the half for rounding.
    green_of_blue: i32,
}

static SHARES: [Share; 256] = shares();

const fn fixed(value: f64) -> i32 {
    (value * (1 << SCALE_BITS) as f64 + 0.5) as i32
}

const fn shares() -> [Share; 256] {
    let mut shares = [Share { red: 0, blue: 0, green_of_red: 0, green_of_blue: 0 }; 256];
    let mut value = 0;
    while value < 256 {
        let chroma = value as i32 - 128;
        shares[value] = Share {
            red: ((fixed(1.402) * chroma + HALF) >> SCALE_BITS) as i16,
            blue: ((fixed(1.772) * chroma + HALF) >> SCALE_BITS) as i16,
            green_of_red: -fixed(0.714_14) * chroma,
            green_of_blue: -fixed(0.344_14) * chroma + HALF,
        };
        value += 1;
    }
    shares
}

/// Converts a row of luma and both chromas to interleaved RGB.
pub(super) fn to_rgb([luma, blue, red]: [&[u8]; 3], out: &mut [u8]) {
    let (pixels, _) = out.as_chunks_mut::<3>();
    for (((pixel, &luma), &blue), &red) in pixels.iter_mut().zip(luma).zip(blue).zip(red) {
        let (blue, red) = (&SHARES[usize::from(blue)], &SHARES[usize::from(red)]);
        let luma = i32::from(luma);
        let green = (blue.green_of_blue + red.green_of_red) >> SCALE_BITS;
        *pixel = [luma + i32::from(red.red), luma + green, luma + i32::from(blue.blue)]
            .map(|value| value.clamp(0, 255) as u8);
    }
}

/// Interleaves a row of red, green and blue.
pub(super) fn interleave([red, green, blue]: [&[u8]; 3], out: &mut [u8]) {
    let (pixels, _) = out.as_chunks_mut::<3>();
    for (((pixel, &red), &green), &blue) in pixels.iter_mut().zip(red).zip(green).zip(blue) {
        *pixel = [red, green, blue];
    }
}
