//! The kinds of plugins.

use kube::core::{ApiResource, DynamicObject};
use kube::{Api, Client};

/// The API group of both kinds.
pub const GROUP: &str = "extensions.istio.io";

/// A kind of plugins.
#[derive(Debug)]
pub struct Kind {
    /// Its name: `WasmPlugin`.
    pub name: &'static str,
    /// Its name in paths: `wasmplugins`.
    pub plural: &'static str,
}

/// All kinds of plugins.
pub static KINDS: [Kind; 2] = [
    Kind {
        name: "WasmPlugin",
        plural: "wasmplugins",
    },
    Kind {
        name: "TrafficExtension",
        plural: "trafficextensions",
    },
];

impl Kind {
    /// The kind with this name in paths.
    #[must_use]
    pub fn of(plural: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.plural == plural)
    }

    /// The resource for requests.
    #[must_use]
    pub fn resource(&self) -> ApiResource {
        ApiResource {
            group: GROUP.into(),
            version: "v1alpha1".into(),
            api_version: format!("{GROUP}/v1alpha1"),
            kind: self.name.into(),
            plural: self.plural.into(),
        }
    }

    /// The API of this kind in `namespace`. None: in all namespaces.
    #[must_use]
    pub fn api(&self, client: Client, namespace: Option<&str>) -> Api<DynamicObject> {
        let resource = self.resource();
        match namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, &resource),
            None => Api::all_with(client, &resource),
        }
    }
}
