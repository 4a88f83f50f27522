//! Caffe models that are damaged, or wish ill: an error comes out of them, or a model that is
//! sound, but never a panic, and soon.

mod caffe_support;

use std::path::Path;

use caffe_support::{Layer, Message, Net, Version, Window, load_bytes};
use zoo_convert::Error;
use zoo_convert::caffe::{CaffeModel, load};
use zoo_model::SplitMix64;

/// A network with a bit of everything.
fn network(version: Version) -> Net {
    let mut net = Net::with_input(version, [1, 3, 12, 12]);
    net.conv("conv1", "data", 4, 1, Window::square(3, 1, 1));
    net.relu("conv1");
    net.lrn("norm1", "conv1");
    net.pool("pool1", "norm1", true, Window::square(3, 2, 0));
    if version == Version::Two {
        net.batch_norm("bn", "pool1", 1.0);
        net.scale("scale", "pool1", true);
    }
    net.conv("conv2", "pool1", 4, 2, Window::square(1, 1, 0));
    net.eltwise("sum", &["pool1", "conv2"], 1, &[1.0, -0.5]);
    net.concat("both", &["sum", "conv2"]);
    net.inner_product("fc", "both", 5);
    net.softmax("prob", "fc");
    net
}

/// What a load may give: an error, or a graph whose shapes can be inferred.
fn survived(bytes: &[u8]) -> Result<CaffeModel, Error> {
    let result = load_bytes(bytes);
    if let Ok(model) = &result {
        let shapes: Vec<_> = model.graph.inputs.iter().map(|input| input.shape_with(2)).collect();
        let _ = model.graph.infer(&model.weights, &shapes);
    }
    result
}

/// The reason why a file is no sound Caffe model.
fn reason(bytes: &[u8]) -> String {
    match load_bytes(bytes) {
        Err(Error::Malformed { format: "Caffe", reason, .. }) => reason,
        other => panic!("not malformed but {other:?}"),
    }
}

#[test]
fn every_truncation_is_refused_or_sound() {
    for version in [Version::One, Version::Two] {
        let net = network(version);
        let bytes = net.bytes();
        assert!(net.load().is_ok());
        let mut refused = 0;
        for at in (0..bytes.len()).step_by(3) {
            let result = survived(&bytes[..at]);
            refused += usize::from(result.is_err());
        }
        // A file that ends between two layers is a shorter network.
        assert!(refused + 12 > bytes.len() / 3, "only {refused} of {} were", bytes.len() / 3);
    }
}

#[test]
fn bit_flips_are_survived() {
    for version in [Version::One, Version::Two] {
        let bytes = network(version).bytes().to_vec();
        let mut random = SplitMix64::new(1);
        let mut refused = 0;
        for flip in 0..1500 {
            let mut damaged = bytes.clone();
            for _ in 0..=flip % 3 {
                let at = (random.next_u64() % damaged.len() as u64) as usize;
                damaged[at] ^= 1 << (random.next_u64() % 8);
            }
            refused += usize::from(survived(&damaged).is_err());
        }
        assert!(refused > 120, "only {refused} were noticed");
    }
}

#[test]
fn what_is_no_file_or_no_model_is_refused() {
    assert!(matches!(load(Path::new("/no/such.caffemodel"), None), Err(Error::Io { .. })));
    assert_eq!(reason(b""), "it is empty");
    assert!(reason(b"PK\x03\x04 no protobuf").contains("no field"));
    assert_eq!(reason(&Message::new().text(1, "only a name").0), "it holds no layers");
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(load(folder.path(), None), Err(Error::Io { .. })));
}

