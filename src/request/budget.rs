//! The work that the conditions of a configuration may do on one request.

use std::cell::Cell;

/// A budget of work, in steps. A step takes about a nanosecond of a worker's time, so a whole budget
/// takes a few milliseconds, whatever the configuration and the request are.
///
/// A condition pays for each value before it reads it. If the budget is too small, the value stays
/// unread and the condition does not hold.
#[derive(Clone, Debug)]
pub struct Budget {
    left: Cell<u32>,
    unread: Cell<u32>,
}

impl Budget {
    /// The budget of a request, in steps.
    pub const STEPS: u32 = 3_000_000;

    /// Pays `steps`. False: the budget is too small, and a value stays unread.
    pub fn pay(&self, steps: u32) -> bool {
        match self.left.get().checked_sub(steps) {
            Some(left) => {
                self.left.set(left);
                true
            }
            None => {
                self.unread.set(self.unread.get().saturating_add(1));
                false
            }
        }
    }

    /// The steps that are left.
    #[must_use]
    pub fn left(&self) -> u32 {
        self.left.get()
    }

    /// The number of values that stayed unread.
    #[must_use]
    pub fn unread(&self) -> u32 {
        self.unread.get()
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            left: Cell::new(Self::STEPS),
            unread: Cell::new(0),
        }
    }
}
