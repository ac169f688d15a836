//! The shell: what runs in Envoy. It passes Envoy's callbacks on to [`serving`](crate::serving), and has
//! the functions that the core needs of Envoy.
//!
//! Nothing here decides anything, and nothing but [`abi`] talks to Envoy.

mod abi;
mod callbacks;
mod envoy;
mod live;
mod plugin_status;
mod plugins;
mod root;

proxy_wasm::main! {{
    abi::start_logging();
    proxy_wasm::set_root_context(|id| Box::new(root::Root::new(id)));
}}
