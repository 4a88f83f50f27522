use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use zoo_model::bundle::Source;
use zoo_model::{Bundle, Card, Cuts, DType, Device, Digest, Graph, Op, Preprocess, Weights};
use zoo_sound::Sound;
use zoo_text::Text;
use zoo_text::vectors::Findings;

use crate::architectures::{self, Architecture};
use crate::format::{self, Format};
use crate::found::load_checkpoint;
use crate::trunks::{self, Trunk};
use crate::words::{self, Pooling};
use crate::{Error, LoadReport, caffe, labels, onnx, read_checkpoint};

/// Changes whenever the same file would become another bundle: what was converted before is
/// then converted again.
pub const CONVERTER_VERSION: u32 = 6;

/// What to make of a file.
#[derive(Debug, Clone, Default)]
pub struct ConvertOptions {
    /// The architecture of a checkpoint; found out if not given.
    pub architecture: Option<String>,
    /// The model's name; the file's, if not given.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The licence of its weights, as an SPDX identifier.
    pub license: Option<String>,
    /// Its classes; ImageNet's for a known architecture with 1000 of them, if not given.
    pub labels: Option<Vec<String>>,
    /// How pictures become its input.
    pub preparation: Preparation,
    /// The floating-point type to store; the file's, if not given.
    pub precision: Option<DType>,
    /// How texts become its input; as the file and those beside it say, if not given.
    pub text: Option<Text>,
    /// How recordings become its input; as for the architecture, if not given.
    pub sound: Option<Sound>,
    /// Files that belong to this one, by the names that they would have beside it.
    pub companions: BTreeMap<String, PathBuf>,
    /// How the words of a text become one feature, of word vectors.
    pub pooling: Pooling,
    /// Whether rows of word vectors that are malformed are left out; they are refused otherwise.
    pub skip_malformed: bool,
}

/// How pictures become a model's input.
#[derive(Debug, Clone, Default)]
pub enum Preparation {
    /// As the file says, else as the architecture's first published weights were trained, else as
    /// most classifiers of pictures are.
    #[default]
    Usual,
    /// In this way.
    Stated(Preprocess),
    /// In a way that no [`Preprocess`] tells: the card names none, rather than a wrong one.
    Untold,
}

/// A file that became a model.
#[derive(Debug)]
pub struct Conversion {
    /// The model.
    pub bundle: Bundle,
    /// What became of the file's tensors.
    pub report: LoadReport,
    /// The file's format.
    pub format: Format,
    /// What was left out of word vectors.
    pub findings: Option<Findings>,
}

/// Converts a PyTorch or safetensors checkpoint of a known architecture, or an ONNX or Caffe
/// model.
///
/// A name that ends in a digest, as torchvision's do (`resnet50-0676ba61.pth`), must tell the
/// truth. The model is run once on the parity vector's input, which is written into its card.
pub fn convert(path: &Path, options: &ConvertOptions) -> Result<Conversion, Error> {
    let format = format::detect(path)?;
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let sha256 = digest_of(path)?;
    check_promise(path, &file, sha256)?;
    let source = Source { file, sha256 };
    let mut findings = None;
    let (mut bundle, report) = match format {
        Format::Zoo => (Bundle::open(path)?, LoadReport::default()),
        Format::WordVectors => {
            let (bundle, found) = words::convert(path, source, options)?;
            findings = Some(found);
            let report = all_applied(&bundle.weights);
            (bundle, report)
        }
        _ => foreign(path, format, source, options)?,
    };
    if let Some(precision) = options.precision {
        bundle.weights = bundle.weights.to_float(precision);
    }
    if format != Format::Zoo || options.precision.is_some() {
        bundle.card.parity = Some(bundle.parity(Device::Cpu)?);
    }
    Ok(Conversion { bundle, report, format, findings })
}

/// A model, as the file has its numbers, without parity vectors; and what became of its tensors.
fn foreign(
    path: &Path,
    format: Format,
    source: Source,
    options: &ConvertOptions,
) -> Result<(Bundle, LoadReport), Error> {
    let (mut preprocess, mut variant) = (None, None);
    let (graph, weights, report, architecture) = match format {
        Format::Onnx => {
            let model = match trunks::of_onnx(path, onnx::load(path)?, options)? {
                Ok(trunk) => return trunk_of(path, trunk, source, options),
                Err(model) => model,
            };
            let report = all_applied(&model.weights);
            (model.graph, model.weights, report, None)
        }
        Format::Caffe => {
            let crop = match &options.preparation {
                Preparation::Stated(stated) => stated.output_shape(),
                Preparation::Usual | Preparation::Untold => None,
            };
            let model = caffe::load(path, crop.map(|[_, height, width]| [height, width]))?;
            preprocess = model.preprocess;
            let report = all_applied(&model.weights);
            (model.graph, model.weights, report, None)
        }
        _ => {
            let checkpoint = read_checkpoint(path, format)?.weights;
            if let Some(trunk) = trunks::find(path, &checkpoint, options)? {
                return trunk_of(path, trunk, source, options);
            }
            let found = load_checkpoint(path, checkpoint, options)?;
            variant = Some(found.name());
            (found.graph, found.weights, found.report, Some(found.architecture))
        }
    };
    check_finite(path, &graph, &weights)?;
    let task = task_of(&graph, &weights, architecture)?;
    let mut card = new_card(path, task, architecture.map(|found| found.name), source, options);
    card.architecture = variant;
    card.cuts = Cuts::find(&graph, &weights)?;
    card.labels = match (&options.labels, architecture, classes(&graph, &weights)?) {
        (Some(labels), ..) => labels.clone(),
        (None, Some(_), Some(1000)) => labels::imagenet_1k(),
        _ => Vec::new(),
    };
    card.preprocess = match &options.preparation {
        Preparation::Stated(stated) => Some(stated.clone()),
        Preparation::Untold => None,
        Preparation::Usual => preprocess
            .or_else(|| architecture.map(Architecture::preprocess))
            .or_else(|| architectures::guess_preprocess(&graph)),
    };
    Ok((Bundle::new(card, graph, weights), report))
}

