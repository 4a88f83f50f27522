//! Caffe models, written to the published format: what they compute here is what Caffe's own
//! formulas give.

mod caffe_support;

use caffe_support::{Image, Layer, Message, Net, Numbers, Version, Window, load_bytes, write};
use zoo_convert::caffe::load;
use zoo_convert::format::{Format, detect};
use zoo_convert::{ConvertOptions, Error, Preparation, convert};
use zoo_model::preprocess::{Color, Resize};
use zoo_model::{Cuts, Op, Preprocess};

const BOTH: [Version; 2] = [Version::One, Version::Two];

/// AlexNet in small: groups, normalisation across channels, pooling that hangs over the end,
/// inner products.
fn alexnet(version: Version, numbers: Numbers) -> Net {
    let mut net = Net::with_input(version, [2, 3, 30, 30]);
    net.numbers = numbers;
    net.conv("conv1", "data", 8, 1, Window::square(5, 2, 0));
    net.relu("conv1");
    net.lrn("norm1", "conv1");
    net.pool("pool1", "norm1", true, Window::square(3, 2, 0));
    net.conv("conv2", "pool1", 12, 2, Window::square(5, 1, 2));
    net.relu("conv2");
    net.pool("pool2", "conv2", true, Window::square(3, 2, 0));
    net.inner_product("fc6", "pool2", 20);
    net.relu("fc6");
    net.dropout("fc6");
    net.inner_product("fc7", "fc6", 7);
    net
}

#[test]
fn a_small_alexnet_computes_what_caffe_does() {
    for version in BOTH {
        for numbers in [Numbers::Packed, Numbers::OneByOne, Numbers::Doubles] {
            let mut net = alexnet(version, numbers);
            net.softmax("prob", "fc7");
            let model = net.check("prob");
            let names: Vec<&str> = model.weights.names().collect();
            let layers = ["conv1", "conv2", "fc6", "fc7"];
            let all = layers.iter().flat_map(|l| [format!("{l}.bias"), format!("{l}.weight")]);
            assert_eq!(names, all.collect::<Vec<_>>());
            assert_eq!(model.weights.get("conv2.weight").unwrap().shape(), [12, 4, 5, 5]);
            let input = &model.graph.inputs[0];
            assert_eq!((&*input.name, &*input.shape_text()), ("data", "[?, 3, 30, 30]"));
            assert_eq!(model.graph.outputs, ["prob"]);
            let cuts = Cuts::find(&model.graph, &model.weights).unwrap().expect("a head");
            assert_eq!((&*cuts.logits, cuts.feature_length), ("fc7", 20));
        }
    }
}

#[test]
fn a_small_googlenet_computes_what_caffe_does() {
    for version in BOTH {
        let mut net = Net::with_input(version, [1, 3, 28, 28]);
        net.conv("conv1/7x7_s2", "data", 6, 1, Window::square(7, 2, 3));
        net.relu("conv1/7x7_s2");
        net.pool("pool1/3x3_s2", "conv1/7x7_s2", true, Window::square(3, 2, 0));
        net.lrn("pool1/norm1", "pool1/3x3_s2");
        net.inception("inception_3a", "pool1/norm1", [4, 3, 6, 2, 3, 2]);
        net.inception("inception_3b", "inception_3a/output", [5, 4, 7, 3, 4, 3]);
        net.pool("pool5", "inception_3b/output", false, Window::square(7, 1, 0));
        net.dropout("pool5");
        net.inner_product("loss3/classifier", "pool5", 9);
        net.softmax("prob", "loss3/classifier");
        let model = net.check("prob");
        assert_eq!(model.weights.len(), 2 * (1 + 6 + 6 + 1));
        assert!(model.weights.get("inception_3a/5x5_reduce.weight").is_some());
    }
}

#[test]
fn batch_norm_with_its_scale_is_one_operator() {
    let mut net = Net::with_input(Version::Two, [2, 3, 9, 9]);
    net.conv("conv1", "data", 6, 1, Window::square(3, 1, 1));
    net.batch_norm("bn1", "conv1", 1.0);
    net.scale("scale1", "conv1", true);
    net.relu("conv1");
    net.conv("conv2", "conv1", 6, 1, Window::square(3, 1, 1));
    net.batch_norm("bn2", "conv2", 999.98);
    net.scale("scale2", "conv2", false);
    net.eltwise("sum", &["conv1", "conv2"], 1, &[]);
    net.relu("sum");
    let model = net.check("sum");
    let norms = model.graph.nodes.iter().filter(|node| matches!(node.op, Op::BatchNorm(_)));
    assert_eq!(norms.count(), 2);
    assert_eq!(model.graph.nodes.len(), 7);
    for name in ["bn1.running_mean", "bn2.running_var", "scale1.weight", "scale2.bias"] {
        assert!(model.graph.parameters.contains_key(name), "no {name}");
    }
    let is_trained = |name: &str| model.graph.parameters[name].trainable;
    assert!(is_trained("scale1.bias") && is_trained("scale2.weight"));
    assert!(!is_trained("bn1.running_mean") && !is_trained("scale2.bias"));
}

