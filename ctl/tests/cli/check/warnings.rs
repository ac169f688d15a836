//! Warnings: what is valid and probably wrong.

use crate::{Run, file, halftonectl, halftonectl_with};

use super::{RELEASE, placed, plugin, plugin_with, service};

fn run(flags: &[&str], text: &str) -> Run {
    halftonectl_with(&[&["check", "-"], flags].concat(), text.as_bytes())
}

/// The warnings on a text without findings, as `1:4 path: message`.
fn warnings(text: &str) -> Vec<String> {
    let run = run(&["--warn"], text);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
    let mut lines: Vec<&str> = run.out.lines().collect();
    let last = lines.pop().unwrap_or_default();
    let end = match lines.len() {
        0 => ": fine.".to_owned(),
        1 => ": fine, 1 warning.".into(),
        many => format!(": fine, {many} warnings."),
    };
    assert!(last.ends_with(&end), "{last}");
    let warning = |line: &&str| {
        let rest = placed(line).2;
        rest.strip_prefix("warning: ").unwrap().to_owned()
    };
    lines.iter().map(warning).collect()
}

/// A release with these fields.
fn release(fields: &str) -> String {
    format!("releases: [ {{ name: shop, hosts: [shop], principal: v1, {fields} }} ]")
}

/// Each row has the fields of a release, and its warnings without `releases[0].`.
fn hold(table: &[(&str, &[&str])]) {
    for (fields, expected) in table {
        let found = warnings(&release(fields));
        let found: Vec<&str> = found
            .iter()
            .map(|one| one.strip_prefix("releases[0].").unwrap())
            .collect();
        assert_eq!(found, *expected, "{fields}");
    }
}

#[test]
fn a_percentage_between_0_and_1_is_probably_a_fraction() {
    let rule = "canary: { rules: [ { name: a, version: v2, match: [ { percentage: 0.25 } ] } ] }";
    let mirror =
        "mirrors: [ { name: m, cluster: m, percentage: 0.29, compare: { percentage: 1 } } ]";
    let ramp = |points: &str| {
        format!(
            "canary: {{ session: {{ cookie: {{}} }}, ramp: {{ version: v2, start: '9999-01-01T00:00:00Z', points: [ {points} ] }} }}"
        )
    };
    let fractions = ramp("{ after: 0s, percentage: 0.1 }, { after: 1h, percentage: 1 }");
    let percentages = ramp("{ after: 0s, percentage: 0.1 }, { after: 1h, percentage: 100 }");
    hold(&[
        (
            rule,
            &["canary.rules[0].match[0].percentage: 0.25 is 0.25 %; write 25 if you mean 25 %"],
        ),
        (
            mirror,
            &["mirrors[0].percentage: 0.29 is 0.29 %; write 29 if you mean 29 %"],
        ),
        (
            &fractions,
            &["canary.ramp.points[0].percentage: 0.1 is 0.1 %; write 10 if you mean 10 %"],
        ),
        (&percentages, &[]),
        (
            "holdout: { group: all, percentage: 0.5 }, canary: { session: { cookie: {} } }",
            &["holdout.percentage: 0.5 is 0.5 %; write 50 if you mean 50 %"],
        ),
    ]);
}

#[test]
fn a_condition_that_no_request_meets() {
    let rule = |test: &str| {
        format!("canary: {{ rules: [ {{ name: a, version: v2, match: [ {{ {test} }} ] }} ] }}")
    };
    let table: [(&str, &[&str]); 5] = [
        (
            "path: { prefix: '/cart?id=' }",
            &[
                "canary.rules[0].match[0].path.prefix: never matches \"/cart?id=\", because the path has no query; write \"/cart\", and test the query with queryParams",
            ],
        ),
        (
            "path: { exact: cart }",
            &[
                "canary.rules[0].match[0].path.exact: never matches \"cart\", because a path begins with /; write \"/cart\"",
            ],
        ),
        (
            "method: { in: [GET, post] }",
            &[
                "canary.rules[0].match[0].method.in[1]: never matches \"post\", because methods are upper case; write \"POST\"",
            ],
        ),
        ("path: { suffix: .html }, method: { exact: GET }", &[]),
        ("path: { regex: '/cart\\?' }", &[]),
    ];
    for (test, expected) in table {
        hold(&[(&rule(test), expected)]);
    }
}

