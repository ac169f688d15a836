//! The published schemas of Kubernetes' own kinds, such as Deployment and ConfigMap.
//!
//! [`ApiServer`](crate::api_server::ApiServer) validates custom resources. It does not serve Kubernetes' own kinds, so
//! these are validated by the JSON schemas that `make schemas` fetches into `target/tools/schemas`. The schemas refuse
//! unknown fields. They do not cover what Kubernetes checks in code, such as the form of a name.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use jsonschema::Registry;
use serde_json::Value;

use crate::tools;

/// The address by which the schema of a kind refers to the definitions that all kinds share.
const DEFINITIONS: &str = "json-schema:///_definitions.json";

/// The schemas of one version of Kubernetes.
#[derive(Debug)]
pub struct Schemas {
    folder: PathBuf,
    definitions: Registry<'static>,
}

impl Schemas {
    /// Reads the schemas that `make schemas` has fetched.
    ///
    /// # Errors
    ///
    /// When a file is missing or is not a schema.
    pub fn load() -> anyhow::Result<Self> {
        let folder = tools::schemas()?.join("kubernetes");
        let definitions = read_json(&folder.join("_definitions.json"))?;
        let definitions = Registry::new().add(DEFINITIONS, definitions)?.prepare();
        Ok(Self {
            folder,
            definitions: definitions.context("the definitions that all kinds share")?,
        })
    }

    /// All violations of a resource, each as `JSON pointer: what is wrong`.
    ///
    /// # Errors
    ///
    /// When the resource has no `apiVersion` or `kind`, or when Kubernetes has no such kind.
    pub fn violations(&self, resource: &Value) -> anyhow::Result<Vec<String>> {
        let field = |name| resource.get(name).and_then(Value::as_str);
        let (Some(version), Some(kind)) = (field("apiVersion"), field("kind")) else {
            bail!("expected a resource, got an object without apiVersion and kind");
        };
        let path = self.folder.join(file_name(version, kind));
        if !path.is_file() {
            bail!(
                "no schema for {kind} of {version}: correct the kind or its version, or add its definition to \
                 tools/schemas/modules.txt"
            );
        }
        let schema = read_json(&path)?;
        let validator = jsonschema::options()
            .with_registry(&self.definitions)
            .build(&schema)?;
        let errors = validator.iter_errors(resource);
        Ok(errors
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect())
    }
}

/// The file that holds a kind's schema: `role-rbac-v1.json` for `Role` of `rbac.authorization.k8s.io/v1`. Groups with
/// the same first label share a name; the schema itself requires the whole `apiVersion`.
fn file_name(version: &str, kind: &str) -> String {
    let version = match version.split_once('/') {
        Some((group, version)) => {
            let label = group.split('.').next().unwrap_or(group);
            format!("{label}-{version}")
        }
        None => version.to_owned(),
    };
    format!("{}-{version}.json", kind.to_lowercase())
}

fn read_json(path: &Path) -> anyhow::Result<Value> {
    let text = fs::read(path).with_context(|| path.display().to_string())?;
    serde_json::from_slice(&text).with_context(|| path.display().to_string())
}
