//! What the requests share, and the loop that asks the sources once a second.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use halftone_resources::configuration;
use serde::Serialize;
use tokio::sync::{Semaphore, watch};
use tokio::time::MissedTickBehavior;

use crate::access::Access;
use crate::change::Wanted;
use crate::clock;
use crate::differences::Differences;
use crate::history::History;
use crate::journal::{Changed, Event, Journal};
use crate::judge::Judge;
use crate::numbers::{Numbers, Proxy, ReleaseNow};
use crate::rate::Rate;
use crate::release::{Release, releases};
use crate::source::{self, Configurations, Document, NotWritten, Samples};

/// The most streams of events at a time.
pub const MOST_STREAMS: usize = 500;

/// The most requests that compute at a time.
const MOST_COMPUTING: usize = 2;

/// Where everything comes from.
#[derive(Debug)]
pub struct Settings {
    /// Where configurations live.
    pub configurations: Box<dyn Configurations>,
    /// Where numbers come from.
    pub numbers: Box<dyn source::Numbers>,
    /// Where samples come from. None: there are none.
    pub samples: Option<Box<dyn Samples>>,
    /// What `halftonectl` lends.
    pub judge: Arc<dyn Judge>,
    /// Whether nobody may change anything.
    pub view_only: bool,
    /// Where the history is kept.
    pub history: History,
}

/// A running console.
#[derive(Debug)]
pub struct App {
    settings: Settings,
    access: Access,
    state: Mutex<State>,
    tick: watch::Sender<Arc<str>>,
    /// A permit for each stream of events.
    pub streams: Arc<Semaphore>,
    /// A permit for each request that computes.
    pub computing: Arc<Semaphore>,
    /// Held while a change is applied, so that the history has all changes in order.
    applying: tokio::sync::Mutex<()>,
    /// Held while the history is written.
    history: Arc<tokio::sync::Mutex<History>>,
}

/// Everything that changes.
#[derive(Debug, Default)]
pub struct State {
    /// The configurations.
    pub documents: Vec<Document>,
    /// Why the configurations cannot be read.
    pub documents_error: Option<String>,
    /// Grows when a configuration changes.
    pub documents_version: u64,
    /// The releases of all configurations.
    pub releases: Vec<Release>,
    /// The numbers.
    pub numbers: Numbers,
    /// The samples.
    pub differences: Differences,
    /// Why the samples cannot be read.
    pub samples_error: Option<String>,
    /// The history.
    pub journal: Journal,
    /// Why the history is not kept.
    pub history_error: Option<String>,
    now: BTreeMap<String, ReleaseNow>,
    rejected: BTreeMap<String, u64>,
    rate: Rate,
}

/// What every stream of events sends once a second.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tick<'t> {
    time: u64,
    proxies: &'t [Proxy],
    releases: &'t BTreeMap<String, ReleaseNow>,
    documents_version: u64,
    documents_error: Option<&'t str>,
    entries: u64,
    samples: u64,
    samples_error: Option<&'t str>,
    history_error: Option<&'t str>,
}

impl App {
    /// A console whose listener has `port`.
    ///
    /// # Errors
    ///
    /// The system gives no random bytes.
    pub fn new(settings: Settings, port: u16) -> std::io::Result<Arc<Self>> {
        let access = Access::new(port, settings.view_only)?;
        let mut history = settings.history.clone();
        let mut state = State::default();
        match history.read() {
            Ok(entries) => state.journal.restore(entries),
            Err(error) => state.history_error = Some(error),
        }
        Ok(Arc::new(Self {
            settings,
            access,
            history: Arc::new(tokio::sync::Mutex::new(history)),
            state: Mutex::new(state),
            tick: watch::Sender::new("{}".into()),
            streams: Arc::new(Semaphore::new(MOST_STREAMS)),
            computing: Arc::new(Semaphore::new(MOST_COMPUTING)),
            applying: tokio::sync::Mutex::default(),
        }))
    }

    /// The secrets.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// What `halftonectl` lends.
    #[must_use]
    pub fn judge(&self) -> Arc<dyn Judge> {
        Arc::clone(&self.settings.judge)
    }

