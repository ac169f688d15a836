//! Connections: how many there are, and how long one may take to ask.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::app::MOST_STREAMS;

/// The wait after a connection could not be accepted, for example because the process has too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// The most bytes of a connection that wait in memory, in each direction. The head of a request must fit.
const BUFFER: usize = 64 << 10;

/// The bounds of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most connections at a time. Others wait until one of them ends.
    pub connections: usize,
    /// The longest time until the head of a request has arrived. An idle connection ends after it too.
    pub head: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // The page asks for other things beside its stream.
            connections: MOST_STREAMS + 100,
            head: Duration::from_secs(10),
        }
    }
}

/// The address of the client, as an extension of each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// Answers the connections of `listener` by `router`, until the process ends.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(BUFFER);
    let room = Arc::new(Semaphore::new(limits.connections));
    // The semaphore is never closed.
    while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let router = router.clone().layer(Extension(Peer(peer)));
        let service = TowerToHyperService::new(router);
        let connection = http.serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            // A client that broke the connection gets no answer.
            let _ = connection.await;
            drop(permit);
        });
    }
}
