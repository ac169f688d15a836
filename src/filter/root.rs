//! One configuration of the plugin in one worker.

use std::cell::RefCell;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::rc::Rc;
use std::time::Instant;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use super::dispatch::Dispatch;
use super::host;
use super::live::Live;
use super::plugin_status::{FIRST_TICK, PluginStatus};
use super::stream::Stream;
use crate::config::{self, Violations};
use crate::release::Releases;

thread_local! {
    /// The roots that Envoy is done with and that stay for their copies, and these.
    static LEAVING: RefCell<Vec<(u32, Rc<Dispatch>)>> = RefCell::default();
}

/// Envoy makes a new root for every configuration, and keeps the old one while a stream holds on to
/// it.
pub struct Root {
    id: u32,
    dispatch: Rc<Dispatch>,
    status: Option<PluginStatus>,
    /// Envoy is done with it, and it stays for its copies.
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

    /// Of the roots of one plugin with one text Envoy lets only the last one stay: where a
    /// configuration goes, comes back and goes again meanwhile, it drops the one that stayed before,
    /// and cancels its copies. Nobody is told, so whoever stays looks after the others.
    fn look_after_others(&self) {
        let mut dropped = Vec::new();
        LEAVING.with_borrow_mut(|all| {
            all.retain(|(id, dispatch)| {
                let stays = host::is_root_alive(*id, self.id);
                if !stays {
                    dropped.push(Rc::clone(dispatch));
                }
                stays
            });
        });
        for dispatch in dropped {
            dispatch.cancelled();
        }
    }

    fn finish(&self) {
        LEAVING.with_borrow_mut(|all| all.retain(|(id, _)| *id != self.id));
        host::done_at_last();
    }

    fn serve(&mut self, live: Rc<Live>) {
        self.dispatch = Rc::new(Dispatch::new(live));
    }

    fn accept(&mut self, status: &mut PluginStatus, releases: Releases) {
        status.accepted(releases.all().len());
        self.serve(Live::begin(status.plugin(), releases));
    }

    fn refuse(&mut self, status: &mut PluginStatus, text: &[u8]) -> Refusal {
        let rejected =
            status.rejected(BuildHasherDefault::<DefaultHasher>::default().hash_one(text));
        match Live::last_good(status.plugin()) {
            Some(live) => {
                self.serve(live);
                status.serves_on();
                Refusal::ServeOn
            }
            None if rejected => Refusal::Reject,
            None => Refusal::Pass,
        }
    }
}

/// What becomes of a configuration that is refused.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// Envoy is told, and what serves in its workers serves on.
    Reject,
    /// This root serves what served before in its VM.
    ServeOn,
    /// Nothing served before: requests pass untouched.
    Pass,
}

impl RootContext for Root {
    /// False rejects the configuration: Envoy tells the control plane, and what served before serves
    /// on. That is for the VM in which Envoy tries a configuration out, and only while something
    /// serves. Without that, Envoy would answer every request with 500. And a worker that said no
    /// after the trial had said yes would be lost until Envoy is started anew: so it is when a text
    /// comes back that was taken as a first one, because Envoy keeps the verdict of its trial.
    fn on_configure(&mut self, _size: usize) -> bool {
        host::follow_log_level();
        host::tick_after(FIRST_TICK);
        let mut status = PluginStatus::new(&host::plugin_name());
        let text = host::plugin_configuration();
        let came_at = Instant::now();
        let refusal = match config::load(&text) {
            Ok(releases) => {
                let read_at = Instant::now();
                self.accept(&mut status, releases);
                log_accepted(status.plugin(), &self.dispatch, came_at, read_at);
                None
            }
            Err(violations) => {
                let refusal = self.refuse(&mut status, &text);
                log_refusal(status.plugin(), refusal, &violations);
                Some(refusal)
            }
        };
        if let Some(before) = self.status.replace(status) {
            before.gone();
        }
        refusal != Some(Refusal::Reject)
    }

    fn on_tick(&mut self) {
        host::stop_ticking();
        if let Some(status) = &mut self.status {
            status.count();
        }
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::new(Rc::clone(&self.dispatch))))
    }

    fn on_queue_ready(&mut self, _queue: u32) {
        self.dispatch.woken();
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

fn log_accepted(plugin: &str, dispatch: &Dispatch, came_at: Instant, read_at: Instant) {
    let releases = dispatch.live().releases.all().len();
    let read = read_at.duration_since(came_at).as_millis();
    let defined = read_at.elapsed().as_millis();
    log::info!(
        "halftone: plugin {plugin}: {releases} releases, read in {read} ms, metrics defined in {defined} ms"
    );
}

fn log_refusal(plugin: &str, refusal: Refusal, violations: &Violations) {
    let consequence = match refusal {
        Refusal::Reject | Refusal::ServeOn => "the last good one keeps serving",
        Refusal::Pass => "requests pass untouched until a good one comes",
    };
    log::error!("halftone: configuration of plugin {plugin} refused; {consequence}:");
    for violation in violations.iter() {
        log::error!("halftone: {violation}");
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
                self.finish();
            }
        }
    }

    /// Envoy is done with this configuration. False: not before the copies that are on their way have
    /// their answers, which Envoy would otherwise cancel.
    fn on_done(&mut self) -> bool {
        if let Some(status) = self.status.take() {
            status.gone();
        }
        self.dispatch.send_all();
        let is_idle = self.dispatch.is_idle();
        if !is_idle {
            self.leave();
        }
        is_idle
    }
}
