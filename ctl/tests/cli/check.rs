//! `check`: its inputs, outputs and exit statuses. Each kind of finding has its own file.

mod conflicts;
mod plugins;
mod routes;
mod subsets;
mod warnings;

use crate::{Run, halftonectl, halftonectl_with};

/// A release with v1 (the principal), v2 and v3.
pub const RELEASE: &str = "{ name: reviews, hosts: [reviews], principal: v1, canary: { split: [ { version: v2, weight: 1 }, { version: v3, weight: 1 }, { version: v1, weight: 8 } ] } }";

/// Runs `check` on these files, and removes their folder from its output.
pub fn check(files: &[(&str, String)]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        paths.push(path.to_str().unwrap().to_owned());
    }
    let mut args = vec!["check"];
    args.extend(paths.iter().map(String::as_str));
    without(&folder, halftonectl(&args))
}

fn without(folder: &tempfile::TempDir, run: Run) -> Run {
    let folder = format!("{}/", folder.path().to_str().unwrap());
    Run {
        code: run.code,
        out: run.out.replace(&folder, ""),
        err: run.err.replace(&folder, ""),
    }
}

/// The findings on one file, without the file name.
pub fn findings(documents: &[String]) -> Vec<String> {
    let run = check(&[("a.yaml", documents.join("\n---\n"))]);
    let mut lines: Vec<&str> = run.out.lines().collect();
    let last = lines.pop().unwrap_or_default();
    let verdict = match lines.len() {
        0 => (0, last.ends_with(": fine.")),
        1 => (1, last == "1 finding in 1 file."),
        many => (1, last == format!("{many} findings in 1 file.")),
    };
    assert_eq!(verdict, (run.code, true), "{run:?}");
    lines.iter().map(|line| placed(line).2.into()).collect()
}

/// The parts of a line of the report: the file, its line and column as `1:4`, and the rest.
fn placed(line: &str) -> (&str, &str, &str) {
    let (start, rest) = line.split_once(": ").unwrap();
    let (file, at) = start.split_once(':').unwrap();
    (file, at, rest)
}

/// A correct WasmPlugin in the namespace `bookinfo` with these releases.
pub fn plugin(releases: &str) -> String {
    plugin_with(
        "match: [ { mode: CLIENT } ], failStrategy: FAIL_OPEN",
        releases,
    )
}

/// A WasmPlugin with these other fields.
pub fn plugin_with(fields: &str, releases: &str) -> String {
    format!(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{ name: reviews, namespace: bookinfo }}\nspec: {{ url: 'oci://registry.example.com/halftone:0.1.0', {fields}, pluginConfig: {{ releases: [ {releases} ] }} }}"
    )
}

/// A VirtualService in the namespace `bookinfo`.
pub fn service(hosts: &str, http: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{ name: reviews, namespace: bookinfo }}\nspec: {{ hosts: [ {hosts} ], http: [ {http} ] }}"
    )
}

/// A DestinationRule in the namespace `bookinfo`.
pub fn rule(host: &str, subsets: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{ name: reviews, namespace: bookinfo }}\nspec: {{ host: '{host}', subsets: [ {subsets} ] }}"
    )
}

#[test]
fn every_violation_of_every_configuration_is_reported_in_the_order_of_the_files() {
    let list = r#"{"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "extensions.istio.io/v1alpha1", "kind": "TrafficExtension",
         "metadata": {"name": "ratings", "namespace": "shop"},
         "spec": {"match": [{"mode": "CLIENT"}], "wasm": {"url": "oci://registry.example.com/halftone:0.1.0",
            "failStrategy": "FAIL_OPEN", "pluginConfig": {"releases": [{"name": "ratings", "principal": "v1", "canary": {}}]}}}}
    ]}"#;
    let release = "{ name: Reviews, hosts: [reviews], principal: v1, canary: { split: [ { version: v2, weight: 0 } ] } }";
    let run = check(&[
        ("b.json", list.into()),
        ("a.yaml", format!("{}\n---\nrelease: []\n", plugin(release))),
    ]);
    assert_eq!(run.code, 1);
    // The words of violations are the core's: tests/violations.
    let expected = [
        "b.json:5:72: TrafficExtension shop/ratings: spec.wasm.pluginConfig.releases[0].hosts: ",
        "a.yaml:4:143: WasmPlugin bookinfo/reviews: spec.pluginConfig.releases[0].name: ",
        "a.yaml:4:201: WasmPlugin bookinfo/reviews: spec.pluginConfig.releases[0].canary.split: ",
        "a.yaml:6:1: release: ",
        "4 findings in 2 files.",
    ];
    assert_eq!(run.out.lines().count(), expected.len(), "{}", run.out);
    for (line, start) in run.out.lines().zip(expected) {
        assert!(line.starts_with(start), "{line}");
    }
    assert_eq!(run.err, "");
}

