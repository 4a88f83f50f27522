//! Preprocessing as cards state it: read, written, checked and named.

use serde_json::{Value, json};
use zoo_sound::{Error, FrontEnd, LogMel, Sound};

/// A table for each kind, as in a card.
const KINDS: [&str; 5] = [
    "kind = 'waveform'",
    "kind = 'frames'\nlength = 1024\nhop = 160\ncenter = true\nnormalise = true",
    "kind = 'log_mel'\nfft = 512\nwindow = 400\nhop = 160\nmels = 40\nlow = 20\nhigh = 7600.0\n\
     scale = 'slaney'\nnorm = 'slaney'\npower = 1.0\nlog = 'decibel'\ntop_db = 80\n\
     padding = 'zeros'\nwindow_shape = 'hamming'\nfloor_by = 'add'\nrange = { divide = 2.0 }",
    "kind = 'mfcc'\ncoefficients = 13\nfft = 512\nmels = 40\nlog = 'decibel'",
    "kind = 'log_mel_statistics'\nparts = 3\nfft = 512\nmels = 40",
];

fn card(front_end: &str) -> String {
    format!("rate = 16000\nseconds = 1.5\nnormalise = true\n[front_end]\n{front_end}\n")
}

fn sound(front_end: &str) -> Sound {
    toml::from_str(&card(front_end)).unwrap()
}

#[test]
fn cards_are_read_and_written() {
    for kind in KINDS {
        let sound = sound(kind);
        sound.validate().unwrap();
        assert_eq!(toml::from_str::<Sound>(&toml::to_string(&sound).unwrap()).unwrap(), sound);
        let json = serde_json::to_string(&sound).unwrap();
        assert_eq!(serde_json::from_str::<Sound>(&json).unwrap(), sound);
    }
    let FrontEnd::Mfcc(mfcc) = sound(KINDS[3]).front_end else { panic!() };
    assert_eq!((mfcc.coefficients, mfcc.mel.mels, mfcc.mel.hop), (13, 40, 160));
    let FrontEnd::LogMelStatistics(statistics) = sound(KINDS[4]).front_end else { panic!() };
    assert_eq!((statistics.parts, statistics.mel.mels), (3, 40));
    assert_eq!(toml::from_str::<Sound>("").unwrap(), Sound::default());
}

#[test]
fn unknown_fields_and_kinds_are_refused() {
    for kind in KINDS {
        for unknown in ["mel = 40", "log_mel = { mels = 40 }", "Hop = 1", "kinds = 'mfcc'"] {
            let text = card(&format!("{kind}\n{unknown}"));
            let error = toml::from_str::<Sound>(&text).unwrap_err().to_string();
            assert!(error.contains("unknown field"), "{text}: {error}");
        }
    }
    for text in ["loud = true", "[front_end]\nmels = 40", "[front_end]\nkind = 'mel'"] {
        assert!(toml::from_str::<Sound>(text).is_err(), "{text}");
    }
    let text = card("kind = 'log_mel'\nrange = { times = 2.0 }");
    assert!(toml::from_str::<Sound>(&text).is_err());
    // A field of another kind.
    assert!(toml::from_str::<Sound>(&card("kind = 'log_mel'\ncoefficients = 13")).is_err());
}

/// The card with one value replaced, and the field that its error names.
#[test]
fn what_cannot_be_carried_out_is_named() {
    let cases = [
        (KINDS[0], "", "rate", json!(999), "rate"),
        (KINDS[0], "", "rate", json!(384_001), "rate"),
        (KINDS[0], "", "seconds", json!(0.0), "seconds"),
        (KINDS[0], "", "seconds", json!(-1.0), "seconds"),
        (KINDS[0], "", "seconds", json!(1e9), "seconds"),
        (KINDS[0], "", "seconds", json!(0.00001), "seconds"),
        (KINDS[1], "front_end", "length", json!(0), "length"),
        (KINDS[1], "front_end", "length", json!(1), "length"),
        (KINDS[1], "front_end", "length", json!(65_537), "length"),
        (KINDS[1], "front_end", "hop", json!(0), "hop"),
        (KINDS[2], "front_end", "fft", json!(0), "fft"),
        (KINDS[2], "front_end", "fft", json!(65_537), "fft"),
        (KINDS[2], "front_end", "hop", json!(0), "hop"),
        (KINDS[2], "front_end", "hop", json!(513), "hop"),
        (KINDS[2], "front_end", "window", json!(513), "window"),
        (KINDS[2], "front_end", "window", json!(0), "window"),
        (KINDS[2], "front_end", "mels", json!(0), "mels"),
        (KINDS[2], "front_end", "mels", json!(1025), "mels"),
        (KINDS[2], "front_end", "low", json!(-1.0), "low, high"),
        (KINDS[2], "front_end", "low", json!(7600.0), "low, high"),
        (KINDS[2], "front_end", "high", json!(8000.5), "low, high"),
        (KINDS[2], "front_end", "power", json!(1.5), "power"),
        (KINDS[2], "front_end", "floor", json!(0.0), "floor"),
        (KINDS[2], "front_end", "top_db", json!(-1.0), "top_db"),
        (KINDS[2], "front_end", "log", json!("natural"), "top_db"),
        (KINDS[2], "front_end", "range", json!({ "divide": 0.0 }), "range.divide"),
        (KINDS[2], "front_end", "range", json!({ "dynamic": -8.0 }), "range.dynamic"),
        (KINDS[3], "front_end", "coefficients", json!(0), "coefficients"),
        (KINDS[3], "front_end", "coefficients", json!(41), "coefficients"),
        (KINDS[4], "front_end", "parts", json!(0), "parts"),
        (KINDS[4], "front_end", "parts", json!(1025), "parts"),
    ];
    for (kind, table, key, value, named) in cases {
        let sound = with(&sound(kind), table, key, value.clone());
        for result in [sound.validate(), sound.apply(&[0.0; 800], 8000).map(drop)] {
            match result {
                Err(Error::Invalid { field, .. }) => assert_eq!(field, named, "{value}"),
                result => panic!("{key} = {value}: {result:?}"),
            }
        }
        assert_eq!(sound.output_shape(), None, "{key} = {value}");
    }
    for number in [f64::NAN, f64::INFINITY] {
        let mut mel = LogMel { low: number, ..LogMel::default() };
        let check = |mel: &LogMel| {
            Sound { front_end: FrontEnd::LogMel(mel.clone()), ..Sound::default() }.validate()
        };
        assert!(check(&mel).is_err());
        mel = LogMel { floor: number, ..LogMel::default() };
        assert!(check(&mel).is_err());
        assert!(Sound { seconds: Some(number), ..Sound::default() }.validate().is_err());
    }
}

