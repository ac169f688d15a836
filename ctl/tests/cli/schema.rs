//! `schema` and `completions`.

use crate::{halftonectl, root};

#[test]
fn the_schema_is_the_one_that_is_published() {
    let run = halftonectl(&["schema"]);
    let published = std::fs::read_to_string(root().join("docs/halftone.schema.json")).unwrap();
    assert_eq!(run.code, 0);
    assert_eq!(
        run.json(),
        serde_json::from_str::<serde_json::Value>(&published).unwrap()
    );
}

#[test]
fn every_shell_gets_completions_for_every_verb() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let run = halftonectl(&["completions", shell]);
        assert_eq!(run.code, 0, "{shell}");
        for verb in ["check", "explain", "simulate", "test", "render", "schema"] {
            assert!(run.out.contains(verb), "{shell} knows no {verb}");
        }
    }
}
