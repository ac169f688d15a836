//! Releases that were compiled before. An update reads and compiles only those that it changes.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use xxhash_rust::xxh64::xxh64;

use super::compile::Compiling;
use super::json::Json;
use super::outline::Outline;
use super::read::read;
use super::violation::Violations;
use super::{PluginConfig, Proxy, ReleaseConfig, load_for};
use crate::invitation::Keys;
use crate::lookup::FixedHasher;
use crate::release::{Release, Releases};

/// The releases of the configurations that one plugin has loaded, as long as something holds them.
#[derive(Debug, Default)]
pub struct Known {
    by_hash: HashMap<u64, KnownRelease, FixedHasher>,
}

/// A compiled release, and all that it was compiled from.
#[derive(Debug)]
struct KnownRelease {
    text: Box<str>,
    mirror_budget: usize,
    /// The keys of its configuration. Those of one name are the same in each.
    signing: Arc<Keys>,
    omits_responses: bool,
    /// The size of its compiled regexes, in bytes.
    regexes: usize,
    release: Weak<Release>,
    /// The hosts and the services that it claims, and its range in a group.
    claims: Arc<ReleaseConfig>,
}

/// A release that was compiled before and is still held.
struct Found {
    release: Arc<Release>,
    claims: Arc<ReleaseConfig>,
    regexes: usize,
}

impl Known {
    /// Compiles the JSON text of a plugin configuration, as [`load_for`] does. The proxy must be the same
    /// each time. A release whose text and
    /// whose share of the settings have not changed is the one that was compiled before.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it. Then the whole text is read, since a violation can lie between
    /// two releases.
    pub fn load(&mut self, text: &[u8], proxy: Proxy<'_>) -> Result<Releases, Violations> {
        match Outline::of(text).and_then(|outline| self.compile(&outline, proxy)) {
            Some(releases) => Ok(releases),
            None => load_for(text, proxy),
        }
    }

    /// Forgets the releases that nothing holds any more.
    pub fn forget_dropped(&mut self) {
        self.by_hash
            .retain(|_, known| known.release.strong_count() > 0);
    }

    /// The releases of `outline`. None: something is wrong with them.
    fn compile(&mut self, outline: &Outline<'_>, proxy: Proxy<'_>) -> Option<Releases> {
        let mut violations = Violations::default();
        let config: PluginConfig = read(&outline.rest, &mut violations);
        let mut compiling = Compiling::new(&config, proxy, &mut violations);
        let mirror_budget = compiling.settings().mirror_budget;
        let omits_responses = compiling.settings().omits_responses;
        let signing = Arc::clone(&compiling.settings().signing);
        let has_same_settings = |known: &KnownRelease| {
            known.mirror_budget == mirror_budget
                && known.omits_responses == omits_responses
                && known.signing.names().eq(signing.names())
        };
        for text in &outline.releases {
            let hash = xxh64(text.as_bytes(), 0);
            match self.find(hash, text, has_same_settings) {
                Some(found) => {
                    if !violations.add_regexes(found.regexes) {
                        return None;
                    }
                    compiling.add(found.release, &found.claims, &mut violations);
                }
                None => {
                    let json: Json<'_> = serde_json::from_str(text).ok()?;
                    let before = violations.regexes();
                    let one: ReleaseConfig = read(&json, &mut violations);
                    let identity = || json.canonical_hash();
                    let release = compiling.compile(&one, identity, &mut violations);
                    let known = KnownRelease {
                        text: (*text).into(),
                        mirror_budget,
                        signing: Arc::clone(&signing),
                        omits_responses,
                        regexes: violations.regexes() - before,
                        release: Arc::downgrade(release),
                        claims: Arc::new(ReleaseConfig {
                            hosts: one.hosts,
                            services: one.services,
                            exclusive: one.exclusive,
                            ..ReleaseConfig::default()
                        }),
                    };
                    self.by_hash.insert(hash, known);
                }
            }
            if !violations.is_empty() {
                return None;
            }
        }
        violations.is_empty().then(|| compiling.into_releases())
    }

    /// The release that was compiled from `text`. Two texts can have one hash, so the texts are compared.
    fn find(
        &self,
        hash: u64,
        text: &str,
        has_same_settings: impl Fn(&KnownRelease) -> bool,
    ) -> Option<Found> {
        let known = self.by_hash.get(&hash)?;
        let is_same = *known.text == *text && has_same_settings(known);
        Some(Found {
            release: known.release.upgrade().filter(|_| is_same)?,
            claims: Arc::clone(&known.claims),
            regexes: known.regexes,
        })
    }
}
