//! One configuration of the plugin in one worker.

use std::cell::RefCell;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use super::host;
use super::mirroring::Mirroring;
use super::plugin_status::{FIRST_TICK, PluginStatus};
use super::serving::Serving;
use super::stream::Stream;
use crate::config::{self, Violations};
use crate::release::{Lookup, Releases};

thread_local! {
    /// The copies of roots that Envoy is done with and that stay for them, by [`Root::key`].
    static LEAVING: RefCell<Lookup<Rc<Mirroring>>> = RefCell::default();
}

/// Envoy makes a new root for every configuration, and keeps the old one while a stream holds on to
/// it.
#[derive(Default)]
pub struct Root {
    mirroring: Rc<Mirroring>,
    status: Option<PluginStatus>,
    /// What roots of this worker are one to Envoy: those of one plugin with one text.
    key: Box<[u8]>,
    /// Envoy is done with it, and it stays for its copies.
    is_leaving: bool,
}

impl Root {
    /// Stays for the copies that are on their way. Of the roots that are one to it Envoy lets only
    /// one stay, the last: where a configuration goes, comes back and goes again meanwhile, it
    /// cancels the copies of the one that stayed before.
    fn leave(&mut self) {
        self.is_leaving = true;
        let mirroring = Rc::clone(&self.mirroring);
        let cancelled =
            LEAVING.with_borrow_mut(|leaving| leaving.insert(self.key.clone(), mirroring));
        if let Some(cancelled) = cancelled {
            cancelled.cancelled();
        }
    }

    fn finish(&mut self) {
        LEAVING.with_borrow_mut(|leaving| leaving.remove(&self.key));
        host::done_at_last();
    }

    fn serve(&mut self, serving: Rc<Serving>) {
        self.mirroring = Rc::new(Mirroring::new(serving));
    }

    fn accept(&mut self, status: &mut PluginStatus, releases: Releases) {
        status.accepted(releases.all().len());
        self.serve(Serving::begin(status.plugin(), releases));
    }

    fn refuse(&mut self, status: &mut PluginStatus, text: u64) -> Refusal {
        let rejected = status.rejected(text);
        match Serving::last_good(status.plugin()) {
            Some(serving) => {
                self.serve(serving);
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
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(&text);
        self.key = [status.plugin().as_bytes(), &hash.to_le_bytes()]
            .concat()
            .into();
        let refusal = match config::load(&text) {
            Ok(releases) => {
                self.accept(&mut status, releases);
                None
            }
            Err(violations) => {
                let refusal = self.refuse(&mut status, hash);
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
        Some(Box::new(Stream::new(Rc::clone(&self.mirroring))))
    }

    fn on_queue_ready(&mut self, _queue: u32) {
        self.mirroring.woken();
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
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
}

impl Context for Root {
    fn on_http_call_response(&mut self, call: u32, headers: usize, body: usize, trailers: usize) {
        self.mirroring.answered(call, headers, body, trailers);
        if self.is_leaving && self.mirroring.is_idle() {
            self.finish();
        }
    }

    /// Envoy is done with this configuration. False: not before the copies that are on their way have
    /// their answers, which Envoy would otherwise cancel.
    fn on_done(&mut self) -> bool {
        if let Some(status) = self.status.take() {
            status.gone();
        }
        self.mirroring.send_all();
        let is_idle = self.mirroring.is_idle();
        if !is_idle {
            self.leave();
        }
        is_idle
    }
}
