//! A running API server that serves custom resources as a cluster does: with their schemas and CEL rules, patches,
//! conflicts, watches and field managers.
//!
//! It is Kubernetes' own apiextensions-apiserver, over plain HTTP (see `tools/api-server`), and an etcd in which it
//! stores. It serves no kind of Kubernetes' own, and runs no admission webhooks.

mod definition;
mod processes;
mod users;

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
pub use hyper::http::Method;
use serde_json::Value;

use crate::client::{Answer, Client, Fields};
use crate::{tools, wait};
use definition::Resource;
use processes::Processes;
pub use users::{User, Users};

/// How long the server may take to serve a definition that it has accepted.
const PATIENCE: Duration = Duration::from_secs(30);

/// The type of a body that is not a patch.
const JSON: &str = "application/json";

/// The bearer token of the user who may do everything.
const ADMIN: &str = "halftone-lab";

/// An API server. Dropping it kills its processes and removes what they stored.
#[derive(Debug)]
pub struct ApiServer {
    processes: Processes,
    /// What it serves, by `apiVersion` and `kind`.
    resources: BTreeMap<(String, String), Resource>,
    users: Option<Users>,
}

impl ApiServer {
    /// Starts an API server and returns once it is ready. It serves no custom resources yet.
    ///
    /// # Errors
    ///
    /// When the API server or etcd is not installed, or is not ready after 30 s (the error has both logs).
    pub async fn start() -> anyhow::Result<Self> {
        Ok(Self {
            processes: Processes::start(ADMIN, None).await?,
            resources: BTreeMap::new(),
            users: None,
        })
    }

    /// Starts an API server with these users, which serves the definitions in a YAML text. Users reach it at the address
    /// of [`ApiServer::users`], where they can also ask for their rights.
    ///
    /// # Errors
    ///
    /// As [`ApiServer::start`] and [`ApiServer::install`].
    pub async fn with_users(definitions: &str, users: Vec<User>) -> anyhow::Result<Self> {
        let users = Users::start(users).await?;
        let processes = Processes::start(ADMIN, Some(users.address())).await?;
        users.stand_before(processes.address());
        let mut server = Self {
            processes,
            resources: BTreeMap::new(),
            users: Some(users),
        };
        server.install(definitions).await?;
        Ok(server)
    }

    /// The users, if it was started with users.
    #[must_use]
    pub fn users(&self) -> Option<&Users> {
        self.users.as_ref()
    }

    /// Starts an API server that serves every definition that `make schemas` has fetched.
    ///
    /// # Errors
    ///
    /// As [`ApiServer::start`] and [`ApiServer::install`], and when the definitions are missing.
    pub async fn with_definitions() -> anyhow::Result<Self> {
        let mut server = Self::start().await?;
        server.install(&definitions()?).await?;
        Ok(server)
    }

    /// The address at which it serves plain HTTP.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.processes.address()
    }

    /// The bearer token of a user who may do everything.
    #[must_use]
    pub fn token(&self) -> &str {
        ADMIN
    }

    /// Sends a request as the user who may do everything, on a connection of its own. `content_type` describes the
    /// body; patches have several.
    ///
    /// # Errors
    ///
    /// As [`Client::send`]. A refusal is an answer and not an error.
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: impl Into<Vec<u8>>,
    ) -> anyhow::Result<Answer> {
        let authorization = format!("Bearer {ADMIN}");
        let headers: Fields<'_> = &[
            ("authorization", authorization.as_bytes()),
            ("content-type", content_type.as_bytes()),
        ];
        let client = Client::http1(self.address());
        let body = body.into().into();
        client
            .request(method, "localhost", path, headers, body)
            .await
    }

    /// Installs every CustomResourceDefinition in a YAML text, and returns once the server serves them. Other resources
    /// in the text are ignored.
    ///
    /// # Errors
    ///
    /// When the text is not YAML or has no definition, when the server refuses one, or when it does not serve one after
    /// 30 s.
    pub async fn install(&mut self, definitions: &str) -> anyhow::Result<()> {
        let collection = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        let mut defined = Vec::new();
        for definition in definition::definitions(definitions)? {
            let body = definition.to_string();
            let answer = self.request(Method::POST, collection, JSON, body).await?;
            ensure!(answer.status == 201, "{}", message(&answer));
            defined.extend(definition::resources(&definition)?);
        }
        ensure!(
            !defined.is_empty(),
            "expected a CustomResourceDefinition, got none"
        );
        for (_, resource) in &defined {
            self.wait_for(resource).await?;
        }
        self.resources.extend(defined);
        Ok(())
    }

    async fn wait_for(&self, resource: &Resource) -> anyhow::Result<()> {
        let path = resource.path("default");
        let what = format!("the API server to serve {path}");
        wait::until(PATIENCE, &what, async || {
            let answer = self.request(Method::GET, &path, JSON, "").await?;
            Ok(answer.status == 200)
        })
        .await
    }

    /// Whether a definition of this kind is installed.
    #[must_use]
    pub fn serves(&self, version: &str, kind: &str) -> bool {
        let key = (version.to_owned(), kind.to_owned());
        self.resources.contains_key(&key)
    }

    /// The server's own message when it refuses to create a resource; `None` when it accepts. Unknown and repeated fields
    /// are refused, as by `kubectl apply`. Nothing is stored.
    ///
    /// # Errors
    ///
    /// When no definition of the resource's kind is installed, or the server cannot be reached.
    pub async fn refusal(&self, resource: &Value) -> anyhow::Result<Option<String>> {
        let text = |pointer| resource.pointer(pointer).and_then(Value::as_str);
        let key =
            [text("/apiVersion"), text("/kind")].map(|text| text.unwrap_or_default().to_owned());
        let [version, kind] = key;
        let Some(served) = self.resources.get(&(version.clone(), kind.clone())) else {
            bail!("the API server serves no {kind} of {version:?}");
        };
        let path = served.path(text("/metadata/namespace").unwrap_or("default"));
        let path = format!("{path}?dryRun=All&fieldValidation=Strict");
        let body = resource.to_string();
        let answer = self.request(Method::POST, &path, JSON, body).await?;
        Ok((answer.status != 201).then(|| message(&answer)))
    }
}

/// The text of every definition that `make schemas` has fetched.
///
/// # Errors
///
/// They are missing.
pub fn definitions() -> anyhow::Result<String> {
    let folder = tools::schemas()?.join("crds");
    let mut definitions = String::new();
    for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let text = fs::read_to_string(&path);
        definitions.push_str(&text.with_context(|| path.display().to_string())?);
        definitions.push_str("\n---\n");
    }
    Ok(definitions)
}

/// The message of a refusal, which is a Status.
fn message(answer: &Answer) -> String {
    let status: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let message = status.get("message").and_then(Value::as_str);
    message.map_or_else(
        || format!("{}: {}", answer.status, answer.text()),
        str::to_owned,
    )
}
