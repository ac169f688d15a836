//! The routes of a proxy: those of VirtualServices, and of services without a VirtualService.

use std::collections::{BTreeMap, BTreeSet};

use halftone_resources::{HttpMatch, HttpRoute, StringMatch, VirtualService};
use halftone_resources::{Resource, RouteDestination};
use serde_json::{Value, json};

use super::services::Services;
use super::{PASSTHROUGH, Role, Workload, virtual_services};
use crate::proxy::Route;

/// The end of the full names of Kubernetes services.
const CLUSTER_DOMAIN: &str = ".svc.cluster.local";

/// The field of a route that the lab translates, beside its matches and destinations.
const TIMEOUT: &str = "timeout";

/// The fields of a match that the lab translates, beside those that [`HttpMatch`] names.
const TRANSLATED: [&str; 4] = ["method", "queryParams", "withoutHeaders", "ignoreUriCase"];

/// All hosts.
const ANY: &str = "*";

pub(super) fn table(
    resources: &[Resource],
    workload: &Workload,
    services: &Services,
    problems: &mut Vec<String>,
) -> Vec<Route> {
    if let Role::Waypoint { service, .. } = &workload.role {
        return of_service(service, resources, workload, services, problems);
    }
    let mut taken = BTreeSet::new();
    let mut routes = Vec::new();
    // The lab adds the routes of `*` to each host, so they must be last.
    let mut of_any = Vec::new();
    for service in virtual_services(resources).filter(|service| workload.takes(service)) {
        let written = Written { service, services }.routes(problems);
        for host in &service.hosts {
            let names = names(host, workload);
            if !taken.insert(host.clone()) {
                problems.push(format!(
                    "{}: spec.hosts: another VirtualService has {host}",
                    resource_name(service)
                ));
            }
            let of_host = names.iter().flat_map(|name| {
                let written = written.iter().cloned();
                written.map(move |fields| on(name).with(fields))
            });
            if host == ANY {
                of_any.extend(of_host);
            } else {
                routes.extend(of_host);
            }
        }
    }
    routes.extend(of_any);
    if workload.role == Role::Sidecar {
        let others = services.hosts().filter(|host| !taken.contains(*host));
        for host in others {
            match services.cluster_of_all(host) {
                Ok(cluster) => {
                    let action = to_service(json!({"cluster": cluster}));
                    let names = names(host, workload);
                    let route = |name: &String| on(name).with(json!({"route": action}));
                    routes.extend(names.iter().map(route));
                }
                Err(what) => problems.push(format!("service {host}: {what}")),
            }
        }
        let action = without_timeout(json!({"cluster": PASSTHROUGH}));
        routes.push(Route::any().with(json!({"route": action})));
    }
    routes
}

/// The routes of a waypoint for one service. The request's host has no effect.
fn of_service(
    host: &str,
    resources: &[Resource],
    workload: &Workload,
    services: &Services,
    problems: &mut Vec<String>,
) -> Vec<Route> {
    let mut all = virtual_services(resources).filter(|service| workload.takes(service));
    let written = match all.find(|service| service.hosts.iter().any(|name| name == host)) {
        Some(service) => Written { service, services }.routes(problems),
        None => match services.cluster_of_all(host) {
            Ok(cluster) => vec![json!({"route": to_service(json!({"cluster": cluster}))})],
            Err(what) => {
                problems.push(format!("service {host}: {what}"));
                Vec::new()
            }
        },
    };
    let any = |fields| Route::any().with(fields);
    written.into_iter().map(any).collect()
}

fn on(host: &str) -> Route {
    if host == ANY {
        Route::any()
    } else {
        Route::authority(host)
    }
}

/// The names, without ports, by which requests of the workload can address a host.
fn names(host: &str, workload: &Workload) -> Vec<String> {
    let service = host
        .strip_suffix(CLUSTER_DOMAIN)
        .and_then(|service| service.split_once('.'));
    let mut names = vec![host.to_owned()];
    if let (Some((name, namespace)), Role::Sidecar) = (service, &workload.role) {
        names.push(format!("{host}."));
        names.push(format!("{name}.{namespace}.svc"));
        names.push(format!("{name}.{namespace}"));
        if namespace == workload.namespace {
            names.push(name.to_owned());
        }
    }
    names
}

fn resource_name(service: &VirtualService) -> String {
    format!(
        "VirtualService {}/{}",
        service.meta.namespace, service.meta.name
    )
}

/// Translates a VirtualService.
struct Written<'r> {
    service: &'r VirtualService,
    services: &'r Services,
}