#[test]
fn batch_norm_and_scale_stand_by_themselves_too() {
    let mut net = Net::with_input(Version::Two, [2, 4, 5, 5]);
    net.scale("scale0", "data", true);
    net.batch_norm("bn1", "data", 2.0);
    // Two readers: the scale is not the batch norm's alone.
    net.conv("conv1", "data", 4, 1, Window::square(1, 1, 0));
    net.scale("scale1", "data", false);
    net.eltwise("sum", &["data", "conv1"], 1, &[]);
    net.batch_norm("bn2", "sum", 0.0);
    // What goes in is what `data` was before the layers in place.
    let input = Net::with_input(Version::Two, [2, 4, 5, 5]).value("data").clone();
    net.set("data", input);
    let model = net.check("sum");
    let norms = model.graph.nodes.iter().filter(|node| matches!(node.op, Op::BatchNorm(_)));
    assert_eq!(norms.count(), 2);
    assert!(!model.graph.parameters["bn1.weight"].trainable);
}

#[test]
fn elementwise_layers_take_coefficients() {
    for version in BOTH {
        for (operation, coefficients) in [
            (1, vec![]),
            (1, vec![0.5, -1.0, 2.0]),
            (1, vec![-1.0, 1.0, -1.0]),
            (0, vec![]),
            (2, vec![]),
        ] {
            let mut net = Net::with_input(version, [2, 3, 4, 4]);
            net.conv("a", "data", 3, 1, Window::square(1, 1, 0));
            net.conv("b", "data", 3, 3, Window::square(3, 1, 1));
            net.eltwise("out", &["a", "b", "data"], operation, &coefficients);
            net.check("out");
        }
    }
}

#[test]
fn pooling_rounds_as_caffe_does() {
    let odd = Window { kernel: [3, 2], stride: [2, 3], pad: [1, 0], dilation: [1; 2] };
    let mut windows: Vec<Window> = [
        (3, 2, 0),
        (3, 2, 1),
        (2, 2, 0),
        (2, 2, 1),
        (3, 1, 1),
        (5, 3, 2),
        (3, 3, 1),
        (1, 1, 0),
        // The last window would begin in the padding behind the input.
        (2, 3, 1),
        (4, 4, 1),
    ]
    .into_iter()
    .map(|(kernel, stride, pad)| Window::square(kernel, stride, pad))
    .collect();
    windows.push(odd);
    let mut hang_over = 0;
    for size in 5..10 {
        for window in &windows {
            for is_max in [true, false] {
                let mut net = Net::with_input(Version::Two, [1, 2, size, size + 1]);
                net.pool("pool", "data", is_max, *window);
                if net.value("pool").data.contains(&f64::MIN) {
                    continue;
                }
                match net.load() {
                    Ok(_) => {
                        net.check("pool");
                        hang_over += 1;
                    }
                    Err(Error::UnsupportedOperators { .. }) => {}
                    Err(error) => panic!("{window:?} over {size}: {error}"),
                }
            }
        }
    }
    assert!(hang_over > 90, "only {hang_over} were compared");
}

#[test]
fn a_window_that_sees_nothing_is_refused() {
    // Caffe makes 3 of 5 by windows of one with a step of three: the last one begins at 6.
    let mut net = Net::with_input(Version::Two, [1, 2, 5, 5]);
    let settings = Message::new().integers(2, &[1]).integers(3, &[3]);
    let (bottoms, tops) = (&["data"], &["pool"]);
    net.layer(&Layer { kind: "Pooling", name: "p", bottoms, tops, settings, ..Layer::default() });
    let error = net.load().unwrap_err().to_string();
    assert!(error.contains("Pooling (layer \"p\"): its last window sees nothing"), "{error}");
}

#[test]
fn convolutions_take_all_their_settings() {
    for window in [
        Window { kernel: [1, 3], stride: [2, 1], pad: [0, 1], dilation: [1; 2] },
        Window { kernel: [3, 3], stride: [1, 1], pad: [2, 2], dilation: [2; 2] },
        Window { kernel: [3, 2], stride: [1, 2], pad: [1, 0], dilation: [1, 3] },
    ] {
        let mut net = Net::with_input(Version::Two, [2, 4, 9, 8]);
        net.conv("conv", "data", 6, 2, window);
        net.check("conv");
    }
    // The names with an axis in them, and no bias.
    let mut net = Net::with_input(Version::One, [1, 2, 6, 6]);
    let weight = net.draw(4 * 2 * 3 * 2, 0.5);
    let window = Window { kernel: [3, 2], stride: [1, 2], pad: [1, 0], dilation: [1; 2] };
    let made = net.value("data").convolved(&weight, None, 4, 1, window);
    net.set("conv", made);
    let settings = Message::new().integer(1, 4).integer(2, 0).integers(11, &[3]).integers(12, &[2]);
    let settings = settings.integers(9, &[1]).integers(13, &[1]).integers(14, &[2]);
    let blobs = vec![(vec![4, 2, 3, 2], weight)];
    let (kind, bottoms, tops) = ("Convolution", &["data"], &["conv"]);
    net.layer(&Layer { kind, name: "conv", bottoms, tops, settings, blobs, ..Layer::default() });
    net.check("conv");
}

