//! A request whose body is sent piece by piece, and perhaps never to its end.

use std::io;
use std::net::SocketAddr;

use anyhow::Context;
use http_body_util::channel::{Channel, Sender};
use hyper::body::Bytes;
use hyper::header::HeaderMap;
use hyper::http::Method;
use tokio::task::JoinHandle;

use super::{Answer, Client, Fields, Protocol, append};

/// A request under way, on a connection of its own. Its length is not known beforehand: over HTTP/1.1 it is chunked, unless
/// the header `content-length` is among its fields. Dropping it ends the request, and nobody hears the answer.
#[derive(Debug)]
pub struct Upload {
    body: Sender<Bytes, io::Error>,
    answer: JoinHandle<anyhow::Result<Answer>>,
}

impl Upload {
    /// Posts to `path` of `host`. Nothing of the body is sent yet.
    ///
    /// # Errors
    ///
    /// When there is no such request.
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

    /// Sends a piece of the body. Over HTTP/1.1 it is a chunk.
    ///
    /// # Errors
    ///
    /// When the server takes no more.
    pub async fn say(&mut self, piece: impl Into<Bytes>) -> anyhow::Result<()> {
        let sent = self.body.send_data(piece.into()).await;
        sent.context("a request's body was not taken")
    }

    /// Breaks the request off: the connection is closed (HTTP/1.1) or the stream reset (HTTP/2).
    pub async fn break_off(self) {
        self.body.abort(io::Error::other("the test says so"));
        // It has none, and is waited for since the connection goes with it.
        let _ = self.answer.await;
    }

    /// Ends the request, and waits for its answer.
    ///
    /// # Errors
    ///
    /// As [`Client::send`].
    pub async fn end(self) -> anyhow::Result<Answer> {
        drop(self.body);
        self.answer.await.context("an upload")?
    }

    /// Ends the request with trailers, and waits for its answer. They are sent over HTTP/2 alone.
    ///
    /// # Errors
    ///
    /// As [`Client::send`].
    pub async fn end_with(mut self, trailers: Fields<'_>) -> anyhow::Result<Answer> {
        let mut map = HeaderMap::new();
        append(trailers, &mut map)?;
        let sent = self.body.send_trailers(map).await;
        sent.context("a request's trailers were not taken")?;
        self.end().await
    }
}