    /// Everything that changes. Hold it for a moment, and never across an `await`.
    pub fn state(&self) -> MutexGuard<'_, State> {
        // A state that a panic left behind is still numbers and texts.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The events of each second.
    #[must_use]
    pub fn ticks(&self) -> watch::Receiver<Arc<str>> {
        let mut ticks = self.tick.subscribe();
        ticks.mark_changed();
        ticks
    }

    /// Asks the sources once a second, until the process ends.
    pub async fn watch(self: Arc<Self>) {
        let mut seconds = tokio::time::interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            seconds.tick().await;
            self.look().await;
        }
    }

    /// Asks the sources once.
    pub async fn look(&self) {
        let samples = async {
            match &self.settings.samples {
                Some(samples) => samples.read().await,
                None => Ok(Vec::new()),
            }
        };
        let (scraped, lines) = tokio::join!(self.settings.numbers.scrape(), samples);
        let now = clock::now();
        {
            let mut state = self.state();
            state.numbers.take(now, scraped);
            match lines {
                Ok(lines) => {
                    let differences = &mut state.differences;
                    lines.iter().for_each(|line| differences.take(now, line));
                    state.samples_error = None;
                }
                Err(error) => state.samples_error = Some(error),
            }
            state.notice(now);
        }
        self.read_documents(now).await;
        self.keep_history().await;
        self.send(now);
    }

    /// Writes the entries of the history that are not in its file yet.
    async fn keep_history(&self) {
        if self.access.view_only() {
            return;
        }
        let mut history = Arc::clone(&self.history).lock_owned().await;
        let (new, all) = {
            let state = self.state();
            let new = state.journal.unkept();
            let is_full = !new.is_empty() && history.is_full(new.len());
            (new, is_full.then(|| state.journal.all()))
        };
        if new.is_empty() {
            return;
        }
        let written = tokio::task::spawn_blocking(move || match all {
            Some(all) => history.replace(&all),
            None => history.add(&new),
        });
        let written = written.await.unwrap_or_else(|error| Err(error.to_string()));
        let mut state = self.state();
        // An entry that could not be written stays in memory.
        state.journal.kept();
        if let Err(error) = written {
            state.history_error = Some(error);
        }
    }

    /// Reads the configurations, and notes those that changed outside of the console.
    async fn read_documents(&self, now: u64) {
        let _held = self.applying.lock().await;
        let read = self.settings.configurations.read().await;
        self.state().take(now, read, &Event::Outside, "", "");
    }

    fn send(&self, now: u64) {
        let state = self.state();
        let tick = Tick {
            time: now,
            proxies: state.numbers.proxies(),
            releases: &state.now,
            documents_version: state.documents_version,
            documents_error: state.documents_error.as_deref(),
            entries: state.journal.count(),
            samples: state.differences.count(),
            samples_error: state.samples_error.as_deref(),
            history_error: state.history_error.as_deref(),
        };
        if let Ok(text) = serde_json::to_string(&tick) {
            self.tick.send_replace(text.into());
        }
    }

    /// The configuration `id`.
    #[must_use]
    pub fn document(&self, id: &str) -> Option<Document> {
        let state = self.state();
        let mut documents = state.documents.iter();
        documents.find(|document| document.id == id).cloned()
    }

    /// The person at `peer`. Several people may use the machine of the console, and only one started it.
    fn who(&self, peer: Option<SocketAddr>) -> String {
        match peer.map(|peer| peer.ip().to_canonical()) {
            Some(address) if !address.is_loopback() => address.to_string(),
            _ => self.settings.history.person().to_owned(),
        }
    }

    /// Replaces the text of `document`, which the page at `peer` has seen, by `text`.
    ///
    /// # Errors
    ///
    /// The text has violations, it changed meanwhile, or it cannot be written.
    pub async fn apply(
        &self,
        document: &Document,
        release: &str,
        wanted: &Wanted,
        text: &str,
        peer: Option<SocketAddr>,
    ) -> Result<(), NotWritten> {
        let _held = self.applying.lock().await;
        let (id, revision) = (&document.id, &document.revision);
        let written = self.settings.configurations.write(id, text, revision).await;
        let now = clock::now();
        let action = wanted.name();
        let who = self.who(peer);
        let line = serde_json::json!({
            "time": now, "audit": "console", "document": document.name, "release": release, "action": action, "who": who,
            "error": written.as_ref().err().map(ToString::to_string),
        });
        // A standard error that is closed stops no change.
        let _ = writeln!(std::io::stderr().lock(), "{line}");
        written?;
        let read = self.settings.configurations.read().await;
        self.state().take(now, read, &Event::Changed, &action, &who);
        self.keep_history().await;
        self.send(now);
        Ok(())
    }

    /// Whether a request that changes or computes something may go on.
    #[must_use]
    pub fn may_compute(&self) -> bool {
        self.state().rate.take(clock::now())
    }
}

