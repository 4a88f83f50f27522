//! Networks that make a feature of a text or a recording, and name no classes: trunks, on which an
//! adaptation puts a head.
//!
//! How large one is follows from its checkpoint. What files beside the checkpoint say is taken where
//! they are there: `tokenizer.json`, without which no text can be read, `config.json` and
//! `sentence_bert_config.json`.

mod bert;
mod crepe;
mod letters;
mod outputs;
mod silero;
mod transformer;
mod wav2vec2;
mod whisper;

use std::path::Path;

use bytes::Bytes;
use serde_json::Value as Json;
use zoo_model::bundle::Transcript;
use zoo_model::{Bundle, Card, Cuts, Graph, GraphBuilder, Reader, Weights};
use zoo_sound::{FrontEnd, LogMel, LogMelStatistics, Sound};
use zoo_text::{Case, Lexicon, Text, Tokens};

use crate::convert::all_applied;
use crate::onnx::OnnxModel;
use crate::{ConvertOptions, Error, LoadReport, bind, companions};

/// The names that `--arch` takes for trunks, each with what it reads and what its feature is.
pub const ALL: [(&str, &str, &str); 7] = [
    ("bert", "texts, by tokenizer.json", "the mean of the last layer's tokens, of length one"),
    ("distilbert", "texts, by tokenizer.json", "the same"),
    ("crepe", "recordings, 16 kHz", "mean and deviation over time of what names pitches"),
    ("silero-vad", "recordings, 16 kHz", "mean and deviation over time of the recurrent state"),
    ("wav2vec2", "recordings, 16 kHz", "mean and deviation over time of the last layer"),
    ("hubert", "recordings, 16 kHz", "the same"),
    ("whisper", "recordings, 16 kHz", "mean and deviation over time of the encoder's output"),
];

/// Whether `--arch` takes `name` for a trunk.
pub fn is_known(name: &str) -> bool {
    ALL.iter().any(|(known, ..)| *known == name)
}

/// Of which part of the network `name` a trunk is, where that is not all of it.
pub fn part_of(name: &str) -> Option<&'static str> {
    (name == "whisper").then_some(
        "its encoder, which makes features; the decoder, which writes, is not built here",
    )
}

/// A trunk whose parameters have been found, without a card's other fields.
pub(crate) struct Trunk {
    pub(crate) architecture: Option<&'static str>,
    pub(crate) task: &'static str,
    pub(crate) graph: Graph,
    pub(crate) weights: Weights,
    pub(crate) report: LoadReport,
    pub(crate) text: Option<Text>,
    pub(crate) sound: Option<Sound>,
    pub(crate) lexicon: Option<Lexicon>,
    /// What it writes of a recording, and in which letters.
    pub(crate) writing: Option<(Transcript, Vec<String>)>,
}

impl Trunk {
    /// One that makes features of recordings, and writes nothing.
    fn of_recordings(
        architecture: Option<&'static str>,
        graph: Graph,
        weights: Weights,
        report: LoadReport,
        sound: Sound,
    ) -> Self {
        Self {
            architecture,
            task: "audio-embedding",
            graph,
            weights,
            report,
            text: None,
            sound: Some(sound),
            lexicon: None,
            writing: None,
        }
    }

    /// One that makes features of texts.
    fn of_texts(
        architecture: Option<&'static str>,
        graph: Graph,
        weights: Weights,
        report: LoadReport,
        (text, lexicon): (Text, Lexicon),
    ) -> Self {
        Self {
            architecture,
            task: "text-embedding",
            graph,
            weights,
            report,
            text: Some(text),
            sound: None,
            lexicon: Some(lexicon),
            writing: None,
        }
    }

    /// The bundle with this card.
    pub(crate) fn bundle(self, card: Card) -> Result<(Bundle, LoadReport), Error> {
        let (text, sound, lexicon) = (self.text, self.sound, self.lexicon);
        let architecture = self.architecture.map(str::to_owned);
        let mut card = Card { task: self.task.to_owned(), architecture, text, sound, ..card };
        if let Some((transcript, letters)) = self.writing {
            (card.transcript, card.labels) = (Some(transcript), letters);
        }
        let mut bundle = Bundle::new(card, self.graph, self.weights);
        bundle.lexicon = lexicon;
        let reader = Reader::of(&bundle)?;
        let shapes = reader.map(|reader| reader.input_shapes(&bundle.graph)).unwrap_or_default();
        bundle.card.cuts = Cuts::of_trunk(&bundle.graph, &bundle.weights, &shapes)?;
        Ok((bundle, self.report))
    }
}

