//! A client that says what it is told to say, and returns all that it hears.

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
use hyper::http::{Method, Request, Uri};
use tokio::sync::Mutex;
use tokio::time::timeout;

pub use answer::Answer;
use connection::{AnyBody, Connection};
pub use raw::{Raw, raw, repeated};
pub use tunnel::Tunnel;
pub use upload::Upload;

/// How long an answer may take, unless [`Client::deadline`] says otherwise.
const DEADLINE: Duration = Duration::from_secs(10);

/// Header fields to send: names and, since HTTP allows them, any bytes as values. A name may stand there twice.
pub type Fields<'a> = &'a [(&'a str, &'a [u8])];

/// The version of HTTP that a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 without TLS, known beforehand (h2c).
    Http2,
}

/// A client of one server. Connections are kept and used again; requests at the same time use one each
/// in HTTP/1.1, and the same in HTTP/2.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    protocol: Protocol,
    deadline: Duration,
    /// Those that can take a request.
    open: Mutex<Vec<Connection>>,
}

impl Client {
    /// A client that speaks HTTP/1.1 to `address`.
    #[must_use]
    pub fn http1(address: SocketAddr) -> Self {
        Self::new(address, Protocol::Http1)
    }

    /// A client that speaks HTTP/2 without TLS to `address`.
    #[must_use]
    pub fn http2(address: SocketAddr) -> Self {
        Self::new(address, Protocol::Http2)
    }

    /// A client that speaks `protocol` to `address`.
    #[must_use]
    pub fn new(address: SocketAddr, protocol: Protocol) -> Self {
        Self {
            address,
            protocol,
            deadline: DEADLINE,
            open: Mutex::default(),
        }
    }

    /// How long an answer may take, from the connection to its last byte. Defaults to 10 s.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Opens so many connections beforehand; in HTTP/2 one carries all requests.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached.
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
    /// As [`Client::send`].
    pub async fn get(&self, host: &str, path: &str, headers: Fields<'_>) -> anyhow::Result<Answer> {
        self.request(Method::GET, host, path, headers, Bytes::new())
            .await
    }

    /// Posts `body` to `path` of `host`.
    ///
    /// # Errors
    ///
    /// As [`Client::send`].
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

    /// Sends a request made of its parts.
    ///
    /// # Errors
    ///
    /// As [`Client::send`].
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
        .with_context(|| format!("{host}{path} is no URI"))?;
        let mut request = Request::builder().method(method).uri(uri);
        if self.protocol == Protocol::Http1 {
            request = request.header(HOST, host);
        }
        let mut request = request.body(body).context("building a request")?;
        append(headers, request.headers_mut())?;
        Ok(request)
    }

    /// Sends a request as it is: in HTTP/1.1 the URI is the path and the host is a header, in HTTP/2 both are in the URI.
    ///
    /// Header fields keep their order, but fields of one name stand together. [`raw()`] sends anything.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached, closes before the end of its answer, or is not done at the deadline.
    pub async fn send<B>(&self, request: Request<B>) -> anyhow::Result<Answer>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let what = format!("{} {} to {}", request.method(), request.uri(), self.address);
        let request = request.map(|body| body.map_err(io::Error::other).boxed_unsync());
        timeout(self.deadline, self.exchange(request))
            .await
            .with_context(|| format!("{what}: no whole answer in {:?}", self.deadline))?
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
            .with_context(|| format!("the answer {} broke off", head.status))?;
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

    /// A connection that is still open and can take a request, or a new one.
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
