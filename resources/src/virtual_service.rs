//! Istio's `VirtualService`: the routes of hosts.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::meta::Meta;
use crate::service::qualified;

/// The HTTP routes of a `VirtualService`.
#[derive(Clone, Debug)]
pub struct VirtualService {
    /// The name and namespace.
    pub meta: Meta,
    /// The hosts, by their full names. `*.example.com` and `*` are possible.
    pub hosts: Vec<String>,
    /// The gateways that use it. Empty: the sidecars of the mesh, `mesh`.
    pub gateways: Vec<String>,
    /// The routes, in order. The first that matches decides.
    pub http: Vec<HttpRoute>,
}

/// An HTTP route.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct HttpRoute {
    /// The name, for people.
    pub name: String,
    /// The matches. One of them must hold. Empty: every request matches.
    pub r#match: Vec<HttpMatch>,
    /// The destinations. Several are chosen by weight.
    pub route: Vec<RouteDestination>,
    /// All other fields of the route.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// Conditions that must all hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HttpMatch {
    /// The name, for people.
    pub name: String,
    /// The tests of headers by name, in any case.
    pub headers: BTreeMap<String, StringMatch>,
    /// The test of the path without the query.
    pub uri: Option<StringMatch>,
    /// The test of the host, with the port if there is one.
    pub authority: Option<StringMatch>,
    /// All other fields of the match.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A test of a string. Without fields, it tests that the string exists.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct StringMatch {
    /// The whole string.
    pub exact: Option<String>,
    /// The beginning of the string.
    pub prefix: Option<String>,
    /// A regular expression (RE2) for the whole string.
    pub regex: Option<String>,
}

/// A destination and its weight.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct RouteDestination {
    /// The destination.
    pub destination: RouteTo,
    /// The weight among several destinations. The sum is 100.
    pub weight: Option<u32>,
}

/// A service, or one subset of it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct RouteTo {
    /// The full name of the service.
    pub host: String,
    /// A subset, which a DestinationRule of the service defines.
    pub subset: Option<String>,
    /// The port of the service. Absent: its only one.
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
