//! Istio's `DestinationRule`: the subsets of a service.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::meta::Meta;
use crate::service::qualified;

/// A `DestinationRule`.
#[derive(Clone, Debug)]
pub struct DestinationRule {
    /// The name and namespace.
    pub meta: Meta,
    /// The full name of the service.
    pub host: String,
    /// The subsets.
    pub subsets: Vec<Subset>,
}

/// A subset of the workloads of a service.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct Subset {
    /// The name that routes and mirrors use.
    pub name: String,
    /// The labels of its workloads.
    pub labels: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DestinationRuleSpec {
    host: String,
    subsets: Vec<Subset>,
}

impl DestinationRule {
    pub(crate) fn new(meta: Meta, spec: DestinationRuleSpec) -> Self {
        Self {
            host: qualified(&spec.host, &meta.namespace),
            meta,
            subsets: spec.subsets,
        }
    }

    /// Whether it has a subset of this name.
    #[must_use]
    pub fn has_subset(&self, name: &str) -> bool {
        self.subsets.iter().any(|subset| subset.name == name)
    }
}
