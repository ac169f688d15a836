//! The documents: every `halftonectl` command in them prints the output below it.
//!
//! `TRYCMD=overwrite cargo test -p halftonectl --test documents` rewrites the outputs. Read the changes
//! before you commit them.

#[test]
fn commands_print_the_outputs_in_the_documents() {
    std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).unwrap();
    let cases = trycmd::TestCases::new();
    cases
        .case("README.md")
        .case("docs/coming-from.md")
        .case("docs/halftonectl.md")
        .case("examples/*/README.md");
}
