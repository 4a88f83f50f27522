//! Fine-tuning a small encoder of texts that differ in length.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use zoo_adapt::adapt::{AdaptOptions, Outcome, Strategy, adapt};
use zoo_adapt::dataset::Dataset;
use zoo_adapt::finetune::FinetuneOptions;
use zoo_adapt::progress::{Event, Observer, Step};
use zoo_model::graph::Value;
use zoo_model::ops::Binary;
use zoo_model::{Bundle, Card, Cuts, GraphBuilder, Kind, SplitMix64, Tensor};
use zoo_text::{Lexicon, Text};

const WORDS: [&str; 4] = ["the", "of", "fire", "water"];
const CHANNELS: usize = 16;
const HEADS: i64 = 2;

/// Attention and a perceptron, each with a residual around it and a norm behind; padding is out of
/// sight by `bias`.
fn layer(b: &mut GraphBuilder, name: &str, x: &Value, bias: Option<&Value>) -> Value {
    let head = CHANNELS as i64 / HEADS;
    let [q, k, v] = ["q", "k", "v"].map(|part| {
        let y = b.project(&format!("{name}.{part}"), x, CHANNELS);
        let y = b.reshape(&y, &[0, 0, HEADS, head]);
        b.permute(&y, &[0, 2, 1, 3])
    });
    let mut scores = b.similarities(&q, &k);
    if let Some(bias) = bias {
        scores = b.combine(Binary::Add, &scores, bias);
    }
    let y = b.attend(&scores, &v, HEADS as usize);
    let y = b.project(&format!("{name}.out"), &y, CHANNELS);
    let y = b.combine(Binary::Add, &y, x);
    let x = b.layer_norm(&format!("{name}.norm1"), &y, 1e-12);
    let y = b.perceptron([&format!("{name}.wide"), &format!("{name}.narrow")], &x, 32);
    let y = b.combine(Binary::Add, &y, &x);
    b.layer_norm(&format!("{name}.norm2"), &y, 1e-12)
}

/// An encoder of three layers with weights that nobody trained.
fn parent(masked: bool) -> Bundle {
    let mut b = GraphBuilder::new();
    let tokens = b.tokens("tokens");
    let mask = masked.then(|| b.mask("mask"));
    let table = b.weight("words.weight", &[WORDS.len() + 1, CHANNELS]);
    let mut x = b.look_up(&table, &tokens);
    let bias = mask.as_ref().map(|mask| {
        let (hidden, one) = (b.constant(&[1], &[-1e4]), b.constant(&[1], &[1.0]));
        let bias = b.combine(Binary::Sub, &one, mask);
        let bias = b.combine(Binary::Mul, &bias, &hidden);
        let bias = b.unsqueeze(&bias, 1);
        b.unsqueeze(&bias, 1)
    });
    for index in 0..3 {
        x = layer(&mut b, &format!("layer{index}"), &x, bias.as_ref());
    }
    let feature = match &mask {
        Some(mask) => b.mean_of_tokens(&x, mask, None),
        None => b.mean_over_time(&x),
    };
    let graph = b.finish(&[("feature", &feature)]).unwrap();
    let mut random = SplitMix64::new(5);
    let mut weights = zoo_model::Weights::new();
    for (name, parameter) in &graph.parameters {
        let middle = if name.contains("norm") && name.ends_with("weight") { 1.0 } else { 0.0 };
        let number = |_| middle + 0.6 * (random.unit() as f32 - 0.5);
        let values: Vec<f32> = (0..parameter.elements()).map(number).collect();
        weights.insert(name, Tensor::from_f32(&parameter.shape, &values));
    }
    let mut card = Card::new("tiny", "feature-extraction", "MIT");
    card.cuts = Cuts::of_trunk(&graph, &weights, &vec![vec![1, 1]; graph.inputs.len()]).unwrap();
    card.text = Some(Text::default());
    let mut bundle = Bundle::new(card, graph, weights);
    bundle.lexicon = Some(Lexicon::Words((WORDS.join("\n") + "\n").into_bytes().into()));
    bundle
}

