//! What a real istiod sent to a proxy: the files of `lab/recorded/`.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::bootstrap;
use crate::tools;

/// The type of the network filter with the HTTP filters and the routes.
const MANAGER: &str = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

/// Istio's own Envoy filters. Upstream Envoy does not have them.
pub const ISTIO_FILTERS: [&str; 4] = [
    "istio.metadata_exchange",
    "istio.alpn",
    "istio.stats",
    "waypoint_upstream_peer_metadata",
];

/// The configuration of one proxy, as istiod sent it.
#[derive(Clone, Debug)]
pub struct Recording(Value);

impl Recording {
    /// The recording in `lab/recorded/NAME.json`.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn read(name: &str) -> anyhow::Result<Self> {
        file(&format!("{name}.json")).map(Self)
    }

    /// The names of all its clusters.
    ///
    /// # Errors
    ///
    /// If the recording has none.
    pub fn cluster_names(&self) -> anyhow::Result<Vec<String>> {
        let names = self.list("cluster_names")?.iter();
        Ok(names.filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// The settings of its clusters, without endpoints and TLS. Only complete recordings have them.
    ///
    /// # Errors
    ///
    /// If the recording has none.
    pub fn clusters(&self) -> anyhow::Result<&[Value]> {
        self.list("clusters")
    }

    /// The HTTP connection manager of the listener or filter chain `name`. It contains the routes.
    ///
    /// # Errors
    ///
    /// If there is no such chain, or its routes are missing.
    pub fn manager(&self, name: &str) -> anyhow::Result<Value> {
        for listener in self.list("listeners")? {
            for chain in list(listener, "filter_chains")? {
                let names = [text(chain, "name"), text(listener, "name")];
                if names.contains(&Some(name)) {
                    let mut manager = list(chain, "filters")?
                        .iter()
                        .filter_map(|filter| filter.get("typed_config"))
                        .find(|config| text(config, "@type") == Some(MANAGER))
                        .with_context(|| format!("{name} has no HTTP connection manager"))?
                        .clone();
                    self.write_routes(&mut manager)?;
                    return Ok(manager);
                }
            }
        }
        bail!("the recording has no listener and no filter chain {name}")
    }

    /// Replaces the discovery of the routes by the routes.
    fn write_routes(&self, manager: &mut Value) -> anyhow::Result<()> {
        let Some(rds) = manager.as_object_mut().and_then(|it| it.remove("rds")) else {
            return Ok(());
        };
        let name = text(&rds, "route_config_name").context("route_config_name")?;
        let mut tables = self.list("routes")?.iter();
        let table = tables.find(|table| text(table, "name") == Some(name));
        let table = table.with_context(|| format!("the recording has no routes {name}"))?;
        bootstrap::merge(manager, &json!({"route_config": table}));
        Ok(())
    }

    /// The configuration of the filter that is discovered by `name`.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn extension(&self, name: &str) -> anyhow::Result<&Value> {
        let mut all = self.list("extensions")?.iter();
        let found = all.find(|extension| text(extension, "name") == Some(name));
        found
            .and_then(|extension| extension.get("typed_config"))
            .with_context(|| format!("the recording has no extension {name}"))
    }

    /// A configuration for [`Written`](crate::envoy::Written) with the listener or filter chain `name` and the clusters
    /// of a complete recording. Changed, and nothing else:
    ///
    /// - [`ISTIO_FILTERS`] are absent.
    /// - Routes and plugins are written in place, and plugins run `module`, with the configuration that `configuration`
    ///   returns for the recorded one.
    /// - The variables `ISTIO_META_*` are absent, as pilot-agent removes them.
    /// - The listener is at a free port of 127.0.0.1.
    /// - A cluster has the endpoint that `endpoints` has for its name. Clusters whose settings were not recorded have only
    ///   that.
    /// - The bootstrap has [`stats_config`] and the namespace of the node, as Istio's has.
    ///
    /// # Errors
    ///
    /// If the recording is not complete.
    pub fn envoy(
        &self,
        name: &str,
        namespace: &str,
        module: &Path,
        endpoints: &BTreeMap<String, SocketAddr>,
        configuration: impl Fn(&str) -> String,
    ) -> anyhow::Result<Value> {
        let mut manager = self.manager(name)?;
        let filters = manager.get_mut("http_filters").map(Value::take);
        let mut kept = Vec::new();
        for filter in filters.iter().flat_map(|all| all.as_array()).flatten() {
            let name = text(filter, "name").context("a filter without a name")?;
            if ISTIO_FILTERS.contains(&name) {
                continue;
            }
            let mut filter = filter.clone();
            if filter.get("config_discovery").is_some() {
                let typed = runnable(self.extension(name)?, module, &configuration)?;
                filter = json!({"name": name, "typed_config": typed});
            }
            kept.push(filter);
        }
        bootstrap::merge(&mut manager, &json!({"http_filters": kept}));
        let mut clusters = BTreeMap::new();
        for name in endpoints.keys() {
            clusters.insert(name.as_str(), json!({"name": name}));
        }
        for cluster in self.clusters()? {
            let name = text(cluster, "name").context("a cluster without a name")?;
            clusters.insert(name, cluster.clone());
        }
        for (name, cluster) in &mut clusters {
            let endpoints = endpoints.get(*name).into_iter().map(bootstrap::endpoint);
            let assigned = json!({
                "cluster_name": name, "endpoints": [{"lb_endpoints": endpoints.collect::<Vec<_>>()}],
            });
            let changed = json!({"type": "STATIC", "load_assignment": assigned});
            bootstrap::merge(cluster, &changed);
        }
        let local = bootstrap::socket("127.0.0.1", 0);
        Ok(json!({
            "node": {"id": "recorded", "cluster": "recorded", "metadata": {"NAMESPACE": namespace}},
            "admin": {"address": local},
            "stats_flush_interval": "0.2s",
            "stats_config": stats_config()?,
            "static_resources": {
                "listeners": [{
                    "name": bootstrap::LISTENER,
                    "address": local,
                    "enable_reuse_port": false,
                    "filter_chains": [{"filters": [{"name": "manager", "typed_config": manager}]}],
                }],
                "clusters": clusters.into_values().collect::<Vec<_>>(),
            },
        }))
    }

    fn list(&self, name: &str) -> anyhow::Result<&[Value]> {
        list(&self.0, name)
    }
}

