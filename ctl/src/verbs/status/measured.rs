//! The numbers of the proxies.

use halftone_console::numbers::Numbers;
use halftone_console::source;
use tokio::runtime::{Builder, Runtime};

/// The numbers, as the console keeps them.
pub struct Measured {
    source: Box<dyn source::Numbers>,
    runtime: Runtime,
    numbers: Numbers,
    /// The time of the first look and that of the last one, in seconds since 1970.
    looks: Option<(u64, u64)>,
}

impl Measured {
    /// Numbers from this source. There are none before two looks.
    ///
    /// # Errors
    ///
    /// The system gives no runtime.
    pub fn new(source: Box<dyn source::Numbers>) -> std::io::Result<Self> {
        Ok(Self {
            source,
            runtime: Builder::new_current_thread().enable_all().build()?,
            numbers: Numbers::default(),
            looks: None,
        })
    }

    /// Asks the proxies.
    pub fn look(&mut self) {
        let scraped = self.runtime.block_on(self.source.scrape());
        let now = halftone_console::clock::now();
        self.numbers.take(now, scraped);
        let first = self.looks.map_or(now, |(first, _)| first);
        self.looks = Some((first, now));
    }

    /// Whether a proxy answered the last look.
    pub fn is_answered(&self) -> bool {
        let mut proxies = self.numbers.proxies().iter();
        proxies.any(|proxy| proxy.error.is_none())
    }

    /// The time between the first look and the last one, in seconds.
    pub fn seconds(&self) -> u64 {
        self.looks
            .map_or(0, |(first, last)| last.saturating_sub(first))
    }

    /// The numbers.
    pub fn numbers(&self) -> &Numbers {
        &self.numbers
    }
}
