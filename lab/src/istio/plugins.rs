//! The plugins of a proxy in the order of its filter chain.

use std::cmp::Reverse;

use halftone_resources::{
    Mode, Plugin as PluginResource, PluginKind, Resource, TargetRef, TrafficSelector,
};
use serde_json::{Map, Number, Value};

use super::{Role, Workload};
use crate::proxy::{FailurePolicy, Plugin};

/// The namespace whose plugins apply to the whole mesh.
const ROOT_NAMESPACE: &str = "istio-system";

/// The beginning of the names of all resources that plugins are discovered by.
const RESOURCES: &str = "extensions.istio.io/trafficextension/";

/// What Istio appends to the name of a WasmPlugin when it makes a TrafficExtension of it.
const TRANSLATED: &str = "~istio-translated-wasmplugin";

/// The phases in the order of the chain. An unspecified phase is last.
const PHASES: [&str; 4] = ["AUTHN", "AUTHZ", STATS, UNSPECIFIED];
const STATS: &str = "STATS";
const UNSPECIFIED: &str = "UNSPECIFIED_PHASE";

/// The class of all waypoints.
const WAYPOINT_CLASS: &str = "istio-waypoint";

/// The plugins of a proxy in the order of its filter chain.
#[derive(Clone, Debug, Default)]
pub(super) struct Chain {
    /// Those of the phases `AUTHN` and `AUTHZ`.
    pub(super) policies: Vec<Plugin>,
    pub(super) others: Vec<Plugin>,
}

pub(super) fn chain(
    resources: &[Resource],
    workload: &Workload,
    problems: &mut Vec<String>,
) -> Chain {
    let mut plugins = Vec::new();
    for resource in resources {
        let Some(plugin) = resource.plugin() else {
            continue;
        };
        if !is_for(plugin, workload) {
            continue;
        }
        let wrong = |field: &str, what: &str| format!("{resource}: spec.{field}: {what}");
        let phase = plugin.phase.as_deref().unwrap_or(UNSPECIFIED);
        let place = PHASES.iter().position(|name| *name == phase);
        if place.is_none() {
            problems.push(wrong("phase", &format!("{phase} is not a phase of Istio")));
        }
        let selects_ports = plugin.traffic.iter().any(|seen| !seen.ports.is_empty());
        let is_waypoint = matches!(workload.role, Role::Waypoint { .. });
        if selects_ports && workload.port.is_none() && !is_waypoint {
            problems.push(wrong(
                "match",
                "ports: the lab has one listener, without the port of a service",
            ));
        }
        let written = match written(plugin) {
            Ok(written) => written,
            Err(what) => {
                problems.push(wrong("failStrategy", &what));
                continue;
            }
        };
        plugins.push(((place, order(plugin, workload)), written));
    }
    plugins.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut chain = Chain::default();
    for ((place, _), plugin) in plugins {
        if place < PHASES.iter().position(|name| *name == STATS) {
            chain.policies.push(plugin);
        } else {
            chain.others.push(plugin);
        }
    }
    chain
}

/// Istio's order in a phase: by priority, and a plugin without one comes last. Then the proxy's own namespace, the age,
/// and the name.
fn order(plugin: &PluginResource, workload: &Workload) -> impl Ord + use<> {
    let meta = &plugin.meta;
    (
        Reverse(plugin.priority.unwrap_or(i32::MIN)),
        meta.namespace != workload.namespace,
        meta.created.clone(),
        format!("{}.{}", meta.name, meta.namespace),
    )
}

