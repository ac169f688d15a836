//! The plugins of a proxy in the order of its filter chain.

use std::cmp::Reverse;

use halftone_resources::{Mode, Plugin as PluginResource, Resource};
use serde_json::{Map, Number, Value};

use super::Workload;
use crate::proxy::{FailurePolicy, Plugin};

/// The namespace whose plugins apply to the whole mesh.
const ROOT_NAMESPACE: &str = "istio-system";

/// The phases in the order of the chain. An unspecified phase is last.
const PHASES: [&str; 4] = ["AUTHN", "AUTHZ", "STATS", UNSPECIFIED];
const UNSPECIFIED: &str = "UNSPECIFIED_PHASE";

pub(super) fn chain(
    resources: &[Resource],
    workload: &Workload,
    problems: &mut Vec<String>,
) -> Vec<Plugin> {
    let mut chain = Vec::new();
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
        if plugin.traffic.iter().any(|seen| !seen.ports.is_empty()) {
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
        let meta = &plugin.meta;
        // Istio's order: a plugin without a priority comes after all that have one.
        let priority = Reverse(plugin.priority.unwrap_or(i32::MIN));
        let name = format!("{}.{}", meta.name, meta.namespace);
        chain.push(((place, priority, name), written));
    }
    chain.sort_by(|(one, _), (other, _)| one.cmp(other));
    chain.into_iter().map(|(_, plugin)| plugin).collect()
}

/// Whether the outgoing traffic of the proxy passes the plugin. All traffic of a gateway is outgoing.
fn is_for(plugin: &PluginResource, workload: &Workload) -> bool {
    let namespace = &plugin.meta.namespace;
    let is_here = *namespace == workload.namespace || namespace == ROOT_NAMESPACE;
    let is_target = plugin.target_refs.is_empty()
        || workload.is_gateway && plugin.target_refs.iter().any(|it| it.kind == "Gateway");
    let sees = plugin.traffic.is_empty()
        || plugin
            .traffic
            .iter()
            .any(|seen| seen.mode != Some(Mode::Server));
    is_here && is_target && sees
}

fn written(plugin: &PluginResource) -> Result<Plugin, String> {
    let policy = match plugin.fail_strategy.as_deref() {
        None | Some("FAIL_CLOSE") => FailurePolicy::FailClosed,
        Some("FAIL_OPEN") => FailurePolicy::FailOpen,
        Some("FAIL_RELOAD") => FailurePolicy::FailReload,
        Some(other) => return Err(format!("{other} is not a strategy of Istio")),
    };
    let meta = &plugin.meta;
    let mut written =
        Plugin::new(&format!("{}.{}", meta.namespace, meta.name)).failure_policy(policy);
    if let Some(name) = &plugin.plugin_name {
        written = written.root_id(name);
    }
    Ok(match text(plugin.config.as_ref()) {
        Some(text) => written.config(&text),
        None => written,
    })
}

/// The configuration that the plugin gets: `pluginConfig` as JSON, as protobuf prints a Struct. `None` if it has no
/// fields.
fn text(config: Option<&Value>) -> Option<String> {
    let fields = config?.as_object().filter(|fields| !fields.is_empty())?;
    Some(Value::Object(doubled(fields)).to_string())
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

    fn plugins(yaml: &str, is_gateway: bool) -> Result<(Vec<Plugin>, Vec<String>)> {
        let documents = yaml.lines().map(|line| {
            format!("{{apiVersion: extensions.istio.io/v1alpha1, kind: WasmPlugin, {line}}}\n")
        });
        let text: Vec<String> = documents.collect();
        let resources = halftone_resources::read(&text.join("---\n"))?;
        let workload = Workload {
            namespace: "bookinfo".to_owned(),
            is_gateway,
        };
        let mut problems = Vec::new();
        let chain = chain(&resources, &workload, &mut problems);
        Ok((chain, problems))
    }

    fn names(yaml: &str, is_gateway: bool) -> Result<Vec<String>> {
        let (plugins, problems) = plugins(yaml, is_gateway)?;
        assert_eq!(problems, Vec::<String>::new());
        Ok(plugins.into_iter().map(|plugin| plugin.name).collect())
    }

    #[test]
    fn the_chain_is_ordered_by_phase_then_priority_then_name() -> Result<()> {
        let yaml = "metadata: {namespace: bookinfo, name: e}
metadata: {namespace: bookinfo, name: d}
metadata: {namespace: bookinfo, name: c}, spec: {priority: -5}
metadata: {namespace: bookinfo, name: b}, spec: {priority: 10}
metadata: {namespace: bookinfo, name: q}, spec: {phase: STATS}
metadata: {namespace: bookinfo, name: p}, spec: {phase: AUTHZ}
metadata: {namespace: bookinfo, name: o}, spec: {phase: AUTHN}
metadata: {namespace: bookinfo, name: a}, spec: {phase: UNSPECIFIED_PHASE}";
        let expected = ["o", "p", "q", "b", "c", "a", "d", "e"];
        assert_eq!(
            names(yaml, false)?,
            expected.map(|name| format!("bookinfo.{name}"))
        );
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
        let sidecar = ["bookinfo.a", "istio-system.b", "bookinfo.c"];
        assert_eq!(names(yaml, false)?, sidecar);
        let gateway = [
            "bookinfo.a",
            "istio-system.b",
            "bookinfo.c",
            "bookinfo.gateway",
        ];
        assert_eq!(names(yaml, true)?, gateway);
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
            let (plugins, problems) = plugins(&line, false)?;
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
        let (_, problems) = plugins(yaml, false)?;
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