/// A card of what the file at `path` becomes: called as the options say, else as `usual`, else as the
/// file.
pub(crate) fn new_card(
    path: &Path,
    task: &str,
    usual: Option<&str>,
    source: Source,
    options: &ConvertOptions,
) -> Card {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = options.name.as_deref().or(usual).unwrap_or(&stem);
    let mut card = Card::new(name, task, options.license.as_deref().unwrap_or("unknown"));
    card.version = options.version.clone().unwrap_or(card.version);
    card.source = Some(source);
    card
}

/// A trunk with a card, checked.
fn trunk_of(
    path: &Path,
    trunk: Trunk,
    source: Source,
    options: &ConvertOptions,
) -> Result<(Bundle, LoadReport), Error> {
    check_finite(path, &trunk.graph, &trunk.weights)?;
    let card = new_card(path, trunk.task, trunk.architecture, source, options);
    trunk.bundle(card)
}

/// What became of the tensors of a file that holds its own graph.
pub(crate) fn all_applied(weights: &Weights) -> LoadReport {
    let applied = weights.names().map(str::to_owned).collect();
    LoadReport { applied, ..LoadReport::default() }
}

fn digest_of(path: &Path) -> Result<Digest, Error> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    if path.is_dir() {
        return Ok(Bundle::open(path)?.digest());
    }
    Ok(Digest::of_reader(File::open(path).map_err(io)?).map_err(io)?.0)
}

/// A name such as `mobilenet_v2-b0353104.pth` holds the first digits of the file's sha256.
fn check_promise(path: &Path, file: &str, digest: Digest) -> Result<(), Error> {
    let Some((stem, _)) = file.rsplit_once('.') else { return Ok(()) };
    let Some((_, promised)) = stem.rsplit_once('-') else { return Ok(()) };
    let is_hex = promised.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    // `model-20240131` ends in a date, not in a digest.
    let is_date = promised.len() == 8
        && (promised.starts_with("19") || promised.starts_with("20"))
        && promised.bytes().all(|b| b.is_ascii_digit());
    let is_digest = is_hex && !is_date && (8..=64).contains(&promised.len());
    let found = digest.to_string();
    if !is_digest || found.starts_with(promised) {
        return Ok(());
    }
    Err(Error::Digest { path: path.to_owned(), promised: promised.to_owned(), found })
}

/// Refuses weights that are no numbers, and infinite ones unless they are constants: what masks
/// attention is minus infinity.
fn check_finite(path: &Path, graph: &Graph, weights: &Weights) -> Result<(), Error> {
    let is_statistic = |name: &String| {
        graph
            .nodes
            .iter()
            .any(|node| matches!(node.op, Op::BatchNorm(_)) && node.inputs.contains(name))
    };
    for (name, tensor) in weights {
        let Some(element) = tensor.first_non_finite() else { continue };
        let constant = graph.parameters.get(name).is_some_and(|parameter| !parameter.trainable);
        let infinite = || !tensor.to_f32().iter().any(|value| value.is_nan());
        if !(constant && infinite() && !is_statistic(name)) {
            let (path, name) = (path.to_owned(), name.clone());
            return Err(Error::NotFinite { path, name, element });
        }
    }
    Ok(())
}

fn classes(graph: &Graph, weights: &Weights) -> Result<Option<usize>, Error> {
    let shapes: Vec<Vec<usize>> = graph.inputs.iter().map(|info| info.shape_with(1)).collect();
    let facts = graph.infer(weights, &shapes)?;
    Ok(graph.outputs.first().and_then(|name| facts.get(name)?.shape.last().copied()))
}

fn task_of(
    graph: &Graph,
    weights: &Weights,
    architecture: Option<&Architecture>,
) -> Result<&'static str, Error> {
    if architecture.is_some() {
        return Ok("image-classification");
    }
    let is_image =
        graph.inputs.len() == 1 && matches!(graph.inputs[0].shape[..], [_, Some(1 | 3), _, _]);
    let is_classifier = Cuts::find(graph, weights)?.is_some();
    Ok(if is_image && is_classifier { "image-classification" } else { "other" })
}