/// Whether the traffic of the proxy passes the plugin. All traffic of a gateway is outgoing. A waypoint takes only
/// plugins that are attached to it. It is a server, and its listener has no port.
fn is_for(plugin: &PluginResource, workload: &Workload) -> bool {
    let namespace = &plugin.meta.namespace;
    let is_here = *namespace == workload.namespace || namespace == ROOT_NAMESPACE;
    let targets = &plugin.target_refs;
    let is_target = match &workload.role {
        Role::Sidecar => targets.is_empty(),
        Role::Gateway => targets.is_empty() || targets.iter().any(|it| it.kind == "Gateway"),
        Role::Waypoint { gateway, service } => targets.iter().any(|it| match it.kind.as_str() {
            "Service" => full_name(plugin, it) == *service,
            "Gateway" => it.name == *gateway && *namespace == workload.namespace,
            "GatewayClass" => it.name == WAYPOINT_CLASS && namespace == ROOT_NAMESPACE,
            _ => false,
        }),
    };
    let is_waypoint = matches!(workload.role, Role::Waypoint { .. });
    let sees = |seen: &TrafficSelector| {
        let other_side = if is_waypoint {
            Mode::Client
        } else {
            Mode::Server
        };
        let mut ports = seen.ports.iter().map(|port| port.number);
        let sees_port = match workload.port {
            _ if seen.ports.is_empty() => true,
            _ if is_waypoint => false,
            Some(port) => ports.any(|number| number == port),
            None => true,
        };
        seen.mode != Some(other_side) && sees_port
    };
    is_here && is_target && (plugin.traffic.is_empty() || plugin.traffic.iter().any(sees))
}

/// The full name of the first service that a plugin is attached to.
pub(super) fn service(plugin: &PluginResource) -> Option<String> {
    let mut targets = plugin.target_refs.iter();
    let target = targets.find(|target| target.kind == "Service")?;
    Some(full_name(plugin, target))
}

fn full_name(plugin: &PluginResource, service: &TargetRef) -> String {
    format!(
        "{}.{}.svc.cluster.local",
        service.name, plugin.meta.namespace
    )
}

fn written(plugin: &PluginResource) -> Result<Plugin, String> {
    let policy = match plugin.fail_strategy.as_deref() {
        None | Some("FAIL_CLOSE") => FailurePolicy::FailClosed,
        Some("FAIL_OPEN") => FailurePolicy::FailOpen,
        Some("FAIL_RELOAD") => FailurePolicy::FailReload,
        Some(other) => return Err(format!("{other} is not a strategy of Istio")),
    };
    let meta = &plugin.meta;
    let translated = match plugin.kind {
        PluginKind::WasmPlugin => TRANSLATED,
        PluginKind::TrafficExtension => "",
    };
    let name = format!("{}.{}{translated}", meta.namespace, meta.name);
    let mut written = Plugin::new(&name)
        .resource(&format!("{RESOURCES}{name}"))
        .failure_policy(policy);
    if let Some(name) = &plugin.plugin_name {
        written = written.root_id(name);
    }
    let environment = plugin.vm_config.as_ref().map(|vm| &vm["env"]);
    for variable in environment.and_then(Value::as_array).into_iter().flatten() {
        let name = variable["name"].as_str().unwrap_or_default();
        written = match variable["valueFrom"].as_str() {
            Some("HOST") => written.host_environment(name),
            _ => written.environment(name, variable["value"].as_str().unwrap_or_default()),
        };
    }
    Ok(match text(plugin.config.as_ref()) {
        Some(text) => written.config(&text),
        None => written,
    })
}

/// The configuration that the plugin gets: `pluginConfig` as JSON, as Istio prints a Struct. `None` if it has no fields.
fn text(config: Option<&Value>) -> Option<String> {
    let fields = config?.as_object().filter(|fields| !fields.is_empty())?;
    let mut text = Value::Object(doubled(fields)).to_string();
    // Go's `encoding/json` escapes them. In JSON they are only in strings.
    for (character, escaped) in [
        ('<', r"\u003c"),
        ('>', r"\u003e"),
        ('&', r"\u0026"),
        ('\u{2028}', r"\u2028"),
        ('\u{2029}', r"\u2029"),
    ] {
        text = text.replace(character, escaped);
    }
    Some(text)
}

fn doubled(fields: &Map<String, Value>) -> Map<String, Value> {
    let fields = fields.iter();
    fields
        .map(|(name, value)| (name.clone(), as_double(value)))
        .collect()
}

