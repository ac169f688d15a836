//! The case files on the core, in wasm32 under Node.

#![cfg(all(target_arch = "wasm32", target_os = "unknown"))]

mod support;

use support::case_files::{CASE_FILES, failures};
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
fn every_case_holds() {
    for (name, text) in CASE_FILES {
        assert_eq!(failures(text), Vec::<String>::new(), "{name}");
    }
}
