//! The plugins of a cluster, by the Kubernetes API and with the rights of the user's kubeconfig.

use std::path::Path;
use std::time::Duration;

use halftone_resources::Resource;
use kube::api::{DynamicObject, ListParams, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::ApiResource;
use kube::{Api, Client, Config, Error};
use serde_json::{Map, Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::outcome::Failure;

/// How long the API server may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The name that the cluster records for the fields that change.
const FIELD_MANAGER: &str = "halftonectl";

/// The kinds of plugins, with their names in paths.
const KINDS: [(&str, &str); 2] = [
    ("WasmPlugin", "wasmplugins"),
    ("TrafficExtension", "trafficextensions"),
];

/// The name of VirtualServices in paths.
const ROUTES: &str = "virtualservices";

/// The tools that revert what differs from Git, and a label or annotation by which they mark a resource.
const REVERTERS: [(&str, &str); 4] = [
    ("Argo CD", "argocd.argoproj.io/instance"),
    ("Argo CD", "argocd.argoproj.io/tracking-id"),
    ("Flux", "kustomize.toolkit.fluxcd.io/name"),
    ("Flux", "helm.toolkit.fluxcd.io/name"),
];

/// The namespace and the name of a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginName {
    namespace: String,
    name: String,
}

impl PluginName {
    /// Reads `NAMESPACE/NAME`.
    ///
    /// # Errors
    ///
    /// It has another form.
    pub fn read(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            Some((namespace, name))
                if !(namespace.is_empty() || name.is_empty() || name.contains('/')) =>
            {
                Ok(Self {
                    namespace: namespace.into(),
                    name: name.into(),
                })
            }
            _ => Err("write NAMESPACE/NAME, such as bookinfo/reviews".into()),
        }
    }
}

/// A cluster.
pub struct Cluster {
    runtime: Runtime,
    client: Client,
}

/// A plugin as it was read from a cluster.
pub struct ClusterPlugin {
    /// The kind, the namespace and the name.
    pub name: String,
    /// The plugin configuration. Empty: the plugin has none.
    pub config: Value,
    /// The tool that reverts what differs from Git, if the plugin bears its mark.
    pub reverted_by: Option<&'static str>,
    api: Api<DynamicObject>,
    plural: &'static str,
    object: String,
    version: Option<String>,
    /// The path of the configuration in the plugin: `spec.pluginConfig`.
    path: &'static str,
}

impl Cluster {
    /// The cluster of a `context` of a `kubeconfig`. No `kubeconfig`: the file that `KUBECONFIG` names, or the user's
    /// own, or the cluster in whose pod this runs. No `context`: the current one.
    ///
    /// # Errors
    ///
    /// There is no kubeconfig, or it cannot be used.
    pub fn new(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::Cluster(format!("cannot be reached: {error}")))?;
        let client = runtime.block_on(client(kubeconfig, context))?;
        Ok(Self { runtime, client })
    }

    /// Reads a plugin: a WasmPlugin, or a TrafficExtension with a wasm module.
    ///
    /// # Errors
    ///
    /// There is none of this name, or the cluster does not answer or refuses.
    pub fn read(&self, plugin: &PluginName) -> Result<ClusterPlugin, Failure> {
        let PluginName { namespace, name } = plugin;
        for (kind, plural) in KINDS {
            let resource = ApiResource {
                group: "extensions.istio.io".into(),
                version: "v1alpha1".into(),
                api_version: "extensions.istio.io/v1alpha1".into(),
                kind: kind.into(),
                plural: plural.into(),
            };
            let api: Api<DynamicObject> =
                Api::namespaced_with(self.client.clone(), namespace, &resource);
            let shown = format!("{kind} {namespace}/{name}");
            let found = self.runtime.block_on(api.get_opt(name));
            let found = found.map_err(|error| failure(&shown, "read", plural, error))?;
            if let Some(object) = found {
                return ClusterPlugin::new(shown, api, plural, &object);
            }
        }
        Err(Failure::Refused(vec![crate::Finding {
            file: format!("{namespace}/{name}"),
            resource: None,
            path: String::new(),
            message: "the cluster has no WasmPlugin and no TrafficExtension of this name".into(),
        }]))
    }

    /// Gives `plugin` the releases of the configuration `after`.
    ///
    /// # Errors
    ///
    /// The plugin has changed since it was read, or the cluster does not answer or refuses.
    pub fn write(&self, plugin: &ClusterPlugin, after: &Value) -> Result<(), Failure> {
        let releases = after.get("releases").cloned().unwrap_or_default();
        let mut patch = json!({ "releases": releases });
        for field in plugin.path.rsplit('.') {
            patch = Value::Object(Map::from_iter([(field.to_owned(), patch)]));
        }
        if let Some(fields) = patch.as_object_mut() {
            let metadata = json!({ "resourceVersion": plugin.version });
            fields.insert("metadata".into(), metadata);
        }
        let patch = Patch::Merge(patch);
        let params = params();
        let patched = plugin.api.patch(&plugin.object, &params, &patch);
        let patched = self.runtime.block_on(patched);
        patched.map_err(|error| failure(&plugin.name, "patch", plugin.plural, error))?;
        Ok(())
    }
}

