//! The violations of bad configurations. `tests/violations/NAME.yaml` is a configuration, `NAME.txt`
//! its violations.
//!
//! `UPDATE=1 cargo test --test it violations` rewrites the texts. Read them before you commit them.

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
fn every_violation_is_reported_at_once() {
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

/// Whatever a configuration holds, a violation is one line that a log or a terminal can show.
#[test]
fn every_violation_is_a_short_line_without_control_characters() {
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let is_plain = |c: char| !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}');
            assert!(line.len() < 500, "{}: {line}", path.display());
            assert!(line.chars().all(is_plain), "{}: {line:?}", path.display());
        }
    }
}

#[test]
fn what_is_not_json_says_where() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let table: [(&[u8], &str); 6] = [
        (
            b"{",
            "configuration: cannot be read as JSON: EOF while parsing an object at line 1 column 1; write a JSON object",
        ),
        (
            b"releases: []",
            "configuration: cannot be read as JSON: expected value at line 1 column 1; write a JSON object",
        ),
        (
            b"{} {}",
            "configuration: cannot be read as JSON: trailing characters at line 1 column 4; write a JSON object",
        ),
        (
            b"\xff\xfe",
            "configuration: cannot be read as JSON: expected value at line 1 column 1; write a JSON object",
        ),
        (
            b"\"text\"",
            "configuration: expected an object (fields: releases, signing, explain, accessLog, mirrorBudget, metrics), got the string \"text\"",
        ),
        (
            deep.as_bytes(),
            "configuration: cannot be read as JSON: recursion limit exceeded at line 1 column 128; write a JSON object",
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
fn the_text_of_all_violations_is_bounded() {
    const MOST: usize = 256 << 10;
    let name = |index: usize| "\u{202e}".repeat(80) + &index.to_string();
    let hosts: Vec<String> = (0..900).map(name).collect();
    let config = serde_json::json!({"releases": [{"name": "a", "hosts": hosts, "principal": "v1", "canary": {}}]});
    let violations = halftone::config::load_value(&config).unwrap_err();
    let text: usize = violations
        .iter()
        .map(|violation| violation.path.len() + violation.message.len())
        .sum();
    assert!((MOST - 1_000..=MOST).contains(&text), "{text}");
    assert!(violations.are_cut() && violations.iter().len() < 900);
}

#[test]
fn at_most_a_thousand_violations_are_reported_and_that_there_are_more() {
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
