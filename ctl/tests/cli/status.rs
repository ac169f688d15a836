//! The state of releases without proxies. The expected text is in `status/configured.txt`.

use crate::pinned::difference;
use crate::{file, halftonectl, halftonectl_with};

const FILE: &str = "ctl/tests/cli/status/releases.yaml";

/// An address that nobody listens at.
const CLOSED: &str = "http://127.0.0.1:1";

#[test]
fn the_configured_state_of_each_release_is_printed() {
    let run = halftonectl(&["status", FILE]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let different = difference("status/configured.txt", &run.out);
    assert!(different.is_none(), "{}", different.unwrap_or_default());
}

#[test]
fn the_report_for_programs_has_the_same_state() {
    let run = halftonectl(&["status", FILE, "--output", "json"]);
    let report = run.json();
    for (pointer, expected) in [
        ("/seconds", "null"),
        ("/proxies", "[]"),
        ("/releases/0/name", "\"reviews\""),
        (
            "/releases/0/source",
            "\"ctl/tests/cli/status/releases.yaml\"",
        ),
        ("/releases/0/versions/1/name", "\"v3\""),
        ("/releases/0/versions/1/configured", "0.0"),
        ("/releases/0/versions/2/configured", "0.25"),
        ("/releases/0/versions/2/observed", "null"),
        ("/releases/0/guard", "[]"),
        ("/releases/0/fallback", "[]"),
        ("/releases/0/session", "true"),
        ("/releases/0/differs", "null"),
        ("/releases/0/mirrors/0/to", "\"reviews-v4\""),
        ("/releases/1/guard", "null"),
        ("/releases/1/active", "\"v2\""),
        ("/releases/2/takeOver", "\"v1\""),
        ("/releases/3/ramp/percentage", "40.0"),
        ("/releases/3/ramp/next", "null"),
        ("/releases/4/ramp/held", "true"),
        ("/releases/5/ramp/next/time", "\"9000-01-02T00:00:00Z\""),
        ("/releases/5/ramp/next/percentage", "40.0"),
        ("/releases/6/session", "true"),
        ("/releases/7/strategy", "\"none\""),
    ] {
        let got = report.pointer(pointer).map(ToString::to_string);
        assert_eq!(got.as_deref(), Some(expected), "{pointer}");
    }
}

#[test]
fn one_release_is_chosen_by_its_name() {
    let run = halftonectl(&["status", FILE, "--release", "quiet"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let expected = "release quiet · one version · principal v1 · ctl/tests/cli/status/releases.yaml\n  version  configured\n  v1         100.00 %\n";
    assert!(run.out.starts_with(expected), "{}", run.out);
}

#[test]
fn a_proxy_that_does_not_answer_is_a_finding() {
    let run = halftonectl(&["status", FILE, "--release", "quiet", "--admin", CLOSED]);
    assert_eq!((run.code, run.err.as_str()), (1, ""));
    for part in [
        "  version  configured  observed  requests/s  success  p50  p99\n",
        "  v1         100.00 %         -           -        -    -    -\n",
        "0 proxies at ",
        "\n127.0.0.1:1: cannot connect: ",
    ] {
        assert!(run.out.contains(part), "{part}\n{}", run.out);
    }
}

#[test]
fn what_has_no_state_is_refused() {
    let bad = "releases:\n- { name: web, hosts: [web], principal: v1, canary: { split: 3 } }\n";
    let service = "apiVersion: v1\nkind: Service\nmetadata: { name: web }\n";
    let table: [(&[&str], &str, i32, &str); 7] = [
        (
            &["FILE"],
            bad,
            1,
            "FILE: releases[0].canary.split: expected an array, got the number 3\n",
        ),
        (
            &["FILE"],
            service,
            1,
            "FILE: contains no plugin configuration; give a plugin configuration, a WasmPlugin or a TrafficExtension\n",
        ),
        (
            &["FILE", "--release", "b"],
            "releases: [ { name: a, hosts: [a], principal: v1, canary: {} } ]",
            1,
            "FILE: has no release b; it has a\n",
        ),
        (
            &["FILE", "--admin", "127.0.0.1:9901"],
            "releases: []",
            2,
            "halftonectl: --admin: expected the URL of Envoy's admin endpoint such as http://127.0.0.1:9901, got \"127.0.0.1:9901\"\n",
        ),
        (
            &["-", "--watch"],
            "",
            2,
            "halftonectl: --watch reads the configuration every second; give a file name instead of -\n",
        ),
        (
            &["FILE", "--watch"],
            bad,
            1,
            "FILE: releases[0].canary.split: expected an array, got the number 3\n",
        ),
        (
            &["missing.yaml"],
            "",
            2,
            "halftonectl: missing.yaml: cannot be read: No such file or directory (os error 2)\n",
        ),
    ];
    for (args, text, code, expected) in table {
        let (_folder, path) = file("releases.yaml", text);
        let args = args
            .iter()
            .map(|arg| if *arg == "FILE" { &path } else { *arg });
        let args: Vec<&str> = ["status"].into_iter().chain(args).collect();
        let run = halftonectl_with(&args, b"");
        let expected = expected.replace("FILE", &path);
        assert_eq!(
            (run.code, run.out.as_str(), run.err),
            (code, "", expected),
            "{args:?}"
        );
    }
}
