//! A request whose body is sent in pieces, and can be aborted.

use std::io;
use std::net::SocketAddr;

use anyhow::Context;
use http_body_util::channel::{Channel, Sender};
use hyper::body::Bytes;
use hyper::header::HeaderMap;
use hyper::http::Method;
use tokio::task::JoinHandle;

use super::{Answer, Client, Fields, Protocol, append};

/// A request in progress, on its own connection. Over HTTP/1.1 its body is chunked, unless its headers have
/// `content-length`. Dropping it ends the request without reading the answer.
#[derive(Debug)]
pub struct Upload {
    body: Sender<Bytes, io::Error>,
    answer: JoinHandle<anyhow::Result<Answer>>,
}

impl Upload {
    /// Sends the head of a POST to `path` of `host`.
    ///
    /// # Errors
    ///
    /// If the parts do not make a valid request.
    pub fn begin(
        address: SocketAddr,
        protocol: Protocol,
        host: &str,
        path: &str,
        headers: Fields<'_>,
    ) -> anyhow::Result<Self> {
        let (sender, body) = Channel::new(1);
        let client = Client::new(address, protocol);
        let request = client.built(Method::POST, host, path, headers, body)?;
        Ok(Self {
            body: sender,
            answer: tokio::spawn(async move { client.send(request).await }),
        })
    }

    /// Sends a piece of the body: over HTTP/1.1, a chunk.
    ///
    /// # Errors
    ///
    /// If the server does not accept more.
    pub async fn say(&mut self, piece: impl Into<Bytes>) -> anyhow::Result<()> {
        let sent = self.body.send_data(piece.into()).await;
        sent.context("the server did not accept the body of a request")
    }

    /// Aborts the request: closes the connection (HTTP/1.1) or resets the stream (HTTP/2).
    pub async fn break_off(self) {
        self.body.abort(io::Error::other("aborted by the test"));
        // There is no answer. Waiting for the task closes the connection.
        let _ = self.answer.await;
    }

    /// Ends the request and waits for its answer.
    ///
    /// # Errors
    ///
    /// Those of [`Client::send`].
    pub async fn end(self) -> anyhow::Result<Answer> {
        drop(self.body);
        self.answer.await.context("an upload")?
    }

    /// Ends the request with trailers and waits for its answer. Trailers are sent over HTTP/2 only.
    ///
    /// # Errors
    ///
    /// Those of [`Client::send`].
    pub async fn end_with(mut self, trailers: Fields<'_>) -> anyhow::Result<Answer> {
        let mut map = HeaderMap::new();
        append(trailers, &mut map)?;
        let sent = self.body.send_trailers(map).await;
        sent.context("the server did not accept the trailers of a request")?;
        self.end().await
    }
}
