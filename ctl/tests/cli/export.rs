//! `export`: the way back from an imported release. The expected outputs are in `export/NAME.txt`.

use crate::pinned::difference;
use crate::{file, halftonectl, halftonectl_with};

const AT: &str = "2026-12-01T00:00:00Z";

/// The name of an example of `import`, and whether something is lost on the way back.
const TABLE: [(&str, bool); 7] = [
    ("virtual-service-weights", false),
    ("virtual-service-gateway", false),
    ("virtual-service-mirror", false),
    ("virtual-service-lost", false),
    ("flagger-steps", true),
    ("kubesphere-canary", true),
    ("argo-pause", false),
];

#[test]
fn an_imported_release_goes_back_to_weights() {
    let mut different = Vec::new();
    for (name, is_lost) in TABLE {
        let imported = halftonectl(&["import", &format!("ctl/tests/cli/import/{name}.in.yaml")]);
        let (_folder, path) = file("all.yaml", &imported.out);
        let run = halftonectl(&["export", "--kind", "virtualservice", &path, "--at", AT]);
        assert_eq!(
            (run.code, run.err.as_str()),
            (i32::from(is_lost), ""),
            "{name}"
        );
        let out = run.out.replace(&path, "all.yaml");
        assert!(!out.contains("x-halftone-version"), "{name}");
        different.extend(difference(&format!("export/{name}.txt"), &out));
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn what_istio_has_not_is_reported() {
    let table = [
        (
            "canary: { split: [ { version: v2, weight: 1 }, { version: v1, weight: 2 } ] }",
            0,
            "the weights are rounded to hundredths of a percent\n# -: plugin configuration: releases[0].canary.split: carried over: v1=6667 v2=3333",
        ),
        (
            "canary: { split: [ { version: v2, weight: 0.5 }, { version: v1, weight: 99.5 } ] }",
            0,
            "v1=9950 v2=50",
        ),
        (
            "canary: { takeOver: v2, rules: [ { name: a, match: [ { percentage: 5 } ], version: v2 } ] }",
            0,
            "canary.takeOver: carried over: v1=0 v2=100",
        ),
        (
            "canary: { rules: [ { name: a, match: [ { percentage: 5 } ], version: v2 } ] }",
            1,
            "Istio has no condition on `percentage`",
        ),
        (
            "blueGreen: { active: v2, preview: { version: v1, match: [ { headers: { a: { present: true } } } ] } }",
            0,
            "blueGreen.preview: carried over: a route with v1=100",
        ),
        (
            "guard: {}, blueGreen: { active: v2 }",
            1,
            "guard: not carried over: ",
        ),
        (
            "fallback: {}, blueGreen: { active: v2 }",
            1,
            "fallback: not carried over: ",
        ),
        (
            "mirrors: [ { name: m, cluster: c } ]",
            1,
            "Istio mirrors to a destination",
        ),
        (
            "mirrors: [ { name: m, destination: { host: a.b.svc.cluster.local, port: 80 } } ]",
            1,
            "Istio would also copy requests that write",
        ),
        (
            "mirrors: [ { name: m, match: [ { method: { exact: GET } } ], destination: { host: a.b.svc.cluster.local, port: 80 } } ]",
            1,
            "has a match",
        ),
        (
            "route: { authority: { v1: a, v2: b } }, blueGreen: { active: v2 }",
            1,
            "no VirtualService routes by its decisions",
        ),
    ];
    for (release, code, expected) in table {
        let config = format!(
            "releases: [ {{ name: reviews, hosts: [reviews], principal: v1, {release} }} ]"
        );
        let run = halftonectl_with(
            &["export", "--kind", "virtualservice", "-"],
            config.as_bytes(),
        );
        assert_eq!(
            (run.code, run.err.as_str()),
            (code, ""),
            "{release}\n{}",
            run.out
        );
        assert!(run.out.contains(expected), "{release}\n{}", run.out);
    }
}
