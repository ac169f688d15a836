//! The plugin that is rendered: what the flags say of it, else what the file says, else a default.

use halftone_resources::{Mode, Plugin, TargetRef, TrafficSelector};
use serde_json::Value;

use super::flags::GATEWAY_API;
use super::yaml::{Object, Ordered};
use super::{Args, Kind};
use crate::source::Configuration;

/// The module where nobody has said which.
const IMAGE: &str = concat!(
    "oci://registry.example.com/halftone:",
    env!("CARGO_PKG_VERSION")
);

/// Where nobody has said otherwise: a registry that is down, or a crash, stops no traffic.
const FAIL_STRATEGY: &str = "FAIL_OPEN";

/// Istio's own default.
const ISTIO_FAIL_STRATEGY: &str = "FAIL_CLOSE";

/// A plugin, as it is rendered.
pub struct Rendered<'c> {
    /// Its name.
    pub name: String,
    /// The namespace of all that is rendered.
    pub namespace: String,
    /// What it is for.
    attachment: Attachment,
    /// Which traffic of it. Empty: all.
    traffic: Vec<TrafficSelector>,
    /// The module.
    pub url: &'c str,
    /// Whether nobody has said which.
    pub is_placeholder: bool,
    /// The digest of the module, or of its image.
    pub sha256: Option<&'c str>,
    /// What to do when it crashes or cannot be fetched.
    pub fail_strategy: &'c str,
    /// The configuration.
    pub config: Option<&'c Value>,
    /// The plugin of the file, for what no flag says.
    pub written: Option<&'c Plugin>,
}

/// What a plugin is for.
enum Attachment {
    /// Every workload of the namespace.
    Namespace,
    /// Workloads with these labels.
    Workloads(Vec<(String, String)>),
    /// Gateways, waypoints, services.
    Targets(Vec<TargetRef>),
}

impl<'c> Rendered<'c> {
    /// Puts it together.
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
            // A digest is of one module, and goes with it.
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
        }
    }

    /// What it is for, as Istio writes it.
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
            "Choose: this is for every workload of the namespace, and of the mesh if the namespace is Istio's own. \
             --selector key=value chooses workloads, --target-ref Kind/name a gateway, a waypoint or a service.",
        )
    }

    /// Those of what it is for that `kind` can be attached to, or where there are none, a stand-in
    /// with `choose` above it.
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

    /// Those of what it is for that `kind` can be attached to.
    pub fn possible(&self, kind: Kind) -> Vec<&TargetRef> {
        match &self.attachment {
            Attachment::Targets(targets) => {
                let is_possible = |target: &&TargetRef| kind.targets().contains(&&*target.kind);
                targets.iter().filter(is_possible).collect()
            }
            Attachment::Namespace | Attachment::Workloads(_) => Vec::new(),
        }
    }

    /// The fields of a WasmPlugin or TrafficExtension beside those of the module.
    /// `unspecified` is what the kind calls the phase that is none.
    pub fn placed(&self, object: Object, unspecified: &str) -> Object {
        let object = if self.traffic.is_empty() {
            object
        } else {
            let object = if self.written.is_some() {
                object
            } else {
                object.comment(
                    "Where a request leaves for the service. At the other end it would run again.",
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

    /// The fields of the module, which a TrafficExtension has in a place of their own.
    pub fn module(&self, object: Object) -> Object {
        let object = if self.is_placeholder {
            object.comment(
                "Choose: where your image of Halftone is. With sha256 it cannot be another.",
            )
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
            object.comment("Traffic passes undecided where the module cannot be had; FAIL_CLOSE would answer 403.")
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
            .optional("pluginConfig", self.config.map(Ordered))
    }
}

fn attachment(written: Option<&Plugin>, args: &Args) -> (Attachment, Vec<TrafficSelector>) {
    let client = || {
        vec![TrafficSelector {
            mode: Some(Mode::Client),
            ports: Vec::new(),
        }]
    };
    if !args.target_refs.is_empty() {
        // A waypoint's traffic is no client's, and a gateway runs the plugin once all the same.
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

/// A reference to what something is attached to.
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
