//! The lab's translation of examples and manifests, compared with what a real istiod sent for them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use halftone_lab::bootstrap::bootstrap;
use halftone_lab::istio::{Mesh, Role, Workload};
use halftone_lab::proxy::Delivery;
use halftone_lab::recorded::{ISTIO_FILTERS, Recording, stats_config};
use halftone_lab::tools::workspace;
use halftone_resources::{Resource, read};
use serde_json::{Value, json};

/// The differences that are allowed, by their paths, and why. A `*` in a path is any text.
const ALLOWED: [(&str, &str); 31] = [
    // Filters
    (
        "filter istio.metadata_exchange is missing",
        "upstream Envoy does not have it; it reads and adds labels of workloads",
    ),
    (
        "filter istio.alpn is missing",
        "upstream Envoy does not have it; it chooses the protocol of mutual TLS",
    ),
    (
        "filter istio.stats is missing",
        "upstream Envoy does not have it; it counts requests",
    ),
    (
        "filter waypoint_upstream_peer_metadata is missing",
        "upstream Envoy does not have it; it reads labels of workloads",
    ),
    // Plugins
    (
        "plugin */config/vm_config/code/remote is missing",
        "pilot-agent replaces it by a file",
    ),
    (
        "plugin */config/vm_config/code/local is added",
        "the file that pilot-agent writes",
    ),
    (
        "plugin */config/vm_config/environment_variables/key_values/ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION is missing",
        "pilot-agent removes it",
    ),
    (
        "discovery */config_source/ads is missing",
        "the lab's Envoy reads files that it watches",
    ),
    (
        "discovery */config_source/path_config_source is added",
        "the lab's Envoy reads files that it watches",
    ),
    // The connection manager
    (
        "manager/stat_prefix differs",
        "the lab reads statistics by a prefix of its own",
    ),
    ("manager/codec_type is added", "it is Envoy's default"),
    (
        "manager/access_log is added",
        "tests read an access log of their own",
    ),
    (
        "manager/max_request_headers_kb is added",
        "a test reaches the limits of the filter and not of the proxy",
    ),
    (
        "manager/common_http_protocol_options is added",
        "a test reaches the limits of the filter and not of the proxy",
    ),
    (
        "manager/http2_protocol_options is added",
        "it has no effect without upgrades of the lab",
    ),
    ("manager/http_protocol_options is missing", "it is empty"),
    // Routes
    (
        "routes/max_direct_response_body_size_bytes is missing",
        "no answer of Envoy itself is as long",
    ),
    (
        "routes/validate_clusters is missing",
        "every cluster of a route exists",
    ),
    (
        "virtual host/include_request_attempt_count is missing",
        "a header for the service",
    ),
    (
        "routes/ignore_port_in_host_matching is added",
        "it has no effect on the host `*` of a waypoint",
    ),
    (
        "host 10.* is missing",
        "the lab has no registry, so a service has no ClusterIP",
    ),
    (
        "host health.check is added",
        "the lab asks whether Envoy answers",
    ),
    (
        "service * is missing",
        "the lab has no registry: a service exists if a resource names it",
    ),
    // Clusters
    (
        "cluster BlackHoleCluster is missing",
        "no route leads to it",
    ),
    (
        "cluster *connect_originate is missing",
        "the lab has no tunnels, which are behind the filter chain of a waypoint",
    ),
    (
        "cluster encap is missing",
        "the lab has no tunnels, which are behind the filter chain of a waypoint",
    ),
    (
        "cluster main_internal is missing",
        "the lab has no tunnels, which are before the filter chain of a waypoint",
    ),
    (
        "cluster inbound|* is missing",
        "the lab has only the traffic that the workload sends",
    ),
    (
        "cluster InboundPassthroughCluster is missing",
        "the lab has only the traffic that the workload sends",
    ),
    (
        "cluster settings */type differs",
        "the lab knows the endpoints from the start",
    ),
    (
        "cluster settings */load_assignment is added",
        "the lab knows the endpoints from the start",
    ),
];

/// A recording, and the resources that it was recorded with.
struct Case {
    recording: &'static str,
    /// The files with the resources.
    files: Vec<String>,
    workload: Workload,
    /// The listener or filter chain.
    chain: String,
}

