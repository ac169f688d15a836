//! `merge`: many files as one plugin.

use crate::{Run, halftonectl, halftonectl_with};

const URL: &str = "url: oci://registry.example.com/halftone:1";

/// A plugin in the namespace `shop` with these fields of its `spec`, and this configuration.
fn plugin(name: &str, fields: &str, config: &str) -> String {
    format!(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{ name: {name}, namespace: shop }}\nspec:\n  match: [ {{ mode: CLIENT }} ]\n  failStrategy: FAIL_OPEN\n  {fields}\n  pluginConfig: {config}\n"
    )
}

fn release(name: &str, hosts: &str) -> String {
    format!("{{ name: {name}, hosts: [ {hosts} ], principal: v1, blueGreen: {{ active: v1 }} }}")
}

fn config(name: &str, hosts: &str, settings: &str) -> String {
    format!("{{ releases: [ {} ], {settings} }}", release(name, hosts))
}

/// Writes these files to a folder, and merges them in this order with these flags.
fn merge(files: &[(&str, String)], flags: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let at = format!("{}/", folder.path().to_str().unwrap());
    let paths: Vec<String> = files
        .iter()
        .map(|(name, text)| {
            let path = format!("{at}{name}");
            std::fs::write(&path, text).unwrap();
            path
        })
        .collect();
    let mut args = vec!["merge", "--kind", "wasmplugin"];
    args.extend(flags);
    args.extend(paths.iter().map(String::as_str));
    let run = halftonectl(&args);
    Run {
        out: run.out.replace(&at, ""),
        err: run.err.replace(&at, ""),
        ..run
    }
}

