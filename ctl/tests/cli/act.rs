//! The actions. The expected outputs are in `act/NAME.txt`.

use crate::pinned::difference;
use crate::{file, halftonectl, halftonectl_with};

const FILE: &str = "ctl/tests/cli/act/releases.yaml";

/// The name of the file with the expected output, and the arguments. `FILE` is the file of the releases.
const TABLE: [(&str, &[&str]); 12] = [
    (
        "a-weight-grows",
        &["set-weight", "FILE", "v2=30", "--release", "reviews"],
    ),
    (
        "requests-are-drawn",
        &["set-weight", "FILE", "v2=5.5", "--release", "drawn"],
    ),
    (
        "a-version-takes-over",
        &["take-over", "FILE", "v2", "--release", "reviews"],
    ),
    (
        "a-take-over-ends",
        &["restore", "FILE", "--release", "taken"],
    ),
    (
        "nothing-to-restore",
        &["restore", "FILE", "--release", "reviews"],
    ),
    (
        "the-active-version-changes",
        &["switch", "FILE", "v2", "--release", "details"],
    ),
    (
        "a-version-is-promoted",
        &["promote", "FILE", "v2", "--release", "reviews"],
    ),
    (
        "three-ways",
        &["promote", "FILE", "v3", "--release", "three"],
    ),
    (
        "a-canary-rolls-back",
        &["rollback", "FILE", "--release", "reviews"],
    ),
    (
        "a-ramp-rolls-back",
        &["rollback", "FILE", "--release", "ramped"],
    ),
    ("a-ramp-pauses", &["pause", "FILE", "--release", "ramped"]),
    ("a-ramp-is-held", &["pause", "FILE", "--release", "held"]),
];

fn releases() -> String {
    std::fs::read_to_string(crate::root().join(FILE)).unwrap()
}

/// The arguments with `path` in place of `FILE`.
fn on<'a>(path: &'a str, args: &[&'a str]) -> Vec<&'a str> {
    let args = args.iter();
    args.map(|arg| if *arg == "FILE" { path } else { arg })
        .collect()
}

#[test]
fn an_action_says_who_moves_and_shows_its_change() {
    let mut different = Vec::new();
    for (name, args) in TABLE {
        let run = halftonectl(&on(FILE, &[args, &["--dry-run"]].concat()));
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{name}");
        different.extend(difference(&format!("act/{name}.txt"), &run.out));
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn an_action_edits_its_file_in_place_and_a_dry_run_does_not() {
    for (name, args) in TABLE {
        let (_folder, path) = file("releases.yaml", releases());
        let dry = halftonectl(&on(&path, &[args, &["--dry-run"]].concat()));
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            releases(),
            "{name}"
        );

        let run = halftonectl(&on(&path, args));
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{name}");
        let dry = dry
            .out
            .replace("not changed, because of --dry-run.", "changed.");
        assert_eq!(run.out, dry, "{name}");

        let changed = std::fs::read_to_string(&path).unwrap();
        let has_changed = !run.out.contains("nothing to change");
        assert_eq!(changed != releases(), has_changed, "{name}");
        let check = halftonectl(&["check", &path]);
        assert_eq!(check.code, 0, "{name}: {}", check.out);

        let again = halftonectl(&on(&path, args));
        assert_eq!(again.code, 0, "{name}: {}", again.err);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), changed, "{name}");
    }
}

#[test]
fn a_promotion_edits_the_last_route_in_another_file_too() {
    let example = |name: &str| {
        let path = crate::root().join("examples/canary-by-weight").join(name);
        std::fs::read_to_string(path).unwrap()
    };
    let (plugin, routes) = (example("wasmplugin.yaml"), example("virtual-service.yaml"));
    let (folder, path) = file("wasmplugin.yaml", &plugin);
    let routes_path = folder.path().join("virtual-service.yaml");
    std::fs::write(&routes_path, &routes).unwrap();
    let beside = routes_path.to_str().unwrap();
    let read = |path: &str| std::fs::read_to_string(path).unwrap();
    let note = "If a VirtualService routes this release, its last route must lead to v2 too: name its file with --routes.\n";

    let alone = halftonectl(&["promote", &path, "v2", "--dry-run"]);
    assert!(alone.code == 0 && alone.out.contains(note), "{}", alone.out);

    let promote = ["promote", &path, "v2", "--routes", beside];
    let dry = halftonectl(&[&promote[..], &["--dry-run"]].concat());
    assert_eq!((dry.code, dry.err.as_str()), (0, ""));
    assert_eq!(
        (read(&path), read(beside)),
        (plugin.clone(), routes.clone())
    );
    let run = halftonectl(&promote);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(!run.out.contains(note), "{}", run.out);
    for part in [
        format!("\n--- {beside}\n+++ {beside}\n"),
        "+    match: [ { headers: { x-halftone-version: { exact: v1 } } } ]\n+  - { name: undecided, ".into(),
        format!("\n{path}: changed.\n{beside}: changed.\n"),
    ] {
        assert!(run.out.contains(&part), "{part}\n{}", run.out);
    }
    let check = halftonectl(&["check", &path, beside]);
    assert_eq!(check.code, 0, "{}", check.out);

    let again = halftonectl(&promote);
    assert!(
        again
            .out
            .ends_with(&format!("{path}: nothing to change.\n")),
        "{}",
        again.out
    );

    let other = ["promote", &path, "v2", "--routes", FILE];
    let refused = halftonectl(&other);
    let expected = format!("{FILE}: has no VirtualService for the hosts of release reviews\n");
    assert_eq!(
        (refused.code, refused.out.as_str(), refused.err),
        (1, "", expected)
    );
}

