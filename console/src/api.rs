//! The requests of the page.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
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
use crate::cluster::COOKIE;
use crate::judge::Asked;
use crate::numbers::Span;
use crate::release::Release;
use crate::server::Peer;
use crate::source::{Document, NotWritten};
use crate::viewer::{Sight, Viewer};
use crate::{access, alerts, page};

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
        .route(access::SIGN_IN, post(sign_in))
        .route("/api/sign-out", post(sign_out))
        .route(alerts::PATH, post(alerts::take))
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

/// A release, and whether the viewer may change it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Seen<'r> {
    #[serde(flatten)]
    release: &'r Release,
    can_change: bool,
}

async fn state(State(app): State<Arc<App>>, Extension(viewer): Extension<Viewer>) -> Answer {
    let state = app.state();
    let sight = &viewer.sight;
    let documents = state.documents.iter();
    let documents = documents.filter(|document| sight.sees(&document.id));
    let documents: Vec<Value> = documents.map(outline).collect();
    let releases = state.releases.iter();
    let releases = releases
        .filter(|release| sight.sees(&release.document))
        .map(|release| Seen {
            release,
            can_change: sight.changes(&release.document),
        });
    let releases: Vec<Seen<'_>> = releases.collect();
    let rights = app.rights();
    shown(&json!({
        "version": env!("CARGO_PKG_VERSION"),
        "csrf": app.access().csrf(),
        "viewOnly": app.access().view_only(),
        "viewer": viewer.name,
        "inCluster": rights.is_some(),
        "canSignOut": rights.is_some_and(|rights| rights.sign_in_themselves()),
        "documents": documents,
        "documentsVersion": state.documents_version,
        "documentsError": state.documents_error(sight),
        "rights": sight.digest(),
        "releases": releases,
    }))
}

