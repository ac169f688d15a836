//! The requests of the page.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::StatusCode;
use axum::middleware;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use futures_util::stream::{self, Stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use crate::app::App;
use crate::change::{self, Prepared, Wanted};
use crate::clock;
use crate::judge::Asked;
use crate::numbers::Span;
use crate::server::Peer;
use crate::source::{Document, NotWritten};
use crate::{access, page};

/// The size of the largest request body, in bytes. A configuration of 2 MiB fits, also if JSON escapes some of it.
pub const LARGEST: usize = 4 << 20;

/// The longest time until a response begins.
const PATIENCE: Duration = Duration::from_secs(30);

/// All that the console answers.
pub fn router(app: Arc<App>) -> Router {
    let late = StatusCode::GATEWAY_TIMEOUT;
    Router::new()
        .route("/api/state", get(state))
        .route("/api/document", get(document))
        .route("/api/series", get(series))
        .route("/api/differences", get(differences))
        .route("/api/history", get(history))
        .route("/api/events", get(events))
        .route("/api/check", post(check))
        .route("/api/explain", post(explain))
        .route("/api/preview", post(preview))
        .route("/api/apply", post(apply))
        .fallback(get(page::file))
        .layer(CompressionLayer::new())
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(LARGEST))
        .layer(TimeoutLayer::with_status_code(late, PATIENCE))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&app),
            access::check,
        ))
        .with_state(app)
}

/// An answer that says what is wrong.
#[derive(Debug)]
struct Wrong(StatusCode, String);

impl Wrong {
    fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self(status, error.into())
    }
}

impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

