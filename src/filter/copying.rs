//! Copying a request while it passes: what stands between its head and the outbox.
//!
//! The request itself is never held or changed.

use std::rc::Rc;

use super::abi;
use super::comparing::Comparing;
use super::live::{LiveMirror, LiveRelease};
use super::mirroring::{self, Mirroring, Waiting};
use crate::draw::Draw;
use crate::mirror::grpc::{Frames, Messages};
use crate::mirror::outbox::{Held, capacity_for};
use crate::mirror::{Mirror, MirrorOutcome, RequestKind, announced_length};
use crate::release::Decision;
use crate::request::{HeaderPairs, RequestHead};

/// The mirrors that are to have a copy of a request.
pub struct Selected {
    kind: RequestKind,
    mirrors: Vec<SelectedMirror>,
}

struct SelectedMirror {
    mirror: Rc<LiveMirror>,
    is_compared: bool,
}

impl Selected {
    /// Those that the `decision` of `release` selects, as far as the head tells that they
    /// can have a copy. The others are counted.
    pub fn new(
        release: &LiveRelease,
        decision: &Decision<'_>,
        head: &RequestHead<'_>,
        draw: Draw,
    ) -> Option<Self> {
        let mut copies = decision.copies(head)?;
        let mut selected = release
            .mirrors
            .iter()
            .filter(|mirror| copies.are_for(&mirror.mirror, &mut ()))
            .peekable();
        selected.peek()?;
        let (kind, length) = (RequestKind::of(head), announced_length(head));
        let mut mirrors = Vec::new();
        for mirror in selected {
            if kind == RequestKind::Tunnel {
                mirror.metrics.count(MirrorOutcome::Skipped);
            } else if length.is_some_and(|length| length > mirror.mirror.max_body) {
                mirror.metrics.count(MirrorOutcome::TooLarge);
            } else {
                let compare = mirror.mirror.compare.as_ref();
                let is_compared =
                    compare.is_some_and(|compare| compare.percentage.takes(draw.chance));
                mirrors.push(SelectedMirror {
                    mirror: Rc::clone(mirror),
                    is_compared,
                });
            }
        }
        (!mirrors.is_empty()).then_some(Self { kind, mirrors })
    }
}

/// A request that is being copied.
pub struct Copying {
    mirroring: Rc<Mirroring>,
    kind: RequestKind,
    mirrors: Vec<(Rc<LiveMirror>, Option<Rc<Comparing>>)>,
    headers: Rc<HeaderPairs>,
    body: Vec<u8>,
    frames: Frames,
    held: Held,
}

impl Copying {
    /// Begins with the head. Nothing, where that alone is more than copies may hold.
    pub fn begin(
        mirroring: &Rc<Mirroring>,
        selected: Selected,
        headers: HeaderPairs,
    ) -> Option<Self> {
        let bytes = headers.size();
        let headers = Rc::new(headers);
        let comparing = |mirror: &Rc<LiveMirror>| Comparing::new(mirror, &headers);
        let mirrors = selected.mirrors.into_iter();
        let copying = Self {
            mirroring: Rc::clone(mirroring),
            kind: selected.kind,
            mirrors: mirrors
                .map(|selected| {
                    let comparing = selected.is_compared.then(|| comparing(&selected.mirror));
                    (selected.mirror, comparing)
                })
                .collect(),
            headers,
            body: Vec::new(),
            frames: Frames::default(),
            held: mirroring::hold(),
        };
        copying.hold(bytes)
    }

    /// The comparisons that wait for production's answer.
    pub fn comparing(&self) -> impl Iterator<Item = Rc<Comparing>> {
        self.mirrors
            .iter()
            .filter_map(|(_, comparing)| comparing.clone())
    }

    /// The next `size` bytes of the body pass. Nothing, where they end the copy.
    pub fn body(mut self, size: usize) -> Option<Self> {
        if size == 0 {
            return Some(self);
        }
        let length = self.body.len().saturating_add(size);
        self.drop_mirrors(MirrorOutcome::TooLarge, |mirror| length > mirror.max_body);
        if self.mirrors.is_empty() {
            return None;
        }
        let capacity = capacity_for(&self.body, size, self.longest_body());
        let growth = capacity - self.body.capacity();
        let mut copying = self.hold(growth)?;
        let chunk = abi::request_body(size);
        if copying.kind == RequestKind::Grpc {
            copying.frames.push(&chunk);
            if copying.frames.is_stream() {
                copying.abandon();
                return None;
            }
        }
        if copying.body.capacity() == 0 {
            copying.body = chunk;
        } else {
            copying.body.reserve_exact(capacity - copying.body.len());
            copying.body.extend_from_slice(&chunk);
        }
        Some(copying)
    }

    /// The longest body that any of its mirrors takes.
    fn longest_body(&self) -> usize {
        let mirrors = self.mirrors.iter();
        mirrors
            .map(|(mirror, _)| mirror.mirror.max_body)
            .max()
            .unwrap_or_default()
    }

    /// The request has come to its end: the copies are sent.
    pub fn end(self) {
        if self.kind == RequestKind::Grpc && self.frames.messages() != Messages::One {
            return self.abandon();
        }
        let Self {
            mirroring,
            kind,
            mirrors,
            headers,
            body,
            held,
            ..
        } = self;
        let (size, body) = (held.bytes(), Rc::new(body));
        let mut held = Some(held);
        for (mirror, comparing) in mirrors {
            let held = held.take().or_else(|| hold(&mirroring, size));
            match held.zip(mirror.permit()) {
                Some((held, permit)) => mirroring.put(Waiting {
                    mirror,
                    headers: Rc::clone(&headers),
                    kind,
                    body: Rc::clone(&body),
                    comparing,
                    held,
                    permit,
                }),
                None => give_up(&mirror, comparing.as_deref(), MirrorOutcome::TooMany),
            }
        }
    }

    /// The request cannot be copied, or never came to its end.
    pub fn abandon(mut self) {
        self.drop_mirrors(MirrorOutcome::Skipped, |_| true);
    }

    fn hold(mut self, more: usize) -> Option<Self> {
        let limit = self.mirroring.live().settings().mirror_budget;
        if self.held.grow(more, limit) {
            return Some(self);
        }
        self.drop_mirrors(MirrorOutcome::TooMany, |_| true);
        None
    }

    /// Counts those mirrors that are not to have the copy as `outcome`.
    fn drop_mirrors(&mut self, outcome: MirrorOutcome, drops: impl Fn(&Mirror) -> bool) {
        self.mirrors.retain(|(mirror, comparing)| {
            let drops = drops(&mirror.mirror);
            if drops {
                give_up(mirror, comparing.as_deref(), outcome);
            }
            !drops
        });
    }
}

/// The mirror gets no copy.
fn give_up(mirror: &LiveMirror, comparing: Option<&Comparing>, outcome: MirrorOutcome) {
    mirror.metrics.count(outcome);
    if let Some(comparing) = comparing {
        comparing.call_off();
    }
}

fn hold(mirroring: &Mirroring, size: usize) -> Option<Held> {
    let mut held = mirroring::hold();
    let limit = mirroring.live().settings().mirror_budget;
    held.grow(size, limit).then_some(held)
}
