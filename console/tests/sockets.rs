//! The server over real sockets: clients that say nothing, that never read, and that are too many.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that fails panics"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use halftone_console::history::History;
use halftone_console::judge::{Asked, Explained, Finding, Judge, Moves};
use halftone_console::source::{Answer, Configurations, Document, NotWritten, Numbers, Scraped};
use halftone_console::viewer::Viewer;
use halftone_console::{App, Limits, Settings, api, server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The size of a tick, in bytes.
const TICK: usize = 100_000;

/// A configuration whose error makes every tick large, and counts them.
#[derive(Debug, Default)]
struct Broken(AtomicUsize);

impl Configurations for Broken {
    fn read(&self) -> Answer<'_, Result<Vec<Document>, String>> {
        let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        Box::pin(async move { Err(format!("{} number {number}.", "x".repeat(TICK))) })
    }

    fn write<'a>(
        &'a self,
        _: &'a Viewer,
        id: &'a str,
        _: &'a str,
        _: &'a str,
    ) -> Answer<'a, Result<(), NotWritten>> {
        Box::pin(async move { Err(NotWritten::Unknown(id.into())) })
    }
}

/// No proxy, and a judge that has nothing to say.
#[derive(Debug)]
struct Nothing;

impl Numbers for Nothing {
    fn scrape(&self) -> Answer<'_, Vec<Scraped>> {
        Box::pin(async { Vec::new() })
    }
}

impl Judge for Nothing {
    fn check(&self, _: &str) -> Vec<Finding> {
        Vec::new()
    }

    fn explain(&self, _: &str, _: &Asked) -> Result<Explained, String> {
        Err(String::new())
    }

    fn moves(&self, _: &str, _: &str, _: &str, _: u64) -> Option<Moves> {
        None
    }
}

struct Console {
    app: Arc<App>,
    address: SocketAddr,
    cookie: String,
}

impl Console {
    async fn start(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let settings = Settings {
            configurations: Box::new(Broken::default()),
            numbers: Box::new(Nothing),
            samples: None,
            judge: Arc::new(Nothing),
            view_only: false,
            history: History::default(),
            rights: None,
            hosts: Vec::new(),
            alerts: None,
        };
        let app = App::new(settings, address.port()).unwrap();
        tokio::spawn(server::serve(
            listener,
            api::router(Arc::clone(&app)),
            limits,
        ));
        let mut console = Self {
            app,
            address,
            cookie: String::new(),
        };
        let link = format!("/?token={}", console.app.access().token());
        let mut entering = console.connect().await;
        console.ask(&mut entering, &link).await;
        let head = head(&mut entering).await;
        let (_, cookie) = head.split_once("set-cookie: ").unwrap();
        cookie
            .split(';')
            .next()
            .unwrap()
            .clone_into(&mut console.cookie);
        console
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn ask(&self, stream: &mut TcpStream, path: &str) {
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\ncookie: {}\r\n\r\n",
            self.address, self.cookie
        );
        stream.write_all(request.as_bytes()).await.unwrap();
    }

    /// The head of the answer to a small request.
    async fn answer(&self, stream: &mut TcpStream) -> String {
        self.ask(stream, "/icon.svg").await;
        let head = head(stream).await;
        let (_, length) = head.split_once("content-length: ").unwrap();
        let length = length.lines().next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        head
    }
}

/// Reads the head of an answer, up to the empty line.
async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

fn limits() -> Limits {
    Limits {
        connections: 100,
        head: Duration::from_secs(600),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_finish_its_request_is_disconnected() {
    let console = Console::start(Limits {
        head: Duration::from_millis(50),
        ..limits()
    })
    .await;
    for begin in ["", "G", "GET /icon.svg HTTP/1.1\r\nhost: a\r\nx: "] {
        let mut stream = console.connect().await;
        stream.write_all(begin.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        // It ends when the server closes the connection.
        let _ = stream.read_to_end(&mut rest).await;
        let rest = String::from_utf8_lossy(&rest);
        assert!(!rest.contains(" 200 "), "{begin}: {rest}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_more_than_the_limit_waits_for_another_to_end() {
    let console = Console::start(Limits {
        connections: 1,
        ..limits()
    })
    .await;
    let mut first = console.connect().await;
    console.answer(&mut first).await;
    let mut second = console.connect().await;
    console.ask(&mut second, "/icon.svg").await;
    for _ in 0..50 {
        console.answer(&mut first).await;
    }
    let mut byte = [0];
    let early = second.try_read(&mut byte);
    assert!(early.is_err(), "the second was answered: {early:?}");
    drop(first);
    assert!(head(&mut second).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_too_large_is_refused() {
    let console = Console::start(limits()).await;
    let mut stream = console.connect().await;
    let long = format!("GET / HTTP/1.1\r\nx: {}", "x".repeat(200_000));
    // The server may close the connection before it has read everything.
    let _ = stream.write_all(long.as_bytes()).await;
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    let rest = String::from_utf8_lossy(&rest);
    assert!(
        rest.is_empty() || rest.starts_with("HTTP/1.1 431 "),
        "{rest}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_misses_ticks_and_they_wait_nowhere() {
    const TICKS: usize = 2_000;
    let console = Console::start(limits()).await;
    let mut idle = console.connect().await;
    console.ask(&mut idle, "/api/events").await;
    head(&mut idle).await;
    let mut other = console.connect().await;
    for _ in 0..TICKS {
        console.app.look().await;
        // The server has a turn, and answers others.
        console.answer(&mut other).await;
    }
    // What the client finds now waited in the buffers of the server and of the system, which have a few MiB.
    let last = format!("number {TICKS}.");
    let mut tail = String::new();
    let mut chunk = vec![0; 1 << 20];
    let mut ticks = 0;
    while !tail.contains(&last) {
        let size = idle.read(&mut chunk).await.unwrap();
        assert!(size > 0, "the stream ended");
        let text = String::from_utf8_lossy(&chunk[..size]);
        ticks += text.matches("number ").count();
        let end: String = tail.chars().rev().take(last.len()).collect();
        tail = end.chars().rev().collect::<String>() + &text;
    }
    assert!(ticks < TICKS / 4, "{ticks} of {TICKS} ticks waited");
}
