//! Turns the compiled filter into the one that ships: `halftone-package COMPILED PACKAGED`.
//!
//! The SDK exports every callback of the ABI, and Envoy calls each callback that a module exports,
//! for every request. This drops those that the filter does not use, what else cannot run, and all
//! code that only these reached.

mod idle;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use walrus::{ExportItem, ModuleConfig};

/// What Envoy needs of the module, and the callbacks that `src/filter/` implements. A new callback
/// there must be added here, or Envoy never calls it.
const EXPORTS: [&str; 19] = [
    "memory",
    "_initialize",
    "proxy_abi_version_0_2_1",
    "proxy_on_memory_allocate",
    "proxy_on_vm_start",
    "proxy_on_configure",
    "proxy_on_tick",
    "proxy_on_context_create",
    "proxy_on_queue_ready",
    "proxy_on_request_headers",
    "proxy_on_request_body",
    "proxy_on_request_trailers",
    "proxy_on_response_headers",
    "proxy_on_response_body",
    "proxy_on_response_trailers",
    "proxy_on_http_call_response",
    "proxy_on_log",
    "proxy_on_done",
    "proxy_on_delete",
];

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(compiled), Some(packaged), None) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        bail!("usage: halftone-package COMPILED PACKAGED");
    };
    package(&compiled, &packaged).with_context(|| format!("cannot package {}", compiled.display()))
}

fn package(compiled: &Path, packaged: &Path) -> Result<()> {
    let mut module = ModuleConfig::new()
        .generate_name_section(false)
        .generate_producers_section(false)
        .parse_file(compiled)?;
    let unused: Vec<_> = module
        .exports
        .iter()
        .filter(|export| !EXPORTS.contains(&export.name.as_str()))
        .map(|export| export.id())
        .collect();
    for export in unused {
        module.exports.delete(export);
    }
    if !module
        .exports
        .iter()
        .any(|export| matches!(export.item, ExportItem::Memory(_)))
    {
        bail!("it exports no memory: is it a filter?");
    }
    idle::drop_methods(&mut module)?;
    idle::drop_default_hook(&mut module)?;
    walrus::passes::gc::run(&mut module);
    let bytes = module.emit_wasm();
    std::fs::write(packaged, &bytes).with_context(|| format!("cannot write {}", packaged.display()))
}
