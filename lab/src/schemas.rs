//! Whether a cluster would take a resource: its schemas, as `kubectl apply --validate=strict` and the API server use them.
//!
//! Custom resources are held to the definitions that their projects publish: the form, fields that nobody knows, defaults, and
//! the rules in CEL. Kubernetes' own kinds are held to the schemas that the package kubernetes-validate carries. A kind that
//! neither knows is an error and not a pass. What webhooks say is not checked, nor what the API server does in code for a few
//! kinds of its own.
//!
//! `make schemas` fetches them into `target/tools/schemas`.

mod cel_values;
mod defaults;
mod definition;
mod metadata;
mod own_kinds;
mod paths;
mod rules;
mod strict;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use jsonschema::Validator;
use serde_json::Value;

use crate::tools;
use definition::Definition;
use own_kinds::OwnKinds;
use rules::Rules;

/// Kinds that stand in files and in no cluster, by API version: a program reads them and applies something else.
const NOT_IN_A_CLUSTER: [(&str, &str); 2] = [
    // `istioctl install -f` reads it.
    ("install.istio.io/v1alpha1", "IstioOperator"),
    // `kubectl apply -k` reads it.
    ("kustomize.config.k8s.io/v1beta1", "Kustomization"),
];

/// The schemas of a cluster with Istio, Gateway API, Envoy Gateway and the Prometheus operator.
pub struct Schemas {
    definitions: BTreeMap<(String, String), Definition>,
    own_kinds: OwnKinds,
    metadata: Validator,
    rules: Rules,
}

impl Schemas {
    /// Reads the schemas that `make schemas` has fetched.
    ///
    /// # Errors
    ///
    /// When they are not there, or cannot be read.
    pub fn load() -> anyhow::Result<Self> {
        let folder = tools::schemas()?;
        let mut definitions = BTreeMap::new();
        for entry in fs::read_dir(folder.join("crds"))? {
            let path = entry?.path();
            let read = || Definition::read(&fs::read_to_string(&path)?);
            let found = read().with_context(|| path.display().to_string())?;
            definitions.extend(found);
        }
        Ok(Self {
            definitions,
            own_kinds: OwnKinds::new(&folder.join("kubernetes"))?,
            metadata: metadata::validator()?,
            rules: Rules::new()?,
        })
    }

    /// All violations of every resource in a YAML text, each as `kind name: path: what is wrong`. Empty documents are none.
    ///
    /// # Errors
    ///
    /// When the text is not YAML, when it holds no resource, or one of a kind that no schema is known of.
    pub fn check(&self, text: &str) -> anyhow::Result<Vec<String>> {
        let mut found = Vec::new();
        let mut resources = 0;
        for document in documents(text)? {
            if !document.is_null() {
                found.extend(self.resource(&document)?);
                resources += 1;
            }
        }
        if resources == 0 {
            bail!("there is no resource in it");
        }
        Ok(found)
    }

    /// The names of all functions that the rules of the definitions call: some are of the cluster's own, and unknown here.
    ///
    /// # Errors
    ///
    /// When a rule is no CEL.
    pub fn rule_functions(&self) -> anyhow::Result<Vec<String>> {
        let schemas = self.definitions.values().map(Definition::schema);
        self.rules.functions(schemas)
    }

    fn resource(&self, document: &Value) -> anyhow::Result<Vec<String>> {
        let text = |pointer| document.pointer(pointer).and_then(Value::as_str);
        let (Some(version), Some(kind)) = (text("/apiVersion"), text("/kind")) else {
            bail!("a document has no apiVersion and kind; only resources have a schema");
        };
        if NOT_IN_A_CLUSTER.contains(&(version, kind)) {
            return Ok(Vec::new());
        }
        let metadata = document.get("metadata").unwrap_or(&Value::Null);
        let mut found = paths::violations(&self.metadata, metadata, "metadata");
        let key = (version.to_owned(), kind.to_owned());
        match self.definitions.get(&key) {
            Some(definition) => found.extend(definition.check(document, &self.rules)?),
            None => found.extend(self.own_kinds.check(version, kind, document)?),
        }
        let name = text("/metadata/name").unwrap_or("without a name");
        Ok(found
            .iter()
            .map(|one| format!("{kind} {name}: {one}"))
            .collect())
    }
}

/// All documents of a YAML text, of any size: definitions have more fields than anybody's configuration.
fn documents(text: &str) -> anyhow::Result<Vec<Value>> {
    let options = serde_saphyr::options! { budget: None };
    Ok(serde_saphyr::from_multiple_with_options(text, options)?)
}

/// A JSON file.
fn read_json(path: &Path) -> anyhow::Result<Value> {
    let text = fs::read(path).with_context(|| path.display().to_string())?;
    serde_json::from_slice(&text).with_context(|| path.display().to_string())
}
