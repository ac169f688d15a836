//! The golden vectors of the session function against an implementation in another language.

#[test]
fn the_python_implementation_computes_the_golden_vectors() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/session.py");
    let status = std::process::Command::new("python3")
        .args(["-B", script, "--check"])
        .status();
    assert!(status.unwrap().success());
}