fn outline(document: &Document) -> Value {
    json!({"id": document.id, "name": document.name, "revision": document.revision})
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

async fn document(
    State(app): State<Arc<App>>,
    Extension(viewer): Extension<Viewer>,
    Query(named): Query<Named>,
) -> Answer {
    shown(&known(&app, &viewer.sight, &named.id)?)
}

/// The document, if the viewer may see it. If not, it is as if it did not exist.
fn known(app: &App, sight: &Sight, id: &str) -> Result<Document, Wrong> {
    let found = sight.sees(id).then(|| app.document(id)).flatten();
    found.ok_or_else(|| {
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

/// An error if the viewer may not see the release. It is as if the release did not exist.
fn seen(viewer: &Viewer, release: &str) -> Result<(), Wrong> {
    if viewer.sight.sees_release(release) {
        return Ok(());
    }
    let unknown = format!("there is no release {release}");
    Err(Wrong::new(StatusCode::NOT_FOUND, unknown))
}

async fn series(
    State(app): State<Arc<App>>,
    Extension(viewer): Extension<Viewer>,
    Query(of): Query<OfRelease>,
) -> Answer {
    seen(&viewer, &of.release)?;
    let series = app.series(&of.release, of.span).await;
    shown(&series.map_err(|error| Wrong::new(StatusCode::BAD_GATEWAY, error))?)
}

async fn differences(
    State(app): State<Arc<App>>,
    Extension(viewer): Extension<Viewer>,
    Query(of): Query<OfRelease>,
) -> Answer {
    seen(&viewer, &of.release)?;
    let state = app.state();
    let (groups, pairs) = (
        state.differences.groups(&of.release),
        state.differences.pairs(&of.release),
    );
    shown(&json!({"groups": groups, "pairs": pairs}))
}

async fn history(State(app): State<Arc<App>>, Extension(viewer): Extension<Viewer>) -> Answer {
    let state = app.state();
    let sight = &viewer.sight;
    let entries = state.journal.entries();
    let entries = entries.filter(|entry| {
        let of_seen = !entry.release.is_empty() && sight.sees_release(&entry.release);
        sight.sees(&entry.document) || (entry.document.is_empty() && of_seen)
    });
    shown(&entries.collect::<Vec<_>>())
}

async fn events(
    State(app): State<Arc<App>>,
    Extension(viewer): Extension<Viewer>,
) -> Result<Response, Wrong> {
    let permit = Arc::clone(&app.streams).try_acquire_owned();
    let permit = permit.map_err(|_| {
        let many = "500 pages are open, and no more can be; close some, and load this one again";
        Wrong::new(StatusCode::SERVICE_UNAVAILABLE, many)
    })?;
    let ticks = (app.ticks(), permit, app, viewer);
    let stream = stream::unfold(ticks, |(mut ticks, permit, app, viewer)| async {
        // A client that does not read gets the latest tick when it reads again, not all of them.
        ticks.changed().await.ok()?;
        let text = Arc::clone(&ticks.borrow_and_update());
        // A viewer who is no longer known gets no more, and asks again.
        let viewer = match app.rights() {
            Some(rights) => rights.again(&viewer).await.ok()?,
            None => viewer,
        };
        let event = if viewer.sight.is_everything() {
            Event::default().data(&*text)
        } else {
            Event::default().data(app.event(clock::now(), &viewer.sight))
        };
        Some((Ok(event), (ticks, permit, app, viewer)))
    });
    Ok(sent(stream))
}

#[derive(Deserialize)]
struct Token {
    token: String,
}

/// Exchanges a token of the cluster for a cookie.
async fn sign_in(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body<Token>,
) -> Result<Response, Wrong> {
    let Json(Token { token }) = body?;
    let Some(rights) = app.rights() else {
        let none = "nobody signs in to this console";
        return Err(Wrong::new(StatusCode::NOT_FOUND, none));
    };
    let value = match rights.sign_in(&token).await {
        Ok(value) => value,
        Err(refused) => return Ok(access::refusal(&refused)),
    };
    let scheme = headers.get("x-forwarded-proto");
    let secure = match scheme.and_then(|scheme| scheme.to_str().ok()) {
        Some("https") => "; Secure",
        _ => "",
    };
    let cookie = format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict{secure}");
    Ok(([(header::SET_COOKIE, cookie)], Json(json!({}))).into_response())
}

async fn sign_out(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    if let Some(rights) = app.rights() {
        rights.sign_out(&headers);
    }
    let cookie = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    ([(header::SET_COOKIE, cookie)], Json(json!({}))).into_response()
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

async fn explain(
    State(app): State<Arc<App>>,
    Extension(viewer): Extension<Viewer>,
    body: Body<Explain>,
) -> Answer {
    let Json(Explain { document, request }) = body?;
    let text = known(&app, &viewer.sight, &document)?.text;
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

async fn preview(
    State(app): State<Arc<App>>,
    Extension(viewer): Extension<Viewer>,
    body: Body<Change>,
) -> Answer {
    let Json(change) = body?;
    let (_, prepared) = prepared(&app, &viewer, &change).await?;
    shown(&prepared)
}

async fn apply(
    State(app): State<Arc<App>>,
    Extension(viewer): Extension<Viewer>,
    peer: Option<Extension<Peer>>,
    body: Body<Change>,
) -> Answer {
    if app.access().view_only() {
        let only = "this console only shows; start it without --view-only to change something";
        return Err(Wrong::new(StatusCode::FORBIDDEN, only));
    }
    let Json(change) = body?;
    let (document, prepared) = prepared(&app, &viewer, &change).await?;
    if let Some(finding) = prepared.findings.first() {
        let wrong = format!("{}: {}", finding.path, finding.message);
        return Err(Wrong::new(StatusCode::UNPROCESSABLE_ENTITY, wrong));
    }
    let peer = peer.map(|Extension(Peer(address))| address);
    let (release, wanted) = (&change.release, &change.change);
    app.apply(&viewer, peer, &document, release, wanted, &prepared.text)
        .await
        .map_err(|error| {
            let status = match &error {
                NotWritten::Conflict(_) => StatusCode::CONFLICT,
                NotWritten::Unknown(_) => StatusCode::NOT_FOUND,
                NotWritten::Forbidden(_) => StatusCode::FORBIDDEN,
                NotWritten::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
                NotWritten::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
            };
            Wrong::new(status, error.to_string())
        })?;
    shown(&prepared)
}

/// The change against the document that the page has seen.
async fn prepared(
    app: &Arc<App>,
    viewer: &Viewer,
    change: &Change,
) -> Result<(Document, Prepared), Wrong> {
    let document = known(app, &viewer.sight, &change.document)?;
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
