//! `test`: case files.

use serde_json::json;

use crate::{file, halftonectl};

const CONFIG: &str = "
config:
  releases:
  - name: reviews
    hosts: [reviews]
    principal: v1
    canary:
      rules: [ { name: testers, match: [ { headers: { end-user: { exact: jason } } } ], version: v2 } ]
      split: [ { version: v2, weight: 10 }, { version: v1, weight: 90 } ]
";

fn cases(cases: &str) -> (tempfile::TempDir, String) {
    file("reviews-cases.yaml", format!("{CONFIG}cases:\n{cases}"))
}

const HOLDS: &str = "
- { name: jason sees v2, request: { host: reviews, headers: { end-user: jason } }, expect: { version: v2 } }
- { name: one in ten, sample: 5000, request: { host: reviews }, expect: { shares: { v2: 0.1, v1: 0.9 }, within: 0.02 } }
";

const FAILS: &str = "
- { name: jason sees v3, request: { host: reviews, headers: { end-user: jason } }, expect: { version: v3, reason: principal } }
- { name: half, sample: 1000, request: { host: reviews }, expect: { shares: { v2: 0.5, v1: 0.5 } } }
- { name: no release decides for ratings, request: { host: ratings }, expect: { version: null } }
";

#[test]
fn cases_that_hold_are_fine() {
    let (_folder, path) = cases(HOLDS);
    let run = halftonectl(&["test", &path]);
    assert_eq!(
        run.out,
        format!(
            "{path}\n  passed  jason sees v2\n  passed  one in ten (5,000 requests)\n\n\
             passed: 2 cases in 1 file, 2 passed, 0 failed.\n"
        )
    );
    assert_eq!((run.code, run.err.as_str()), (0, ""));
}

#[test]
fn a_failed_case_shows_what_was_expected_and_got() {
    let (_folder, path) = cases(FAILS);
    let run = halftonectl(&["test", &path]);
    assert_eq!(
        run.out,
        format!(
            "{path}
  failed  jason sees v3
            version: expected v3
                     got      v2
            reason: expected principal
                    got      rule:testers
  failed  half (1,000 requests)
            share of v1: expected 0.5 within 0.01
                         got      0.9010
            share of v2: expected 0.5 within 0.01
                         got      0.0990
  passed  no release decides for ratings

failed: 3 cases in 1 file, 1 passed, 2 failed.
"
        )
    );
    assert_eq!(run.code, 1);
}

