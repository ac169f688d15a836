//! The request of a command line.

use std::ffi::OsString;
use std::net::IpAddr;

use clap::builder::{OsStringValueParser, TypedValueParser};
use halftone::draw::SessionKey;
use halftone::request::{Header, RequestHead};

use crate::clock;

/// The arguments that describe a request.
#[derive(Debug, clap::Args)]
pub struct RequestArgs {
    /// The host, with the port if there is one
    #[arg(long, value_parser = host)]
    pub host: String,
    /// The method
    #[arg(long, default_value = "GET", value_parser = method)]
    pub method: String,
    /// The path, with the query
    #[arg(long, default_value = "/", value_parser = path)]
    pub path: String,
    /// A header, as with curl. Repeat the flag for more headers or values
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = OsStringValueParser::new().try_map(header))]
    pub headers: Vec<NamedValue>,
    /// A cookie. Repeat the flag for more cookies
    #[arg(long = "cookie", value_name = "NAME=VALUE", value_parser = cookie)]
    pub cookies: Vec<String>,
    /// A query parameter, which is added to the path. Repeat the flag for more parameters
    #[arg(long = "query", value_name = "NAME=VALUE", value_parser = query)]
    pub query: Vec<(String, String)>,
    /// The source address of the request
    #[arg(long, value_name = "IP")]
    pub source_address: Option<IpAddr>,
    /// A label of the workload that calls. Repeat the flag for more labels
    #[arg(long = "source-label", value_name = "NAME=VALUE", value_parser = label)]
    pub source_labels: Vec<(String, String)>,
    /// The time of the request, such as 2026-12-01T09:00:00Z. The default is now; only ramps and invitations depend on it
    #[arg(long, value_name = "TIME", value_parser = clock::parsed)]
    pub at: Option<u64>,
    /// The seed of the random numbers
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
}

impl RequestArgs {
    /// The time of the request, in milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.at.unwrap_or_else(clock::now)
    }
}

/// A header's name, in lower case, and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedValue(String, Vec<u8>);

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The headers, pseudo-headers first.
    headers: Vec<NamedValue>,
    source_address: Option<String>,
}

impl From<&RequestArgs> for Request {
    fn from(args: &RequestArgs) -> Self {
        let pseudo = [
            (AUTHORITY, &args.host),
            (METHOD, &args.method),
            (PATH, &args.path),
        ];
        let pseudo = pseudo.map(|(name, value)| NamedValue(name.into(), value.as_str().into()));
        let cookies = (!args.cookies.is_empty())
            .then(|| NamedValue("cookie".into(), args.cookies.join("; ").into()));
        let headers = pseudo.into_iter().chain(args.headers.iter().cloned());
        let mut request = Self {
            headers: headers.chain(cookies).collect(),
            // Sessions are recognised by the address in the form that Envoy prints.
            source_address: args
                .source_address
                .map(|address| address.to_canonical().to_string()),
        };
        // Each is added before those that are there.
        for (name, value) in args.query.iter().rev() {
            request.add_to_query(name, value);
        }
        request
    }
}

const AUTHORITY: &str = ":authority";
const METHOD: &str = ":method";
const PATH: &str = ":path";

impl Request {
    /// A request `GET /` to `host`.
    #[must_use]
    pub fn get(host: &str) -> Self {
        let pseudo = [(AUTHORITY, host), (METHOD, "GET"), (PATH, "/")];
        Self {
            headers: pseudo
                .map(|(name, value)| NamedValue(name.into(), value.into()))
                .into(),
            source_address: None,
        }
    }

