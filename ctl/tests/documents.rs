//! Documents that cannot lie: every `halftonectl` command in them prints what stands below it.
//!
//! `TRYCMD=overwrite cargo test -p halftonectl --test documents` writes the outputs anew, to be read
//! before they are kept.

#[test]
fn commands_print_what_the_documents_say() {
    std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).unwrap();
    let cases = trycmd::TestCases::new();
    cases
        .case("README.md")
        .case("docs/halftonectl.md")
        .case("examples/*/README.md");
}
