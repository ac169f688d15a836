//! The case files on the core. The same files run in wasm32 (`tests/wasm.rs`) and through Envoy
//! (`tests/e2e/cases.rs`).

use std::collections::BTreeSet;

use crate::support::case_files::{CASE_FILES, failures};

#[test]
fn every_case_holds() {
    let failures: Vec<String> = CASE_FILES
        .into_iter()
        .flat_map(|(name, text)| {
            failures(text)
                .into_iter()
                .map(move |failure| format!("{name}: {failure}"))
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn no_case_file_is_forgotten() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases");
    let there: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let built_in = CASE_FILES
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(there, built_in);
}
