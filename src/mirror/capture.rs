//! Copies of a request, captured while the request passes. The request itself is neither held nor
//! changed.

use std::rc::Rc;

use super::grpc::{Frames, Messages};
use super::limits::{Budget, Held, Permit, capacity_for};
use super::{Mirror, MirrorOutcome, RequestKind};
use crate::request::HeaderPairs;

/// A mirror that a request is captured for.
pub trait Target {
    /// The mirror.
    fn mirror(&self) -> &Mirror;

    /// The permit to send one more copy. None: too many copies wait for the mirror's answer.
    fn permit(&self) -> Option<Permit>;
}

/// Targets that get no copy, each with the outcome that the request has for it.
pub type Ended<T> = Vec<(T, MirrorOutcome)>;

/// A request that is being captured: the head at first, then chunks of the body, then the end.
///
/// Each target comes out once: with a copy, or with an outcome.
#[derive(Debug)]
pub struct Capture<T> {
    targets: Vec<T>,
    kind: RequestKind,
    head: Rc<HeaderPairs>,
    body: Vec<u8>,
    frames: Frames,
    held: Option<Held>,
}

/// A copy that is ready to be sent to a target.
#[derive(Debug)]
pub struct RequestCopy<T> {
    /// The target.
    pub target: T,
    /// The kind of the request.
    pub kind: RequestKind,
    /// The headers of the request.
    pub head: Rc<HeaderPairs>,
    /// The body of the request.
    pub body: Rc<Vec<u8>>,
    /// The memory that the copy takes.
    pub held: Held,
    /// The permit to send it.
    pub permit: Permit,
}

impl<T: Target> Capture<T> {
    /// Begins with the head of a request of this `kind`. If the budget has no room for the head, all
    /// targets come back.
    #[must_use]
    pub fn begin(
        targets: Vec<T>,
        kind: RequestKind,
        head: Rc<HeaderPairs>,
        budget: &Budget,
    ) -> (Self, Ended<T>) {
        let mut capture = Self {
            targets,
            kind,
            held: budget.hold(head.size()),
            head,
            body: Vec::new(),
            frames: Frames::default(),
        };
        let ended = match capture.held {
            Some(_) => Vec::new(),
            None => capture.end_all(MirrorOutcome::TooMany),
        };
        (capture, ended)
    }

    /// The targets that can still get a copy.
    #[must_use]
    pub fn targets(&self) -> &[T] {
        &self.targets
    }

    /// Takes the next `size` bytes of the body, which `fetch` copies from the host, if a target wants
    /// them. Returns the targets that get no copy because of these bytes.
    #[must_use]
    pub fn body(&mut self, size: usize, fetch: impl FnOnce(usize) -> Vec<u8>) -> Ended<T> {
        if size == 0 {
            return Vec::new();
        }
        let length = self.body.len().saturating_add(size);
        let mut ended = self.end_where(MirrorOutcome::TooLarge, |mirror| length > mirror.max_body);
        if let Some(outcome) = self.take(size, fetch) {
            ended.extend(self.end_all(outcome));
        }
        ended
    }

    /// Takes a chunk that no target's limit forbids. Returns the outcome of all targets if it ends the
    /// capture.
    fn take(&mut self, size: usize, fetch: impl FnOnce(usize) -> Vec<u8>) -> Option<MirrorOutcome> {
        let limits = self.targets.iter().map(|target| target.mirror().max_body);
        let capacity = capacity_for(&self.body, size, limits.max()?);
        let growth = capacity - self.body.capacity();
        if !self.held.as_mut()?.grow(growth) {
            return Some(MirrorOutcome::TooMany);
        }
        let chunk = fetch(size);
        if self.kind == RequestKind::Grpc {
            self.frames.push(&chunk);
            if self.frames.is_stream() {
                return Some(MirrorOutcome::Skipped);
            }
        }
        if self.body.capacity() == 0 {
            self.body = chunk;
        } else {
            self.body.reserve_exact(capacity - self.body.len());
            self.body.extend_from_slice(&chunk);
        }
        None
    }

    /// The request has ended. Returns the copies, and the targets that get none.
    #[must_use]
    pub fn end(mut self) -> (Vec<RequestCopy<T>>, Ended<T>) {
        if self.kind == RequestKind::Grpc && self.frames.messages() != Messages::One {
            let ended = self.end_all(MirrorOutcome::Skipped);
            return (Vec::new(), ended);
        }
        let (mut copies, mut ended) = (Vec::new(), Vec::new());
        let Some(held) = self.held else {
            return (copies, ended);
        };
        let (budget, size) = (held.budget().clone(), held.bytes());
        let mut first = Some(held);
        let body = Rc::new(self.body);
        for target in self.targets {
            // Envoy copies the bytes for each call.
            let held = first.take().or_else(|| budget.hold(size));
            match held.zip(target.permit()) {
                Some((held, permit)) => copies.push(RequestCopy {
                    target,
                    kind: self.kind,
                    head: Rc::clone(&self.head),
                    body: Rc::clone(&body),
                    held,
                    permit,
                }),
                None => ended.push((target, MirrorOutcome::TooMany)),
            }
        }
        (copies, ended)
    }

    /// The request did not come to its end. No target gets a copy.
    #[must_use]
    pub fn abandon(mut self) -> Ended<T> {
        self.end_all(MirrorOutcome::Skipped)
    }

    fn end_all(&mut self, outcome: MirrorOutcome) -> Ended<T> {
        self.end_where(outcome, |_| true)
    }

    /// Takes out the targets whose mirror `is_over`. The last one gives the memory back.
    fn end_where(&mut self, outcome: MirrorOutcome, is_over: impl Fn(&Mirror) -> bool) -> Ended<T> {
        let over = self
            .targets
            .extract_if(.., |target| is_over(target.mirror()));
        let ended = over.map(|target| (target, outcome)).collect();
        if self.targets.is_empty() {
            self.body = Vec::new();
            self.held = None;
        }
        ended
    }
}