#[test]
fn a_rule_that_earlier_rules_swallow() {
    let rules = |first: &str, second: &str, third: &str| {
        format!(
            "canary: {{ rules: [ {{ name: a, version: v2, match: [ {first} ] }}, {{ name: b, version: v2, match: [ {second} ] }}, {{ name: c, version: v3, match: [ {third} ] }} ] }}"
        )
    };
    let jason = "{ headers: { end-user: { exact: jason } } }";
    let jason_in_upper_case = "{ headers: { End-User: { exact: jason } }, method: { exact: GET } }";
    let some_of_jason = "{ headers: { end-user: { exact: jason } }, percentage: 50 }";
    let ios = "{ clientOs: [ios] }";
    let both = format!("{jason}, {ios}");
    let swallowed =
        |by: &str| format!("canary.rules[2]: never decides, because {by}, or remove it");
    let by_a = swallowed("rule a above takes every request that it matches; move it above it");
    let by_both =
        swallowed("the rules a, b above take every request that it matches; move it above them");
    let table = [
        (jason, ios, jason, Some(&by_a)),
        (jason, ios, jason_in_upper_case, Some(&by_a)),
        (jason, ios, some_of_jason, Some(&by_a)),
        (jason, ios, &both, Some(&by_both)),
        (some_of_jason, ios, jason, None),
        (jason_in_upper_case, ios, jason, None),
        (ios, "{ method: { exact: GET } }", &both, None),
    ];
    for (first, second, third, expected) in table {
        let expected: Vec<&str> = expected.into_iter().map(String::as_str).collect();
        hold(&[(&rules(first, second, third), &expected)]);
    }
}

#[test]
fn a_share_without_a_session_and_a_session_that_changes_at_login() {
    let no_session = "has no session, so a user gets another version with each request; write session, such as session: { cookie: {} }";
    let login = "canary.session.cookie: a user who logs in gets a key, which counts before the cookie, so the version can change at login; write keep: true, or keep: false if that is intended";
    let session = |keys: &str, cookie: &str| {
        format!("canary: {{ session: {{ key: [ {keys} ], cookie: {{ {cookie} }} }} }}")
    };
    hold(&[
        (
            "canary: { split: [ { version: v2, weight: 1 }, { version: v1, weight: 1 } ] }",
            &[&format!("canary.split: {no_session}")],
        ),
        (
            "canary: { ramp: { version: v2, start: '9999-01-01T00:00:00Z', points: [ { after: 1h, percentage: 9 } ] } }",
            &[&format!("canary.ramp: {no_session}")],
        ),
        (
            "canary: { split: [ { version: v2, weight: 1 }, { version: v1, weight: 0 } ] }",
            &[],
        ),
        (&session("{ cookie: user }", ""), &[login]),
        (&session("{ header: x-user-id }", "keep: true"), &[]),
        (&session("{ header: x-user-id }", "keep: false"), &[]),
        (&session("{ sourceAddress: true }", ""), &[]),
        ("canary: { session: { cookie: {} } }", &[]),
    ]);
}

