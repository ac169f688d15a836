//! One configuration of the plugin in one worker.

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use super::host;
use super::metrics::ReleaseMetrics;
use super::plugin_status::{FIRST_TICK, PluginStatus};
use super::stream::Stream;
use crate::config;
use crate::release::Releases;

/// A configuration that is being served. Streams hold on to the one that they began with.
#[derive(Default)]
pub struct Serving {
    pub releases: Releases,
    pub metrics: Vec<ReleaseMetrics>,
}

impl Serving {
    fn new(releases: Releases) -> Self {
        let metrics = releases.all().iter().map(ReleaseMetrics::define).collect();
        Self { releases, metrics }
    }
}

/// Envoy makes a new root for every configuration, and keeps the old one while a stream holds on to
/// it.
#[derive(Default)]
pub struct Root {
    serving: Rc<Serving>,
    status: Option<PluginStatus>,
}

impl RootContext for Root {
    /// False refuses the configuration: Envoy tells the control plane, and what served before
    /// serves on. With nothing to serve on, Envoy would answer every request with 500; then the
    /// configuration is taken and requests pass untouched.
    fn on_configure(&mut self, _size: usize) -> bool {
        host::follow_log_level();
        host::tick_after(FIRST_TICK);
        let status = self.status.insert(PluginStatus::new(&host::plugin_name()));
        match config::load(&host::plugin_configuration()) {
            Ok(releases) => {
                status.accepted(releases.all().len());
                self.serving = Rc::new(Serving::new(releases));
                true
            }
            Err(violations) => {
                let serves_on = status.rejected();
                let consequence = if serves_on {
                    "the last good one keeps serving"
                } else {
                    "requests pass untouched until a good one comes"
                };
                log::error!(
                    "halftone: configuration of plugin {} refused; {consequence}:",
                    status.plugin()
                );
                for violation in violations.iter() {
                    log::error!("halftone: {violation}");
                }
                !serves_on
            }
        }
    }

    fn on_tick(&mut self) {
        host::stop_ticking();
        if let Some(status) = &mut self.status {
            status.count();
        }
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::new(Rc::clone(&self.serving))))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Context for Root {
    /// Envoy is done with this configuration.
    fn on_done(&mut self) -> bool {
        if let Some(status) = self.status.take() {
            status.gone();
        }
        true
    }
}