#[test]
fn a_finding_has_its_line_and_column() {
    let broken = "# The plugin of the team.\napiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata:\n  name: reviews\nspec:\n  url: halftone\n  failStrategy: FAIL_OPEN\n  pluginConfig:\n    releases:\n    - name: reviews\n      hosts: [reviews]\n      principle: v1\n      canary:\n        split:\n        - version: v2\n          weight: \"5\"\n";
    let two = format!("---\n{broken}---\nreleases: 3\n");
    let list: serde_json::Value = serde_json::json!({"kind": "List", "apiVersion": "v1", "items": [
        {"kind": "Service", "apiVersion": "v1", "metadata": {"name": "a"}},
        {"kind": "WasmPlugin", "apiVersion": "extensions.istio.io/v1alpha1", "metadata": {"name": "a"},
            "spec": {"failStrategy": "FAIL_OPEN", "match": [{"mode": "CLIENT"}], "pluginConfig": {"releases": [{}]}}},
    ]});
    let list = serde_json::to_string_pretty(&list).unwrap();
    let table = [
        (
            "fields of a plugin",
            broken.to_owned(),
            vec![
                "13:7 spec.pluginConfig.releases[0].principle",
                "17:11 spec.pluginConfig.releases[0].canary.split[0].weight",
            ],
        ),
        (
            "a later document",
            two,
            vec![
                "14:7 spec.pluginConfig.releases[0].principle",
                "18:11 spec.pluginConfig.releases[0].canary.split[0].weight",
                "20:1 releases",
            ],
        ),
        (
            "an item of a List in JSON, without the fields",
            list,
            vec![
                "26:13 spec.pluginConfig.releases[0].name",
                "26:13 spec.pluginConfig.releases[0].hosts",
                "26:13 spec.pluginConfig.releases[0].principal",
                "26:13 spec.pluginConfig.releases[0]",
            ],
        ),
        (
            "a missing field of the plugin",
            broken
                .replace("principle", "principal")
                .replace("\"5\"", "5"),
            vec!["6:1 spec.match"],
        ),
        (
            "text that is not YAML",
            "a:\n- [".into(),
            vec!["2:3 is not YAML"],
        ),
        (
            "an alias",
            "releases:\n- &a { name: 1 }\n- *a".into(),
            vec!["2:8 releases[0].name", "3:3 releases[1].name"],
        ),
    ];
    for (name, text, expected) in table {
        let run = halftonectl_with(&["check", "-"], text.as_bytes());
        let lines: Vec<String> = run
            .out
            .lines()
            .map(|line| match line.split_once(": ") {
                Some((start, rest)) => {
                    let rest = rest
                        .strip_prefix("WasmPlugin default/reviews: ")
                        .unwrap_or(rest);
                    let rest = rest.strip_prefix("WasmPlugin default/a: ").unwrap_or(rest);
                    format!(
                        "{} {}",
                        start.trim_start_matches("-:"),
                        rest.split(": ").next().unwrap()
                    )
                }
                None => String::new(),
            })
            .collect();
        for line in &expected {
            assert!(
                lines.iter().any(|found| found == line),
                "{name}: {line}: {}",
                run.out
            );
        }

        let json = halftonectl_with(&["check", "--output", "json", "-"], text.as_bytes()).json();
        let findings = json["findings"].as_array().unwrap();
        let found: Vec<String> = findings
            .iter()
            .map(|one| format!("{}:{}", one["line"], one["column"]))
            .collect();
        let places: Vec<&str> = lines
            .iter()
            .filter_map(|line| Some(line.split_once(' ')?.0))
            .collect();
        assert_eq!(found, places, "{name}");
    }
}

