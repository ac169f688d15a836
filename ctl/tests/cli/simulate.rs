//! `simulate`. The expected outputs are in `simulate/NAME.txt`.

use serde_json::Value;

use crate::pinned::difference;
use crate::{Run, file, halftonectl};

const FILE: &str = "ctl/tests/cli/simulate/before.yaml";
const AFTER: &str = "ctl/tests/cli/simulate/after.yaml";

/// The name of the file with the expected output, and the arguments after `--host`.
const TABLE: [(&str, &[&str]); 12] = [
    ("each-request-is-drawn", &["reviews", "--requests", "5000"]),
    (
        "sessions-take-turns",
        &["reviews", "--requests", "5000", "--sessions", "2000"],
    ),
    (
        "a-rule-takes-a-percentage",
        &[
            "reviews",
            "--requests",
            "5000",
            "--header",
            "cookie: group=beta",
        ],
    ),
    (
        "one-session-goes-one-way",
        &["reviews", "--requests", "500", "--header", "x-user-id: 17"],
    ),
    (
        "a-rule-on-the-key-takes-some-sessions",
        &["special", "--requests", "400", "--sessions", "100"],
    ),
    (
        "a-preview-takes-a-percentage",
        &["details", "--requests", "5000"],
    ),
    (
        "some-sessions-are-excluded",
        &["exclusive", "--requests", "4000", "--sessions", "4000"],
    ),
    (
        "a-ramp-grows",
        &[
            "ramped",
            "--at",
            "2026-12-01T09:30:00Z",
            "--requests",
            "4000",
            "--sessions",
            "4000",
        ],
    ),
    (
        "a-ramp-is-a-curve",
        &["ramped", "--at", "2026-12-01T09:30:00Z", "--ramp"],
    ),
    (
        "sessions-move-to-a-ramp",
        &[
            "ramped",
            "--at",
            "2026-12-01T09:30:00Z",
            "--requests",
            "4000",
            "--sessions",
            "4000",
            "--then",
            AFTER,
        ],
    ),
    (
        "sessions-move",
        &[
            "reviews",
            "--requests",
            "2000",
            "--sessions",
            "2000",
            "--then",
            AFTER,
        ],
    ),
    (
        "sessions-move-by-no-split",
        &[
            "special",
            "--requests",
            "100",
            "--sessions",
            "100",
            "--then",
            AFTER,
        ],
    ),
];

fn simulated(request: &[&str], more: &[&str]) -> Run {
    halftonectl(&[&["simulate", FILE, "--host"], request, more].concat())
}

