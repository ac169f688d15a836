//! Kubernetes' own kinds: a schema for each in a file, and the definitions that they share in another.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use jsonschema::Registry;
use serde_json::Value;

use super::{paths, read_json};

/// Relative to the base of a schema that names none.
const DEFINITIONS: &str = "json-schema:///_definitions.json";

/// The schemas of one version of Kubernetes.
#[derive(Debug)]
pub(super) struct OwnKinds {
    folder: PathBuf,
    definitions: Registry<'static>,
}

impl OwnKinds {
    /// Those of a folder.
    pub(super) fn new(folder: &Path) -> anyhow::Result<Self> {
        let definitions = read_json(&folder.join("_definitions.json"))?;
        let definitions = Registry::new().add(DEFINITIONS, definitions)?.prepare();
        Ok(Self {
            folder: folder.to_owned(),
            definitions: definitions.context("the definitions of Kubernetes' own kinds")?,
        })
    }

    /// What Kubernetes would have against a resource of this API version and kind.
    pub(super) fn check(
        &self,
        version: &str,
        kind: &str,
        resource: &Value,
    ) -> anyhow::Result<Vec<String>> {
        let path = self.folder.join(file_name(version, kind));
        if !path.is_file() {
            bail!(
                "no schema is known of {kind} of {version}; is it misspelt? else add its definition to tools/schemas"
            );
        }
        let schema = read_json(&path)?;
        let validator = jsonschema::options()
            .with_registry(&self.definitions)
            .build(&schema)?;
        Ok(paths::violations(&validator, resource, ""))
    }
}

/// `Role` of `rbac.authorization.k8s.io/v1` is in `role-rbac-v1.json`. The schema itself knows the whole API version.
fn file_name(version: &str, kind: &str) -> String {
    let version = match version.split_once('/') {
        Some((group, version)) => {
            let group = group.split('.').next().unwrap_or(group);
            format!("{group}-{version}")
        }
        None => version.to_owned(),
    };
    format!("{}-{version}.json", kind.to_lowercase())
}
