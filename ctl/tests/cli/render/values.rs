//! Rendered YAML means the same to every reader.

use serde_json::{Value, json};

use super::{documents, of_hosts, plugins, rendered_of};

/// Strings that readers of YAML 1.1 or 1.2 misread without quotes, and strings that need escapes.
const TEXTS: [&str; 60] = [
    "",
    " ",
    "~",
    "null",
    "Null",
    "NULL",
    "true",
    "True",
    "FALSE",
    "on",
    "On",
    "OFF",
    "yes",
    "Yes",
    "no",
    "NO",
    "y",
    "Y",
    "n",
    "N",
    "1",
    "1.0",
    "0x1F",
    "0o17",
    "017",
    "0b11",
    "1e3",
    "1E-3",
    ".5",
    "-1",
    "+1",
    "1_000",
    ".inf",
    "-.Inf",
    ".NaN",
    "12:30:45",
    "1:30",
    "2026-01-02",
    "2026-01-02T03:04:05Z",
    "<<",
    "=",
    "-",
    "- a",
    "? a",
    "a: b",
    "a #b",
    "#a",
    "&a",
    "*a",
    "!a",
    "|",
    ">",
    "%a",
    "@a",
    "`a",
    "\"a\"",
    "'a'",
    "a\nb\n",
    "\t",
    "\u{85}\u{2028}\u{feff}\u{7f}é日\u{1f600}",
];

fn matching(text: &str) -> Value {
    let mut config = of_hosts(&["reviews"]);
    let matches = json!([{"queryParams": {(text): {"exact": text}}, "path": {"in": [text, "x"]}}]);
    config["releases"][0]["blueGreen"]["preview"]["match"] = matches;
    config
}

#[test]
fn a_string_stays_a_string() {
    for text in TEXTS {
        let config = matching(text);
        let plugin = rendered_of(&config, &["--kind", "wasmplugin"]);
        assert_eq!(
            plugins(&plugin)[0].config.as_ref(),
            Some(&config),
            "{text:?}:\n{plugin}"
        );
        let envoy = rendered_of(&config, &["--kind", "envoy"]);
        let found = documents(&envoy)[0]
            .pointer("/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0")
            .and_then(|filter| filter.pointer("/typed_config/config/configuration/value"))
            .and_then(Value::as_str)
            .and_then(|text| serde_json::from_str::<Value>(text).ok());
        assert_eq!(found.as_ref(), Some(&config), "{text:?}:\n{envoy}");
    }
}

/// Our reader reads YAML 1.2, so the test checks that strings with another meaning in 1.1 are quoted.
#[test]
fn a_string_that_yaml_1_1_misreads_is_quoted() {
    let is_word = |text: &&&str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-:~<=".contains(&byte);
        !text.is_empty() && text.bytes().all(is_plain)
    };
    for text in TEXTS.iter().filter(is_word) {
        let plugin = rendered_of(&matching(text), &["--kind", "wasmplugin"]);
        let is_quoted = |before: &str, after: &str| {
            ['"', '\'']
                .iter()
                .any(|quote| plugin.contains(&format!("{before}{quote}{text}{quote}{after}\n")))
        };
        assert!(is_quoted("exact: ", ""), "{text:?}:\n{plugin}");
        assert!(is_quoted("  ", ":"), "{text:?}:\n{plugin}");
        assert!(is_quoted("- ", ""), "{text:?}:\n{plugin}");
    }
}

#[test]
fn a_version_named_like_a_number_stays_a_string() {
    let split = json!([{"version": "1", "weight": 1}, {"version": "1.0", "weight": 0.1}, {"version": "on", "weight": 1e21}]);
    let config = json!({"releases": [{"name": "on", "hosts": ["no"], "principal": "1", "canary": {"split": split}}]});
    let kinds = "wasmplugin,trafficextension,virtualservice,destinationrule,httproute";
    let text = rendered_of(
        &config,
        &[
            "--kind",
            kinds,
            "--name",
            "1",
            "--namespace",
            "null",
            "--selector",
            "yes=0x1",
        ],
    );
    for line in [
        "name: \"on\"",
        "name: \"1\"",
        "namespace: \"null\"",
        "\"yes\": \"0x1\"",
        "exact: \"1.0\"",
        "subset: \"on\"",
        "subset: 1-0",
        "version: \"1.0\"",
        "value: \"1\"",
        "- no.null.svc.cluster.local",
        "weight: 0.1",
    ] {
        assert!(text.contains(line), "{line}:\n{text}");
    }
    assert_eq!(plugins(&text)[0].config.as_ref(), Some(&config));
}
