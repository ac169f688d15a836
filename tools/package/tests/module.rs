//! The module that `make build` leaves: what it asks of its host, what it offers, how large it is.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may fail"
)]

use std::collections::BTreeSet;

use walrus::Module;

/// In bytes. Every proxy of a mesh carries it.
const LARGEST: usize = 389_000;

/// Everything that Envoy must give the filter. What is not in this list may be missing in some host.
const IMPORTS: [&str; 29] = [
    "env proxy_add_header_map_value",
    "env proxy_define_metric",
    "env proxy_dequeue_shared_queue",
    "env proxy_done",
    "env proxy_enqueue_shared_queue",
    "env proxy_get_buffer_bytes",
    "env proxy_get_header_map_pairs",
    "env proxy_get_header_map_value",
    "env proxy_get_log_level",
    "env proxy_get_metric",
    "env proxy_get_property",
    "env proxy_get_shared_data",
    "env proxy_http_call",
    "env proxy_increment_metric",
    "env proxy_log",
    "env proxy_record_metric",
    "env proxy_register_shared_queue",
    "env proxy_remove_header_map_value",
    "env proxy_replace_header_map_value",
    "env proxy_set_effective_context",
    "env proxy_set_property",
    "env proxy_set_shared_data",
    "env proxy_set_tick_period_milliseconds",
    "wasi_snapshot_preview1 clock_time_get",
    "wasi_snapshot_preview1 environ_get",
    "wasi_snapshot_preview1 environ_sizes_get",
    "wasi_snapshot_preview1 fd_write",
    "wasi_snapshot_preview1 proc_exit",
    "wasi_snapshot_preview1 random_get",
];

fn bytes() -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/halftone.wasm");
    std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}; run `make build`"))
}

#[test]
fn it_is_small() {
    let size = bytes().len();
    assert!(size <= LARGEST, "{size} bytes are more than {LARGEST}");
}

#[test]
fn it_has_no_names() {
    let module = Module::from_buffer(&bytes()).unwrap();
    assert!(module.funcs.iter().all(|function| function.name.is_none()));
}

#[test]
fn it_asks_for_what_envoy_has() {
    let module = Module::from_buffer(&bytes()).unwrap();
    let imports: BTreeSet<String> = module
        .imports
        .iter()
        .map(|import| format!("{} {}", import.module, import.name))
        .collect();
    assert_eq!(imports, IMPORTS.map(str::to_owned).into());
}

#[test]
fn it_offers_what_the_filter_uses() {
    let module = Module::from_buffer(&bytes()).unwrap();
    let exports: BTreeSet<&str> = module
        .exports
        .iter()
        .map(|export| export.name.as_str())
        .collect();
    let expected = [
        "_initialize",
        "memory",
        "proxy_abi_version_0_2_1",
        "proxy_on_configure",
        "proxy_on_context_create",
        "proxy_on_delete",
        "proxy_on_done",
        "proxy_on_http_call_response",
        "proxy_on_log",
        "proxy_on_memory_allocate",
        "proxy_on_queue_ready",
        "proxy_on_request_body",
        "proxy_on_request_headers",
        "proxy_on_request_trailers",
        "proxy_on_response_body",
        "proxy_on_response_headers",
        "proxy_on_response_trailers",
        "proxy_on_tick",
        "proxy_on_vm_start",
    ];
    assert_eq!(exports, expected.into());
}