impl Case {
    fn sidecar(recording: &'static str, files: &[&str]) -> Self {
        Self {
            recording,
            files: files.iter().copied().map(str::to_owned).collect(),
            workload: Workload {
                namespace: "bookinfo".to_owned(),
                role: Role::Sidecar,
                port: Some(9080),
            },
            chain: "0.0.0.0_9080".to_owned(),
        }
    }

    fn gateway(recording: &'static str, namespace: &str, files: &[&str]) -> Self {
        Self {
            workload: Workload {
                namespace: namespace.to_owned(),
                role: Role::Gateway,
                port: Some(8080),
            },
            chain: "0.0.0.0_8080".to_owned(),
            ..Self::sidecar(recording, files)
        }
    }

    fn waypoint(recording: &'static str, service: &str, files: &[&str]) -> Self {
        let service = format!("{service}.bookinfo.svc.cluster.local");
        Self {
            chain: format!("inbound-vip|9080|http|{service}"),
            workload: Workload {
                namespace: "bookinfo".to_owned(),
                role: Role::Waypoint {
                    gateway: "waypoint".to_owned(),
                    service,
                },
                port: None,
            },
            ..Self::sidecar(recording, files)
        }
    }
}

fn cases() -> Vec<Case> {
    let bookinfo = [
        "examples/bookinfo/virtual-service.yaml",
        "examples/bookinfo/destination-rule.yaml",
    ];
    let with = |file| [&[file], &bookinfo[..]].concat();
    let waypoint = with("manifests/waypoint/wasmplugin.yaml");
    let matches = with("lab/recorded/waypoint.matches.input.yaml");
    vec![
        Case::sidecar("sidecar.bookinfo", &["examples/bookinfo"]),
        Case::sidecar("sidecar-of-reviews.bookinfo", &["examples/bookinfo"]),
        Case::sidecar("sidecar.blue-green", &["examples/blue-green"]),
        Case::sidecar("sidecar.canary-by-header", &["examples/canary-by-header"]),
        Case::sidecar("sidecar.canary-by-weight", &["examples/canary-by-weight"]),
        Case::sidecar("sidecar.compare", &["examples/compare"]),
        Case::sidecar("sidecar.mirror", &["examples/mirror"]),
        Case::sidecar(
            "sidecar.manifests",
            &with("manifests/sidecars/wasmplugin.yaml"),
        ),
        Case::sidecar(
            "sidecar.rendered-trafficextension",
            &["lab/recorded/sidecar.rendered-trafficextension.input.yaml"],
        ),
        Case::gateway("gateway.sessions", "istio-ingress", &["examples/sessions"]),
        Case::gateway(
            "gateway.per-service",
            "istio-ingress",
            &["examples/per-service"],
        ),
        Case::gateway(
            "gateway.manifests",
            "istio-system",
            &[
                &with("manifests/gateway/wasmplugin.yaml")[..],
                &["lab/recorded/gateway.manifests.input.yaml"],
            ]
            .concat(),
        ),
        Case::gateway(
            "gateway.order-of-plugins",
            "istio-ingress",
            &[
                "lab/recorded/gateway.order-of-plugins.input.yaml",
                "examples/sessions/virtual-service.yaml",
                "examples/sessions/destination-rule.yaml",
            ],
        ),
        Case::waypoint("waypoint.manifests", "reviews", &waypoint),
        Case::waypoint("waypoint.manifests", "ratings", &waypoint),
        Case::waypoint("waypoint.matches", "reviews", &matches),
        Case::waypoint("waypoint.matches", "ratings", &matches),
    ]
}

