//! The words in which a bad configuration is refused: all violations at once, each with its place
//! and the way out. `tests/violations/NAME.yaml` is the configuration, `NAME.txt` what is said.
//!
//! `UPDATE=1 cargo test --test it violations` writes the texts anew, to be read before they are kept.

use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/violations")
}

fn refusal(yaml: &str) -> String {
    let value = serde_saphyr::from_str(yaml).unwrap();
    match halftone::config::load_value(&value) {
        Ok(_) => panic!("the configuration was accepted"),
        Err(violations) => format!("{violations}\n"),
    }
}

#[test]
fn every_violation_is_told_at_once() {
    let mut different = Vec::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let said = refusal(&std::fs::read_to_string(&path).unwrap());
        let expected = path.with_extension("txt");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&expected, &said).unwrap();
        }
        if std::fs::read_to_string(&expected).unwrap_or_default() != said {
            different.push(format!("{}:\n{said}", expected.display()));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn what_is_not_json_says_where() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let table: [(&[u8], &str); 6] = [
        (
            b"{",
            "configuration: is not JSON (EOF while parsing an object at line 1 column 1); give a JSON object",
        ),
        (
            b"releases: []",
            "configuration: is not JSON (expected value at line 1 column 1); give a JSON object",
        ),
        (
            b"{} {}",
            "configuration: is not JSON (trailing characters at line 1 column 4); give a JSON object",
        ),
        (
            b"\xff\xfe",
            "configuration: is not JSON (expected value at line 1 column 1); give a JSON object",
        ),
        (b"\"text\"", "configuration: is a text; give an object"),
        (
            deep.as_bytes(),
            "configuration: is not JSON (recursion limit exceeded at line 1 column 128); give a JSON object",
        ),
    ];
    for (text, expected) in table {
        let said = halftone::config::load(text)
            .map(|_| ())
            .unwrap_err()
            .to_string();
        assert_eq!(said, expected);
    }
}

#[test]
fn no_configuration_is_no_release() {
    for text in [
        "",
        "  \n",
        "null",
        "{}",
        r#"{"releases": []}"#,
        r#"{"releases": null, "explain": null}"#,
    ] {
        assert!(
            halftone::config::load(text.as_bytes())
                .unwrap()
                .all()
                .is_empty(),
            "{text}"
        );
    }
}

#[test]
fn a_thousand_violations_are_told_and_that_there_are_more() {
    for (item, at_least) in [("1", 100_000), ("{}", 100_000), ("1", 1_001)] {
        let text = format!("{{\"releases\": [{}]}}", vec![item; at_least].join(","));
        let violations = halftone::config::load(text.as_bytes()).unwrap_err();
        assert_eq!(
            (violations.iter().len(), violations.are_cut()),
            (1_000, true)
        );
        assert!(violations.to_string().ends_with("\nand more"));
    }
    let text = format!("{{\"releases\": [{}]}}", vec!["1"; 999].join(","));
    let violations = halftone::config::load(text.as_bytes()).unwrap_err();
    assert_eq!(
        (violations.iter().len(), violations.are_cut()),
        (999, false)
    );
}
