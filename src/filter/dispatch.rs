//! Copies on their way: from the outbox to the mirror's answer.
//!
//! Envoy gives the answer of a call to the context that made it, and a stream is gone when its client
//! has the response. So a stream puts its copies into the outbox of its root, which outlives them. The
//! root sends them, and stays until the last answer is there.

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::abi::{self, Map, Metric, Queue};
use super::live::{Live, LiveMirror};
use super::pairing::LivePairing;
use crate::event::ResponseClass;
use crate::live::{self, Selected, SelectedMirror};
use crate::mirror::capture::{Capture, Ended, RequestCopy, Target};
use crate::mirror::limits::Permit;
use crate::mirror::outbox::Outbox;
use crate::mirror::{Mirror, MirrorOutcome, MirrorRequest};
use crate::request::{HeaderPairs, RequestHead};

/// The header or trailer with the outcome of a gRPC call.
pub const GRPC_STATUS: &str = "grpc-status";

/// A mirror that a request is copied to.
pub struct Recipient {
    pub mirror: Rc<LiveMirror>,
    /// None: the answers to the request are not compared.
    pub pairing: Option<Rc<LivePairing>>,
}

impl Target for Recipient {
    fn mirror(&self) -> &Mirror {
        &self.mirror.mirror
    }

    fn permit(&self) -> Option<Permit> {
        self.mirror.permit()
    }
}

impl Recipient {
    /// No copy is on its way to the mirror, for this reason.
    fn not_sent(&self, outcome: MirrorOutcome) {
        self.mirror.metrics().count(outcome);
        if let Some(pairing) = &self.pairing {
            pairing.not_sent(outcome);
        }
    }
}

/// Begins to capture the request with these headers for the mirrors that are selected.
pub fn capture(selected: Selected<Metric>, headers: HeaderPairs) -> Capture<Recipient> {
    let head = Rc::new(headers);
    let mirrors = selected.mirrors.into_iter();
    let recipients = mirrors.map(|SelectedMirror { mirror, compare }| Recipient {
        pairing: compare.map(|compare| LivePairing::new(&mirror, compare, &head)),
        mirror,
    });
    let (recipients, head) = (recipients.collect(), Rc::clone(&head));
    let (capture, ended) = Capture::begin(recipients, selected.kind, head, &selected.budget);
    count_ended(ended);
    capture
}

/// Counts the outcomes of a request that was not copied to these mirrors.
pub fn count_ended(ended: Ended<Recipient>) {
    for (recipient, outcome) in ended {
        recipient.not_sent(outcome);
    }
}

/// All copies of one root.
#[derive(Default)]
pub struct Dispatch {
    live: Rc<Live>,
    outbox: Outbox<Recipient, Instant>,
    /// Wakes the root. Envoy calls a root for each item of a queue that the root registered, in the
    /// same worker, right after the callback that added the item. It has no other way to do so.
    wake_up: Option<Queue>,
}

impl Dispatch {
    /// The copies of the root in whose callback this is.
    pub fn new(live: Rc<Live>) -> Self {
        let has_mirrors = live::mirrors(&live).next().is_some();
        Self {
            wake_up: has_mirrors.then(register_queue).flatten(),
            live,
            ..Self::default()
        }
    }

    pub fn live(&self) -> &Rc<Live> {
        &self.live
    }

    /// Has the root send `copies`. Only in a callback of a stream.
    pub fn put(&self, copies: Vec<RequestCopy<Recipient>>) {
        for copy in copies {
            match self.wake_up {
                Some(queue) => {
                    if self.outbox.put(copy) {
                        queue.put();
                    }
                }
                None => copy.target.not_sent(MirrorOutcome::Failed),
            }
        }
    }

    /// The root's queue has an item.
    pub fn woken(&self) {
        if let Some(queue) = self.wake_up {
            queue.take();
        }
        self.send_all();
    }

    /// Whether no copy waits, for its turn or for its answer.
    pub fn is_idle(&self) -> bool {
        self.outbox.is_empty()
    }

    /// Sends all copies that wait. Only in a callback of the root.
    pub fn send_all(&self) {
        let ended = self.outbox.send_all(abi::instant, |copy| self.send(copy));
        count_ended(ended);
    }

    fn send(&self, copy: &RequestCopy<Recipient>) -> Result<u32, MirrorOutcome> {
        let headers = copy.head.borrowed();
        let is_routing = |name: &[u8]| self.live.settings().is_routing_header(name);
        let LiveMirror {
            mirror,
            found_cluster,
            ..
        } = &*copy.target.mirror;
        let head = RequestHead::new(&headers);
        found_cluster.send(mirror, |cluster| {
            let request = mirror.request(&head, copy.kind, is_routing)?;
            abi::call(MirrorRequest { cluster, ..request }, &copy.body)
        })
    }

    /// The answer to `call` is there. The sizes are 0 if there is none. Only in the root's answer
    /// callback.
    pub fn answered(&self, call: u32, headers: usize, body: usize, trailers: usize) {
        let Some(copy) = self.outbox.answered(call) else {
            return;
        };
        let Recipient { mirror, pairing } = &copy.target;
        let elapsed = abi::instant().duration_since(copy.sent_at);
        // A comparison needs all headers. An outcome needs one or two.
        let head = (headers > 0 && pairing.is_some()).then(|| abi::headers(Map::AnswerHeaders));
        let header = |name: &str| match &head {
            _ if headers == 0 => None,
            Some(head) => head.get(name).map(<[u8]>::to_vec),
            None => abi::header(Map::AnswerHeaders, name),
        };
        let outcome = MirrorOutcome::of_answer(copy.kind, header, elapsed, mirror.mirror.timeout);
        mirror.metrics().count(outcome);
        if outcome == MirrorOutcome::Answered {
            let grpc_status =
                || header(GRPC_STATUS).or_else(|| abi::header(Map::AnswerTrailers, GRPC_STATUS));
            let status = header(":status");
            let class =
                ResponseClass::of_complete(copy.kind.into(), status.as_deref(), grpc_status);
            mirror.metrics().count_answer(class, milliseconds(elapsed));
        }
        let Some(pairing) = pairing else { return };
        match head {
            Some(head) if outcome == MirrorOutcome::Answered => {
                pairing.mirror_answered(&head, body, trailers, copy.sent_at);
            }
            _ => pairing.mirror_ended(None),
        }
    }

    /// Envoy has cancelled the copies that are on their way. It does so without a callback.
    pub fn cancelled(&self) {
        count_ended(self.outbox.cancelled());
    }
}

/// A queue that only this root knows. All workers and plugins of a proxy share one space of names.
fn register_queue() -> Option<Queue> {
    let (high, low) = (abi::random(), abi::random());
    Queue::register(&format!("halftone.outbox.{high:016x}{low:016x}"))
}

/// The time since `earlier`, in milliseconds.
pub fn milliseconds_since(earlier: Instant) -> u64 {
    milliseconds(abi::instant().duration_since(earlier))
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