#[test]
fn the_lab_translates_resources_like_istio_except_for_listed_differences() -> Result<()> {
    let mut used = BTreeSet::new();
    let mut wrong = String::new();
    for case in cases() {
        let name = format!("{}, {}", case.recording, case.chain);
        let differences = compare(&case).with_context(|| name.clone())?;
        for (path, detail) in differences {
            let mut allowed = ALLOWED.iter().map(|(pattern, _)| *pattern);
            match allowed.find(|pattern| matches(pattern, &path)) {
                Some(pattern) => {
                    used.insert(pattern);
                }
                None => writeln!(wrong, "{name}: {path} {detail}")?,
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "these differences are not allowed:\n{wrong}"
    );
    let all = BTreeSet::from(ALLOWED.map(|(pattern, _)| pattern));
    let unused: Vec<_> = all.difference(&used).collect();
    assert!(
        unused.is_empty(),
        "no recording has these allowed differences: {unused:?}"
    );
    Ok(())
}

/// Istio makes the rules from `extraStatTags`. Without Istio, `envoy-stats-tags.yaml` has them.
#[test]
fn the_rules_for_labels_are_those_of_istio() -> Result<()> {
    let text = fs::read_to_string(workspace().join("manifests/envoy-stats-tags.yaml"))?;
    let manifest: Value = serde_saphyr::from_str(&text)?;
    let stats = manifest.get("stats_config").context("stats_config")?;
    let ours = array(stats, "stats_tags")?;
    let recorded = stats_config()?;
    let is_plugins = |tag: &&Value| {
        let regex = tag.get("regex").and_then(Value::as_str);
        regex.is_some_and(|regex| regex.contains(r"=\.=("))
    };
    let plugins: Vec<&Value> = array(&recorded, "stats_tags")?
        .iter()
        .filter(is_plugins)
        .collect();
    assert_eq!(plugins.len(), 7, "{plugins:?}");
    for tag in plugins {
        assert!(ours.contains(tag), "{tag}");
    }
    Ok(())
}

fn matches(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == path,
        Some((start, end)) => path
            .strip_prefix(start)
            .is_some_and(|rest| rest.ends_with(end)),
    }
}

type Differences = Vec<(String, String)>;

/// The differences between a recording and the translation, each with its path and both values.
fn compare(case: &Case) -> Result<Differences> {
    let recording = Recording::read(case.recording)?;
    let resources = resources(case, &recording)?;
    let mesh = Mesh::new(&resources, &case.workload)?;
    let translated = |delivery| {
        let proxy = mesh.proxy(&BTreeMap::new()).delivery(delivery);
        bootstrap(
            &proxy,
            Path::new("halftone.wasm"),
            Path::new("dir"),
            Path::new("log"),
        )
    };
    let (discovered, written) = (translated(Delivery::Ecds)?, translated(Delivery::Static)?);
    let recorded = recording.manager(&case.chain)?;
    let mut found = Vec::new();
    compare_filters(
        &recording,
        &recorded,
        manager(&discovered)?,
        manager(&written)?,
        &mut found,
    )?;
    let known = services(mesh.clusters());
    compare_routes(&recorded, manager(&discovered)?, &known, &mut found)?;
    let settings = |manager: &Value| without(manager, &["@type", "http_filters", "route_config"]);
    diff(
        "manager",
        &settings(&recorded),
        &settings(manager(&discovered)?),
        &mut found,
    );
    compare_clusters(&recording, &discovered, mesh.clusters(), &known, &mut found)?;
    Ok(found)
}

/// The resources of a case. A plugin has the configuration that was recorded: Istio does not read it, and examples change.
fn resources(case: &Case, recording: &Recording) -> Result<Vec<Resource>> {
    let mut resources = Vec::new();
    for file in &case.files {
        let path = workspace().join(file);
        let mut paths = vec![path.clone()];
        if path.is_dir() {
            paths.clear();
            for entry in fs::read_dir(&path)? {
                let path = entry?.path();
                let name = path.to_string_lossy();
                if name.ends_with(".yaml") && !name.ends_with("cases.yaml") {
                    paths.push(path);
                }
            }
            paths.sort();
        }
        for path in paths {
            resources.extend(read(&fs::read_to_string(&path)?)?);
        }
    }
    for resource in &mut resources {
        if let Resource::Plugin(plugin) = resource {
            let name = format!("{}.{}", plugin.meta.namespace, plugin.meta.name);
            let extensions = ["", "~istio-translated-wasmplugin"].map(|end| {
                recording.extension(&format!("extensions.istio.io/trafficextension/{name}{end}"))
            });
            let recorded = extensions.into_iter().find_map(Result::ok);
            let text = recorded.and_then(|it| it.pointer("/config/configuration/value")?.as_str());
            if let Some(text) = text {
                plugin.config = Some(serde_json::from_str(text)?);
            }
        }
    }
    Ok(resources)
}

fn manager(bootstrap: &Value) -> Result<&Value> {
    bootstrap
        .pointer("/static_resources/listeners/0/filter_chains/0/filters/0/typed_config")
        .context("the lab's listener has no connection manager")
}

fn array<'v>(value: &'v Value, name: &str) -> Result<&'v [Value]> {
    let array = value.get(name).and_then(Value::as_array);
    array.map(Vec::as_slice).with_context(|| name.to_owned())
}