impl Written<'_> {
    /// The fields of its routes. The last answers 404, as Envoy does if no route of a host matches.
    fn routes(&self, problems: &mut Vec<String>) -> Vec<Value> {
        let mut routes = Vec::new();
        for (place, route) in self.service.http.iter().enumerate() {
            let at = format!("{}: spec.http[{place}]", resource_name(self.service));
            let known = |field: &&String| *field != TIMEOUT;
            untranslated(&at, route.rest.keys().filter(known), problems);
            let mut action = self.action(&at, route, problems);
            if let Some(timeout) = route.rest.get(TIMEOUT) {
                crate::bootstrap::merge(&mut action, &json!({"timeout": timeout}));
            }
            let every = [HttpMatch::default()];
            let matches: &[HttpMatch] = if route.r#match.is_empty() {
                &every
            } else {
                &route.r#match
            };
            for (place, one) in matches.iter().enumerate() {
                let at = format!("{at}.match[{place}]");
                let known = |field: &&String| !TRANSLATED.contains(&field.as_str());
                untranslated(&at, one.rest.keys().filter(known), problems);
                let matched = matched(&at, one, problems);
                routes.push(json!({"match": matched, "route": action}));
            }
        }
        routes.push(json!({"direct_response": {"status": 404}}));
        routes
    }

    fn action(&self, at: &str, route: &HttpRoute, problems: &mut Vec<String>) -> Value {
        let mut clusters = Vec::new();
        for (place, to) in route.route.iter().enumerate() {
            match self.services.cluster_of(&to.destination) {
                Ok(cluster) => clusters.push((cluster, to)),
                Err((field, what)) => {
                    problems.push(format!("{at}.route[{place}].destination.{field}: {what}"));
                }
            }
        }
        if let [(cluster, _)] = clusters.as_slice() {
            return to_service(json!({"cluster": cluster}));
        }
        let weight = |to: &RouteDestination| to.weight.unwrap_or_default();
        clusters.retain(|(_, to)| weight(to) > 0);
        if clusters.is_empty() {
            problems.push(format!("{at}.route: has no destination with a weight"));
        }
        let clusters: Vec<Value> = clusters
            .iter()
            .map(|(cluster, to)| json!({"name": cluster, "weight": weight(to)}))
            .collect();
        to_service(json!({"weighted_clusters": {"clusters": clusters}}))
    }
}

/// Adds Istio's settings to the action of a route to a service.
fn to_service(action: Value) -> Value {
    let mut action = without_timeout(action);
    let retried = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";
    let retries = json!({"retry_policy": {"num_retries": 2, "retry_on": retried}});
    crate::bootstrap::merge(&mut action, &retries);
    action
}

/// Istio removes Envoy's own limits on the duration of a request.
fn without_timeout(mut action: Value) -> Value {
    let none = json!({"timeout": "0s", "max_grpc_timeout": "0s"});
    crate::bootstrap::merge(&mut action, &none);
    action
}

fn untranslated<'f>(
    at: &str,
    fields: impl Iterator<Item = &'f String>,
    problems: &mut Vec<String>,
) {
    problems.extend(fields.map(|field| format!("{at}.{field}: the lab does not translate it")));
}

/// Translates a match into Envoy's `RouteMatch`. The lab adds a prefix to each route; `null` removes it.
fn matched(at: &str, one: &HttpMatch, problems: &mut Vec<String>) -> Value {
    let mut tested = |field: String, test: &StringMatch| {
        let StringMatch {
            exact,
            prefix,
            regex,
        } = test;
        let several = [exact, prefix, regex].into_iter().flatten().count() > 1;
        if several {
            problems.push(format!("{at}.{field}: has more than one test"));
        }
    };
    let mut headers = Vec::new();
    for (name, test) in &one.headers {
        tested(format!("headers.{name}"), test);
        headers.push(header(&name.to_ascii_lowercase(), test));
    }
    if let Some(test) = &one.authority {
        tested("authority".to_owned(), test);
        headers.push(header(":authority", test));
    }
    let method = one.rest.get("method").cloned();
    if let Some(test) = method.and_then(|method| serde_json::from_value(method).ok()) {
        headers.push(header(":method", &test));
    }
    for (name, test) in &tests(one, "withoutHeaders") {
        let mut inverted = header(&name.to_ascii_lowercase(), test);
        let mut fields = json!({"invert_match": true});
        if inverted.get("present_match").is_none() {
            fields = json!({"invert_match": true, "treat_missing_header_as_empty": true});
        }
        crate::bootstrap::merge(&mut inverted, &fields);
        headers.push(inverted);
    }
    let mut matched = json!({"headers": headers});
    let parameters = tests(one, "queryParams");
    if !parameters.is_empty() {
        let parameters = parameters.iter().map(|(name, test)| header(name, test));
        let parameters: Vec<Value> = parameters.collect();
        crate::bootstrap::merge(&mut matched, &json!({"query_parameters": parameters}));
    }
    if one.rest.get("ignoreUriCase") == Some(&Value::Bool(true)) {
        crate::bootstrap::merge(&mut matched, &json!({"case_sensitive": false}));
    }
    if let Some(test) = &one.uri {
        tested("uri".to_owned(), test);
        let path = match (&test.exact, &test.prefix, &test.regex) {
            (Some(exact), _, _) => json!({"prefix": null, "path": exact}),
            (_, Some(prefix), _) => json!({"prefix": prefix}),
            (_, _, Some(regex)) => json!({"prefix": null, "safe_regex": {"regex": regex}}),
            _ => json!({}),
        };
        crate::bootstrap::merge(&mut matched, &path);
    }
    matched
}

/// The tests in a field of a match that [`HttpMatch`] does not name, by name.
fn tests(one: &HttpMatch, field: &str) -> BTreeMap<String, StringMatch> {
    let written = one.rest.get(field).cloned();
    written
        .and_then(|written| serde_json::from_value(written).ok())
        .unwrap_or_default()
}

/// The test of a header, or of a query parameter. Istio takes the regex `*` for any value.
fn header(name: &str, test: &StringMatch) -> Value {
    let is_any = test.regex.as_deref() == Some("*");
    let test = match (&test.exact, &test.prefix, &test.regex) {
        (Some(exact), _, _) => json!({"exact": exact}),
        (_, Some(prefix), _) => json!({"prefix": prefix}),
        (_, _, Some(regex)) if !is_any => json!({"safe_regex": {"regex": regex}}),
        _ => return json!({"name": name, "present_match": true}),
    };
    json!({"name": name, "string_match": test})
}
