//! A connection after an upgrade to a websocket or after CONNECT.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, ensure};
use http_body_util::{BodyExt, Empty};
use hyper::header::{CONNECTION, HOST, UPGRADE};
use hyper::http::{Method, Request, StatusCode};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::Protocol;
use super::connection::{AnyBody, Connection};

const DEADLINE: Duration = Duration::from_secs(60);

/// An open tunnel over HTTP/1.1. Dropping it closes the connection.
#[derive(Debug)]
pub struct Tunnel {
    io: TokioIo<Upgraded>,
}

impl Tunnel {
    /// Asks `path` of `host` at `address` for an upgrade to a websocket. The tunnel then carries bytes without the
    /// websocket's framing.
    ///
    /// # Errors
    ///
    /// If the answer is not 101.
    pub async fn websocket(address: SocketAddr, host: &str, path: &str) -> anyhow::Result<Self> {
        let request = Request::get(path)
            .header(HOST, host)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .body(empty())?;
        Self::open(address, request, StatusCode::SWITCHING_PROTOCOLS).await
    }

    /// Sends CONNECT for `authority`, a host and a port, to the proxy at `address`.
    ///
    /// # Errors
    ///
    /// If the answer is not 200.
    pub async fn connect(address: SocketAddr, authority: &str) -> anyhow::Result<Self> {
        let request = Request::builder().method(Method::CONNECT).uri(authority);
        let request = request.header(HOST, authority).body(empty())?;
        Self::open(address, request, StatusCode::OK).await
    }

    async fn open(
        address: SocketAddr,
        request: Request<AnyBody>,
        expected: StatusCode,
    ) -> anyhow::Result<Self> {
        let mut connection = Connection::open(address, Protocol::Http1).await?;
        let response = timeout(DEADLINE, connection.send(request))
            .await
            .context("no answer to an upgrade")??;
        ensure!(
            response.status() == expected,
            "the upgrade was answered {}",
            response.status()
        );
        let upgraded = timeout(DEADLINE, hyper::upgrade::on(response))
            .await
            .context("no upgrade")??;
        Ok(Self {
            io: TokioIo::new(upgraded),
        })
    }

    /// Sends `bytes`, and returns the same number of bytes from the server.
    ///
    /// # Errors
    ///
    /// If the tunnel is closed, or fewer bytes arrive within 60 s.
    pub async fn echo(&mut self, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut back = vec![0; bytes.len()];
        timeout(DEADLINE, async {
            self.io.write_all(bytes).await?;
            self.io.flush().await?;
            self.io.read_exact(&mut back).await
        })
        .await
        .context("the tunnel is silent")?
        .context("the tunnel is closed")?;
        Ok(back)
    }
}

fn empty() -> AnyBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}
