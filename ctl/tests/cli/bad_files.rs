//! Files that are not valid configurations. Every verb reports the problem on one line, and soon.

use std::time::{Duration, Instant};

use crate::{Run, file, halftonectl, halftonectl_with};

/// The verbs that read a configuration, with their required arguments.
const VERBS: [(&str, &[&str]); 4] = [
    ("check", &[]),
    ("explain", &["--host", "reviews"]),
    ("simulate", &["--host", "reviews", "--requests", "10"]),
    ("render", &["--kind", "wasmplugin"]),
];

/// Much more than any file takes within the limits, and much less than it would take without them.
const SOON: Duration = Duration::from_secs(60);

fn run(verb: &str, path: &str, more: &[&str]) -> Run {
    let begun = Instant::now();
    let mut args = vec![verb, path];
    args.extend(more);
    let run = halftonectl(&args);
    let took = begun.elapsed();
    assert!(took < SOON, "{verb} took {took:?}");
    run
}

/// The message on a file, from either output. `check` writes every place as `file:line:column`, and the other verbs write
/// only that of a text that is not YAML, as `line 1, column 4`, which is the place here if `expected` has one.
fn said(run: &Run, path: &str, expected: &str) -> String {
    let mut lines = run.out.lines().chain(run.err.lines());
    let line = lines.next().unwrap_or_default();
    let line = line.strip_prefix("halftonectl: ").unwrap_or(line);
    let said = line
        .strip_prefix(path)
        .unwrap_or_else(|| panic!("{run:?}"))
        .trim_start_matches(": ");
    let Some((at, rest)) = placed(said) else {
        return said.into();
    };
    match expected.strip_prefix("line ") {
        Some(_) => format!("{at}: {rest}"),
        None => rest.into(),
    }
}

/// The parts of `:1:4: message`: `line 1, column 4`, and the message.
fn placed(said: &str) -> Option<(String, &str)> {
    let (place, rest) = said.strip_prefix(':')?.split_once(": ")?;
    let (line, column) = place.split_once(':')?;
    Some((format!("line {line}, column {column}"), rest))
}

fn text(text: &str) -> Vec<u8> {
    text.into()
}

fn times(part: &str, number: usize) -> Vec<u8> {
    part.repeat(number).into()
}

fn nested_blocks() -> Vec<u8> {
    let levels = (0..1_000).map(|level| " ".repeat(level) + "a:\n");
    levels.collect::<String>().into()
}

/// Nine aliases of nine aliases, and so on.
fn laughs() -> Vec<u8> {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let nine = vec![format!("*a{}", level - 1); 9].join(", ");
        text += &format!("a{level}: &a{level} [{nine}]\n");
    }
    text.into()
}

/// 10 MB of random printable letters.
fn garbage() -> Vec<u8> {
    let mut state = 7_u32;
    let letter = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b' ' + u8::try_from(state >> 24).unwrap() % 95
    };
    (0..10_000_000).map(letter).collect()
}