#[test]
fn the_result_names_the_owners_and_does_not_depend_on_the_order() {
    let reviews = plugin(
        "reviews",
        URL,
        &config("reviews", "reviews.shop", "accessLog: true"),
    );
    let ratings = config("ratings", "ratings.shop", "");
    let files = [("reviews.yaml", reviews), ("ratings.yaml", ratings)];
    let run = merge(&files, &[]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    for part in [
        "    halftone/releases: |\n      ratings: ratings.yaml\n      reviews: reviews.yaml\n",
        "    # From ratings.yaml\n    - name: ratings\n",
        "    # From reviews.yaml\n    - name: reviews\n",
        "    # From reviews.yaml\n    accessLog: true\n",
    ] {
        assert!(run.out.contains(part), "{part}: {}", run.out);
    }
    let [first, second] = files;
    assert_eq!(merge(&[second, first], &[]).out, run.out);
}

#[test]
fn the_result_passes_check_and_decides_as_its_files_do() {
    for kind in ["wasmplugin", "trafficextension"] {
        let files = [
            "examples/per-service/catalogue.yaml",
            "examples/per-service/checkout.yaml",
        ];
        let flags = ["--namespace", "shop", "--target-ref", "Gateway/shop"];
        let mut args = vec!["merge", "--kind", kind];
        args.extend(files);
        args.extend(flags);
        let merged = halftonectl(&args);
        assert_eq!((merged.code, merged.err.as_str()), (0, ""));
        let checked = halftonectl_with(&["check", "-"], merged.out.as_bytes());
        assert_eq!(checked.out, "1 file: 2 releases: fine.\n", "{kind}");
        for (file, host) in files
            .iter()
            .zip(["catalogue.example.com", "checkout.example.com"])
        {
            let flags = ["--host", host, "--header", "x-user-id: carla"];
            let before = halftonectl(&[&["explain", file], &flags[..]].concat());
            let after = halftonectl_with(
                &[&["explain", "-"], &flags[..]].concat(),
                merged.out.as_bytes(),
            );
            assert_eq!(before.code, 0, "{before:?}");
            assert_eq!(before.out, after.out, "{file}");
        }
    }
}

#[test]
fn a_conflict_names_both_files_and_the_position() {
    let shop = |fields: &str| plugin("b", fields, &config("b", "b.shop", ""));
    let table: [(&str, String, &[&str], &str); 9] = [
        (
            "one name",
            config("a", "b.shop", ""),
            &[],
            "b.yaml:1:17: releases[0].name: `a` is also the name of a release in a.yaml; rename one of them, and write session.salt: a there so that no session moves\n",
        ),
        (
            "one host in two spellings",
            config("b", "A.Shop.", ""),
            &[],
            "b.yaml:1:26: releases[0].hosts: release a in a.yaml claims `a.shop` too; remove the host from one of them\n",
        ),
        (
            "two values of a setting",
            config("b", "b.shop", "mirrorBudget: 8MiB"),
            &[],
            "mirrorBudget: is \"8MiB\", and \"16MiB\" in a.yaml; one plugin has one value, so write it in one file only\n",
        ),
        (
            "two modules",
            shop("url: oci://registry.example.com/halftone:2"),
            &[],
            "b.yaml:7:3: WasmPlugin shop/b: spec.url: differs from that in a.yaml; write the same in both, or give --url\n",
        ),
        (
            "two selectors",
            shop(&format!(
                "{URL}\n  selector: {{ matchLabels: {{ app: b }} }}"
            )),
            &[],
            "b.yaml:8:3: WasmPlugin shop/b: spec.selector: differs from that in a.yaml; write the same in both, or give --selector\n",
        ),
        (
            "two priorities",
            shop(&format!("{URL}\n  priority: 5")),
            &[],
            "b.yaml:8:3: WasmPlugin shop/b: spec.priority: differs from that in a.yaml; write the same in both\n",
        ),
        (
            "a short name in another namespace",
            plugin("b", URL, &config("b", "b", "")),
            &["--namespace", "istio-system"],
            "hosts: `b` is a service of the namespace shop only for plugins there; write services: [ { name: b, namespace: shop } ] in place of it\n",
        ),
        (
            "all hosts of other workloads",
            plugin("b", URL, &config("b", "'*'", "")),
            &["--selector", "app=gateway"],
            "hosts: `*` claims every host of the workloads of the merged plugin; write the hosts of this release\n",
        ),
        (
            "a violation of one file",
            config("b", "'b.shop:80'", ""),
            &[],
            "b.yaml:1:35: releases[0].hosts[0]: \"b.shop:80\" has a port; omit it: \"b.shop\"\n",
        ),
    ];
    for (name, other, flags, expected) in table {
        let first = plugin("a", URL, &config("a", "a.shop", "mirrorBudget: 16MiB"));
        let run = merge(&[("a.yaml", first), ("b.yaml", other)], flags);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{name}: {}", run.err);
        assert_eq!(run.err.lines().count(), 1, "{name}: {}", run.err);
        assert!(run.err.contains(expected), "{name}: {}", run.err);
    }
}

#[test]
fn a_flag_decides_where_files_differ() {
    let one = plugin("a", URL, &config("a", "a.shop", ""));
    let other = plugin(
        "b",
        "url: oci://registry.example.com/halftone:2\n  selector: { matchLabels: { app: b } }",
        &config("b", "b.shop", ""),
    );
    let flags = [
        "--url",
        "oci://registry.example.com/halftone:3",
        "--selector",
        "app=gateway",
    ];
    let run = merge(&[("a.yaml", one), ("b.yaml", other)], &flags);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    for part in ["name: halftone\n", "app: gateway\n", "halftone:3\n"] {
        assert!(run.out.contains(part), "{part}: {}", run.out);
    }
}

#[test]
fn files_without_a_configuration_are_reported() {
    let run = merge(&[("a.yaml", "kind: List\napiVersion: v1\n".into())], &[]);
    assert_eq!(run.code, 1);
    assert!(
        run.err.contains("contains no plugin configuration"),
        "{run:?}"
    );
    let run = halftonectl(&["merge", "--kind", "wasmplugin", "/nowhere.yaml"]);
    assert_eq!(run.code, 2, "{run:?}");
}
