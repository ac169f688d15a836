//! The values of the flags.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use halftone_resources::TargetRef;

/// The kinds of targets, and their API groups.
const TARGETS: [(&str, &str); 6] = [
    ("Gateway", GATEWAY_API),
    ("GatewayClass", GATEWAY_API),
    ("Service", ""),
    ("ServiceEntry", "networking.istio.io"),
    ("HTTPRoute", GATEWAY_API),
    ("GRPCRoute", GATEWAY_API),
];

/// The group of the Gateway API.
pub const GATEWAY_API: &str = "gateway.networking.k8s.io";

/// A label of workloads: `key=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The name, which can have a prefix: `app.kubernetes.io/name`.
    pub key: String,
    /// The value, which can be empty.
    pub value: String,
}

impl FromStr for Label {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_plain = |part: &str| {
            part.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte))
        };
        match text.split_once('=') {
            Some((key, value))
                if !key.is_empty() && is_plain(key) && is_plain(value) && !value.contains('/') =>
            {
                Ok(Self {
                    key: key.into(),
                    value: value.into(),
                })
            }
            _ => Err("write it as key=value: app=reviews".into()),
        }
    }
}

/// Reads `Kind/name`.
pub fn target(text: &str) -> Result<TargetRef, String> {
    let (kind, name) = text
        .split_once('/')
        .ok_or("write it as Kind/name: Gateway/public")?;
    let known = TARGETS.iter().find(|(known, _)| *known == kind);
    let Some((kind, group)) = known else {
        let kinds: Vec<&str> = TARGETS.iter().map(|(kind, _)| *kind).collect();
        return Err(format!("unknown kind; write one of {}", kinds.join(", ")));
    };
    Ok(TargetRef {
        group: (*group).into(),
        kind: (*kind).into(),
        name: object_name(name)?,
    })
}

/// Reads the name of a resource: a DNS name in lower case.
pub fn object_name(text: &str) -> Result<String, String> {
    if !text.is_empty() && text.len() <= 253 && text.split('.').all(is_label) {
        Ok(text.into())
    } else {
        Err("use a-z, 0-9, - and . only, with a letter or digit first and last".into())
    }
}

/// Reads a namespace: a DNS label.
pub fn namespace(text: &str) -> Result<String, String> {
    if is_label(text) && text.len() <= 63 {
        Ok(text.into())
    } else {
        Err("use at most 63 of a-z, 0-9 and -, with a letter or digit first and last".into())
    }
}

/// Reads the name of a Gateway, with the namespace if it is another one: `public`,
/// `istio-system/public`, or `mesh`.
pub fn gateway(text: &str) -> Result<String, String> {
    let (first, name) = text.split_once('/').unwrap_or(("here", text));
    namespace(first).and(object_name(name)).map(|_| text.into())
}

fn is_label(text: &str) -> bool {
    let is_edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let bytes = text.as_bytes();
    is_edge(bytes.first()) && is_edge(bytes.last()) && text.bytes().all(is_inner)
}

/// Reads the URL of the module.
pub fn url(text: &str) -> Result<String, String> {
    let is_one_word = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    let is_known = match text.split_once("://") {
        Some(("file", path)) => path.starts_with('/'),
        Some(("oci" | "http" | "https", rest)) => !rest.is_empty(),
        Some(_) => false,
        None => true,
    };
    if is_one_word && is_known {
        Ok(text.into())
    } else {
        Err("write the URL of an image, oci://registry/name:tag, or of a module, https://… or file:///…".into())
    }
}

/// Reads a SHA-256 digest.
pub fn sha256(text: &str) -> Result<String, String> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() == 64 && text.bytes().all(is_digit) {
        Ok(text.into())
    } else {
        Err("write 64 hexadecimal digits, 0-9 and a-f".into())
    }
}

/// The service of a release: `[RELEASE=]HOST`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfService {
    /// The release. None: the only one.
    pub release: Option<String>,
    /// The service: its full name, or its short name in the namespace.
    pub host: String,
}

impl FromStr for OfService {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (release, host) = match text.split_once('=') {
            Some((release, host)) => (Some(release), host),
            None => (None, text),
        };
        let host = object_name(&host.to_ascii_lowercase())
            .map_err(|_| "write it as HOST or RELEASE=HOST: reviews.bookinfo.svc.cluster.local")?;
        Ok(Self {
            release: release.map(Into::into),
            host,
        })
    }
}

/// The address of a version or a mirror: `VERSION=[http2://]HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// A version, `RELEASE/VERSION`, `SERVICE/VERSION`, a mirror, or the name of a cluster.
    pub of: String,
    /// The address.
    pub address: Address,
    /// Whether it takes HTTP/2 only, as gRPC does.
    pub is_http2: bool,
}

/// The prefix of the address of an upstream that takes HTTP/2 only.
const HTTP2: &str = "http2://";

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A name or an address. IPv6 is without brackets.
    pub host: String,
    /// The port, above 0.
    pub port: u16,
}

impl FromStr for Upstream {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (of, address) = text.rsplit_once('=')?;
            let http2 = address.strip_prefix(HTTP2);
            Some(Self {
                of: (!of.is_empty()).then(|| of.into())?,
                address: Address::read(http2.unwrap_or(address))?,
                is_http2: http2.is_some(),
            })
        };
        read().ok_or_else(|| {
            "write it as VERSION=HOST:PORT: v2=reviews-v2.bookinfo:9080; for HTTP/2, v2=http2://HOST:PORT"
                .into()
        })
    }
}

/// Reads an address to listen on: a port of the `default` address, or `ADDRESS:PORT`.
fn socket(text: &str, default: IpAddr) -> Result<SocketAddr, String> {
    let port = text.parse().map(|port| SocketAddr::new(default, port));
    port.or_else(|_| text.parse())
        .ok()
        .filter(|address| address.port() > 0)
        .ok_or_else(|| "write a port, or ADDRESS:PORT: 127.0.0.1:8080, [::]:8080".into())
}

/// Reads the address on which Envoy listens for requests. A port alone listens on all addresses of IPv4.
pub fn listen(text: &str) -> Result<SocketAddr, String> {
    socket(text, Ipv4Addr::UNSPECIFIED.into())
}

/// Reads the address of Envoy's admin interface. A port alone listens on 127.0.0.1.
pub fn admin(text: &str) -> Result<SocketAddr, String> {
    socket(text, Ipv4Addr::LOCALHOST.into())
}

impl Address {
    /// Reads `host:port`, or `[v6]:port`.
    pub fn read(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let port = port.parse().ok().filter(|port| *port > 0)?;
        let v6 = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let is_host = match v6 {
            Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
            None => {
                let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
                !host.is_empty() && host.bytes().all(is_plain)
            }
        };
        is_host.then(|| Self {
            host: v6.unwrap_or(host).into(),
            port,
        })
    }
}
