//! A plugin in the mesh: whether it runs in the right place, once, and at the right time.
//!
//! Settings that can be right are not reported: a phase before authorization, a priority, an explicit
//! `failStrategy`. A missing `failStrategy` is reported. With Istio's default, a registry that cannot be
//! reached stops all traffic of the plugin's workloads, and nobody chooses that by omitting a line.

use halftone::config::ReleaseConfig;
use halftone_resources::service::is_name_of;
use halftone_resources::{Mode, Plugin, PluginKind, TargetRef, TrafficSelector};

use super::accepted::Accepted;
use super::given::PlacedFinding;

/// Checks every plugin.
pub fn check(configurations: &[Accepted<'_>]) -> Vec<PlacedFinding> {
    let mut findings = Vec::new();
    for configuration in configurations {
        let Some(plugin) = configuration.plugin() else {
            continue;
        };
        let mut report = |path: &str, message: &str| {
            findings.push(configuration.placed.finding(path, message.into()));
        };
        for one in &plugin.misspelt {
            report(&one.path, &one.message);
        }
        direction(plugin, configuration, &mut report);
        if plugin.module_type.as_deref() == Some("NETWORK") {
            report(
                &within_module(plugin, "type"),
                "NETWORK filters see connections, not requests; write HTTP, or omit type",
            );
        }
        if plugin.fail_strategy.is_none() {
            report(
                &within_module(plugin, "failStrategy"),
                "missing, so Envoy rejects every request while the module cannot be fetched; write FAIL_OPEN, or FAIL_CLOSE to keep that",
            );
        }
        findings.extend(names(configuration));
        let mut report = |path: &str, message: &str| {
            findings.push(configuration.placed.finding(path, message.into()));
        };
        let mut releases = configuration.releases();
        if plugin.phase.as_deref() == Some("AUTHN") && releases.any(|one| reads_token(one.written))
        {
            report(
                "spec.phase",
                "AUTHN runs before tokens are verified, but a session uses jwtClaim; omit phase",
            );
        }
    }
    findings
}

/// A release in the waypoint of its services that claims only some of their names. Several releases can share a
/// service by its names, and `services` shows that all of them are meant.
fn names(configuration: &Accepted<'_>) -> Option<PlacedFinding> {
    let mut releases = configuration.releases();
    let (Some(release), None) = (releases.next(), releases.next()) else {
        return None;
    };
    let (targets, namespace) = (release.targets(), release.namespace());
    let is_name = |host: &str| {
        let mut targets = targets.iter();
        targets.any(|target| is_name_of(host, namespace, target))
    };
    let is_partial = release
        .hosts()
        .all(|claimed| claimed.field == "hosts" && is_name(&claimed.host));
    is_partial.then(|| {
        let message = "a waypoint passes on every request for its service, whatever the host is, so requests for other names or the IP address of the service are not decided; write hosts: [\"*\"]";
        release.finding("hosts", message.into())
    })
}

/// The path of a field of the module. A WasmPlugin has it directly in `spec`.
fn within_module(plugin: &Plugin, field: &str) -> String {
    match plugin.kind {
        PluginKind::WasmPlugin => format!("spec.{field}"),
        PluginKind::TrafficExtension => format!("spec.wasm.{field}"),
    }
}

fn direction(plugin: &Plugin, configuration: &Accepted<'_>, report: &mut impl FnMut(&str, &str)) {
    if plugin.target_refs.iter().any(is_waypoint) {
        // The listener of a waypoint has no port, and its traffic is inbound.
        let is_met = |one: &TrafficSelector| one.ports.is_empty() && one.mode != Some(Mode::Client);
        if !plugin.traffic.is_empty() && !plugin.traffic.iter().any(is_met) {
            report(
                "spec.match",
                "never matches at a waypoint, which has neither mode CLIENT nor ports; omit match",
            );
        }
        return;
    }
    if !plugin.target_refs.is_empty() || configuration.releases().next().is_none() {
        return;
    }
    if receives(&plugin.traffic) && sends(&plugin.traffic) {
        report(
            "spec.match",
            "includes both directions, so a request between two sidecars is decided and mirrored twice; write match: [ { mode: CLIENT } ], which is right at gateways too",
        );
    } else if receives(&plugin.traffic)
        && configuration.releases().any(|one| one.versions().len() > 1)
    {
        report(
            "spec.match",
            "has only mode SERVER, where a request has already reached its version; write match: [ { mode: CLIENT } ]",
        );
    }
}

/// Whether a target is a waypoint. The plugins of a Service or ServiceEntry run in its waypoint. A
/// Gateway can be a waypoint or an ingress gateway, which the files do not show.
fn is_waypoint(to: &TargetRef) -> bool {
    match to.kind.as_str() {
        "Service" | "ServiceEntry" => true,
        "GatewayClass" => to.name == "istio-waypoint",
        _ => false,
    }
}

fn receives(traffic: &[TrafficSelector]) -> bool {
    traffic.is_empty() || traffic.iter().any(|one| one.mode != Some(Mode::Client))
}

fn sends(traffic: &[TrafficSelector]) -> bool {
    traffic.is_empty() || traffic.iter().any(|one| one.mode != Some(Mode::Server))
}

fn reads_token(release: &ReleaseConfig) -> bool {
    let canary = release.canary.as_ref();
    let session = canary.and_then(|canary| canary.session.as_ref());
    let mut keys = session
        .iter()
        .flat_map(|session| session.key.iter().flatten());
    keys.any(|key| key.jwt_claim.is_some())
}
