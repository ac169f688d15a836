//! The one call that is not the SDK's: its own copies every name and every value of a header map apart,
//! which is a third of what reading them costs, and panics on a name that is not UTF-8.
//!
//! It is also the only place of the project where the compiler takes somebody's word for it.
#![allow(unsafe_code)]

use std::ptr::null_mut;

use proxy_wasm::types::MapType;

use crate::request::HeaderPairs;

unsafe extern "C" {
    /// [The ABI's `proxy_get_header_map_pairs`](https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_get_header_map_pairs):
    /// 0, and where the serialised map lies; it is the caller's from then on.
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
}

/// All pairs of a map. None, where it cannot be read now.
pub fn pairs(map: MapType) -> HeaderPairs {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: the host writes to these two and to nothing else.
    let status = unsafe { proxy_get_header_map_pairs(map as u32, &raw mut data, &raw mut size) };
    if status != 0 || data.is_null() {
        return HeaderPairs::default();
    }
    // SAFETY: the host had the SDK's `proxy_on_memory_allocate` allocate `size` bytes, which makes a boxed
    // slice of just that length and gives it away; the host filled it.
    HeaderPairs::new(unsafe { Vec::from_raw_parts(data, size, size) })
}
