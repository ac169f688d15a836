//! Two plugins that claim one host in one proxy. The first in the filter chain decides, the second never.
//!
//! A finding needs certainty that a proxy has both plugins. The labels that one selects are a subset of
//! the other's, in one namespace or with the root namespace, or both are attached to the same target. And
//! both see the same direction and ports. A plain configuration is in no mesh and conflicts with none.

use std::collections::BTreeMap;

use halftone_resources::{Mode, Plugin, TrafficSelector};

use super::accepted::{Accepted, Served};
use super::given::PlacedFinding;
use crate::source::ROOT_NAMESPACE;

/// Checks every pair of plugins.
pub fn check(configurations: &[Accepted<'_>]) -> Vec<PlacedFinding> {
    let mut findings = Vec::new();
    let mut claims: BTreeMap<String, Vec<(&Plugin, Served<'_>)>> = BTreeMap::new();
    for configuration in configurations {
        let Some(plugin) = configuration.plugin() else {
            continue;
        };
        for release in configuration.releases() {
            // The names of a service mostly conflict together.
            let mut has_service_conflict = false;
            for claimed in release.hosts() {
                let (field, host) = (claimed.field, claimed.host);
                let is_known = field == "services" && has_service_conflict;
                let claim = claims.entry(host.clone()).or_default();
                let meets = |(earlier, _): &&(&Plugin, Served<'_>)| share_a_proxy(earlier, plugin);
                if let Some((_, other)) = claim.iter().find(meets).filter(|_| !is_known) {
                    let message = format!(
                        "release {} of {} claims `{host}` too, so one of the two never decides; remove the host from one of them",
                        other.release.name, other.placed.resource
                    );
                    findings.push(release.finding(field, message));
                    has_service_conflict |= field == "services";
                }
                claim.push((plugin, release));
            }
        }
    }
    findings
}

fn share_a_proxy(one: &Plugin, other: &Plugin) -> bool {
    // The files of an overlay contain a resource twice, but the cluster has it once.
    let is_the_same = one.kind == other.kind && one.meta == other.meta;
    !is_the_same
        && (selects_all_of(one, other) || selects_all_of(other, one) || share_a_target(one, other))
        && share_traffic(&one.traffic, &other.traffic)
}

/// Whether `one` applies to all workloads that `other` applies to, by namespace and labels.
fn selects_all_of(one: &Plugin, other: &Plugin) -> bool {
    let namespace = &one.meta.namespace;
    let is_selected = |(label, value)| other.selector.get(label) == Some(value);
    one.target_refs.is_empty()
        && other.target_refs.is_empty()
        && (*namespace == other.meta.namespace || namespace == ROOT_NAMESPACE)
        && one.selector.iter().all(is_selected)
}

fn share_a_target(one: &Plugin, other: &Plugin) -> bool {
    let mut targets = one.target_refs.iter();
    one.meta.namespace == other.meta.namespace
        && targets.any(|target| other.target_refs.contains(target))
}

fn share_traffic(one: &[TrafficSelector], other: &[TrafficSelector]) -> bool {
    let all = [TrafficSelector::default()];
    let one = if one.is_empty() { &all } else { one };
    let other = if other.is_empty() { &all } else { other };
    one.iter()
        .any(|one| other.iter().any(|other| meet(one, other)))
}

fn meet(one: &TrafficSelector, other: &TrafficSelector) -> bool {
    let only = |this: &TrafficSelector, mode| this.mode == Some(mode);
    let are_apart = only(one, Mode::Client) && only(other, Mode::Server)
        || only(one, Mode::Server) && only(other, Mode::Client);
    let has_port = one.ports.is_empty()
        || other.ports.is_empty()
        || one.ports.iter().any(|port| other.ports.contains(port));
    !are_apart && has_port
}
