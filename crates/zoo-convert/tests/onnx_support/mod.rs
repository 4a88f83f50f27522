//! What the tests of ONNX files share: fixtures, `NumPy` arrays, small models in bytes.

#![allow(dead_code)]

use std::path::{Path, PathBuf};

use onnx_ir::{
    AttributeProto, AttributeType, GraphProto, Message, ModelProto, NodeProto, TensorProto,
    TensorShapeProto, ValueInfoProto,
};
use zoo_convert::Error;
use zoo_convert::onnx::{OnnxModel, load};
use zoo_model::{Device, Executor, Tensor};

/// The file `name` below `$ZOO_FIXTURES`; says that the test is skipped where that is not set.
#[allow(clippy::print_stderr)]
pub(crate) fn fixture(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("ZOO_FIXTURES");
    if folder.is_none() {
        eprintln!("skipped: ZOO_FIXTURES is not set");
    }
    Some(Path::new(&folder?).join(name))
}

/// An array of `f32` in `NumPy`'s format, version 1 and C order.
pub(crate) fn npy(path: &Path) -> Tensor {
    let bytes = std::fs::read(path).expect("a readable array");
    let header_end = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = String::from_utf8_lossy(&bytes[10..header_end]);
    assert!(header.contains("'<f4'") && header.contains("False"), "not f32 in C order: {header}");
    let shape = header.split(['(', ')']).nth(1).expect("a shape");
    let dims = shape.split(',').map(str::trim).filter(|dim| !dim.is_empty());
    let shape: Vec<usize> = dims.map(|dim| dim.parse().expect("a length")).collect();
    let values = bytes[header_end..].as_chunks().0.iter().map(|chunk| f32::from_le_bytes(*chunk));
    Tensor::from_f32(&shape, &values.collect::<Vec<_>>())
}

/// Runs the model on the CPU.
pub(crate) fn run(model: &OnnxModel, inputs: &[Tensor]) -> Vec<Tensor> {
    let executor = Executor::new(model.graph.clone(), &model.weights, &Device::Cpu);
    executor.and_then(|executor| executor.infer(inputs)).expect("a model that runs")
}

/// The largest difference.
pub(crate) fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// The standard deviation.
pub(crate) fn deviation(values: &[f32]) -> f32 {
    let mean = values.iter().sum::<f32>() / values.len() as f32;
    (values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / values.len() as f32).sqrt()
}

/// A model that is being written.
#[derive(Default)]
pub(crate) struct Writer {
    pub(crate) model: ModelProto,
    pub(crate) graph: GraphProto,
}

impl Writer {
    /// An empty model for version `opset` of ONNX's operators.
    pub(crate) fn new(opset: i64) -> Self {
        let mut model = ModelProto { ir_version: 8, ..ModelProto::default() };
        model.opset_import.resize_with(1, Default::default);
        model.opset_import[0].version = opset;
        Self { model, graph: GraphProto::default() }
    }

    /// An input of `f32`; `None` for an open axis.
    #[must_use]
    pub(crate) fn input(mut self, name: &str, shape: &[Option<i64>]) -> Self {
        let mut dims = TensorShapeProto::default();
        dims.dim.resize_with(shape.len(), Default::default);
        for (dim, length) in dims.dim.iter_mut().zip(shape) {
            match length {
                Some(length) => dim.set_dim_value(*length),
                None => dim.set_dim_param("N".to_owned()),
            }
        }
        let mut info = ValueInfoProto { name: name.to_owned(), ..ValueInfoProto::default() };
        let ty = info.type_.mut_or_insert_default().mut_tensor_type();
        ty.elem_type = 1;
        ty.shape = Some(dims).into();
        self.graph.input.push(info);
        self
    }

    /// An output.
    #[must_use]
    pub(crate) fn output(mut self, name: &str) -> Self {
        let name = name.to_owned();
        self.graph.output.push(ValueInfoProto { name, ..ValueInfoProto::default() });
        self
    }

    /// An initialiser of `f32`.
    #[must_use]
    pub(crate) fn floats(mut self, name: &str, dims: &[i64], values: &[f32]) -> Self {
        self.graph.initializer.push(TensorProto {
            name: name.to_owned(),
            dims: dims.to_vec(),
            data_type: 1,
            float_data: values.to_vec(),
            ..TensorProto::default()
        });
        self
    }

