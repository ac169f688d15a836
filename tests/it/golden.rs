//! The session function against its golden vectors, and against another implementation of it.

use crate::support::golden_vectors::failures;

#[test]
fn sessions_are_those_of_the_golden_vectors() {
    assert_eq!(failures(), Vec::<String>::new());
}

#[test]
fn another_language_computes_the_same() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/session.py");
    let status = std::process::Command::new("python3")
        .args(["-B", script, "--check"])
        .status();
    assert!(status.unwrap().success());
}
