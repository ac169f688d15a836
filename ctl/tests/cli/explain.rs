//! `explain`. The expected outputs are in `explain/NAME.txt`.

use crate::pinned::difference;
use crate::{file, halftonectl};

const FILE: &str = "ctl/tests/cli/explain/releases.yaml";

/// The name of the file with the expected output, and the arguments after `--host`.
const TABLE: [(&str, &[&str]); 22] = [
    (
        "a-rule-matches",
        &[
            "reviews:9080",
            "--path",
            "/reviews/0?x=1",
            "--header",
            "end-user: jason",
            "--header",
            "x-user-id: 17",
        ],
    ),
    (
        "a-rule-splits",
        &[
            "reviews",
            "--header",
            "cookie: a=1; group=beta",
            "--header",
            "x-user-id: 4",
        ],
    ),
    (
        "a-percentage-fails",
        &[
            "reviews",
            "--header",
            "cookie: group=beta",
            "--header",
            "x-user-id: 2",
        ],
    ),
    (
        "a-session-splits",
        &["Shop.Reviews.example.com", "--header", "X-User-Id:17"],
    ),
    (
        "an-id-is-issued",
        &["reviews", "--header", "x-halftone-explain: 1"],
    ),
    (
        "another-seed-issues-another-id",
        &["reviews", "--seed", "2"],
    ),
    (
        "a-claim-is-the-session",
        &[
            "reviews",
            "--header",
            "authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJqYXNvbiJ9.",
        ],
    ),
    (
        "an-address-is-the-session",
        &["reviews", "--source-address", "::ffff:10.0.0.7"],
    ),
    (
        "all-values-are-shown",
        &[
            "reviews",
            "--method",
            "POST",
            "--path",
            "/beta?debug=%ff%1b",
            "--header",
            "end-user: bob",
            "--header",
            "end-user: eve",
            "--header",
            "user-agent: iPhone",
            "--header",
            "x-internal: yes",
            "--header",
            "x-user-id: 1",
        ],
    ),
    (
        "forged-headers-are-removed",
        &[
            "details",
            "--header",
            "x-halftone-version: v9",
            "--header",
            "x-details-version: v9",
        ],
    ),
    ("chance-splits", &["details"]),
    (
        "a-preview-matches-a-token",
        &[
            "ratings",
            "--header",
            "Authorization: Bearer secret.token.text",
        ],
    ),
    (
        "a-copy-is-not-mirrored",
        &[
            "reviews",
            "--header",
            "x-halftone-mirror: reviews",
            "--header",
            "x-user-id: 1",
        ],
    ),
    ("a-version-takes-over", &["taken"]),
    (
        "a-ramp-decides",
        &[
            "ramped",
            "--at",
            "2026-12-01T10:30:00+01:00",
            "--header",
            "x-user-id: 17",
        ],
    ),
    (
        "a-session-takes-part",
        &["exclusive", "--header", "x-user-id: 1"],
    ),
    (
        "a-session-is-in-the-holdout",
        &["exclusive", "--header", "x-user-id: 23"],
    ),
    (
        "a-session-is-excluded",
        &["exclusive", "--header", "x-user-id: 17"],
    ),
    ("a-request-without-a-session-is-excluded", &["exclusive"]),
    ("a-ramp-is-held", &["held"]),
    (
        "an-earlier-plugin-has-decided",
        &[
            "reviews",
            "--earlier",
            "X-Other-Version",
            "--header",
            "x-halftone-version: v9",
        ],
    ),
    (
        "no-release-claims-the-host",
        &["nowhere", "--header", "x-halftone-version: v9"],
    ),
];

fn explained(request: &[&str], more: &[&str]) -> crate::Run {
    let args = [&["explain", FILE, "--host"], request, more].concat();
    halftonectl(&args)
}

