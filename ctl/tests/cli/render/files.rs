//! Documents that are written to files.

use std::fs;
use std::path::Path;

use super::{BOOKINFO, SHOP, documents, render, rendered};
use crate::file;

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn istio_is_the_three_resources_in_the_order_in_which_to_apply_them() {
    let text = rendered(&[BOOKINFO, "--kind", "istio", "--port", "9080"]);
    let kinds = "destinationrule,virtualservice,wasmplugin";
    assert_eq!(
        text,
        rendered(&[BOOKINFO, "--kind", kinds, "--port", "9080"])
    );
    // A kind that was asked for twice is printed once.
    assert_eq!(
        text,
        rendered(&[
            BOOKINFO,
            "--kind",
            &format!("istio,{kinds}"),
            "--port",
            "9080"
        ])
    );
}

#[test]
fn istio_omits_routes_and_subsets_that_a_release_does_not_have() {
    let config = "releases: [ { name: a, hosts: [a], principal: v1, blueGreen: { active: v1 }, route: { authority: { v1: 'a:1' } } } ]";
    let (_folder, path) = file("a.yaml", config);
    let found = documents(&rendered(&[&path, "--kind", "istio"]));
    let kinds: Vec<&str> = found
        .iter()
        .map(|one| one["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["WasmPlugin"]);
}

#[test]
fn istio_keeps_a_traffic_extension() {
    let (_folder, path) = file(
        "a.yaml",
        rendered(&[BOOKINFO, "--kind", "trafficextension"]),
    );
    let kinds = "destinationrule,virtualservice,trafficextension";
    let expected = rendered(&[&path, "--kind", kinds]);
    assert_eq!(rendered(&[&path, "--kind", "istio"]), expected);
}

#[test]
fn each_kind_is_a_file_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/reviews");
    let to = path.to_str().unwrap();
    let kinds = ["destinationrule", "virtualservice", "wasmplugin"];
    for change in ["written", "unchanged"] {
        let said: Vec<String> = kinds
            .iter()
            .map(|kind| format!("{to}/{kind}.yaml: {change}\n"))
            .collect();
        assert_eq!(
            rendered(&[BOOKINFO, "--kind", "istio", "-o", to]),
            said.concat()
        );
    }
    assert_eq!(names(&path), kinds.map(|kind| format!("{kind}.yaml")));
    for kind in kinds {
        let text = fs::read_to_string(path.join(format!("{kind}.yaml"))).unwrap();
        assert_eq!(text, rendered(&[BOOKINFO, "--kind", kind]), "{kind}");
    }
}

#[test]
fn the_file_that_is_read_is_not_overwritten() {
    let (folder, path) = file(
        "wasmplugin.yaml",
        fs::read(crate::root().join(BOOKINFO)).unwrap(),
    );
    let before = fs::read_to_string(&path).unwrap();
    let run = render(&[
        &path,
        "--kind",
        "istio",
        "-o",
        folder.path().to_str().unwrap(),
    ]);
    assert_eq!(run.code, 2);
    assert_eq!(
        run.err,
        format!("halftonectl: {path}: is the file that is read; write to another folder\n")
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
    assert_eq!(names(folder.path()), ["wasmplugin.yaml"]);
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error() {
    let (_folder, path) = file("taken", "");
    for flags in [["-o", path.as_str()], ["--live", path.as_str()]] {
        let run = render(&[&[SHOP, "--kind", "envoy"], flags.as_slice()].concat());
        assert_eq!(run.code, 2);
        assert!(
            run.err.contains("taken: cannot be written: "),
            "{}",
            run.err
        );
    }
}

#[test]
fn a_configuration_with_violations_changes_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let (_folder, path) = file("bad.yaml", "releases: [ { name: r, hosts: [r] } ]");
    for flag in ["-o", "--live"] {
        let run = render(&[
            &path,
            "--kind",
            "envoy",
            flag,
            folder.path().to_str().unwrap(),
        ]);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{}", run.err);
    }
    assert_eq!(names(folder.path()), [""; 0]);
}

/// The addresses in the files are of the start. Everything else is read again.
#[test]
fn a_restart_is_asked_for_only_if_envoy_needs_it() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().to_str().unwrap();
    let write = |flags: &[&str]| {
        let said = rendered(&[&[SHOP, "--kind", "envoy", "--live", to], flags].concat());
        said.lines().last().unwrap().replace(to, "DIR")
    };
    for (flags, expected) in [
        (
            &[] as &[&str],
            "Start Envoy with: envoy --config-path DIR/envoy.yaml",
        ),
        (&[], "DIR/envoy.yaml: unchanged"),
        (
            &["--upstream", "shop/v1.2=a:1"],
            "DIR/envoy.yaml: unchanged",
        ),
        (
            &["--admin", "1"],
            "Restart Envoy: it reads DIR/envoy.yaml only when it starts.",
        ),
    ] {
        assert_eq!(write(flags), expected, "{flags:?}");
    }
    assert_eq!(
        names(folder.path()),
        [
            "clusters.yaml",
            "envoy.yaml",
            "releases.json",
            "routes.yaml"
        ]
    );
}
