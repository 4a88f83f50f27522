//! Changes that break a file: at random, and where formats are weak.

mod protobuf;

use zoo_model::SplitMix64;

/// The longest input that is made.
const MAX_LENGTH: usize = 64 << 10;

/// Numbers at which sizes, offsets and counts go wrong.
const NUMBERS: [u64; 14] = [
    0,
    1,
    2,
    0x7f,
    0x80,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    1 << 40,
    (1 << 62) + 1,
    (1 << 63) - 1,
    1 << 63,
    u64::MAX,
];

/// How a format is built, for changes that leave it in shape.
#[derive(Clone, Copy)]
enum Shape {
    Bytes,
    Text,
    /// A text after its length, then bytes.
    Safetensors,
    Protobuf,
}

/// A copy of one of `pool` with some changes, mostly few; half of the time so that its format,
/// which `extension` tells, stays in shape.
pub(super) fn mutate(pool: &[Vec<u8>], extension: &str, random: &mut SplitMix64) -> Vec<u8> {
    let shape = match extension {
        "json" => Shape::Text,
        "safetensors" => Shape::Safetensors,
        "onnx" | "caffemodel" => Shape::Protobuf,
        _ => Shape::Bytes,
    };
    let mut input = pick(pool, random).cloned().unwrap_or_default();
    for _ in 0..=random.next_u64().trailing_zeros().min(8) {
        let shape = if random.below(2) == 0 { Shape::Bytes } else { shape };
        match shape {
            Shape::Bytes => change(&mut input, pool, random),
            Shape::Text => change_text(&mut input, pool, random),
            Shape::Safetensors => change_header(&mut input, pool, random),
            Shape::Protobuf => protobuf::change_message(&mut input, pool, random),
        }
    }
    input.truncate(MAX_LENGTH);
    input
}

/// A change to the text at the beginning of `input`, whose length is then right.
fn change_header(input: &mut Vec<u8>, pool: &[Vec<u8>], random: &mut SplitMix64) {
    let length = input.first_chunk().map(|bytes| u64::from_le_bytes(*bytes) as usize);
    let Some(data) =
        length.and_then(|length| length.checked_add(8)).filter(|&at| at <= input.len())
    else {
        return;
    };
    let mut text = input[8..data].to_vec();
    change_text(&mut text, pool, random);
    let length = (text.len() as u64).to_le_bytes();
    input.splice(..data, length.into_iter().chain(text));
}

/// Another number, another quoted word, or lines in another order.
fn change_text(input: &mut Vec<u8>, pool: &[Vec<u8>], random: &mut SplitMix64) {
    let at = random.below(input.len() as u64) as usize;
    let number = pick(&NUMBERS, random).copied().unwrap_or_default();
    match random.below(4) {
        0 | 1 => digits(input, at, number, random),
        2 => {
            let Some(other) = pick(pool, random) else { return };
            let from = random.below(other.len() as u64) as usize;
            let (Some(old), Some(new)) = (quoted(input, at), quoted(other, from)) else { return };
            input.splice(old, other[new].to_vec());
        }
        _ => {
            let mut lines: Vec<_> =
                input.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
            let from = random.below(lines.len() as u64) as usize;
            let to = random.below(lines.len() as u64) as usize;
            match random.below(3) {
                0 => lines.swap(from, to),
                1 => drop(lines.remove(from)),
                _ => lines.insert(to, lines[from].clone()),
            }
            *input = lines.join(&b'\n');
        }
    }
}

/// What stands between two quotes at or after `at`.
fn quoted(text: &[u8], at: usize) -> Option<std::ops::Range<usize>> {
    let start = at + text.get(at..)?.iter().position(|&byte| byte == b'"')? + 1;
    let length = text[start..].iter().position(|&byte| byte == b'"')?;
    Some(start..start + length)
}

fn pick<'a, T>(items: &'a [T], random: &mut SplitMix64) -> Option<&'a T> {
    items.get(random.below(items.len() as u64) as usize)
}

fn change(input: &mut Vec<u8>, pool: &[Vec<u8>], random: &mut SplitMix64) {
    let at = random.below(input.len() as u64) as usize;
    let number = pick(&NUMBERS, random).copied().unwrap_or_default();
    match random.below(12) {
        0 | 1 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        2 => {
            if let Some(byte) = input.get_mut(at) {
                *byte = random.next_u64() as u8;
            }
        }
        3 => input.truncate(at),
        4 => drop(input.drain(range(input, at, 64, random))),
        5 => repeat(input, at, random),
        6 => splice(input, at, pool, random),
        // Lengths that lie: as numbers of 4 and 8 bytes, as protobuf's, and as digits.
        7 => overwrite(input, at, &(number as u32).to_le_bytes()),
        8 => overwrite(input, at, &number.to_le_bytes()),
        9 => {
            let end = varint_end(input, at);
            input.splice(at..end, varint(number));
        }
        10 => digits(input, at, number, random),
        _ => {
            let bytes = random.next_u64().to_le_bytes();
            let count = random.below(8) as usize;
            input.splice(at..at, bytes.into_iter().take(count));
        }
    }
}

/// At most `most` bytes from `at` on.
fn range(input: &[u8], at: usize, most: u64, random: &mut SplitMix64) -> std::ops::Range<usize> {
    at..(at + random.below(most) as usize).min(input.len())
}

/// A part of the input several times: nodes, dimensions, opening brackets.
fn repeat(input: &mut Vec<u8>, at: usize, random: &mut SplitMix64) {
    let block = input[range(input, at, 256, random)].to_vec();
    let times = 1 << random.below(9);
    let times = times.min((MAX_LENGTH - input.len().min(MAX_LENGTH)) / block.len().max(1));
    input.splice(at..at, block.repeat(times));
}

/// A part of another input in place of one of this.
fn splice(input: &mut Vec<u8>, at: usize, pool: &[Vec<u8>], random: &mut SplitMix64) {
    let Some(other) = pick(pool, random) else { return };
    let from = random.below(other.len() as u64) as usize;
    let part = other[range(other, from, 512, random)].to_vec();
    let end = if random.below(2) == 0 { at } else { (at + part.len()).min(input.len()) };
    input.splice(at..end, part);
}

fn overwrite(input: &mut [u8], at: usize, bytes: &[u8]) {
    for (byte, new) in input[at..].iter_mut().zip(bytes) {
        *byte = *new;
    }
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// Where the number that begins at `at` ends.
fn varint_end(input: &[u8], at: usize) -> usize {
    let last = input[at..].iter().position(|byte| byte & 0x80 == 0);
    last.map_or(input.len(), |last| at + last + 1)
}

/// Another number in place of the first one in digits at or after `at`.
fn digits(input: &mut Vec<u8>, at: usize, number: u64, random: &mut SplitMix64) {
    let Some(start) = input[at..].iter().position(u8::is_ascii_digit).map(|found| at + found)
    else {
        return;
    };
    let count = input[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let text = match random.below(8) {
        0 => format!("-{number}"),
        1 => "1e999".to_owned(),
        2 => "null".to_owned(),
        3..=5 => random.below(9).to_string(),
        _ => number.to_string(),
    };
    input.splice(start..start + count, text.bytes());
}
