//! How a stream has its root called: by a shared queue that only this root of this worker knows.
//!
//! Envoy has no call for it, but it tells a root of every item in a queue that the root registered,
//! in the same worker and as soon as the callback that put it there is through.

use super::abi::{self, Queue};

pub struct WakeUp(Queue);

impl WakeUp {
    /// A way to the root in whose callback this is.
    pub fn new() -> Option<Self> {
        // Queues are one space for all workers and plugins of a process.
        let name = format!(
            "halftone.outbox.{:016x}{:016x}",
            abi::random(),
            abi::random()
        );
        Queue::register(&name).map(Self)
    }

    /// Has the root called back.
    pub fn wake(&self) {
        self.0.put();
    }

    /// The root was called back.
    pub fn taken(&self) {
        self.0.take();
    }
}