/// The trunk that a checkpoint holds; `None` where it is none, or where another architecture is named.
///
/// Fails where parameters of a trunk are missing or of another shape, and where a text's tokenizer is.
pub(crate) fn find(
    path: &Path,
    checkpoint: &Weights,
    options: &ConvertOptions,
) -> Result<Option<Trunk>, Error> {
    let named = options.architecture.as_deref();
    if named.is_some_and(|name| !is_known(name)) {
        return Ok(None);
    }
    if let Some(weights) = beyond(checkpoint, bert::ANCHOR)
        && let Some(family) = bert::Family::of(&weights)
    {
        return encoder(path, family, weights, options).map(Some);
    }
    if let Some(weights) = beyond(checkpoint, wav2vec2::ANCHOR) {
        return hearer(path, checkpoint, weights, options).map(Some);
    }
    // What names pitches, says that somebody speaks, or writes, comes behind the feature.
    let (architecture, graph, sound, weights, behind) = if let Some(weights) =
        beyond(checkpoint, crepe::ANCHOR)
        && let Some(graph) = crepe::build(&weights)
    {
        ("crepe", graph?, crepe::sound(), weights, "classifier.")
    } else if let Some(weights) = beyond(checkpoint, silero::ANCHOR) {
        ("silero-vad", silero::build()?, silero::sound(), weights, "final_conv.")
    } else if let Some(weights) = beyond(checkpoint, whisper::ANCHOR)
        && let Some(encoder) = whisper::Encoder::of(&weights)
    {
        ("whisper", encoder.build()?, encoder.sound(), weights, "decoder.")
    } else {
        return Ok(None);
    };
    let ignored = |name: &str| name.starts_with(behind) || name.ends_with("num_batches_tracked");
    let (weights, report) = bind(&graph, weights, ignored);
    report.expect_complete(path, architecture)?;
    let sound = options.sound.clone().unwrap_or(sound);
    Ok(Some(Trunk::of_recordings(Some(architecture), graph, weights, report, sound)))
}

/// A network that hears speech, and writes it where its checkpoint knows letters.
fn hearer(
    path: &Path,
    checkpoint: &Weights,
    trunk: Weights,
    options: &ConvertOptions,
) -> Result<Trunk, Error> {
    let malformed = |reason: String| Error::Malformed {
        path: path.to_owned(),
        format: "wav2vec 2.0 checkpoint",
        reason,
    };
    let mut weights = wav2vec2::joined(&trunk);
    let config = companions::json(path, options, "config.json")?;
    let network = wav2vec2::Network::of(&weights, config.as_ref()).map_err(malformed)?;
    let head = ["weight", "bias"].map(|part| format!("{}.{part}", wav2vec2::LETTERS));
    for name in &head {
        if let Some(tensor) = checkpoint.get(name) {
            weights.insert(name.clone(), tensor.clone());
        }
    }
    let count = weights.get(&head[0]).and_then(|weight| weight.shape().first().copied());
    let writing = match count {
        Some(count) => letters::read(path, count, config.as_ref(), options)?,
        None => None,
    };
    let network = network.with_letters(count.filter(|_| writing.is_some()));
    let graph = network.build()?;
    let ignored = |name: &str| {
        wav2vec2::IGNORED.iter().any(|head| name.starts_with(head))
            || (writing.is_none() && name.starts_with(wav2vec2::LETTERS))
    };
    let (weights, report) = bind(&graph, weights, ignored);
    report.expect_complete(path, "wav2vec2")?;
    let preprocessor = companions::json(path, options, "preprocessor_config.json")?;
    let sound = wav2vec2::sound(&network, preprocessor.as_ref());
    let sound = options.sound.clone().unwrap_or(sound);
    let trunk = Trunk::of_recordings(Some("wav2vec2"), graph, weights, report, sound);
    let task = if writing.is_some() { "speech-recognition" } else { trunk.task };
    Ok(Trunk { task, writing, ..trunk })
}

/// The tensors whose names go on behind what stands before `anchor`, without that; `None` where
/// there is no such name. Norms of early checkpoints have `gamma` and `beta`.
fn beyond(checkpoint: &Weights, anchor: &str) -> Option<Weights> {
    let prefix = checkpoint.names().find_map(|name| {
        let prefix = name.strip_suffix(anchor)?;
        (prefix.is_empty() || prefix.ends_with('.')).then(|| prefix.to_owned())
    })?;
    let renamed = checkpoint.iter().filter_map(|(name, tensor)| {
        let name = name.strip_prefix(&prefix)?;
        let name = match name.rsplit_once('.') {
            Some((norm, "gamma")) => format!("{norm}.weight"),
            Some((norm, "beta")) => format!("{norm}.bias"),
            _ => name.to_owned(),
        };
        Some((name, tensor.clone()))
    });
    Some(renamed.collect())
}

