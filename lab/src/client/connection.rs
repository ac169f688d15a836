//! One connection of either version of HTTP.

use std::io;
use std::net::SocketAddr;

use anyhow::Context;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::http::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use super::Protocol;

/// Any body of a request. An error aborts the request.
pub(super) type AnyBody = UnsyncBoxBody<Bytes, io::Error>;

#[derive(Debug)]
pub(super) enum Connection {
    Http1(http1::SendRequest<AnyBody>),
    Http2(http2::SendRequest<AnyBody>),
}

impl Connection {
    pub(super) async fn open(address: SocketAddr, protocol: Protocol) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true).context("setting TCP_NODELAY")?;
        let io = TokioIo::new(stream);
        // The task ends with the connection. Its errors also appear at the request.
        match protocol {
            Protocol::Http1 => {
                let (sender, connection) =
                    http1::handshake(io).await.context("HTTP/1.1 handshake")?;
                tokio::spawn(connection.with_upgrades());
                Ok(Self::Http1(sender))
            }
            Protocol::Http2 => {
                let handshake = http2::handshake(TokioExecutor::new(), io).await;
                let (sender, connection) = handshake.context("HTTP/2 handshake")?;
                tokio::spawn(connection);
                Ok(Self::Http2(sender))
            }
        }
    }

    /// The same connection, if it can carry one more concurrent request.
    pub(super) fn shared(&self) -> Option<Self> {
        match self {
            Self::Http1(_) => None,
            Self::Http2(sender) => Some(Self::Http2(sender.clone())),
        }
    }

    /// Waits until it can take a request. An error means that it is closed.
    pub(super) async fn ready(&mut self) -> hyper::Result<()> {
        match self {
            Self::Http1(sender) => sender.ready().await,
            Self::Http2(sender) => sender.ready().await,
        }
    }

    pub(super) async fn send(
        &mut self,
        request: Request<AnyBody>,
    ) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::Http1(sender) => sender.send_request(request).await,
            Self::Http2(sender) => sender.send_request(request).await,
        }
    }
}
