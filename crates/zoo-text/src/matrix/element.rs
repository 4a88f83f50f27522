//! The numbers of a matrix as they lie in memory.

use half::f16;
use half::slice::{HalfBitsSliceExt as _, HalfFloatSliceExt as _};

/// The type of a number, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// 32 bits.
    F32,
    /// IEEE 754's 16 bits.
    F16,
    /// The upper half of `F32`.
    Bf16,
}

impl Element {
    /// Bytes of a number.
    pub fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// Widens `bytes`, which need no alignment, to `values`.
    pub(super) fn decode(self, bytes: &[u8], values: &mut [f32]) {
        debug_assert_eq!(bytes.len(), values.len() * self.size());
        match self {
            Self::F32 => {
                for (value, bytes) in values.iter_mut().zip(bytes.as_chunks::<4>().0) {
                    *value = f32::from_le_bytes(*bytes);
                }
            }
            Self::Bf16 => {
                for (value, bytes) in values.iter_mut().zip(bytes.as_chunks::<2>().0) {
                    *value = f32::from_bits(u32::from(u16::from_le_bytes(*bytes)) << 16);
                }
            }
            Self::F16 => decode_f16(bytes, values),
        }
    }
}

/// A piece at a time, because the processor's instruction wants aligned halves.
fn decode_f16(bytes: &[u8], values: &mut [f32]) {
    let mut bits = [0_u16; 256];
    for (bytes, values) in bytes.chunks(2 * bits.len()).zip(values.chunks_mut(bits.len())) {
        let bits = &mut bits[..values.len()];
        for (bits, bytes) in bits.iter_mut().zip(bytes.as_chunks::<2>().0) {
            *bits = u16::from_le_bytes(*bytes);
        }
        bits.reinterpret_cast::<f16>().convert_to_f32_slice(values);
    }
}

#[cfg(test)]
mod tests {
    use half::bf16;

    use super::*;

    type Widen = fn(u16) -> f32;

    /// Every half, at an odd address and with a rest.
    #[test]
    fn all_halves_are_widened() {
        let halves: Vec<u16> = (0..=u16::MAX).chain(0..13).collect();
        let mut bytes = vec![0];
        bytes.extend(halves.iter().flat_map(|half| half.to_le_bytes()));
        let mut values = vec![0.0; halves.len()];
        let widen: [(Element, Widen); 2] = [
            (Element::F16, |bits| f16::from_bits(bits).to_f32()),
            (Element::Bf16, |bits| bf16::from_bits(bits).to_f32()),
        ];
        for (element, widen) in widen {
            element.decode(&bytes[1..], &mut values);
            for (&bits, &value) in halves.iter().zip(&values) {
                let expected = widen(bits);
                assert!(
                    value.to_bits() == expected.to_bits() || value.is_nan() && expected.is_nan(),
                    "{element:?} {bits:04x}: {value} instead of {expected}"
                );
            }
        }
    }
}
