#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| halftone_fuzz::invitation::run(data));
