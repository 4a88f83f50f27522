//! What is done with an input: it is opened as its format, and what opens is taken on until it
//! runs. Whatever the bytes are, this ends soon, in bounded memory and without a panic.
//!
//! Compiled into both the libFuzzer targets and `cargo xtask fuzz`.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use zoo_adapt::dataset::Dataset;
use zoo_convert::trunks::log_mel_statistics;
use zoo_convert::{ConvertOptions, convert, format, onnx, pickle, read_checkpoint};
use zoo_model::{Bundle, DType, Device, Digest, Executor, Graph, Kind, Tensor, Weights};
use zoo_text::Tokenizer;

/// One reader to be fuzzed.
pub(crate) struct Target {
    /// The name of the target, and of its corpus.
    pub(crate) name: &'static str,
    /// The extension that its files have.
    pub(crate) extension: &'static str,
    read: fn(&Path, &[u8]) -> String,
}

/// All of them.
pub(crate) const TARGETS: [Target; 11] = [
    Target { name: "pth", extension: "pth", read: checkpoint },
    Target { name: "safetensors", extension: "safetensors", read: checkpoint },
    Target { name: "onnx", extension: "onnx", read: onnx_model },
    Target { name: "graph_json", extension: "json", read: graph_json },
    Target { name: "zoo_bundle", extension: "zoo", read: zoo_bundle },
    Target { name: "caffemodel", extension: "caffemodel", read: converted },
    Target { name: "h5", extension: "h5", read: checkpoint },
    Target { name: "words", extension: "vec", read: converted },
    Target { name: "tokenizer", extension: "json", read: tokenizer },
    Target { name: "sound", extension: "wav", read: sound },
    Target { name: "table", extension: "csv", read: table },
];

impl Target {
    /// Writes `input` into a file in `folder`, because readers take paths, and has it read. What
    /// came of it is said in a few words: alike for inputs that took the same way.
    pub(crate) fn run(&self, folder: &Path, input: &[u8]) -> io::Result<String> {
        let path = folder.join(format!("input.{}", self.extension));
        std::fs::write(&path, input)?;
        Ok((self.read)(&path, input))
    }
}

fn checkpoint(path: &Path, _: &[u8]) -> String {
    let listed = pickle::globals(path).map_or(0, |globals| globals.len().min(8));
    let read = format::detect(path).and_then(|format| read_checkpoint(path, format));
    match read {
        Err(error) => format!("{listed} globals, {}", told(&error)),
        Ok(checkpoint) => {
            let tensors = checkpoint.weights.len().min(8);
            drop(checkpoint);
            format!("{listed} globals, {tensors} tensors, {}", converted(path, &[]))
        }
    }
}

fn converted(path: &Path, _: &[u8]) -> String {
    match convert(path, &ConvertOptions::default()) {
        Err(error) => told(&error),
        Ok(conversion) => exercise(&conversion.bundle.graph, &conversion.bundle.weights),
    }
}

fn onnx_model(path: &Path, _: &[u8]) -> String {
    match onnx::load(path) {
        Err(error) => told(&error),
        Ok(model) => exercise(&model.graph, &model.weights),
    }
}

fn graph_json(_: &Path, input: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(input) else { return "not UTF-8".to_owned() };
    match Graph::from_json(text) {
        Err(error) => told(&error),
        Ok(graph) => match stand_ins(&graph) {
            None => "large parameters".to_owned(),
            Some(weights) => exercise(&graph, &weights),
        },
    }
}

fn tokenizer(_: &Path, input: &[u8]) -> String {
    let tokenizer = match Tokenizer::from_bytes(input) {
        Err(error) => return told(&error),
        Ok(tokenizer) => tokenizer,
    };
    match tokenizer.encode("Ein Text, a text: \u{65e5}\u{672c} 42!", 16) {
        Err(error) => format!("opened, {}", told(&error)),
        Ok(encoded) => format!("{} tokens", encoded.ids.len().min(8)),
    }
}

fn sound(_: &Path, input: &[u8]) -> String {
    match log_mel_statistics().map(|bundle| bundle.card.sound) {
        Ok(Some(sound)) => match sound.load_bytes(input) {
            Err(error) => told(&error),
            Ok(signal) => format!("{} numbers", signal.values.len()),
        },
        _ => "no model".to_owned(),
    }
}

fn table(path: &Path, _: &[u8]) -> String {
    match Dataset::open(path, Kind::Text) {
        Err(error) => told(&error),
        Ok(data) => format!("{} classes", data.classes().len().min(8)),
    }
}

/// As it is, then with digests that are right: a changed bundle is refused before its members
/// are read, and they are what is to be doubted here.
fn zoo_bundle(path: &Path, input: &[u8]) -> String {
    let opened = Bundle::open(path).map(|bundle| exercise(&bundle.graph, &bundle.weights));
    let as_it_is = opened.unwrap_or_else(|error| told(&error));
    let Some(repaired) = with_right_digests(input) else { return as_it_is };
    let opened = Bundle::from_bytes("repaired", repaired);
    let opened = opened.map(|bundle| exercise(&bundle.graph, &bundle.weights));
    format!("{as_it_is}; repaired: {}", opened.unwrap_or_else(|error| told(&error)))
}

