//! The console: a page on which people see a release and drive it, and its server.
//!
//! `halftonectl console` starts it. Everything that the page loads is in the binary.
//!
//! # Layout
//!
//! - [`source`] has three traits: where configurations live, where numbers come from, where samples come from.
//!   [`embedded`] implements them for files and for Envoy's admin endpoint, and [`cluster`] for Kubernetes.
//! - [`viewer`] is who looks at the page, and what they may see and change.
//! - [`judge`] is what `halftonectl` lends: the checker, `explain` and `simulate`.
//! - [`numbers`] reads metrics, and keeps five minutes by the second and six hours by the quarter of a minute.
//! - [`differences`] groups the samples of differing answers.
//! - [`release`] is a release as the page shows it. [`change`] is a change before it is applied.
//! - [`journal`] is the history of changes. [`history`] keeps it in a file.
//! - [`access`] decides which requests are answered, and [`rate`] how many. [`api`] answers them. [`page`] has the files
//!   of the page. [`server`] bounds connections.
//! - [`alerts`] is the guard of a fleet: what an alert of Prometheus does.
//! - [`app`] is what they share, with the loop that asks the sources once a second.

pub mod access;
pub mod alerts;
pub mod api;
pub mod app;
pub mod change;
pub mod clock;
pub mod cluster;
pub mod differences;
pub mod embedded;
pub mod history;
pub mod journal;
pub mod judge;
pub mod numbers;
pub mod page;
pub mod rate;
pub mod release;
pub mod server;
pub mod source;
pub mod viewer;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

pub use app::{App, Settings};
pub use server::Limits;

/// A console that listens.
#[derive(Debug)]
pub struct Console {
    app: Arc<App>,
    listener: TcpListener,
}

impl Console {
    /// Listens at `address`.
    ///
    /// # Errors
    ///
    /// Another process has the port, or the system gives no random bytes.
    pub async fn bind(address: SocketAddr, settings: Settings) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let port = listener.local_addr()?.port();
        let app = App::new(settings, port)?;
        Ok(Self { app, listener })
    }

    /// The link to the page, with the token.
    ///
    /// # Errors
    ///
    /// The system does not know the address of the socket.
    pub fn link(&self) -> std::io::Result<String> {
        let address = self.listener.local_addr()?;
        Ok(format!(
            "http://{address}/?token={}",
            self.app.access().token()
        ))
    }

    /// Serves until the process ends.
    pub async fn serve(self) {
        let _watching = tokio::spawn(Arc::clone(&self.app).watch());
        server::serve(self.listener, api::router(self.app), Limits::default()).await;
    }
}