#[test]
fn a_byte_that_is_not_utf_8_has_its_line_and_column() {
    let run = halftonectl_with(&["check", "-"], b"a: 1\nb: \xff");
    let said =
        "-:2:4: byte 8 is not UTF-8; give YAML or JSON as UTF-8 text\n1 finding in 1 file.\n";
    assert_eq!((run.code, run.out.as_str()), (1, said));
}

#[test]
fn a_report_without_findings_counts_the_resources() {
    let subsets = "{ name: v1 }, { name: v2 }, { name: v3 }";
    let run = check(&[
        ("plugin.yaml", plugin(RELEASE)),
        ("rule.yaml", rule("reviews", subsets)),
    ]);
    let said = "2 files: 1 release, 1 DestinationRule: fine.\n";
    assert_eq!((run.code, run.out.as_str()), (0, said));

    let table = [
        ("releases: []", "1 file: 0 releases: fine.\n"),
        (
            "releases: []\n---\nexplain: { header: a }",
            "1 file: 0 releases: fine.\n",
        ),
        (
            &format!("releases: [ {RELEASE} ]"),
            "1 file: 1 release: fine.\n",
        ),
    ];
    for (text, said) in table {
        let run = halftonectl_with(&["check", "-"], text.as_bytes());
        assert_eq!((run.code, run.out.as_str()), (0, said), "{text}");
    }
}

/// With the manifest for the waypoint as it was, which listed the names of the service, `check` finds that.
#[test]
fn every_manifest_is_fine() {
    let run = halftonectl(&["check", "manifests"]);
    assert_eq!(run.code, 0, "{run:?}");
}

#[test]
fn a_document_that_cannot_be_read_does_not_affect_the_others() {
    let broken = plugin_with("match: 3, failStrategy: FAIL_OPEN", RELEASE);
    let list = "apiVersion: v1\nkind: List\nitems: [ 3 ]";
    let said = findings(&[
        broken,
        "just text".into(),
        "releases: 3".into(),
        list.into(),
    ]);
    let expected = [
        "WasmPlugin bookinfo/reviews: spec.match: expected an array, got the number 3",
        "document 2: expected an object, got a string",
        "releases: ",
        "document 4: expected an object, got a number",
    ];
    assert_eq!(said.len(), expected.len(), "{said:?}");
    for (finding, start) in said.iter().zip(expected) {
        assert!(finding.starts_with(start), "{finding}");
    }
}

#[test]
fn a_file_that_cannot_be_opened_is_reported_last() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("bad.yaml"), "a: [").unwrap();
    std::fs::write(path("good.yaml"), "releases: []").unwrap();
    let (bad, good, none) = (path("bad.yaml"), path("good.yaml"), path("none.yaml"));

    let run = without(&folder, halftonectl(&["check", &none, &bad, "none", &good]));
    assert_eq!(run.code, 2);
    assert_eq!(
        run.out,
        "bad.yaml:1:4: is not YAML: unclosed bracket '['\n1 finding in 1 file.\n"
    );
    assert_eq!(
        run.err,
        "halftonectl: none.yaml: cannot be read: No such file or directory (os error 2)\n\
         halftonectl: none: cannot be read: No such file or directory (os error 2)\n"
    );

    let run = halftonectl(&["check", &none, &good]);
    assert_eq!((run.code, run.out.as_str()), (2, "1 file: 0 releases.\n"));
    let run = halftonectl(&["check", &none]);
    assert_eq!((run.code, run.out.as_str()), (2, ""));
}

