//! What the tests of Caffe models share: networks that are written layer by layer, in either
//! version of the format, while what they compute is computed beside.

#![allow(dead_code)]

mod image;
mod layers;
mod wire;

use std::collections::HashMap;
use std::path::PathBuf;

pub(crate) use image::{Image, Window};
pub(crate) use wire::Message;
use zoo_convert::Error;
use zoo_convert::caffe::{CaffeModel, load};
use zoo_model::{Device, Executor, SplitMix64, Tensor};

/// The version of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// `V1LayerParameter`: types are numbers, shapes have four lengths.
    One,
    /// `LayerParameter`.
    Two,
}

/// How the numbers of blobs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbers {
    Packed,
    /// One field for each, as readers of protobuf must accept as well.
    OneByOne,
    /// `double_data`.
    Doubles,
}

/// Of a type of layers: its number and the field of its settings in the first version of the
/// format, and that field in the second. From `caffe.proto`.
fn numbers(kind: &str) -> (i64, u32, u32) {
    match kind {
        "Accuracy" => (1, 27, 102),
        "Concat" => (3, 9, 104),
        "Convolution" => (4, 10, 106),
        "Data" => (5, 11, 107),
        "Dropout" => (6, 12, 108),
        "EuclideanLoss" => (7, 42, 101),
        "Flatten" => (8, 999, 135),
        "InnerProduct" => (14, 17, 117),
        "LRN" => (15, 18, 118),
        "Pooling" => (17, 19, 121),
        "ReLU" => (18, 30, 123),
        "Sigmoid" => (19, 38, 124),
        "Softmax" => (20, 39, 125),
        "SoftmaxWithLoss" => (21, 42, 101),
        "Split" => (22, 999, 999),
        "TanH" => (23, 37, 127),
        "Eltwise" => (25, 24, 110),
        "MemoryData" => (29, 22, 119),
        "Slice" => (33, 31, 126),
        "Silence" => (36, 999, 999),
        "BatchNorm" => (-1, 0, 139),
        "Scale" => (-1, 0, 142),
        "Input" => (-1, 0, 143),
        "Crop" => (-1, 0, 144),
        other => panic!("no numbers for {other}"),
    }
}

/// A layer that is being written.
#[derive(Default)]
pub(crate) struct Layer<'a> {
    pub(crate) kind: &'a str,
    pub(crate) name: &'a str,
    pub(crate) bottoms: &'a [&'a str],
    pub(crate) tops: &'a [&'a str],
    pub(crate) settings: Message,
    /// Shapes and numbers.
    pub(crate) blobs: Vec<(Vec<usize>, Vec<f32>)>,
    /// The phase of a rule that includes it.
    pub(crate) phase: Option<i64>,
    /// `transform_param`.
    pub(crate) transform: Option<Message>,
    pub(crate) loss_weight: Option<f32>,
}

/// A network that is being written, and what it computes.
pub(crate) struct Net {
    version: Version,
    pub(crate) numbers: Numbers,
    message: Message,
    values: HashMap<String, Image>,
    random: SplitMix64,
}

impl Net {
    /// A network without input.
    pub(crate) fn new(version: Version) -> Self {
        Self {
            version,
            numbers: Numbers::Packed,
            message: Message::new().text(1, "net"),
            values: HashMap::new(),
            random: SplitMix64::new(7),
        }
    }

    /// A network with the input `data`, which it declares, and numbers in it.
    pub(crate) fn with_input(version: Version, shape: [usize; 4]) -> Self {
        let mut net = Self::new(version);
        net.message = net.message.text(3, "data").integers(4, &shape);
        net.feed("data", shape);
        net
    }

    /// Lets `name` have random numbers.
    pub(crate) fn feed(&mut self, name: &str, shape: [usize; 4]) {
        let data = self.draw(shape.iter().product(), 1.0);
        let data = data.into_iter().map(f64::from).collect();
        self.values.insert(name.to_owned(), Image { shape, data });
    }

    /// Lets `name` have a shape only; what follows from it has no numbers either.
    pub(crate) fn shape_only(&mut self, name: &str, shape: [usize; 4]) {
        self.values.insert(name.to_owned(), Image { shape, data: Vec::new() });
    }

    /// Numbers from -scale to scale, as the file will store them.
    pub(crate) fn draw(&mut self, count: usize, scale: f64) -> Vec<f32> {
        (0..count).map(|_| ((2.0 * self.random.unit() - 1.0) * scale) as f32).collect()
    }

    pub(crate) fn value(&self, name: &str) -> &Image {
        &self.values[name]
    }

    pub(crate) fn set(&mut self, name: &str, value: Image) {
        self.values.insert(name.to_owned(), value);
    }