#[cfg(unix)]
#[test]
fn a_link_and_the_rights_of_the_file_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (folder, path) = file("releases.yaml", releases());
    let rights = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(&path, rights.clone()).unwrap();
    let link = folder.path().join("link.yaml");
    symlink("releases.yaml", &link).unwrap();
    let run = halftonectl(&["rollback", link.to_str().unwrap(), "--release", "reviews"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(link.symlink_metadata().unwrap().is_symlink());
    let changed = std::fs::metadata(&path).unwrap().permissions();
    assert_eq!(changed.mode() & 0o777, rights.mode());
    assert_ne!(std::fs::read_to_string(&path).unwrap(), releases());
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 2, "a temporary file is left");
}

#[test]
fn an_action_that_is_refused_says_why_and_changes_nothing() {
    let table: [(&[&str], i32, &str); 13] = [
        (
            &["rollback", "FILE"],
            2,
            "halftonectl: FILE: has 7 releases; choose one with --release: reviews, drawn, taken, details, three, ramped, held\n",
        ),
        (
            &["rollback", "FILE", "--release", "revews"],
            1,
            "FILE: has no release revews; it has reviews, drawn, taken, details, three, ramped, held\n",
        ),
        (
            &["set-weight", "FILE", "v2=5", "--release", "details"],
            1,
            "FILE: release details is blue-green; use switch, rollback or promote\n",
        ),
        (
            &["set-weight", "FILE", "v2=0", "v1=0", "--release", "reviews"],
            1,
            "FILE: releases[0].canary.split: every weight is 0; give at least one version a weight above 0\n",
        ),
        (
            &["take-over", "FILE", "v22", "--release", "reviews"],
            1,
            "FILE: release reviews has no version v22; its versions are v1, v2\n",
        ),
        (
            &["rollback", "-"],
            2,
            "halftonectl: an action edits its file in place; give a file name instead of -\n",
        ),
        (
            &["rollback", "missing.yaml"],
            2,
            "halftonectl: missing.yaml: cannot be read: No such file or directory (os error 2)\n",
        ),
        (
            &["set-weight", "FILE", "v2"],
            2,
            "halftonectl: v2 is not a weight; write VERSION=WEIGHT, such as v2=30\n",
        ),
        (
            &["set-weight", "FILE", "v2=-1"],
            2,
            "halftonectl: v2=-1 is not a weight; write VERSION=WEIGHT, such as v2=30\n",
        ),
        (
            &["set-weight", "FILE"],
            2,
            "halftonectl: no weight; write VERSION=WEIGHT, such as v2=30\n",
        ),
        (&["switch", "FILE"], 2, "<FILE>"),
        (
            &["restore", "FILE", "--plugin", "a/b"],
            2,
            "cannot be used with",
        ),
        (
            &["restore", "--plugin", "b"],
            2,
            "write NAMESPACE/NAME, such as bookinfo/reviews",
        ),
    ];
    for (args, code, expected) in table {
        let (_folder, path) = file("releases.yaml", releases());
        let run = halftonectl_with(&on(&path, args), b"releases: []");
        assert_eq!((run.code, run.out.as_str()), (code, ""), "{args:?}");
        if expected.ends_with('\n') {
            assert_eq!(run.err, expected.replace("FILE", &path), "{args:?}");
        } else {
            assert!(run.err.contains(expected), "{args:?}: {}", run.err);
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), releases());
    }
}

#[test]
fn a_value_that_an_alias_shares_is_a_finding_with_its_path() {
    let text = "\
releases:
- { name: a, hosts: [a], principal: v1, canary: &c { takeOver: v2 } }
- { name: b, hosts: [b], principal: v1, canary: *c }
";
    let (_folder, path) = file("releases.yaml", text);
    let run = halftonectl(&["rollback", &path, "--release", "b"]);
    assert_eq!(
        (run.code, run.err),
        (
            1,
            format!(
                "{path}: releases[1].canary.takeOver: cannot be changed by itself, because an alias shares it or it has an unusual form; write it out without anchor, alias and tag\n"
            )
        )
    );
}