#[test]
fn only_documents_that_concern_halftone_are_read_from_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("z.yaml", "releases: [ {} ]");
    write("deep/er/a.yml", "releases: 1");
    write("deep/b.json", "{\"releases\": 2}");
    write("deep/plugin.txt", "releases: 3");
    write("cases.yaml", "config: {}\ncases: []");
    write("values.yaml", "image: { tag: 1 }");
    write("list.yaml", "- a\n- b");
    write("empty.yaml", "# nothing\n");
    write("deployment.yaml", "apiVersion: apps/v1\nkind: Deployment");
    let run = halftonectl(&["check", folder.path().to_str().unwrap()]);
    let run = without(&folder, run);
    assert_eq!(run.code, 1);
    let places: Vec<&str> = run
        .out
        .lines()
        .map(|line| line.split(':').next().unwrap())
        .collect();
    assert_eq!(
        places,
        [
            "deep/b.json",
            "deep/er/a.yml",
            "z.yaml",
            "z.yaml",
            "z.yaml",
            "z.yaml",
            "6 findings in 3 files."
        ]
    );
}

#[test]
fn a_call_without_a_configuration_is_a_finding() {
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: reviews }";
    let other = "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nspec: { url: 'oci://registry.example.com/waf:1', pluginConfig: { rules: [] } }";
    let lua = "apiVersion: extensions.istio.io/v1alpha1\nkind: TrafficExtension\nspec: { lua: { inlineCode: '' } }";
    let table = [
        (
            vec![deployment],
            "a0.yaml:1:1: contains no plugin configuration; give a plugin configuration, or a WasmPlugin or TrafficExtension that contains one\n1 finding in 1 file.\n",
        ),
        (
            vec![deployment, other, lua],
            "a0.yaml:1:1: none of the 3 files contains a plugin configuration; give a plugin configuration, or a WasmPlugin or TrafficExtension that contains one\n1 finding in 1 file.\n",
        ),
        (
            vec!["config: {}\ncases: []"],
            "a0.yaml:1:1: is a case file; run it with `halftonectl test`\n1 finding in 1 file.\n",
        ),
        (
            vec![deployment, "releases: []"],
            "2 files: 0 releases: fine.\n",
        ),
    ];
    for (texts, said) in table {
        let names: Vec<String> = (0..texts.len())
            .map(|place| format!("a{place}.yaml"))
            .collect();
        let files = names.iter().zip(&texts);
        let files: Vec<(&str, String)> = files
            .map(|(name, text)| (name.as_str(), (*text).into()))
            .collect();
        assert_eq!(check(&files).out, said, "{texts:?}");
    }
}

#[test]
fn the_report_for_programs_has_findings_and_what_was_checked() {
    let text = format!(
        "{}\n---\nreleases: [ {RELEASE} ]",
        plugin_with("failStrategy: FAIL_OPEN", RELEASE)
    );
    let run = halftonectl_with(&["check", "--output", "json", "-"], text.as_bytes());
    assert_eq!(run.code, 1);
    let message = "includes both directions, so a request between two sidecars is decided and mirrored twice; write match: [ { mode: CLIENT } ], which is right at gateways too";
    assert_eq!(
        run.json(),
        serde_json::json!({
            "findings": [{
                "check": "plugin",
                "file": "-",
                "resource": "WasmPlugin bookinfo/reviews",
                "path": "spec.match",
                "message": message,
                "line": 4,
                "column": 1,
            }],
            "warnings": [],
            "notes": [],
            "checked": {
                "files": 1,
                "configurations": 2,
                "releases": 2,
                "virtualServices": 0,
                "destinationRules": 0,
            },
        })
    );

    let run = halftonectl_with(&["check", "--output", "json", "-"], b"releases: []");
    assert_eq!(
        (run.code, run.json()["findings"].clone()),
        (0, serde_json::json!([]))
    );
}

