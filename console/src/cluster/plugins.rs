//! The plugins of a cluster: watched by the console's rights, changed by those of the viewer.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::{Stream, StreamExt as _};
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, Config, Error};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::kinds::{KINDS, Kind};
use super::text;
use crate::source::{Answer, Configurations, Document, NotWritten};
use crate::viewer::{Place, Viewer};

/// The name that the cluster records for the fields that the console changes.
const FIELD_MANAGER: &str = "halftone-console";

/// The most plugins that are kept. The texts of this many with a few releases each take about 30 MiB.
const MOST: usize = 10_000;

/// The most places that are remembered, also when their last plugin is gone: the history names it.
const MOST_PLACES: usize = 10_000;

/// How long a request waits for the first list of the cluster.
const FIRST: Duration = Duration::from_millis(900);

/// How long a watch may be broken before the page says so. A watch ends every few minutes, and begins again.
const ORDINARY: Duration = Duration::from_secs(5);

/// The plugins of a cluster.
pub struct Plugins {
    state: Arc<Mutex<State>>,
    /// Whether every watch has listed its plugins.
    complete: watch::Receiver<bool>,
    watches: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    watches: Vec<Watch>,
    plugins: BTreeMap<String, Plugin>,
    places: BTreeSet<Place>,
}

/// What one watch reports.
#[derive(Default)]
struct Watch {
    is_complete: bool,
    /// The plugins of a list that is not complete yet.
    listed: BTreeMap<String, Plugin>,
    broken: Option<(Instant, String)>,
}

/// A plugin as the page shows it.
struct Plugin {
    watch: usize,
    document: Document,
    /// The names of its releases.
    releases: Vec<String>,
}

impl Plugins {
    /// Watches the plugins in `namespaces` of the cluster of `config`. No namespaces: in all.
    ///
    /// Call it in a runtime. Dropping the result ends the watches.
    ///
    /// # Errors
    ///
    /// The configuration of the client cannot be used.
    pub fn watch(mut config: Config, namespaces: &[String]) -> Result<Self, String> {
        // A watch is silent for as long as nothing happens.
        config.read_timeout = None;
        let client = Client::try_from(config).map_err(|error| reason(&error))?;
        let state: Arc<Mutex<State>> = Arc::default();
        let namespaces: Vec<Option<&str>> = match namespaces {
            [] => vec![None],
            some => some.iter().map(|namespace| Some(&**namespace)).collect(),
        };
        let mut watches = Vec::new();
        let (complete, is_complete) = watch::channel(false);
        let complete = Arc::new(complete);
        for kind in &KINDS {
            for namespace in &namespaces {
                let api = kind.api(client.clone(), *namespace);
                let number = watches.len();
                lock(&state).watches.push(Watch::default());
                let events = watcher(api, watcher::Config::default()).default_backoff();
                let namespace = namespace.map(str::to_owned);
                let (state, complete) = (Arc::clone(&state), Arc::clone(&complete));
                let follow = follow(state, complete, number, kind, namespace, events);
                watches.push(tokio::spawn(follow));
            }
        }
        Ok(Self {
            state,
            complete: is_complete,
            watches,
        })
    }

    /// The places of all plugins, also of those that are gone.
    #[must_use]
    pub fn places(&self) -> BTreeSet<Place> {
        lock(&self.state).places.clone()
    }

    /// The namespace and the name of each release.
    #[must_use]
    pub fn releases(&self) -> BTreeSet<(String, String)> {
        let state = lock(&self.state);
        let plugins = state.plugins.iter();
        plugins
            .filter_map(|(id, plugin)| Some((Place::of(id)?.namespace, &plugin.releases)))
            .flat_map(|(namespace, names)| {
                names
                    .iter()
                    .map(move |name| (namespace.clone(), name.clone()))
            })
            .collect()
    }

    async fn wait_and_read(&self) -> Result<Vec<Document>, String> {
        let mut complete = self.complete.clone();
        // Without a list in this time, reading says what is missing.
        let _ = timeout(FIRST, complete.wait_for(|complete| *complete)).await;
        self.read_all()
    }

    fn read_all(&self) -> Result<Vec<Document>, String> {
        let state = lock(&self.state);
        let broken = state
            .watches
            .iter()
            .filter_map(|watch| watch.broken.as_ref());
        let mut long = broken.filter(|(since, _)| since.elapsed() > ORDINARY);
        if let Some((_, error)) = long.next() {
            return Err(error.clone());
        }
        if !state.watches.iter().all(|watch| watch.is_complete) {
            return Err("the cluster has not listed its plugins yet".into());
        }
        let plugins = state.plugins.values();
        Ok(plugins.map(|plugin| plugin.document.clone()).collect())
    }

