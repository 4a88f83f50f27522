//! The attributes of a node.

use onnx_ir::{AttributeProto, AttributeType, GraphProto, NodeProto, TensorProto};

/// Why a node cannot be lowered, as a text for people.
pub(super) type Refusal = String;

/// The attributes of a node, by name and type.
#[derive(Clone, Copy)]
pub(super) struct Attributes<'a>(pub(super) &'a NodeProto);

impl<'a> Attributes<'a> {
    fn get(self, name: &str, kind: AttributeType) -> Result<Option<&'a AttributeProto>, Refusal> {
        let Some(attribute) = self.0.attribute.iter().find(|attribute| attribute.name == name)
        else {
            return Ok(None);
        };
        // A file of the first versions may leave the type open.
        match attribute.type_.enum_value() {
            Ok(found) if found == kind || found == AttributeType::UNDEFINED => Ok(Some(attribute)),
            _ => Err(format!("its attribute `{name}` has another type than it must")),
        }
    }

    /// Whether there is one called `name`, of any type.
    pub(super) fn has(self, name: &str) -> bool {
        self.0.attribute.iter().any(|attribute| attribute.name == name)
    }

    /// A whole number.
    pub(super) fn int(self, name: &str) -> Result<Option<i64>, Refusal> {
        Ok(self.get(name, AttributeType::INT)?.map(|attribute| attribute.i))
    }

    /// A whole number that stands for false (0, also if not given) or true.
    pub(super) fn flag(self, name: &str) -> Result<bool, Refusal> {
        Ok(self.int(name)?.unwrap_or(0) != 0)
    }

    /// A number, finite.
    pub(super) fn float(self, name: &str) -> Result<Option<f32>, Refusal> {
        match self.get(name, AttributeType::FLOAT)?.map(|attribute| attribute.f) {
            Some(value) if !value.is_finite() => Err(format!("its attribute `{name}` is {value}")),
            value => Ok(value),
        }
    }

    /// Numbers.
    pub(super) fn floats(self, name: &str) -> Result<Option<&'a [f32]>, Refusal> {
        Ok(self.get(name, AttributeType::FLOATS)?.map(|attribute| attribute.floats.as_slice()))
    }

    /// Whole numbers.
    pub(super) fn ints(self, name: &str) -> Result<Option<&'a [i64]>, Refusal> {
        Ok(self.get(name, AttributeType::INTS)?.map(|attribute| attribute.ints.as_slice()))
    }

    /// Whole numbers that count something, `count` of them; `default` for all if not given.
    pub(super) fn counts(
        self,
        name: &str,
        count: usize,
        default: usize,
    ) -> Result<Vec<usize>, Refusal> {
        let Some(list) = self.ints(name)? else { return Ok(vec![default; count]) };
        let counts: Option<Vec<usize>> =
            list.iter().map(|&value| usize::try_from(value).ok()).collect();
        match counts {
            Some(counts) if counts.len() == count => Ok(counts),
            _ => Err(format!("its attribute `{name}` is {list:?}, not {count} sizes")),
        }
    }

    /// A text.
    pub(super) fn text(self, name: &str) -> Result<Option<&'a str>, Refusal> {
        let Some(attribute) = self.get(name, AttributeType::STRING)? else { return Ok(None) };
        std::str::from_utf8(&attribute.s)
            .map(Some)
            .map_err(|_| format!("its attribute `{name}` is not UTF-8"))
    }

    /// A tensor.
    pub(super) fn tensor(self, name: &str) -> Result<Option<&'a TensorProto>, Refusal> {
        Ok(self.get(name, AttributeType::TENSOR)?.and_then(|attribute| attribute.t.as_ref()))
    }

    /// Texts.
    pub(super) fn texts(self, name: &str) -> Result<Vec<&'a str>, Refusal> {
        let Some(attribute) = self.get(name, AttributeType::STRINGS)? else {
            return Ok(Vec::new());
        };
        let each = attribute.strings.iter().map(|text| std::str::from_utf8(text));
        each.collect::<Result<_, _>>().map_err(|_| format!("its attribute `{name}` is not UTF-8"))
    }

    /// A graph.
    pub(super) fn graph(self, name: &str) -> Result<&'a GraphProto, Refusal> {
        let attribute = self.get(name, AttributeType::GRAPH)?;
        let graph = attribute.and_then(|attribute| attribute.g.as_ref());
        graph.ok_or_else(|| format!("it lacks its attribute `{name}`"))
    }
}
