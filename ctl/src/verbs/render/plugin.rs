//! The plugin to render. Each value comes from the flags, or else from the file, or else from a default.

use std::collections::BTreeMap;

use halftone_resources::{Mode, Plugin, TargetRef, TrafficSelector, services_of};
use serde_json::Value;

use super::flags::GATEWAY_API;
use super::yaml::{Object, Ordered};
use super::{Args, Kind};
use crate::source::Configuration;

/// The default URL of the module.
const IMAGE: &str = concat!(
    "oci://registry.example.com/halftone:",
    env!("CARGO_PKG_VERSION")
);

/// The default fail strategy: traffic passes if the registry is down or the module crashes.
const FAIL_STRATEGY: &str = "FAIL_OPEN";

/// The default of Istio.
const ISTIO_FAIL_STRATEGY: &str = "FAIL_CLOSE";

/// The plugin to render.
pub struct Rendered<'c> {
    /// The name.
    pub name: String,
    /// The namespace of all resources.
    pub namespace: String,
    /// The workloads or targets.
    attachment: Attachment,
    /// The traffic that it sees. Empty: all.
    traffic: Vec<TrafficSelector>,
    /// The URL of the module.
    pub url: &'c str,
    /// Whether the URL is the default.
    pub is_placeholder: bool,
    /// The digest of the module, or of its image.
    pub sha256: Option<&'c str>,
    /// The behaviour when the module crashes or cannot be fetched.
    pub fail_strategy: &'c str,
    /// The configuration.
    pub config: Option<&'c Value>,
    /// The plugin in the file, if there is one.
    pub written: Option<&'c Plugin>,
    /// The files of its releases, if they are merged from several.
    pub owners: Option<&'c Owners>,
}

/// The files from which a configuration is merged.
#[derive(Debug, Default)]
pub struct Owners {
    /// The name and the file of each release, in the order of the configuration.
    pub releases: Vec<(String, String)>,
    /// The file of each setting, by the name of the setting.
    pub settings: BTreeMap<String, String>,
}

/// The workloads or targets of a plugin.
enum Attachment {
    /// Every workload of the namespace.
    Namespace,
    /// The workloads with these labels.
    Workloads(Vec<(String, String)>),
    /// Gateways, waypoints and services.
    Targets(Vec<TargetRef>),
}

impl<'c> Rendered<'c> {
    /// The plugin of the flags and the file.
    pub fn new(configuration: &'c Configuration, args: &'c Args) -> Self {
        let written = configuration.plugin.as_ref();
        let named = written.map(|plugin| &*plugin.meta.name);
        let only = match configuration.releases.all() {
            [release] => &*release.name,
            _ => "halftone",
        };
        let name = named.filter(|name| !name.is_empty()).unwrap_or(only);
        let namespace = written.map_or("default", |plugin| &plugin.meta.namespace);
        let url = args.url.as_deref();
        let kept = written.filter(|plugin| url.is_none() && !plugin.url.is_empty());
        let (attachment, traffic) = attachment(written, args);
        Self {
            name: args.name.as_deref().unwrap_or(name).into(),
            namespace: args.namespace.as_deref().unwrap_or(namespace).into(),
            attachment,
            traffic,
            url: url.or(kept.map(|plugin| &*plugin.url)).unwrap_or(IMAGE),
            is_placeholder: url.is_none() && kept.is_none(),
            // The digest in the file belongs to the module in the file.
            sha256: args
                .sha256
                .as_deref()
                .or(kept.and_then(|plugin| plugin.sha256.as_deref())),
            fail_strategy: written.map_or(FAIL_STRATEGY, |plugin| {
                plugin
                    .fail_strategy
                    .as_deref()
                    .unwrap_or(ISTIO_FAIL_STRATEGY)
            }),
            config: Some(&configuration.value).filter(|value| !value.is_null()),
            written,
            owners: None,
        }
    }

    /// Adds the selector or the targets, in Istio's form.
    pub fn attached(&self, object: Object, kind: Kind, selector: &str, labels: &str) -> Object {
        if let Attachment::Workloads(found) = &self.attachment {
            let found = found.iter();
            let found = found.fold(Object::new(), |object, (key, value)| {
                object.field(key, value)
            });
            return object.object(selector, Object::new().object(labels, found));
        }
        let targets = self.possible(kind);
        if !targets.is_empty() {
            return object.list("targetRefs", targets.into_iter().map(target));
        }
        object.comment(
            "Choose: this applies to every workload of the namespace, or of the mesh in Istio's root namespace. Select \
             workloads with --selector key=value, or a gateway, a waypoint or a service with --target-ref Kind/name.",
        )
    }

    /// Adds the targets that `kind` can have. If there are none, adds a placeholder with the comment
    /// `choose`.
    pub fn targets(&self, object: Object, field: &str, kind: Kind, choose: &str) -> Object {
        let targets = self.possible(kind);
        if !targets.is_empty() {
            return object.list(field, targets.into_iter().map(target));
        }
        let gateway = TargetRef {
            group: GATEWAY_API.into(),
            kind: "Gateway".into(),
            name: "gateway".into(),
        };
        object.comment(choose).list(field, [target(&gateway)])
    }

    /// The targets that `kind` can have.
    pub fn possible(&self, kind: Kind) -> Vec<&TargetRef> {
        match &self.attachment {
            Attachment::Targets(targets) => {
                let is_possible = |target: &&TargetRef| kind.targets().contains(&&*target.kind);
                targets.iter().filter(is_possible).collect()
            }
            Attachment::Namespace | Attachment::Workloads(_) => Vec::new(),
        }
    }

