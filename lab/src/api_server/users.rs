//! Users of the API server, and what they may do.
//!
//! The API server asks this server who has a token, and what a user may do. Clients ask it too: it stands in front of the
//! API server, answers what Kubernetes' own server would (`SelfSubjectReview`, `SelfSubjectAccessReview`), and passes on
//! the rest.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use hyper::http::{Request, Response, StatusCode};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A user with a bearer token.
#[derive(Clone, Debug)]
pub struct User {
    token: String,
    name: String,
    rights: Vec<Right>,
}

/// What a user may do with a kind of resources.
#[derive(Clone, Debug)]
struct Right {
    verbs: Vec<String>,
    resource: String,
    namespace: Option<String>,
}

impl User {
    /// A user who may do nothing.
    #[must_use]
    pub fn new(name: &str, token: &str) -> Self {
        Self {
            token: token.into(),
            name: name.into(),
            rights: Vec::new(),
        }
    }

    /// Adds a right to `resource` in `namespace`. None: in all.
    #[must_use]
    pub fn may(mut self, verbs: &[&str], resource: &str, namespace: Option<&str>) -> Self {
        self.rights.push(Right {
            verbs: verbs.iter().map(|verb| (*verb).into()).collect(),
            resource: resource.into(),
            namespace: namespace.map(Into::into),
        });
        self
    }

    fn is_allowed(&self, asked: &Value) -> bool {
        let text = |name: &str| asked.get(name).and_then(Value::as_str).unwrap_or_default();
        let namespace = text("namespace");
        self.rights.iter().any(|right| {
            let mut verbs = right.verbs.iter();
            right.resource == text("resource")
                && verbs.any(|verb| verb == text("verb"))
                && (right.namespace.is_none() || right.namespace.as_deref() == Some(namespace))
        })
    }
}

/// The users, and the server that knows them. Dropping it ends the server.
#[derive(Debug)]
pub struct Users {
    state: Arc<State>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    users: Mutex<Vec<User>>,
    behind: Mutex<Option<SocketAddr>>,
    reviews: Mutex<u64>,
}

impl Users {
    /// Starts the server with these users.
    pub(super) async fn start(users: Vec<User>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            users: Mutex::new(users),
            ..State::default()
        });
        let server = tokio::spawn(serve(listener, Arc::clone(&state)));
        Ok(Self {
            state,
            address,
            server,
        })
    }

    /// Passes requests on to the API server at `address`.
    pub(super) fn stand_before(&self, address: SocketAddr) {
        *lock(&self.state.behind) = Some(address);
    }

    /// The address at which users reach the API server.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Replaces the user of the same name, or adds the user.
    pub fn set(&self, user: User) {
        let mut users = lock(&self.state.users);
        users.retain(|other| other.name != user.name);
        users.push(user);
    }

    /// The number of questions of clients about their own rights.
    #[must_use]
    pub fn reviews(&self) -> u64 {
        *lock(&self.state.reviews)
    }
}

impl Drop for Users {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The set of connections belongs to this task and is dropped with it.
async fn serve(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                let state = Arc::clone(&state);
                connections.spawn(async move {
                    let _ = stream.set_nodelay(true);
                    let service = service_fn(|request| answer(request, Arc::clone(&state)));
                    let connection = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service);
                    // A client may leave at any time.
                    let _ = connection.await;
                });
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer(request: Request<Incoming>, state: Arc<State>) -> anyhow::Result<Response<Body>> {
    let kind = request.uri().path().rsplit('/').next().unwrap_or_default();
    let review: fn(&State, &HeaderMap, &Value) -> Option<Value> = match kind {
        "tokenreviews" => token_review,
        "subjectaccessreviews" => access_review,
        "selfsubjectreviews" => self_review,
        "selfsubjectaccessreviews" => self_access_review,
        _ => return pass_on(request, &state).await,
    };
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let mut review_of: Value = serde_json::from_slice(&body)?;
    let status = review(&state, &head.headers, &review_of);
    let (code, answer) = match status {
        Some(status) => {
            let fields = review_of.as_object_mut().context("a review is an object")?;
            fields.insert("status".into(), status);
            (StatusCode::CREATED, review_of)
        }
        None => (
            StatusCode::UNAUTHORIZED,
            json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 401, "reason": "Unauthorized",
                "message": "Unauthorized"}),
        ),
    };
    let body = Full::from(answer.to_string()).map_err(|never| match never {});
    Ok(Response::builder()
        .status(code)
        .header(CONTENT_TYPE, "application/json")
        .body(body.boxed_unsync())?)
}

fn token_review(state: &State, _: &HeaderMap, review: &Value) -> Option<Value> {
    let token = review.pointer("/spec/token").and_then(Value::as_str);
    let users = lock(&state.users);
    let user = users.iter().find(|user| Some(&*user.token) == token);
    Some(match user {
        Some(user) => {
            json!({"authenticated": true, "user": {"username": user.name, "groups": ["system:authenticated"]}})
        }
        None => json!({"authenticated": false}),
    })
}

fn access_review(state: &State, _: &HeaderMap, review: &Value) -> Option<Value> {
    let name = review.pointer("/spec/user").and_then(Value::as_str);
    Some(json!({"allowed": allowed(state, name, review)}))
}

fn self_review(state: &State, headers: &HeaderMap, _: &Value) -> Option<Value> {
    let name = caller(state, headers)?;
    Some(json!({"userInfo": {"username": name}}))
}

fn self_access_review(state: &State, headers: &HeaderMap, review: &Value) -> Option<Value> {
    *lock(&state.reviews) += 1;
    let name = caller(state, headers)?;
    Some(json!({"allowed": allowed(state, Some(&name), review)}))
}

fn allowed(state: &State, name: Option<&str>, review: &Value) -> bool {
    let users = lock(&state.users);
    let asked = review.pointer("/spec/resourceAttributes");
    let user = users.iter().find(|user| Some(&*user.name) == name);
    user.zip(asked)
        .is_some_and(|(user, asked)| user.is_allowed(asked))
}

/// The user whose token a request has, or the user whom that user impersonates.
fn caller(state: &State, headers: &HeaderMap) -> Option<String> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let token = text(AUTHORIZATION.as_str())?.strip_prefix("Bearer ")?;
    let users = lock(&state.users);
    let user = users.iter().find(|user| user.token == token)?;
    match text("impersonate-user") {
        Some(other) => {
            let asked = json!({"verb": "impersonate", "resource": "users"});
            user.is_allowed(&asked).then(|| other.to_owned())
        }
        None => Some(user.name.clone()),
    }
}

async fn pass_on(mut request: Request<Incoming>, state: &State) -> anyhow::Result<Response<Body>> {
    let behind = *lock(&state.behind);
    let behind = behind.context("the API server is not there yet")?;
    let stream = TcpStream::connect(behind).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    // The parts that name this server in the request line belong to the connection that ended here.
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = path.context("a request without a path")?.into();
    let answer = sender.send_request(request).await?;
    Ok(answer.map(|body| body.map_err(io::Error::other).boxed_unsync()))
}

/// No operation under this lock can stop half done, so a poisoned lock is safe.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