#[test]
fn the_json_has_the_same_results() {
    let (_folder, path) = cases(FAILS);
    let run = halftonectl(&["test", "--output", "json", &path]);
    let report = run.json();
    assert_eq!(run.code, 1);
    assert_eq!(
        (&report["passed"], &report["failed"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(report["files"][0]["file"], json!(path));
    assert_eq!(
        report["files"][0]["cases"][0],
        json!({
            "name": "jason sees v3", "requests": 1, "passed": false,
            "mismatches": [
                {"what": "version", "expected": "v3", "got": "v2"},
                {"what": "reason", "expected": "principal", "got": "rule:testers"},
            ],
        })
    );
    assert_eq!(
        report["files"][0]["cases"][1]["mismatches"][0],
        json!({"what": "share", "version": "v1", "expected": 0.5, "within": 0.01, "got": 0.901})
    );
}

#[test]
fn the_junit_report_has_the_same_results() {
    let (_folder, path) = cases(FAILS);
    let run = halftonectl(&["test", "--output", "junit", &path]);
    assert_eq!(
        run.out,
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="halftonectl test" tests="3" skipped="0" failures="2" errors="0">
    <testsuite name="{path}" tests="3" skipped="0" errors="0" failures="2">
        <testcase name="jason sees v3" classname="{path}">
            <failure message="version: expected v3, got v2">version: expected v3, got v2
reason: expected principal, got rule:testers</failure>
        </testcase>
        <testcase name="half" classname="{path}">
            <failure message="share of v1: expected 0.5 within 0.01, got 0.9010">share of v1: expected 0.5 within 0.01, got 0.9010
share of v2: expected 0.5 within 0.01, got 0.0990</failure>
        </testcase>
        <testcase name="no release decides for ratings" classname="{path}"/>
    </testsuite>
</testsuites>
"#
        )
    );
    assert_eq!(run.code, 1);
}

#[test]
fn the_seed_decides_the_random_numbers() {
    let (_folder, path) = cases(FAILS);
    let got = |seed| halftonectl(&["test", "--seed", seed, &path]).out;
    assert_eq!(got("2"), got("2"));
    assert_ne!(got("2"), got("3"));
}

#[test]
fn a_file_that_cannot_be_run_fails_and_the_others_run() {
    let (_folder, good) = cases(HOLDS);
    let table = [
        (
            "config: { releases: [ { name: reviews } ] }\ncases: [ { name: one, request: { host: a }, expect: { version: v1 } } ]",
            "config.releases[0].hosts: ",
        ),
        (
            "config: {}\ncases: []",
            "is not a valid case file: cases: empty; write at least one case",
        ),
        ("cases: [", "is not a valid case file: "),
        (
            "configFile: other.yaml\nconfig: {}\ncases: []",
            "is not a valid case file: has neither config nor configFile, or both; write exactly one of them",
        ),
    ];
    for (text, said) in table {
        let (_folder, bad) = file("bad.yaml", text);
        let run = halftonectl(&["test", &bad, &good]);
        assert!(
            run.out.contains(&format!("  failed  {bad}: {said}")),
            "{run:?}"
        );
        assert!(run.out.contains("  passed  jason sees v2"), "{run:?}");
        assert_eq!(run.code, 1);

        let report = halftonectl(&["test", "--output", "json", &bad]).json();
        assert_eq!(
            report["files"][0]["findings"][0]["file"],
            json!(bad),
            "{report}"
        );
        let xml = halftonectl(&["test", "--output", "junit", &bad]).out;
        assert!(
            xml.contains("errors=\"1\"") && xml.contains("<error message="),
            "{xml}"
        );
    }
}

#[test]
fn the_configuration_may_be_in_the_file_of_a_plugin() {
    let (folder, path) = file(
        "cases.yaml",
        "configFile: plugin.yaml\ncases: [ { name: one, request: { host: reviews }, expect: { version: v1, reason: active } } ]",
    );
    std::fs::write(
        folder.path().join("plugin.yaml"),
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: { name: reviews }\nspec: { pluginConfig: \
         { releases: [ { name: reviews, hosts: [reviews], principal: v1, blueGreen: { active: v1 } } ] } }",
    )
    .unwrap();
    assert_eq!(halftonectl(&["test", &path]).code, 0);
}

#[test]
fn a_folder_means_all_its_case_files() {
    let (folder, path) = cases(HOLDS);
    std::fs::write(folder.path().join("plugin.yaml"), "releases: []").unwrap();
    std::fs::create_dir(folder.path().join("more")).unwrap();
    std::fs::copy(&path, folder.path().join("more/cases.yml")).unwrap();
    let json = json!({
        "config": {},
        "cases": [{"name": "one", "request": {"host": "a"}, "expect": {"version": null}}],
    });
    std::fs::write(folder.path().join("cases.json"), json.to_string()).unwrap();
    let run = halftonectl(&["test", folder.path().to_str().unwrap()]);
    assert!(
        run.out
            .ends_with("passed: 5 cases in 3 files, 5 passed, 0 failed.\n"),
        "{run:?}"
    );
    assert_eq!(run.code, 0);
}

#[test]
fn a_file_that_cannot_be_opened_is_a_usage_error() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().to_str().unwrap();
    let (_folder, lost) = file(
        "cases.yaml",
        "configFile: lost.yaml\ncases: [ { name: one, request: { host: a }, expect: { version: v1 } } ]",
    );
    let table = [
        (
            vec!["no-such.yaml"],
            "halftonectl: no-such.yaml: cannot be read: No such file or directory".to_owned(),
        ),
        (
            vec![lost.as_str()],
            "lost.yaml: cannot be read: No such file or directory".to_owned(),
        ),
        (
            vec![empty],
            format!(
                "halftonectl: {empty}: the folder has no case file; a case file has the field cases, and config or configFile"
            ),
        ),
        (vec![], "required arguments were not provided".to_owned()),
    ];
    for (files, said) in table {
        let run = halftonectl(&[vec!["test"], files].concat());
        assert!(run.err.contains(&said), "{run:?}");
        assert_eq!((run.code, run.out.as_str()), (2, ""));
    }
}

/// The same files run on the core, in wasm32 and through Envoy: `tests/it/cases.rs`, `tests/wasm.rs`, `tests/e2e`.
#[test]
fn the_case_files_of_the_tests_and_the_examples_hold() {
    let run = halftonectl(&["test", "--output", "json", "tests/cases", "examples"]);
    let report = run.json();
    assert_eq!((run.code, &report["failed"]), (0, &json!(0)), "{}", run.out);
    let files: Vec<&str> = report["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["file"].as_str().unwrap())
        .collect();
    for folder in [
        "tests/cases/",
        "examples/bookinfo/",
        "examples/per-service/",
    ] {
        assert!(
            files.iter().any(|file| file.starts_with(folder)),
            "{files:?}"
        );
    }
}

#[test]
fn a_file_that_is_not_a_case_file_is_reported_on_one_line() {
    let table: [(&str, Vec<u8>, &str); 6] = [
        ("empty", Vec::new(), "is not a valid case file: "),
        (
            "binary",
            b"\x7fELF\0\xff\xfe".into(),
            "byte 5 is not UTF-8; give YAML or JSON as UTF-8 text",
        ),
        (
            "deep",
            "[".repeat(100_000).into(),
            "is not a valid case file: line 1, column 65: is nested too deeply; the limit is 64 levels",
        ),
        (
            "10 MB",
            "1,".repeat(5_000_000).into(),
            "is not a valid case file: ",
        ),
        (
            "a resource",
            "apiVersion: v1\nkind: Service".into(),
            "is not a valid case file: ",
        ),
        (
            "a configuration",
            "releases: []".into(),
            "is not a valid case file: ",
        ),
    ];
    for (name, text, said) in table {
        let (_folder, path) = file("bad.yaml", text);
        let run = halftonectl(&["test", &path]);
        let line = run.out.lines().nth(1).unwrap();
        assert!(
            line.starts_with(&format!("  failed  {path}: {said}")),
            "{name}: {line}"
        );
        assert_eq!((run.code, run.out.lines().count()), (1, 4), "{name}");
    }
}
