//! The filter's module as `make build` writes it: what it imports from its host, and which callbacks it exports.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::fs;

use halftone_lab::tools;
use wasmparser::{Parser, Payload};

/// Everything that a host must provide. A host that lacks one of these functions rejects the module.
const IMPORTS: [&str; 43] = [
    "env proxy_add_header_map_value",
    "env proxy_call_foreign_function",
    "env proxy_close_stream",
    "env proxy_continue_stream",
    "env proxy_define_metric",
    "env proxy_dequeue_shared_queue",
    "env proxy_done",
    "env proxy_enqueue_shared_queue",
    "env proxy_get_buffer_bytes",
    "env proxy_get_current_time_nanoseconds",
    "env proxy_get_header_map_pairs",
    "env proxy_get_header_map_value",
    "env proxy_get_log_level",
    "env proxy_get_metric",
    "env proxy_get_property",
    "env proxy_get_shared_data",
    "env proxy_get_status",
    "env proxy_grpc_call",
    "env proxy_grpc_cancel",
    "env proxy_grpc_close",
    "env proxy_grpc_send",
    "env proxy_grpc_stream",
    "env proxy_http_call",
    "env proxy_increment_metric",
    "env proxy_log",
    "env proxy_record_metric",
    "env proxy_register_shared_queue",
    "env proxy_remove_header_map_value",
    "env proxy_replace_header_map_value",
    "env proxy_resolve_shared_queue",
    "env proxy_send_local_response",
    "env proxy_set_buffer_bytes",
    "env proxy_set_effective_context",
    "env proxy_set_header_map_pairs",
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

/// The callbacks that the filter implements. A host calls only those that the module exports.
const CALLBACKS: [&str; 14] = [
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_delete",
    "proxy_on_done",
    "proxy_on_http_call_response",
    "proxy_on_log",
    "proxy_on_queue_ready",
    "proxy_on_request_body",
    "proxy_on_request_headers",
    "proxy_on_request_trailers",
    "proxy_on_response_body",
    "proxy_on_response_headers",
    "proxy_on_response_trailers",
    "proxy_on_tick",
];

/// What a host needs of any plugin: the version of the ABI, memory, and the start of the VM.
const BASICS: [&str; 5] = [
    "_initialize",
    "memory",
    "proxy_abi_version_0_2_1",
    "proxy_on_memory_allocate",
    "proxy_on_vm_start",
];

#[test]
fn the_filter_imports_only_what_this_list_names() {
    let listed = set(IMPORTS);
    let found = module().imports;
    let differences: Vec<String> = listed
        .symmetric_difference(&found)
        .map(|import| match found.contains(import) {
            true => format!("+ {import:?},"),
            false => format!("- {import:?},"),
        })
        .collect();
    assert!(
        differences.is_empty(),
        "IMPORTS in this file and {} differ; apply these lines to IMPORTS if the filter is right:\n{}",
        tools::module().unwrap().display(),
        differences.join("\n")
    );
}

#[test]
fn every_callback_of_the_filter_is_exported() {
    let expected = &set(CALLBACKS) | &set(BASICS);
    let exported = module().exports;
    let missing: Vec<_> = expected.difference(&exported).collect();
    assert!(missing.is_empty(), "missing exports: {missing:?}");
}

#[derive(Default)]
struct Module {
    imports: BTreeSet<String>,
    exports: BTreeSet<String>,
}

fn module() -> Module {
    let bytes = fs::read(tools::module().unwrap()).unwrap();
    let mut module = Module::default();
    for payload in Parser::new(0).parse_all(&bytes) {
        match payload.unwrap() {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.unwrap();
                    module
                        .imports
                        .insert(format!("{} {}", import.module, import.name));
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    module.exports.insert(export.unwrap().name.to_owned());
                }
            }
            _ => {}
        }
    }
    module
}

fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}