    /// The full names of the services whose waypoint runs the plugin. Empty: it runs elsewhere, or for all services of
    /// a waypoint.
    pub fn services(&self) -> Vec<String> {
        match &self.attachment {
            Attachment::Targets(targets) => services_of(targets, &self.namespace),
            Attachment::Namespace | Attachment::Workloads(_) => Vec::new(),
        }
    }

    /// Adds the fields of a WasmPlugin or TrafficExtension that are not the module's. `unspecified` is the
    /// kind's name for no phase.
    pub fn placed(&self, object: Object, unspecified: &str) -> Object {
        let object = if self.traffic.is_empty() {
            object
        } else {
            let object = if self.written.is_some() {
                object
            } else {
                object.comment(
                    "Run only where a request leaves for the service, not again where it arrives.",
                )
            };
            object.list("match", self.traffic.iter().map(traffic))
        };
        let phase = self.written.and_then(|plugin| plugin.phase.as_deref());
        let phase = phase.map(|phase| {
            if phase.starts_with("UNSPECIFIED") {
                unspecified
            } else {
                phase
            }
        });
        object
            .optional("phase", phase)
            .optional("priority", self.written.and_then(|plugin| plugin.priority))
    }

    /// Adds the fields of the module.
    pub fn module(&self, object: Object) -> Object {
        let object = if self.is_placeholder {
            object.comment("Choose: the URL of your Halftone image. Add sha256 to pin it.")
        } else {
            object
        };
        let written = |field: fn(&Plugin) -> Option<&str>| self.written.and_then(field);
        let object = object
            .field("url", self.url)
            .optional("sha256", self.sha256)
            .optional(
                "imagePullPolicy",
                written(|plugin| plugin.image_pull_policy.as_deref()),
            )
            .optional(
                "imagePullSecret",
                written(|plugin| plugin.image_pull_secret.as_deref()),
            );
        let object = if self.written.is_some() {
            object
        } else {
            object.comment("Traffic passes without a decision if the module cannot be fetched. FAIL_CLOSE would answer 403.")
        };
        object
            .field("failStrategy", self.fail_strategy)
            .optional(
                "pluginName",
                written(|plugin| plugin.plugin_name.as_deref()),
            )
            .optional(
                "vmConfig",
                self.written.and_then(|plugin| plugin.vm_config.as_ref()),
            )
            .with(|object| match (self.config, self.owners) {
                (Some(config), Some(owners)) => {
                    object.object("pluginConfig", owned(config, owners))
                }
                (config, _) => object.optional("pluginConfig", config.map(Ordered)),
            })
    }
}

/// A configuration with the file of each release and setting as a comment.
fn owned(config: &Value, owners: &Owners) -> Object {
    let releases = config.get("releases").and_then(Value::as_array);
    let releases = releases.into_iter().flatten().zip(&owners.releases);
    let releases = releases
        .map(|(release, (_, file))| Object::new().comment(&format!("From {file}")).all(release));
    let object = Object::new().list("releases", releases);
    owners.settings.iter().fold(object, |object, (name, file)| {
        object
            .comment(&format!("From {file}"))
            .optional(name, config.get(name).map(Ordered))
    })
}

fn attachment(written: Option<&Plugin>, args: &Args) -> (Attachment, Vec<TrafficSelector>) {
    let client = || {
        vec![TrafficSelector {
            mode: Some(Mode::Client),
            ports: Vec::new(),
        }]
    };
    if !args.target_refs.is_empty() {
        // The traffic of a waypoint is not outbound, and a gateway runs the plugin once in any case.
        return (Attachment::Targets(args.target_refs.clone()), Vec::new());
    }
    if !args.selectors.is_empty() {
        let labels = args.selectors.iter();
        let labels = labels.map(|label| (label.key.clone(), label.value.clone()));
        let kept = written.filter(|plugin| plugin.target_refs.is_empty());
        return (
            Attachment::Workloads(labels.collect()),
            kept.map_or_else(client, |plugin| plugin.traffic.clone()),
        );
    }
    let Some(plugin) = written else {
        return (Attachment::Namespace, client());
    };
    let attachment = if !plugin.target_refs.is_empty() {
        Attachment::Targets(plugin.target_refs.clone())
    } else if plugin.selector.is_empty() {
        Attachment::Namespace
    } else {
        Attachment::Workloads(plugin.selector.clone().into_iter().collect())
    };
    (attachment, plugin.traffic.clone())
}

/// A reference to a target.
fn target(target: &TargetRef) -> Object {
    Object::new()
        .field("group", &target.group)
        .field("kind", &target.kind)
        .field("name", &target.name)
}

fn traffic(traffic: &TrafficSelector) -> Object {
    let mode = traffic.mode.map(|mode| match mode {
        Mode::Undefined => "UNDEFINED",
        Mode::Client => "CLIENT",
        Mode::Server => "SERVER",
        Mode::ClientAndServer => "CLIENT_AND_SERVER",
    });
    let ports: Vec<Object> = traffic
        .ports
        .iter()
        .map(|port| Object::new().field("number", port.number))
        .collect();
    let object = Object::new().optional("mode", mode);
    if ports.is_empty() {
        object
    } else {
        object.list("ports", ports)
    }
}