impl State {
    /// Takes the configurations as they were read.
    fn take(
        &mut self,
        now: u64,
        read: Result<Vec<Document>, String>,
        event: &Event,
        action: &str,
        who: &str,
    ) {
        let documents = match read {
            Ok(documents) => documents,
            Err(error) => {
                self.documents_error = Some(error);
                return;
            }
        };
        self.documents_error = None;
        if documents == self.documents {
            return;
        }
        for after in &documents {
            let mut old = self.documents.iter();
            let before = old.find(|before| before.id == after.id);
            if let Some(before) = before.filter(|before| before.text != after.text) {
                let changed = Changed {
                    document: &after.id,
                    release: &changed_release(&before.text, &after.text),
                    action,
                    who,
                    before: &before.text,
                    after: &after.text,
                };
                self.journal.changed(now, event.clone(), &changed);
            }
        }
        self.documents = documents;
        self.documents_version += 1;
        let documents = self.documents.iter();
        self.releases = documents
            .flat_map(|document| releases_of(&document.id, &document.text))
            .collect();
    }

    /// Notes what the proxies report, if it is new.
    fn notice(&mut self, now: u64) {
        let after = self.numbers.now();
        let empty = ReleaseNow::default();
        for (release, after) in &after {
            let before = self.now.get(release).unwrap_or(&empty);
            let events = events(before, after);
            for event in events {
                self.journal.happened(now, event, release);
            }
        }
        self.now = after;
        for proxy in self.numbers.proxies() {
            let before = self.rejected.insert(proxy.name.clone(), proxy.rejected);
            if proxy.rejected > before.unwrap_or_default() {
                let proxy = proxy.name.clone();
                self.journal.happened(now, Event::Rejected { proxy }, "");
            }
        }
    }
}

fn events(before: &ReleaseNow, after: &ReleaseNow) -> Vec<Event> {
    let new = |now: &[String], then: &[String]| -> Vec<String> {
        let new = now.iter().filter(|version| !then.contains(version));
        new.cloned().collect()
    };
    let mut events = Vec::new();
    for version in new(&after.guarded, &before.guarded) {
        events.push(Event::Guard { version });
    }
    for version in new(&before.guarded, &after.guarded) {
        events.push(Event::GuardEnded { version });
    }
    for version in new(&after.unreachable, &before.unreachable) {
        events.push(Event::Unreachable { version });
    }
    for version in new(&before.unreachable, &after.unreachable) {
        events.push(Event::Reachable { version });
    }
    events
}

fn releases_of(id: &str, text: &str) -> Vec<Release> {
    configuration(text).map_or_else(|_| Vec::new(), |config| releases(id, &config))
}

/// The only release that differs. Empty: none, or several.
fn changed_release(before: &str, after: &str) -> String {
    let by_name = |text: &str| -> BTreeMap<String, serde_json::Value> {
        let config = configuration(text).unwrap_or_default();
        let all = config
            .get("releases")
            .and_then(|all| all.as_array().cloned());
        let all = all.unwrap_or_default().into_iter();
        all.map(|one| {
            (
                one.get("name").map(ToString::to_string).unwrap_or_default(),
                one,
            )
        })
        .collect()
    };
    let (before, after) = (by_name(before), by_name(after));
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    names.retain(|name| before.get(*name) != after.get(*name));
    match names.as_slice() {
        [one] => one.trim_matches('"').to_owned(),
        _ => String::new(),
    }
}
