//! Recordings, as users of them go.
#![allow(clippy::unwrap_used, reason = "here a panic is how a test fails")]

use std::fs;
use std::path::Path;

use zoo_tests::{Zoo, fixtures};

/// A WAV file of a tone with some noise: 16 bits, mono, 8 kHz, a quarter of a second.
fn tone(frequency: f64, seed: u64, loudness: f64) -> Vec<u8> {
    let mut state = seed;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as f64 / f64::from(1u32 << 31) - 0.5
    };
    let sample = |index: usize| {
        let t = index as f64 / 8000.0;
        let value = (std::f64::consts::TAU * frequency * t).sin() + 0.1 * noise();
        ((value * loudness).clamp(-1.0, 1.0) * 32_767.0) as i16
    };
    zoo_tests::wav((0..2000).map(sample), 8000)
}

/// Low and high tones by three people, whose names the files have.
fn tones(zoo: &Zoo) {
    for (class, frequency) in [("low", 300.0), ("high", 1500.0)] {
        for (person, shift) in [("ann", 0.0), ("bob", 40.0), ("cid", 80.0)] {
            for take in 0..6 {
                let bytes = tone(frequency + shift, take * 7 + shift as u64, 0.5);
                zoo.write(&format!("tones/{class}/{person}_{take}.wav"), bytes);
            }
        }
    }
}

#[test]
fn recordings_are_adapted_to_and_predicted_offline() {
    let zoo = Zoo::new();
    tones(&zoo);
    let line =
        "adapt log-mel-statistics --data tones --out tones.zoo --offline --group-by {group}_*";
    let run = zoo.line(&format!("{line} --folds 3")).succeeds();
    run.shows(&["accuracy 100.0 % of 12 recordings", "in 3 folds"]);
    zoo.write("high.wav", tone(1480.0, 99, 0.4));
    zoo.line("predict tones.zoo high.wav --top 1").succeeds().shows(&["high.wav", "high"]);
    zoo.line("verify tones.zoo").succeeds();
    zoo.line("inspect tones.zoo").succeeds().shows(&["reads sounds", "log_mel_statistics"]);
    // One person at a time is held out: all of that one's recordings.
    let json = zoo.line(&format!("{line} --json")).succeeds().json();
    assert_eq!((json["train"].as_u64(), json["computed_features"].as_u64()), (Some(24), Some(0)));
    let wrong =
        zoo.line("adapt log-mel-statistics --data tones --offline --group-by nobody-{group}");
    wrong.fails().says(&["does not fit the name `ann_0.wav`"]);
    zoo.line("adapt log-mel-statistics --data tones --offline --group-by *")
        .fails()
        .says(&["{group}"]);
}

#[test]
fn silent_clipped_and_broken_recordings_are_found() {
    let zoo = Zoo::new();
    tones(&zoo);
    zoo.write("tones/low/silent.wav", tone(300.0, 1, 0.0));
    zoo.write("tones/low/loud.wav", tone(300.0, 2, 40.0));
    zoo.write("tones/low/empty.wav", b"");
    zoo.write("tones/high/torn.wav", &tone(300.0, 3, 0.5)[..40]);
    zoo.write("tones/high/text.wav", b"not a recording at all");
    let line = "adapt log-mel-statistics --data tones --out tones.zoo --offline";
    let run = zoo.line(line).succeeds();
    run.says(&[
        "silent: low/silent.wav",
        "clipped",
        "low/loud.wav",
        "low/empty.wav",
        "high/text.wav",
    ]);
    let run = zoo.line("predict tones.zoo tones/high/text.wav tones/high/ann_1.wav");
    run.fails().says(&["tones/high/text.wav"]).shows(&["tones/high/ann_1.wav"]);
}

#[test]
fn the_report_lets_mistakes_be_heard() {
    let zoo = Zoo::new();
    for take in 0..4 {
        zoo.write(&format!("data/train/low/{take}.wav"), tone(300.0, take, 0.5));
        zoo.write(&format!("data/train/high/{take}.wav"), tone(1500.0, take, 0.5));
    }
    zoo.write("data/test/low/right.wav", tone(310.0, 9, 0.5));
    // The label is wrong: what the model says of it counts as a mistake.
    zoo.write("data/test/high/wrong.wav", tone(310.0, 10, 0.5));
    zoo.line("adapt log-mel-statistics --data data --out t.zoo --offline").succeeds();
    let report = fs::read_to_string(zoo.path("t.html")).unwrap();
    assert!(report.contains("<audio controls") && report.contains("data:audio/wav;base64,UklGR"));
    assert!(report.contains("class=\"waveform\""));
}

#[test]
fn a_trunk_of_speech_learns_spoken_digits_by_speaker() {
    let Some(fixtures) = fixtures("a_trunk_of_speech_learns_spoken_digits_by_speaker") else {
        return;
    };
    let zoo = Zoo::new();
    let checkpoint = fixtures.model("silero_vad_16k.safetensors");
    zoo.line(&format!("convert {} --out s.zoo", checkpoint.display())).succeeds();
    // A third of the recordings: all digits and speakers, five of each.
    let digits = fixtures.file("datasets", "spoken-digits");
    for digit in fs::read_dir(&digits).unwrap() {
        let digit = digit.unwrap().path();
        let name = digit.file_name().unwrap().to_str().unwrap().to_owned();
        for file in fs::read_dir(&digit).unwrap() {
            let file = file.unwrap().path();
            let stem = file.file_stem().unwrap().to_str().unwrap().to_owned();
            let take: usize = stem.rsplit('_').next().unwrap().parse().unwrap();
            if take < 5 {
                let bytes = fs::read(&file).unwrap();
                let to = Path::new("digits").join(&name).join(file.file_name().unwrap());
                zoo.write(to.to_str().unwrap(), bytes);
            }
        }
    }
    let of = |options: &str| {
        let line = format!("adapt s.zoo --data digits --out d.zoo --json {options}");
        zoo.line(&line).succeeds().json()["folds"]["accuracy"].as_f64().unwrap()
    };
    let (random, speaker) = (of("--folds 5"), of("--folds 6 --group-by {group}_*"));
    assert!(random > 0.8, "{random}");
    assert!(speaker > 0.5 && speaker < random, "{speaker} beside {random}");
    // Its recurrent layer learns as well, from recordings of several lengths.
    let line = "adapt s.zoo --data digits --out t.zoo --strategy finetune --stages 1 --epochs 1";
    zoo.line(line).succeeds().says(&["fine-tune"]).shows(&["accuracy "]);
}