/// Texts of two words to forty, of which those are warm that name fire somewhere and those cold that name
/// water.
fn write(path: &Path) {
    let line = |row: usize| {
        let (label, named) = if row & 1 > 0 { ("warm", "fire") } else { ("cold", "water") };
        let (before, after) = (row % 7, row % 33);
        let mut text = vec!["of"; before + after];
        text.insert(before, named);
        text.push("the");
        format!("{label},{}\n", text.join(" "))
    };
    let lines: String = (0..120).map(line).collect();
    fs::write(path, format!("label,text\n{lines}")).unwrap();
}

/// What came of computing features, in words.
#[derive(Default)]
struct Told(Mutex<String>);

impl Observer for Told {
    fn event(&self, event: Event) {
        if let Event::Finished { step: Step::Features, summary } = event {
            *self.0.lock().unwrap() = summary;
        }
    }
}

/// What came of adapting `parent`, whose last features `said` of themselves.
fn adapted(parent: &Bundle, data: &Path, strategy: Strategy, said: &str) -> Outcome {
    let options = AdaptOptions { strategy, ..AdaptOptions::new("warmth") };
    let told = Told::default();
    let outcome = adapt(parent, &Dataset::open(data, Kind::Text).unwrap(), &options, &told);
    assert_eq!(*told.0.lock().unwrap(), said);
    outcome.unwrap()
}

fn tuned(parent: &Bundle, data: &Path, most_bytes: usize, said: &str) -> Outcome {
    let options = FinetuneOptions { stages: 2, epochs: 6, batch: 8, ..FinetuneOptions::default() };
    let options = FinetuneOptions { learning_rate: Some(3e-3), most_bytes, ..options };
    adapted(parent, data, Strategy::Finetune(options), said)
}

const KEPT: &str = "120 computed up to where learning begins";
const NOT_KEPT: &str = "not kept: computed anew in each epoch";
const PROBED: &str = "120 computed, 0 known";

/// What is kept of the frozen layers and filled up is as good as running them again.
#[test]
fn training_behind_the_cut_is_training_of_the_whole() {
    let parent = parent(true);
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("warmth.csv");
    write(&data);
    let (kept, anew) =
        (tuned(&parent, &data, usize::MAX, KEPT), tuned(&parent, &data, 0, NOT_KEPT));
    let stages = &parent.card.cuts.as_ref().unwrap().stages;
    assert_eq!(stages.len(), 3, "{stages:?}");
    let mut moved = 0;
    for (name, one) in &kept.bundle.weights {
        let (one, other) = (one.to_f32(), anew.bundle.weights.get(name).unwrap().to_f32());
        // The biases of keys have no gradient, since softmax does not see them: they follow rounding.
        if !name.ends_with(".k.bias") {
            for (a, b) in one.iter().zip(&other) {
                assert!((a - b).abs() < 1e-3, "{name}: {a} and {b}");
            }
        }
        let before = parent.weights.get(name).map(Tensor::to_f32);
        if before.is_some_and(|before| before != one) {
            // The first stage ends before its last norm.
            let learns = ["layer0.norm2", "layer1", "layer2"];
            assert!(learns.iter().any(|layer| name.starts_with(layer)), "{name}");
            moved += 1;
        }
    }
    assert!(moved >= 28, "{moved}");
    assert!((kept.evaluation.log_loss - anew.evaluation.log_loss).abs() < 1e-3);
    let probe = adapted(&parent, &data, Strategy::Probe, PROBED).evaluation.log_loss;
    assert!(kept.evaluation.log_loss < 0.9 * probe, "{} after {probe}", kept.evaluation.log_loss);
}

/// Without a mask nothing is filled up, and lengths differ all the same.
#[test]
fn texts_without_a_mask_learn_one_length_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("warmth.csv");
    write(&data);
    let parent = parent(false);
    let outcome = tuned(&parent, &data, usize::MAX, KEPT);
    let probe = adapted(&parent, &data, Strategy::Probe, PROBED);
    assert!(outcome.evaluation.log_loss < probe.evaluation.log_loss);
}
