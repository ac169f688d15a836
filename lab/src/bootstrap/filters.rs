//! The HTTP filters: the native ones, the plugins and the router.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::proxy::{Delivery, Plugin, Proxy};

const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
const RBAC: &str = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC";
const ROUTER: &str = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";

pub(super) fn chain(proxy: &Proxy, module: &Path, subscriptions: &Path) -> Vec<Value> {
    let mut plugins = proxy.plugins.iter().map(|plugin| match proxy.delivery {
        Delivery::Static => json!({"name": plugin.resource, "typed_config": wasm(plugin, module)}),
        Delivery::Ecds => discovered(plugin, subscriptions),
    });
    let mut chain = Vec::new();
    for before in 0..=proxy.plugins.len() {
        let natives = proxy.filters.iter().filter(|(after, _)| *after == before);
        chain.extend(natives.map(|(_, filter)| filter.clone()));
        chain.extend(plugins.next());
    }
    chain.push(json!({"name": "envoy.filters.http.router", "typed_config": {"@type": ROUTER}}));
    chain
}

/// The file of the configuration of the plugin called `name`.
/// Each has its own directory, because Envoy reads the file again each time a file is moved into the directory.
#[must_use]
pub fn subscription(directory: &Path, name: &str) -> PathBuf {
    directory.join(name).join("extension.json")
}

/// The contents of that file, with the plugin's configuration.
#[must_use]
pub fn extension(plugin: &Plugin, module: &Path) -> Value {
    resource(plugin, wasm(plugin, module))
}

/// The contents of that file, with this filter in place of the plugin.
pub(crate) fn resource(plugin: &Plugin, filter: Value) -> Value {
    json!({"resources": [{
        "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
        "name": plugin.resource,
        "typed_config": filter,
    }]})
}

/// A filter that gets its configuration by ECDS, with Istio's settings.
fn discovered(plugin: &Plugin, subscriptions: &Path) -> Value {
    let file = subscription(subscriptions, &plugin.name);
    json!({
        "name": plugin.resource,
        "config_discovery": {
            "config_source": {
                "resource_api_version": "V3",
                "initial_fetch_timeout": "0s",
                "path_config_source": watched(&file),
            },
            "type_urls": [WASM, RBAC],
        },
    })
}

/// A file that Envoy reads again each time a file is moved into its directory.
pub(super) fn watched(file: &Path) -> Value {
    json!({"path": file, "watched_directory": {"path": file.parent()}})
}

fn wasm(plugin: &Plugin, module: &Path) -> Value {
    let mut config = json!({
        "name": plugin.name,
        "root_id": plugin.root_id,
        "failure_policy": plugin.failure_policy.name(),
        "vm_config": {
            "vm_id": "",
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": module}},
            "environment_variables": {"key_values": plugin.environment},
        },
    });
    if !plugin.host_environment.is_empty()
        && let Some(variables) = config.pointer_mut("/vm_config/environment_variables")
    {
        variables["host_env_keys"] = json!(plugin.host_environment);
    }
    if let (Some(text), Some(fields)) = (&plugin.config, config.as_object_mut()) {
        let value =
            json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": text});
        fields.insert("configuration".to_owned(), value);
    }
    json!({"@type": WASM, "config": config})
}
