//! Actions on the text of a file.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

use halftone_resources::action::{Action, Change, Weight, apply, promote_routes};

/// A canary in YAML, as people write it.
const CANARY: &str = "\
# The shop's reviews.
releases:
- name: reviews
  hosts: [reviews]
  principal: v1
  canary:
    # Testers see v2 first.
    rules:
    - name: testers
      match: [ { headers: { end-user: { exact: jason } } } ]
      version: v2
    split: # since Monday
    - { version: v2, weight: 10 }   # the new one
    - { version: v1, weight: 90 }
    session: { key: [ { header: x-user-id } ] }
";

const BLUE_GREEN: &str = "\
releases:
- name: reviews
  hosts: [reviews]
  principal: v1
  blueGreen:
    active: \"v1\" # the old one
    preview:
      version: v2
      match: [ { headers: { x-preview: { exact: \"true\" } } } ]
";

fn weight(version: &str, weight: f64) -> Weight {
    Weight {
        version: version.into(),
        weight,
    }
}

fn set(weights: &[(&str, f64)]) -> Action {
    let weights = weights
        .iter()
        .map(|(version, share)| weight(version, *share));
    Action::SetWeight(weights.collect())
}

fn applied(text: &str, action: &Action) -> Change {
    apply(text, None, action, 0).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The changed lines: those that go, then those that come.
fn changed(text: &str, action: &Action) -> String {
    changed_at(text, action, 0)
}

fn changed_at(text: &str, action: &Action, now: u64) -> String {
    let change = apply(text, None, action, now).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let diff = change.diff;
    let is_change = |line: &&str| line.starts_with(['-', '+']);
    let lines: Vec<&str> = diff.lines().filter(is_change).collect();
    lines.join("\n")
}

/// The reason for which an action is refused.
fn refused(text: &str, release: Option<&str>, action: &Action) -> String {
    match apply(text, release, action, 0) {
        Ok(change) => panic!("{action:?}: {}", change.diff),
        Err(error) => error.to_string(),
    }
}

#[test]
fn an_action_changes_only_its_lines() {
    let alone = CANARY.replace("    # Testers see v2 first.\n", "");
    let taken = CANARY.replace("    split:", "    takeOver: v2 # all of it\n    split:");
    let switched = BLUE_GREEN.replace("\"v1\" #", "v2 #");
    let without_split = "releases: [ { name: a, hosts: [a], principal: v1, canary: {} } ]\n";
    let mirrors_alone = "\
releases:
- name: a
  hosts: [a]
  principal: v1
  mirrors: [ { name: b, cluster: b } ] # copies
";
    let three = "\
releases:
- name: a
  hosts: [a]
  principal: v1
  canary:
    split:
    - version: v1
      weight: 50
    - version: v2
      weight: 30
    - { version: 'v3', weight: 20.0 } # the third
";
    let table = [
        (
            CANARY,
            set(&[("v2", 30.0)]),
            "\
-    - { version: v2, weight: 10 }   # the new one
-    - { version: v1, weight: 90 }
+    - { version: v2, weight: 30 }   # the new one
+    - { version: v1, weight: 70 }",
        ),
        (
            CANARY,
            set(&[("v1", 99.9)]),
            "\
-    - { version: v2, weight: 10 }   # the new one
-    - { version: v1, weight: 90 }
+    - { version: v2, weight: 0.1 }   # the new one
+    - { version: v1, weight: 99.9 }",
        ),
        (
            CANARY,
            set(&[("v2", 1.0), ("v1", 1.0)]),
            "\
-    - { version: v2, weight: 10 }   # the new one
-    - { version: v1, weight: 90 }
+    - { version: v2, weight: 1 }   # the new one
+    - { version: v1, weight: 1 }",
        ),
        (CANARY, set(&[("v2", 10.0)]), ""),
        (
            three,
            set(&[("v2", 40.0)]),
            "\
-      weight: 30
+      weight: 40",
        ),
        (
            three,
            set(&[("v2", 40.0), ("v1", 40.0)]),
            "\
-      weight: 50
+      weight: 40
-      weight: 30
+      weight: 40",
        ),
        (
            without_split,
            set(&[("v2", 5.0)]),
            "\
-releases: [ { name: a, hosts: [a], principal: v1, canary: {} } ]
+releases: [ { name: a, hosts: [a], principal: v1, canary: {split: [ { version: v2, weight: 5 }, { version: v1, weight: 95 } ]} } ]",
        ),
        (
            mirrors_alone,
            set(&[("v2", 5.0), ("v3", 5.0)]),
            "\
+  canary: { split: [ { version: v2, weight: 5 }, { version: v3, weight: 5 }, { version: v1, weight: 90 } ] }",
        ),
        (CANARY, Action::TakeOver("v2".into()), "+    takeOver: v2"),
        (
            &taken,
            Action::TakeOver("v1".into()),
            "\
-    takeOver: v2 # all of it
+    takeOver: v1 # all of it",
        ),
        (&taken, Action::TakeOver("v2".into()), ""),
        (&taken, Action::Restore, "-    takeOver: v2 # all of it"),
        (CANARY, Action::Restore, ""),
        (
            BLUE_GREEN,
            Action::Switch("v2".into()),
            "\
-    active: \"v1\" # the old one
+    active: \"v2\" # the old one",
        ),
        (BLUE_GREEN, Action::Switch("v1".into()), ""),
        (
            "releases: [ { name: a, hosts: [a], principal: v1, blueGreen: { active: v1 } } ]\n",
            Action::Switch("v2".into()),
            "\
-releases: [ { name: a, hosts: [a], principal: v1, blueGreen: { active: v1 } } ]
+releases: [ { name: a, hosts: [a], principal: v1, blueGreen: { active: v2 } } ]",
        ),
        (
            &taken,
            Action::Promote("v2".into()),
            "\
-  principal: v1
+  principal: v2
-    takeOver: v2 # all of it
-    - { version: v2, weight: 10 }   # the new one
-    - { version: v1, weight: 90 }
+    - { version: v2, weight: 100 }   # the new one
+    - { version: v1, weight: 0 }",
        ),
        (
            &three.replace("v1\n  canary", "v0\n  canary"),
            Action::Promote("v0".into()),
            "\
-      weight: 50
+      weight: 0
-      weight: 30
-    - { version: 'v3', weight: 20.0 } # the third
+      weight: 0
+    - { version: 'v3', weight: 0 } # the third
+    - { version: v0, weight: 100 }",
        ),
        (
            BLUE_GREEN,
            Action::Promote("v2".into()),
            "\
-  principal: v1
+  principal: v2
-    active: \"v1\" # the old one
+    active: \"v2\" # the old one",
        ),
        (&alone, Action::Rollback, "+    takeOver: v1"),
        (mirrors_alone, Action::Rollback, ""),
        (BLUE_GREEN, Action::Rollback, ""),
        (
            &switched,
            Action::Rollback,
            "\
-    active: v2 # the old one
+    active: v1 # the old one",
        ),
    ];
    for (text, action, expected) in table {
        assert_eq!(changed(text, &action), expected, "{action:?}\n{text}");
    }
}

/// A ramp, as people write it.
const RAMP: &str = "\
releases:
- name: reviews
  hosts: [reviews]
  principal: v1
  canary:
    ramp: # by the clock
      version: v2
      start: \"2026-12-01T09:00:00Z\" # Tuesday
      points:
      - { after: 0s, percentage: 1 }
      - { after: 1h, percentage: 10 }
      - { after: 1h, percentage: 20 }
      - { after: 2h, percentage: 20 }
      - { after: 4h, percentage: 90 }
";

/// The start of the ramp, and an hour, in milliseconds.
const START: u64 = 1_796_115_600_000;
const HOUR: u64 = 3_600_000;

#[test]
fn a_ramp_is_held_where_it_is_and_no_session_moves_back() {
    let steps = RAMP.replace("      version", "      shape: steps\n      version");
    let held = RAMP.replace("      points", "      hold: 4\n      points");
    for (text, now, expected) in [
        (RAMP, START - 1, "+      hold: 0"),
        (RAMP, START, "+      hold: 1"),
        (RAMP, START + HOUR / 3, "+      hold: 4"),
        (RAMP, START + HOUR / 3 + 1, "+      hold: 4.01"),
        (RAMP, START + 9 * HOUR, "+      hold: 90"),
        (&steps, START + HOUR / 3, "+      hold: 1"),
        (&held, START + 9 * HOUR, ""),
    ] {
        assert_eq!(
            changed_at(text, &Action::Pause, now),
            expected,
            "{now}\n{text}"
        );
    }
}

#[test]
fn a_ramp_continues_where_it_was_held() {
    let now = START + 240 * HOUR + 999;
    let table = [
        // Before the first point, at one, between two, on a plateau, over a jump, at the end and above it.
        ("linear", "0", "2026-12-11T09:00:00Z"),
        ("linear", "0.5", "2026-12-11T09:00:00Z"),
        ("linear", "1", "2026-12-11T09:00:00Z"),
        ("linear", "4", "2026-12-11T08:40:00Z"),
        ("linear", "10", "2026-12-11T08:00:00Z"),
        ("linear", "15", "2026-12-11T08:00:00Z"),
        ("linear", "20", "2026-12-11T08:00:00Z"),
        ("linear", "55", "2026-12-11T06:00:00Z"),
        ("linear", "90", "2026-12-11T05:00:00Z"),
        ("linear", "100", "2026-12-11T05:00:00Z"),
        ("steps", "1", "2026-12-11T09:00:00Z"),
        ("steps", "9", "2026-12-11T09:00:00Z"),
        ("steps", "20", "2026-12-11T08:00:00Z"),
        ("steps", "55", "2026-12-11T07:00:00Z"),
    ];
    for (shape, hold, start) in table {
        let text = RAMP.replace(
            "      points",
            &format!("      shape: {shape}\n      hold: {hold} # by me\n      points"),
        );
        let expected = format!(
            "\
-      start: \"2026-12-01T09:00:00Z\" # Tuesday
+      start: \"{start}\" # Tuesday
-      hold: {hold} # by me"
        );
        assert_eq!(
            changed_at(&text, &Action::Resume, now),
            expected,
            "{shape} {hold}"
        );
    }
    assert_eq!(changed_at(RAMP, &Action::Resume, now), "");
}

#[test]
fn a_release_with_a_ramp_rolls_back_to_0_and_ends_with_its_promotion() {
    let held = RAMP.replace("      points", "      hold: 4\n      points");
    let taken = RAMP.replace("    ramp:", "    takeOver: v2\n    ramp:");
    let split = RAMP.replace(
        "    ramp:",
        "    split: [ { version: v1, weight: 1 }, { version: v3, weight: 1 } ]\n    ramp:",
    );
    let gone = "\
-    ramp: # by the clock
-      version: v2
-      start: \"2026-12-01T09:00:00Z\" # Tuesday
-      points:
-      - { after: 0s, percentage: 1 }
-      - { after: 1h, percentage: 10 }
-      - { after: 1h, percentage: 20 }
-      - { after: 2h, percentage: 20 }
-      - { after: 4h, percentage: 90 }";
    let split_gone = format!(
        "\
-  principal: v1
+  principal: v2
-    split: [ {{ version: v1, weight: 1 }}, {{ version: v3, weight: 1 }} ]
{gone}
+    split: [ {{ version: v1, weight: 0 }}, {{ version: v3, weight: 0 }}, {{ version: v2, weight: 100 }} ]"
    );
    let table = [
        (RAMP, Action::Rollback, "+      hold: 0".to_owned()),
        (
            &held,
            Action::Rollback,
            "-      hold: 4\n+      hold: 0".to_owned(),
        ),
        (
            &taken,
            Action::Rollback,
            "-    takeOver: v2\n+    takeOver: v1\n+      hold: 0".to_owned(),
        ),
        (
            RAMP,
            Action::Promote("v2".into()),
            format!("-  principal: v1\n-  canary:\n{gone}\n+  principal: v2\n+  canary: {{}}"),
        ),
        (&split, Action::Promote("v2".into()), split_gone),
        (
            &split,
            set(&[("v3", 10.0)]),
            "\
-    split: [ { version: v1, weight: 1 }, { version: v3, weight: 1 } ]
+    split: [ { version: v1, weight: 90 }, { version: v3, weight: 10 } ]"
                .to_owned(),
        ),
    ];
    for (text, action, expected) in table {
        assert_eq!(changed(text, &action), expected, "{action:?}\n{text}");
    }
}

#[test]
fn an_action_says_what_the_user_must_know() {
    let taken = CANARY.replace("    split:", "    takeOver: v1\n    split:");
    let taken_ramp = RAMP.replace("    ramp:", "    takeOver: v1\n    ramp:");
    let held = RAMP.replace("      points", "      hold: 4.5\n      points");
    let table: [(&str, Action, &[&str]); 9] = [
        (
            &held,
            Action::Pause,
            &["The ramp is held at 4.5 % already."],
        ),
        (RAMP, Action::Resume, &["The ramp is not held."]),
        (
            &taken_ramp,
            Action::Pause,
            &["v1 takes over, so the ramp has no effect until you restore the release."],
        ),
        (CANARY, set(&[("v2", 30.0)]), &[]),
        (
            &taken,
            set(&[("v2", 30.0)]),
            &["v1 takes over, so the weights have no effect until you restore the release."],
        ),
        (CANARY, Action::Restore, &["No version takes over."]),
        (
            CANARY,
            Action::Promote("v2".into()),
            &[
                "Rule testers gives v2, as all other requests get now: delete the rule.",
                "When nothing needs v1 any more, delete it from the release, with its routes, subsets and workloads.",
            ],
        ),
        (
            CANARY,
            Action::Promote("v1".into()),
            &[
                "Rule testers still sends requests to v2: delete the rule, unless they need it.",
                "When nothing needs v2 any more, delete it from the release, with its routes, subsets and workloads.",
            ],
        ),
        (
            BLUE_GREEN,
            Action::Rollback,
            &["v1 is active and is the principal, so there is nothing to roll back."],
        ),
    ];
    for (text, action, expected) in table {
        assert_eq!(applied(text, &action).outcome.notes, expected, "{action:?}");
    }
}

#[test]
fn an_action_that_does_not_fit_is_refused() {
    let table = [
        (
            BLUE_GREEN,
            set(&[("v2", 5.0)]),
            "release reviews is blue-green; use switch, rollback or promote",
        ),
        (
            BLUE_GREEN,
            Action::TakeOver("v2".into()),
            "release reviews is blue-green; use switch, rollback or promote",
        ),
        (
            BLUE_GREEN,
            Action::Restore,
            "release reviews is blue-green; use switch, rollback or promote",
        ),
        (
            CANARY,
            Action::Pause,
            "release reviews has no ramp; only a ramp pauses and resumes",
        ),
        (
            BLUE_GREEN,
            Action::Resume,
            "release reviews has no ramp; only a ramp pauses and resumes",
        ),
        (
            RAMP,
            set(&[("v2", 5.0)]),
            "canary.ramp decides how much v2 gets; use pause, or change the points of the ramp",
        ),
        (
            CANARY,
            Action::Switch("v2".into()),
            "release reviews is not blue-green; use set-weight, take-over or promote",
        ),
        (
            BLUE_GREEN,
            Action::Switch("v22".into()),
            "release reviews has no version v22; its versions are v1, v2",
        ),
        (
            CANARY,
            Action::TakeOver("v22".into()),
            "release reviews has no version v22; its versions are v1, v2",
        ),
        (
            CANARY,
            Action::Promote("v22".into()),
            "release reviews has no version v22; its versions are v1, v2",
        ),
        (
            CANARY,
            set(&[("v22", 5.0)]),
            "release reviews has no version v22; its versions are v1, v2",
        ),
        (
            CANARY,
            set(&[("v2", 5.0), ("v2", 6.0)]),
            "v2 has two weights; give one",
        ),
        (
            CANARY,
            set(&[("v2", 101.0)]),
            "the weights leave less than 0 of 100 to v1; give weights of up to 100 together, or the weight of v1 too",
        ),
        (
            CANARY,
            set(&[("v2", 0.0), ("v1", 0.0)]),
            "releases[0].canary.split: every weight is 0; give at least one version a weight above 0",
        ),
        (
            CANARY,
            set(&[("v2", f64::NAN), ("v1", 0.0)]),
            "NaN is not a weight; give a number, 0 or more",
        ),
        (
            "releases: [ { name: a, hosts: [a], principal: v1, canary: {} } ]",
            set(&[("v1", 5.0)]),
            "release a has no other version than v1; give the weight of the other version",
        ),
        (
            "releases: []",
            Action::Rollback,
            "has no releases; add one to releases",
        ),
        (
            "releases: [ { name: a, hosts: [a], principal: 1, canary: {} } ]",
            Action::Rollback,
            "releases[0].principal: expected a string, got the number 1; write principal: \"1\"",
        ),
        (
            "apiVersion: v1\nkind: Service",
            Action::Rollback,
            "contains no plugin configuration; give a plugin configuration, a WasmPlugin or a TrafficExtension",
        ),
        (
            "releases: [",
            Action::Rollback,
            "line 1, column 11: is not YAML: unclosed bracket '['",
        ),
        (
            "# nothing",
            Action::Rollback,
            "is empty; give a plugin configuration, or a resource that contains one",
        ),
    ];
    for (text, action, expected) in table {
        assert_eq!(refused(text, None, &action), expected, "{action:?}\n{text}");
    }
}

#[test]
fn the_release_is_found_by_name_in_every_kind_of_document() {
    let release = |name: &str, host: &str| {
        format!(
            "{{ name: {name}, hosts: [{host}], principal: v1, canary: {{ split: [ {{ version: v2, weight: 10 }}, {{ version: v1, weight: 90 }} ] }} }}"
        )
    };
    let (a, b) = (release("a", "a"), release("b", "b"));
    let plugin = |name: &str, releases: &str| {
        format!(
            "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata:\n  name: {name} # its name\nspec:\n  url: oci://a\n  pluginConfig:\n    releases:\n    - {releases}\n"
        )
    };
    let extension = plugin("x", &b)
        .replace("WasmPlugin", "TrafficExtension")
        .replace(
            "  url: oci://a\n  pluginConfig:\n    releases:\n    ",
            "  wasm:\n    pluginConfig:\n      releases:\n      ",
        );
    let service = "# a service\napiVersion: v1\nkind: Service\nmetadata: { name: a }\n";
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n- {}",
        plugin("x", &b).trim_end().replace('\n', "\n  ")
    );
    let mut texts = vec![
        format!("releases: [ {a}, {b} ]"),
        format!("releases:\r\n- {a}\r\n- {b} # the second\r\n"),
        plugin("x", &b),
        format!("{service}---\n# the plugin\n{extension}---\n{service}"),
        format!("{}---\n{}\n# the end\n", plugin("x", &a), plugin("q", &b)),
        format!("---\n{list}\n...\n"),
    ];
    let json = |text: &str| {
        let value: serde_json::Value = halftone_resources::yaml::document(text).unwrap();
        [
            value.to_string(),
            serde_json::to_string_pretty(&value).unwrap(),
        ]
    };
    for text in [texts[0].clone(), texts[2].clone(), list] {
        texts.extend(json(&text));
    }
    for text in texts {
        let change = apply(&text, Some("b"), &set(&[("v2", 25.0)]), 0);
        let change = change.unwrap_or_else(|error| panic!("{error}\n{text}"));
        let at = text.rfind("10").unwrap();
        let (before, after) = text.split_at(at);
        let expected = format!(
            "{before}{}",
            after.replacen("10", "25", 1).replacen("90", "75", 1)
        );
        assert_eq!(change.text, expected);
    }
}

#[test]
fn new_values_have_the_notation_of_the_text() {
    let table = [
        (
            r#"{"releases": [{"name": "a", "hosts": ["a"], "principal": "v1", "canary": {}}]}"#,
            r#"{"releases": [{"name": "a", "hosts": ["a"], "principal": "v1", "canary": {"split": [{"version": "v2", "weight": 5}, {"version": "v1", "weight": 95}]}}]}"#,
        ),
        (
            "releases: [ { name: a, hosts: [a], principal: \"1.10\", canary: { split: } } ]",
            "releases: [ { name: a, hosts: [a], principal: \"1.10\", canary: { split: [ { version: v2, weight: 5 }, { version: \"1.10\", weight: 95 } ]} } ]",
        ),
        (
            "releases:\n- name: a\n  hosts: [a]\n  principal: \"on\"\n  canary:\n",
            "releases:\n- name: a\n  hosts: [a]\n  principal: \"on\"\n  canary: { split: [ { version: v2, weight: 5 }, { version: \"on\", weight: 95 } ] }\n",
        ),
    ];
    for (text, expected) in table {
        let text = text.replace(
            "canary:\n",
            "canary:\n  mirrors: [ { name: b, cluster: b } ]\n",
        );
        let expected = expected.replace(" }\n", " }\n  mirrors: [ { name: b, cluster: b } ]\n");
        assert_eq!(applied(&text, &set(&[("v2", 5.0)])).text, expected);
    }
}

#[test]
fn a_file_with_several_releases_asks_which() {
    let release = |name: &str| {
        format!(
            "{{ name: {name}, hosts: [{name}], principal: v1, mirrors: [ {{ name: m, cluster: m }} ] }}"
        )
    };
    let plugin = |releases: &[&str]| {
        let releases: Vec<String> = releases.iter().map(|name| release(name)).collect();
        format!(
            "{{ apiVersion: extensions.istio.io/v1alpha1, kind: WasmPlugin, metadata: {{ name: p }}, spec: {{ pluginConfig: {{ releases: [ {} ] }} }} }}\n---\n",
            releases.join(", ")
        )
    };
    let two = plugin(&["a", "b"]);
    let separate = plugin(&["a"]) + &plugin(&["b"]);
    let same = plugin(&["a"]) + &plugin(&["a"]);
    let empty = plugin(&[]) + &plugin(&[]);
    for (text, release, expected) in [
        (&two, None, "has 2 releases; name one of them: a, b"),
        (&separate, None, "has 2 releases; name one of them: a, b"),
        (&two, Some("c"), "has no release c; it has a, b"),
        (&separate, Some("c"), "has no release c; it has a, b"),
        (
            &same,
            Some("a"),
            "has a release a in several plugins; write each plugin to its own file",
        ),
        (&empty, None, "has no releases; add one to releases"),
    ] {
        assert_eq!(
            refused(text, release, &Action::Rollback),
            expected,
            "{text}"
        );
    }
    let one_of_two = plugin(&["a"]) + &plugin(&[]);
    assert_eq!(applied(&one_of_two, &Action::Rollback).text, one_of_two);
}

#[test]
fn a_value_that_an_alias_shares_is_not_changed() {
    let shared = "\
releases:
- name: a
  hosts: [a]
  principal: v1
  canary: &canary
    split: [ { version: v2, weight: 10 }, { version: v1, weight: 90 } ]
- name: b
  hosts: [b]
  principal: v1
  canary: *canary
";
    for (release, path) in [("a", "releases[0].canary"), ("b", "releases[1].canary")] {
        let said = refused(shared, Some(release), &Action::Rollback);
        assert_eq!(
            said,
            format!(
                "{path}.takeOver: cannot be changed by itself, because an alias shares it or it has an unusual form; write it out without anchor, alias and tag"
            )
        );
    }
    let anchored = shared.replace("*canary", "{ takeOver: v1 }");
    let change = apply(&anchored, Some("a"), &Action::Rollback, 0).unwrap();
    assert!(
        change.text.contains("    takeOver: v1\n- name: b"),
        "{}",
        change.text
    );
}

#[test]
fn the_last_route_of_the_release_leads_to_the_promoted_version() {
    let route = |name: &str, version: &str| {
        format!(
            "  - name: {name} # its name
    match: [ {{ headers: {{ x-halftone-version: {{ exact: {version} }} }} }} ]
    route: [ {{ destination: {{ host: reviews, subset: {name}, port: {{ number: 80 }} }} }} ]
"
        )
    };
    let service = |host: &str, last: &str| {
        format!(
            "\
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{ name: reviews, namespace: bookinfo }}
spec:
  hosts: [{host}]
  http:
{}{}{last}",
            route("one", "v1"),
            route("two", "v2")
        )
    };
    let last = "  - name: undecided # the last route
    route:
    - destination:
        host: reviews
        subset: one # the principal
";
    let release = "-  principal: v1\n+  principal: v2\n-    - { version: v2, weight: 10 }   # the new one\n-    - { version: v1, weight: 90 }\n+    - { version: v2, weight: 100 }   # the new one\n+    - { version: v1, weight: 0 }";
    let changes = format!(
        "{release}\n-        subset: one # the principal\n+        subset: two # the principal"
    );
    let note = "VirtualService bookinfo/reviews: let the last route, for requests that Halftone did not see, lead to v2.";
    let split = last.replace("        subset: one # the principal\n", "        subset: one\n      weight: 50\n    - destination: { host: reviews, subset: two }\n      weight: 50\n");
    let matched = last.replace(
        "    route:",
        "    match: [ { uri: { prefix: / } } ]\n    route:",
    );
    let done = last.replace("subset: one", "subset: two");
    let elsewhere = last.replace("host: reviews", "host: others");
    let table = [
        (service("reviews", last), changes.as_str(), None),
        (
            service("reviews.bookinfo.svc.cluster.local", last),
            changes.as_str(),
            None,
        ),
        (service("ratings", last), release, None),
        (service("reviews", &done), release, None),
        (service("reviews", &split), release, Some(note)),
        (service("reviews", &matched), release, Some(note)),
        (service("reviews", &elsewhere), release, Some(note)),
        (service("reviews", ""), release, Some(note)),
    ];
    for (service, expected, note) in table {
        let text = format!("{CANARY}{service}");
        let promote = Action::Promote("v2".into());
        assert_eq!(changed(&text, &promote), expected, "{service}");
        let notes = applied(&text, &promote).outcome.notes;
        let said = notes.iter().find(|note| note.starts_with("VirtualService"));
        assert_eq!(said.map(String::as_str), note, "{service}");
        let set = changed(&text, &set(&[("v2", 30.0)]));
        assert!(!set.contains("subset"), "{set}");
    }
}

#[test]
fn a_version_that_only_the_last_route_serves_keeps_a_route() {
    let service = "\
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews, namespace: bookinfo }
spec:
  hosts: [reviews]
  http:
  - name: v2
    match: [ { headers: { x-halftone-version: { exact: v2 } } } ]
    route: [ { destination: { host: reviews, subset: v2 } } ]
  # The last route takes v1, and requests without a decision.
  - name: v1
    timeout: 3s
    route: [ { destination: { host: reviews, subset: v1 } } ]
";
    let expected = service.replace(
        "subset: v1 } } ]\n",
        "subset: v1 } } ]
    match: [ { headers: { x-halftone-version: { exact: v1 } } } ]
  - { name: undecided, route: [ { destination: { host: reviews, subset: v2 } } ], timeout: \"3s\" }
",
    );
    let promote = Action::Promote("v2".into());
    let change = applied(&format!("{CANARY}{service}"), &promote);
    assert!(change.text.ends_with(&expected), "{}", change.text);
    assert_eq!(change.routes, 1);

    // The release was promoted before, by itself.
    let promoted = applied(CANARY, &promote).text;
    let outcome = applied(&promoted, &promote).outcome;
    let routes = promote_routes(service, &outcome, "v2").unwrap();
    assert_eq!(routes.text, expected);
    let again = promote_routes(&routes.text, &outcome, "v2").unwrap();
    assert_eq!((again.text, again.diff.as_str()), (expected, ""));
}
