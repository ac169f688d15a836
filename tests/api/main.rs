//! Tests against a real API server: a cluster accepts every resource that we publish.
//!
//! The API server is one process for all tests of this binary.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod refusals;
mod resources;

use std::sync::{Arc, Weak};

use halftone_lab::api_server::ApiServer;
use tokio::sync::Mutex;

/// The API server, with all definitions. It ends with the last test that holds it, since a static is never dropped.
async fn api_server() -> Arc<ApiServer> {
    static SERVER: Mutex<Weak<ApiServer>> = Mutex::const_new(Weak::new());
    let mut shared = SERVER.lock().await;
    if let Some(server) = shared.upgrade() {
        return server;
    }
    let server = Arc::new(ApiServer::with_definitions().await.unwrap());
    *shared = Arc::downgrade(&server);
    server
}
