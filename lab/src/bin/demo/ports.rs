//! The ports of 127.0.0.1 that Envoy listens on: any free ones, or those that `PORT` and `KEEP=1` ask for.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result};

/// The port for requests with `KEEP=1`. It is fixed, so that you can repeat a command of the last run.
const KEPT: u16 = 18_080;

/// Where Envoy listens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ports {
    /// For requests.
    pub http: u16,
    /// For the admin interface, which includes the metrics.
    pub admin: u16,
}

/// The ports to use; `None` means any free ones. `port` is the value of `PORT`, `keep` is whether `KEEP=1` is set.
///
/// # Errors
///
/// When `port` is no port, or when another process listens on one of the two.
pub fn choose(port: Option<&str>, keep: bool) -> Result<Option<Ports>> {
    let ports = asked_for(port, keep)?;
    if let Some(Ports { http, admin }) = ports {
        for port in [http, admin] {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).with_context(|| {
                format!(
                    "cannot listen on port {port} of 127.0.0.1; the demo needs {http} for requests and {admin} for \
                     the admin interface: stop what uses {port}, or choose another port with PORT=8080"
                )
            })?;
        }
    }
    Ok(ports)
}

fn asked_for(port: Option<&str>, keep: bool) -> Result<Option<Ports>> {
    let http = match port.filter(|port| !port.is_empty()) {
        Some(port) => Some(parse(port).with_context(|| {
            format!("PORT: expected a number from 1 to 65534, got {port:?}; write PORT=8080")
        })?),
        None => keep.then_some(KEPT),
    };
    Ok(http.map(|http| Ports {
        http,
        admin: http + 1,
    }))
}

fn parse(port: &str) -> Option<u16> {
    let port: u16 = port.parse().ok()?;
    (1..u16::MAX).contains(&port).then_some(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_sets_the_port_and_keep_alone_takes_a_fixed_one() {
        let http = |port, keep| {
            asked_for(port, keep)
                .map(|ports| ports.map(|ports| ports.http))
                .map_err(|error| error.to_string())
        };
        for (port, keep, expected) in [
            (None, false, None),
            (Some(""), false, None),
            (None, true, Some(KEPT)),
            (Some("8080"), true, Some(8080)),
            (Some("8080"), false, Some(8080)),
            (Some("65534"), true, Some(65_534)),
        ] {
            assert_eq!(http(port, keep), Ok(expected), "{port:?} {keep}");
        }
        for port in ["0", "65535", "70000", "-1", "x"] {
            let error =
                format!("PORT: expected a number from 1 to 65534, got {port:?}; write PORT=8080");
            assert_eq!(http(Some(port), true), Err(error));
        }
    }

    #[test]
    fn a_port_in_use_is_named() {
        // The port after the taken one may be in use as well, so only the first is tested.
        let taken = halftone_lab::ports::bind(TcpListener::bind).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = choose(Some(&port.to_string()), true).unwrap_err();
        let start = format!("cannot listen on port {port} of 127.0.0.1; ");
        assert!(error.to_string().starts_with(&start), "{error}");
    }
}