#[test]
fn a_short_host_misses_longer_names_in_the_mesh() {
    let release = |hosts: &str| format!("{{ name: a, {hosts}, principal: v1, canary: {{}} }}");
    let said = "WasmPlugin bookinfo/reviews: spec.pluginConfig.releases[0].hosts[0]: requests for a longer name of the service, such as reviews.bookinfo, are not decided; write services: [ { name: reviews, namespace: bookinfo } ]";
    let table: [(&str, &[&str]); 6] = [
        ("hosts: [reviews]", &[said]),
        ("hosts: [reviews, reviews.bookinfo]", &[]),
        (
            "hosts: [reviews], services: [ { name: reviews, namespace: bookinfo } ]",
            &[],
        ),
        ("services: [ { name: reviews, namespace: bookinfo } ]", &[]),
        ("hosts: [shop.example.com]", &[]),
        ("hosts: ['*']", &[]),
    ];
    for (hosts, expected) in table {
        assert_eq!(warnings(&plugin(&release(hosts))), expected, "{hosts}");
    }
    let waypoint = "targetRefs: [ { kind: Gateway, name: shop } ], failStrategy: FAIL_OPEN";
    let found = warnings(&plugin_with(waypoint, &release("hosts: [reviews]")));
    assert_eq!(found, Vec::<String>::new());
    let found = warnings(&format!("releases: [ {} ]", release("hosts: [reviews]")));
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_mirror_to_the_version_that_serves_production() {
    let own = "is where production's requests go, so each of them is served twice there; write another service, or the subset of another version";
    let mirror = |to: &str| format!("mirrors: [ {{ name: m, {to} }} ]");
    let to = |host: &str, subset: &str| {
        mirror(&format!(
            "destination: {{ host: {host}, port: 80{subset} }}"
        ))
    };
    let service = "shop.default.svc.cluster.local";
    let destination = format!("mirrors[0].destination: {own}");
    let cluster = format!("mirrors[0].cluster: {own}");
    hold(&[
        (&to(service, ""), &[&destination]),
        (&to(service, ", subset: v1"), &[&destination]),
        (&to(service, ", subset: v2"), &[]),
        (&to("other.default.svc.cluster.local", ""), &[]),
        (
            &mirror(&format!("cluster: outbound|80||{service}")),
            &[&cluster],
        ),
        (&mirror(&format!("cluster: outbound|80|v2|{service}")), &[]),
        (&mirror("cluster: test"), &[]),
    ]);
}

#[test]
fn a_last_route_leads_to_the_principal() {
    let header = |version: &str| {
        format!(
            "{{ match: [ {{ headers: {{ x-halftone-version: {{ exact: {version} }} }} }} ], route: [ {{ destination: {{ host: reviews, subset: {version} }} }} ] }}"
        )
    };
    let route =
        |subset: &str| format!("{{ route: [ {{ destination: {{ host: reviews{subset} }} }} ] }}");
    let said = "VirtualService bookinfo/reviews: spec.http[3].route: takes requests that Halftone did not see, and leads to another version than the principal; write the subset of v1";
    let is_of_routes = |line: &String| line.contains("VirtualService");
    for (last, expected) in [
        (route(", subset: v2"), vec![said]),
        (route(", subset: v1"), vec![]),
        (route(""), vec![]),
    ] {
        let routes = [header("v1"), header("v2"), header("v3"), last];
        let text = [plugin(RELEASE), service("reviews", &routes.join(", "))].join("\n---\n");
        let mut found = warnings(&text);
        found.retain(is_of_routes);
        assert_eq!(found, expected, "{routes:?}");
    }
}

#[test]
fn a_release_with_a_new_name_draws_its_sessions_again() {
    let config = |name: &str, salt: &str| {
        format!(
            "releases:\n- name: {name}\n  hosts: [shop]\n  principal: v1\n  canary:\n    session: {{ cookie: {{}}{salt} }}\n    split: [ {{ version: v2, weight: 20 }}, {{ version: v1, weight: 80 }} ]\n"
        )
    };
    let (_folder, old) = file("old.yaml", config("shop", ""));
    let against = |text: &str| run(&["--against", &old], text);

    let run = against(&config("store", ""));
    assert_eq!(run.code, 0, "{run:?}");
    let start =
        format!("-:2:3: warning: releases[0].name: the release was named shop in {old}, so ");
    let line = run.out.lines().next().unwrap();
    let (share, rest) = line
        .strip_prefix(&start)
        .unwrap()
        .split_once(" % ")
        .unwrap();
    // Each version keeps what falls to it twice: 0.2 · 0.2 + 0.8 · 0.8.
    let share: f64 = share.parse().unwrap();
    assert!((30.0..35.0).contains(&share), "{share}");
    assert_eq!(
        rest,
        "of its sessions change version; write name: shop, or session: { salt: shop }"
    );

    for text in [
        config("shop", ""),
        config("store", ", salt: shop"),
        config("store", "").replace("[shop]", "[other]"),
    ] {
        let run = against(&text);
        assert_eq!(run.out, "1 file: 1 release: fine.\n", "{text}");
    }
    let missing = format!("{old}.missing");
    let run = halftonectl(&["check", &old, "--against", &missing]);
    assert_eq!((run.code, run.out.as_str()), (2, ""), "{run:?}");
}

#[test]
fn warnings_are_asked_for_and_become_findings_if_they_are_to() {
    let text =
        release("canary: { split: [ { version: v2, weight: 1 }, { version: v1, weight: 1 } ] }");
    let place = "-:1:67: ";
    let said = "releases[0].canary.split: has no session, so a user gets another version with each request; write session, such as session: { cookie: {} }\n";
    for (flags, code, out) in [
        (&[][..], 0, "1 file: 1 release: fine.\n".to_owned()),
        (
            &["--warn"],
            0,
            format!("{place}warning: {said}1 file: 1 release: fine, 1 warning.\n"),
        ),
        (
            &["--strict"],
            1,
            format!("{place}{said}1 finding in 1 file.\n"),
        ),
    ] {
        let run = run(flags, &text);
        assert_eq!((run.code, run.out), (code, out), "{flags:?}");
    }

    let json = |flags: &[&str]| run(&[flags, &["--output", "json"]].concat(), &text).json();
    let count = |report: &serde_json::Value, list: &str| report[list].as_array().unwrap().len();
    for (flags, findings, warnings) in [(&[][..], 0, 0), (&["--warn"], 0, 1), (&["--strict"], 1, 0)]
    {
        let report = json(flags);
        assert_eq!(
            (count(&report, "findings"), count(&report, "warnings")),
            (findings, warnings)
        );
    }
    assert_eq!(json(&["--warn"])["warnings"][0]["line"], 1);
}

#[test]
fn a_ramp_that_ended_is_a_warning_among_others() {
    let ramp = release(
        "canary: { session: { cookie: {} }, ramp: { version: v2, start: '2020-01-01T00:00:00Z', points: [ { after: 1h, percentage: 50 } ] } }",
    );
    let found = warnings(&ramp);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("releases[0].canary.ramp: the ramp ended at "),
        "{found:?}"
    );
    for (flags, list) in [
        (&[][..], "notes"),
        (&["--warn"], "warnings"),
        (&["--strict"], "findings"),
    ] {
        let report = run(&[flags, &["--output", "json"]].concat(), &ramp).json();
        for name in ["notes", "warnings", "findings"] {
            let number = report[name].as_array().unwrap().len();
            assert_eq!(number, usize::from(name == list), "{flags:?} {name}");
        }
    }
}
