//! Pickles that would run a command where Python loads them.
#![allow(clippy::unwrap_used, reason = "here a panic is how a test fails")]

use std::path::Path;

use zoo_tests::{Zoo, zip};

/// A pickle, of protocol 2, that calls `MODULE.NAME(COMMAND)`.
fn calling(module: &str, name: &str, command: &str) -> Vec<u8> {
    let mut bytes = b"\x80\x02c".to_vec();
    bytes.extend(format!("{module}\n{name}\n").bytes());
    bytes.extend(b"(X");
    bytes.extend((command.len() as u32).to_le_bytes());
    bytes.extend(command.bytes());
    bytes.extend(b"tR.");
    bytes
}

/// The same with `STACK_GLOBAL`, of protocol 4.
fn calling_by_stack(module: &str, name: &str, command: &str) -> Vec<u8> {
    let mut bytes = b"\x80\x04".to_vec();
    for text in [module, name] {
        bytes.extend([0x8c, text.len() as u8]);
        bytes.extend(text.bytes());
    }
    bytes.extend(b"\x93(X");
    bytes.extend((command.len() as u32).to_le_bytes());
    bytes.extend(command.bytes());
    bytes.extend(b"tR.");
    bytes
}

/// What a checkpoint in the legacy container begins with: magic number, protocol, system.
fn legacy_head() -> Vec<u8> {
    let mut bytes = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.".to_vec();
    bytes.extend(b"\x80\x02}q\x00X\x0d\x00\x00\x00little_endianq\x01\x88s.");
    bytes
}

/// Fails unless `file` is refused by every command, `inspect` shows what it calls, and nothing
/// of it ran.
#[track_caller]
fn is_shown_and_never_run(zoo: &Zoo, file: &str, calls: &str, marker: &Path) {
    zoo.line(&format!("convert {file} --out out.zoo")).fails();
    zoo.line(&format!("convert {file} --arch resnet-18 --out out.zoo")).fails();
    zoo.line(&format!("predict {file} {file}")).fails();
    let inspected = zoo.line(&format!("inspect {file}"));
    inspected.keeps_its_head();
    let shown = inspected.shows(&[calls, "Python would run this"]);
    let machine = zoo.line(&format!("inspect {file} --json"));
    machine.keeps_its_head();
    assert!(machine.stdout.contains(calls), "--json hides what the text shows: {machine}");
    assert!(!zoo.path("out.zoo").exists() && !marker.exists(), "{shown}");
}

#[test]
fn fault_104_a_pickle_that_calls_a_command_is_named_and_never_run() {
    let zoo = Zoo::new();
    let marker = zoo.path("it-ran");
    let command = format!("touch {}", marker.display());
    zoo.write("bare.pth", calling("os", "system", &command));
    is_shown_and_never_run(&zoo, "bare.pth", "os.system", &marker);
    zoo.write("posix.pth", calling("posix", "system", &command));
    is_shown_and_never_run(&zoo, "posix.pth", "posix.system", &marker);
    let legacy = [legacy_head(), calling("os", "system", &command)].concat();
    zoo.write("legacy.pth", legacy);
    is_shown_and_never_run(&zoo, "legacy.pth", "os.system", &marker);
    zoo.write("zip.pth", zip(&[("archive/data.pkl", &calling("os", "system", &command))]));
    is_shown_and_never_run(&zoo, "zip.pth", "os.system", &marker);
}

#[test]
fn fault_105_a_global_from_the_stack_is_named_and_never_run() {
    let zoo = Zoo::new();
    let marker = zoo.path("it-ran");
    let command = format!("open({:?}, 'w')", marker.display());
    let pickle = calling_by_stack("builtins", "eval", &command);
    zoo.write("zip.pth", zip(&[("archive/data.pkl", &pickle)]));
    is_shown_and_never_run(&zoo, "zip.pth", "builtins.eval", &marker);
}

/// Protocol 4 without a container, as `pickle.dump` writes it.
#[test]
fn fault_112_a_bare_pickle_of_another_protocol_is_named_too() {
    let zoo = Zoo::new();
    let marker = zoo.path("it-ran");
    let command = format!("touch {}", marker.display());
    zoo.write("bare.pth", calling_by_stack("os", "system", &command));
    is_shown_and_never_run(&zoo, "bare.pth", "os.system", &marker);
}