#[test]
fn the_smaller_layers_compute_what_caffe_does() {
    type Function = fn(f64) -> f64;
    let cases: [(&str, Message, Function); 5] = [
        ("Sigmoid", Message::new(), |x| 1.0 / (1.0 + (-x).exp())),
        ("TanH", Message::new(), f64::tanh),
        ("ReLU", Message::new().float(1, 0.25), |x| if x > 0.0 { x } else { 0.25 * x }),
        ("Flatten", Message::new(), |x| x),
        ("Split", Message::new(), |x| x),
    ];
    for version in BOTH {
        for (kind, settings, function) in &cases {
            let mut net = Net::with_input(version, [2, 3, 4, 4]);
            net.conv("conv", "data", 3, 1, Window::square(1, 1, 0));
            let made = net.value("conv").map(function);
            let flat = [made.shape[0], made.shape[1..].iter().product(), 1, 1];
            let shape = if *kind == "Flatten" { flat } else { made.shape };
            net.set("out", Image { shape, ..made });
            let (bottoms, tops, settings) = (&["conv"], &["out"], settings.clone());
            net.layer(&Layer { kind, name: "last", bottoms, tops, settings, ..Layer::default() });
            net.check("out");
        }
    }
}

#[test]
fn global_pooling_and_a_transposed_product() {
    for is_max in [true, false] {
        let mut net = Net::with_input(Version::Two, [2, 5, 4, 6]);
        let window = Window { kernel: [4, 6], stride: [1; 2], pad: [0; 2], dilation: [1; 2] };
        let made = net.value("data").pooled(is_max, window);
        net.set("pool", made);
        let settings = Message::new().integer(1, i64::from(!is_max)).integer(12, 1);
        let (bottoms, tops) = (&["data"], &["pool"]);
        let kind = "Pooling";
        net.layer(&Layer { kind, name: "p", bottoms, tops, settings, ..Layer::default() });
        let weight = net.draw(5 * 3, 0.5);
        let turned: Vec<f32> = (0..15).map(|i| weight[(i % 5) * 3 + i / 5]).collect();
        let made = net.value("pool").multiplied(&turned, None, 3);
        net.set("fc", made);
        let settings = Message::new().integer(1, 3).integer(2, 0).integer(6, 1);
        let (bottoms, tops, blobs) = (&["pool"], &["fc"], vec![(vec![5, 3], weight)]);
        let kind = "InnerProduct";
        net.layer(&Layer { kind, name: "fc", bottoms, tops, settings, blobs, ..Layer::default() });
        net.check("fc");
    }
}

/// A network as it is saved while it is trained: data layers, splits, a second head, losses.
fn trained(version: Version, crop: Option<i64>) -> Net {
    let mut net = Net::new(version);
    net.feed("data", [2, 3, 16, 16]);
    let transform = |size: i64| {
        let transform = Message::new().float(1, 0.5).integer(2, 1).integer(3, size);
        transform.float(5, 104.0).float(5, 117.0).float(5, 123.0)
    };
    for phase in [0, 1] {
        let settings = Message::new().text(1, "ilsvrc12_train_lmdb").integer(4, 32);
        let (name, tops) = ("data", &["data", "label"]);
        let (transform, phase) = (crop.map(transform), Some(phase));
        let layer =
            Layer { kind: "Data", name, tops, settings, transform, phase, ..Layer::default() };
        net.layer(&layer);
    }
    let split = |net: &mut Net, bottom: &str, tops: &[&str]| {
        let made = net.value(bottom).clone();
        for top in tops {
            net.set(top, made.clone());
        }
        let name = format!("{bottom}_split");
        let (kind, bottoms) = ("Split", &[bottom]);
        net.layer(&Layer { kind, name: &name, bottoms, tops, ..Layer::default() });
    };
    net.set("label", Image { shape: [2, 1, 1, 1], data: vec![0.0; 2] });
    split(&mut net, "label", &["label_0", "label_1", "label_2"]);
    net.conv("conv1", "data", 6, 1, Window::square(3, 2, 1));
    net.relu("conv1");
    split(&mut net, "conv1", &["conv1_0", "conv1_1"]);
    net.inner_product("loss1/fc", "conv1_0", 5);
    let loss = |net: &mut Net, name: &str, kind: &str, bottoms: &[&str], weight| {
        let (tops, loss_weight) = (&[name], weight);
        net.layer(&Layer { kind, name, bottoms, tops, loss_weight, ..Layer::default() });
    };
    loss(&mut net, "loss1", "SoftmaxWithLoss", &["loss1/fc", "label_0"], Some(0.3));
    net.pool("pool", "conv1_1", false, Window::square(8, 1, 0));
    net.inner_product("loss3/fc", "pool", 5);
    net.set("main", net.value("loss3/fc").clone());
    loss(&mut net, "loss3", "SoftmaxWithLoss", &["loss3/fc", "label_1"], Some(1.0));
    loss(&mut net, "top1", "Accuracy", &["loss3/fc", "label_2"], None);
    net
}