fn name(value: &Value) -> &str {
    value
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn without(value: &Value, names: &[&str]) -> Value {
    let mut value = value.clone();
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|name, _| !names.contains(&name.as_str()));
    }
    value
}

/// Compares the filters in order, what each discovers, and the plugins as the lab writes them without discovery.
fn compare_filters(
    recording: &Recording,
    recorded: &Value,
    discovered: &Value,
    written: &Value,
    found: &mut Differences,
) -> Result<()> {
    let recorded = array(recorded, "http_filters")?;
    for filter in recorded.iter().map(name) {
        if ISTIO_FILTERS.contains(&filter) {
            found.push((format!("filter {filter} is missing"), String::new()));
        }
    }
    let is_upstream = |filter: &&Value| !ISTIO_FILTERS.contains(&name(filter));
    let recorded: Vec<&Value> = recorded.iter().filter(is_upstream).collect();
    let discovered = array(discovered, "http_filters")?;
    let order: Vec<&str> = recorded.iter().map(|filter| name(filter)).collect();
    let ours: Vec<&str> = discovered.iter().map(name).collect();
    if order != ours {
        found.push((
            "filters differ".to_owned(),
            format!("{order:?}, in the lab {ours:?}"),
        ));
        return Ok(());
    }
    for ((recorded, ours), written) in recorded
        .iter()
        .zip(discovered)
        .zip(array(written, "http_filters")?)
    {
        let filter = name(recorded);
        let Some(discovery) = recorded.get("config_discovery") else {
            diff(&format!("filter {filter}"), recorded, ours, found);
            continue;
        };
        let ours = ours.get("config_discovery").unwrap_or(&Value::Null);
        diff(&format!("discovery {filter}"), discovery, ours, found);
        let mut written = written.get("typed_config").cloned().unwrap_or_default();
        let config = written.get_mut("config").and_then(Value::as_object_mut);
        let config = config.context("a plugin without config")?;
        // Both are the values of an absent field.
        config.retain(|name, value| name != "root_id" || value != "");
        config.entry("configuration").or_insert_with(|| json!({}));
        if let Some(vm) = config.get_mut("vm_config").and_then(Value::as_object_mut) {
            vm.retain(|name, value| name != "vm_id" || value != "");
        }
        diff(
            &format!("plugin {filter}"),
            recording.extension(filter)?,
            &written,
            found,
        );
    }
    Ok(())
}

/// The full names of the services that have a cluster.
fn services(clusters: &[String]) -> BTreeSet<&str> {
    clusters.iter().map(|name| service(name)).collect()
}

/// The service of a cluster, or the whole name of a cluster without one.
fn service(cluster: &str) -> &str {
    cluster.rsplit('|').next().unwrap_or(cluster)
}

/// Compares the hosts and the routes of each.
fn compare_routes(
    recorded: &Value,
    ours: &Value,
    known: &BTreeSet<&str>,
    found: &mut Differences,
) -> Result<()> {
    let table = |manager: &Value| manager.get("route_config").cloned().unwrap_or_default();
    let (recorded, ours) = (table(recorded), table(ours));
    let settings = |table: &Value| without(table, &["name", "virtual_hosts"]);
    diff("routes", &settings(&recorded), &settings(&ours), found);
    let mut ours = hosts(&ours)?;
    for host in array(&recorded, "virtual_hosts")? {
        let of = name(host)
            .rsplit_once(':')
            .map_or("", |(service, _)| service);
        if of.ends_with(".svc.cluster.local") && !known.contains(of) {
            found.push((format!("service {of} is missing"), String::new()));
            continue;
        }
        let settings = without(host, &["name", "domains", "routes"]);
        diff("virtual host", &settings, &json!({}), found);
        for (domain, routes) in hosts(&json!({"virtual_hosts": [host]}))? {
            match ours.remove(&domain) {
                Some(ours) => diff(&format!("host {domain}"), &routes, &ours, found),
                None => found.push((format!("host {domain} is missing"), String::new())),
            }
        }
    }
    for (domain, routes) in ours {
        // Envoy answers 404 for a host without a route, and for an unknown host.
        if routes.as_array().is_none_or(|routes| !routes.is_empty()) {
            found.push((format!("host {domain} is added"), String::new()));
        }
    }
    Ok(())
}

