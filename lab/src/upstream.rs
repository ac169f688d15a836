//! A server behind Envoy that does as its script says, and remembers what it received.

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

/// A server that speaks HTTP/1.1 and HTTP/2 without TLS on one port. Dropping it closes the port and all connections.
///
/// Unscripted, it answers 200 with the header `x-upstream` and, as JSON, what it received; see [`Script::echo`].
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    state: Arc<State>,
    accepting: AbortHandle,
}

impl Upstream {
    /// Starts one on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    pub async fn start(name: &str) -> anyhow::Result<Self> {
        Self::serve(name, ports::bind(std::net::TcpListener::bind)?)
    }

    /// Starts one at `address`.
    ///
    /// # Errors
    ///
    /// When the address is taken.
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

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests it has received, those included whose body was cut off.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.state.received.load(Ordering::Relaxed)
    }

    /// How many requests it had at once at most: received to their ends, and not answered yet.
    #[must_use]
    pub fn most_at_once(&self) -> u64 {
        self.state.most_at_once.load(Ordering::Relaxed)
    }

    /// What it has received, in the order of arrival of the bodies' ends.
    #[must_use]
    pub fn requests(&self) -> Vec<Received> {
        lock(&self.state.requests).clone()
    }

    /// Forgets the requests received so far, and counts them from 0.
    pub fn forget(&self) {
        lock(&self.state.requests).clear();
        self.state.received.store(0, Ordering::Relaxed);
    }

    /// Whether requests are remembered, which they are from the start. Under load they had better not be.
    pub fn remember(&self, remember: bool) {
        self.state.remember.store(remember, Ordering::Relaxed);
    }

    /// Does this from now on.
    pub fn script(&self, script: Script) {
        self.direct(move |_| script.clone());
    }

    /// From now on asks `director` what to do with each request.
    pub fn direct(&self, director: impl Fn(&Received) -> Script + Send + Sync + 'static) {
        *lock(&self.state.director) = Arc::new(director);
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// An address of 127.0.0.1 at which connections are refused, for as long as this lives.
#[derive(Debug)]
pub struct Refusing {
    /// Bound but not listening: nobody else can get the port, and nobody can connect to it.
    socket: TcpSocket,
}

impl Refusing {
    /// Takes a free port.
    ///
    /// # Errors
    ///
    /// When no port can be had.
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
    /// When the operating system cannot tell.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        self.socket
            .local_addr()
            .context("asking for a socket's address")
    }
}

/// What the connections share.
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

    /// Takes note of a request, and says what to do with it.
    pub(crate) fn take(&self, request: &Received) -> Script {
        if self.remember.load(Ordering::Relaxed) {
            lock(&self.requests).push(request.clone());
        }
        // Last, so that whoever waits for the count finds the request.
        self.received.fetch_add(1, Ordering::Relaxed);
        let director = Arc::clone(&lock(&self.director));
        director(request)
    }

    /// Counts one request more at once, for as long as the value lives.
    pub(crate) fn enter(&self) -> AtOnce<'_> {
        let now = self.at_once.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_at_once.fetch_max(now, Ordering::Relaxed);
        AtOnce(self)
    }
}

/// A request that is not answered yet.
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

/// The set of connections lives in this task, and goes with it.
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
    // Without it a small answer may wait for the peer's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| answer::answer(request, Arc::clone(&state)));
    let mut server = auto::Builder::new(TokioExecutor::new());
    // With a limit, Envoy puts more requests on a new connection than it may, and the rest waits for those to be answered.
    server
        .http2()
        .max_concurrent_streams(None)
        .max_header_list_size(8 << 20);
    // A connection ends in an error whenever a script resets it.
    let _ = server
        .serve_connection_with_upgrades(TokioIo::new(stream), service)
        .await;
}

/// A poisoned lock guards nothing here that could be half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
