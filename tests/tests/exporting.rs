//! Models go out again: as files that other programs read, and that this one reads back.
#![allow(clippy::unwrap_used, reason = "here a panic is how a test fails")]

use std::fs;

use zoo_tests::Zoo;

#[test]
fn the_starter_goes_out_in_every_format_and_comes_back_from_two() {
    let zoo = Zoo::new();
    let onnx = zoo.line("export efficientnet-lite0 --format onnx --offline").succeeds();
    onnx.shows(&["efficientnet-lite0.onnx"]).says(&["Exported"]);
    let json = zoo.line("export efficientnet-lite0 --format safetensors -o weights/lite0.safetensors --offline --json");
    let json = json.succeeds().json();
    assert_eq!(json["out"], "weights/lite0.safetensors");
    assert!(json["parameters"].as_u64().unwrap() > 200);
    let pack = zoo.line("export efficientnet-lite0 --format burnpack --out lite0.bpk --offline");
    pack.succeeds().shows(&["lite0.bpk"]);
    assert_eq!(fs::read(zoo.path("lite0.bpk")).unwrap()[..4], *b"NRUB");

    zoo.line("convert efficientnet-lite0.onnx -o again.zoo").succeeds();
    zoo.line("verify again.zoo").succeeds().shows(&["agrees"]);
    let back = zoo.line("convert weights/lite0.safetensors --out back.zoo --json").succeeds();
    assert_eq!(back.json()["architecture"], "efficientnet-lite0");
}

#[test]
fn a_file_that_is_there_is_replaced_only_if_asked() {
    let zoo = Zoo::new();
    zoo.write("mine.onnx", "mine");
    let export = "export efficientnet-lite0 --format onnx --offline --out mine.onnx";
    zoo.line(export).fails().says(&["mine.onnx is there already", "--force"]);
    assert_eq!(fs::read(zoo.path("mine.onnx")).unwrap(), b"mine");
    zoo.line(&format!("{export} --force")).succeeds();
    assert!(fs::metadata(zoo.path("mine.onnx")).unwrap().len() > 1_000_000);
}

#[test]
fn source_is_written_by_a_build_that_can_and_the_others_say_how_to_get_one() {
    let zoo = Zoo::new();
    zoo.write("network.onnx", "no network");
    let run = zoo.line("convert network.onnx --emit rust").fails();
    run.says(&["emit-rust", "cargo install --path crates/zoo --features emit-rust"]);
    for wrong in ["convert network.onnx", "convert network.onnx --emit rust --arch resnet-18"] {
        let run = zoo.line(wrong);
        assert_eq!(run.status.code(), Some(2), "{run}");
    }
}