/// A VirtualService as it was read from a cluster.
pub struct ClusterRoutes {
    /// The kind, the namespace and the name.
    pub name: String,
    /// The text: its kind, its name and its `spec`.
    pub text: String,
    api: Api<DynamicObject>,
    object: String,
    version: Option<String>,
}

impl Cluster {
    /// The VirtualServices in the namespace of `plugin`. None: the cluster has no such kind.
    ///
    /// # Errors
    ///
    /// The cluster does not answer or refuses.
    pub fn virtual_services(
        &self,
        plugin: &PluginName,
    ) -> Result<Option<Vec<ClusterRoutes>>, Failure> {
        let PluginName { namespace, .. } = plugin;
        let kind = ApiResource {
            group: "networking.istio.io".into(),
            version: "v1".into(),
            api_version: "networking.istio.io/v1".into(),
            kind: "VirtualService".into(),
            plural: ROUTES.into(),
        };
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), namespace, &kind);
        let found = match self.runtime.block_on(api.list(&ListParams::default())) {
            Err(Error::Api(status)) if status.code == 404 => return Ok(None),
            found => found.map_err(|error| {
                failure(
                    &format!("VirtualServices of {namespace}"),
                    "list",
                    ROUTES,
                    error,
                )
            })?,
        };
        let read = found.items.into_iter().map(|object| {
            let name = object.metadata.name.unwrap_or_default();
            let shown = format!("VirtualService {namespace}/{name}");
            let text = json!({
                "apiVersion": kind.api_version, "kind": kind.kind,
                "metadata": { "name": name, "namespace": namespace },
                "spec": object.data.get("spec"),
            });
            let text = serde_saphyr::to_string(&text)
                .map_err(|error| Failure::refused(&shown, error.to_string()))?;
            Ok(ClusterRoutes {
                name: shown,
                text,
                api: api.clone(),
                object: name,
                version: object.metadata.resource_version,
            })
        });
        read.collect::<Result<Vec<_>, Failure>>().map(Some)
    }

    /// Gives a VirtualService the routes that `text` has, which is its changed text.
    ///
    /// # Errors
    ///
    /// It has changed since it was read, or the cluster does not answer or refuses.
    pub fn write_routes(&self, routes: &ClusterRoutes, text: &str) -> Result<(), Failure> {
        let after: Value = serde_saphyr::from_str(text)
            .map_err(|error| Failure::refused(&routes.name, error.to_string()))?;
        let patch = Patch::Merge(json!({
            "metadata": { "resourceVersion": routes.version },
            "spec": { "http": after.pointer("/spec/http") },
        }));
        let params = params();
        let patched = routes.api.patch(&routes.object, &params, &patch);
        let patched = self.runtime.block_on(patched);
        patched.map_err(|error| failure(&routes.name, "patch", ROUTES, error))?;
        Ok(())
    }
}

