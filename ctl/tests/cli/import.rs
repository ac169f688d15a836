//! `import`. Each `import/NAME.in.yaml` has resources of another tool, and `import/NAME.txt` the expected output.

use std::path::PathBuf;

use crate::pinned::difference;
use crate::{file, halftonectl, halftonectl_with, root};

/// The names of the inputs.
fn inputs() -> Vec<String> {
    let folder = root().join("ctl/tests/cli/import");
    let files = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = files
        .filter_map(|file| {
            let name = file.unwrap().file_name().into_string().unwrap();
            name.strip_suffix(".in.yaml").map(Into::into)
        })
        .collect();
    names.sort();
    assert!(!names.is_empty());
    names
}

fn path(name: &str) -> String {
    format!("ctl/tests/cli/import/{name}.in.yaml")
}

#[test]
fn each_example_becomes_what_its_file_says() {
    let mut different = Vec::new();
    for name in inputs() {
        let run = halftonectl(&["import", &path(&name)]);
        assert_eq!(run.err, "", "{name}");
        let is_lost = run.out.contains(": not carried over: ");
        assert_eq!(run.code, i32::from(is_lost), "{name}");
        different.extend(difference(&format!("import/{name}.txt"), &run.out));
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn what_is_written_passes_the_check() {
    for name in inputs() {
        let folder = tempfile::tempdir().unwrap();
        let written = folder.path().to_str().unwrap();
        let run = halftonectl(&["import", &path(&name), "-o", written]);
        if !folder.path().join("wasmplugin.yaml").exists() {
            assert_eq!(run.code, 1, "{name}: {}", run.out);
            continue;
        }
        let check = halftonectl(&["check", written]);
        assert_eq!(
            (check.code, check.err.as_str()),
            (0, ""),
            "{name}: {}",
            check.out
        );
        let lines: Vec<&str> = run
            .out
            .lines()
            .filter(|line| line.ends_with(": written"))
            .collect();
        let files = std::fs::read_dir(&folder).unwrap().count();
        assert_eq!(lines.len(), files, "{name}: {}", run.out);
    }
}

#[test]
fn the_report_and_the_resources_are_there_for_programs() {
    for name in inputs() {
        let text = halftonectl(&["import", &path(&name)]).out;
        let report = halftonectl(&["import", &path(&name), "--output", "json"]).json();
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("# ctl/"))
            .collect();
        let reported = report["report"].as_array().unwrap();
        assert_eq!(reported.len(), lines.len(), "{name}");
        for (line, one) in lines.iter().zip(reported) {
            assert!(line.ends_with(one["message"].as_str().unwrap()), "{line}");
        }
        let kinds = text
            .lines()
            .filter(|line| line.starts_with("kind: "))
            .count();
        assert_eq!(
            report["resources"].as_array().unwrap().len(),
            kinds,
            "{name}"
        );
    }
}

#[test]
fn what_has_no_release_is_refused() {
    let head = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: a, namespace: n }\n";
    let route =
        "spec: { hosts: [a], http: [ { route: [ { destination: { host: a, subset: v1 } } ] } ] }";
    let table = [
        (
            "kind: Service\napiVersion: v1\nmetadata: { name: a }".to_owned(),
            "there is no release that can be imported",
        ),
        (
            format!("{head}spec: {{ hosts: [a] }}"),
            "has no HTTP routes",
        ),
        (format!("{head}{route}"), "has one destination"),
        (
            format!("{head}{}", route.replace("hosts: [a], ", "")),
            "has no hosts, so another VirtualService delegates to it",
        ),
        (
            format!(
                "{head}{}",
                route.replace(
                    "route:",
                    "match: [ { headers: { X-Halftone-Version: {} } } ], route:"
                )
            ),
            "routes by the header x-halftone-version already",
        ),
    ];
    let many = "{ destination: { host: a } }, ".repeat(501);
    let many = (
        format!("{head}spec: {{ hosts: [a], http: [ {{ route: [ {many} ] }} ] }}"),
        "has more than 500 destinations",
    );
    let rules = "{}, ".repeat(17);
    let gateway =
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: a }\n";
    let rules = (
        format!("{gateway}spec: {{ rules: [ {rules} ] }}"),
        "has more than 16 rules",
    );
    for (text, expected) in table.into_iter().chain([many, rules]) {
        let run = halftonectl_with(&["import", "-"], text.as_bytes());
        assert_eq!((run.code, run.err.as_str()), (1, ""), "{text}");
        assert!(run.out.contains(expected), "{text}\n{}", run.out);
        assert_eq!(run.out.lines().count(), 1, "{}", run.out);
    }
    let run = halftonectl_with(&["import", "-"], b"a: [");
    assert_eq!((run.code, run.out.as_str()), (1, ""));
}

#[test]
fn the_file_that_is_read_is_not_overwritten() {
    let text = std::fs::read_to_string(root().join(path(&inputs()[0]))).unwrap();
    let (folder, read) = file("virtualservice.yaml", &text);
    let folder: PathBuf = folder.path().into();
    let run = halftonectl(&["import", &read, "-o", folder.to_str().unwrap()]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("is the file that is read"), "{}", run.err);
    assert_eq!(std::fs::read_to_string(&read).unwrap(), text);
}