    /// Adds fields to the network's own.
    pub(crate) fn field(&mut self, fields: &Message) {
        self.message = std::mem::take(&mut self.message).and(fields);
    }

    /// Adds a layer, without computing anything.
    pub(crate) fn layer(&mut self, layer: &Layer) {
        let (number, one, two) = numbers(layer.kind);
        let blobs: Vec<Message> =
            layer.blobs.iter().map(|(shape, values)| self.blob(shape, values)).collect();
        let rule = layer.phase.map(|phase| Message::new().integer(1, phase));
        let (outer, message) = match self.version {
            Version::One => {
                assert!(number >= 0, "{} came with the second version", layer.kind);
                let mut message = Message::new()
                    .texts(2, layer.bottoms)
                    .texts(3, layer.tops)
                    .text(4, layer.name)
                    .integer(5, number);
                message = blobs.iter().fold(message, |message, blob| message.message(6, blob));
                // What it learned with, which nothing here needs.
                message = message.float(7, 1.0).float(8, 0.5).message(one, &layer.settings);
                message = rule.iter().fold(message, |message, rule| message.message(32, rule));
                let transform = layer.transform.iter();
                message = transform.fold(message, |message, one| message.message(36, one));
                let weight = layer.loss_weight.iter();
                (2, weight.fold(message, |message, weight| message.float(35, *weight)))
            }
            Version::Two => {
                let mut message = Message::new()
                    .text(1, layer.name)
                    .text(2, layer.kind)
                    .texts(3, layer.bottoms)
                    .texts(4, layer.tops);
                message = layer.loss_weight.iter().fold(message, |m, weight| m.float(5, *weight));
                message = blobs.iter().fold(message, |message, blob| message.message(7, blob));
                message = rule.iter().fold(message, |message, rule| message.message(8, rule));
                // Caffe gives each layer of a network that is trained the phase TRAIN.
                message = message.integer(10, 0);
                let transform = layer.transform.iter();
                message = transform.fold(message, |message, one| message.message(100, one));
                (100, message.message(two, &layer.settings))
            }
        };
        self.message = std::mem::take(&mut self.message).message(outer, &message);
    }

    fn blob(&self, shape: &[usize], values: &[f32]) -> Message {
        let message = match self.version {
            Version::One => {
                let spare = vec![1; 4 - shape.len()];
                let four = spare.iter().chain(shape);
                (1..)
                    .zip(four)
                    .fold(Message::new(), |m, (field, dim)| m.integer(field, *dim as i64))
            }
            Version::Two => Message::new().message(7, &Message::new().packed_integers(1, shape)),
        };
        match self.numbers {
            Numbers::Packed => message.packed_floats(5, values),
            Numbers::OneByOne => values.iter().fold(message, |m, value| m.float(5, *value)),
            Numbers::Doubles => {
                values.iter().fold(message, |m, value| m.double(8, (*value).into()))
            }
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.message.0
    }

    pub(crate) fn load(&self) -> Result<CaffeModel, Error> {
        load_bytes(self.bytes())
    }

    /// Loads the network, runs it on `data`, and compares what comes out with the value `output`.
    pub(crate) fn check(&self, output: &str) -> CaffeModel {
        let model = self.load().expect("a model that loads");
        let data = self.value("data");
        let values: Vec<f32> = data.data.iter().map(|&value| value as f32).collect();
        let input = Tensor::from_f32(&data.shape, &values);
        let executor = Executor::new(model.graph.clone(), &model.weights, &Device::Cpu);
        let outputs = executor.and_then(|executor| executor.infer(&[input])).expect("a run");
        assert_eq!(outputs.len(), 1);
        let (found, expected) = (&outputs[0], self.value(output));
        assert_eq!(found.len(), expected.data.len(), "{:?} {:?}", found.shape(), expected.shape);
        let lengths: Vec<usize> = expected.shape.to_vec();
        assert_eq!(found.shape(), &lengths[..found.shape().len()]);
        let largest =
            expected.data.iter().fold(1e-3, |largest: f64, value| largest.max(value.abs()));
        for (index, (found, expected)) in found.to_f32().iter().zip(&expected.data).enumerate() {
            let difference = (f64::from(*found) - expected).abs();
            assert!(difference < 1e-5 * largest, "at {index}: {found}, not {expected}");
        }
        model
    }
}

/// Loads a model from bytes.
pub(crate) fn load_bytes(bytes: &[u8]) -> Result<CaffeModel, Error> {
    let folder = tempfile::tempdir().expect("a folder");
    load(&write(&folder, "model.caffemodel", bytes), None)
}

/// Writes a file.
pub(crate) fn write(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("a file");
    path
}
