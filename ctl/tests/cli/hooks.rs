//! The hooks of `.pre-commit-hooks.yaml`.

use std::process::Command;

use serde_json::Value;

#[test]
fn a_hook_has_the_fields_that_pre_commit_needs_and_passes_on_an_example() {
    let text = std::fs::read_to_string(crate::root().join(".pre-commit-hooks.yaml")).unwrap();
    let hooks: Vec<Value> = serde_saphyr::from_str(&text).unwrap();
    let ids: Vec<&str> = hooks.iter().map(|hook| field(hook, "id")).collect();
    assert_eq!(ids, ["halftone-check", "halftone-test"]);
    for hook in &hooks {
        assert_eq!(field(hook, "language"), "system", "{hook}");
        assert_eq!(hook["pass_filenames"], false, "{hook}");
        assert!(!field(hook, "name").is_empty(), "{hook}");
        let entry = field(hook, "entry").strip_prefix("halftonectl ").unwrap();
        let args = hook["args"].as_array().unwrap().iter();
        for (folder, passes) in [
            ("examples/canary-by-weight", true),
            ("tests/violations", false),
        ] {
            let output = Command::new(env!("CARGO_BIN_EXE_halftonectl"))
                .arg(entry)
                .args(args.clone().filter_map(Value::as_str))
                .current_dir(crate::root().join(folder))
                .output()
                .unwrap();
            assert_eq!(output.status.success(), passes, "{folder}: {output:?}");
        }
    }
}

fn field<'h>(hook: &'h Value, name: &str) -> &'h str {
    hook[name].as_str().unwrap_or_default()
}
