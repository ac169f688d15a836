//! A client that sends exactly what a test gives it, and returns complete answers.

mod answer;
mod connection;
mod raw;
mod tunnel;
mod upload;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes};
use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue};
pub use hyper::http::Method;
use hyper::http::{Request, Uri};
use tokio::sync::Mutex;
use tokio::time::timeout;

pub use answer::Answer;
use connection::{AnyBody, Connection};
pub use raw::{Raw, raw, repeated};
pub use tunnel::Tunnel;
pub use upload::Upload;

/// The default of [`Client::deadline`].
const DEADLINE: Duration = Duration::from_secs(60);

/// Header fields to send. HTTP allows any bytes in a value. A name can appear twice.
pub type Fields<'a> = &'a [(&'a str, &'a [u8])];

/// The version of HTTP that a client uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 without TLS, by prior knowledge (h2c).
    Http2,
}

/// A client of one server. It reuses connections. Concurrent requests use one connection each in
/// HTTP/1.1, and share one in HTTP/2.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    protocol: Protocol,
    deadline: Duration,
    /// The open connections that can take a request.
    open: Mutex<Vec<Connection>>,
}

impl Client {
    /// A client that uses HTTP/1.1 with `address`.
    #[must_use]
    pub fn http1(address: SocketAddr) -> Self {
        Self::new(address, Protocol::Http1)
    }

    /// A client that uses HTTP/2 without TLS with `address`.
    #[must_use]
    pub fn http2(address: SocketAddr) -> Self {
        Self::new(address, Protocol::Http2)
    }

    /// A client that uses `protocol` with `address`.
    #[must_use]
    pub fn new(address: SocketAddr, protocol: Protocol) -> Self {
        Self {
            address,
            protocol,
            deadline: DEADLINE,
            open: Mutex::default(),
        }
    }

    /// Sets the longest time from the connection to the last byte of the answer. Defaults to 60 s.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Opens `count` connections in advance. In HTTP/2 one connection carries all requests.
    ///
    /// # Errors
    ///
    /// If the server cannot be reached.
    pub async fn connect(&self, connections: usize) -> anyhow::Result<()> {
        for _ in 0..connections {
            let connection = Connection::open(self.address, self.protocol).await?;
            self.open.lock().await.push(connection);
        }
        Ok(())
    }

    /// Gets `path` (with its query) of `host`.
    ///
    /// # Errors
    ///
    /// Those of [`Client::send`].
    pub async fn get(&self, host: &str, path: &str, headers: Fields<'_>) -> anyhow::Result<Answer> {
        self.request(Method::GET, host, path, headers, Bytes::new())
            .await
    }

    /// Posts `body` to `path` of `host`.
    ///
    /// # Errors
    ///
    /// Those of [`Client::send`].
    pub async fn post(
        &self,
        host: &str,
        path: &str,
        headers: Fields<'_>,
        body: impl Into<Bytes>,
    ) -> anyhow::Result<Answer> {
        self.request(Method::POST, host, path, headers, body.into())
            .await
    }

    /// Sends a request that is given in parts.
    ///
    /// # Errors
    ///
    /// Those of [`Client::send`].
    pub async fn request(
        &self,
        method: Method,
        host: &str,
        path: &str,
        headers: Fields<'_>,
        body: Bytes,
    ) -> anyhow::Result<Answer> {
        self.send(self.built(method, host, path, headers, Full::new(body))?)
            .await
    }

    fn built<B>(
        &self,
        method: Method,
        host: &str,
        path: &str,
        headers: Fields<'_>,
        body: B,
    ) -> anyhow::Result<Request<B>> {
        let uri: Uri = match self.protocol {
            Protocol::Http1 => path.parse(),
            Protocol::Http2 => format!("http://{host}{path}").parse(),
        }
        .with_context(|| format!("{host}{path} is not a URI"))?;
        let mut request = Request::builder().method(method).uri(uri);
        if self.protocol == Protocol::Http1 {
            request = request.header(HOST, host);
        }
        let mut request = request.body(body).context("building a request")?;
        append(headers, request.headers_mut())?;
        Ok(request)
    }

    /// Sends a request unchanged. In HTTP/1.1 the URI is the path and the host is a header. In HTTP/2 both are in the
    /// URI.
    ///
    /// Header fields keep their order, except that fields with the same name are adjacent. [`raw()`] sends any bytes.
    ///
    /// # Errors
    ///
    /// If the server cannot be reached, closes before the end of its answer, or is not done at the deadline.
    pub async fn send<B>(&self, request: Request<B>) -> anyhow::Result<Answer>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let what = format!("{} {} to {}", request.method(), request.uri(), self.address);
        let request = request.map(|body| body.map_err(io::Error::other).boxed_unsync());
        timeout(self.deadline, self.exchange(request))
            .await
            .with_context(|| format!("{what}: no complete answer in {:?}", self.deadline))?
            .context(what)
    }

    async fn exchange(&self, request: Request<AnyBody>) -> anyhow::Result<Answer> {
        let mut connection = self.connection().await?;
        let (head, body) = connection
            .send(request)
            .await
            .context("no answer")?
            .into_parts();
        let body = body
            .collect()
            .await
            .with_context(|| format!("the answer {} is incomplete", head.status))?;
        if connection.shared().is_none() {
            self.open.lock().await.push(connection);
        }
        let trailers = body.trailers().cloned().unwrap_or_default();
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: body.to_bytes(),
            trailers,
        })
    }

    /// An open connection that can take a request, or a new one.
    async fn connection(&self) -> anyhow::Result<Connection> {
        let mut open = self.open.lock().await;
        while let Some(mut connection) = open.pop() {
            if connection.ready().await.is_ok() {
                open.extend(connection.shared());
                return Ok(connection);
            }
        }
        let connection = Connection::open(self.address, self.protocol).await?;
        open.extend(connection.shared());
        Ok(connection)
    }
}

fn append(fields: Fields<'_>, map: &mut HeaderMap) -> anyhow::Result<()> {
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes())
            .with_context(|| format!("the header name {name:?}"))?;
        let value = HeaderValue::from_bytes(value)
            .with_context(|| format!("the value of header {name}"))?;
        map.append(name, value);
    }
    Ok(())
}
