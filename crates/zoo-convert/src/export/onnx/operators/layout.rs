//! Operators that only arrange elements.

use zoo_model::ops::Layout;

use super::super::attribute::{counts, int, text};
use super::super::node::{NodeWriter, Refusal};

pub(super) fn layout(layout: &Layout, node: &mut NodeWriter) -> Result<(), Refusal> {
    match layout {
        Layout::Identity => node.emit("Identity", Vec::new()),
        Layout::Flatten { axis } => node.emit("Flatten", vec![int("axis", *axis)]),
        Layout::Reshape { shape } => with_list(node, "Reshape", "shape", shape.as_deref()),
        Layout::Expand { shape } => with_list(node, "Expand", "shape", shape.as_deref()),
        Layout::Transpose { permutation } => {
            node.emit("Transpose", vec![counts("perm", permutation)]);
        }
        Layout::Concat { axis } => node.emit("Concat", vec![int("axis", *axis)]),
        Layout::Slice { starts, ends, axes, steps } => {
            let mut inputs = vec![node.input(0)];
            let lists = [("starts", starts), ("ends", ends), ("axes", axes), ("steps", steps)];
            for (index, (name, list)) in lists.into_iter().enumerate() {
                inputs.push(match list {
                    Some(list) => node.ints(name, list),
                    None => node.input(index + 1),
                });
            }
            node.emit_of("Slice", inputs, Vec::new());
        }
        // No axes mean all of length one, to ONNX as well.
        Layout::Squeeze { axes } => {
            let axes = Some(axes.as_slice()).filter(|axes| !axes.is_empty());
            with_list(node, "Squeeze", "axes", axes);
        }
        Layout::Unsqueeze { axes } => with_list(node, "Unsqueeze", "axes", Some(axes)),
        Layout::Pad { pads, value } => {
            let (pads, value) = (write_pads(node, pads), node.float("value", *value));
            node.emit_of("Pad", vec![node.input(0), pads, value], Vec::new());
        }
        Layout::PadReflect { pads } => {
            let pads = write_pads(node, pads);
            node.emit_of("Pad", vec![node.input(0), pads], vec![text("mode", "reflect")]);
        }
        Layout::Gather { axis } => node.emit("Gather", vec![int("axis", *axis)]),
        Layout::Shape { start, end } => {
            let mut attributes = vec![int("start", *start)];
            attributes.extend(end.map(|end| int("end", end)));
            node.emit("Shape", attributes);
        }
        _ => return Err("it cannot be written yet".to_owned()),
    }
    Ok(())
}

/// An operator of a value and a list, which comes as the second input where it is not given.
fn with_list(node: &mut NodeWriter, op_type: &str, name: &str, list: Option<&[i64]>) {
    let list = match list {
        Some(list) => node.ints(name, list),
        None => node.input(1),
    };
    node.emit_of(op_type, vec![node.input(0), list], Vec::new());
}

/// All that comes before, then all that comes after.
fn write_pads(node: &mut NodeWriter, pads: &[(usize, usize)]) -> String {
    let before = pads.iter().map(|pad| pad.0 as i64);
    let pads: Vec<i64> = before.chain(pads.iter().map(|pad| pad.1 as i64)).collect();
    node.ints("pads", &pads)
}
