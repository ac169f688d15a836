//! Plugins of several files that one plugin cannot replace: their fields differ, or a host would mean something else.

use halftone_resources::Plugin;

use super::Args;
use crate::source::ROOT_NAMESPACE;
use crate::verbs::check::accepted::Accepted;
use crate::verbs::check::given::PlacedFinding;

/// A field of a plugin.
struct Field {
    /// Its path in a WasmPlugin.
    path: &'static str,
    /// Whether the field is one of the module, which a TrafficExtension has in `wasm`.
    is_of_module: bool,
    /// Whether two plugins have the same.
    is_same: fn(&Plugin, &Plugin) -> bool,
    /// The flag that sets it. Empty: none.
    flag: &'static str,
}

const FIELDS: [Field; 12] = [
    field("metadata.namespace", "--namespace", |one, other| {
        one.meta.namespace == other.meta.namespace
    }),
    field("spec.selector", "--selector", |one, other| {
        one.selector == other.selector
    }),
    field("spec.targetRefs", "--target-ref", |one, other| {
        one.target_refs == other.target_refs
    }),
    field("spec.match", "", |one, other| one.traffic == other.traffic),
    field("spec.phase", "", |one, other| one.phase == other.phase),
    field("spec.priority", "", |one, other| {
        one.priority == other.priority
    }),
    module("url", "--url", |one, other| one.url == other.url),
    module("sha256", "--sha256", |one, other| {
        one.sha256 == other.sha256
    }),
    module("imagePullPolicy", "", |one, other| {
        one.image_pull_policy == other.image_pull_policy
    }),
    module("imagePullSecret", "", |one, other| {
        one.image_pull_secret == other.image_pull_secret
    }),
    module("failStrategy", "", |one, other| {
        one.fail_strategy == other.fail_strategy
    }),
    module("vmConfig", "", |one, other| {
        one.vm_config == other.vm_config
    }),
];

const fn field(
    path: &'static str,
    flag: &'static str,
    is_same: fn(&Plugin, &Plugin) -> bool,
) -> Field {
    Field {
        path,
        is_of_module: false,
        is_same,
        flag,
    }
}

const fn module(
    path: &'static str,
    flag: &'static str,
    is_same: fn(&Plugin, &Plugin) -> bool,
) -> Field {
    Field {
        path,
        is_of_module: true,
        is_same,
        flag,
    }
}

impl Field {
    /// Whether a flag of the call sets it.
    fn is_set(&self, args: &Args) -> bool {
        match self.flag {
            "--namespace" => args.namespace.is_some(),
            "--selector" | "--target-ref" => is_placed(args),
            "--url" => args.url.is_some(),
            // A new URL has another digest.
            "--sha256" => args.sha256.is_some() || args.url.is_some(),
            _ => false,
        }
    }

    /// Its path in `plugin`.
    fn path(&self, plugin: &Plugin) -> String {
        let place = plugin.config_path();
        match place.strip_suffix("pluginConfig") {
            Some(module) if self.is_of_module => format!("{module}{}", self.path),
            _ => self.path.into(),
        }
    }
}

/// Whether the call says which workloads run the plugin.
fn is_placed(args: &Args) -> bool {
    !args.selectors.is_empty() || !args.target_refs.is_empty()
}

/// Compares each plugin with the first.
pub fn check(configurations: &[Accepted<'_>], args: &Args) -> Vec<PlacedFinding> {
    let mut findings = Vec::new();
    let mut first: Option<(&str, &Plugin)> = None;
    for configuration in configurations {
        let Some(plugin) = configuration.plugin() else {
            continue;
        };
        let placed = configuration.placed;
        let (file, known) = *first.get_or_insert((&placed.file, plugin));
        for field in FIELDS {
            if (field.is_same)(known, plugin) || field.is_set(args) {
                continue;
            }
            let or = match field.flag {
                "" => String::new(),
                flag => format!(", or give {flag}"),
            };
            let message = format!("differs from that in {file}; write the same in both{or}");
            findings.push(placed.finding(field.path(plugin), message));
        }
        findings.extend(changed_hosts(configuration, plugin, args));
    }
    findings
}

/// The findings on hosts that mean something else in the merged plugin: short names in another namespace, and `*` in
/// other workloads.
fn changed_hosts(configuration: &Accepted<'_>, plugin: &Plugin, args: &Args) -> Vec<PlacedFinding> {
    let from = &plugin.meta.namespace;
    let moves = args.namespace.as_ref().is_some_and(|to| to != from) && from != ROOT_NAMESPACE;
    let mut findings = Vec::new();
    for release in configuration.releases() {
        let hosts = release.hosts().filter(|claimed| claimed.field == "hosts");
        for host in hosts.map(|claimed| claimed.host) {
            if host == "*" && (is_placed(args) || moves) {
                let message = "`*` claims every host of the workloads of the merged plugin; write the hosts of this release";
                findings.push(release.finding("hosts", message.into()));
            } else if moves && !host.contains('.') && host != "*" {
                let message = format!(
                    "`{host}` is a service of the namespace {from} only for plugins there; write services: [ {{ name: {host}, namespace: {from} }} ] in place of it"
                );
                findings.push(release.finding("hosts", message));
            }
        }
    }
    findings
}
