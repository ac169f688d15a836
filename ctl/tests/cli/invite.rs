//! `invite`, and what `explain` says of invitations. The documents have its outputs.

use std::process::Command;

use halftone::invitation::{Key, Token};
use serde_json::Value;

use crate::{Run, file, root};

const KEY: &str = "a key of the command line, for tests: 32 bytes";

const FILE: &str = r#"
signing: { keys: [NEW, OLD, SHORT, MISSING] }
releases:
- name: shop
  hosts: ["*.example.com", shop, shop.example.com]
  principal: v1
  canary:
    rules:
    - { name: testers, match: [ { invited: { queryParam: "in&out" } } ], version: v2 }
    - { name: staff, match: [ { method: { exact: GET } }, { invited: {} } ], version: v2 }
- name: cart
  hosts: [cart]
  principal: v1
  blueGreen: { active: v1, preview: { version: v2, match: [ { invited: {} } ] } }
- name: stock
  hosts: [stock]
  principal: v1
  canary: { split: [ { version: v2, weight: 1 } ] }
"#;

/// Runs halftonectl with the keys in its environment.
fn halftonectl(args: &[&str]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_halftonectl"))
        .args(args)
        .envs([("NEW", KEY), ("OLD", KEY), ("SHORT", "short")])
        .env_remove("MISSING")
        .current_dir(root())
        .output()
        .unwrap();
    Run {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn invite(args: &[&str]) -> Run {
    let (_folder, file) = file("config.yaml", FILE);
    let always = ["invite", &file, "--at", "2026-12-01T09:00:00Z"];
    halftonectl(&[&always, args].concat())
}

#[test]
fn an_invitation_is_for_the_rule_and_the_time_that_are_given() {
    let table: [(&[&str], &str, &str, &str, Value); 5] = [
        (
            &["--rule", "testers", "--for", "7d"],
            "shop",
            "testers",
            "2026-12-08T09:00:00Z",
            "https://shop.example.com/?in%26out=".into(),
        ),
        (
            &["--rule", "staff", "--for", "1s", "--key-from", "OLD"],
            "shop",
            "staff",
            "2026-12-01T09:00:01Z",
            "https://shop.example.com/?halftone=".into(),
        ),
        (
            &[
                "--release",
                "shop",
                "--rule",
                "testers",
                "--for",
                "2h",
                "--url",
                "http://a/b?c=d#e",
            ],
            "shop",
            "testers",
            "2026-12-01T11:00:00Z",
            "http://a/b?c=d&in%26out=".into(),
        ),
        (
            &["--release", "cart", "--for", "90m"],
            "cart",
            "preview",
            "2026-12-01T10:30:00Z",
            Value::Null,
        ),
        (
            &["--rule", "preview", "--for", "999999999999s"],
            "cart",
            "preview",
            "9999-12-31T23:59:59.999Z",
            Value::Null,
        ),
    ];
    for (args, release, rule, until, link) in table {
        let run = invite(&[args, &["--output", "json"]].concat());
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{args:?}");
        let report = run.json();
        assert_eq!(
            (&report["release"], &report["rule"], &report["until"]),
            (&release.into(), &rule.into(), &until.into()),
            "{args:?}"
        );
        let token = report["token"].as_str().unwrap();
        let expiry = Token::read(token.as_bytes()).unwrap().expiry;
        let key = Key::new(KEY.as_bytes()).unwrap();
        assert_eq!(key.invite(release, rule, expiry), token);
        let expected = link.as_str().map(|link| format!("{link}{token}"));
        let got = report["link"]
            .as_str()
            .map(|link| link.trim_end_matches("#e"));
        assert_eq!(got, expected.as_deref(), "{args:?}");
    }
    let run = invite(&["--release", "cart", "--for", "7d"]);
    assert!(
        run.out.contains("For a link, give the page: --url"),
        "{run:?}"
    );
}

#[test]
fn without_a_rule_or_a_usable_key_there_is_no_invitation() {
    let testers = ["--rule", "testers", "--for", "7d"];
    let table: [(&[&str], &str); 8] = [
        (
            &["--for", "7d"],
            "3 rules invite; choose one of --release shop --rule testers, --release shop --rule staff",
        ),
        (
            &["--rule", "nobody", "--for", "7d"],
            "no such rule invites; those that do are --release shop --rule testers",
        ),
        (
            &["--release", "stock", "--for", "7d"],
            "no such rule invites",
        ),
        (
            &[&testers[..], &["--key-from", "SHORT"]].concat(),
            "the environment variable SHORT has 5 bytes, and a key has at least 32",
        ),
        (
            &[&testers[..], &["--key-from", "MISSING"]].concat(),
            "the environment variable MISSING is missing or empty",
        ),
        (
            &[&testers[..], &["--key-from", "OTHER"]].concat(),
            "--key-from OTHER: signing.keys does not name it; its keys are NEW, OLD, SHORT, MISSING",
        ),
        (
            &["--rule", "testers", "--for", "7"],
            "write a time such as 7d, 12h or 90m",
        ),
        (
            &[&testers[..], &["--url", "shop"]].concat(),
            "write an address such as https://shop.example.com/",
        ),
    ];
    for (args, expected) in table {
        let run = invite(args);
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.err.contains(expected), "{expected}: {run:?}");
        assert_eq!(run.out, "");
    }
    let none = "examples/sessions/wasmplugin.yaml";
    let run = halftonectl(&["invite", none, "--for", "7d"]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("no rule invites; write match:"), "{run:?}");
}

#[test]
fn explain_says_why_an_invitation_is_not_valid() {
    let (_folder, file) = file("config.yaml", FILE);
    let key = Key::new(KEY.as_bytes()).unwrap();
    let other = Key::new(b"a key that no proxy and no command line has").unwrap();
    const LATER: u64 = 1_796_720_400;
    let valid = key.invite("shop", "testers", LATER);
    let table = [
        (valid.clone(), "is valid until 2026-12-08T09:00:00Z"),
        (
            key.invite("shop", "testers", 1_796_115_600),
            "expired at 2026-12-01T09:00:00Z",
        ),
        (
            key.invite("shop", "staff", LATER),
            "is for rule staff of release shop",
        ),
        (
            key.invite("cart", "preview", LATER),
            "is for rule preview of release cart",
        ),
        (
            other.invite("shop", "testers", LATER),
            "is not signed by a usable key",
        ),
        (
            valid.chars().take(valid.len() - 1).collect(),
            "is cut or damaged",
        ),
        (
            valid.replace("i1.", "i2."),
            "has a version that this Halftone does not know",
        ),
        ("hello".to_owned(), "is not an invitation"),
    ];
    for (token, expected) in table {
        let is_valid = token == valid;
        for (place, path, cookie) in [
            ("the query", format!("/?in%26out={token}"), String::new()),
            (
                "the cookie",
                "/".to_owned(),
                format!("halftone-invitation={token}"),
            ),
        ] {
            let cookie = format!("cookie: {cookie}");
            let run = halftonectl(&[
                "explain",
                &file,
                "--host",
                "shop",
                "--method",
                "POST",
                "--path",
                &path,
                "--header",
                &cookie,
                "--at",
                "2026-12-01T09:00:00Z",
                "--output",
                "json",
            ]);
            let report = run.json();
            let condition = &report["strategy"]["rules"][0]["matches"][0]["conditions"][0];
            assert_eq!(condition["holds"], is_valid, "{run:?}");
            assert_eq!(
                condition["values"][0],
                format!("the one in {place} {expected}")
            );
            let response = report["response"].as_array().unwrap();
            assert_eq!(
                response.len(),
                usize::from(is_valid && place == "the query")
            );
        }
    }
}
