//! What is said in a recording, written down.
#![allow(clippy::unwrap_used, reason = "here a panic is how a test fails")]

use zoo_model::bundle::Transcript;
use zoo_model::graph::TimeConv;
use zoo_model::{Bundle, Card, GraphBuilder, Tensor, Weights};
use zoo_tests::Zoo;

/// Says A of 40 milliseconds that are loud above zero, B of those below it; the fourth letter parts
/// words.
fn writer() -> Bundle {
    let mut b = GraphBuilder::new();
    let x = b.input("waveform", &[None, None]);
    let x = b.unsqueeze(&x, 1);
    let x = b.with_channels(&x, 1);
    let conv = TimeConv { outputs: 4, kernel: 320, stride: 320, padding: 0, groups: 1, bias: true };
    let x = b.conv_over_time("conv", &x, conv);
    let letters = b.swap_time_and_channels(&x);
    let graph = b.finish(&[("letters", &letters)]).unwrap();
    let rows: Vec<f32> = [0.0, 1.0, -1.0, 0.0].into_iter().flat_map(|row| [row; 320]).collect();
    let mut weights = Weights::new();
    weights.insert("conv.weight", Tensor::from_f32(&[4, 1, 320], &rows));
    weights.insert("conv.bias", Tensor::from_f32(&[4], &[10.0, 0.0, 0.0, -1.0]));
    let mut card = Card::new("writer", "speech-recognition", "MIT");
    card.labels = ["-", "A", "B", "|"].map(str::to_owned).to_vec();
    card.sound = serde_json::from_str(r#"{"rate": 8000, "most_seconds": 30}"#).unwrap();
    let output = "letters".to_owned();
    card.transcript = Some(Transcript { output, blank: 0, space: Some(3), unwritten: Vec::new() });
    Bundle::new(card, graph, weights)
}

/// So many letters at 8 kHz, each of 80 ms of sound and 120 ms of silence, and what they are.
fn recording(letters: usize) -> (Vec<u8>, String) {
    let is_a = |letter: usize| letter * letter % 7 < 3;
    let sample = |at: usize| match (at % 1600 < 640, is_a(at / 1600)) {
        (false, _) => 0i16,
        (true, true) => 16_000,
        (true, false) => -16_000,
    };
    let text = (0..letters).map(|letter| if is_a(letter) { 'A' } else { 'B' });
    (zoo_tests::wav((0..letters * 1600).map(sample), 8000), text.collect())
}

#[test]
fn all_of_a_recording_is_written_however_long_it_is() {
    let zoo = Zoo::new();
    writer().write(zoo.path("writer.zoo")).unwrap();
    // Half a minute is heard at once: 150 letters.
    for letters in [1, 149, 150, 151, 400] {
        let (bytes, text) = recording(letters);
        zoo.write("said.wav", bytes);
        zoo.line("predict writer.zoo said.wav").succeeds().shows(&["said.wav\n", &text]);
        let json = zoo.line("predict writer.zoo said.wav --json").succeeds().json();
        assert_eq!(json[0]["transcript"], text, "{letters}");
    }
    zoo.write("torn.wav", b"RIFF");
    let run = zoo.line("predict writer.zoo torn.wav said.wav");
    run.fails().says(&["torn.wav"]).shows(&["said.wav\n"]);
}

#[test]
fn a_card_that_does_not_fit_its_model_is_refused() {
    let zoo = Zoo::new();
    zoo.write("said.wav", recording(1).0);
    let refused = |change: &dyn Fn(&mut Card), what: &str| {
        let mut bundle = writer();
        change(&mut bundle.card);
        bundle.write(zoo.path("other.zoo")).unwrap();
        zoo.line("predict other.zoo said.wav").fails().says(&["`transcript`", what]);
    };
    refused(&|card| card.labels.truncate(2), "no letter 3");
    refused(&|card| card.labels.push("C".to_owned()), "[1, 5, 4], not [1, time, 5]");
    refused(&|card| card.transcript.as_mut().unwrap().output = "x".to_owned(), "no output `x`");
}
