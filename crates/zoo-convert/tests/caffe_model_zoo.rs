//! The networks of Caffe's own Model Zoo at full size, written with weights by rule: the files
//! themselves are not part of the tests.
//!
//! Source of the tables: `models/bvlc_alexnet`, `models/bvlc_reference_caffenet` and
//! `models/bvlc_googlenet` of BVLC/caffe, each `train_val.prototxt` and `deploy.prototxt`.

mod caffe_support;

use caffe_support::{Layer, Message, Net, Version, Window};
use zoo_convert::caffe::CaffeModel;
use zoo_model::Cuts;

/// A network as Caffe saves it after training: it begins with a data layer.
fn trained(version: Version, crop: usize) -> Net {
    let mut net = Net::new(version);
    let transform = Message::new().integer(2, 1).integer(3, crop as i64);
    let transform = transform.text(4, "data/ilsvrc12/imagenet_mean.binaryproto");
    let settings = Message::new().text(1, "ilsvrc12_train_lmdb").integer(4, 256).integer(8, 1);
    let (kind, name, tops) = ("Data", "data", &["data", "label"]);
    let (transform, phase) = (Some(transform), Some(0));
    net.layer(&Layer { kind, name, tops, settings, phase, transform, ..Layer::default() });
    net.shape_only("data", [1, 3, crop, crop]);
    net
}

fn loss(net: &mut Net, name: &str, bottom: &str, weight: f32) {
    let (kind, bottoms, tops) = ("SoftmaxWithLoss", &[bottom, "label"], &[name]);
    let loss_weight = Some(weight);
    net.layer(&Layer { kind, name, bottoms, tops, loss_weight, ..Layer::default() });
}

/// `AlexNet` normalises before it pools, `CaffeNet` after that.
fn alexnet(mut net: Net, normalizes_first: bool) -> Net {
    // Bottom, name, outputs, groups, kernel, stride, padding; whether norm and pooling follow.
    for (index, (outputs, groups, kernel, stride, pad, is_pooled, is_normalized)) in [
        (96, 1, 11, 4, 0, true, true),
        (256, 2, 5, 1, 2, true, true),
        (384, 1, 3, 1, 1, false, false),
        (384, 2, 3, 1, 1, false, false),
        (256, 2, 3, 1, 1, true, false),
    ]
    .into_iter()
    .enumerate()
    {
        let part = |what: &str, index: usize| format!("{what}{index}");
        let bottom = match index {
            0 => "data".to_owned(),
            1 | 2 if normalizes_first => part("pool", index),
            1 | 2 => part("norm", index),
            _ => part("conv", index),
        };
        let index = index + 1;
        let [conv, norm, pool] = ["conv", "norm", "pool"].map(|what| part(what, index));
        net.conv(&conv, &bottom, outputs, groups, Window::square(kernel, stride, pad));
        net.relu(&conv);
        let window = Window::square(3, 2, 0);
        match (is_pooled, is_normalized) {
            (true, true) if normalizes_first => {
                net.lrn(&norm, &conv);
                net.pool(&pool, &norm, true, window);
            }
            (true, true) => {
                net.pool(&pool, &conv, true, window);
                net.lrn(&norm, &pool);
            }
            (true, false) => net.pool(&pool, &conv, true, window),
            (false, _) => {}
        }
    }
    let mut bottom = "pool5";
    for name in ["fc6", "fc7"] {
        net.inner_product(name, bottom, 4096);
        net.relu(name);
        net.dropout(name);
        bottom = name;
    }
    net.inner_product("fc8", "fc7", 1000);
    net
}