#[test]
fn a_file_that_is_not_a_configuration_is_reported_on_one_line() {
    let deep = |at: &str| format!("{at}: is nested too deeply; the limit is 64 levels");
    let empty = "is empty; give a plugin configuration, or a resource that contains one";
    let table: [(&str, Vec<u8>, &str); 26] = [
        ("empty", text(""), empty),
        ("comments alone", text("# one\n---\n# two\n"), empty),
        ("10 MB of lines", times("\n", 10_000_000), empty),
        (
            "NUL",
            text("a: \0"),
            "line 1, column 4: is not YAML: unexpected character: `\\u{0}'",
        ),
        (
            "binary",
            b"\x7fELF\x02\xff\xfe\0\0".to_vec(),
            "byte 5 is not UTF-8; give YAML or JSON as UTF-8 text",
        ),
        (
            "10 MB of binary",
            b"a\xff\0".repeat(3_500_000),
            "byte 1 is not UTF-8; give YAML or JSON as UTF-8 text",
        ),
        (
            "10 MB of garbage",
            garbage(),
            "line 1, column 1: is not YAML: misplaced bracket",
        ),
        (
            "10 MB of words",
            times("word ", 2_000_000),
            "document 1: expected an object, got a string",
        ),
        (
            "10 MB of quotes",
            times("'", 10_000_001),
            "line 1, column 1: is not YAML: unclosed quote",
        ),
        (
            "10 MB of documents",
            times("---\n", 2_500_000),
            "line 100001, column 1: is too large when all aliases are replaced; ",
        ),
        (
            "deep lists",
            times("[", 100_000),
            &deep("line 1, column 65"),
        ),
        (
            "deep lists that end",
            [times("[", 100_000), times("]", 100_000)].concat(),
            &deep("line 1, column 65"),
        ),
        (
            "deep objects",
            times("{a: ", 100_000),
            &deep("line 1, column 257"),
        ),
        (
            "deep JSON",
            times("{\"a\":", 100_000),
            &deep("line 1, column 321"),
        ),
        (
            "deep items",
            times("- ", 100_000),
            &deep("line 1, column 129"),
        ),
        ("deep blocks", nested_blocks(), &deep("line 65, column 65")),
        (
            "a billion laughs",
            laughs(),
            "line 1, column 35: is too large when all aliases are replaced; ",
        ),
        (
            "10 MB of values",
            [text("releases: ["), times("1,", 5_000_000)].concat(),
            "line 1, column 4000006: is too large when all aliases are replaced; ",
        ),
        (
            "a million wrong values",
            [text("releases: ["), times("1,", 1_000_000), text("]")].concat(),
            "releases[0]: ",
        ),
        (
            "a scalar",
            text("hello"),
            "document 1: expected an object, got a string",
        ),
        (
            "another kind",
            text("apiVersion: apps/v1\nkind: Deployment"),
            "contains no plugin configuration",
        ),
        (
            "a field twice",
            text("releases: []\nreleases: []"),
            "line 2, column 1: `releases` appears twice; write each field once",
        ),
        (
            "a field twice in JSON",
            text("{\"releases\": [], \"releases\": []}"),
            "line 1, column 18: `releases` appears twice; write each field once",
        ),
        (
            "a field that cannot be read",
            text(
                "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: { name: a }\nspec: { match: 3 }",
            ),
            "WasmPlugin default/a: spec.match: expected an array, got the number 3",
        ),
        (
            "a name that cannot be read",
            text(
                "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: { name: [] }",
            ),
            "WasmPlugin without a name: metadata.name: expected a string, got an array",
        ),
        (
            "tabs",
            text("releases:\n\t- name: a"),
            "line 2, column 2: is not YAML: tabs disallowed within this context (block indentation)",
        ),
    ];
    for (name, contents, expected) in table {
        let (_folder, path) = file("bad.yaml", contents);
        for (verb, more) in VERBS {
            let run = run(verb, &path, more);
            // For all verbs but `check` it is a usage error.
            let code = if name == "another kind" && verb != "check" {
                2
            } else {
                1
            };
            assert_eq!(run.code, code, "{verb}, {name}: {run:?}");
            let said = said(&run, &path, expected);
            assert!(said.starts_with(expected), "{verb}, {name}: {said}");
            assert!(said.len() < 400, "{verb}, {name}: {said}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_opened_is_a_usage_error() {
    let folder = tempfile::tempdir().unwrap();
    let folder_path = folder.path().to_str().unwrap();
    let missing = format!("{folder_path}/missing.yaml");
    for (verb, more) in VERBS {
        let run = halftonectl(&[&[verb, missing.as_str()], more].concat());
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{verb}");
        let expected = format!(
            "halftonectl: {missing}: cannot be read: No such file or directory (os error 2)\n"
        );
        assert_eq!(run.err, expected, "{verb}");

        // `check` reads the files of a folder.
        let run = halftonectl(&[&[verb, folder_path], more].concat());
        let code = if verb == "check" { 1 } else { 2 };
        assert_eq!(run.code, code, "{verb}: {run:?}");
    }
}

#[test]
fn standard_input_gets_the_same_messages() {
    for (verb, more) in VERBS {
        let run = halftonectl_with(&[&[verb, "-"], more].concat(), b"releases: [");
        assert_eq!(run.code, 1, "{verb}: {run:?}");
        let expected = "line 1, column 11: is not YAML: unclosed bracket '['";
        assert_eq!(said(&run, "-", expected), expected, "{verb}");
    }
}

#[test]
fn a_good_configuration_of_10_mb_is_read() {
    let users: Vec<String> = (0..600_000).map(|user| format!("user-{user:08}")).collect();
    let config = format!(
        "releases:\n- name: reviews\n  hosts: [reviews]\n  principal: v1\n  canary:\n    rules:\n    - {{ name: beta, version: v2, match: [ {{ headers: {{ x-user: {{ in: [{}] }} }} }} ] }}\n",
        users.join(", ")
    );
    assert!(config.len() > 9_000_000);
    let (_folder, path) = file("large.yaml", config);
    for (verb, more) in VERBS {
        let run = run(verb, &path, more);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{verb}");
    }
}

#[test]
fn a_file_over_64_mib_is_not_read() {
    let (_folder, path) = file("huge.yaml", times("# nothing here\n", 5_000_000));
    for (verb, more) in VERBS {
        let run = run(verb, &path, more);
        let expected = format!("halftonectl: {path}: cannot be read: it is larger than 64 MiB\n");
        assert_eq!((run.code, run.err), (2, expected), "{verb}");
    }
}
