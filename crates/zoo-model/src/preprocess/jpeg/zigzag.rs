//! The order of a block's coefficients in a file (ITU-T T.81, figure A.6).

use super::frame::BLOCK;

/// For each place in the file, the place in the block: `8 * row + column`.
pub(super) const ZIGZAG: [u8; BLOCK] = zigzag();

/// Runs along the diagonals, upwards on the even ones and downwards on the odd ones.
const fn zigzag() -> [u8; BLOCK] {
    let mut order = [0; BLOCK];
    let (mut row, mut column, mut at) = (0_u8, 0_u8, 0);
    while at < BLOCK {
        order[at] = 8 * row + column;
        if (row + column) % 2 == 0 {
            if column == 7 {
                row += 1;
            } else {
                column += 1;
                row = row.saturating_sub(1);
            }
        } else if row == 7 {
            column += 1;
        } else {
            row += 1;
            column = column.saturating_sub(1);
        }
        at += 1;
    }
    order
}

#[cfg(test)]
mod tests {
    use super::ZIGZAG;

    #[test]
    fn the_order_is_that_of_the_standard() {
        assert_eq!(ZIGZAG[..16], [0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5]);
        assert_eq!(ZIGZAG[33..38], [42, 49, 56, 57, 50]);
        assert_eq!(ZIGZAG[58..], [61, 54, 47, 55, 62, 63]);
    }
}