/// The most numbers that a target computes with: a run of them takes milliseconds.
const MAX_ELEMENTS: usize = 1 << 18;

/// Infers the shapes for batches of one and two, and runs the model where they are small.
fn exercise(graph: &Graph, weights: &Weights) -> String {
    let mut elements = 0_usize;
    let mut foretold = HashSet::new();
    for batch in [2, 1] {
        let shapes: Vec<_> = graph.inputs.iter().map(|input| input.shape_with(batch)).collect();
        let facts = match graph.infer(weights, &shapes) {
            Err(error) => return format!("opened, {}", told(&error)),
            Ok(facts) => facts,
        };
        foretold = facts.keys().cloned().collect();
        elements = facts.values().fold(0, |sum, fact| sum.saturating_add(length(&fact.shape)));
    }
    if elements > MAX_ELEMENTS || may_become_large(graph, weights, &foretold) {
        return "opened, large".to_owned();
    }
    let inputs: Vec<_> =
        graph.inputs.iter().map(|input| stand_in(input.dtype, &input.shape_with(1))).collect();
    let executor = Executor::new(graph.clone(), weights, &Device::Cpu);
    match executor.and_then(|executor| executor.infer(&inputs)) {
        Err(error) => format!("inferred, {}", told(&error)),
        Ok(outputs) => format!("ran, {} outputs", outputs.len()),
    }
}

/// Whether there are values whose shapes only a run can tell, and numbers that could make them
/// large. Such are refused beyond what a machine can hold, which is too much here.
fn may_become_large(graph: &Graph, weights: &Weights, foretold: &HashSet<String>) -> bool {
    let mut made = graph.nodes.iter().flat_map(|node| &node.outputs);
    if made.all(|name| name.is_empty() || foretold.contains(name)) {
        return false;
    }
    let json = graph.nodes.iter().filter_map(|node| serde_json::to_string(&node.op).ok());
    let large = |digits: &str| digits.len() > 3;
    let constant = |tensor: &Tensor| tensor.to_i64().unwrap_or_default();
    json.into_iter().any(|op| op.split(|c: char| !c.is_ascii_digit()).any(large))
        || weights.iter().any(|(_, tensor)| constant(tensor).iter().any(|n| n.abs_diff(0) > 999))
}

fn length(shape: &[usize]) -> usize {
    shape.iter().fold(1, |product: usize, &dim| product.saturating_mul(dim))
}

/// Numbers for the parameters of `graph`; `None` where they would be many.
fn stand_ins(graph: &Graph) -> Option<Weights> {
    let lengths = graph.parameters.values().map(|parameter| length(&parameter.shape));
    if lengths.fold(0, usize::saturating_add) > MAX_ELEMENTS {
        return None;
    }
    let each = graph.parameters.iter();
    Some(each.map(|(name, p)| (name.clone(), stand_in(p.dtype, &p.shape))).collect())
}

/// A tensor of small numbers.
fn stand_in(dtype: DType, shape: &[usize]) -> Tensor {
    let count = length(shape);
    if dtype.is_float() {
        let values: Vec<f32> = (0..count).map(|i| (i % 7) as f32 / 4.0 - 0.5).collect();
        return Tensor::from_f32(shape, &values);
    }
    let bits: Vec<u8> = (0..count).map(|i| u8::from(i % 3 == 0)).collect();
    match Tensor::new(dtype, shape.to_vec(), bits.clone().into()) {
        Some(tensor) if dtype == DType::Bool => tensor,
        _ => Tensor::from_i64(shape, &bits.into_iter().map(i64::from).collect::<Vec<_>>()),
    }
}

/// The archive `input` with the sums of its headers and the digests of its members made right;
/// `None` where it has no members.
fn with_right_digests(input: &[u8]) -> Option<Vec<u8>> {
    const BLOCK: usize = 512;
    let mut archive = input.to_vec();
    let mut sums = String::new();
    let mut at = 0;
    while let Some(header) = archive.get(at..at + BLOCK) {
        let field = |from: usize, to: usize| {
            let field = header[from..to].split(|&byte| byte == 0).next().unwrap_or_default();
            String::from_utf8_lossy(field).into_owned()
        };
        let name = field(0, 100);
        let Ok(size) = usize::from_str_radix(&field(124, 136), 8) else { break };
        let sum: u32 = (0..BLOCK)
            .map(|i| if (148..156).contains(&i) { 32 } else { u32::from(header[i]) })
            .sum();
        archive[at + 148..at + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let start = at + BLOCK;
        let end = start.checked_add(size).filter(|&end| end <= archive.len())?;
        if name == "SHA256SUMS" {
            // Another length of it is what the target sees without this repair.
            (sums.len() == size).then(|| archive[start..end].copy_from_slice(sums.as_bytes()))?;
        } else {
            sums.extend([&Digest::of(&archive[start..end]).to_string(), "  ", &name, "\n"]);
        }
        at = start + size.next_multiple_of(BLOCK);
    }
    (!sums.is_empty()).then_some(archive)
}

/// The causes of an error, in a row.
fn told(error: &impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
