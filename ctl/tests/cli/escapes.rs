//! Control characters of files and requests, which must not reach a terminal.

use serde_json::{Value, json};

use crate::{file, halftonectl};

/// Clears a screen, in two encodings, and deletes a character.
const EVIL: &str = "\u{1b}[2J\u{9b}2J\u{7f}";

fn configuration() -> Value {
    json!({"releases": [{
        "name": "r",
        "hosts": ["r"],
        "principal": "v1",
        "canary": {
            "rules": [{"name": "a", "match": [{"headers": {"x": {"exact": EVIL}}}], "version": "v2"}],
            "session": {"key": [{"header": "x"}]},
        },
        "mirrors": [{"name": "m", "cluster": EVIL, "match": [{"path": {"prefix": EVIL}}]}],
    }]})
}

fn resource(kind: &str, spec: Value) -> Value {
    json!({
        "apiVersion": if kind == "WasmPlugin" { "extensions.istio.io/v1alpha1" } else { "networking.istio.io/v1" },
        "kind": kind,
        "metadata": {"name": EVIL, "namespace": EVIL},
        "spec": spec,
    })
}

#[test]
fn no_verb_prints_a_control_character_of_a_file_or_a_request() {
    const HOST: [&str; 2] = ["--host", "r"];
    const X: [&str; 2] = ["--header", "x: \u{1b}[2J"];
    const ONE: [&str; 2] = ["--requests", "1"];
    let good = configuration();
    let bad = json!({"releases": [{"name": EVIL, "hosts": [EVIL], EVIL: EVIL}]});
    let plugin = |config: &Value| resource("WasmPlugin", json!({"pluginConfig": config}));
    let unreadable = resource("VirtualService", json!({"http": [{"match": EVIL}]}));
    let cases = json!({
        "config": good,
        "cases": [
            {"name": EVIL, "request": {"host": "r"}, "expect": {"version": EVIL}},
            {"name": EVIL, "request": {"host": "r"}, "expect": {"version": "v1", "set": {EVIL: EVIL}}},
        ],
    });
    let bad_cases = json!({"config": bad, "cases": cases["cases"]});
    let empty_case =
        json!({"config": {}, "cases": [{"name": EVIL, "request": {"host": "r"}, "expect": {}}]});
    let table: [(&str, &Value, Vec<&str>); 17] = [
        ("check", &bad, vec![]),
        ("check", &plugin(&bad), vec![]),
        ("check", &plugin(&good), vec![]),
        ("check", &unreadable, vec![]),
        ("explain", &good, [&HOST[..], &X].concat()),
        (
            "explain",
            &good,
            vec!["--host", "other", "--path", "/\u{202e}"],
        ),
        ("explain", &bad, HOST.to_vec()),
        (
            "explain",
            &plugin(&good),
            [&HOST[..], &["--plugin", EVIL]].concat(),
        ),
        (
            "explain",
            &plugin(&good),
            [&HOST[..], &["--plugin", "\u{1b}"]].concat(),
        ),
        ("simulate", &good, [&HOST[..], &X, &ONE].concat()),
        (
            "simulate",
            &good,
            [&["--host", "other\u{9b}"][..], &ONE].concat(),
        ),
        ("simulate", &plugin(&bad), [&HOST[..], &ONE].concat()),
        ("test", &cases, vec![]),
        ("test", &bad_cases, vec![]),
        ("test", &empty_case, vec![]),
        ("render", &good, vec!["--kind", "envoy"]),
        ("render", &plugin(&bad), vec!["--kind", "envoy"]),
    ];
    for (verb, contents, args) in table {
        let (_folder, path) = file("evil\u{1b}[2J.json", contents.to_string());
        let run = halftonectl(&[&[verb, &path], args.as_slice()].concat());
        let text = format!("{}{}", run.out, run.err);
        let is_raw = |letter: char| letter != '\n' && letter.is_control();
        assert!(!text.contains(is_raw), "{verb} {args:?}: {text:?}");
        assert!(
            text.contains("\\u{1b}") || verb == "render",
            "{verb} {args:?}: {text}"
        );
    }
}