#[test]
fn an_empty_band_is_an_error_of_its_own() {
    let sound = with(&sound(KINDS[2]), "front_end", "mels", json!(400));
    assert!(matches!(sound.validate(), Err(Error::EmptyBand { .. })));
    assert!(matches!(sound.prepare().map(drop), Err(Error::EmptyBand { .. })));
    with(&sound, "front_end", "empty_bands", json!(true)).validate().unwrap();
}

fn with(sound: &Sound, table: &str, key: &str, value: Value) -> Sound {
    let mut json = serde_json::to_value(sound).unwrap();
    let object = if table.is_empty() { &mut json } else { &mut json[table] };
    object[key] = value;
    serde_json::from_value(json).unwrap()
}

/// Caches are keyed by this: a change of these bytes needs a new revision.
#[test]
fn digest_input_is_pinned() {
    let front_end = FrontEnd::LogMel(LogMel::default());
    let sound = Sound { front_end, ..Sound::default() };
    assert_eq!(
        sound.digest_input(),
        "{\"revision\":1,\"sound\":{\"rate\":16000,\"normalise\":false,\"front_end\":{\
         \"kind\":\"log_mel\",\"fft\":512,\"hop\":160,\"window\":512,\"window_shape\":\"hann\",\
         \"center\":true,\"padding\":\"reflect\",\"drop_last\":false,\"mels\":64,\"low\":0.0,\
         \"high\":8000.0,\"scale\":\"htk\",\"norm\":\"none\",\"empty_bands\":false,\"power\":2.0,\
         \"log\":\"natural\",\"floor\":1e-10,\"floor_by\":\"clamp\"}}}"
    );
    let said = LogMel { window: Some(512), high: Some(8000.0), ..LogMel::default() };
    let same = Sound { front_end: FrontEnd::LogMel(said), ..Sound::default() };
    assert_eq!(same.digest_input(), sound.digest_input());
}

#[test]
fn every_field_changes_digest_input() {
    let changes = [
        (KINDS[0], "", json!({ "rate": 8000, "seconds": 2.0, "normalise": false })),
        (
            KINDS[1],
            "front_end",
            json!({ "length": 512, "hop": 1, "center": false,
            "normalise": false }),
        ),
        (
            KINDS[2],
            "front_end",
            json!({ "fft": 1024, "hop": 1, "window": 300,
            "window_shape": "hann", "center": false, "padding": "reflect", "drop_last": true,
            "mels": 41, "low": 21.0, "high": 7000.0, "scale": "htk", "norm": "none",
            "empty_bands": true, "power": 2.0, "log": "natural", "floor": 1e-9,
            "floor_by": "clamp", "top_db": 70.0, "range": { "add": 1.0 } }),
        ),
        (KINDS[3], "front_end", json!({ "coefficients": 14, "mels": 41 })),
        (KINDS[4], "front_end", json!({ "parts": 4, "mels": 41 })),
    ];
    for (kind, table, fields) in changes {
        let sound = sound(kind);
        let written = serde_json::to_value(&sound).unwrap();
        let written = if table.is_empty() { &written } else { &written[table] };
        let fields = fields.as_object().unwrap();
        if table.is_empty() || !kind.contains("mels = 40\nlow") {
            assert!(fields.keys().all(|key| written.get(key).is_some()));
        } else {
            // All that are written, but for the kind.
            assert_eq!(fields.len(), written.as_object().unwrap().len() - 1);
        }
        for (key, value) in fields {
            let changed = with(&sound, table, key, value.clone());
            assert_ne!(changed.digest_input(), sound.digest_input(), "{key}");
        }
    }
}
