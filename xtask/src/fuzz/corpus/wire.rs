//! Files that none of our writers makes: pickles and their containers, ONNX with blocks, Caffe.

/// A protobuf field of bytes: texts, messages and packed numbers.
fn field(number: u64, bytes: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

/// A protobuf field of a whole number.
fn int(number: u64, value: u64) -> Vec<u8> {
    [varint(number << 3), varint(value)].concat()
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

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// `NodeProto`, <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>.
fn node(op: &str, inputs: &[&str], outputs: &[&str], attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes: Vec<u8> = inputs.iter().flat_map(|name| field(1, name.as_bytes())).collect();
    bytes.extend(outputs.iter().flat_map(|name| field(2, name.as_bytes())));
    bytes.extend(field(3, outputs.concat().as_bytes()));
    bytes.extend(field(4, op.as_bytes()));
    bytes.extend(attributes.iter().flat_map(|attribute| field(5, attribute)));
    field(1, &bytes)
}

/// An attribute that is a graph.
fn graph_attribute(name: &str, graph: &[u8]) -> Vec<u8> {
    [field(1, name.as_bytes()), field(6, graph), int(20, 5)].concat()
}

/// `ValueInfoProto` of a tensor with elements of ONNX's type `dtype`.
fn value(field_number: u64, name: &str, dtype: u64, shape: &[u64]) -> Vec<u8> {
    let dims: Vec<u8> = shape.iter().flat_map(|&dim| field(1, &int(1, dim))).collect();
    let tensor = [int(1, dtype), field(2, &dims)].concat();
    field(field_number, &[field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat())
}

/// `TensorProto`, given its elements.
fn initializer(name: &str, dtype: u64, shape: &[u64], raw: &[u8]) -> Vec<u8> {
    let dims: Vec<u8> = shape.iter().flat_map(|&dim| int(1, dim)).collect();
    let tensor = [dims, int(2, dtype), field(8, name.as_bytes()), field(9, raw)].concat();
    field(5, &tensor)
}

fn model(graph: &[u8]) -> Vec<u8> {
    [int(1, 8), field(7, graph), field(8, &int(2, 16))].concat()
}

/// A loop that adds its input to a sum, with a branch inside.
pub(super) fn onnx_loop() -> Vec<u8> {
    let branch = |op| [node(op, &["s", "x"], &["t"], &[]), value(12, "t", 1, &[2])].concat();
    let body = [
        node("Identity", &["go"], &["on"], &[]),
        node(
            "If",
            &["go"],
            &["next"],
            &[
                graph_attribute("then_branch", &branch("Add")),
                graph_attribute("else_branch", &branch("Mul")),
            ],
        ),
        value(11, "i", 7, &[]),
        value(11, "go", 9, &[]),
        value(11, "s", 1, &[2]),
        value(12, "on", 9, &[]),
        value(12, "next", 1, &[2]),
    ]
    .concat();
    let graph = [
        node("Loop", &["count", "", "x"], &["y"], &[graph_attribute("body", &body)]),
        initializer("count", 7, &[], &3_u64.to_le_bytes()),
        value(11, "x", 1, &[2]),
        value(12, "y", 1, &[2]),
    ];
    model(&graph.concat())
}

/// A weight in a file beside the model, which is not there.
pub(super) fn onnx_external() -> Vec<u8> {
    let entry = |key: &str, value: &str| {
        field(13, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat())
    };
    let tensor = [
        int(1, 2),
        int(2, 1),
        field(8, b"w"),
        entry("location", "w.bin"),
        entry("offset", "4"),
        entry("length", "8"),
        int(14, 1),
    ];
    let graph = [
        node("Add", &["x", "w"], &["y"], &[]),
        field(5, &tensor.concat()),
        value(11, "x", 1, &[2]),
        value(12, "y", 1, &[2]),
    ];
    model(&graph.concat())
}

/// A `NetParameter` of a convolution, a pooling and an inner product, as Caffe saves it:
/// <https://github.com/BVLC/caffe/blob/master/src/caffe/proto/caffe.proto>.
pub(super) fn caffe() -> Vec<u8> {
    let blob = |shape: &[u64], values: &[f32]| {
        let dims: Vec<u8> = shape.iter().flat_map(|&dim| varint(dim)).collect();
        field(7, &[field(7, &field(1, &dims)), field(5, &floats(values))].concat())
    };
    let layer = |name: &str, kind: &str, from: &str, rest: Vec<u8>| {
        let names = [(1, name), (2, kind), (3, from), (4, name)];
        let names: Vec<u8> =
            names.iter().flat_map(|(number, text)| field(*number, text.as_bytes())).collect();
        field(100, &[names, rest].concat())
    };
    // ConvolutionParameter: num_output, pad, kernel_size; PoolingParameter: kernel, stride.
    let convolution = field(106, &[int(1, 2), int(3, 1), int(4, 3)].concat());
    let pooling = field(121, &[int(1, 0), int(2, 2), int(3, 2)].concat());
    let product = field(117, &int(1, 2));
    [
        field(1, b"small"),
        field(3, b"data"),
        [1, 1, 4, 4].iter().flat_map(|&dim| int(4, dim)).collect(),
        layer(
            "conv",
            "Convolution",
            "data",
            [blob(&[2, 1, 3, 3], &[0.5; 18]), blob(&[2], &[0.0; 2]), convolution].concat(),
        ),
        layer("relu", "ReLU", "conv", Vec::new()),
        layer("pool", "Pooling", "relu", pooling),
        layer(
            "fc",
            "InnerProduct",
            "pool",
            [blob(&[2, 8], &[0.25; 16]), blob(&[2], &[0.0; 2]), product].concat(),
        ),
        layer("prob", "Softmax", "fc", Vec::new()),
    ]
    .concat()
}

/// A pickle of protocol 2 with a text before a four-byte length.
fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

/// `{"w": FloatTensor of shape [2, 3], "b": the first two numbers of it}`, as `torch.save` says
/// it.
pub(super) fn state_dict() -> Vec<u8> {
    let storage = [
        b"((".to_vec(),
        text("storage"),
        b"ctorch\nFloatStorage\n".to_vec(),
        text("0"),
        text("cpu"),
        b"K\x06tQ".to_vec(),
    ]
    .concat();
    let rebuild = b"ctorch._utils\n_rebuild_tensor_v2\n";
    let rest = b"\x89ccollections\nOrderedDict\n)RtR";
    let matrix = [rebuild, &storage[..], b"K\x00K\x02K\x03\x86K\x03K\x01\x86", rest].concat();
    let vector = [rebuild, &storage[..], b"K\x00K\x02\x85K\x01\x85", rest].concat();
    [b"\x80\x02}(".to_vec(), text("w"), matrix, text("b"), vector, b"u.".to_vec()].concat()
}

/// Containers within containers, without tensors.
pub(super) fn plain_pickle() -> Vec<u8> {
    let inner = [b"}(".to_vec(), text("b"), b"]K\x01a".to_vec()];
    let inner = [inner.concat(), text("d"), b"K\x02K\x03\x86u".to_vec()].concat();
    let global = b"cos\nsystem\n".to_vec();
    [b"\x80\x02}(".to_vec(), text("a"), inner, text("c"), global, b"u.".to_vec()].concat()
}

/// The container before zip: magic number, version, system, state, keys, storages.
pub(super) fn legacy(pickle: &[u8], storage: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.".to_vec();
    bytes.extend(b"\x80\x02}q\x00X\x0d\x00\x00\x00little_endianq\x01\x88s.");
    // Here the number of elements is followed by a view, which is none.
    bytes.extend(replaced(pickle, b"K\x06tQ", b"K\x06NtQ"));
    bytes.extend([b"\x80\x02]".to_vec(), text("0"), b"a.".to_vec()].concat());
    bytes.extend((storage.len() as u64 / 4).to_le_bytes());
    bytes.extend(storage);
    bytes
}

fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut made = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(old.len()).position(|window| window == old) {
        made.extend([&rest[..at], new].concat());
        rest = &rest[at + old.len()..];
    }
    [made, rest.to_vec()].concat()
}

/// A zip of stored members. Checksums are 0, which stands for none: with one, no change to a
/// member would get past it.
pub(super) fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut directory = Vec::new();
    for (name, bytes) in members {
        let size = (bytes.len() as u32).to_le_bytes();
        // Version, flags, method, time, date, checksum, two sizes, two lengths.
        let mut shared = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        shared.extend([size, size].concat());
        shared.extend((name.len() as u16).to_le_bytes());
        shared.extend([0, 0]);
        let at = (file.len() as u32).to_le_bytes();
        directory
            .extend([b"PK\x01\x02\x14\0", &shared[..], &[0; 10], &at, name.as_bytes()].concat());
        file.extend([b"PK\x03\x04", &shared[..], name.as_bytes(), bytes].concat());
    }
    let count = (members.len() as u16).to_le_bytes();
    let (size, at) = ((directory.len() as u32).to_le_bytes(), (file.len() as u32).to_le_bytes());
    file.extend(&directory);
    file.extend([b"PK\x05\x06\0\0\0\0", &count[..], &count, &size, &at, &[0, 0]].concat());
    file
}
