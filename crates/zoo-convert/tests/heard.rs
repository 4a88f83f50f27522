//! Networks of speech against what transformers computes: see data/heard.py.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use zoo_convert::{Conversion, ConvertOptions, convert, labels};
use zoo_model::{Device, Executor, Reader, Tensor, Weights};

mod drawn;
mod measured;
mod recording;

use drawn::{weights, write};
use measured::{assert_close, numbers};
use recording::signal;

fn heard() -> Value {
    serde_json::from_str(include_str!("data/heard.json")).unwrap()
}

/// A folder as it is published: the checkpoint, its configuration, and letters if there are any.
fn publish(
    folder: &Path,
    weights: &Weights,
    config: Option<&Value>,
    letters: Option<&Value>,
) -> PathBuf {
    let path = write(folder, weights);
    if let Some(config) = config {
        fs::write(folder.join("config.json"), config.to_string()).unwrap();
    }
    if let Some(letters) = letters {
        let numbered = letters.as_array().unwrap().iter().enumerate();
        let vocabulary: serde_json::Map<String, Value> = numbered
            .map(|(number, letter)| (letter.as_str().unwrap().to_owned(), number.into()))
            .collect();
        fs::write(folder.join("vocab.json"), Value::from(vocabulary).to_string()).unwrap();
    }
    path
}

/// What the model makes of the recording.
fn outputs(conversion: &Conversion) -> Vec<Tensor> {
    let bundle = &conversion.bundle;
    let signal = bundle.card.sound.as_ref().unwrap().apply(&signal(), 16_000).unwrap();
    let input = Tensor::from_f32(&[&[1], &signal.shape[..]].concat(), &signal.values);
    let executor = Executor::new(bundle.graph.clone(), &bundle.weights, &Device::Cpu).unwrap();
    executor.infer(&[input]).unwrap()
}

/// The network `name` is found to be of `architecture` and makes the library's feature.
fn hears(name: &str, architecture: &str) -> Conversion {
    let case = &heard()[name];
    let folder = tempfile::tempdir().unwrap();
    let config = Some(&case["config"]).filter(|config| !config.is_null());
    let path = publish(folder.path(), &weights(&case["parameters"]), config, None);
    let conversion = convert(&path, &ConvertOptions::default()).unwrap();
    let card = &conversion.bundle.card;
    assert_eq!(card.architecture.as_deref(), Some(architecture), "{name}");
    assert_eq!(card.task, "audio-embedding");
    let cuts = card.cuts.as_ref().unwrap();
    assert_eq!((cuts.feature_length, cuts.has_head()), (128, false), "{name}");
    assert!(cuts.stages.len() >= 3, "{name}: {:?}", cuts.stages);
    assert_close(&outputs(&conversion)[0].to_f32(), &numbers(&case["feature"]));
    conversion
}

#[test]
fn wav2vec2_and_hubert_hear_what_transformers_hears() {
    let large = hears("wav2vec2-large", "wav2vec2");
    assert!(large.report.unused.is_empty(), "{}", large.report);
    hears("hubert", "wav2vec2");
}

#[test]
fn whispers_encoder_hears_what_transformers_hears() {
    let conversion = hears("whisper", "whisper");
    let sound = conversion.bundle.card.sound.as_ref().unwrap();
    assert_eq!((sound.least_seconds, sound.most_seconds), (Some(1.0), Some(1.0)));
    // OpenAI's checkpoints have names of their own, and no configuration.
    hears("whisper-openai", "whisper");
}

#[test]
fn letters_are_written_as_transformers_writes_them() {
    let heard = heard();
    let case = &heard["wav2vec2-letters"];
    let folder = tempfile::tempdir().unwrap();
    let letters = Some(&heard["letters"]);
    let path =
        publish(folder.path(), &weights(&case["parameters"]), Some(&case["config"]), letters);
    let conversion = convert(&path, &ConvertOptions::default()).unwrap();
    let card = &conversion.bundle.card;
    assert_eq!(card.task, "speech-recognition");
    assert_eq!(card.labels, labels::english_letters());
    let transcript = card.transcript.as_ref().unwrap();
    assert_eq!((transcript.blank, transcript.space), (0, Some(4)));
    assert_eq!(transcript.unwritten, [1, 2, 3]);

    let made = outputs(&conversion);
    assert_close(&made[0].to_f32(), &numbers(&case["feature"]));
    let scores = made[1].to_f32();
    assert_close(&scores[3 * 32..4 * 32], &numbers(&case["scores"]));
    assert_eq!(transcript.greedy(&scores, &card.labels), case["transcript"]);
    // Rounding to 16 bits in a file moves no letter.
    let reader = Reader::of(&conversion.bundle).unwrap().unwrap();
    let file = zoo_sound::to_wav(&signal(), 16_000);
    assert_eq!(reader.read(&file, &conversion.bundle.graph).unwrap()[0].shape(), [1, 8000]);
    // A recording shorter than the convolutions reach is still heard.
    let short = reader.read(&zoo_sound::to_wav(&[0.5; 10], 16_000), &conversion.bundle.graph);
    assert_eq!(short.unwrap()[0].shape(), [1, 400]);
}

#[test]
fn without_letters_it_is_a_trunk() {
    let conversion = hears("wav2vec2-letters", "wav2vec2");
    assert!(conversion.bundle.card.transcript.is_none());
    assert_eq!(conversion.bundle.graph.outputs, ["feature"]);
}

#[test]
fn what_is_not_built_is_refused_by_name() {
    let heard = heard();
    let case = &heard["wav2vec2-letters"];
    let refused = |change: &dyn Fn(&mut Weights, &mut Value), letters: Option<&Value>| {
        let folder = tempfile::tempdir().unwrap();
        let (mut weights, mut config) = (weights(&case["parameters"]), case["config"].clone());
        change(&mut weights, &mut config);
        let path = publish(folder.path(), &weights, Some(&config), letters);
        convert(&path, &ConvertOptions::default()).unwrap_err().to_string()
    };
    let one = || Tensor::from_f32(&[1], &[1.0]);
    let adapters = refused(
        &|weights, _| {
            weights.insert("wav2vec2.adapter.layers.0.conv.bias", one());
        },
        None,
    );
    assert!(adapters.contains("adapters"), "{adapters}");
    let wavlm = refused(
        &|weights, _| {
            weights.insert("wav2vec2.encoder.layers.0.attention.gru_rel_pos_const", one());
        },
        None,
    );
    assert!(wavlm.contains("WavLM"), "{wavlm}");
    let activation = refused(&|_, config| config["hidden_act"] = "relu".into(), None);
    assert!(activation.contains("`hidden_act` is relu"), "{activation}");
    let heads = refused(&|_, config| config["num_attention_heads"] = 7.into(), None);
    assert!(heads.contains("7 heads"), "{heads}");
    let missing = refused(
        &|weights, _| {
            weights.retain(|name| !name.contains("layers.1.final_layer_norm.bias"));
        },
        None,
    );
    assert!(missing.contains("final_layer_norm.bias"), "{missing}");
    let many: Value = (0..33).map(|number| format!("letter {number}")).collect();
    let letters = refused(&|_, _| (), Some(&many));
    assert!(letters.contains("letter 32") && letters.contains("32 letters"), "{letters}");
}
