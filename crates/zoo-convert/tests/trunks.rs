//! Trunks of recordings and of texts against what their publishers' code makes: see
//! reference/generate.py.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests, and one that is skipped says so"
)]

use std::path::{Path, PathBuf};

use serde_json::Value;
use zoo_convert::{ConvertOptions, Error, convert};
use zoo_model::{Bundle, Executor, Reader, Tensor};
use zoo_sound::to_wav;

mod measured;
mod recording;

use measured::{assert_close, numbers};
use recording::signal;

fn reference() -> Value {
    serde_json::from_str(include_str!("reference/trunks.json")).unwrap()
}

/// The folder of `$ZOO_FIXTURES`, or of another variable; where it is not set the test says so.
fn folder(variable: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(variable).map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: {variable} is not set");
    }
    folder
}

/// The feature of the recording, computed from the samples themselves: a WAV file rounds them.
fn feature(bundle: &Bundle) -> Vec<f32> {
    let sound = bundle.card.sound.as_ref().unwrap();
    let made = sound.apply(&signal(), 16_000).unwrap();
    let input = Tensor::from_f32(&[&[1], &made.shape[..]].concat(), &made.values);
    let executor = bundle.executor(&zoo_model::Device::Cpu).unwrap();
    executor.infer(&[input]).unwrap()[0].to_f32()
}

/// As the generator leaves numbers out.
fn some(values: &[f32]) -> Vec<f32> {
    values.iter().step_by((values.len() / 32).max(1)).copied().collect()
}

#[test]
fn crepe_hears_what_torchcrepe_hears() {
    let Some(fixtures) = folder("ZOO_FIXTURES") else { return };
    let options = ConvertOptions::default();
    let bundle = convert(&fixtures.join("models/torchcrepe-tiny.pth"), &options).unwrap().bundle;
    assert_eq!(bundle.card.architecture.as_deref(), Some("crepe"));
    assert_eq!(bundle.card.cuts.as_ref().unwrap().feature_length, 512);
    assert!(bundle.card.cuts.as_ref().unwrap().stages.len() >= 6);
    assert_close(&some(&feature(&bundle)), &numbers(&reference()["crepe"]));
}

#[test]
fn silero_hears_what_its_authors_graph_hears() {
    let Some(fixtures) = folder("ZOO_FIXTURES") else { return };
    let path = fixtures.join("models/silero_vad_16k.safetensors");
    let bundle = convert(&path, &ConvertOptions::default()).unwrap().bundle;
    assert_eq!(bundle.card.architecture.as_deref(), Some("silero-vad"));
    assert_close(&some(&feature(&bundle)), &numbers(&reference()["silero"]));
}

#[test]
fn basic_pitch_is_a_trunk_of_almost_two_seconds() {
    let Some(fixtures) = folder("ZOO_FIXTURES") else { return };
    let path = fixtures.join("models/basic_pitch_nmp.onnx");
    let bundle = convert(&path, &ConvertOptions::default()).unwrap().bundle;
    let sound = bundle.card.sound.clone().unwrap();
    assert_eq!((sound.rate, sound.samples()), (22_050, Some(43_844)));
    // Notes, onsets and contours, means and deviations of each.
    assert_eq!(bundle.card.cuts.as_ref().unwrap().feature_length, 2 * (88 + 88 + 264));
    let reader = Reader::of(&bundle).unwrap().unwrap();
    let inputs = reader.read(&to_wav(&signal(), 16_000), &bundle.graph).unwrap();
    let executor = bundle.executor(&zoo_model::Device::Cpu).unwrap();
    let feature = executor.infer(&inputs).unwrap()[0].to_f32();
    assert!(feature.iter().all(|value| value.is_finite()) && feature.iter().any(|v| *v > 0.1));
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn minilm_makes_of_sentences_what_transformers_makes() {
    let Some(folder) = folder("ZOO_FIXTURES_MINILM") else { return };
    let path = folder.join("model.safetensors");
    let bundle = convert(&path, &ConvertOptions::default()).unwrap().bundle;
    let text = bundle.card.text.clone().unwrap();
    assert_eq!(text.max_tokens, 256);
    let reader = Reader::of(&bundle).unwrap().unwrap();
    let executor = Executor::with_tables_in_place(
        bundle.graph.clone(),
        &bundle.weights,
        &zoo_model::Device::Cpu,
    )
    .unwrap();
    let mut longest = 0.0f64;
    for sentence in reference()["minilm"].as_array().unwrap() {
        let text = sentence["text"].as_str().unwrap();
        let inputs = reader.read(text.as_bytes(), &bundle.graph).unwrap();
        assert_eq!(inputs[0].shape()[1] as u64, sentence["tokens"].as_u64().unwrap(), "{text}");
        let feature = executor.infer(&inputs).unwrap()[0].to_f32();
        longest = longest.max(1.0 - cosine(&feature, &numbers(&sentence["feature"])));
    }
    eprintln!("longest cosine distance {longest:.2e}");
    assert!(longest < 1e-4, "{longest}");
}

#[test]
fn an_encoder_without_its_tokenizer_is_refused() {
    let Some(folder) = folder("ZOO_FIXTURES_MINILM") else { return };
    let alone = tempfile::tempdir().unwrap();
    let path = alone.path().join("model.safetensors");
    std::os::unix::fs::symlink(folder.join("model.safetensors"), &path).unwrap();
    let error = convert(&path, &ConvertOptions::default()).unwrap_err();
    assert!(matches!(error, Error::NoTokenizer { .. }), "{error}");
    // A checkpoint of a network that counts positions otherwise is not taken for BERT.
    std::fs::copy(folder.join("tokenizer.json"), alone.path().join("tokenizer.json")).unwrap();
    std::fs::write(alone.path().join("config.json"), r#"{"model_type": "roberta"}"#).unwrap();
    let error = convert(&path, &ConvertOptions::default()).unwrap_err();
    assert!(error.to_string().contains("roberta"), "{error}");
    std::fs::write(alone.path().join("config.json"), "{").unwrap();
    let error = convert(&path, &ConvertOptions::default()).unwrap_err();
    assert!(error.to_string().contains("JSON"), "{error}");
}

#[test]
fn a_trunk_that_lacks_a_tensor_says_which() {
    let Some(fixtures) = folder("ZOO_FIXTURES") else { return };
    let bytes = std::fs::read(fixtures.join("models/silero_vad_16k.safetensors")).unwrap();
    let mut weights = zoo_model::Weights::from_safetensors(&bytes.into()).unwrap();
    weights.remove("conv3.weight");
    let file = tempfile::Builder::new().suffix(".safetensors").tempfile().unwrap();
    std::fs::write(file.path(), weights.to_safetensors()).unwrap();
    let error = convert(Path::new(file.path()), &ConvertOptions::default()).unwrap_err();
    assert!(matches!(error, Error::DoesNotFit { .. }), "{error}");
    assert!(error.to_string().contains("conv3.weight"), "{error}");
}
