//! A connection on which a test says what it likes.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long the server may say nothing before we take it that it is done.
const SILENCE: Duration = Duration::from_millis(500);

const DEADLINE: Duration = Duration::from_secs(10);

/// An open connection that no HTTP library looks after. Dropping it closes it.
#[derive(Debug)]
pub struct Raw {
    address: SocketAddr,
    stream: TcpStream,
}

impl Raw {
    /// Connects to `address`.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached.
    pub async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true).context("setting TCP_NODELAY")?;
        Ok(Self { address, stream })
    }

    /// Sends `bytes`.
    ///
    /// # Errors
    ///
    /// When the server has closed.
    pub async fn say(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.stream
            .write_all(bytes)
            .await
            .with_context(|| format!("writing to {}", self.address))
    }

    /// All that comes until the server closes or says nothing for half a second.
    pub async fn hear(&mut self) -> Vec<u8> {
        let mut heard = Vec::new();
        while let Ok(Ok(length)) = timeout(SILENCE, self.stream.read_buf(&mut heard)).await {
            if length == 0 {
                break;
            }
        }
        heard
    }

    /// All that comes up to `end`, which may be followed by more.
    ///
    /// # Errors
    ///
    /// When the server closes before it, or has not said it after 10 s.
    pub async fn hear_until(&mut self, end: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut heard = Vec::new();
        let hear = async {
            while !heard.windows(end.len()).any(|window| window == end) {
                let length = self.stream.read_buf(&mut heard).await?;
                ensure!(length > 0, "{} has closed", self.address);
            }
            Ok(())
        };
        timeout(DEADLINE, hear)
            .await
            .with_context(|| format!("{} is silent", self.address))??;
        Ok(heard)
    }
}

/// Sends `request` so many times over one connection, each when `end` of the answer to the one before is there. No library
/// makes the requests or reads the answers, so it is many times faster than [`Client`](super::Client).
///
/// # Errors
///
/// When the server cannot be reached, closes before, or is silent for 10 s.
pub async fn repeated(
    address: SocketAddr,
    request: &[u8],
    end: &[u8],
    times: usize,
) -> anyhow::Result<()> {
    let mut connection = Raw::open(address).await?;
    for _ in 0..times {
        connection.say(request).await?;
        connection.hear_until(end).await?;
    }
    Ok(())
}

/// Sends `bytes` over a connection of its own, and returns all that comes back until the server closes or says nothing
/// for half a second. For what a client library refuses to send.
///
/// # Errors
///
/// When the server cannot be reached.
pub async fn raw(address: SocketAddr, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut connection = Raw::open(address).await?;
    connection.say(bytes).await?;
    Ok(connection.hear().await)
}