#[test]
fn lengths_that_lie_are_refused() {
    // A layer of 2^63 - 1 bytes.
    let mut bytes = Message::new().text(1, "net").0;
    bytes.extend([0xa2, 6, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
    assert!(reason(&bytes).contains("is cut off"));
    // A number that does not end, and a group.
    assert!(reason(&[0xff; 32]).contains("no field"));
    assert!(reason(&[0x0b, 0x0c]).contains("no field"));
    // Inside a layer, where the outer lengths are right.
    let layer = Message::new().text(1, "conv").text(2, "Convolution").0;
    let layer = Message([&layer[..], &[0x3a, 0x7f, 1]].concat());
    assert!(reason(&Message::new().message(100, &layer).0).contains("is cut off"));
}

/// A network of one inner product whose weight is written as `blob`.
fn with_weight(blob: &Message) -> Vec<u8> {
    let settings = Message::new().integer(1, 2).integer(2, 0);
    let layer = Message::new().text(1, "fc").text(2, "InnerProduct").text(3, "data");
    let layer = layer.text(4, "out").message(7, blob).message(117, &settings);
    let net = Message::new().text(3, "data").integers(4, &[1, 2, 1, 1]);
    net.message(100, &layer).0
}

#[test]
fn shapes_that_lie_are_refused() {
    let data = Message::new().packed_floats(5, &[1.0; 4]);
    let shaped = |dims: &[i64]| {
        let shape = dims.iter().fold(Message::new(), |shape, &dim| shape.integer(1, dim));
        with_weight(&data.clone().message(7, &shape))
    };
    assert!(load_bytes(&shaped(&[2, 2])).is_ok());
    for dims in [
        &[2, 3][..],
        &[4],
        &[1 << 62, 2],
        &[i64::MAX, i64::MAX],
        &[-2, -2],
        &[i64::MIN, 2],
        &[0, 0],
        &[1 << 32, 1 << 32, 4],
        &[],
        &[1; 40],
    ] {
        let reason = reason(&shaped(dims));
        assert!(reason.contains("(layer \"fc\")"), "{dims:?}: {reason}");
    }
    // The first version's four lengths, and half a number at the end.
    let legacy = data.clone().integer(1, 1).integer(2, 1 << 61).integer(3, 1 << 2).integer(4, 2);
    assert!(reason(&with_weight(&legacy)).contains("4 numbers"));
    let half =
        Message::new().bytes(5, &[0; 17]).message(7, &Message::new().packed_integers(1, &[2, 2]));
    assert!(reason(&with_weight(&half)).contains("4 numbers"));
    let none = Message::new().message(7, &Message::new().packed_integers(1, &[2, 2]));
    assert!(reason(&with_weight(&none)).contains("0 numbers"));
}

#[test]
fn inputs_beyond_all_bounds_are_refused() {
    for dims in [[1, 3, 1 << 40, 1 << 40], [1, i64::MAX, 2, 2], [1, 0, 4, 4], [1, -1, 4, 4]] {
        let mut net = Net::new(Version::Two);
        let fields = dims.iter().fold(Message::new().text(3, "data"), |m, &dim| m.integer(4, dim));
        net.field(&fields);
        net.shape_only("data", [1, 3, 4, 4]);
        net.relu("data");
        assert!(reason(net.bytes()).contains("its input `data` has the shape"), "{dims:?}");
    }
    // A crop is such a number too.
    let mut net = Net::new(Version::Two);
    let (name, tops, kind) = ("data", &["data"], "Data");
    let transform = Some(Message::new().integer(3, i64::MAX));
    net.layer(&Layer { kind, name, tops, transform, ..Layer::default() });
    net.shape_only("data", [1, 3, 4, 4]);
    net.conv("conv", "data", 2, 1, Window::square(3, 1, 1));
    assert!(reason(net.bytes()).contains("its input `data` has the shape"));
}

#[test]
fn settings_beyond_all_bounds_are_refused() {
    let pooling = |settings: Message| {
        let mut net = Net::with_input(Version::Two, [1, 3, 8, 8]);
        let (kind, bottoms, tops) = ("Pooling", &["data"], &["pool"]);
        net.layer(&Layer { kind, name: "p", bottoms, tops, settings, ..Layer::default() });
        net.load()
    };
    let kernel = |size| Message::new().integer(2, size);
    assert!(pooling(kernel(2)).is_ok());
    for settings in [
        kernel(0),
        kernel(i64::MAX),
        kernel(-1),
        kernel(2).integer(3, 0),
        kernel(2).integer(3, i64::MAX),
        kernel(2).integer(4, i64::MAX),
        kernel(2).integer(4, 2),
        kernel(2).integer(1, 9),
        kernel(2).integer(2, 2).integer(2, 2),
        Message::new(),
    ] {
        assert!(pooling(settings.clone()).is_err(), "{:?}", settings.0);
    }
    for (kind, settings) in [
        ("LRN", Message::new().integer(1, 1 << 62)),
        ("LRN", Message::new().integer(1, i64::MAX)),
        ("LRN", Message::new().float(2, f32::NAN)),
        ("Softmax", Message::new().integer(2, i64::MIN)),
        ("Concat", Message::new().integer(2, 77)),
        ("Dropout", Message::new().float(1, 1.0)),
        ("ReLU", Message::new().float(1, f32::INFINITY)),
    ] {
        let mut net = Net::with_input(Version::Two, [1, 3, 8, 8]);
        let (bottoms, tops) = (&["data"], &["out"]);
        net.layer(&Layer { kind, name: "last", bottoms, tops, settings, ..Layer::default() });
        assert!(net.load().is_err(), "{kind} came through");
    }
}

#[test]
fn cycles_and_what_nothing_makes_are_refused() {
    let mut net = Net::with_input(Version::Two, [1, 3, 8, 8]);
    let mut add = |name, bottom, top| {
        let (kind, bottoms, tops) = ("ReLU", &[bottom], &[top]);
        net.layer(&Layer { kind, name, bottoms, tops, ..Layer::default() });
    };
    add("first", "b", "a");
    add("second", "a", "b");
    let reason = reason(net.bytes());
    assert_eq!(reason, "its ReLU (layer \"first\") reads `b`, which nothing before it makes");
}

#[test]
fn layers_without_parameters_or_names_are_survived() {
    let mut net = Net::with_input(Version::Two, [1, 3, 8, 8]);
    let (bottoms, tops) = (&["data"], &["out"]);
    let settings = Message::new().integer(1, 4).integer(4, 3);
    let kind = "Convolution";
    net.layer(&Layer { kind, name: "c", bottoms, tops, settings, ..Layer::default() });
    assert!(reason(net.bytes()).contains("ask for 2 blobs, it has 0"));
    // Names that are empty, or all the same, or those of parameters.
    let mut net = Net::with_input(Version::Two, [1, 3, 8, 8]);
    for _ in 0..3 {
        let (kind, bottoms) = ("ReLU", &["data"]);
        net.layer(&Layer { kind, name: "", bottoms, tops: bottoms, ..Layer::default() });
    }
    assert!(net.load().is_ok());
    let mut net = Net::with_input(Version::Two, [1, 3, 8, 8]);
    net.conv("a", "data", 3, 1, Window::square(1, 1, 0));
    net.conv("a.weight", "a", 3, 1, Window::square(1, 1, 0));
    assert!(net.load().is_err());
    // Neither bottoms nor tops.
    for kind in ["ReLU", "Eltwise", "Concat", "Split", "Convolution", "SoftmaxWithLoss", "Data"] {
        let mut net = Net::with_input(Version::Two, [1, 3, 8, 8]);
        net.layer(&Layer { kind, name: "x", ..Layer::default() });
        assert_eq!(reason(net.bytes()), "it computes nothing", "{kind}");
        let mut net = Net::with_input(Version::Two, [1, 3, 8, 8]);
        net.layer(&Layer { kind, name: "x", tops: &["out"], ..Layer::default() });
        assert!(net.load().is_err(), "{kind} without bottoms came through");
    }
}

#[test]
fn very_many_layers_are_refused() {
    let layer = Message::new().text(1, "r").text(2, "ReLU").text(3, "data").text(4, "data");
    let mut bytes = Message::new().text(3, "data").integers(4, &[1, 3, 2, 2]).0;
    let one = Message::new().message(100, &layer).0;
    bytes.extend(one.repeat(20_000));
    assert!(matches!(survived(&bytes), Err(Error::Malformed { .. })));
    bytes.truncate(bytes.len() - 11_000 * one.len());
    assert!(survived(&bytes).is_ok());
    // Values that double: 2^64 channels by 64 small layers.
    let mut net = Net::with_input(Version::Two, [1, 3, 2, 2]);
    for _ in 0..64 {
        let (kind, bottoms, tops) = ("Concat", &["data", "data"], &["data"]);
        net.layer(&Layer { kind, name: "c", bottoms, tops, ..Layer::default() });
    }
    assert!(survived(net.bytes()).is_err());
}