fn encoder(
    path: &Path,
    family: bert::Family,
    weights: Weights,
    options: &ConvertOptions,
) -> Result<Trunk, Error> {
    let (name, model_type) = match family {
        bert::Family::Bert => ("bert", "bert"),
        bert::Family::DistilBert => ("distilbert", "distilbert"),
    };
    let malformed = |reason: String| Error::Malformed {
        path: path.to_owned(),
        format: "BERT checkpoint",
        reason,
    };
    let config = companions::json(path, options, "config.json")?;
    if let Some(other) = config.as_ref().and_then(|config| config.get("model_type")?.as_str())
        && other != model_type
    {
        return Err(malformed(format!(
            "`config.json` beside it says that it is {other}, whose positions begin elsewhere or which \
             computes differently"
        )));
    }
    let number = |json: &Option<Json>, key: &str| Some(json.as_ref()?.get(key)?.as_u64()? as usize);
    let heads = number(&config, "num_attention_heads").or_else(|| number(&config, "n_heads"));
    let sizes = family
        .sizes(&weights, heads)
        .ok_or_else(|| malformed("its matrices do not tell how large it is".to_owned()))?;
    let graph = family.build(&sizes)?;
    // Poolers and the heads of other tasks come behind the last layer.
    let ignored = |name: &str| {
        ["pooler.", "cls.", "classifier.", "vocab_", "qa_outputs.", "pre_classifier."]
            .iter()
            .any(|head| name.starts_with(head))
            || name.ends_with("position_ids")
    };
    let (weights, report) = bind(&graph, weights, ignored);
    report.expect_complete(path, name)?;
    let sentence = companions::json(path, options, "sentence_bert_config.json")?;
    let most = number(&sentence, "max_seq_length").unwrap_or(sizes.positions).min(sizes.positions);
    let text = options.text.clone().unwrap_or_else(|| tokens(most));
    let reads = (text, tokenizer(path, options)?);
    Ok(Trunk::of_texts(Some(name), graph, weights, report, reads))
}

fn tokens(most: usize) -> Text {
    Text { tokens: Tokens::Tokenizer, case: Case::Keep, max_tokens: most.clamp(1, 1 << 16) as u32 }
}

/// What an ONNX model is as a trunk: one that takes the numbers of tokens, or recordings as the
/// options or its one input say; `None` where it is neither.
pub(crate) fn of_onnx(
    path: &Path,
    model: OnnxModel,
    options: &ConvertOptions,
) -> Result<Result<Trunk, OnnxModel>, Error> {
    let OnnxModel { graph, weights } = model;
    let report = all_applied(&weights);
    if outputs::takes_tokens(&graph) {
        let lexicon = tokenizer(path, options)?;
        let sentence = companions::json(path, options, "sentence_bert_config.json")?;
        let most = sentence.and_then(|json| json.get("max_seq_length")?.as_u64()).unwrap_or(512);
        let graph = outputs::pool_tokens(graph, &weights)?;
        let text = options.text.clone().unwrap_or_else(|| tokens(most as usize));
        return Ok(Ok(Trunk::of_texts(None, graph, weights, report, (text, lexicon))));
    }
    match options.sound.clone().or_else(|| outputs::usual_sound(&graph)) {
        Some(sound) => {
            let graph = outputs::pool_time(graph, &weights, &sound)?;
            Ok(Ok(Trunk::of_recordings(None, graph, weights, report, sound)))
        }
        None => Ok(Err(OnnxModel { graph, weights })),
    }
}

/// A model without any parameters: means and deviations of a recording's log-mel spectrogram. What
/// a trunk that was trained brings is what it brings beyond this.
pub fn log_mel_statistics() -> Result<Bundle, Error> {
    let mel = LogMel { mels: 40, low: 60.0, ..LogMel::default() };
    let sound = Sound {
        front_end: FrontEnd::LogMelStatistics(LogMelStatistics { parts: 6, mel }),
        ..Sound::default()
    };
    let length = sound.output_shape().map_or(0, |shape| shape[0]);
    let mut b = GraphBuilder::new();
    let statistics = b.input("statistics", &[None, Some(length)]);
    let feature = b.reshape(&statistics, &[-1, length as i64]);
    let graph = b.finish(&[("feature", &feature)])?;
    let mut card = Card::new("log-mel-statistics", "audio-embedding", "CC0-1.0");
    card.sound = Some(sound);
    card.cuts = Cuts::of_trunk(&graph, &Weights::new(), &[vec![1, length]])?;
    let mut bundle = Bundle::new(card, graph, Weights::new());
    bundle.card.parity = Some(bundle.parity(zoo_model::Device::Cpu)?);
    Ok(bundle)
}

fn tokenizer(path: &Path, options: &ConvertOptions) -> Result<Lexicon, Error> {
    let bytes = companions::bytes(path, options, "tokenizer.json", zoo_text::MAX_TOKENIZER as u64)?;
    let bytes = bytes.ok_or_else(|| Error::NoTokenizer { path: path.to_owned() })?;
    Ok(Lexicon::Tokenizer(Bytes::from(bytes)))
}
