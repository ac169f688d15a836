//! What the first of several plugins beside each other read of a request.

use crate::release::Releases;
use crate::request::{HeaderPairs, RequestHead};

/// The newest head of a request that a plugin read in this worker, for the plugins behind it.
///
/// The contexts of all plugins for one request are made at once, so their ids follow each other, and
/// a later request has higher ones. So if some plugin before the context `n` read the request of `n`,
/// and the newest reader has a lower id than `n`, then this is the newest reader.
#[derive(Debug, Default)]
pub struct Reading {
    reader: Option<u32>,
    is_valid: bool,
    authority: Vec<u8>,
    lengths: u64,
    headers: HeaderPairs,
}

impl Reading {
    /// The context `reader` read `headers`, before all other plugins that share this.
    pub fn read(&mut self, reader: u32, headers: &HeaderPairs) {
        if self.reader.is_some_and(|before| !is_newer(reader, before)) {
            return;
        }
        let pairs = headers.borrowed();
        let head = RequestHead::new(&pairs);
        self.reader = Some(reader);
        self.is_valid = true;
        self.authority.clear();
        self.authority.extend_from_slice(head.authority());
        self.lengths = head.name_lengths();
        self.headers.clone_from(headers);
    }

    /// The request was changed so that another release can claim it.
    pub fn forget(&mut self) {
        self.is_valid = false;
    }

    /// Whether the plugin of `releases` has nothing to do for the request of `context`, which a plugin
    /// before it has read: no release claims the host, and the client sent no header that one routes by.
    #[must_use]
    pub fn is_of_no_concern<H>(&self, context: u32, releases: &Releases<H>) -> bool {
        let is_later = self.reader.is_some_and(|reader| is_newer(context, reader));
        let is_known = self.is_valid && is_later;
        is_known && !releases.claim(&self.authority) && !self.has_routing_header(releases)
    }

    fn has_routing_header<H>(&self, releases: &Releases<H>) -> bool {
        let settings = releases.settings();
        settings.can_route_by(self.lengths)
            && self
                .headers
                .borrowed()
                .iter()
                .any(|header| settings.is_routing_header(header.0))
    }
}

/// Whether the context `one` was made after `other`. Ids begin again after the highest.
fn is_newer(one: u32, other: u32) -> bool {
    matches!(one.wrapping_sub(other), 1..=0x7fff_ffff)
}