    async fn replace(
        &self,
        viewer: &Viewer,
        id: &str,
        text: &str,
        revision: &str,
    ) -> Result<(), NotWritten> {
        let unknown = || NotWritten::Unknown(id.into());
        let (watch, shown) = {
            let state = lock(&self.state);
            let plugin = state.plugins.get(id).ok_or_else(unknown)?;
            (plugin.watch, plugin.document.clone())
        };
        if shown.revision != revision {
            return Err(NotWritten::Conflict(shown.name));
        }
        let (kind, namespace, name) = parts(id).ok_or_else(unknown)?;
        let nobody = || NotWritten::Forbidden("sign in to change something".into());
        let session = viewer.session.as_ref().ok_or_else(nobody)?;
        let mut patch = text::patch(&shown.text, text).map_err(NotWritten::Refused)?;
        if patch.as_object().is_some_and(serde_json::Map::is_empty) {
            return Ok(());
        }
        if let Some(fields) = patch.as_object_mut() {
            let metadata = fields.entry("metadata").or_insert_with(|| json!({}));
            if let Some(metadata) = metadata.as_object_mut() {
                metadata.insert("resourceVersion".into(), revision.into());
            }
        }
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.into()),
            ..PatchParams::default()
        };
        let api = kind.api(session.client(), Some(namespace));
        let patched = api.patch(name, &params, &Patch::Merge(patch)).await;
        let patched = patched.map_err(|error| not_written(&shown.name, kind, error))?;
        // The watch reports it too, a moment later.
        if let Some((id, plugin)) = plugin(watch, kind, patched) {
            lock(&self.state).plugins.insert(id, plugin);
        }
        Ok(())
    }
}

impl Drop for Plugins {
    fn drop(&mut self) {
        self.watches.iter().for_each(JoinHandle::abort);
    }
}

impl Configurations for Arc<Plugins> {
    fn read(&self) -> Answer<'_, Result<Vec<Document>, String>> {
        Box::pin(self.wait_and_read())
    }

    fn write<'a>(
        &'a self,
        viewer: &'a Viewer,
        id: &'a str,
        text: &'a str,
        revision: &'a str,
    ) -> Answer<'a, Result<(), NotWritten>> {
        Box::pin(Plugins::replace(self, viewer, id, text, revision))
    }
}

/// Takes what a watch reports, until the task is aborted.
async fn follow(
    state: Arc<Mutex<State>>,
    complete: Arc<watch::Sender<bool>>,
    watch: usize,
    kind: &'static Kind,
    namespace: Option<String>,
    events: impl Stream<Item = Result<Event<DynamicObject>, watcher::Error>>,
) {
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        let mut state = lock(&state);
        state.take(watch, kind, namespace.as_deref(), event);
        if state.watches.iter().all(|watch| watch.is_complete) {
            complete.send_replace(true);
        }
    }
}

impl State {
    fn take(
        &mut self,
        number: usize,
        kind: &'static Kind,
        namespace: Option<&str>,
        event: Result<Event<DynamicObject>, watcher::Error>,
    ) {
        let Some(watch) = self.watches.get_mut(number) else {
            return;
        };
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                watch.fail(kind, namespace, &error);
                return;
            }
        };
        // A list begins before the cluster has answered.
        if !matches!(event, Event::Init) {
            watch.broken = None;
        }
        match event {
            Event::Init => watch.listed.clear(),
            Event::InitApply(object) => {
                if watch.listed.len() < MOST {
                    watch.listed.extend(plugin(number, kind, object));
                }
            }
            Event::InitDone => {
                watch.is_complete = true;
                let listed = std::mem::take(&mut watch.listed);
                self.plugins.retain(|_, plugin| plugin.watch != number);
                for (id, plugin) in listed {
                    self.put(id, plugin);
                }
            }
            Event::Apply(object) => {
                let id = id(kind, &object);
                match (plugin(number, kind, object), id) {
                    (Some((id, plugin)), _) => self.put(id, plugin),
                    // It is no plugin of Halftone any more.
                    (None, Some(id)) => drop(self.plugins.remove(&id)),
                    (None, None) => {}
                }
            }
            Event::Delete(object) => {
                if let Some(id) = id(kind, &object) {
                    self.plugins.remove(&id);
                }
            }
        }
    }
}

impl State {
    fn put(&mut self, id: String, plugin: Plugin) {
        if self.places.len() < MOST_PLACES {
            self.places.extend(Place::of(&id));
        }
        if self.plugins.len() < MOST || self.plugins.contains_key(&id) {
            self.plugins.insert(id, plugin);
        }
    }
}

