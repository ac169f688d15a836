//! The ten typical mistakes, each in a file of `mistakes/` whose name says it.

use crate::halftonectl;

/// The name of the file, the line and the column of the first finding, what is wrong, and what to write instead.
const TABLE: [(&str, &str, &str, &str); 10] = [
    (
        "a-typo-in-a-field",
        "9:30",
        "releases[0].principle: unknown field",
        "did you mean `principal`?",
    ),
    (
        "a-weight-as-a-string",
        "13:33",
        "canary.split[0].weight: expected a number, got the string \"5\"",
        "write weight: 5",
    ),
    (
        "a-wrong-indentation",
        "13:7",
        "releases[0].split: unknown field",
        "`split` belongs under `canary`",
    ),
    (
        "a-version-without-a-subset",
        "23:40",
        "route[0].destination.subset: a.bookinfo.svc.cluster.local has no subset `v2`",
        "its DestinationRule has v1; write one of them, or add it there",
    ),
    (
        "two-plugins-on-one-host",
        "17:42",
        "hosts: release a of WasmPlugin bookinfo/reviews claims `a.example.com` too",
        "remove the host from one of them",
    ),
    (
        "a-percentage-between-0-and-1",
        "12:41",
        "mirrors[0].percentage: 0.25 is 0.25 %",
        "write 25 if you mean 25 %",
    ),
    (
        "an-invalid-regex",
        "12:69",
        "path.regex: expected a regular expression that matches the whole value, got \"a(\": found open group without closing ')'",
        "write it in RE2 syntax",
    ),
    (
        "a-duration-without-a-unit",
        "12:41",
        "mirrors[0].timeout: expected a duration",
        "such as \"250ms\" or \"2s\", got the number 250",
    ),
    (
        "a-host-with-a-port",
        "9:26",
        "hosts[0]: \"a:8080\" has a port",
        "omit it: \"a\"",
    ),
    (
        "no-principal",
        "9:7",
        "releases[0].principal: missing",
        "write the version that gets all other requests, such as principal: \"v1\"",
    ),
];

#[test]
fn a_typical_mistake_is_found_at_its_line_with_what_to_write_instead() {
    for (name, at, wrong, instead) in TABLE {
        let file = format!("ctl/tests/cli/mistakes/{name}.yaml");
        let run = halftonectl(&["check", "--strict", &file]);
        assert_eq!((run.code, run.err.as_str()), (1, ""), "{name}");
        let first = run.out.lines().next().unwrap_or_default();
        let start = format!("{file}:{at}: ");
        assert!(first.starts_with(&start), "{start}\n{}", run.out);
        for part in [wrong, instead] {
            assert!(first.contains(part), "{part}\n{}", run.out);
        }
    }
}
