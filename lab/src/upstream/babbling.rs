//! A server that does not speak HTTP.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use super::lock;
use crate::ports;

/// A server that answers each connection with the same bytes and ends it. Dropping it closes the port and all
/// connections.
#[derive(Debug)]
pub struct Babbling {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
    accepting: AbortHandle,
}

impl Babbling {
    /// Starts a server that answers with `bytes`, on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// If no port is free.
    pub async fn start(bytes: &'static [u8]) -> anyhow::Result<Self> {
        let listener = ports::bind(std::net::TcpListener::bind)?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let heard = Arc::default();
        Ok(Self {
            address: listener.local_addr()?,
            accepting: tokio::spawn(accept(listener, bytes, Arc::clone(&heard))).abort_handle(),
            heard,
        })
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The bytes that it received, one item per connection.
    #[must_use]
    pub fn heard(&self) -> Vec<Vec<u8>> {
        lock(&self.heard).clone()
    }
}

impl Drop for Babbling {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, bytes: &'static [u8], heard: Arc<Mutex<Vec<Vec<u8>>>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(babble(stream, bytes, Arc::clone(&heard)));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn babble(
    mut stream: TcpStream,
    bytes: &[u8],
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
) -> io::Result<()> {
    let mut said = Vec::with_capacity(1 << 16);
    stream.read_buf(&mut said).await?;
    lock(&heard).push(said.clone());
    stream.write_all(bytes).await?;
    stream.shutdown().await?;
    // If a socket is closed with bytes that nobody has read, the peer gets a reset, and can lose the answer.
    while stream.read_buf(&mut said).await? > 0 {
        said.clear();
    }
    Ok(())
}
