//! What the plugins of one worker share about a request that passes them one after the other.

use std::cell::RefCell;

use super::abi;
use crate::serving::{ROUTED, Reading};

thread_local! {
    static READING: RefCell<Reading> = RefCell::default();

    /// Where the first reader of a request leaves that there is one. Plugins in other VMs, which share no
    /// memory with this one, have other keys.
    static READ: String = format!("halftone.read.{:016x}", abi::random());
}

/// Declares what plugins leave for each other. Only in the configuration callback of a root.
pub fn declare() {
    abi::declare_filter_state(ROUTED);
    READ.with(|key| abi::declare_filter_state(key));
}

/// Whether no plugin before this one, of those in this VM, has asked this about the request.
pub fn is_first_reader() -> bool {
    READ.with(|key| abi::claim_filter_state(key, ""))
}

/// Calls `with` with the reading that all plugins of this worker share.
pub fn with_reading<R>(with: impl FnOnce(&mut Reading) -> R) -> R {
    READING.with_borrow_mut(with)
}
