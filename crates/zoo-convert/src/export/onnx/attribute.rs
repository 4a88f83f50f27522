//! Attributes of nodes.

use onnx_ir::{AttributeProto, AttributeType, TensorProto};

fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
    AttributeProto { name: name.to_owned(), type_: kind.into(), ..AttributeProto::default() }
}

/// A whole number.
pub(super) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { i: value, ..attribute(name, AttributeType::INT) }
}

/// True or false, as 1 or 0.
pub(super) fn flag(name: &str, value: bool) -> AttributeProto {
    int(name, i64::from(value))
}

/// Whole numbers, each with its own tag: so does ONNX's own schema, which is of protobuf's second
/// version, and there are readers that take them in no other way.
pub(super) fn ints(name: &str, values: &[i64]) -> AttributeProto {
    /// The number of `AttributeProto.ints`. The library would write the field packed.
    const INTS: u32 = 8;
    let mut attribute = attribute(name, AttributeType::INTS);
    let fields = attribute.special_fields.mut_unknown_fields();
    for &value in values {
        fields.add_varint(INTS, value as u64);
    }
    attribute
}

/// Sizes.
pub(super) fn counts(name: &str, values: &[usize]) -> AttributeProto {
    let values: Vec<i64> = values.iter().map(|&value| value as i64).collect();
    ints(name, &values)
}

/// A number.
pub(super) fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { f: value, ..attribute(name, AttributeType::FLOAT) }
}

/// A text.
pub(super) fn text(name: &str, value: &str) -> AttributeProto {
    let s = value.to_owned().into_bytes().into();
    AttributeProto { s, ..attribute(name, AttributeType::STRING) }
}

/// Numbers in a shape.
pub(super) fn tensor(name: &str, value: TensorProto) -> AttributeProto {
    AttributeProto { t: Some(value).into(), ..attribute(name, AttributeType::TENSOR) }
}