#[test]
fn the_report_for_code_hosts_has_each_finding_at_its_line() {
    let (_folder, path) = crate::file(
        "a b.yaml",
        "releases:\n- name: a\n  hosts: [a]\n  principal: v1\n  canary:\n    rules:\n    - { name: a, version: v2, match: [ { percentage: 0.5 } ] }\n---\n3\n",
    );
    let run = halftonectl(&["check", "--output", "sarif", "--warn", &path]);
    assert_eq!(run.code, 1, "{run:?}");
    let log = run.json();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["name"], "halftonectl");
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    assert_eq!(
        run["tool"]["driver"]["rules"],
        serde_json::json!([{ "id": "fraction" }, { "id": "unreadable" }])
    );
    let at = |place: &str, line: u64, column: u64| {
        serde_json::json!([{
            "physicalLocation": {
                "artifactLocation": { "uri": format!("file://{}", path.replace(' ', "%20")) },
                "region": { "startLine": line, "startColumn": column },
            },
            "logicalLocations": [{ "fullyQualifiedName": place }],
        }])
    };
    let percentage = "releases[0].canary.rules[0].match[0].percentage";
    assert_eq!(
        run["results"],
        serde_json::json!([
            {
                "ruleId": "unreadable",
                "level": "error",
                "message": { "text": "document 2: expected an object, got a number" },
                "locations": at("document 2", 9, 1),
            },
            {
                "ruleId": "fraction",
                "level": "warning",
                "message": { "text": format!("{percentage}: 0.5 is 0.5 %; write 50 if you mean 50 %") },
                "locations": at(percentage, 7, 42),
            },
        ])
    );

    let run = halftonectl_with(&["check", "--output", "sarif", "-"], b"releases: []");
    assert_eq!(
        (run.code, &run.json()["runs"][0]["results"]),
        (0, &serde_json::json!([]))
    );
}

#[test]
fn a_finding_is_one_line_whatever_a_name_contains() {
    let text = "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: { name: \"a\\nb\\e[31m\" }\nspec: { url: halftone, match: [ { mode: CLIENT } ] }";
    assert_eq!(
        findings(&[text.into()]),
        [
            "WasmPlugin default/a\\nb\\u{1b}[31m: spec.failStrategy: missing, so Envoy rejects every request while the module cannot be fetched; write FAIL_OPEN, or FAIL_CLOSE to keep that"
        ]
    );
}

#[test]
fn a_ramp_that_ended_is_a_note_and_no_finding() {
    let ramp = |start: &str, more: &str| {
        format!(
            "releases: [ {{ name: a, hosts: [a], principal: v1, canary: {{ ramp: {{ version: v2, start: '{start}', points: [ {{ after: 0s, percentage: 1 }}, {{ after: 24h, percentage: 50 }} ]{more} }} }} }} ]"
        )
    };
    let ended = "a.yaml:1:61: note: releases[0].canary.ramp: the ramp ended at 2020-01-02T00:00:00Z, and v2 stays at 50 %; write the split, or the principal, that you want to keep, and remove ramp\n";
    let table = [
        ("2020-01-01T00:00:00Z", "", ended),
        ("2020-01-01T00:00:00Z", ", hold: 10", ""),
        ("9999-01-01T00:00:00Z", "", ""),
    ];
    for (start, more, note) in table {
        let run = check(&[("a.yaml", ramp(start, more))]);
        assert_eq!(run.out, format!("{note}1 file: 1 release: fine.\n"));
        assert_eq!(run.code, 0);
    }
}

#[test]
fn ranges_of_a_group_that_overlap_are_found_across_files() {
    let release = |name: &str, group: &str, from: u32, to: u32| {
        format!(
            "releases: [ {{ name: {name}, hosts: [{name}], principal: v1, exclusive: {{ group: {group}, from: {from}, to: {to} }}, canary: {{ session: {{ key: [ {{ header: x }} ] }} }} }} ]"
        )
    };
    let table = [
        (
            "adjacent",
            release("a", "q4", 0, 20),
            release("b", "q4", 20, 50),
            "",
        ),
        (
            "of other groups",
            release("a", "q4", 0, 20),
            release("b", "q3", 10, 50),
            "",
        ),
        (
            "of one release",
            release("a", "q4", 0, 20),
            release("a", "q4", 10, 50),
            "",
        ),
        (
            "overlapping",
            release("a", "q4", 10, 20),
            release("b", "q4", 0, 15),
            "a.yaml:1:51: releases[0].exclusive: the range 10 to 20 overlaps that of release b in b.yaml, 0 to 15, so they share users; write ranges that do not overlap\n",
        ),
    ];
    for (ranges, one, other, finding) in table {
        let run = check(&[("a.yaml", one), ("b.yaml", other)]);
        let end = match finding {
            "" => "2 files: 2 releases: fine.\n",
            _ => "1 finding in 1 file.\n",
        };
        assert_eq!(run.out, format!("{finding}{end}"), "{ranges}");
    }
}
