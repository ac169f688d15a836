//! A server behind Envoy that follows a script and records the requests that it receives.

mod answer;
mod babbling;
mod gate;
mod received;
mod script;

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use crate::ports;
pub use babbling::Babbling;
pub use gate::Gate;
pub use received::Received;
pub use script::Script;

type Director = dyn Fn(&Received) -> Script + Send + Sync;

/// A server for HTTP/1.1 and HTTP/2 without TLS on one port. Dropping it closes the port and all connections.
///
/// Without a script it answers 200 with the header `x-upstream` and the request as JSON; see [`Script::echo`].
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    state: Arc<State>,
    accepting: AbortHandle,
}

impl Upstream {
    /// Starts an upstream on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// If no port is free.
    pub async fn start(name: &str) -> anyhow::Result<Self> {
        Self::serve(name, ports::bind(std::net::TcpListener::bind)?)
    }

    /// Starts an upstream at `address`.
    ///
    /// # Errors
    ///
    /// If the address is in use.
    pub async fn start_at(name: &str, address: SocketAddr) -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind(address)
            .with_context(|| format!("upstream {name}: binding {address}"))?;
        Self::serve(name, listener)
    }

    fn serve(name: &str, listener: std::net::TcpListener) -> anyhow::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::new(name));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&state))).abort_handle();
        Ok(Self {
            address,
            state,
            accepting,
        })
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The number of requests that it received, with those whose body is incomplete.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.state.received.load(Ordering::Relaxed)
    }

    /// The largest number of requests that were complete and unanswered at one time.
    #[must_use]
    pub fn most_at_once(&self) -> u64 {
        self.state.most_at_once.load(Ordering::Relaxed)
    }

    /// The requests that it received, in the order in which their bodies ended.
    #[must_use]
    pub fn requests(&self) -> Vec<Received> {
        lock(&self.state.requests).clone()
    }

    /// Deletes the recorded requests and sets the counts to 0.
    pub fn forget(&self) {
        lock(&self.state.requests).clear();
        self.state.received.store(0, Ordering::Relaxed);
    }

    /// Sets whether requests are recorded. Defaults to true. Under load the records need much memory.
    pub fn remember(&self, remember: bool) {
        self.state.remember.store(remember, Ordering::Relaxed);
    }

    /// Follows `script` from now on.
    pub fn script(&self, script: Script) {
        self.direct(move |_| script.clone());
    }

    /// Follows the script that `director` returns for each request from now on.
    pub fn direct(&self, director: impl Fn(&Received) -> Script + Send + Sync + 'static) {
        *lock(&self.state.director) = Arc::new(director);
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// An address of 127.0.0.1 that refuses connections while this value exists.
#[derive(Debug)]
pub struct Refusing {
    /// Bound but not listening: no other process can bind the port, and no client can connect to it.
    socket: TcpSocket,
}

impl Refusing {
    /// Binds a free port.
    ///
    /// # Errors
    ///
    /// If no port is free.
    pub fn new() -> anyhow::Result<Self> {
        let socket = ports::bind(|address| {
            let socket = TcpSocket::new_v4()?;
            socket.bind(address).map(|()| socket)
        })?;
        Ok(Self { socket })
    }

    /// The address.
    ///
    /// # Errors
    ///
    /// If the operating system reports an error.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        self.socket
            .local_addr()
            .context("asking for a socket's address")
    }
}

/// The state that the connections share.
pub(crate) struct State {
    pub(crate) name: String,
    received: AtomicU64,
    at_once: AtomicU64,
    most_at_once: AtomicU64,
    remember: AtomicBool,
    requests: Mutex<Vec<Received>>,
    director: Mutex<Arc<Director>>,
}

impl State {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            received: AtomicU64::new(0),
            at_once: AtomicU64::new(0),
            most_at_once: AtomicU64::new(0),
            remember: AtomicBool::new(true),
            requests: Mutex::default(),
            director: Mutex::new(Arc::new(|_| Script::echo())),
        }
    }

    /// Records a request and returns the script for it.
    pub(crate) fn take(&self, request: &Received) -> Script {
        if self.remember.load(Ordering::Relaxed) {
            lock(&self.requests).push(request.clone());
        }
        // Last, so that a test that waits for the count finds the request.
        self.received.fetch_add(1, Ordering::Relaxed);
        let director = Arc::clone(&lock(&self.director));
        director(request)
    }

    /// Counts one more concurrent request until the value is dropped.
    pub(crate) fn enter(&self) -> AtOnce<'_> {
        let now = self.at_once.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_at_once.fetch_max(now, Ordering::Relaxed);
        AtOnce(self)
    }
}

/// A request without an answer so far.
pub(crate) struct AtOnce<'s>(&'s State);

impl Drop for AtOnce<'_> {
    fn drop(&mut self) {
        self.0.at_once.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("State")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The set of connections belongs to this task and is dropped with it.
async fn accept(listener: TcpListener, state: Arc<State>) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(serve(stream, Arc::clone(&state)));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    // Without it a small answer can wait for the peer's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| answer::answer(request, Arc::clone(&state)));
    let mut server = auto::Builder::new(TokioExecutor::new());
    // With a limit, Envoy puts more requests on a new connection than the limit allows, and the excess waits for
    // answers.
    server
        .http2()
        .max_concurrent_streams(None)
        .max_header_list_size(8 << 20);
    // A connection ends with an error each time a script resets it.
    let _ = server
        .serve_connection_with_upgrades(TokioIo::new(stream), service)
        .await;
}

/// No operation under this lock can stop half done, so a poisoned lock is safe.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
