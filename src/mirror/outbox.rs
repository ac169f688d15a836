//! Copies from the end of their requests to the answers of their mirrors.

use std::cell::RefCell;
use std::collections::HashMap;

use super::capture::{Ended, RequestCopy};
use super::limits::{Held, Permit};
use super::{MirrorOutcome, RequestKind};
use crate::lookup::FixedHasher;

/// Copies that wait to be sent, and copies that wait for their answers.
///
/// Each copy took a permit and bytes before, and these bound the outbox. Each comes out once. `At` is a
/// time of the host's clock.
#[derive(Debug)]
pub struct Outbox<T, At> {
    /// Oldest first.
    waiting: RefCell<Vec<RequestCopy<T>>>,
    /// By the number of the call.
    sent: RefCell<HashMap<u32, SentCopy<T, At>, FixedHasher>>,
}

/// A copy that was sent. It holds its memory and its permit until it is dropped.
#[derive(Debug)]
pub struct SentCopy<T, At> {
    /// The target.
    pub target: T,
    /// The kind of the request.
    pub kind: RequestKind,
    /// The time when it was sent.
    pub sent_at: At,
    _held: Held,
    _permit: Permit,
}

impl<T, At> Outbox<T, At> {
    /// Adds a copy that waits. Returns whether it is the only one: the sender needs one wake-up for all
    /// that wait.
    #[must_use]
    pub fn put(&self, copy: RequestCopy<T>) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        waiting.push(copy);
        waiting.len() == 1
    }

    /// Sends all copies that wait, by `send`, which returns the number of the call. `now` reads the
    /// clock. Returns the targets whose copy was not sent.
    #[must_use]
    pub fn send_all(
        &self,
        now: impl Fn() -> At,
        send: impl Fn(&RequestCopy<T>) -> Result<u32, MirrorOutcome>,
    ) -> Ended<T> {
        let mut ended = Vec::new();
        for copy in self.waiting.take() {
            let sent_at = now();
            match send(&copy) {
                Ok(call) => {
                    let sent = SentCopy {
                        target: copy.target,
                        kind: copy.kind,
                        sent_at,
                        _held: copy.held,
                        _permit: copy.permit,
                    };
                    self.sent.borrow_mut().insert(call, sent);
                }
                Err(outcome) => ended.push((copy.target, outcome)),
            }
        }
        ended
    }

    /// Takes out the copy whose answer is there.
    #[must_use]
    pub fn answered(&self, call: u32) -> Option<SentCopy<T, At>> {
        self.sent.borrow_mut().remove(&call)
    }

    /// The calls were cancelled. Returns the targets whose answer never comes.
    #[must_use]
    pub fn cancelled(&self) -> Ended<T> {
        let sent = self.sent.take().into_values();
        sent.map(|copy| (copy.target, MirrorOutcome::Failed))
            .collect()
    }

    /// Whether no copy waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.borrow().is_empty() && self.sent.borrow().is_empty()
    }
}

impl<T, At> Default for Outbox<T, At> {
    fn default() -> Self {
        Self {
            waiting: RefCell::default(),
            sent: RefCell::default(),
        }
    }
}
