//! Numbers of all proxies, computed by Prometheus.
//!
//! Prometheus adds the proxies of a namespace. A proxy runs the plugins of its own namespace, so the numbers of a release
//! are those of the release of this name in the namespace of its plugin. A plugin of the root namespace runs in all
//! namespaces, and has their numbers together.

mod answer;
mod attribution;
mod queries;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::try_join_all;
use http_body_util::{BodyExt as _, Limited};
use kube::client::Body;
use kube::{Client, Config};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::clock;
use crate::numbers::{ReleaseNow, STALE, Span};
use crate::source::{Answer, Numbers, Past, Scraped};
use answer::{Sample, points, series, vector};
use attribution::attributed;
use queries::{Namespaces, Queries};

/// The pause between two rounds of queries. Prometheus scrapes proxies every 15 seconds or so.
const PAUSE: Duration = Duration::from_secs(2);

/// The longest time for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The size of the largest answer, in bytes.
const LARGEST: usize = 32 << 20;

/// The name under which the page shows it.
const NAME: &str = "Prometheus";

/// How numbers are asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The URL of Prometheus, with the path before `/api/v1`.
    pub url: String,
    /// The time over which rates are computed, as Prometheus writes it: at least two scrapes.
    pub window: String,
    /// The namespace whose plugins run in all namespaces.
    pub root_namespace: String,
}

/// The releases that exist, by which numbers are attributed: pairs of a namespace and a name.
pub type Known = Arc<dyn Fn() -> BTreeSet<(String, String)> + Send + Sync>;

/// A Prometheus that is asked all the time.
pub struct Prometheus {
    asked: Asked,
    client: Client,
    queries: Queries,
    known: Known,
    state: Arc<Mutex<State>>,
    asking: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    /// The time of the last answer, in seconds since 1970.
    answered: u64,
    error: Option<String>,
    now: BTreeMap<String, ReleaseNow>,
}

impl Prometheus {
    /// Asks Prometheus until the result is dropped. Call it in a runtime.
    ///
    /// # Errors
    ///
    /// The URL or the window cannot be used. The error is a sentence.
    pub fn ask(asked: Asked, known: Known) -> Result<Self, String> {
        let wrong = |error: &dyn fmt::Display| {
            format!(
                "expected the URL of Prometheus such as http://prometheus.monitoring:9090, got {:?}: {error}",
                asked.url
            )
        };
        let url: axum::http::Uri = asked.url.parse().map_err(|error| wrong(&error))?;
        if !matches!(url.scheme_str(), Some("http" | "https")) {
            return Err(wrong(&"the scheme must be http or https"));
        }
        let mut config = Config::new(url);
        config.connect_timeout = Some(PATIENCE);
        config.read_timeout = Some(PATIENCE);
        config.default_retry = false;
        let client = Client::try_from(config).map_err(|error| wrong(&error))?;
        let queries = Queries::over(&asked.window)?;
        let state: Arc<Mutex<State>> = Arc::default();
        let asking = {
            let (client, queries, known) = (client.clone(), queries.clone(), Arc::clone(&known));
            let (state, root) = (Arc::clone(&state), asked.root_namespace.clone());
            tokio::spawn(async move {
                loop {
                    let answers = ask_all(&client, &queries).await;
                    lock(&state).take(answers, &known(), &root);
                    sleep(PAUSE).await;
                }
            })
        };
        Ok(Self {
            asked,
            client,
            queries,
            known,
            state,
            asking,
        })
    }

    async fn past(&self, release: &str, span: Span) -> Past {
        let Some((namespace, name)) = release.split_once('/') else {
            return Ok(BTreeMap::new());
        };
        let namespaces = if namespace == self.asked.root_namespace {
            let known = (self.known)().into_iter();
            let own = known.filter(|(other, release)| release == name && other != namespace);
            Namespaces::AllBut(own.map(|(namespace, _)| namespace).collect())
        } else {
            Namespaces::One(namespace)
        };
        let (seconds, step) = match span {
            Span::Minutes => (300, 5),
            Span::Hour => (3_600, 15),
            Span::Hours => (6 * 3_600, 60),
        };
        let end = clock::now();
        let ask = |query: String| async move {
            let path = format!(
                "/api/v1/query_range?query={}&start={}&end={end}&step={step}",
                encoded(&query),
                end - seconds
            );
            series(&get(&self.client, &path).await?)
        };
        let queries = self.queries.past(&namespaces, name);
        let answers = try_join_all(queries.map(ask)).await?;
        Ok(points(&answers))
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.asking.abort();
    }
}

impl Numbers for Prometheus {
    fn scrape(&self) -> Answer<'_, Vec<Scraped>> {
        let state = lock(&self.state);
        let page = match &state.error {
            Some(error) => Err(error.clone()),
            None if state.answered == 0 => Err("no answer yet".into()),
            None => match clock::now().saturating_sub(state.answered) {
                late if late > STALE => Err(format!("no answer for {late} s")),
                _ => Ok(String::new()),
            },
        };
        let scraped = Scraped {
            source: NAME.into(),
            page,
        };
        Box::pin(std::future::ready(vec![scraped]))
    }

    fn now(&self) -> Option<BTreeMap<String, ReleaseNow>> {
        Some(lock(&self.state).now.clone())
    }

    fn series<'a>(&'a self, release: &'a str, span: Span) -> Option<Answer<'a, Past>> {
        Some(Box::pin(self.past(release, span)))
    }
}

impl State {
    fn take(
        &mut self,
        answers: Result<Vec<Vec<Sample>>, String>,
        known: &BTreeSet<(String, String)>,
        root: &str,
    ) {
        match answers {
            Ok(answers) => {
                self.now = attributed(&answers, known, root);
                self.answered = clock::now();
                self.error = None;
            }
            // What it said before stays on the page, and looks old.
            Err(error) => self.error = Some(error),
        }
    }
}

async fn ask_all(client: &Client, queries: &Queries) -> Result<Vec<Vec<Sample>>, String> {
    let answers = queries.now().map(|query| async move {
        let path = format!("/api/v1/query?query={}", encoded(&query));
        vector(&get(client, &path).await?)
    });
    try_join_all(answers).await
}

/// The field `data` of an answer.
async fn get(client: &Client, path: &str) -> Result<Value, String> {
    let request = axum::http::Request::get(path).body(Body::empty());
    let request = request.map_err(|error| error.to_string())?;
    let asked = async {
        let answer = client.send(request).await;
        let answer = answer.map_err(|error| super::plugins::reason(&error))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LARGEST).collect().await;
        let body = body.map_err(|error| format!("the answer is incomplete: {error}"))?;
        let body: Value = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
        match (status.as_u16(), body.get("data")) {
            (200, Some(data)) => Ok(data.clone()),
            (status, _) => {
                let said = body.get("error").and_then(Value::as_str);
                Err(format!(
                    "answered with status {status}: {}",
                    said.unwrap_or("no data")
                ))
            }
        }
    };
    let late = || format!("no answer in {} s", PATIENCE.as_secs());
    timeout(PATIENCE, asked).await.map_err(|_| late())?
}

fn encoded(text: &str) -> impl fmt::Display {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

/// Nothing that holds the lock can stop half done.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Prometheus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prometheus")
            .field("asked", &self.asked)
            .finish_non_exhaustive()
    }
}