/// In a Struct every number is a double. A whole number is printed without a fraction: 10 and 10.0 are both printed as
/// 10. Above 2^53 a number can be printed as its neighbour.
fn as_double(value: &Value) -> Value {
    match value {
        Value::Number(number) => {
            Value::Number(number.as_f64().map_or_else(|| number.clone(), whole))
        }
        Value::Array(items) => items.iter().map(as_double).collect(),
        Value::Object(fields) => Value::Object(doubled(fields)),
        other => other.clone(),
    }
}

fn whole(double: f64) -> Number {
    // Up to here each whole number of one type exists in the other.
    const MOST: f64 = 9e18;
    if double.fract() == 0.0 && double.abs() < MOST {
        Number::from(double as i64)
    } else {
        Number::from_f64(double).unwrap_or_else(|| Number::from(0))
    }
}

#[cfg(test)]
mod tests {
    use anyhow::{Result, bail};
    use serde_json::json;

    use super::*;

    fn plugins(yaml: &str, role: &Role) -> Result<(Vec<Plugin>, Vec<String>)> {
        let documents = yaml.lines().map(|line| {
            format!("{{apiVersion: extensions.istio.io/v1alpha1, kind: WasmPlugin, {line}}}\n")
        });
        let text: Vec<String> = documents.collect();
        let resources = halftone_resources::read(&text.join("---\n"))?;
        let workload = Workload {
            namespace: "bookinfo".to_owned(),
            role: role.clone(),
            port: None,
        };
        let mut problems = Vec::new();
        let Chain { policies, others } = chain(&resources, &workload, &mut problems);
        Ok(([policies, others].concat(), problems))
    }

    fn names(yaml: &str, role: &Role) -> Result<Vec<String>> {
        let (plugins, problems) = plugins(yaml, role)?;
        assert_eq!(problems, Vec::<String>::new());
        let name = |plugin: Plugin| plugin.name.trim_end_matches(TRANSLATED).to_owned();
        Ok(plugins.into_iter().map(name).collect())
    }

    #[test]
    fn the_chain_is_ordered_by_phase_then_priority_then_namespace_then_age_then_name() -> Result<()>
    {
        let yaml = "metadata: {namespace: bookinfo, name: e}
metadata: {namespace: bookinfo, name: d}
metadata: {namespace: bookinfo, name: c}, spec: {priority: -5}
metadata: {namespace: bookinfo, name: b}, spec: {priority: 10}
metadata: {namespace: bookinfo, name: q}, spec: {phase: STATS}
metadata: {namespace: bookinfo, name: p}, spec: {phase: AUTHZ}
metadata: {namespace: bookinfo, name: o}, spec: {phase: AUTHN}
metadata: {namespace: bookinfo, name: a}, spec: {phase: UNSPECIFIED_PHASE}
metadata: {namespace: istio-system, name: r, creationTimestamp: '2025-01-01T00:00:00Z'}
metadata: {namespace: istio-system, name: s, creationTimestamp: '2024-01-01T00:00:00Z'}
metadata: {namespace: istio-system, name: t, creationTimestamp: '2026-01-01T00:00:00Z'}, spec: {priority: 10}";
        let own = ["o", "p", "q", "b"].map(|name| format!("bookinfo.{name}"));
        let later = ["c", "a", "d", "e"].map(|name| format!("bookinfo.{name}"));
        let root = |name| vec![format!("istio-system.{name}")];
        let expected = [
            own.to_vec(),
            root("t"),
            later.to_vec(),
            root("s"),
            root("r"),
        ];
        assert_eq!(names(yaml, &Role::Sidecar)?, expected.concat());
        Ok(())
    }

