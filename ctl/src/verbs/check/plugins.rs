//! One plugin in the mesh: whether it runs where it is meant to, once, and when.
//!
//! What a mesh can be right with is left alone: a phase before authorization, a priority, a
//! `failStrategy` that is written down. A `failStrategy` that is not is told: by default a registry
//! that cannot be reached is an outage of everything that the plugin is for, which nobody chooses by
//! leaving a line away.

use halftone::config::ReleaseConfig;
use halftone_resources::{Mode, Plugin, PluginKind, TargetRef, TrafficSelector};

use super::accepted::Accepted;
use super::given::Told;

/// Checks every plugin.
pub fn check(configurations: &[Accepted<'_>]) -> Vec<Told> {
    let mut told = Vec::new();
    for configuration in configurations {
        let Some(plugin) = configuration.plugin() else {
            continue;
        };
        let mut say = |path: &str, message: &str| {
            told.push(configuration.placed.say(path, message.into()));
        };
        direction(plugin, configuration, &mut say);
        if plugin.module_type.as_deref() == Some("NETWORK") {
            say(
                &within_module(plugin, "type"),
                "is NETWORK, which sees connections and no requests; leave it away, or write HTTP",
            );
        }
        if plugin.fail_strategy.is_none() {
            say(
                &within_module(plugin, "failStrategy"),
                "is missing, so every request is refused while the module cannot be fetched; write FAIL_OPEN, or FAIL_CLOSE if that is meant",
            );
        }
        let mut releases = configuration.releases();
        if plugin.phase.as_deref() == Some("AUTHN") && releases.any(|one| reads_token(one.written))
        {
            say(
                "spec.phase",
                "is AUTHN, so a session's jwtClaim is read before the token is verified; leave phase away",
            );
        }
    }
    told
}

/// Of a WasmPlugin the module is the `spec` itself.
fn within_module(plugin: &Plugin, field: &str) -> String {
    match plugin.kind {
        PluginKind::WasmPlugin => format!("spec.{field}"),
        PluginKind::TrafficExtension => format!("spec.wasm.{field}"),
    }
}

fn direction(plugin: &Plugin, configuration: &Accepted<'_>, say: &mut impl FnMut(&str, &str)) {
    if plugin.target_refs.iter().any(is_waypoint) {
        // A waypoint's listener is of no port, and what comes to it is received.
        let is_met = |one: &TrafficSelector| one.ports.is_empty() && one.mode != Some(Mode::Client);
        if !plugin.traffic.is_empty() && !plugin.traffic.iter().any(is_met) {
            say(
                "spec.match",
                "never matches at a waypoint, which has no mode CLIENT and no ports; leave match away",
            );
        }
        return;
    }
    if !plugin.target_refs.is_empty() || configuration.releases().next().is_none() {
        return;
    }
    if receives(&plugin.traffic) && sends(&plugin.traffic) {
        say(
            "spec.match",
            "has both directions, so a request between two sidecars is decided and mirrored twice; write match: [ { mode: CLIENT } ], which is right at gateways too",
        );
    } else if receives(&plugin.traffic)
        && configuration.releases().any(|one| one.versions().len() > 1)
    {
        say(
            "spec.match",
            "has mode SERVER alone, where a request has no other version to go to; write match: [ { mode: CLIENT } ]",
        );
    }
}

/// A Service or ServiceEntry has its plugins in its waypoint. A Gateway may be one, or the way into
/// the mesh: that cannot be told.
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
