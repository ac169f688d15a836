//! The bodies of the fuzz targets. `tests/it/fuzzing.rs` runs them too, so that they keep up with the code.

pub mod config;
pub mod cost;
pub mod head;
pub mod invitation;
pub mod json_diff;
#[path = "../../tests/support/json_oracle.rs"]
mod json_oracle;

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

static EXECUTED: AtomicU64 = AtomicU64::new(0);

/// The basic blocks that have been executed so far, without those of Rust's standard library that are not generic.
fn executed() -> u64 {
    let executed = EXECUTED.load(Ordering::Relaxed);
    assert!(executed > 0, "the compiler does not count executed blocks");
    executed
}

/// libFuzzer looks for inputs that change one of them, as for inputs that reach new code.
#[unsafe(link_section = "__libfuzzer_extra_counters")]
static COSTS: [AtomicU8; 256] = [const { AtomicU8::new(0) }; 256];

/// Makes libFuzzer keep an input that costs more than those before: `cost` of at most `most`.
fn costs(cost: u64, most: u64) {
    let reached = (cost * COSTS.len() as u64 / most) as usize;
    for counter in COSTS.iter().take(reached) {
        counter.store(1, Ordering::Relaxed);
    }
}

/// The compiler calls it in each basic block of the code under test. `make fuzz` asks for that.
#[unsafe(no_mangle)]
pub extern "C" fn __sanitizer_cov_trace_pc() {
    // One thread runs the target.
    EXECUTED.store(EXECUTED.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}
