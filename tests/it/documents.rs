//! The configurations in documents, examples and case files. The filter accepts each of them.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The contents of a file.
pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files below `folder` with one of these extensions, sorted.
pub fn files(folder: &str, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if extensions.iter().any(|wanted| {
                path.extension()
                    .is_some_and(|extension| extension == *wanted)
            }) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The fenced blocks of YAML or JSON in a Markdown file.
pub fn blocks(markdown: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut block: Option<String> = None;
    for line in markdown.lines() {
        match (&mut block, line.trim_end()) {
            (None, "```yaml" | "```json") => block = Some(String::new()),
            (Some(_), "```") => blocks.extend(block.take()),
            (Some(text), line) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, _) => {}
        }
    }
    blocks
}

/// The plugin configuration in a YAML document: the document itself, or a part of a case file or of a
/// WasmPlugin.
fn configuration(document: Value) -> Option<Value> {
    let holds = |value: &Value| value.get("releases").is_some();
    let places = ["/config", "/spec/pluginConfig"];
    if holds(&document) {
        return Some(document);
    }
    places.iter().find_map(|place| {
        document
            .pointer(place)
            .filter(|value| holds(value))
            .cloned()
    })
}

/// Every configuration in README, `docs/`, `examples/` and the case files, with the name of its file.
pub fn configurations() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    let mut texts = Vec::new();
    let mut markdown = files("docs", &["md"]);
    markdown.extend(files("examples", &["md"]));
    markdown.push(root().join("README.md"));
    for path in markdown {
        let blocks = blocks(&read(&path)).into_iter().enumerate();
        texts.extend(blocks.map(|(at, text)| (format!("{} block {at}", path.display()), text)));
    }
    let yaml = files("examples", &["yaml", "json"])
        .into_iter()
        .chain(files("tests/cases", &["yaml"]));
    texts.extend(yaml.map(|path| (path.display().to_string(), read(&path))));
    for (place, text) in texts {
        let documents: Vec<Value> =
            serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{place}: {error}"));
        let configs = documents.into_iter().filter_map(configuration);
        found.extend(configs.map(|config| (place.clone(), config)));
    }
    found
}

#[test]
fn every_published_configuration_is_accepted() {
    let configurations = configurations();
    assert!(
        configurations.len() > 20,
        "only {} configurations were found",
        configurations.len()
    );
    for (place, config) in configurations {
        if let Err(violations) = halftone::config::load_value(&config) {
            panic!("{place}:\n{violations}");
        }
    }
}