/// With its two heads that only help training, where it is `trained`.
fn googlenet(mut net: Net, is_trained: bool) -> Net {
    net.conv("conv1/7x7_s2", "data", 64, 1, Window::square(7, 2, 3));
    net.relu("conv1/7x7_s2");
    net.pool("pool1/3x3_s2", "conv1/7x7_s2", true, Window::square(3, 2, 0));
    net.lrn("pool1/norm1", "pool1/3x3_s2");
    net.conv("conv2/3x3_reduce", "pool1/norm1", 64, 1, Window::square(1, 1, 0));
    net.relu("conv2/3x3_reduce");
    net.conv("conv2/3x3", "conv2/3x3_reduce", 192, 1, Window::square(3, 1, 1));
    net.relu("conv2/3x3");
    net.lrn("conv2/norm2", "conv2/3x3");
    net.pool("pool2/3x3_s2", "conv2/norm2", true, Window::square(3, 2, 0));
    let mut bottom = "pool2/3x3_s2".to_owned();
    // 1x1, 3x3 reduced, 3x3, 5x5 reduced, 5x5, pooled.
    for (block, outputs) in [
        ("3a", [64, 96, 128, 16, 32, 32]),
        ("3b", [128, 128, 192, 32, 96, 64]),
        ("4a", [192, 96, 208, 16, 48, 64]),
        ("4b", [160, 112, 224, 24, 64, 64]),
        ("4c", [128, 128, 256, 24, 64, 64]),
        ("4d", [112, 144, 288, 32, 64, 64]),
        ("4e", [256, 160, 320, 32, 128, 128]),
        ("5a", [256, 160, 320, 32, 128, 128]),
        ("5b", [384, 192, 384, 48, 128, 128]),
    ] {
        let name = format!("inception_{block}");
        net.inception(&name, &bottom, outputs);
        bottom = format!("{name}/output");
        let pooled = match block {
            "3b" => Some("pool3/3x3_s2"),
            "4e" => Some("pool4/3x3_s2"),
            _ => None,
        };
        if let Some(pooled) = pooled {
            net.pool(pooled, &bottom, true, Window::square(3, 2, 0));
            pooled.clone_into(&mut bottom);
        }
        let head = match block {
            "4a" => Some("loss1"),
            "4d" => Some("loss2"),
            _ => None,
        };
        if let Some(head) = head.filter(|_| is_trained) {
            let [pool, conv, fc, classifier] =
                ["ave_pool", "conv", "fc", "classifier"].map(|part| format!("{head}/{part}"));
            net.pool(&pool, &bottom, false, Window::square(5, 3, 0));
            net.conv(&conv, &pool, 128, 1, Window::square(1, 1, 0));
            net.relu(&conv);
            net.inner_product(&fc, &conv, 1024);
            net.relu(&fc);
            net.inner_product(&classifier, &fc, 1000);
            loss(&mut net, &format!("{head}/loss"), &classifier, 0.3);
        }
    }
    net.pool("pool5/7x7_s1", &bottom, false, Window::square(7, 1, 0));
    net.dropout("pool5/7x7_s1");
    net.inner_product("loss3/classifier", "pool5/7x7_s1", 1000);
    net
}

/// That the model makes 1000 numbers of an image of this side, with so many parameters; and that
/// its last inner product, which has this feature, is found to be the head.
fn check(model: &CaffeModel, side: usize, parameters: usize, feature_length: usize) {
    let graph = &model.graph;
    assert_eq!(graph.inputs[0].shape_with(1), [1, 3, side, side]);
    let facts = graph.infer(&model.weights, &[vec![1, 3, side, side]]).expect("sound shapes");
    assert_eq!(facts[&graph.outputs[0]].shape, [1, 1000]);
    assert_eq!(graph.trainable_elements(), parameters);
    let cuts = Cuts::find(graph, &model.weights).expect("cuts").expect("a head");
    assert_eq!(cuts.feature_length, feature_length);
    let preprocess = model.preprocess.as_ref().expect("preprocessing");
    assert_eq!(preprocess.crop, Some([side as u32; 2]));
}

/// The parameters that BVLC's files have: 60 965 224 numbers, of which 4 bytes each make up the
/// 243 862 414 bytes of `bvlc_alexnet.caffemodel`.
const ALEXNET: usize = 60_965_224;

#[test]
fn alexnet_loads() {
    let mut net = alexnet(trained(Version::Two, 227), true);
    loss(&mut net, "loss", "fc8", 1.0);
    let model = net.load().expect("a model");
    check(&model, 227, ALEXNET, 4096);
    assert_eq!(model.weights.get("fc6.weight").unwrap().shape(), [4096, 9216]);
}

#[test]
fn caffenet_loads() {
    let mut net = Net::new(Version::One);
    net.field(&Message::new().text(3, "data").integers(4, &[10, 3, 227, 227]));
    net.shape_only("data", [1, 3, 227, 227]);
    let mut net = alexnet(net, false);
    net.softmax("prob", "fc8");
    check(&net.load().expect("a model"), 227, ALEXNET, 4096);
}

#[test]
fn googlenet_loads() {
    for (version, is_trained) in [(Version::One, true), (Version::Two, false)] {
        let mut net = googlenet(trained(version, 224), is_trained);
        loss(&mut net, "loss3/loss3", "loss3/classifier", 1.0);
        // 6 998 552 with a classifier of 1000: what Inception v1 has without batch norm.
        check(&net.load().expect("a model"), 224, 6_998_552, 1024);
    }
}
