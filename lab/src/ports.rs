//! Free ports for servers, outside the range of clients.
//!
//! Linux takes the ports of outgoing connections from 32768 upwards. If the kernel gives a server such a port, it can
//! be in use a moment later. These ports are lower. They are drawn at random, so parallel test programs seldom draw the
//! same.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;

use anyhow::Context;

const PORTS: Range<u16> = 10_000..32_768;

/// The number of ports to draw before an error.
const DRAWS: usize = 100;

/// Calls `bind` with a port of 127.0.0.1, and again with other ports while the address is in use.
///
/// # Errors
///
/// If `bind` fails for another reason, or no port is free.
pub fn bind<T>(mut bind: impl FnMut(SocketAddr) -> io::Result<T>) -> anyhow::Result<T> {
    let mut draw = || bind(SocketAddr::from((Ipv4Addr::LOCALHOST, draw())));
    let mut bound = draw();
    for _ in 1..DRAWS {
        match &bound {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => bound = draw(),
            _ => break,
        }
    }
    bound.context("binding a port of 127.0.0.1")
}

/// A port for another process to bind. A third process can bind it first, so be ready to try again.
///
/// # Errors
///
/// If no port is free.
pub fn free() -> anyhow::Result<u16> {
    let listener = bind(TcpListener::bind)?;
    Ok(listener.local_addr()?.port())
}

fn draw() -> u16 {
    // Each new `RandomState` has random keys.
    let random = RandomState::new().hash_one(());
    let place = random % u64::from(PORTS.end - PORTS.start);
    PORTS.start + u16::try_from(place).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_below_those_of_clients() {
        for _ in 0..1000 {
            assert!(PORTS.contains(&draw()));
        }
    }

    #[test]
    fn a_port_in_use_is_skipped() -> anyhow::Result<()> {
        let taken = bind(TcpListener::bind)?;
        let mut first = Some(taken.local_addr()?);
        let second = bind(|address| TcpListener::bind(first.take().unwrap_or(address)))?;
        assert_ne!(second.local_addr()?, taken.local_addr()?);
        Ok(())
    }

    #[test]
    fn another_error_is_returned_at_once() {
        let mut tries = 0;
        let refused = bind(|_| {
            tries += 1;
            Err::<(), _>(io::ErrorKind::PermissionDenied.into())
        });
        assert!(refused.is_err());
        assert_eq!(tries, 1);
    }
}
