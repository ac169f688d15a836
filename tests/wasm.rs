//! The core in wasm32, under Node: the case files and the golden vectors of the session function.

#![cfg(all(target_arch = "wasm32", target_os = "unknown"))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may fail"
)]

mod support;

use support::{case_files, golden_vectors};
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
fn every_case_holds() {
    for (name, text) in case_files::CASE_FILES {
        assert_eq!(case_files::failures(text), Vec::<String>::new(), "{name}");
    }
}

#[wasm_bindgen_test]
fn every_case_of_the_examples_holds() {
    for example in case_files::EXAMPLES {
        let failures = case_files::failures_of_example(&example);
        assert_eq!(failures, Vec::<String>::new(), "{}", example.path);
    }
}

#[wasm_bindgen_test]
fn sessions_are_those_of_the_golden_vectors() {
    assert_eq!(golden_vectors::failures(), Vec::<String>::new());
}