#[test]
fn a_decision_is_a_tree() {
    let mut different = Vec::new();
    for (name, request) in TABLE {
        let run = explained(request, &[]);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{name}");
        different.extend(difference(&format!("explain/{name}.txt"), &run.out));
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn the_json_has_the_same_in_fields() {
    let mut different = Vec::new();
    for name in [
        "a-rule-splits",
        "a-preview-matches-a-token",
        "an-id-is-issued",
        "no-release-claims-the-host",
        "an-earlier-plugin-has-decided",
        "a-ramp-decides",
        "a-session-is-excluded",
    ] {
        let request = TABLE.iter().find(|row| row.0 == name).unwrap().1;
        let run = explained(request, &["--output", "json"]);
        assert_eq!(run.code, 0, "{name}");
        run.json();
        different.extend(difference(&format!("explain/{name}.json"), &run.out));
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn the_same_request_and_seed_give_the_same_explanation() {
    for (name, request) in TABLE {
        let (one, other) = (
            explained(request, &[]),
            explained(request, &["--seed", "1"]),
        );
        if !request.contains(&"--seed") {
            assert_eq!(one.out, other.out, "{name}");
        }
    }
}

#[test]
fn a_token_is_never_printed() {
    let secret = "secret.token.text";
    let token = format!("authorization: Bearer {secret}");
    for output in ["text", "json"] {
        let run = explained(&["ratings", "--header", &token], &["--output", output]);
        assert!(run.out.contains("Bearer (hidden)"), "{}", run.out);
        assert!(!run.out.contains(secret), "{}", run.out);
    }
}

#[test]
fn bytes_that_are_not_utf_8_are_escaped() {
    use std::os::unix::ffi::OsStrExt;
    let header = std::ffi::OsStr::from_bytes(b"x-user-id: \xff\x1b[2J");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_halftonectl"))
        .args(["explain", FILE, "--host", "reviews", "--header"])
        .arg(header)
        .current_dir(crate::root())
        .output()
        .unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(out.contains(r#"header x-user-id "\xff\u{1b}[2J""#), "{out}");
}

#[test]
fn a_request_is_written_as_with_curl() {
    let table: [(&[&str], &[&str], &str); 4] = [
        (
            &["-H", "end-user: jason", "-Hx-a: b"],
            &["--header", "end-user: jason", "--header", "x-a: b"],
            "version=v3 reason=rule:testers",
        ),
        (
            &["--cookie", "a=b", "--cookie", "group=beta"],
            &["--header", "cookie: a=b; group=beta"],
            "reason=rule:beta",
        ),
        (
            &["--query", "a=b c&d", "--query", "debug="],
            &["--path", "/?a=b%20c%26d&debug="],
            "version=v2 reason=rule:debug",
        ),
        (
            &["--path", "/x?debug=1", "--query", "a=b"],
            &["--path", "/x?a=b&debug=1"],
            "version=v2 reason=rule:debug",
        ),
    ];
    for (short, long, expected) in table {
        // With this seed the percentage of rule beta holds.
        let explain = ["explain", FILE, "--host", "reviews", "--seed", "3"];
        let [short, long] = [short, long].map(|args| halftonectl(&[&explain, args].concat()));
        assert_eq!((short.code, short.err.as_str()), (0, ""));
        assert_eq!(short.out, long.out);
        assert!(short.out.contains(expected), "{expected}\n{}", short.out);
    }
}

#[test]
fn an_invalid_request_is_refused_with_the_right_form() {
    let table: [(&[&str], &str); 15] = [
        (
            &["--host", "a", "--cookie", "a=b; c=d"],
            "write one cookie as name=value, such as opt-in=v2",
        ),
        (
            &["--host", "a", "--cookie", "a"],
            "write one cookie as name=value, such as opt-in=v2",
        ),
        (
            &["--host", "a", "--query", "=b"],
            "write a query parameter as name=value, such as beta=1",
        ),
        (
            &["--host", "a", "--header", "end-user"],
            "'--header <NAME: VALUE>': has no colon; write it as 'name: value'",
        ),
        (
            &["--host", "a", "--header", ": jason"],
            "has no valid header name before the colon; write it as 'name: value'",
        ),
        (
            &["--host", "a", "--header", "end user: jason"],
            "has no valid header name before the colon; write it as 'name: value'",
        ),
        (
            &["--host", "a", "--header", ":path: /x"],
            "is a pseudo-header; use --host, --method or --path",
        ),
        (
            &["--host", "a", "--header", "Host: b"],
            "sets the host; use --host",
        ),
        (
            &["--host", "a", "--header", "a: b\nc: d"],
            "has a line break or NUL in its value; HTTP does not allow them",
        ),
        (
            &["--host", "http://a/"],
            "write a host or host:port, without scheme and path",
        ),
        (
            &["--host", ""],
            "write a host or host:port, without scheme and path",
        ),
        (
            &["--host", "a", "--path", "reviews"],
            "write a path that begins with /, with the query",
        ),
        (
            &["--host", "a", "--method", "G T"],
            "write an HTTP method such as GET",
        ),
        (
            &["--host", "a", "--source-address", "10.0.0"],
            "'--source-address <IP>': invalid IP address syntax",
        ),
        (&[], "--host <HOST>"),
    ];
    for (args, expected) in table {
        let run = halftonectl(&[&["explain", FILE], args].concat());
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{args:?}");
        assert!(run.err.contains(expected), "{args:?}: {}", run.err);
    }
}

#[test]
fn a_configuration_that_is_refused_is_not_explained() {
    let (_folder, bad) = file(
        "bad.yaml",
        "releases: [ { name: a, hosts: [a], principal: v1 } ]",
    );
    let run = halftonectl(&["explain", &bad, "--host", "a"]);
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    let expected = format!("{bad}: releases[0]: has no strategy; ");
    assert!(run.err.starts_with(&expected), "{}", run.err);
    assert_eq!(run.err.lines().count(), 1, "{}", run.err);
}

#[test]
fn of_several_plugins_one_is_named() {
    let plugin = |name: &str, version: &str| {
        format!(
            "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{ name: {name}, namespace: bookinfo }}\nspec:\n  pluginConfig: {{ releases: [ {{ name: a, hosts: [a], principal: v1, blueGreen: {{ active: {version} }} }} ] }}\n"
        )
    };
    let text = format!("{}---\n{}", plugin("one", "v1"), plugin("other", "v2"));
    let (_folder, path) = file("plugins.yaml", text);
    let run = halftonectl(&[
        "explain",
        &path,
        "--host",
        "a",
        "--plugin",
        "bookinfo/other",
    ]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out.ends_with("└─ release=a version=v2 reason=active\n"),
        "{}",
        run.out
    );
    assert_eq!(halftonectl(&["explain", &path, "--host", "a"]).code, 2);
}
