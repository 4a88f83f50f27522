//! `NetParameter`: the network as the file gives it, in either version of the format.
//!
//! Source of all numbers: `src/caffe/proto/caffe.proto` of BVLC/caffe.

use super::blob::Blob;
use super::wire::Message;

/// More layers than any network has; what a graph goes through is bounded by it.
const MAX_LAYERS: usize = 10_000;

/// A network.
#[derive(Debug)]
pub(super) struct Network {
    /// Inputs that the network itself declares.
    pub(super) inputs: Vec<Declared>,
    /// The layers, in the order in which they run.
    pub(super) layers: Vec<Layer>,
}

/// The name of an input, and its shape if that is given.
type Declared = (String, Option<Vec<i64>>);

/// A layer.
#[derive(Debug)]
pub(super) struct Layer {
    /// Its name, not always unique.
    pub(super) name: String,
    /// Its type, as the second version of the format calls it, such as `InnerProduct`.
    pub(super) kind: String,
    /// What it reads.
    pub(super) bottoms: Vec<String>,
    /// What it makes; in place where that has the same name.
    pub(super) tops: Vec<String>,
    /// Its share of the loss, if it says so.
    pub(super) loss_weight: Option<f32>,
    /// Whether it is there when the network is tested, not only when it is trained.
    pub(super) is_tested: bool,
    message: Message,
    version: Version,
}

/// How layers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    /// `V1LayerParameter`, in the field `layers`: types are numbers.
    One,
    /// `LayerParameter`, in the field `layer`: types are names.
    Two,
}

/// The settings of a type of layers, each a message of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settings {
    BatchNorm,
    Concat,
    Convolution,
    Data,
    Dropout,
    Eltwise,
    Flatten,
    ImageData,
    InnerProduct,
    Input,
    Lrn,
    MemoryData,
    Pooling,
    Relu,
    Scale,
    Softmax,
    Transform,
}

impl Settings {
    /// The field in which the first and the second version of the format have them; 0 where the
    /// first knew no such thing.
    fn fields(self) -> (u32, u32) {
        match self {
            Self::BatchNorm => (0, 139),
            Self::Concat => (9, 104),
            Self::Convolution => (10, 106),
            Self::Data => (11, 107),
            Self::Dropout => (12, 108),
            Self::Eltwise => (24, 110),
            Self::Flatten => (0, 135),
            Self::ImageData => (15, 115),
            Self::InnerProduct => (17, 117),
            Self::Input => (0, 143),
            Self::Lrn => (18, 118),
            Self::MemoryData => (22, 119),
            Self::Pooling => (19, 121),
            Self::Relu => (30, 123),
            Self::Scale => (0, 142),
            Self::Softmax => (39, 125),
            Self::Transform => (36, 100),
        }
    }
}

impl Network {
    /// Reads the network in `message`; the error says what is wrong with the file.
    pub(super) fn read(message: &Message) -> Result<Self, String> {
        let (old, new) = (message.messages(2)?, message.messages(100)?);
        if !old.is_empty() && !new.is_empty() {
            return Err("it has layers of two versions of the format".to_owned());
        }
        if old.len() + new.len() > MAX_LAYERS {
            return Err(format!("it has more than {MAX_LAYERS} layers"));
        }
        let old = old.into_iter().map(|layer| (layer, Version::One));
        let new = new.into_iter().map(|layer| (layer, Version::Two));
        let layers: Result<Vec<Layer>, String> =
            old.chain(new).map(|(layer, version)| Layer::read(layer, version)).collect();
        let layers = layers?;
        if layers.is_empty() {
            return Err("it holds no layers".to_owned());
        }
        Ok(Self { inputs: inputs(message)?, layers })
    }
}

/// The inputs that the network declares: shapes as messages, or four numbers for each.
fn inputs(message: &Message) -> Result<Vec<Declared>, String> {
    let names = message.texts(3)?;
    let shapes = message.messages(8)?;
    let dims = message.integers(4);
    let shape = |index: usize| {
        let four = dims.get(index * 4..index * 4 + 4).map(<[i64]>::to_vec);
        shapes.get(index).map(|shape| shape.integers(1)).or(four)
    };
    Ok(names.into_iter().enumerate().map(|(index, name)| (name, shape(index))).collect())
}

