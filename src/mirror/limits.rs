//! The limits of copies: permits for the copies of one mirror, bytes for all copies of a worker.
//!
//! A permit or a number of bytes is a value, and dropping it gives it back. So a copy cannot forget to
//! give back what it held, however it ends.

use std::cell::Cell;
use std::rc::Rc;

/// The bytes that all copies of a worker may hold together.
///
/// The configurations of a worker count the same bytes, each up to its own limit.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    held: Rc<Cell<usize>>,
    limit: usize,
}

/// Bytes of a [`Budget`]. Dropping this gives them back.
#[derive(Debug)]
pub struct Held {
    budget: Budget,
    bytes: usize,
}

impl Budget {
    /// The same bytes, up to `limit`.
    #[must_use]
    pub fn with_limit(&self, limit: usize) -> Self {
        Self {
            held: Rc::clone(&self.held),
            limit,
        }
    }

    /// Holds `bytes`. None: all held bytes together would be more than the limit.
    #[must_use]
    pub fn hold(&self, bytes: usize) -> Option<Held> {
        let budget = self.clone();
        let mut held = Held { budget, bytes: 0 };
        held.grow(bytes).then_some(held)
    }

    /// All bytes that are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.get()
    }
}

impl Held {
    /// Holds `more` bytes. False, and nothing changes: all held bytes together would be more than the
    /// limit.
    #[must_use]
    pub fn grow(&mut self, more: usize) -> bool {
        let all = self.budget.held().saturating_add(more);
        let fits = all <= self.budget.limit;
        if fits {
            self.budget.held.set(all);
            self.bytes += more;
        }
        fits
    }

    /// The number of bytes that are held here.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The budget that the bytes belong to.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Gives back all bytes above `bytes`.
    pub fn shrink_to(&mut self, bytes: usize) {
        let back = self.bytes.saturating_sub(bytes);
        let left = self.budget.held().saturating_sub(back);
        self.budget.held.set(left);
        self.bytes -= back;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

/// The capacity that `bytes` needs for `more` bytes. A capacity that grows at least doubles, up to
/// `most`: growing takes linear time, and the size of an allocation is known before it is made.
#[must_use]
pub fn capacity_for(bytes: &Vec<u8>, more: usize, most: usize) -> usize {
    let needed = bytes.len().saturating_add(more);
    if needed <= bytes.capacity() {
        return bytes.capacity();
    }
    let doubled = bytes.capacity().saturating_mul(2).min(most);
    needed.max(doubled)
}

/// The permits of one mirror. A copy needs one from when it waits to be sent until the mirror answers.
#[derive(Clone, Debug, Default)]
pub struct Permits {
    taken: Rc<Cell<u32>>,
}

/// One of the [`Permits`]. Dropping it gives it back.
#[derive(Debug)]
pub struct Permit(Permits);

impl Permits {
    /// Takes a permit. None: `most` are taken.
    #[must_use]
    pub fn take(&self, most: u32) -> Option<Permit> {
        let taken = self.taken.get();
        (taken < most).then(|| {
            self.taken.set(taken + 1);
            Permit(self.clone())
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let taken = &self.0.taken;
        taken.set(taken.get().saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_bounds_all_bytes_and_all_come_back() {
        let budget = Budget::default().with_limit(100);
        let mut first = budget.hold(60).unwrap();
        let mut second = budget.hold(40).unwrap();
        assert!(!first.grow(1));
        assert!(budget.hold(1).is_none());
        assert_eq!(
            (budget.held(), first.bytes(), second.bytes()),
            (100, 60, 40)
        );
        for (bytes, held) in [(50, 100), (10, 70), (0, 60)] {
            second.shrink_to(bytes);
            assert_eq!(budget.held(), held, "{bytes}");
        }
        assert!(!second.grow(41));
        assert!(!second.grow(usize::MAX));
        assert!(second.grow(40));
        drop((first, second));
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn two_limits_bound_the_same_bytes() {
        let small = Budget::default().with_limit(10);
        let large = small.with_limit(20);
        let _held = large.hold(9).unwrap();
        assert!(small.hold(2).is_none());
        assert!(large.hold(2).is_some());
        assert!(small.hold(1).is_some());
    }

    #[test]
    fn what_grows_at_least_doubles_up_to_the_most() {
        let mut bytes = Vec::new();
        assert_eq!(capacity_for(&bytes, 10, 100), 10);
        bytes.reserve_exact(10);
        bytes.extend_from_slice(&[0; 10]);
        assert_eq!(capacity_for(&bytes, 0, 100), 10);
        assert_eq!(capacity_for(&bytes, 1, 100), 20);
        assert_eq!(capacity_for(&bytes, 50, 100), 60);
        assert_eq!(capacity_for(&bytes, 1, 15), 15);
        assert_eq!(capacity_for(&bytes, usize::MAX, 100), usize::MAX);
    }

    #[test]
    fn a_permit_is_taken_until_it_is_dropped() {
        let permits = Permits::default();
        let first = permits.take(2);
        let second = permits.take(2);
        assert!(first.is_some() && second.is_some());
        assert!(permits.take(2).is_none());
        drop(first);
        assert!(permits.take(1).is_none());
        assert!(permits.take(2).is_some());
    }
}
