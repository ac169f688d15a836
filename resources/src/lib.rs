//! The documents that contain a plugin configuration, and the resources that must fit it.
//!
//! A configuration is a document of its own, or part of a `WasmPlugin` or a `TrafficExtension`. A
//! `VirtualService` routes by Halftone's decisions, and a `DestinationRule` defines the versions. [`read`]
//! reads a file of such documents in YAML or JSON, also a `List` as `kubectl get -o yaml` prints it.
//! [`configuration()`] reads the only configuration of a file. [`action`] changes the text of a file. [`service`] knows
//! the names of services. [`discovery`] writes the file from which an Envoy without a mesh reads its configuration.
//!
//! Only the fields that matter to Halftone are read. The API server validates the resources.
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

pub mod action;
mod configuration;
mod destination_rule;
pub mod discovery;
mod document;
pub mod file;
mod meta;
mod plugin;
mod position;
mod resource;
pub mod service;
pub mod spelling;
mod virtual_service;
pub mod yaml;

pub use configuration::{NoConfiguration, configuration};
pub use destination_rule::{DestinationRule, Subset};
pub use document::{Unreadable, documents};
pub use meta::Meta;
pub use plugin::{Mode, Plugin, PluginKind, Port, TargetRef, TrafficSelector, services_of};
pub use position::{Position, Positions};
pub use resource::{Resource, read, read_each};
pub use virtual_service::{
    HttpMatch, HttpRoute, RouteDestination, RouteTo, StringMatch, VirtualService,
};