/// The routes of each domain.
fn hosts(table: &Value) -> Result<BTreeMap<String, Value>> {
    let mut hosts = BTreeMap::new();
    for host in array(table, "virtual_hosts")? {
        let routes = array(host, "routes")?.iter();
        // The lab answers 404 itself where Envoy finds no route. What follows is of the host `*`.
        let routes = routes
            .take_while(|route| route.pointer("/direct_response/status") != Some(&json!(404)));
        let routes: Vec<Value> = routes.map(route).collect();
        for domain in array(host, "domains")? {
            let domain = domain.as_str().context("a domain")?.to_owned();
            ensure!(
                hosts
                    .insert(domain.clone(), routes.clone().into())
                    .is_none(),
                "{domain} is in two virtual hosts"
            );
        }
    }
    Ok(hosts)
}

/// A route without its name, and without fields that have their default.
fn route(route: &Value) -> Value {
    let mut route = without(route, &["name"]);
    if let Some(test) = route.get_mut("match").and_then(Value::as_object_mut) {
        test.retain(|name, value| match name.as_str() {
            "case_sensitive" => *value != json!(true),
            "headers" => *value != json!([]),
            _ => true,
        });
    }
    route
}

/// Compares the names of the clusters, and their settings if the recording is complete.
fn compare_clusters(
    recording: &Recording,
    bootstrap: &Value,
    ours: &[String],
    known: &BTreeSet<&str>,
    found: &mut Differences,
) -> Result<()> {
    let recorded = recording.cluster_names()?;
    for name in &recorded {
        if ours.contains(name) {
            continue;
        }
        let of = service(name);
        let path = if of.ends_with(".svc.cluster.local") && !known.contains(of) {
            format!("service {of} is missing")
        } else {
            format!("cluster {name} is missing")
        };
        found.push((path, String::new()));
    }
    for name in ours {
        if !recorded.contains(name) {
            found.push((format!("cluster {name} is added"), String::new()));
        }
    }
    let by_name = |all: &[Value]| -> BTreeMap<String, Value> {
        all.iter()
            .map(|it| (name(it).to_owned(), it.clone()))
            .collect()
    };
    let Ok(complete) = recording.clusters() else {
        return Ok(());
    };
    let written = bootstrap
        .pointer("/static_resources")
        .context("static_resources")?;
    let written = by_name(array(written, "clusters")?);
    for (name, recorded) in by_name(complete) {
        if let Some(ours) = written.get(&name) {
            diff(&format!("cluster settings {name}"), &recorded, ours, found);
        }
    }
    Ok(())
}

/// Adds the differences below `path`.
fn diff(path: &str, recorded: &Value, ours: &Value, found: &mut Differences) {
    match (recorded, ours) {
        (Value::Object(recorded), Value::Object(ours)) => {
            for (name, recorded) in recorded {
                let path = format!("{path}/{name}");
                match ours.get(name) {
                    Some(ours) => diff(&path, recorded, ours, found),
                    None => found.push((format!("{path} is missing"), recorded.to_string())),
                }
            }
            for (name, ours) in ours
                .iter()
                .filter(|(name, _)| !recorded.contains_key(*name))
            {
                found.push((format!("{path}/{name} is added"), ours.to_string()));
            }
        }
        (recorded, ours) if recorded != ours => {
            found.push((
                format!("{path} differs"),
                format!("{recorded}, in the lab {ours}"),
            ));
        }
        _ => {}
    }
}

#[test]
fn a_difference_has_the_path_of_what_is_missing_added_or_different() {
    let recorded = json!({"a": 1, "b": {"c": [1], "d": null}, "e": {}});
    let ours = json!({"a": 1, "b": {"c": [2], "f": 3}});
    let mut found = Vec::new();
    diff("x", &recorded, &ours, &mut found);
    let paths: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "x/b/c differs",
            "x/b/d is missing",
            "x/b/f is added",
            "x/e is missing"
        ]
    );
    assert!(matches(
        "host 10.* is missing",
        "host 10.96.0.12 is missing"
    ));
    assert!(!matches("host 10.* is missing", "host reviews is missing"));
    assert!(!matches("manager/a differs", "manager/ab differs"));
}
