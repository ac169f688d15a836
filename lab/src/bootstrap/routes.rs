//! The route table: a virtual host per authority that a route names, and one for all others.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::merge;
use crate::proxy::{HEALTH_HOST, Proxy, Route};

pub(super) fn table(proxy: &Proxy) -> Value {
    let authorities: BTreeSet<&str> = proxy
        .routes
        .iter()
        .filter_map(|route| route.authority.as_deref())
        .collect();
    let mut hosts = vec![json!({
        "name": HEALTH_HOST,
        "domains": [HEALTH_HOST],
        "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 200}}],
    })];
    hosts.extend(
        authorities
            .iter()
            .map(|authority| host(proxy, authority, Some(authority))),
    );
    hosts.push(host(proxy, "*", None));
    json!({"name": "lab", "ignore_port_in_host_matching": true, "virtual_hosts": hosts})
}

fn host(proxy: &Proxy, domain: &str, authority: Option<&str>) -> Value {
    let here =
        |route: &&Route| route.authority.is_none() || route.authority.as_deref() == authority;
    let routes: Vec<Value> = proxy
        .routes
        .iter()
        .filter(here)
        .flat_map(|route| written(proxy, route))
        .collect();
    json!({"name": domain, "domains": [domain], "routes": routes})
}

/// CONNECT has no path, so no prefix matches it. With upgrades on, each route has a second form for CONNECT.
fn written(proxy: &Proxy, route: &Route) -> Vec<Value> {
    let headers: Vec<Value> = route
        .headers
        .iter()
        .map(|(name, value)| json!({"name": name, "string_match": {"exact": value}}))
        .collect();
    let write = |matched: Value| {
        let mut written = json!({"match": matched});
        if let Some(cluster) = &route.cluster {
            merge(&mut written, &json!({"route": {"cluster": cluster}}));
        }
        merge(&mut written, &route.overrides);
        written
    };
    let mut all = Vec::new();
    if proxy.upgrades {
        all.push(write(json!({"connect_matcher": {}, "headers": headers})));
    }
    all.push(write(json!({"prefix": "/", "headers": headers})));
    all
}
