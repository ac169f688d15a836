//! The guard of a whole fleet: an alert rolls a release back, if its plugin allows it.
//!
//! The guard of a proxy judges by the traffic of that proxy. Prometheus sees all proxies together, and Alertmanager sends
//! its alerts here. A plugin allows the action by an annotation; without it, an alert does nothing.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use halftone_resources::yaml;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::access::same;
use crate::app::App;
use crate::change::{Wanted, prepare};
use crate::clock;
use crate::release::Release;
use crate::source::NotWritten;
use crate::viewer::{Place, Sight, Viewer};

/// The path to which Alertmanager sends alerts.
pub const PATH: &str = "/api/alerts";

/// The annotation of a plugin that allows an action, as a JSON pointer.
const ANNOTATION: &str = "/metadata/annotations/halftone.dev~1on-alert";

/// The most alerts of a request that are read.
const MOST: usize = 100;

/// Which alerts are taken.
#[derive(Debug)]
pub struct Alerts {
    /// The secret that Alertmanager sends as a bearer token.
    pub secret: String,
    /// The namespace whose plugins run in all namespaces.
    pub root_namespace: String,
}

/// What Alertmanager sends.
#[derive(Debug, Deserialize)]
pub struct Sent {
    alerts: Vec<Alert>,
}

/// One alert.
#[derive(Debug, Deserialize)]
struct Alert {
    status: String,
    labels: Labels,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Labels {
    alertname: String,
    namespace: String,
    release: String,
    version: String,
}

/// What an alert led to.
#[derive(Debug, Serialize)]
struct Done {
    release: String,
    done: &'static str,
}

/// Takes what Alertmanager sends. An error makes Alertmanager send it again.
pub async fn take(State(app): State<Arc<App>>, headers: HeaderMap, body: Json<Value>) -> Response {
    let Some(alerts) = app.alerts() else {
        return wrong(
            StatusCode::NOT_FOUND,
            "this console takes no alerts; start it with --alert-secret",
        );
    };
    if !has_secret(&headers, &alerts.secret) {
        return wrong(
            StatusCode::UNAUTHORIZED,
            "the bearer token is not the secret of this console",
        );
    }
    let Ok(sent) = Sent::deserialize(&body.0) else {
        return wrong(
            StatusCode::BAD_REQUEST,
            "the body is not what Alertmanager sends to a webhook",
        );
    };
    if !app.may_compute() {
        return wrong(
            StatusCode::TOO_MANY_REQUESTS,
            "too many requests; wait a second",
        );
    }
    let mut all = Vec::new();
    for alert in sent.alerts.iter().take(MOST) {
        match answer(&app, alerts, alert).await {
            Ok(done) => all.push(Done {
                release: alert.labels.release.clone(),
                done,
            }),
            Err(error) => return wrong(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
        }
    }
    Json(json!({"alerts": all})).into_response()
}

fn wrong(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({"error": error}))).into_response()
}

fn has_secret(headers: &HeaderMap, secret: &str) -> bool {
    let sent = headers.get(header::AUTHORIZATION);
    let sent = sent.and_then(|value| value.to_str().ok());
    let sent = sent.and_then(|value| value.strip_prefix("Bearer "));
    sent.is_some_and(|sent| same(sent, secret))
}

