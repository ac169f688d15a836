//! The shell: what runs in Envoy. It reads a request, asks the core, and does what the core
//! decided.
//!
//! Nothing here decides anything, and nothing but [`host`] talks to Envoy.

mod capture;
mod dispatch;
mod host;
mod live;
mod metrics;
mod pairing;
mod plugin_status;
mod root;
mod stream;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(proxy_wasm::types::LogLevel::Info);
    proxy_wasm::set_root_context(|id| Box::new(root::Root::new(id)));
}}
