//! The capture of a request in Envoy: the mirrors that select it, and what they are sent.

use std::rc::Rc;
use std::sync::Arc;

use super::dispatch::{Recipient, count_ended};
use super::live::{LiveMirror, LiveRelease};
use super::pairing::LivePairing;
use crate::draw::Draw;
use crate::mirror::capture::Capture;
use crate::mirror::{Compare, RequestKind, announced_length};
use crate::release::Decision;
use crate::request::{HeaderPairs, RequestHead};

/// The mirrors that a request is captured for.
pub struct Selected {
    kind: RequestKind,
    mirrors: Vec<(Rc<LiveMirror>, Option<Arc<Compare>>)>,
}

impl Selected {
    /// The mirrors that select the request and can have a copy of it, as far as its `head` tells. The
    /// others are counted.
    pub fn new(
        release: &LiveRelease,
        decision: &Decision<'_>,
        head: &RequestHead<'_>,
        draw: Draw,
    ) -> Option<Self> {
        let mut copies = decision.copies(head)?;
        let all = release.mirrors.iter();
        let mut selected = all
            .filter(|live| copies.are_for(&live.mirror, &mut ()))
            .peekable();
        selected.peek()?;
        let (kind, length) = (RequestKind::of(head), announced_length(head));
        let mut mirrors = Vec::new();
        for live in selected {
            let mirror = &live.mirror;
            match mirror.refusal(kind, length) {
                Some(outcome) => live.metrics.count(outcome),
                None => mirrors.push((Rc::clone(live), mirror.comparison(draw.chance).cloned())),
            }
        }
        (!mirrors.is_empty()).then_some(Self { kind, mirrors })
    }

    /// Begins to capture the request with these headers.
    pub fn capture(self, headers: HeaderPairs) -> Option<Capture<Recipient>> {
        let head = Rc::new(headers);
        let budget = self.mirrors.first()?.0.budget.clone();
        let mirrors = self.mirrors.into_iter();
        let recipients = mirrors.map(|(mirror, compare)| Recipient {
            pairing: compare.map(|compare| LivePairing::new(&mirror, compare, &head)),
            mirror,
        });
        let (capture, ended) =
            Capture::begin(recipients.collect(), self.kind, head.clone(), &budget);
        count_ended(ended);
        Some(capture)
    }
}
