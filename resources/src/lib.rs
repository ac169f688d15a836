//! The documents that a plugin configuration stands in, and those that must fit it.
//!
//! A configuration is written as it is, or inside a `WasmPlugin` or a `TrafficExtension`; beside it
//! stand the `VirtualService` that routes by what Halftone decides and the `DestinationRule` that
//! knows the versions. [`read`] takes a file of any of them, YAML or JSON, one or many, a `List` as
//! `kubectl get -o yaml` prints it too; [`configuration()`] takes the one configuration of a file. Of
//! Istio's resources only what matters to Halftone is read; whether they are valid is for the
//! cluster to say.
//!
//! ```
//! use halftone_resources::{Resource, read};
//!
//! let resources = read("
//! apiVersion: extensions.istio.io/v1alpha1
//! kind: WasmPlugin
//! metadata: { name: reviews, namespace: bookinfo }
//! spec:
//!   url: oci://registry.example.com/halftone:0.1.0
//!   match: [ { mode: CLIENT } ]
//!   pluginConfig: { releases: [] }
//! ---
//! releases: []
//! ").unwrap();
//!
//! let names: Vec<String> = resources.iter().map(Resource::to_string).collect();
//! assert_eq!(names, ["WasmPlugin bookinfo/reviews", "plugin configuration"]);
//! ```

mod configuration;
mod destination_rule;
mod document;
mod meta;
mod plugin;
mod resource;
mod virtual_service;
pub mod yaml;

pub use configuration::{NoConfiguration, configuration};
pub use destination_rule::{DestinationRule, Subset};
pub use document::Unreadable;
pub use meta::{Meta, qualified};
pub use plugin::{Mode, Plugin, PluginKind, Port, TargetRef, TrafficSelector};
pub use resource::{Resource, read, read_each};
pub use virtual_service::{
    HttpMatch, HttpRoute, RouteDestination, RouteTo, StringMatch, VirtualService,
};
