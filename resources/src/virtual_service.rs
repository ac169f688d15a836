//! Istio's `VirtualService`: the routes of a host.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::meta::{Meta, qualified};

/// A `VirtualService`, as far as it routes HTTP.
#[derive(Clone, Debug)]
pub struct VirtualService {
    /// Its name.
    pub meta: Meta,
    /// The full names of its hosts; `*.example.com` and `*` too.
    pub hosts: Vec<String>,
    /// The gateways that it is for. Empty: the mesh's sidecars, `mesh`.
    pub gateways: Vec<String>,
    /// In order; the first that matches decides.
    pub http: Vec<HttpRoute>,
}

/// A route.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct HttpRoute {
    /// For people.
    pub name: String,
    /// Any of them; empty: every request.
    pub r#match: Vec<HttpMatch>,
    /// Where to; by weight, if there are several.
    pub route: Vec<RouteDestination>,
    /// All else that a route may say.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// Conditions that must all hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HttpMatch {
    /// For people.
    pub name: String,
    /// By name, in any case.
    pub headers: BTreeMap<String, StringMatch>,
    /// The path with the query left out.
    pub uri: Option<StringMatch>,
    /// The host, with the port if there is one.
    pub authority: Option<StringMatch>,
    /// All else that a match may say.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A test of a text; with none of the three, that there is one.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct StringMatch {
    /// The whole text.
    pub exact: Option<String>,
    /// Its beginning.
    pub prefix: Option<String>,
    /// The whole text, as RE2.
    pub regex: Option<String>,
}

/// A destination and its weight.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct RouteDestination {
    /// Where to.
    pub destination: RouteTo,
    /// Of 100, where there are several.
    pub weight: Option<u32>,
}

/// A service, or one subset of it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct RouteTo {
    /// The service's full name.
    pub host: String,
    /// A subset that a DestinationRule of the service names.
    pub subset: Option<String>,
    /// The service's port. Absent: its only one.
    pub port: Option<crate::plugin::Port>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct VirtualServiceSpec {
    hosts: Vec<String>,
    gateways: Vec<String>,
    http: Vec<HttpRoute>,
}

impl VirtualService {
    pub(crate) fn new(meta: Meta, mut spec: VirtualServiceSpec) -> Self {
        let hosts = spec.hosts.iter();
        let hosts = hosts.map(|host| qualified(host, &meta.namespace)).collect();
        let routes = spec.http.iter_mut().flat_map(|route| &mut route.route);
        for one in routes {
            one.destination.host = qualified(&one.destination.host, &meta.namespace);
        }
        Self {
            meta,
            hosts,
            gateways: spec.gateways,
            http: spec.http,
        }
    }
}