    /// An initialiser of `i64`.
    #[must_use]
    pub(crate) fn ints(mut self, name: &str, dims: &[i64], values: &[i64]) -> Self {
        self.graph.initializer.push(TensorProto {
            name: name.to_owned(),
            dims: dims.to_vec(),
            data_type: 7,
            int64_data: values.to_vec(),
            ..TensorProto::default()
        });
        self
    }

    /// A node; `op` may be `domain::op`.
    #[must_use]
    pub(crate) fn node(self, name: &str, op: &str, inputs: &[&str], outputs: &[&str]) -> Self {
        self.node_with(name, op, inputs, outputs, &[])
    }

    /// A node with attributes that are whole numbers.
    #[must_use]
    pub(crate) fn node_with(
        mut self,
        name: &str,
        op: &str,
        inputs: &[&str],
        outputs: &[&str],
        ints: &[(&str, i64)],
    ) -> Self {
        let (domain, op_type) = op.split_once("::").unwrap_or(("", op));
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let attribute = |&(name, i): &(&str, i64)| AttributeProto {
            name: name.to_owned(),
            type_: AttributeType::INT.into(),
            i,
            ..AttributeProto::default()
        };
        self.graph.node.push(NodeProto {
            name: name.to_owned(),
            op_type: op_type.to_owned(),
            domain: domain.to_owned(),
            input: owned(inputs),
            output: owned(outputs),
            attribute: ints.iter().map(attribute).collect(),
            ..NodeProto::default()
        });
        self
    }

    /// Adds a list of whole numbers to the attributes of the last node.
    #[must_use]
    pub(crate) fn with_ints(self, name: &str, ints: &[i64]) -> Self {
        let type_ = AttributeType::INTS.into();
        self.with(AttributeProto {
            name: name.to_owned(),
            type_,
            ints: ints.to_vec(),
            ..AttributeProto::default()
        })
    }

    /// Adds a text to the attributes of the last node.
    #[must_use]
    pub(crate) fn with_text(self, name: &str, text: &str) -> Self {
        let type_ = AttributeType::STRING.into();
        self.with(AttributeProto {
            name: name.to_owned(),
            type_,
            s: text.as_bytes().to_vec().into(),
            ..AttributeProto::default()
        })
    }

    fn with(mut self, attribute: AttributeProto) -> Self {
        self.graph.node.last_mut().expect("a node").attribute.push(attribute);
        self
    }

    /// A node that makes the constant `name`.
    #[must_use]
    pub(crate) fn constant(mut self, name: &str, dims: &[i64], values: &[f32]) -> Self {
        self = self.floats(name, dims, values);
        let tensor = self.graph.initializer.pop();
        self.node("", "Constant", &[], &[name]).with(AttributeProto {
            name: "value".to_owned(),
            type_: AttributeType::TENSOR.into(),
            t: tensor.into(),
            ..AttributeProto::default()
        })
    }

    /// The type of the last input, one of `TensorProto.DataType`.
    #[must_use]
    pub(crate) fn of_type(mut self, data_type: i32) -> Self {
        let input = self.graph.input.last_mut().expect("an input");
        input.type_.mut_or_insert_default().mut_tensor_type().elem_type = data_type;
        self
    }

    /// Stores the last initialiser, whose numbers must be small and even, in half precision.
    #[must_use]
    pub(crate) fn halved(mut self) -> Self {
        let tensor = self.graph.initializer.last_mut().expect("an initialiser");
        let bits = |value: &f32| i32::from(half::f16::from_f32(*value).to_bits());
        tensor.int32_data = tensor.float_data.iter().map(bits).collect();
        tensor.float_data.clear();
        tensor.data_type = 10;
        self
    }

    /// The file's bytes.
    pub(crate) fn bytes(mut self) -> Vec<u8> {
        self.model.graph = Some(self.graph).into();
        self.model.write_to_bytes().expect("a model that can be written")
    }

    /// Writes it into a folder of its own and loads it from there.
    pub(crate) fn load(self) -> Result<OnnxModel, Error> {
        load_bytes(&self.bytes())
    }
}

/// Loads `bytes` from a file in a folder of its own.
pub(crate) fn load_bytes(bytes: &[u8]) -> Result<OnnxModel, Error> {
    let folder = Scratch::new();
    let path = folder.0.join("model.onnx");
    std::fs::write(&path, bytes).expect("a writable folder");
    load(&path)
}

/// A folder that is removed when dropped.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    /// A new one.
    pub(crate) fn new() -> Self {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("zoo-onnx-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a writable folder");
        Self(folder)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
