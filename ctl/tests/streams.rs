//! `halftonectl console` with more open pages than it allows, over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails panics"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

const CONFIG: &str = "releases:\n- { name: web, hosts: [web], principal: v1 }\n";

/// The most open pages. docs/console.md has the number too.
const MOST: usize = 500;

/// A console. Dropping it ends it.
struct Console {
    process: Child,
    /// `host:port`.
    address: String,
    cookie: String,
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Console {
    fn start(file: &std::path::Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_halftonectl"))
            .args(["console", "--no-open", "--admin", "http://127.0.0.1:1"])
            .arg("--file")
            .arg(file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let link = line.trim().strip_prefix("Console: http://").unwrap();
        let (address, path) = link.split_once('/').unwrap();
        let mut console = Self {
            process,
            address: address.into(),
            cookie: String::new(),
        };
        let (_, head) = console.get(&format!("/{path}"));
        let (_, cookie) = head.split_once("set-cookie: ").unwrap();
        console.cookie = cookie.split(';').next().unwrap().into();
        console
    }

    /// Asks for `path`. Returns the connection and the head of the answer.
    fn get(&self, path: &str) -> (TcpStream, String) {
        self.ask(&format!("GET {path} HTTP/1.1\r\n"), b"")
    }

    fn ask(&self, begin: &str, body: &[u8]) -> (TcpStream, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = format!(
            "{begin}host: {}\r\ncookie: {}\r\n\r\n",
            self.address, self.cookie
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        let mut byte = [0];
        while !answer.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
        (stream, String::from_utf8(answer).unwrap())
    }
}

#[test]
fn the_page_after_five_hundred_open_ones_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("releases.yaml");
    std::fs::write(&file, CONFIG).unwrap();
    let console = Console::start(&file);
    let mut open = Vec::new();
    for number in 0..MOST {
        let (stream, head) = console.get("/api/events");
        assert!(head.starts_with("HTTP/1.1 200 "), "{number}: {head}");
        open.push(stream);
    }
    let (mut refused, head) = console.get("/api/events");
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    let mut said = [0; 64];
    refused.read_exact(&mut said).unwrap();
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("500 pages are open"), "{said}");

    // The server answers others, and refuses a body of 10 MB before it comes.
    let (_, head) = console.get("/api/state");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let csrf = state_csrf(&console);
    let post = format!(
        "POST /api/check HTTP/1.1\r\ncontent-type: application/json\r\nx-halftone-csrf: {csrf}\r\ncontent-length: 10485760\r\n"
    );
    let (_, head) = console.ask(&post, &[b' '; 1000]);
    assert!(head.starts_with("HTTP/1.1 413 "), "{head}");

    // Every stream still gets the numbers of each second, and a page that closes makes room.
    for stream in &mut open {
        let mut event = [0; 6];
        stream.read_exact(&mut event).unwrap();
    }
    open.pop();
    loop {
        let (_, head) = console.get("/api/events");
        if head.starts_with("HTTP/1.1 200 ") {
            break;
        }
    }
}

/// The CSRF token that the page reads.
fn state_csrf(console: &Console) -> String {
    let (mut stream, head) = console.get("/api/state");
    let (_, length) = head.split_once("content-length: ").unwrap();
    let mut body = vec![0; length.lines().next().unwrap().parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    let state: serde_json::Value = serde_json::from_slice(&body).unwrap();
    state["csrf"].as_str().unwrap().into()
}