async fn answer(app: &App, alerts: &Alerts, alert: &Alert) -> Result<&'static str, NotWritten> {
    let labels = &alert.labels;
    if alert.status != "firing" {
        return Ok("nothing: the alert has ended");
    }
    if app.access().view_only() {
        return Ok("nothing: this console only shows");
    }
    let found = [&labels.namespace, &alerts.root_namespace]
        .into_iter()
        .find_map(|namespace| release(app, namespace, &labels.release));
    let Some(release) = found else {
        return Ok("nothing: there is no such release");
    };
    let Some(document) = app.document(&release.document) else {
        return Ok("nothing: there is no such release");
    };
    if !allows_rollback(&document.text) {
        return Ok("nothing: the plugin has no annotation halftone.dev/on-alert: rollback");
    }
    if !helps(&release, &labels.version) {
        return Ok("nothing: a rollback would not take traffic from this version");
    }
    let now = 1_000 * clock::now();
    let judge = app.judge();
    let (text, wanted) = (&document.text, &Wanted::Rollback);
    let prepared = prepare(&*judge, text, &release.name, wanted, None, now);
    let prepared = prepared.map_err(NotWritten::Refused)?;
    if !prepared.findings.is_empty() {
        let invalid = "the configuration has violations; correct them first";
        return Err(NotWritten::Refused(invalid.into()));
    }
    if prepared.diff.is_empty() {
        return Ok("nothing: the release is rolled back already");
    }
    let own = match app.rights() {
        Some(rights) => rights.own().await,
        None => return Ok("nothing: this console has no cluster"),
    };
    let own = own.map_err(|error| NotWritten::Failed(error.to_string()))?;
    let viewer = Viewer {
        name: format!("the alert {}", labels.alertname),
        sight: Arc::new(Sight::everything()),
        session: Some(own),
    };
    app.apply(
        &viewer,
        None,
        &document,
        &release.name,
        wanted,
        &prepared.text,
    )
    .await?;
    Ok("rollback")
}

fn release(app: &App, namespace: &str, name: &str) -> Option<Release> {
    let state = app.state();
    let mut releases = state.releases.iter();
    let found = releases.find(|release| {
        let place = Place::of(&release.document);
        release.name == name && place.is_some_and(|place| place.namespace == namespace)
    });
    found.cloned()
}

fn allows_rollback(plugin: &str) -> bool {
    let read = yaml::document::<Value>(plugin).unwrap_or_default();
    read.pointer(ANNOTATION)
        .is_some_and(|value| value == "rollback")
}

/// Whether a rollback takes traffic from a version. A second rollback of a blue-green release would go back to it.
fn helps(release: &Release, version: &str) -> bool {
    match &release.active {
        Some(active) => active == version,
        None => release.principal != version && release.versions.iter().any(|one| one == version),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_annotation_allows_a_rollback() {
        for (metadata, expected) in [
            ("{annotations: {halftone.dev/on-alert: rollback}}", true),
            ("{annotations: {halftone.dev/on-alert: nothing}}", false),
            ("{labels: {halftone.dev/on-alert: rollback}}", false),
            ("{}", false),
        ] {
            let plugin = format!("kind: WasmPlugin\nmetadata: {metadata}\n");
            assert_eq!(allows_rollback(&plugin), expected, "{metadata}");
        }
    }

    #[test]
    fn a_rollback_helps_against_a_version_that_it_leaves() {
        let canary = Release {
            principal: "v1".into(),
            versions: vec!["v1".into(), "v2".into()],
            ..Release::default()
        };
        let blue_green = Release {
            active: Some("v2".into()),
            ..canary.clone()
        };
        for (release, version, expected) in [
            (&canary, "v2", true),
            (&canary, "v1", false),
            (&canary, "v3", false),
            (&canary, "", false),
            (&blue_green, "v2", true),
            (&blue_green, "v1", false),
        ] {
            assert_eq!(helps(release, version), expected, "{version}");
        }
    }

    #[test]
    fn a_secret_is_a_bearer_token() {
        for (sent, expected) in [
            ("Bearer s3cret", true),
            ("Bearer s3cre", false),
            ("Bearer ", false),
            ("s3cret", false),
            ("Basic s3cret", false),
        ] {
            let mut headers = HeaderMap::new();
            assert!(!has_secret(&headers, "s3cret"));
            headers.insert(header::AUTHORIZATION, sent.parse().unwrap());
            assert_eq!(has_secret(&headers, "s3cret"), expected, "{sent}");
        }
    }
}