impl Layer {
    fn read(message: Message, version: Version) -> Result<Self, String> {
        let (name, bottom, top, include, exclude, loss_weight) = match version {
            Version::One => (4, 2, 3, 32, 33, 35),
            Version::Two => (1, 3, 4, 8, 9, 5),
        };
        let kind = match version {
            Version::One if message.all(1).next().is_some() => {
                return Err("its layers are of Caffe's very first format, which Caffe's own \
                            upgrade_net_proto_binary brings up to date"
                    .to_owned());
            }
            Version::One => type_name(message.integer(5).unwrap_or_default()),
            Version::Two => message.text(2)?.unwrap_or_default(),
        };
        let (included, excluded) = (message.messages(include)?, message.messages(exclude)?);
        let is_tested = (included.is_empty() || included.iter().any(holds_in_test))
            && !excluded.iter().any(holds_in_test);
        Ok(Self {
            name: message.text(name)?.unwrap_or_default(),
            kind,
            bottoms: message.texts(bottom)?,
            tops: message.texts(top)?,
            loss_weight: message.float(loss_weight),
            is_tested,
            message,
            version,
        })
    }

    /// The settings `settings`; those that are not given have their defaults.
    pub(super) fn settings(&self, settings: Settings) -> Result<Message, String> {
        let (one, two) = settings.fields();
        match self.version {
            Version::One if one == 0 => Ok(Message::default()),
            Version::One => self.message.message(one),
            Version::Two => self.message.message(two),
        }
    }

    /// Its parameters.
    pub(super) fn blobs(&self) -> Result<Vec<Blob>, String> {
        let field = if self.version == Version::One { 6 } else { 7 };
        let blobs = self.message.messages(field)?;
        let read = |(index, proto)| {
            Blob::read(proto).map_err(|reason| format!("its blob {index} {reason}"))
        };
        blobs.iter().enumerate().map(read).collect()
    }

    /// How it is called in messages: its type and its name.
    pub(super) fn title(&self) -> String {
        format!("{} (layer \"{}\")", self.kind, self.name)
    }
}

/// Whether a `NetStateRule` holds for a network that is tested, at level 0 and in no stage.
fn holds_in_test(rule: &Message) -> bool {
    const TEST: i64 = 1;
    rule.integer(1).is_none_or(|phase| phase == TEST)
        && rule.integer(2).is_none_or(|least| least <= 0)
        && rule.integer(3).is_none_or(|most| most >= 0)
        && rule.all(4).next().is_none()
}

/// The name that the second version of the format has for a type of the first.
fn type_name(number: i64) -> String {
    /// `V1LayerParameter.LayerType`.
    const NAMES: [&str; 40] = [
        "None",
        "Accuracy",
        "BNLL",
        "Concat",
        "Convolution",
        "Data",
        "Dropout",
        "EuclideanLoss",
        "Flatten",
        "HDF5Data",
        "HDF5Output",
        "Im2col",
        "ImageData",
        "InfogainLoss",
        "InnerProduct",
        "LRN",
        "MultinomialLogisticLoss",
        "Pooling",
        "ReLU",
        "Sigmoid",
        "Softmax",
        "SoftmaxWithLoss",
        "Split",
        "TanH",
        "WindowData",
        "Eltwise",
        "Power",
        "SigmoidCrossEntropyLoss",
        "HingeLoss",
        "MemoryData",
        "ArgMax",
        "Threshold",
        "DummyData",
        "Slice",
        "MVN",
        "AbsVal",
        "Silence",
        "ContrastiveLoss",
        "Exp",
        "Deconvolution",
    ];
    let name = usize::try_from(number).ok().and_then(|index| NAMES.get(index));
    name.map_or_else(|| format!("type {number}"), |name| (*name).to_owned())
}
