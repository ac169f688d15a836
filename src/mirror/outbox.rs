//! What waits to be sent, and what bounds it: permits for the copies of one mirror, bytes for all
//! copies of a worker.
//!
//! A place or a byte that is taken is a value, and comes back when the value is dropped. So nothing
//! that ends a copy, however it ends, can forget to give back what it held.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Bytes that all copies of a worker hold together.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    held: Rc<Cell<usize>>,
}

/// Bytes of a [`Budget`], given back when this is dropped.
#[derive(Debug)]
pub struct Held {
    budget: Budget,
    bytes: usize,
}

impl Budget {
    /// Nothing yet; it can grow.
    #[must_use]
    pub fn hold(&self) -> Held {
        Held {
            budget: self.clone(),
            bytes: 0,
        }
    }

    /// All bytes that are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.get()
    }
}

impl Held {
    /// Holds `more` bytes, unless all that is held would then be more than `limit`. Says whether it
    /// does.
    #[must_use]
    pub fn grow(&mut self, more: usize, limit: usize) -> bool {
        let all = self.budget.held().saturating_add(more);
        let fits = all <= limit;
        if fits {
            self.budget.held.set(all);
            self.bytes += more;
        }
        fits
    }

    /// How many bytes are held here.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Gives back all but `bytes`, if it is more.
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

/// The capacity that `bytes` need to take in `more`, at most `most` in all: at least twice what it
/// was if it grows, so that growing takes linear time, and so that what is allocated is known before
/// it is.
#[must_use]
pub fn capacity_for(bytes: &Vec<u8>, more: usize, most: usize) -> usize {
    let needed = bytes.len().saturating_add(more);
    if needed <= bytes.capacity() {
        return bytes.capacity();
    }
    let doubled = bytes.capacity().saturating_mul(2).min(most);
    needed.max(doubled)
}

/// The copies of one mirror that wait for its answer.
#[derive(Clone, Debug, Default)]
pub struct Permits {
    taken: Rc<Cell<u32>>,
}

/// One of the [`Permits`], given back when this is dropped.
#[derive(Debug)]
pub struct Permit(Permits);

impl Permits {
    /// One more place, unless `most` are taken.
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

/// What waits to be sent, in the order in which it came. What it holds is bounded by the permits and
/// bytes that each item took before.
#[derive(Debug)]
pub struct Outbox<T> {
    waiting: RefCell<Vec<T>>,
}

impl<T> Outbox<T> {
    /// Puts `item` in. True: it was empty, and somebody must be told to come.
    #[must_use]
    pub fn put(&self, item: T) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        waiting.push(item);
        waiting.len() == 1
    }

    /// Takes all out.
    #[must_use]
    pub fn take_all(&self) -> Vec<T> {
        self.waiting.take()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.borrow().is_empty()
    }
}

impl<T> Default for Outbox<T> {
    fn default() -> Self {
        Self {
            waiting: RefCell::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_bytes_are_held_than_the_limit_and_all_come_back() {
        let budget = Budget::default();
        let (mut first, mut second) = (budget.hold(), budget.hold());
        assert!(first.grow(60, 100));
        assert!(second.grow(40, 100));
        assert!(!first.grow(1, 100));
        assert_eq!(budget.held(), 100);
        second.shrink_to(50);
        assert_eq!(budget.held(), 100);
        second.shrink_to(10);
        assert_eq!(budget.held(), 70);
        second.shrink_to(0);
        assert_eq!(budget.held(), 60);
        assert!(!second.grow(41, 100));
        assert!(!second.grow(usize::MAX, 100));
        assert!(second.grow(40, 100));
        drop((first, second));
        assert_eq!(budget.held(), 0);
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

    #[test]
    fn only_the_first_to_come_tells_somebody() {
        let outbox = Outbox::default();
        assert!(outbox.is_empty());
        assert!(outbox.put(1));
        assert!(!outbox.put(2));
        assert_eq!(outbox.take_all(), [1, 2]);
        assert!(outbox.is_empty());
        assert!(outbox.put(3));
    }
}