impl From<JsonRejection> for Wrong {
    fn from(rejection: JsonRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}

type Answer = Result<Json<Value>, Wrong>;
type Body<T> = Result<Json<T>, JsonRejection>;

fn shown(value: &impl Serialize) -> Answer {
    let value = serde_json::to_value(value);
    let failed =
        |error: serde_json::Error| Wrong::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    value.map(Json).map_err(failed)
}

async fn state(State(app): State<Arc<App>>) -> Answer {
    let state = app.state();
    let documents: Vec<Value> = state.documents.iter().map(outline).collect();
    shown(&json!({
        "version": env!("CARGO_PKG_VERSION"),
        "csrf": app.access().csrf(),
        "viewOnly": app.access().view_only(),
        "documents": documents,
        "documentsVersion": state.documents_version,
        "documentsError": state.documents_error,
        "releases": state.releases,
    }))
}

fn outline(document: &Document) -> Value {
    json!({"id": document.id, "name": document.name, "revision": document.revision})
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

async fn document(State(app): State<Arc<App>>, Query(named): Query<Named>) -> Answer {
    shown(&known(&app, &named.id)?)
}

fn known(app: &App, id: &str) -> Result<Document, Wrong> {
    app.document(id).ok_or_else(|| {
        let unknown = NotWritten::Unknown(id.into());
        Wrong::new(StatusCode::NOT_FOUND, unknown.to_string())
    })
}

#[derive(Deserialize)]
struct OfRelease {
    release: String,
    #[serde(default)]
    span: Span,
}

async fn series(State(app): State<Arc<App>>, Query(of): Query<OfRelease>) -> Answer {
    let series = app.state().numbers.series(&of.release, of.span);
    shown(&series)
}

async fn differences(State(app): State<Arc<App>>, Query(of): Query<OfRelease>) -> Answer {
    let state = app.state();
    let (groups, pairs) = (
        state.differences.groups(&of.release),
        state.differences.pairs(&of.release),
    );
    shown(&json!({"groups": groups, "pairs": pairs}))
}

async fn history(State(app): State<Arc<App>>) -> Answer {
    let state = app.state();
    shown(&state.journal.entries().collect::<Vec<_>>())
}

async fn events(State(app): State<Arc<App>>) -> Result<Response, Wrong> {
    let permit = Arc::clone(&app.streams).try_acquire_owned();
    let permit = permit.map_err(|_| {
        let many = "500 pages are open, and no more can be; close some, and load this one again";
        Wrong::new(StatusCode::SERVICE_UNAVAILABLE, many)
    })?;
    let ticks = (app.ticks(), permit);
    let stream = stream::unfold(ticks, |(mut ticks, permit)| async {
        // A client that does not read gets the latest tick when it reads again, not all of them.
        ticks.changed().await.ok()?;
        let text = Arc::clone(&ticks.borrow_and_update());
        let event = Event::default().data(&*text);
        Some((Ok(event), (ticks, permit)))
    });
    Ok(sent(stream))
}

fn sent(stream: impl Stream<Item = Result<Event, Infallible>> + Send + 'static) -> Response {
    Sse::new(stream)
        .keep_alive(KeepAlive::default())
        .into_response()
}

#[derive(Deserialize)]
struct Text {
    text: String,
}

async fn check(State(app): State<Arc<App>>, body: Body<Text>) -> Answer {
    let Json(Text { text }) = body?;
    let judge = app.judge();
    let findings = computed(&app, move || judge.check(&text)).await?;
    shown(&json!({"findings": findings}))
}

#[derive(Deserialize)]
struct Explain {
    document: String,
    request: Asked,
}

async fn explain(State(app): State<Arc<App>>, body: Body<Explain>) -> Answer {
    let Json(Explain { document, request }) = body?;
    let text = known(&app, &document)?.text;
    let judge = app.judge();
    let explained = computed(&app, move || judge.explain(&text, &request)).await?;
    let explained = explained.map_err(|error| Wrong::new(StatusCode::UNPROCESSABLE_ENTITY, error));
    shown(&explained?)
}

#[derive(Deserialize)]
struct Change {
    document: String,
    revision: String,
    #[serde(default)]
    release: String,
    change: Wanted,
}

async fn preview(State(app): State<Arc<App>>, body: Body<Change>) -> Answer {
    let Json(change) = body?;
    let (_, prepared) = prepared(&app, &change).await?;
    shown(&prepared)
}

async fn apply(
    State(app): State<Arc<App>>,
    peer: Option<Extension<Peer>>,
    body: Body<Change>,
) -> Answer {
    if app.access().view_only() {
        let only = "this console only shows; start it without --view-only to change something";
        return Err(Wrong::new(StatusCode::FORBIDDEN, only));
    }
    let Json(change) = body?;
    let (document, prepared) = prepared(&app, &change).await?;
    if let Some(finding) = prepared.findings.first() {
        let wrong = format!("{}: {}", finding.path, finding.message);
        return Err(Wrong::new(StatusCode::UNPROCESSABLE_ENTITY, wrong));
    }
    let peer = peer.map(|Extension(Peer(address))| address);
    let (release, wanted) = (&change.release, &change.change);
    app.apply(&document, release, wanted, &prepared.text, peer)
        .await
        .map_err(|error| {
            let status = match &error {
                NotWritten::Conflict(_) => StatusCode::CONFLICT,
                NotWritten::Unknown(_) => StatusCode::NOT_FOUND,
                NotWritten::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
            };
            Wrong::new(status, error.to_string())
        })?;
    shown(&prepared)
}

/// The change against the document that the page has seen.
async fn prepared(app: &Arc<App>, change: &Change) -> Result<(Document, Prepared), Wrong> {
    let document = known(app, &change.document)?;
    if document.revision != change.revision {
        let conflict = NotWritten::Conflict(document.name);
        return Err(Wrong::new(StatusCode::CONFLICT, conflict.to_string()));
    }
    let former = match change.change {
        Wanted::PutBack { entry } => {
            let state = app.state();
            let before = state.journal.before(entry);
            let before = before.filter(|(id, _)| *id == document.id);
            before.map(|(_, text)| text.to_owned())
        }
        _ => None,
    };
    let judge = app.judge();
    let (text, release) = (document.text.clone(), change.release.clone());
    let wanted = change.change.clone();
    let prepared = computed(app, move || {
        change::prepare(
            &*judge,
            &text,
            &release,
            &wanted,
            former,
            1_000 * clock::now(),
        )
    });
    let prepared = prepared.await?;
    let prepared = prepared.map_err(|error| Wrong::new(StatusCode::UNPROCESSABLE_ENTITY, error))?;
    Ok((document, prepared))
}

/// The result of `compute`, which may take a while.
async fn computed<T: Send + 'static>(
    app: &App,
    compute: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Wrong> {
    if !app.may_compute() {
        let often = "too many requests; wait a second";
        return Err(Wrong::new(StatusCode::TOO_MANY_REQUESTS, often));
    }
    let failed = || Wrong::new(StatusCode::INTERNAL_SERVER_ERROR, "the computation failed");
    let permit = app.computing.acquire().await.map_err(|_| failed())?;
    let done = tokio::task::spawn_blocking(compute).await;
    drop(permit);
    done.map_err(|_| failed())
}
