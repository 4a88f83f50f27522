//! Protobuf's wire format, as far as Caffe uses it.
//!
//! Source: the encoding's specification, <https://protobuf.dev/programming-guides/encoding/>.

use bytes::Bytes;

/// One message: fields, each a number and a value. Its framing was checked when it was made, so
/// that reading it cannot fail; messages inside it are checked when they are taken out.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Message(Bytes);

/// The value of one field.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// A whole number, truth value or choice.
    Varint(u64),
    /// Eight bytes, such as those of a `double`.
    Fixed64([u8; 8]),
    /// A text, a message, or packed numbers.
    Bytes(Bytes),
    /// Four bytes, such as those of a `float`.
    Fixed32([u8; 4]),
}

impl Message {
    /// The message in `bytes`, which are shared, not copied.
    ///
    /// Fails where a length reaches beyond the end, or something is no field: the reason is the
    /// end of a sentence.
    pub(super) fn new(bytes: Bytes) -> Result<Self, String> {
        let mut at = 0;
        while at < bytes.len() {
            let start = at;
            if field(&bytes, &mut at).is_none() {
                return Err(format!(
                    "what begins at byte {start} of {} is no field or is cut off",
                    bytes.len()
                ));
            }
        }
        Ok(Self(bytes))
    }

    /// The values of every field `number`, in order.
    pub(super) fn all(&self, number: u32) -> impl Iterator<Item = Value> {
        let mut at = 0;
        std::iter::from_fn(move || {
            while at < self.0.len() {
                let (found, value) = field(&self.0, &mut at)?;
                if found == number {
                    return Some(value);
                }
            }
            None
        })
    }

    /// The whole numbers of field `number`, packed or not; negative ones have the sign of `i64`.
    pub(super) fn integers(&self, number: u32) -> Vec<i64> {
        let mut integers = Vec::new();
        for value in self.all(number) {
            match value {
                Value::Varint(value) => integers.push(value.cast_signed()),
                Value::Bytes(bytes) => {
                    let mut at = 0;
                    while let Some(value) = varint(&bytes, &mut at) {
                        integers.push(value.cast_signed());
                    }
                }
                Value::Fixed32(_) | Value::Fixed64(_) => {}
            }
        }
        integers
    }

    /// The whole number of field `number`; of several, the last one counts.
    pub(super) fn integer(&self, number: u32) -> Option<i64> {
        self.integers(number).pop()
    }

    /// The truth value of field `number`.
    pub(super) fn flag(&self, number: u32) -> Option<bool> {
        self.integer(number).map(|value| value != 0)
    }

    /// The numbers of field `number` of type `float`, packed or not.
    pub(super) fn floats(&self, number: u32) -> Vec<f32> {
        let mut floats = Vec::new();
        for value in self.all(number) {
            match value {
                Value::Fixed32(bytes) => floats.push(f32::from_le_bytes(bytes)),
                Value::Bytes(bytes) => {
                    floats.extend(bytes.as_chunks().0.iter().map(|each| f32::from_le_bytes(*each)));
                }
                Value::Varint(_) | Value::Fixed64(_) => {}
            }
        }
        floats
    }

    /// The number of field `number` of type `float`.
    pub(super) fn float(&self, number: u32) -> Option<f32> {
        self.floats(number).pop()
    }

    /// The texts of every field `number`.
    pub(super) fn texts(&self, number: u32) -> Result<Vec<String>, String> {
        let bytes = self.all(number).filter_map(Value::into_bytes);
        bytes
            .map(|bytes| String::from_utf8(bytes.to_vec()).map_err(|_| "a name is no text".into()))
            .collect()
    }

    /// The text of field `number`.
    pub(super) fn text(&self, number: u32) -> Result<Option<String>, String> {
        Ok(self.texts(number)?.pop())
    }

    /// The messages of every field `number`.
    pub(super) fn messages(&self, number: u32) -> Result<Vec<Self>, String> {
        self.all(number).filter_map(Value::into_bytes).map(Self::new).collect()
    }

    /// The message of field `number`: empty if it is not there, which is what protobuf means by
    /// that.
    pub(super) fn message(&self, number: u32) -> Result<Self, String> {
        Ok(self.messages(number)?.pop().unwrap_or_default())
    }
}

impl Value {
    fn into_bytes(self) -> Option<Bytes> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }
}

/// The field that begins at `at`, which is moved behind it; `None` where there is no whole one.
fn field(bytes: &Bytes, at: &mut usize) -> Option<(u32, Value)> {
    let key = varint(bytes, at)?;
    let number = u32::try_from(key >> 3).ok().filter(|&number| number > 0)?;
    let value = match key & 7 {
        0 => Value::Varint(varint(bytes, at)?),
        1 => Value::Fixed64(fixed(bytes, at)?),
        2 => {
            let length = usize::try_from(varint(bytes, at)?).ok()?;
            let end = at.checked_add(length).filter(|&end| end <= bytes.len())?;
            let value = bytes.slice(*at..end);
            *at = end;
            Value::Bytes(value)
        }
        5 => Value::Fixed32(fixed(bytes, at)?),
        // Groups, which Caffe never had, and numbers without a meaning.
        _ => return None,
    };
    Some((number, value))
}

/// A number in pieces of seven bits, the lowest first: at most ten of them.
fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for shift in (0..70).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn fixed<const N: usize>(bytes: &[u8], at: &mut usize) -> Option<[u8; N]> {
    let value = *bytes.get(*at..)?.first_chunk()?;
    *at += N;
    Some(value)
}
