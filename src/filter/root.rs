//! One configuration of the plugin in one worker.

use std::cell::RefCell;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::rc::Rc;
use std::time::{Duration, Instant};

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use super::abi;
use super::callbacks::Stream;
use super::envoy::Envoy;
use super::live::{self, Live};
use super::plugin_status::{FIRST_TICK, JUDGING_TICKS, LATER_TICKS, RootStatus};
use super::plugins;
use crate::config::{Proxy, Violations};
use crate::escape::for_log;
use crate::live::{follow_clock, is_judged};
use crate::plugin_status::Refusal;
use crate::release::Releases;
use crate::serving::{self, Buffer};

type Dispatch = serving::Dispatch<Envoy>;

thread_local! {
    /// The roots that wait for the answers to their copies after Envoy is done with them.
    static LEAVING: RefCell<Vec<(u32, Rc<Dispatch>)>> = RefCell::default();
}

/// Envoy makes a new root for each configuration, and keeps the old one while a stream holds it.
pub struct Root {
    id: u32,
    dispatch: Rc<Dispatch>,
    status: Option<RootStatus>,
    is_leaving: bool,
}

impl Root {
    /// The root that Envoy calls `id`. It serves nothing yet.
    pub fn new(id: u32) -> Self {
        Self {
            id,
            dispatch: Rc::default(),
            status: None,
            is_leaving: false,
        }
    }

    fn leave(&mut self) {
        self.is_leaving = true;
        let leaving = (self.id, Rc::clone(&self.dispatch));
        LEAVING.with_borrow_mut(|all| all.push(leaving));
    }

    /// Gives back what the copies of dropped roots hold.
    ///
    /// Envoy keeps only one leaving root of a plugin with the same text. If a configuration goes, comes
    /// back and goes again in the meantime, Envoy drops the root that left first and cancels its copies,
    /// without a callback. So each leaving root looks after the others.
    fn look_after_others(&self) {
        let mut dropped = Vec::new();
        LEAVING.with_borrow_mut(|all| {
            all.retain(|(id, dispatch)| {
                let is_alive = abi::is_root_alive(*id, self.id);
                if !is_alive {
                    dropped.push(Rc::clone(dispatch));
                }
                is_alive
            });
        });
        for dispatch in dropped {
            dispatch.cancelled();
        }
    }

    fn end(&self) {
        LEAVING.with_borrow_mut(|all| all.retain(|(id, _)| *id != self.id));
        abi::end_root();
    }

    fn serve(&mut self, live: Rc<Live>) {
        self.dispatch = Rc::new(Dispatch::new(live));
    }

    fn accept(&mut self, status: &mut RootStatus, releases: Releases) {
        status.accepted(releases.all().len(), &releases.settings().signing);
        self.serve(live::begin(status.plugin(), releases));
        follow_clock(self.dispatch.live(), abi::now());
    }

    fn refuse(&mut self, status: &mut RootStatus, text: &[u8]) -> Refusal {
        let is_rejected =
            status.refused(BuildHasherDefault::<DefaultHasher>::default().hash_one(text));
        match live::last_good(status.plugin()) {
            Some(live) => {
                self.serve(live);
                status.serves_on();
                Refusal::ServeOn
            }
            None if is_rejected => Refusal::Reject,
            None => Refusal::Pass,
        }
    }
}

impl RootContext for Root {
    /// Returns false to reject the configuration. Envoy then reports it to the control plane, and what
    /// served before keeps serving.
    ///
    /// Only the VM in which Envoy tries a configuration rejects, and only while something serves. With
    /// nothing serving, Envoy would answer every request with 500. A worker that rejects what the trial
    /// accepted would be out of service until Envoy restarts. That can happen when a text comes back
    /// that was once let pass, because Envoy keeps the verdict of its trial.
    fn on_configure(&mut self, _size: usize) -> bool {
        abi::follow_log_level();
        abi::tick_every(FIRST_TICK);
        plugins::declare();
        let mut status = RootStatus::new(&abi::plugin_name());
        let text = abi::buffer(Buffer::Configuration, usize::MAX);
        let started_at = abi::instant();
        let (namespace, labels) = (abi::namespace(), abi::labels());
        let environment = abi::environment();
        let proxy = Proxy {
            namespace: namespace.as_deref(),
            labels: &labels,
            environment: &environment,
        };
        let refusal = match live::load(status.plugin(), &text, proxy) {
            Ok(releases) => {
                let read_at = abi::instant();
                self.accept(&mut status, releases);
                log_accepted(status.plugin(), &self.dispatch, started_at, read_at);
                None
            }
            Err(violations) => {
                let refusal = self.refuse(&mut status, &text);
                log_refusal(status.plugin(), refusal, &violations);
                Some(refusal)
            }
        };
        if let Some(before) = self.status.replace(status) {
            before.end();
        }
        refusal != Some(Refusal::Reject)
    }

    fn on_tick(&mut self) {
        abi::follow_log_level();
        let Some(status) = &mut self.status else {
            return;
        };
        if status.count() {
            let is_judging = is_judged(self.dispatch.live());
            abi::tick_every(if is_judging {
                JUDGING_TICKS
            } else {
                LATER_TICKS
            });
        }
        for probe in live::tick(status.plugin(), self.dispatch.live()) {
            self.dispatch.probe(probe);
        }
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::new(Rc::clone(&self.dispatch), context_id)))
    }

    fn on_queue_ready(&mut self, _queue: u32) {
        self.dispatch.woken();
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

fn log_accepted(plugin: &str, dispatch: &Dispatch, started_at: Instant, read_at: Instant) {
    let (plugin, releases) = (for_log(plugin), dispatch.live().all().len());
    let read = read_at.duration_since(started_at).as_millis();
    let defined = abi::instant().duration_since(read_at).as_millis();
    log::info!(
        "halftone: plugin {plugin}: {releases} releases, read in {read} ms, metrics defined in {defined} ms"
    );
    for (name, why) in dispatch.live().settings().signing.unusable() {
        log::warn!(
            "halftone: plugin {plugin}: signing.keys: {name} {why}; no invitation is valid by it. Set it in the environment of \
             the plugin, to at least 32 random bytes"
        );
    }
}

fn log_refusal(plugin: &str, refusal: Refusal, violations: &Violations) {
    let plugin = for_log(plugin);
    log::error!("halftone: configuration of plugin {plugin} refused; {refusal}:");
    for violation in violations.iter() {
        log::error!("halftone: {}", for_log(&violation.to_string()));
    }
    if violations.are_cut() {
        log::error!("halftone: and more");
    }
}

impl Context for Root {
    fn on_http_call_response(&mut self, call: u32, headers: usize, body: usize, trailers: usize) {
        self.dispatch.answered(call, headers, body, trailers);
        if self.is_leaving {
            self.look_after_others();
            if self.dispatch.is_idle() {
                self.end();
            }
        }
    }

    /// Envoy is done with this configuration. Returns false if copies wait for their answers, which
    /// Envoy would otherwise cancel.
    fn on_done(&mut self) -> bool {
        if let Some(status) = self.status.take() {
            status.end();
        }
        // Envoy keeps the timer of a root after the root, and it would fire as long as the VM lives.
        abi::tick_every(Duration::ZERO);
        self.dispatch.send_all();
        let is_idle = self.dispatch.is_idle();
        if !is_idle {
            self.leave();
        }
        is_idle
    }
}