#[test]
fn shares_are_a_table() {
    let mut different = Vec::new();
    for (name, request) in TABLE {
        let run = simulated(request, &[]);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{name}");
        different.extend(difference(&format!("simulate/{name}.txt"), &run.out));
        assert_eq!(run.out, simulated(request, &[]).out, "{name}");
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn the_json_has_the_same_in_fields() {
    let mut different = Vec::new();
    for name in [
        "one-session-goes-one-way",
        "sessions-move",
        "a-ramp-is-a-curve",
    ] {
        let request = TABLE.iter().find(|row| row.0 == name).unwrap().1;
        let run = simulated(request, &["--output", "json"]);
        assert_eq!(run.code, 0, "{name}");
        run.json();
        different.extend(difference(&format!("simulate/{name}.json"), &run.out));
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn another_seed_gives_other_requests() {
    for more in [
        &["--requests", "1000"][..],
        &["--requests", "1000", "--sessions", "500"],
    ] {
        let of_seed = |seed: &str| simulated(&["reviews", "--seed", seed], more).out;
        let [one, other] = ["1", "2"].map(|seed| {
            let out = of_seed(seed);
            out.split_once('\n').unwrap().1.to_owned()
        });
        assert_ne!(one, other, "{more:?}");
    }
}

/// Chance exceeds the tolerance for about one seed in 20,000. This is one.
#[test]
fn a_share_that_chance_does_not_explain_is_a_finding() {
    let request = ["rare", "--requests", "20", "--seed", "22402"];
    let run = simulated(&request, &[]);
    assert_eq!(run.code, 1, "{}", run.out);
    assert!(run.out.contains("more than chance explains"), "{}", run.out);
    let json = simulated(&request, &["--output", "json"]).json();
    let versions = json["versions"].as_array().unwrap();
    assert!(
        versions
            .iter()
            .any(|version| version["ok"] == Value::Bool(false))
    );
}

/// The first key of the release carries the session, whatever its kind.
#[test]
fn every_kind_of_key_carries_sessions() {
    let table = [
        (
            "key: [ { header: x-user-id }, { cookie: uid } ]",
            "header x-user-id",
        ),
        ("key: [ { cookie: uid } ]", "cookie uid"),
        ("key: [ { queryParam: 'user&id' } ]", "queryParam user&id"),
        ("key: [ { jwtClaim: sub } ]", "jwtClaim sub"),
        ("key: [ { sourceAddress: true } ]", "sourceAddress"),
        ("cookie: { maxAge: 1h }", "cookie halftone-session"),
    ];
    for (session, key) in table {
        let config = format!(
            "releases: [ {{ name: a, hosts: [a], principal: v1, canary: {{ split: [ {{ version: v2, weight: 1 }}, {{ version: v1, weight: 1 }} ], session: {{ {session} }} }} }} ]"
        );
        let (_folder, path) = file("one.yaml", config);
        // Each session sends two requests. If it were not found, the two would be drawn independently.
        let args = [
            "simulate",
            &path,
            "--host",
            "a",
            "--path",
            "/?user=1",
            "--requests",
            "2000",
            "--sessions",
            "1000",
            "--then",
            &path,
            "--output",
            "json",
        ];
        let run = halftonectl(&args);
        assert_eq!(run.code, 0, "{session}: {run:?}");
        let json = run.json();
        assert_eq!(json["key"], key, "{session}");
        assert_eq!(json["then"]["stay"], 1000, "{session}");
        assert_eq!(json["then"]["law"]["sessions"], 1000, "{session}");
        assert_eq!(json["reasons"][0]["name"], "session", "{session}");
        for version in json["versions"].as_array().unwrap() {
            assert_eq!(version["requests"].as_u64().unwrap() % 2, 0, "{session}");
        }
    }
}

#[test]
fn sessions_of_a_release_with_another_name_are_independent() {
    let config = |name: &str| {
        format!(
            "releases: [ {{ name: {name}, hosts: [a], principal: v1, canary: {{ split: [ {{ version: v2, weight: 1 }}, {{ version: v1, weight: 1 }} ], session: {{ key: [ {{ header: x }} ] }} }} }} ]"
        )
    };
    let (_one, before) = file("before.yaml", config("a"));
    let (_other, after) = file("after.yaml", config("b"));
    let args = [
        "simulate",
        &before,
        "--host",
        "a",
        "--requests",
        "1000",
        "--sessions",
        "1000",
        "--then",
        &after,
        "--output",
        "json",
    ];
    let then = &halftonectl(&args).json()["then"];
    assert_eq!(then["law"]["sessions"], 0);
    let stay = then["stay"].as_u64().unwrap();
    assert!((400..600).contains(&stay), "{stay}");
}

#[test]
fn what_cannot_be_simulated_is_refused_with_a_remedy() {
    let table: [(&[&str], i32, &str); 13] = [
        (
            &["details", "--requests", "1", "--sessions", "5"],
            2,
            "halftonectl: --sessions: release details has no session; omit --sessions, or add canary.session to the release\n",
        ),
        (
            &[
                "reviews",
                "--requests",
                "1",
                "--sessions",
                "5",
                "--header",
                "x-user-id: 1",
            ],
            2,
            "halftonectl: --sessions: the request carries a session already, in header x-user-id; omit --sessions or that key\n",
        ),
        (
            &["reviews", "--requests", "1", "--then", AFTER],
            2,
            "halftonectl: --then needs sessions; give their number with --sessions\n",
        ),
        (
            &["nowhere", "--requests", "1"],
            1,
            "ctl/tests/cli/simulate/before.yaml: no release claims nowhere; the releases claim reviews, special, details, rare, exclusive, ramped\n",
        ),
        (
            &[
                "reviews",
                "--requests",
                "1",
                "--sessions",
                "5",
                "--then",
                "missing.yaml",
            ],
            2,
            "halftonectl: missing.yaml: cannot be read: No such file or directory (os error 2)\n",
        ),
        (&["reviews", "--requests", "0"], 2, "0 is not in 1.."),
        (
            &["reviews", "--requests", "1", "--sessions", "0"],
            2,
            "0 is not in 1..",
        ),
        (&["reviews"], 2, "--requests <N>"),
        (
            &["reviews", "--ramp"],
            2,
            "halftonectl: --ramp: release reviews follows no ramp; omit --ramp, or add canary.ramp to the release\n",
        ),
        (
            &["ramped", "--ramp", "--requests", "1"],
            2,
            "cannot be used with",
        ),
        (
            &["ramped", "--ramp", "--at", "tomorrow"],
            2,
            "write a time with an offset, such as 2026-12-01T09:00:00Z",
        ),
        (
            &["ramped", "--ramp", "--source-label", "v2"],
            2,
            "write a label as name=value, such as version=v2",
        ),
        (
            &["reviews", "--requests", "many"],
            2,
            "invalid digit found in string",
        ),
    ];
    for (request, code, expected) in table {
        let run = simulated(request, &[]);
        assert_eq!((run.code, run.out.as_str()), (code, ""), "{request:?}");
        if expected.ends_with('\n') {
            assert_eq!(run.err, expected);
        } else {
            assert!(run.err.contains(expected), "{request:?}: {}", run.err);
        }
    }
    let (_folder, empty) = file("empty.yaml", "releases: []");
    let run = halftonectl(&["simulate", &empty, "--host", "a", "--requests", "1"]);
    assert_eq!(
        (run.code, run.err),
        (
            1,
            format!("{empty}: no release claims a; the configuration has no releases\n")
        )
    );
    let run = halftonectl(&[
        "simulate",
        "-",
        "--host",
        "a",
        "--requests",
        "1",
        "--sessions",
        "1",
        "--then",
        "-",
    ]);
    assert_eq!(
        (run.code, run.err.as_str()),
        (
            2,
            "halftonectl: --then: FILE is standard input already; give a file name\n"
        )
    );
}
