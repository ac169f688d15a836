//! Route tables, and what Envoy can do without a plugin.

use serde_json::{Value, json};

use super::traffic::TESTER;
use super::upstreams::{MIRROR, V1, V2};
use crate::proxy::{Proxy, Route};

const LUA: &str = r#"
function envoy_on_request(handle)
  local version = "v1"
  if math.random() < 0.5 then version = "v2" end
  handle:headers():replace("x-halftone-version", version)
  handle:clearRouteCache()
end
"#;

/// The routes of every row with a filter, and of the row without one: one for each version, then a default.
pub fn by_version(proxy: Proxy) -> Proxy {
    let version = |version| Route::header("x-halftone-version", version).to(version);
    proxy.route(version(V1)).route(version(V2)).fallback(V1)
}

/// Envoy tests the header itself.
pub fn header(proxy: Proxy) -> Proxy {
    by_header(proxy, &json!({}))
}

/// Envoy sends half of the requests to each version.
pub fn split(proxy: Proxy) -> Proxy {
    let half = |version: &str| json!({"name": version, "weight": 50});
    let clusters = json!({"clusters": [half(V1), half(V2)]});
    proxy.route(Route::any().with(json!({"route": {"weighted_clusters": clusters}})))
}

/// Envoy tests the header and mirrors.
pub fn mirror(proxy: Proxy) -> Proxy {
    let policies = json!([{"cluster": MIRROR}]);
    by_header(
        proxy,
        &json!({"route": {"request_mirror_policies": policies}}),
    )
}

/// A Lua script picks a version at random, sets the header, and clears the route cache.
pub fn lua(proxy: Proxy) -> Proxy {
    by_version(proxy.before(json!({
        "name": "lua",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": LUA},
        },
    })))
}

/// Adds `fields` of Envoy's `Route` to each route.
fn by_header(proxy: Proxy, fields: &Value) -> Proxy {
    let (name, value) = TESTER;
    proxy
        .route(Route::header(name, value).to(V2).with(fields.clone()))
        .route(Route::any().to(V1).with(fields.clone()))
}
