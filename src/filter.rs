//! The shell: what runs in Envoy. It reads a request, asks the core, and does what the core
//! decided.
//!
//! Nothing here decides anything, and nothing but [`abi`] talks to Envoy.

mod abi;
mod dispatch;
mod live;
mod pairing;
mod plugin_status;
mod resend;
mod root;
mod stream;

proxy_wasm::main! {{
    abi::start_logging();
    proxy_wasm::set_root_context(|id| Box::new(root::Root::new(id)));
}}
