//! The case files on the core. The same files run in wasm32 (`tests/wasm.rs`) and through Envoy
//! (`tests/e2e/cases.rs`).

use std::collections::BTreeSet;

use crate::documents::files;
use crate::support::case_files::{CASE_FILES, EXAMPLES, failures, failures_of_example};

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
fn every_case_file_is_built_in() {
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

#[test]
fn every_case_of_the_examples_holds() {
    let failures: Vec<String> = EXAMPLES
        .iter()
        .flat_map(|example| {
            let failures = failures_of_example(example).into_iter();
            failures.map(move |failure| format!("{}: {failure}", example.path))
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_case_file_of_the_examples_is_built_in() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/");
    let there: BTreeSet<String> = files("examples", &["yaml"])
        .iter()
        .map(|path| path.to_str().unwrap().replacen(folder, "", 1))
        .filter(|path| path.ends_with("cases.yaml"))
        .collect();
    let built_in = EXAMPLES.iter().map(|one| one.path.to_owned()).collect();
    assert_eq!(there, built_in);
}
