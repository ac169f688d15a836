//! Rules of the repository, as tests.

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file that git tracks.
fn tracked() -> Vec<PathBuf> {
    let output = Command::new("git")
        .arg("-C")
        .arg(root())
        .args(["ls-files", "-z"])
        .output()
        .unwrap();
    let names = String::from_utf8(output.stdout).unwrap();
    names
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(PathBuf::from)
        .collect()
}

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let sources = tracked().into_iter().filter(|path| {
        path.starts_with(folder) && path.extension().is_some_and(|extension| extension == "rs")
    });
    sources
        .filter_map(|path| {
            std::fs::read_to_string(root().join(&path))
                .ok()
                .map(|text| (path, text))
        })
        .collect()
}

/// The core knows neither the configuration nor the shell; the configuration knows no shell.
#[test]
fn walls_stand() {
    for (path, text) in sources("src") {
        let is = |place: &str| path.starts_with(place) || path == Path::new(&format!("{place}.rs"));
        let forbidden: &[&str] = if is("src/filter") || path == Path::new("src/lib.rs") {
            &[]
        } else if is("src/config") {
            &[
                "proxy_wasm",
                "crate::filter",
                "log::",
                "getrandom",
                "std::time::Instant",
            ]
        } else {
            &[
                "proxy_wasm",
                "crate::filter",
                "crate::config",
                "log::",
                "getrandom",
                "std::time",
                "Deserialize}",
                "derive(Deserialize",
            ]
        };
        for word in forbidden {
            assert!(
                !text.contains(word),
                "{} reaches over its wall: {word}",
                path.display()
            );
        }
    }
    for (path, text) in sources("src/filter") {
        assert!(
            is_host(&path) || !text.contains("hostcalls"),
            "{} talks to Envoy itself",
            path.display()
        );
    }
}

/// Where Envoy is talked to.
fn is_host(path: &Path) -> bool {
    path == Path::new("src/filter/host.rs") || path.starts_with("src/filter/host")
}

#[test]
fn one_file_alone_is_unsafe() {
    let is_unsafe = |text: &str| text.contains("unsafe_code") || text.contains("unsafe {");
    let mut files = Vec::new();
    for folder in [
        "src",
        "cases",
        "ctl",
        "lab",
        "resources",
        "tools",
        "benches",
    ] {
        files.extend(sources(folder));
    }
    files.retain(|(_, text)| is_unsafe(text));
    let paths: Vec<_> = files.iter().map(|(path, _)| path.as_path()).collect();
    assert_eq!(paths, [Path::new("src/filter/host/header_map.rs")]);
}

#[test]
fn files_keep_to_one_job() {
    for folder in ["src", "cases", "lab", "tests", "tools"] {
        for (path, text) in sources(folder) {
            let lines = text.lines().count();
            assert!(
                lines <= 400,
                "{} has {lines} lines; look for the second idea in it",
                path.display()
            );
        }
    }
}

#[test]
fn the_version_stands_in_the_changelog() {
    let changelog = std::fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert!(
        changelog.contains(&format!("## [{version}]")),
        "CHANGELOG.md has no entry for {version}"
    );
}

#[test]
fn every_dependency_says_why() {
    for path in tracked()
        .into_iter()
        .filter(|path| path.ends_with("Cargo.toml"))
    {
        let text = std::fs::read_to_string(root().join(&path)).unwrap();
        let mut in_dependencies = false;
        let mut explained = false;
        for line in text.lines() {
            if line.starts_with('[') {
                in_dependencies = line.contains("dependencies]");
                explained = false;
            } else if line.starts_with('#') {
                explained = true;
            } else if line.trim().is_empty() {
                explained = false;
            } else if in_dependencies {
                assert!(explained, "{}: say why above `{line}`", path.display());
            }
        }
    }
}