impl Watch {
    fn fail(&mut self, kind: &Kind, namespace: Option<&str>, error: &watcher::Error) {
        let place = namespace.map_or_else(
            || "in all namespaces".into(),
            |namespace| format!("in {namespace}"),
        );
        let text = match status(error) {
            // The cluster has no such kind: older versions of Istio have no TrafficExtension.
            Some((404, _)) => {
                self.is_complete = true;
                self.broken = None;
                return;
            }
            Some((401 | 403, message)) => format!(
                "the console may not watch {} {place}: {message}; name namespaces with --namespace, or grant list and watch",
                kind.plural
            ),
            // The watch was too old, and begins again.
            Some((410, _)) => return,
            Some((_, message)) => format!("the cluster refuses to list {}: {message}", kind.plural),
            None => format!("the cluster does not answer: {}", reason(error)),
        };
        let since = self.broken.as_ref().map(|(since, _)| *since);
        self.broken = Some((since.unwrap_or_else(Instant::now), text));
    }
}

/// The status by which the cluster refuses, and its message.
fn status(error: &watcher::Error) -> Option<(u16, &str)> {
    let status = match error {
        watcher::Error::InitialListFailed(Error::Api(status))
        | watcher::Error::WatchStartFailed(Error::Api(status))
        | watcher::Error::WatchFailed(Error::Api(status))
        | watcher::Error::WatchError(status) => status,
        _ => return None,
    };
    Some((status.code, &status.message))
}

/// The last cause of an error, which is the one that says most.
pub(super) fn reason(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

fn id(kind: &Kind, object: &DynamicObject) -> Option<String> {
    let place = Place {
        plural: kind.plural.into(),
        namespace: object.metadata.namespace.clone()?,
    };
    Some(place.document(object.metadata.name.as_deref()?))
}

/// The kind, the namespace and the name in an id.
fn parts(id: &str) -> Option<(&'static Kind, &str, &str)> {
    let (rest, name) = id.rsplit_once('/')?;
    let (rest, namespace) = rest.rsplit_once('/')?;
    let (_, plural) = rest.rsplit_once('/')?;
    Some((Kind::of(plural)?, namespace, name))
}

/// The plugin, if it is one of Halftone, with its id.
fn plugin(watch: usize, kind: &Kind, object: DynamicObject) -> Option<(String, Plugin)> {
    let id = id(kind, &object)?;
    let revision = object.metadata.resource_version.clone()?;
    let mut value = serde_json::to_value(&object).ok()?;
    // A list omits both in its items.
    let fields = value.as_object_mut()?;
    fields.insert("apiVersion".into(), kind.resource().api_version.into());
    fields.insert("kind".into(), kind.name.into());
    let text = text::text(&value).ok()?;
    let resources = halftone_resources::read(&text).ok()?;
    let plugin = resources.first()?.plugin()?;
    if !plugin.is_halftone() {
        return None;
    }
    let releases = plugin
        .config
        .as_ref()
        .and_then(|config| config.get("releases"));
    let releases = releases.and_then(Value::as_array).into_iter().flatten();
    let releases = releases.filter_map(|release| release.get("name")?.as_str());
    let releases = releases.map(Into::into).collect();
    let namespace = object.metadata.namespace.as_deref().unwrap_or_default();
    let name = object.metadata.name.as_deref().unwrap_or_default();
    let document = Document {
        name: format!("{} {namespace}/{name}", kind.name),
        id: id.clone(),
        text,
        revision,
    };
    Some((
        id,
        Plugin {
            watch,
            document,
            releases,
        },
    ))
}

fn not_written(name: &str, kind: &Kind, error: Error) -> NotWritten {
    match error {
        Error::Api(status) => match status.code {
            409 => NotWritten::Conflict(name.into()),
            404 => NotWritten::Unknown(name.into()),
            401 | 403 => NotWritten::Forbidden(format!(
                "the cluster does not let you patch {name}: {}; ask for the right to patch {}",
                status.message, kind.plural
            )),
            400..500 => NotWritten::Refused(format!("the cluster refuses: {}", status.message)),
            _ => NotWritten::Failed(format!("the cluster failed: {}", status.message)),
        },
        error => NotWritten::Failed(format!(
            "{name}: the cluster does not answer: {}",
            reason(&error)
        )),
    }
}

/// Nothing that holds the lock can stop half done.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Plugins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugins")
            .field("watches", &self.watches.len())
            .finish_non_exhaustive()
    }
}
