//! Copies on their way: from the outbox to the mirror's answer.
//!
//! Whoever dispatches a call gets its answer, and a stream is gone when its client has what it came
//! for. So streams put their copies into the outbox of their root, and the root sends them: it
//! outlives them all, and stays until the last answer is there.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::abi;
use super::comparing::Comparing;
use super::live::{self, Live, LiveMirror};
use super::wake_up::WakeUp;
use crate::lookup::FixedHasher;
use crate::mirror::outbox::{Budget, Held, Outbox, Permit};
use crate::mirror::{MirrorOutcome, RequestKind, Uncarriable};
use crate::request::{HeaderPairs, RequestHead};

thread_local! {
    /// What all copies of this worker hold, whatever plugin they are of.
    static BUDGET: Budget = Budget::default();
}

/// Holds nothing yet of what all copies of this worker may.
pub fn hold() -> Held {
    BUDGET.with(Budget::hold)
}

pub fn milliseconds_since(time: Instant) -> u64 {
    in_milliseconds(abi::instant().duration_since(time))
}

fn in_milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A copy that waits to be sent.
pub struct Waiting {
    pub mirror: Rc<LiveMirror>,
    pub headers: Rc<HeaderPairs>,
    pub kind: RequestKind,
    pub body: Rc<Vec<u8>>,
    pub comparing: Option<Rc<Comparing>>,
    pub held: Held,
    pub permit: Permit,
}

/// A copy that was sent. What it holds comes back when its answer is there.
struct InFlight {
    mirror: Rc<LiveMirror>,
    kind: RequestKind,
    sent_at: Instant,
    comparing: Option<Rc<Comparing>>,
    _held: Held,
    _permit: Permit,
}

/// All copies of one root.
#[derive(Default)]
pub struct Mirroring {
    live: Rc<Live>,
    outbox: Outbox<Waiting>,
    in_flight: RefCell<HashMap<u32, InFlight, FixedHasher>>,
    wake_up: Option<WakeUp>,
}

impl Mirroring {
    pub fn new(live: Rc<Live>) -> Self {
        let has_mirrors = live::mirrors(&live).next().is_some();
        Self {
            wake_up: has_mirrors.then(WakeUp::new).flatten(),
            live,
            ..Self::default()
        }
    }

    pub fn live(&self) -> &Rc<Live> {
        &self.live
    }

    /// From a stream's callback: sends `copy` as soon as the root's turn comes.
    pub fn put(&self, copy: Waiting) {
        match &self.wake_up {
            Some(wake_up) => {
                if self.outbox.put(copy) {
                    wake_up.wake();
                }
            }
            None => not_sent(&copy, MirrorOutcome::Failed),
        }
    }

    /// From the root's callback that the wake-up brings.
    pub fn woken(&self) {
        if let Some(wake_up) = &self.wake_up {
            wake_up.taken();
        }
        self.send_all();
    }

    /// Whether nothing waits and nothing is on its way.
    pub fn is_idle(&self) -> bool {
        self.outbox.is_empty() && self.in_flight.borrow().is_empty()
    }

    /// From a callback of the root: sends all that waits.
    pub fn send_all(&self) {
        for copy in self.outbox.take_all() {
            self.send(copy);
        }
    }

    fn send(&self, copy: Waiting) {
        let sent_at = abi::instant();
        match self.dispatch(&copy) {
            Ok(call) => {
                let in_flight = InFlight {
                    mirror: copy.mirror,
                    kind: copy.kind,
                    sent_at,
                    comparing: copy.comparing,
                    _held: copy.held,
                    _permit: copy.permit,
                };
                self.in_flight.borrow_mut().insert(call, in_flight);
            }
            Err(outcome) => not_sent(&copy, outcome),
        }
    }

    fn dispatch(&self, copy: &Waiting) -> Result<u32, MirrorOutcome> {
        let headers = copy.headers.borrowed();
        let head = RequestHead::new(&headers);
        let is_routing = |name: &[u8]| self.live.settings().is_routing_header(name);
        let request = copy.mirror.mirror.request(&head, copy.kind, is_routing);
        let request = request.map_err(|why| match why {
            Uncarriable::Bytes => MirrorOutcome::Skipped,
            Uncarriable::TooLarge => MirrorOutcome::TooLarge,
        })?;
        abi::call(request, &copy.body)
    }

    /// From the root's callback: the answer to `call` is there, with so many headers, so long a body
    /// and so many trailers.
    pub fn answered(&self, call: u32, headers: usize, body: usize, trailers: usize) {
        let Some(copy) = self.in_flight.borrow_mut().remove(&call) else {
            return;
        };
        let mirror = &copy.mirror;
        let elapsed = abi::instant().duration_since(copy.sent_at);
        // Where the answer is compared all of its head is needed, and else a header or two.
        let head = copy.comparing.map(|comparing| {
            let head = if headers > 0 {
                abi::answer_headers()
            } else {
                HeaderPairs::default()
            };
            (comparing, head)
        });
        let header = |name: &str| match &head {
            _ if headers == 0 => None,
            Some((_, head)) => head.get(name).map(<[u8]>::to_vec),
            None => abi::answer_header(name),
        };
        let outcome = MirrorOutcome::of_answer(copy.kind, header, elapsed, mirror.mirror.timeout);
        mirror.metrics.count(outcome);
        if outcome == MirrorOutcome::Answered {
            mirror.metrics.record_duration(in_milliseconds(elapsed));
        }
        match head {
            Some((comparing, head)) if outcome == MirrorOutcome::Answered => {
                comparing.mirror_answered(&head, body, trailers, copy.sent_at);
            }
            Some((comparing, _)) => comparing.mirror_is_missing(),
            None => {}
        }
    }

    /// Envoy has cancelled what is on its way, without a word.
    pub fn cancelled(&self) {
        for (_, copy) in self.in_flight.take() {
            copy.mirror.metrics.count(MirrorOutcome::Failed);
            if let Some(comparing) = copy.comparing {
                comparing.mirror_is_missing();
            }
        }
    }
}

fn not_sent(copy: &Waiting, outcome: MirrorOutcome) {
    copy.mirror.metrics.count(outcome);
    match &copy.comparing {
        Some(comparing) if outcome == MirrorOutcome::Failed => comparing.mirror_is_missing(),
        Some(comparing) => comparing.call_off(),
        None => {}
    }
}
