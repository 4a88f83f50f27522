//! A line of the text layouts: a word, then numbers.

use super::Flaw;

fn is_separator(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn trim_end(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|&byte| !is_separator(byte)).map_or(0, |last| last + 1);
    &line[..end]
}

/// The fields of a line.
pub(super) fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&byte| is_separator(byte)).filter(|field| !field.is_empty())
}

/// A field as a number, if it is one; it may be infinite or NaN.
pub(super) fn number(field: &[u8]) -> Option<f32> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

/// Reads the numbers of `line`, which has no line break, from its end into `values`, and gives
/// the word before them, which may be empty or not UTF-8.
pub(super) fn parse<'a>(line: &'a [u8], values: &mut [f32]) -> Result<&'a [u8], Flaw> {
    let expected = values.len();
    let mut rest = line;
    for (index, value) in values.iter_mut().enumerate().rev() {
        let trimmed = trim_end(rest);
        let Some(before) = trimmed.iter().rposition(|&byte| is_separator(byte)) else {
            // No separator is left for the word: a number too few, or a line of anything else.
            let found = fields(line).count().saturating_sub(1);
            return Err(Flaw::Count { found, expected });
        };
        *value = number(&trimmed[before + 1..]).ok_or_else(|| {
            let found = fields(line).count().saturating_sub(1);
            if found < expected {
                Flaw::Count { found, expected }
            } else {
                Flaw::NotANumber { number: index + 1 }
            }
        })?;
        rest = &trimmed[..before];
    }
    if let Some(before) = trim_end(rest).iter().rposition(|&byte| is_separator(byte)) {
        // A word with spaces. If it ends in a number, numbers are too many.
        if before > 0 && number(&trim_end(rest)[before + 1..]).is_some() {
            let found = fields(line).count().saturating_sub(1);
            return Err(Flaw::Count { found, expected });
        }
    }
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(Flaw::NotFinite { number: index + 1 }),
        None => Ok(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: &str) -> Result<(String, Vec<f32>), Flaw> {
        let mut values = vec![0.0; 3];
        let word = parse(line.as_bytes(), &mut values)?;
        Ok((String::from_utf8(word.to_vec()).unwrap(), values))
    }

    #[test]
    fn the_last_fields_are_the_numbers() {
        let values = vec![1.0, -0.5, 2e-3];
        for (line, word) in [
            ("the 1 -0.5 2e-3", "the"),
            ("the 1 -0.5 2e-3 ", "the"),
            ("the\t1\t-.5\t0.002", "the"),
            ("the 1  -0.5   +2E-3", "the"),
            (". . . 1 -0.5 2e-3", ". . ."),
            ("at name@domain.com 1 -0.5 2e-3", "at name@domain.com"),
            ("a\u{a0}b 1 -0.5 2e-3", "a\u{a0}b"),
            ("7 1 -0.5 2e-3", "7"),
            ("nan 1 -0.5 2e-3", "nan"),
            (" 1 -0.5 2e-3", ""),
        ] {
            assert_eq!(row(line), Ok((word.to_owned(), values.clone())), "{line:?}");
        }
    }

    #[test]
    fn flaws_say_what_is_wrong() {
        let expected = 3;
        for (line, flaw) in [
            ("the 1 2", Flaw::Count { found: 2, expected }),
            ("the", Flaw::Count { found: 0, expected }),
            ("1 2 3", Flaw::Count { found: 2, expected }),
            ("the 1 2 3 4", Flaw::Count { found: 4, expected }),
            ("a 1 2 3 4 5", Flaw::Count { found: 5, expected }),
            ("the 1 x 3", Flaw::NotANumber { number: 2 }),
            ("the 1 2 3x", Flaw::NotANumber { number: 3 }),
            ("the 1 2 0x10", Flaw::NotANumber { number: 3 }),
            ("the 1 2 \u{661}", Flaw::NotANumber { number: 3 }),
            ("the nan 2 3", Flaw::NotFinite { number: 1 }),
            ("the 1 -inf 3", Flaw::NotFinite { number: 2 }),
            ("the 1 2 1e39", Flaw::NotFinite { number: 3 }),
        ] {
            assert_eq!(row(line), Err(flaw), "{line:?}");
        }
    }
}
