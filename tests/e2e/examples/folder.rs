//! A folder of `examples/`.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use halftone_cases::{Case, CaseFile};
use halftone_lab::tools;
use halftone_resources::{Resource, read};
use serde_json::{Value, json};

use crate::scene::ASK;

/// The end of the names of case files.
const CASES: &str = "cases.yaml";

/// An example.
pub struct Folder {
    pub name: String,
    /// The resources of all its files except the case files. Every configuration has `explain`.
    pub resources: Vec<Resource>,
    /// The names and cases of the case files.
    pub cases: Vec<(String, Vec<Arc<Case>>)>,
    /// The environment variables of the proxy, as `NAME=VALUE`.
    pub environment: Vec<String>,
}

impl Folder {
    /// All examples.
    pub fn all() -> Result<Vec<Self>> {
        let mut folders = Vec::new();
        for entry in std::fs::read_dir(tools::workspace().join("examples"))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(Self::read(&path).with_context(|| path.display().to_string())?);
            }
        }
        folders.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(folders)
    }

    /// The example with this name.
    pub fn named(name: &str) -> Result<Self> {
        Self::read(&tools::workspace().join("examples").join(name))
    }

    fn read(path: &Path) -> Result<Self> {
        let name = path.file_name().context("has no name")?;
        let mut folder = Self {
            name: name.to_string_lossy().into_owned(),
            resources: Vec::new(),
            cases: Vec::new(),
            environment: Vec::new(),
        };
        for entry in std::fs::read_dir(path)? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let text = std::fs::read_to_string(&path)?;
            if name.ends_with(CASES) {
                let cases = CaseFile::parse(&text).with_context(|| name.clone().into_owned())?;
                for (name, value) in cases.environment() {
                    let value = String::from_utf8(value)?;
                    folder.environment.push(format!("{name}={value}"));
                }
                let cases = cases.cases.into_iter().map(Arc::new).collect();
                folder.cases.push((name.into_owned(), cases));
            } else {
                let resources = read(&text).with_context(|| name.clone().into_owned())?;
                folder.resources.extend(resources);
            }
        }
        ensure!(!folder.cases.is_empty(), "has no case file");
        for resource in &mut folder.resources {
            if let Resource::Plugin(plugin) = resource {
                let config = plugin
                    .config
                    .as_mut()
                    .context("a plugin has no configuration")?;
                config["explain"] = json!({"header": ASK});
            }
        }
        Ok(folder)
    }

    /// The configuration of its only plugin.
    pub fn config(&self) -> Result<Value> {
        let mut configs = self.resources.iter().filter_map(Resource::configuration);
        let (_, config) = configs.next().context("has no plugin")?;
        ensure!(configs.next().is_none(), "has more than one plugin");
        Ok(config.clone())
    }

    /// The names of its releases.
    pub fn releases(&self) -> Vec<String> {
        let configs = self.resources.iter().filter_map(Resource::configuration);
        let releases = configs.flat_map(|(_, config)| config["releases"].as_array());
        let names = releases.flatten().map(|release| &release["name"]);
        names.filter_map(Value::as_str).map(str::to_owned).collect()
    }
}
