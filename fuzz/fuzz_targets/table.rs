#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| zoo_fuzz::run("table", input));