    /// The headers, for [`Request::head`].
    #[must_use]
    pub fn headers(&self) -> Vec<Header<'_>> {
        let headers = self.headers.iter();
        headers
            .map(|NamedValue(name, value)| (name.as_bytes(), value.as_slice()))
            .collect()
    }

    /// The head. `headers` are this request's [`headers`](Self::headers).
    #[must_use]
    pub fn head<'a>(&'a self, headers: &'a [Header<'a>]) -> RequestHead<'a> {
        let head = RequestHead::new(headers);
        match &self.source_address {
            Some(address) => head.with_source_address(address.as_bytes()),
            None => head,
        }
    }

    /// Adds `value` where `key` looks for it, before any value that is there already.
    pub fn carry(&mut self, key: &SessionKey, value: &str) {
        match key {
            SessionKey::Header(name) => self.add(name, value),
            SessionKey::Cookie(name) => self.add("cookie", &format!("{name}={value}")),
            SessionKey::QueryParam(name) => self.add_to_query(name, value),
            SessionKey::JwtClaim(name) => {
                self.add("authorization", &format!("Bearer {}", token(name, value)));
            }
            SessionKey::SourceAddress => self.source_address = Some(value.into()),
        }
    }

    fn add(&mut self, name: &str, value: &str) {
        self.headers
            .insert(0, NamedValue(name.into(), value.into()));
    }

    fn add_to_query(&mut self, name: &str, value: &str) {
        let encoded = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
                .to_string()
        };
        let pair = format!("?{}={}", encoded(name), encoded(value)).into_bytes();
        for NamedValue(_, target) in self.headers.iter_mut().filter(|one| one.0 == PATH) {
            let at = target
                .iter()
                .position(|byte| *byte == b'?')
                .unwrap_or(target.len());
            let query = target.split_off(at);
            target.extend_from_slice(&pair);
            if let [_, rest @ ..] = query.as_slice() {
                target.push(b'&');
                target.extend_from_slice(rest);
            }
        }
    }
}

/// An unsigned JWT with one claim.
fn token(name: &str, value: &str) -> String {
    use base64::Engine as _;
    let encoded = |json: serde_json::Value| {
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json.to_string())
    };
    let mut claims = serde_json::Map::new();
    claims.insert(name.into(), value.into());
    format!(
        "{}.{}.",
        encoded(serde_json::json!({"alg": "none"})),
        encoded(claims.into())
    )
}

fn host(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(['/', '?', '#', '@']) || text.contains(char::is_whitespace)
    {
        return Err("write a host or host:port, without scheme and path".into());
    }
    Ok(text.into())
}

fn method(text: &str) -> Result<String, String> {
    if !is_token(text) {
        return Err("write an HTTP method such as GET".into());
    }
    Ok(text.into())
}

fn path(text: &str) -> Result<String, String> {
    if !(text.starts_with('/') || text == "*") || text.contains(char::is_control) {
        return Err("write a path that begins with /, with the query".into());
    }
    Ok(text.into())
}

fn header(text: OsString) -> Result<NamedValue, String> {
    const WRITTEN: &str = "write it as 'name: value'";
    let text = text.into_encoded_bytes();
    let colon = text
        .iter()
        .position(|byte| *byte == b':')
        .ok_or(format!("has no colon; {WRITTEN}"))?;
    let (name, value) = text.split_at(colon);
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    if name.is_empty() && text.iter().skip(1).any(|byte| *byte == b':') {
        return Err("is a pseudo-header; use --host, --method or --path".into());
    }
    if !is_token(&name) {
        return Err(format!(
            "has no valid header name before the colon; {WRITTEN}"
        ));
    }
    if name == "host" {
        return Err("sets the host; use --host".into());
    }
    let value = value.get(1..).unwrap_or_default().trim_ascii();
    if value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
        return Err("has a line break or NUL in its value; HTTP does not allow them".into());
    }
    Ok(NamedValue(name, value.into()))
}

fn cookie(text: &str) -> Result<String, String> {
    let is_cookie = |(name, value): (&str, &str)| {
        is_token(name) && !value.contains(';') && !value.contains(char::is_control)
    };
    if !text.split_once('=').is_some_and(is_cookie) {
        return Err("write one cookie as name=value, such as opt-in=v2".into());
    }
    Ok(text.into())
}

fn query(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("write a query parameter as name=value, such as beta=1".into()),
    }
}

fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("write a label as name=value, such as version=v2".into()),
    }
}

/// Whether `text` is a token of HTTP, as methods and header names are (RFC 9110, section 5.6.2).
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
