//! A request as an upstream received it.

use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::header::{HOST, HeaderMap};
use hyper::http::{Request, Version};
use serde_json::{Value, json};

/// A request that was read to its end.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its method.
    pub method: String,
    /// Path and query. Empty for CONNECT.
    pub path: String,
    /// `:authority` of HTTP/2, or the `host` header of HTTP/1.1.
    pub authority: String,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub version: String,
    /// The header fields. Names are in lower case, values are any bytes. Fields with the same name are adjacent and
    /// keep their order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The part of the body that arrived.
    pub body: Bytes,
    /// The trailers.
    pub trailers: Vec<(String, Vec<u8>)>,
    /// Whether the body is complete.
    pub complete: bool,
}

impl Received {
    /// The first value of a header field, with invalid UTF-8 replaced.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let (_, value) = self.headers.iter().find(|(field, _)| field == name)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    /// All values of a header field.
    #[must_use]
    pub fn values(&self, name: &str) -> Vec<&[u8]> {
        let fields = self.headers.iter().filter(|(field, _)| field == name);
        fields.map(|(_, value)| value.as_slice()).collect()
    }

    /// Takes the head of a request. The body follows with `read`.
    pub(super) fn head<B>(request: &Request<B>) -> Self {
        let host = || {
            request
                .headers()
                .get(HOST)
                .map(|host| latin1(host.as_bytes()))
        };
        let authority = match request.version() {
            Version::HTTP_2 => request
                .uri()
                .authority()
                .map(ToString::to_string)
                .or_else(host),
            _ => host(),
        };
        Self {
            method: request.method().to_string(),
            path: request
                .uri()
                .path_and_query()
                .map(ToString::to_string)
                .unwrap_or_default(),
            authority: authority.unwrap_or_default(),
            version: format!("{:?}", request.version()),
            headers: fields(request.headers()),
            body: Bytes::new(),
            trailers: Vec::new(),
            complete: true,
        }
    }

    /// Reads the body.
    pub(super) async fn read(mut self, mut body: Incoming) -> Self {
        let mut bytes = Vec::new();
        self.complete = loop {
            match body.frame().await {
                None => break true,
                Some(Err(_)) => break false,
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => bytes.extend_from_slice(&data),
                    Err(frame) => {
                        self.trailers = frame.trailers_ref().map(fields).unwrap_or_default()
                    }
                },
            }
        };
        self.body = bytes.into();
        self
    }

    /// The answer of [`Script::echo`](super::Script::echo). Bytes are read as Latin-1, so each has a character.
    pub(super) fn to_json(&self, upstream: &str) -> Value {
        let headers: Vec<Value> = self
            .headers
            .iter()
            .map(|(name, value)| json!([name, latin1(value)]))
            .collect();
        json!({
            "upstream": upstream,
            "method": self.method,
            "authority": self.authority,
            "path": self.path,
            "version": self.version,
            "headers": headers,
            "body_bytes": self.body.len(),
        })
    }
}

fn fields(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
        .collect()
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}
