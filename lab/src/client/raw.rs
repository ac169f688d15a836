//! A connection on which a test sends any bytes.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The time without bytes after which the server counts as done. A busy machine can be silent for a second.
const SILENCE: Duration = Duration::from_secs(5);

const DEADLINE: Duration = Duration::from_secs(60);

/// An open connection without an HTTP library. Dropping it closes the connection.
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
    /// If the server cannot be reached.
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
    /// If the server closed the connection.
    pub async fn say(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.stream
            .write_all(bytes)
            .await
            .with_context(|| format!("writing to {}", self.address))
    }

    /// Reads until the server closes the connection or sends nothing for five seconds.
    pub async fn hear(&mut self) -> Vec<u8> {
        let mut heard = Vec::new();
        while let Ok(Ok(length)) = timeout(SILENCE, self.stream.read_buf(&mut heard)).await {
            if length == 0 {
                break;
            }
        }
        heard
    }

    /// Reads until the bytes contain `end`. More bytes can follow it.
    ///
    /// # Errors
    ///
    /// If the server closes the connection before, or has not sent it after 60 s.
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

/// Sends `request` several times over one connection, each after the `end` of the answer before. Without an HTTP
/// library this is many times faster than [`Client`](super::Client).
///
/// # Errors
///
/// If the server cannot be reached, closes the connection before, or sends nothing for 60 s.
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

/// Sends `bytes` over a new connection, and returns all bytes until the server closes it or sends nothing for five
/// seconds. Use it for bytes that a client library rejects.
///
/// # Errors
///
/// If the server cannot be reached.
pub async fn raw(address: SocketAddr, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut connection = Raw::open(address).await?;
    connection.say(bytes).await?;
    Ok(connection.hear().await)
}
