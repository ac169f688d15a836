//! The mirrors that a request is captured for.

use std::rc::Rc;
use std::sync::Arc;

use super::{LiveMirror, LiveRelease};
use crate::metrics::Metric;
use crate::mirror::limits::Budget;
use crate::mirror::{Compare, RequestKind, announced_length};
use crate::release::Decision;
use crate::request::RequestHead;

/// The mirrors that select a request and can have a copy of it, as far as its head tells.
#[derive(Debug)]
pub struct Selected<M> {
    /// The kind of the request.
    pub kind: RequestKind,
    /// The mirrors.
    pub mirrors: Vec<SelectedMirror<M>>,
    /// The bytes that the copies may hold.
    pub budget: Budget,
}

/// A mirror that is selected.
#[derive(Debug)]
pub struct SelectedMirror<M> {
    /// The mirror.
    pub mirror: Rc<LiveMirror<M>>,
    /// How its answer is compared. None: it is not.
    pub compare: Option<Arc<Compare>>,
}

impl<M: Metric> LiveRelease<M> {
    /// Selects mirrors for the request with this `head`, which got this `decision`. A mirror that
    /// selects the request and can have no copy counts it. `chance` is a random number: it selects the
    /// answers that are compared. None: no mirror gets a copy.
    #[must_use]
    pub fn select(
        &self,
        decision: &Decision<'_>,
        head: &RequestHead<'_>,
        chance: u64,
    ) -> Option<Selected<M>> {
        let mut copies = decision.copies(head)?;
        let all = self.mirrors.iter();
        let mut selecting = all
            .filter(|live| copies.are_for(&live.mirror, &mut ()))
            .peekable();
        let budget = selecting.peek()?.budget.clone();
        let (kind, length) = (RequestKind::of(head), announced_length(head));
        let mut mirrors = Vec::new();
        for live in selecting {
            let mirror = &live.mirror;
            match mirror.refusal(kind, length) {
                Some(outcome) => live.metrics().count(outcome),
                None => mirrors.push(SelectedMirror {
                    mirror: Rc::clone(live),
                    compare: mirror.comparison(chance).cloned(),
                }),
            }
        }
        (!mirrors.is_empty()).then_some(Selected {
            kind,
            mirrors,
            budget,
        })
    }
}
