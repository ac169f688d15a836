//! A plugin in the mesh: Istio's `WasmPlugin`, and its successor `TrafficExtension`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::meta::Meta;
use crate::service::qualified;
use crate::spelling::Misspelt;

/// The kind of resource that defines a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PluginKind {
    /// `extensions.istio.io/v1alpha1`, `WasmPlugin`.
    WasmPlugin,
    /// `TrafficExtension` of the same group. Its module is in the field `wasm`.
    TrafficExtension,
}

/// A plugin of either kind.
#[derive(Clone, Debug)]
pub struct Plugin {
    /// The kind of resource.
    pub kind: PluginKind,
    /// The name and namespace.
    pub meta: Meta,
    /// The labels of its workloads. Empty: all workloads of the namespace.
    pub selector: BTreeMap<String, String>,
    /// The gateways, waypoints and services that it is attached to.
    pub target_refs: Vec<TargetRef>,
    /// The traffic that it sees. Empty: all, so it sees a request between two sidecars twice.
    pub traffic: Vec<TrafficSelector>,
    /// The phase of the filter chain. Absent: `UNSPECIFIED`.
    pub phase: Option<String>,
    /// The priority. Higher priorities come earlier in a phase. Absent: after all plugins with one.
    pub priority: Option<i32>,
    /// The location of the module.
    pub url: String,
    /// The digest of the module, or of its image.
    pub sha256: Option<String>,
    /// The pull policy of the image. Absent: `IfNotPresent`.
    pub image_pull_policy: Option<String>,
    /// The pull secret of the image.
    pub image_pull_secret: Option<String>,
    /// The settings of the module's virtual machine, as written.
    pub vm_config: Option<Value>,
    /// `HTTP`, or `NETWORK` for connections. Absent: `HTTP`.
    pub module_type: Option<String>,
    /// The behaviour when the plugin crashes or cannot be fetched. Absent: `FAIL_CLOSE`.
    pub fail_strategy: Option<String>,
    /// The root id.
    pub plugin_name: Option<String>,
    /// The plugin configuration.
    pub config: Option<Value>,
    /// The fields and the words of its `spec` that the cluster does not know.
    pub misspelt: Vec<Misspelt>,
}

/// The traffic of a workload that a plugin sees.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default)]
pub struct TrafficSelector {
    /// The direction. Absent: both.
    pub mode: Option<Mode>,
    /// The ports. Empty: all.
    pub ports: Vec<Port>,
}

/// The role of the workload in its traffic.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Mode {
    /// The same as absent.
    Undefined,
    /// The requests that it sends, and all traffic of a gateway.
    Client,
    /// The requests that it receives.
    Server,
    /// Both directions.
    ClientAndServer,
}

/// A port.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct Port {
    /// The number: of the service for outbound traffic, of the container for inbound traffic.
    pub number: u16,
}

/// A resource that a plugin is attached to.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct TargetRef {
    /// The API group.
    pub group: String,
    /// The kind: `Gateway`, `Service`…
    pub kind: String,
    /// The name, in the plugin's namespace.
    pub name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct WasmPluginSpec {
    selector: Selector,
    target_refs: Vec<TargetRef>,
    target_ref: Option<TargetRef>,
    r#match: Vec<TrafficSelector>,
    phase: Option<String>,
    priority: Option<i32>,
    #[serde(flatten)]
    module: Module,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct TrafficExtensionSpec {
    selector: Selector,
    target_refs: Vec<TargetRef>,
    r#match: Vec<TrafficSelector>,
    phase: Option<String>,
    priority: Option<i32>,
    wasm: Module,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Selector {
    match_labels: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Module {
    url: String,
    sha256: Option<String>,
    image_pull_policy: Option<String>,
    image_pull_secret: Option<String>,
    vm_config: Option<Value>,
    r#type: Option<String>,
    fail_strategy: Option<String>,
    plugin_name: Option<String>,
    plugin_config: Option<Value>,
}

/// The full names of the services that a plugin in `namespace` is attached to. Its waypoint passes it the requests for
/// these services, whatever their host is. Empty: it has other targets, or none.
#[must_use]
pub fn services_of(targets: &[TargetRef], namespace: &str) -> Vec<String> {
    if targets.iter().any(|target| target.kind != "Service") {
        return Vec::new();
    }
    let names = targets
        .iter()
        .map(|target| qualified(&target.name, namespace));
    names.collect()
}

impl Plugin {
    /// Whether the plugin appears to be Halftone: its configuration has releases, or the URL of the
    /// module contains `halftone`.
    #[must_use]
    pub fn is_halftone(&self) -> bool {
        let has_releases = |config: &Value| config.get("releases").is_some();
        self.config.as_ref().is_some_and(has_releases) || self.url.contains("halftone")
    }

    /// The full names of the services whose waypoint runs the plugin, as [`services_of`] finds them.
    #[must_use]
    pub fn services(&self) -> Vec<String> {
        services_of(&self.target_refs, &self.meta.namespace)
    }

    /// The path of the configuration in the resource.
    #[must_use]
    pub fn config_path(&self) -> &'static str {
        match self.kind {
            PluginKind::WasmPlugin => "spec.pluginConfig",
            PluginKind::TrafficExtension => "spec.wasm.pluginConfig",
        }
    }

    pub(crate) fn of_wasm_plugin(meta: Meta, spec: WasmPluginSpec) -> Self {
        let mut target_refs = spec.target_refs;
        target_refs.extend(spec.target_ref);
        Self::new(
            PluginKind::WasmPlugin,
            meta,
            spec.module,
            TrafficExtensionSpec {
                selector: spec.selector,
                target_refs,
                r#match: spec.r#match,
                phase: spec.phase,
                priority: spec.priority,
                wasm: Module::default(),
            },
        )
    }

    pub(crate) fn of_traffic_extension(meta: Meta, mut spec: TrafficExtensionSpec) -> Self {
        let module = std::mem::take(&mut spec.wasm);
        Self::new(PluginKind::TrafficExtension, meta, module, spec)
    }

    fn new(kind: PluginKind, meta: Meta, module: Module, spec: TrafficExtensionSpec) -> Self {
        Self {
            kind,
            meta,
            selector: spec.selector.match_labels,
            target_refs: spec.target_refs,
            traffic: spec.r#match,
            phase: spec.phase,
            priority: spec.priority,
            url: module.url,
            sha256: module.sha256,
            image_pull_policy: module.image_pull_policy,
            image_pull_secret: module.image_pull_secret,
            vm_config: module.vm_config,
            module_type: module.r#type,
            fail_strategy: module.fail_strategy,
            plugin_name: module.plugin_name,
            config: module.plugin_config,
            misspelt: Vec::new(),
        }
    }
}