fn params() -> PatchParams {
    PatchParams {
        field_manager: Some(FIELD_MANAGER.into()),
        ..PatchParams::default()
    }
}

impl ClusterPlugin {
    fn new(
        name: String,
        api: Api<DynamicObject>,
        plural: &'static str,
        object: &DynamicObject,
    ) -> Result<Self, Failure> {
        let unreadable = |message: String| Failure::refused(&name, message);
        let text = serde_json::to_string(object).map_err(|error| unreadable(error.to_string()))?;
        let resources =
            halftone_resources::read(&text).map_err(|error| unreadable(error.to_string()))?;
        let Some(plugin) = resources.first().and_then(Resource::plugin) else {
            return Err(unreadable(
                "has no wasm module, so it is no plugin of Halftone".into(),
            ));
        };
        let metadata = &object.metadata;
        let marks = [&metadata.labels, &metadata.annotations];
        let bears = |mark: &str| {
            marks
                .iter()
                .any(|all| all.as_ref().is_some_and(|all| all.contains_key(mark)))
        };
        Ok(Self {
            config: plugin.config.clone().unwrap_or_else(|| Map::new().into()),
            reverted_by: REVERTERS
                .iter()
                .find(|(_, mark)| bears(mark))
                .map(|(tool, _)| *tool),
            object: plugin.meta.name.clone(),
            version: metadata.resource_version.clone(),
            path: plugin.config_path(),
            name,
            api,
            plural,
        })
    }
}

async fn client(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<Client, Failure> {
    let config = config(kubeconfig, context).await?;
    Client::try_from(config).map_err(|error| unusable(&error))
}

fn unusable(error: &dyn std::fmt::Display) -> Failure {
    Failure::Cluster(format!(
        "no cluster can be used: {error}; name a kubeconfig with --kubeconfig and a context with --context"
    ))
}

/// The way to the cluster of a `context` of a `kubeconfig`, as [`Cluster::new`] finds it.
pub(crate) async fn config(
    kubeconfig: Option<&Path>,
    context: Option<&str>,
) -> Result<Config, Failure> {
    let options = KubeConfigOptions {
        context: context.map(Into::into),
        ..KubeConfigOptions::default()
    };
    let mut config = match kubeconfig {
        Some(file) => {
            let read = Kubeconfig::read_from(file).map_err(|error| unusable(&error))?;
            let config = Config::from_custom_kubeconfig(read, &options).await;
            config.map_err(|error| unusable(&error))?
        }
        None if context.is_some() => {
            let config = Config::from_kubeconfig(&options).await;
            config.map_err(|error| unusable(&error))?
        }
        None => Config::infer().await.map_err(|error| unusable(&error))?,
    };
    config.connect_timeout = Some(PATIENCE);
    config.read_timeout = Some(PATIENCE);
    Ok(config)
}

/// The rights that the actions need on a kind.
fn rights(plural: &str) -> String {
    match plural {
        ROUTES => format!("list and patch {ROUTES}.networking.istio.io"),
        _ => format!("get and patch {plural}.extensions.istio.io"),
    }
}

/// The failure of a request that reads or patches a resource.
fn failure(plugin: &str, verb: &str, plural: &str, error: Error) -> Failure {
    match error {
        Error::Api(status) if status.code == 409 => Failure::refused(
            plugin,
            "was changed by somebody else meanwhile, and nothing was overwritten; run the command again".into(),
        ),
        Error::Api(status) if [401, 403].contains(&status.code) => Failure::Cluster(format!(
            "{plugin}: the cluster does not let you {verb} it: {}; ask for the right to {}",
            status.message,
            rights(plural)
        )),
        Error::Api(status) => Failure::Cluster(format!("{plugin}: the cluster refuses: {}", status.message)),
        error => {
            let mut reason = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                reason = error.to_string();
                cause = error.source();
            }
            Failure::Cluster(format!("{plugin}: the cluster does not answer: {reason}"))
        }
    }
}
