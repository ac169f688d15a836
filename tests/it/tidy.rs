//! Rules of the repository: which part of the sources may use which, where the host is called, and
//! what each manifest and the changelog contain.

mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::documents::{read, root};
use sources::{Module, modules, rust_files};

/// The one file that calls the host.
const ABI: &str = "src/filter/abi.rs";

/// The rooms of `src/` that are not part of the core.
const CONFIG: &str = "config";
const FILTER: &str = "filter";

/// The room that reads JSON, for the configuration and for tokens.
const JSON: &str = "json";

/// The other rooms that each room uses.
fn uses(modules: &[Module]) -> BTreeMap<&str, BTreeSet<&str>> {
    let rooms: BTreeSet<&str> = modules.iter().filter_map(Module::room).collect();
    let mut uses: BTreeMap<&str, BTreeSet<&str>> =
        rooms.iter().map(|room| (*room, BTreeSet::new())).collect();
    for module in modules {
        let (Some(room), used) = (module.room(), module.rooms()) else {
            continue;
        };
        let others = used.filter(|other| *other != room && rooms.contains(other));
        uses.entry(room).or_default().extend(others);
    }
    uses
}

/// The rooms that are left after each room that uses no other is removed, again and again: those on
/// a circle, and those that use one.
fn circles<'m>(
    mut uses: BTreeMap<&'m str, BTreeSet<&'m str>>,
) -> BTreeMap<&'m str, BTreeSet<&'m str>> {
    loop {
        let free: Vec<&str> = uses
            .iter()
            .filter(|(_, used)| used.is_empty())
            .map(|(room, _)| *room)
            .collect();
        if free.is_empty() {
            return uses;
        }
        for room in free {
            uses.remove(room);
            for used in uses.values_mut() {
                used.remove(room);
            }
        }
    }
}

#[test]
fn no_room_uses_a_room_that_uses_it() {
    let modules = modules();
    let uses = uses(&modules);
    assert!(uses.len() > 5, "only these rooms were found: {uses:?}");
    assert_eq!(circles(uses), BTreeMap::new());
}

#[test]
fn a_circle_of_rooms_is_found() {
    let uses = |pairs: &[(&'static str, &[&'static str])]| {
        let sets = pairs
            .iter()
            .map(|(room, used)| (*room, used.iter().copied().collect()));
        circles(sets.collect()).into_keys().collect::<Vec<_>>()
    };
    assert_eq!(
        uses(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &[])]),
        [""; 0]
    );
    assert_eq!(
        uses(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"]), ("d", &[])]),
        ["a", "b", "c"]
    );
}

#[test]
fn only_the_filter_uses_the_configuration_and_nothing_uses_the_filter() {
    let modules = modules();
    for (room, used) in uses(&modules) {
        assert!(!used.contains(FILTER), "{room} uses {FILTER}");
        assert!(
            room == FILTER || !used.contains(CONFIG),
            "{room} is part of the core and uses {CONFIG}"
        );
    }
}

/// A decision depends on its arguments only, so it is the same in a test, in `halftonectl` and in
/// Envoy.
#[test]
fn the_core_and_the_configuration_have_no_host_no_clock_and_no_state() {
    /// Only the configuration and the reader of JSON use these.
    const FORMATS: [&str; 2] = ["serde", "schemars"];
    const HOST: [&str; 10] = [
        "proxy_wasm",
        "log",
        "getrandom",
        "std::env",
        "std::fs",
        "std::io",
        "std::process",
        "std::thread",
        "std::thread_local",
        "thread_local",
    ];
    let mut problems = Vec::new();
    for module in modules() {
        let (file, room) = (module.file.display(), module.room());
        if room.is_none() || room == Some(FILTER) {
            continue;
        }
        let is_core = room != Some(CONFIG) && room != Some(JSON);
        let formats = FORMATS.iter().filter(|_| is_core);
        let names = HOST.iter().chain(formats);
        let names = names.filter(|name| module.refers_to(name));
        problems.extend(names.map(|name| format!("{file} uses {name}")));
        if module.has_statics {
            problems.push(format!("{file} has a static item"));
        }
    }
    assert_eq!(problems, [""; 0]);
}

#[test]
fn only_one_file_calls_the_host_or_a_clock() {
    let modules = modules();
    for module in &modules {
        let calls = [
            "std::time::Instant::now",
            "std::time::SystemTime::now",
            "getrandom",
        ]
        .iter()
        .any(|name| module.refers_to(name))
            || module
                .paths
                .iter()
                .any(|path| path.iter().any(|name| name == "hostcalls"))
            || module.calls_elapsed
            || module.has_foreign_functions;
        assert!(
            !calls || module.file == Path::new(ABI),
            "{} calls the host; {ABI} does",
            module.file.display()
        );
    }
    assert!(
        modules.iter().any(|module| module.has_foreign_functions),
        "{ABI} calls no host"
    );
}

/// The lint `unsafe_code` denies `unsafe` unless an attribute allows it.
#[test]
fn only_one_file_allows_unsafe_code() {
    let allowing: Vec<_> = rust_files()
        .into_iter()
        .filter(|file| sources::allows_unsafe(&file.syntax))
        .map(|file| file.path)
        .collect();
    assert_eq!(allowing, [Path::new(ABI)]);

    assert!(manifest("Cargo.toml").contains("[workspace.lints.rust]\n"));
    let manifests = manifests();
    assert!(manifests.len() > 4, "only {manifests:?} were found");
    for path in manifests {
        assert!(
            manifest(&path).contains("\n[lints]\nworkspace = true\n"),
            "{path} does not inherit the lints of the workspace"
        );
    }
}

fn manifest(path: &str) -> String {
    read(&root().join(path))
}

/// The manifests of the workspace: the root's and those of its members.
fn manifests() -> Vec<String> {
    let text = manifest("Cargo.toml");
    let (_, rest) = text.split_once("members = [").unwrap();
    let (members, _) = rest.split_once(']').unwrap();
    let members = members
        .split(',')
        .map(|member| member.trim().trim_matches('"'));
    let members = members.filter(|member| !member.is_empty());
    std::iter::once("Cargo.toml".to_owned())
        .chain(members.map(|member| format!("{member}/Cargo.toml")))
        .collect()
}

#[test]
fn the_changelog_has_an_entry_for_the_version() {
    let version = env!("CARGO_PKG_VERSION");
    assert!(
        read(&root().join("CHANGELOG.md")).contains(&format!("## [{version}]")),
        "CHANGELOG.md has no entry for {version}"
    );
}

#[test]
fn every_dependency_has_a_comment_with_its_reason() {
    for path in manifests() {
        let mut in_dependencies = false;
        let mut is_explained = false;
        for line in manifest(&path).lines() {
            if line.starts_with('[') {
                in_dependencies = line.contains("dependencies]");
                is_explained = false;
            } else if line.starts_with('#') {
                is_explained = true;
            } else if line.trim().is_empty() {
                is_explained = false;
            } else if in_dependencies {
                assert!(is_explained, "{path}: write the reason above `{line}`");
            }
        }
    }
}