#[test]
fn what_only_training_needs_is_left_out() {
    for version in BOTH {
        let net = trained(version, Some(16));
        let model = net.check("main");
        assert_eq!(model.graph.outputs, ["loss3/fc"]);
        assert_eq!(model.graph.inputs[0].shape_text(), "[?, 3, 16, 16]");
        assert!(model.weights.names().all(|name| !name.starts_with("loss1")));
        assert_eq!(model.weights.len(), 4);
        // Caffe subtracts first, here the factor comes first.
        let preprocess = model.preprocess.expect("preprocessing");
        assert_eq!((preprocess.color, preprocess.scale), (Color::Bgr, 0.5));
        assert_eq!(preprocess.mean, [52.0, 58.5, 61.5]);
        assert_eq!(preprocess.crop, Some([16, 16]));
    }
}

#[test]
fn the_size_may_come_from_outside() {
    let net = trained(Version::Two, None);
    let folder = tempfile::tempdir().unwrap();
    // Named after nothing: its bytes tell what it is.
    let path = write(&folder, "snapshot", net.bytes());
    assert_eq!(detect(&path).unwrap(), Format::Caffe);
    let error = load(&path, None).unwrap_err().to_string();
    assert!(error.contains("does not say how large its input `data` is"), "{error}");
    let preprocess = Preprocess {
        resize: Some(Resize::Exact([18, 18])),
        crop: Some([16, 16]),
        color: Color::Bgr,
        scale: 1.0,
        mean: vec![104.0, 117.0, 123.0],
        ..Preprocess::default()
    };
    let options = ConvertOptions {
        preparation: Preparation::Stated(preprocess.clone()),
        ..ConvertOptions::default()
    };
    let bundle = convert(&path, &options).unwrap().bundle;
    assert_eq!(bundle.graph.inputs[0].shape_text(), "[?, 3, 16, 16]");
    assert_eq!(bundle.card.preprocess, Some(preprocess));
}

#[test]
fn a_bundle_is_made_with_caffes_preprocessing() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "small.caffemodel", alexnet(Version::One, Numbers::Packed).bytes());
    let conversion = convert(&path, &ConvertOptions::default()).unwrap();
    assert_eq!(conversion.format, Format::Caffe);
    assert_eq!(conversion.report.applied.len(), 8);
    let card = conversion.bundle.card;
    assert_eq!((&*card.name, &*card.task), ("small", "image-classification"));
    let preprocess = card.preprocess.expect("preprocessing");
    assert_eq!((preprocess.color, preprocess.scale), (Color::Bgr, 1.0));
    assert_eq!(preprocess.mean, [104.0, 117.0, 123.0]);
}

#[test]
fn all_that_is_refused_is_named_at_once() {
    let mut net = Net::with_input(Version::Two, [1, 3, 8, 8]);
    let mut add = |kind, name, bottoms, tops, settings| {
        net.layer(&Layer { kind, name, bottoms, tops, settings, ..Layer::default() });
    };
    add("Crop", "crop", &["data"][..], &["a"][..], Message::new());
    add("LRN", "within", &["a"], &["b"], Message::new().integer(4, 1));
    add("Pooling", "any", &["b"], &["c"], Message::new().integer(1, 2).integer(2, 2));
    add("Slice", "both", &["c"], &["d", "e"], Message::new());
    // Nothing depends on what this makes.
    add("Silence", "quiet", &["d"], &[], Message::new());
    let Err(Error::UnsupportedOperators { nodes, .. }) = load_bytes(net.bytes()) else {
        panic!("it was not refused");
    };
    assert_eq!(nodes.len(), 4, "{nodes:?}");
    for (node, title) in nodes.iter().zip([
        "Crop (layer \"crop\")",
        "LRN (layer \"within\")",
        "Pooling (layer \"any\")",
        "Slice (layer \"both\")",
    ]) {
        assert!(node.starts_with(title), "{node}");
    }
}
