//! Changes to one field of a protobuf message, at any depth, with all lengths around it right.

use zoo_model::SplitMix64;

use super::{MAX_LENGTH, NUMBERS, change, pick, varint};

/// A field: its key, and what it holds as it is written.
#[derive(Clone)]
struct Field {
    key: u64,
    value: Value,
}

#[derive(Clone)]
enum Value {
    Number(u64),
    Fixed(Vec<u8>),
    Bytes(Vec<u8>),
}

/// Changes a field of `input`, or its bytes where it is no message.
pub(super) fn change_message(input: &mut Vec<u8>, pool: &[Vec<u8>], random: &mut SplitMix64) {
    let Some(mut fields) = parse(input).filter(|fields| !fields.is_empty()) else {
        return change(input, pool, random);
    };
    let at = random.below(fields.len() as u64) as usize;
    let other = random.below(fields.len() as u64) as usize;
    if let Value::Bytes(inner) = &mut fields[at].value
        && random.below(4) != 0
    {
        change_message(inner, pool, random);
    } else {
        match random.below(6) {
            0 => drop(fields.remove(at)),
            1 => fields.insert(other, fields[at].clone()),
            2 => fields.swap(at, other),
            3 => fields[at].value = fields[other].value.clone(),
            4 => fields.extend(foreign(pool, random)),
            _ => change_value(&mut fields[at].value, random),
        }
    }
    let written = write(&fields);
    if written.len() <= MAX_LENGTH {
        *input = written;
    }
}

fn change_value(value: &mut Value, random: &mut SplitMix64) {
    match value {
        Value::Number(number) => {
            *number = match random.below(3) {
                0 => pick(&NUMBERS, random).copied().unwrap_or_default(),
                1 => number.wrapping_add(random.below(5)).wrapping_sub(2),
                _ => random.below(32),
            }
        }
        Value::Fixed(bytes) | Value::Bytes(bytes) => {
            let at = random.below(bytes.len() as u64) as usize;
            if let Some(byte) = bytes.get_mut(at) {
                *byte = random.next_u64() as u8;
            }
        }
    }
}

/// A field of another message, some levels down.
fn foreign(pool: &[Vec<u8>], random: &mut SplitMix64) -> Option<Field> {
    let mut fields = parse(pick(pool, random)?)?;
    loop {
        let field = pick(&fields, random)?.clone();
        match &field.value {
            Value::Bytes(inner) if random.below(3) != 0 => match parse(inner) {
                Some(inner) if !inner.is_empty() => fields = inner,
                _ => return Some(field),
            },
            _ => return Some(field),
        }
    }
}

/// The fields of a message; `None` where the bytes are none.
fn parse(mut bytes: &[u8]) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = number(&mut bytes)?;
        let value = match key & 7 {
            0 => Value::Number(number(&mut bytes)?),
            1 => Value::Fixed(bytes.split_off(..8)?.to_vec()),
            5 => Value::Fixed(bytes.split_off(..4)?.to_vec()),
            2 => {
                let length = usize::try_from(number(&mut bytes)?).ok()?;
                Value::Bytes(bytes.split_off(..length)?.to_vec())
            }
            _ => return None,
        };
        fields.push(Field { key, value });
    }
    Some(fields)
}

fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.split_off_first()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn write(fields: &[Field]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for field in fields {
        bytes.extend(varint(field.key));
        match &field.value {
            Value::Number(number) => bytes.extend(varint(*number)),
            Value::Fixed(value) => bytes.extend(value),
            Value::Bytes(value) => {
                bytes.extend(varint(value.len() as u64));
                bytes.extend(value);
            }
        }
    }
    bytes
}
