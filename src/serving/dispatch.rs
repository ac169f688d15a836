//! Copies on their way: from the outbox to the mirror's answer.
//!
//! Envoy gives the answer of a call to the context that made it, and a stream is gone when its client
//! has the response. So a stream puts its copies into the outbox of its root, which outlives them. The
//! root sends them, and stays until the last answer is there.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::host::{Host, Map};
use super::pairing::LivePairing;
use crate::event::ResponseClass;
use crate::live::{self, DueProbe, Live, LiveMirror, Selected, SelectedMirror};
use crate::mirror::capture::{Capture, Ended, RequestCopy, Target};
use crate::mirror::limits::Permit;
use crate::mirror::outbox::Outbox;
use crate::mirror::{Mirror, MirrorOutcome, MirrorRequest};
use crate::request::{HeaderPairs, RequestHead};

/// The header or trailer with the outcome of a gRPC call.
pub const GRPC_STATUS: &str = "grpc-status";

/// A mirror that a request is copied to.
#[derive(Debug)]
pub struct Recipient<H: Host> {
    pub mirror: Rc<LiveMirror<H::Metric>>,
    /// None: the answers to the request are not compared.
    pub pairing: Option<Rc<LivePairing<H>>>,
}

impl<H: Host> Target for Recipient<H> {
    fn mirror(&self) -> &Mirror {
        &self.mirror.mirror
    }

    fn permit(&self) -> Option<Permit> {
        self.mirror.permit()
    }
}

impl<H: Host> Recipient<H> {
    /// No copy is on its way to the mirror, for this reason.
    fn not_sent(&self, outcome: MirrorOutcome) {
        self.mirror.metrics().count(outcome);
        if let Some(pairing) = &self.pairing {
            pairing.not_sent(outcome);
        }
    }
}

/// Begins to capture the request with these headers for the mirrors that are selected.
pub fn capture<H: Host>(
    selected: Selected<H::Metric>,
    headers: HeaderPairs,
) -> Capture<Recipient<H>> {
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
pub fn count_ended<H: Host>(ended: Ended<Recipient<H>>) {
    for (recipient, outcome) in ended {
        recipient.not_sent(outcome);
    }
}

/// All copies of one root.
#[derive(Debug)]
pub struct Dispatch<H: Host> {
    live: Rc<Live<H::Metric>>,
    outbox: Outbox<Recipient<H>, Instant>,
    /// Wakes the root. Envoy calls a root for each item of a queue that the root registered, in the
    /// same worker, right after the callback that added the item. It has no other way to do so.
    wake_up: Option<H::Queue>,
    /// The probes that wait for their answers, with the ids of their calls.
    probes: RefCell<Vec<(u32, DueProbe<H::Metric>)>>,
}

impl<H: Host> Default for Dispatch<H> {
    fn default() -> Self {
        Self::new(Rc::default())
    }
}

impl<H: Host> Dispatch<H> {
    /// The copies of the root in whose callback this is.
    pub fn new(live: Rc<Live<H::Metric>>) -> Self {
        let has_mirrors = live::mirrors(&live).next().is_some();
        Self {
            wake_up: has_mirrors.then(H::register_queue).flatten(),
            live,
            outbox: Outbox::default(),
            probes: RefCell::default(),
        }
    }

    /// What serves.
    pub fn live(&self) -> &Rc<Live<H::Metric>> {
        &self.live
    }

    /// Has the root send `copies`. Only in a callback of a stream.
    pub fn put(&self, copies: Vec<RequestCopy<Recipient<H>>>) {
        for copy in copies {
            match &self.wake_up {
                Some(queue) => {
                    if self.outbox.put(copy) {
                        H::put(queue);
                    }
                }
                None => copy.target.not_sent(MirrorOutcome::Failed),
            }
        }
    }

    /// The root's queue has an item.
    pub fn woken(&self) {
        if let Some(queue) = &self.wake_up {
            H::take(queue);
        }
        self.send_all();
    }

    /// Whether no copy waits, for its turn or for its answer.
    pub fn is_idle(&self) -> bool {
        self.outbox.is_empty()
    }

    /// Sends all copies that wait. Only in a callback of the root.
    pub fn send_all(&self) {
        let ended = self.outbox.send_all(H::instant, |copy| self.send(copy));
        count_ended(ended);
    }

    fn send(&self, copy: &RequestCopy<Recipient<H>>) -> Result<u32, MirrorOutcome> {
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
            H::call(MirrorRequest { cluster, ..request }, &copy.body)
        })
    }

    /// The answer to `call` is there. The sizes are 0 if there is none. Only in the root's answer
    /// callback.
    pub fn answered(&self, call: u32, headers: usize, body: usize, trailers: usize) {
        let Some(copy) = self.outbox.answered(call) else {
            return self.probe_answered(call);
        };
        let Recipient { mirror, pairing } = &copy.target;
        let elapsed = H::instant().duration_since(copy.sent_at);
        // A comparison needs all headers. An outcome needs one or two.
        let head = (headers > 0 && pairing.is_some()).then(|| H::headers(Map::AnswerHeaders));
        let header = |name: &str| match &head {
            _ if headers == 0 => None,
            Some(head) => head.get(name).map(<[u8]>::to_vec),
            None => H::header(Map::AnswerHeaders, name),
        };
        let status = header(":status");
        // Without all headers, each header costs a call of the host.
        let read_once = |name: &str| match name {
            ":status" => status.clone(),
            _ => header(name),
        };
        let outcome =
            MirrorOutcome::of_answer(copy.kind, read_once, elapsed, mirror.mirror.timeout);
        mirror.metrics().count(outcome);
        if outcome == MirrorOutcome::Answered {
            let grpc_status =
                || header(GRPC_STATUS).or_else(|| H::header(Map::AnswerTrailers, GRPC_STATUS));
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

    /// Sends a probe. Only in a callback of the root.
    pub fn probe(&self, due: DueProbe<H::Metric>) {
        let call = due.request().and_then(|request| H::call(request, &[]).ok());
        if let Some(call) = call {
            self.probes.borrow_mut().push((call, due));
        }
    }

    fn probe_answered(&self, call: u32) {
        let mut probes = self.probes.borrow_mut();
        for (_, probe) in probes.extract_if(.., |probe| probe.0 == call) {
            let status = H::header(Map::AnswerHeaders, ":status");
            probe.answered(status.as_deref(), &H::default());
        }
    }

    /// Envoy has cancelled the copies that are on their way. It does so without a callback.
    pub fn cancelled(&self) {
        count_ended(self.outbox.cancelled());
    }
}

/// The time since `earlier`, in milliseconds.
pub fn milliseconds_since<H: Host>(earlier: Instant) -> u64 {
    milliseconds(H::instant().duration_since(earlier))
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
