//! The golden vectors of the session function, the guard and the invitations against implementations in another
//! language.

#[test]
fn the_python_implementations_compute_the_golden_vectors() {
    for script in ["session.py", "guard.py", "invitation.py"] {
        let script = format!("{}/docs/{script}", env!("CARGO_MANIFEST_DIR"));
        let status = std::process::Command::new("python3")
            .args(["-B", &script, "--check"])
            .status();
        assert!(status.unwrap().success(), "{script}");
    }
}