    #[test]
    fn only_plugins_of_outgoing_traffic_are_in_the_chain() -> Result<()> {
        let yaml = "metadata: {namespace: bookinfo, name: a}
metadata: {namespace: istio-system, name: b}, spec: {match: [{mode: CLIENT}]}
metadata: {namespace: bookinfo, name: c}, spec: {match: [{mode: SERVER}, {mode: CLIENT_AND_SERVER}]}
metadata: {namespace: bookinfo, name: inbound}, spec: {match: [{mode: SERVER}]}
metadata: {namespace: elsewhere, name: other}
metadata: {namespace: bookinfo, name: gateway}, spec: {targetRefs: [{kind: Gateway, name: public}]}
metadata: {namespace: bookinfo, name: waypoint}, spec: {targetRefs: [{kind: Service, name: reviews}]}";
        let sidecar = ["bookinfo.a", "bookinfo.c", "istio-system.b"];
        assert_eq!(names(yaml, &Role::Sidecar)?, sidecar);
        let gateway = [
            "bookinfo.a",
            "bookinfo.c",
            "bookinfo.gateway",
            "istio-system.b",
        ];
        assert_eq!(names(yaml, &Role::Gateway)?, gateway);
        Ok(())
    }

    #[test]
    fn a_resource_is_translated_into_a_plugin() -> Result<()> {
        for (spec, config, root_id, policy) in [
            ("{}", None, "", FailurePolicy::FailClosed),
            ("{pluginConfig: {}}", None, "", FailurePolicy::FailClosed),
            (
                "{failStrategy: FAIL_OPEN, pluginName: root, pluginConfig: {a: 10.0}}",
                Some(r#"{"a":10}"#),
                "root",
                FailurePolicy::FailOpen,
            ),
            (
                "{failStrategy: FAIL_RELOAD}",
                None,
                "",
                FailurePolicy::FailReload,
            ),
        ] {
            let line = format!("metadata: {{namespace: bookinfo, name: a}}, spec: {spec}");
            let (plugins, problems) = plugins(&line, &Role::Sidecar)?;
            assert_eq!(problems, Vec::<String>::new(), "{spec}");
            let [plugin] = plugins.as_slice() else {
                bail!("{spec}: {plugins:?}")
            };
            assert_eq!(plugin.config.as_deref(), config, "{spec}");
            assert_eq!(plugin.root_id, root_id, "{spec}");
            assert_eq!(plugin.failure_policy, policy, "{spec}");
        }
        Ok(())
    }

    #[test]
    fn all_problems_of_a_resource_are_reported() -> Result<()> {
        let yaml = "metadata: {namespace: bookinfo, name: a}, spec: {phase: LATE, failStrategy: FAIL, match: [{ports: [{number: 1}]}]}";
        let (_, problems) = plugins(yaml, &Role::Sidecar)?;
        assert_eq!(
            problems,
            [
                "WasmPlugin bookinfo/a: spec.phase: LATE is not a phase of Istio",
                "WasmPlugin bookinfo/a: spec.match: ports: the lab has one listener, without the port of a service",
                "WasmPlugin bookinfo/a: spec.failStrategy: FAIL is not a strategy of Istio",
            ]
        );
        Ok(())
    }

    #[test]
    fn text_is_escaped_as_by_istio() {
        let config = json!({"a": ">=2.3.0, <3 & \u{2028}\u{2029}\u{9}\"é"});
        let expected = r#"{"a":"\u003e=2.3.0, \u003c3 \u0026 \u2028\u2029\t\"é"}"#;
        assert_eq!(text(Some(&config)).as_deref(), Some(expected));
    }

    /// The output of Go's `protojson` for a `structpb.Struct` (google.golang.org/protobuf 1.36).
    #[test]
    fn numbers_are_printed_as_doubles() {
        let config = json!({
            "a": 10, "b": 10.0, "c": 0.5, "d": 9_007_199_254_740_993_u64, "e": -3, "f": 1e21,
            "g": [1.0, null, true, "1.0"], "h": {"i": 2.0},
        });
        let expected = r#"{"a":10,"b":10,"c":0.5,"d":9007199254740992,"e":-3,"f":1e+21,"g":[1,null,true,"1.0"],"h":{"i":2}}"#;
        assert_eq!(text(Some(&config)).as_deref(), Some(expected));
    }
}