/// The labels of metrics, and the metrics that Envoy has at all, as pilot-agent wrote them into the bootstrap of a sidecar
/// with the labels of Halftone.
///
/// # Errors
///
/// If the file cannot be read.
pub fn stats_config() -> anyhow::Result<Value> {
    file("bootstrap.stats.json")
}

/// The filter that pilot-agent puts in place of a plugin whose module it cannot fetch.
///
/// # Errors
///
/// If nothing was recorded for this `failStrategy`.
pub fn fetch_failed(fail_strategy: &str) -> anyhow::Result<Value> {
    let mut dump = file(&format!("fetch-failed.{fail_strategy}.json"))?;
    let filter = dump.pointer_mut("/0/typed_config").map(Value::take);
    filter.context("the recording has no filter")
}

fn file(name: &str) -> anyhow::Result<Value> {
    let path = tools::workspace().join("lab/recorded").join(name);
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("parsing {}", path.display()))
}

/// A recorded plugin that runs `module`.
fn runnable(
    extension: &Value,
    module: &Path,
    configuration: impl Fn(&str) -> String,
) -> anyhow::Result<Value> {
    let mut typed = extension.clone();
    let value = typed.pointer_mut("/config/configuration/value");
    let value = value.context("a plugin without a configuration")?;
    *value = configuration(value.as_str().unwrap_or_default()).into();
    let vm = typed.pointer_mut("/config/vm_config");
    let vm = vm.and_then(Value::as_object_mut).context("vm_config")?;
    vm.insert("code".into(), json!({"local": {"filename": module}}));
    if let Some(variables) = vm
        .get_mut("environment_variables")
        .and_then(|all| all.get_mut("key_values"))
        .and_then(Value::as_object_mut)
    {
        variables.retain(|name, _| !name.starts_with("ISTIO_META_"));
    }
    Ok(typed)
}

fn list<'v>(value: &'v Value, name: &str) -> anyhow::Result<&'v [Value]> {
    let list = value.get(name).and_then(Value::as_array);
    list.map(Vec::as_slice)
        .with_context(|| format!("the recording has no {name}"))
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}
