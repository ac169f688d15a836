//! Metrics from Envoy's admin endpoints.

use std::fmt;
use std::time::Duration;

use futures_util::future::join_all;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::source::{Answer, Numbers, Scraped};

/// The only path of the admin endpoint that the console asks for.
const PATH: &str = "/stats/prometheus?usedonly&filter=halftone_";

/// The longest time for an answer.
const PATIENCE: Duration = Duration::from_millis(900);

/// The size of the largest answer, in bytes: 3,000 releases in use have about this many.
const LARGEST: usize = 32 << 20;

/// The text is not the URL of an admin endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the URL of Envoy's admin endpoint such as http://127.0.0.1:9901, got {0:?}")]
pub struct NotAnEndpoint(pub String);

/// The admin endpoints of Envoys.
#[derive(Debug)]
pub struct Admins {
    all: Vec<Admin>,
    patience: Duration,
}

#[derive(Debug)]
struct Admin {
    name: String,
    /// `host:port`.
    authority: String,
}

impl Admins {
    /// The endpoints at `urls`.
    ///
    /// # Errors
    ///
    /// One is not a URL with a host, or has a path.
    pub fn new<U: AsRef<str>>(urls: &[U]) -> Result<Self, NotAnEndpoint> {
        let admins = urls.iter().map(|url| Admin::new(url.as_ref()));
        Ok(Self {
            all: admins.collect::<Result<_, _>>()?,
            patience: PATIENCE,
        })
    }

    /// No endpoint.
    #[must_use]
    pub fn none() -> Self {
        Self {
            all: Vec::new(),
            patience: PATIENCE,
        }
    }

    /// Sets the longest time for an answer. Defaults to 900 ms, because the console asks once a second.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

impl Admin {
    fn new(url: &str) -> Result<Self, NotAnEndpoint> {
        let wrong = || NotAnEndpoint(url.into());
        let uri: hyper::Uri = url.parse().map_err(|_| wrong())?;
        let is_plain = uri.scheme_str() == Some("http") && matches!(uri.path(), "" | "/");
        let authority = uri.authority().filter(|authority| {
            is_plain && uri.query().is_none() && !authority.as_str().contains('@')
        });
        let authority = authority.ok_or_else(wrong)?;
        let port = authority.port_u16().unwrap_or(80);
        Ok(Self {
            name: authority.to_string(),
            authority: format!("{}:{port}", authority.host()),
        })
    }

    async fn scrape(&self, patience: Duration) -> Scraped {
        let page = match timeout(patience, self.page()).await {
            Ok(Ok(page)) => Ok(page),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(format!("no answer in {} ms", patience.as_millis())),
        };
        Scraped {
            source: self.name.clone(),
            page,
        }
    }

    async fn page(&self) -> Result<String, String> {
        let said = |what: &str, error: &dyn fmt::Display| format!("{what}: {error}");
        let stream = TcpStream::connect(&self.authority)
            .await
            .map_err(|error| said("cannot connect", &error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| said("no HTTP", &error))?;
        let request = Request::get(PATH)
            .header(HOST, &self.authority)
            .body(Empty::<Bytes>::new())
            .map_err(|error| said("no request", &error))?;
        let ask = async {
            let answer = sender
                .send_request(request)
                .await
                .map_err(|error| said("no answer", &error))?;
            if answer.status() != StatusCode::OK {
                return Err(format!("answered with status {}", answer.status().as_u16()));
            }
            let body = Limited::new(answer.into_body(), LARGEST).collect().await;
            let body = body.map_err(|error| said("the answer is incomplete", &error))?;
            String::from_utf8(body.to_bytes().into()).map_err(|error| said("no text", &error))
        };
        tokio::pin!(ask);
        tokio::select! {
            page = &mut ask => page,
            // The connection ends when the answer is complete; the rest of the answer is in `ask` then.
            ended = connection => {
                ended.map_err(|error| said("the connection broke", &error))?;
                ask.await
            }
        }
    }
}

impl Numbers for Admins {
    fn scrape(&self) -> Answer<'_, Vec<Scraped>> {
        Box::pin(async { join_all(self.all.iter().map(|admin| admin.scrape(self.patience))).await })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_url_with_a_host() {
        for (url, expected) in [
            ("http://127.0.0.1:9901", Some("127.0.0.1:9901")),
            ("http://127.0.0.1:9901/", Some("127.0.0.1:9901")),
            ("http://[::1]:9901", Some("[::1]:9901")),
            ("http://envoy", Some("envoy:80")),
            ("127.0.0.1:9901", None),
            ("https://envoy:9901", None),
            ("http://envoy:9901/quitquitquit", None),
            ("http://envoy:9901/?a", None),
            ("http://a@envoy:9901", None),
            ("", None),
        ] {
            let got = Admin::new(url).ok().map(|admin| admin.authority);
            assert_eq!(got.as_deref(), expected, "{url}");
        }
    }
}
