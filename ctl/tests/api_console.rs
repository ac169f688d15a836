//! The console over the plugins of a real API server.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use halftone_console::alerts::Alerts;
use halftone_console::cluster::{Asked, Config, Plugins, Prometheus, Rights, SignIn};
use halftone_console::embedded::Admins;
use halftone_console::history::History;
use halftone_console::judge::{self, Explained, Finding, Judge, Moves};
use halftone_console::source::Numbers;
use halftone_console::{Console, Settings};
use halftone_lab::alertmanager::Alertmanager;
use halftone_lab::api_server::{ApiServer, Method, User, definitions};
use halftone_lab::client::{Answer, Client};
use halftone_lab::prometheus::{self, Scrape};
use halftone_lab::tools::workspace;
use halftone_lab::upstream::{Script, Upstream};
use halftone_lab::wait;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The longest time that a condition takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The secret of the alerts.
const SECRET: &str = "0123456789abcdef";

const LIST: [&str; 2] = ["list", "watch"];

/// Finds nothing.
#[derive(Debug)]
struct Lenient;

impl Judge for Lenient {
    fn check(&self, _: &str) -> Vec<Finding> {
        Vec::new()
    }

    fn explain(&self, _: &str, _: &judge::Asked) -> Result<Explained, String> {
        Err("nothing is explained here".into())
    }

    fn moves(&self, _: &str, _: &str, _: &str, _: u64) -> Option<Moves> {
        None
    }
}

fn everywhere(user: User, verbs: &[&str]) -> User {
    let user = user.may(verbs, "wasmplugins", None);
    user.may(verbs, "trafficextensions", None)
}

/// The console's own user, who may list and watch.
fn console() -> User {
    everywhere(User::new("console", "console-token"), &LIST)
}

/// A user who may list and patch all plugins.
fn operator() -> User {
    let verbs = ["get", "list", "patch"];
    everywhere(User::new("jane", "jane-token"), &verbs)
}

/// A user who may list and patch the plugins in `shop`.
fn shopkeeper() -> User {
    let user = User::new("kim", "kim-token");
    user.may(&["get", "list", "patch"], "wasmplugins", Some("shop"))
}

async fn api_server(users: Vec<User>) -> ApiServer {
    let users = [vec![console()], users].concat();
    let definitions = definitions().unwrap();
    ApiServer::with_users(&definitions, users).await.unwrap()
}

fn config(release: &str, weight: u32) -> Value {
    json!({"releases": [{
        "name": release, "hosts": [release], "principal": "v1",
        "canary": {"split": [{"version": "v2", "weight": weight}, {"version": "v1", "weight": 100 - weight}]},
    }]})
}

fn plugin(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "extensions.istio.io/v1alpha1", "kind": "WasmPlugin",
        "metadata": {"name": name, "namespace": namespace, "labels": {"team": "shop"}},
        "spec": {"url": "oci://registry.example.com/halftone:0.1.0", "priority": 10, "pluginConfig": config(name, 10)},
    })
}

fn path(namespace: &str, name: &str) -> String {
    format!("/apis/extensions.istio.io/v1alpha1/namespaces/{namespace}/wasmplugins/{name}")
}

fn id(namespace: &str, name: &str) -> String {
    format!("cluster://wasmplugins/{namespace}/{name}")
}

async fn create(server: &ApiServer, plugin: &Value) {
    let namespace = plugin["metadata"]["namespace"].as_str().unwrap();
    let path = path(namespace, "");
    let path = path.trim_end_matches('/');
    let kind = "application/json";
    let body = plugin.to_string();
    let answer = server.request(Method::POST, path, kind, body).await;
    let answer = answer.unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text());
}

async fn patch(server: &ApiServer, namespace: &str, name: &str, patch: &Value) {
    let kind = "application/merge-patch+json";
    let body = patch.to_string();
    let path = path(namespace, name);
    let answer = server.request(Method::PATCH, &path, kind, body).await;
    let answer = answer.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

async fn delete(server: &ApiServer, namespace: &str, name: &str) {
    let path = path(namespace, name);
    let answer = server.request(Method::DELETE, &path, "application/json", "");
    assert_eq!(answer.await.unwrap().status, 200);
}

async fn stored(server: &ApiServer, namespace: &str, name: &str) -> Value {
    let path = path(namespace, name);
    let answer = server.request(Method::GET, &path, "application/json", "");
    serde_json::from_slice(&answer.await.unwrap().body).unwrap()
}

/// The way to the cluster for the console itself.
fn own(server: &ApiServer) -> Config {
    let address = server.users().unwrap().address();
    let mut config = Config::new(format!("http://{address}").parse().unwrap());
    config.auth_info.token = Some(String::from("console-token").into());
    config
}

/// A console at which viewers sign in.
struct Scene {
    address: SocketAddr,
    server: ApiServer,
}

impl Scene {
    async fn new(users: Vec<User>, trust_proxy_headers: bool) -> Self {
        Self::with_numbers(users, trust_proxy_headers, None).await
    }

    /// With the numbers of the Prometheus at `url`.
    async fn with_numbers(
        users: Vec<User>,
        trust_proxy_headers: bool,
        url: Option<String>,
    ) -> Self {
        let server = api_server(users).await;
        let plugins = Arc::new(Plugins::watch(own(&server), &[]).unwrap());
        let sign_in = SignIn::Token {
            trust_proxy_headers,
        };
        let rights = Rights::new(own(&server), sign_in, Arc::clone(&plugins));
        let known = Arc::clone(&plugins);
        let numbers: Box<dyn Numbers> = match url {
            Some(url) => {
                let asked = Asked {
                    url,
                    window: "10s".into(),
                    root_namespace: "istio-system".into(),
                };
                let prometheus = Prometheus::ask(asked, Arc::new(move || known.releases()));
                Box::new(prometheus.unwrap())
            }
            None => Box::new(Admins::none()),
        };
        let settings = Settings {
            configurations: Box::new(plugins),
            numbers,
            samples: None,
            judge: Arc::new(Lenient),
            view_only: false,
            history: History::of("ada".into()),
            rights: Some(Arc::new(rights.with_lifetime(Duration::from_millis(100)))),
            hosts: vec!["halftone.example.com".into()],
            alerts: Some(Alerts {
                secret: SECRET.into(),
                root_namespace: "istio-system".into(),
            }),
        };
        let console = Console::bind(([127, 0, 0, 1], 0).into(), settings).await;
        let console = console.unwrap();
        let link = console.link().unwrap();
        let address = link.split('/').nth(2).unwrap().parse().unwrap();
        tokio::spawn(console.serve());
        Self { address, server }
    }

    fn viewer(&self, headers: &[(&str, &str)]) -> Viewer {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Viewer {
            address: self.address,
            headers: headers.iter().map(own).collect(),
        }
    }

    /// A viewer who sends this token.
    fn with_token(&self, token: &str) -> Viewer {
        self.viewer(&[("authorization", &format!("Bearer {token}"))])
    }
}

/// A browser, or another client of the page.
struct Viewer {
    address: SocketAddr,
    headers: Vec<(String, String)>,
}

impl Viewer {
    async fn send(&self, method: Method, path: &str, more: &[(&str, &str)], body: &str) -> Answer {
        let own = self.headers.iter();
        let own = own.map(|(name, value)| (name.as_str(), value.as_bytes()));
        let more = more.iter().map(|(name, value)| (*name, value.as_bytes()));
        let headers: Vec<(&str, &[u8])> = own.chain(more).collect();
        let client = Client::http1(self.address);
        let host = self.address.to_string();
        let body = body.to_owned().into();
        let answer = client.request(method, &host, path, &headers, body).await;
        answer.unwrap()
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let answer = self.send(Method::GET, path, &[], "").await;
        let body = serde_json::from_slice(&answer.body).unwrap_or_default();
        (answer.status.as_u16(), body)
    }

    async fn state(&self) -> Value {
        let (status, state) = self.get("/api/state").await;
        assert_eq!(status, 200, "{state}");
        state
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let csrf = self.get("/api/state").await.1["csrf"].clone();
        let csrf = csrf.as_str().unwrap_or("none").to_owned();
        let headers = [
            ("content-type", "application/json"),
            ("x-halftone-csrf", &csrf),
        ];
        let body = body.to_string();
        let answer = self.send(Method::POST, path, &headers, &body).await;
        let body = serde_json::from_slice(&answer.body).unwrap_or_default();
        (answer.status.as_u16(), body)
    }

    /// The names of the releases that are shown, each with whether it may be changed.
    async fn releases(&self) -> Vec<(String, bool)> {
        let state = self.state().await;
        let releases = state["releases"].as_array().unwrap().iter();
        let seen = |release: &Value| {
            let id = release["id"].as_str().unwrap().to_owned();
            (id, release["canChange"].as_bool().unwrap())
        };
        releases.map(seen).collect()
    }

    async fn waits_for(&self, expected: &[(&str, bool)]) {
        let expected: Vec<(String, bool)> = expected
            .iter()
            .map(|(id, may)| ((*id).to_owned(), *may))
            .collect();
        let what = format!("the releases {expected:?}");
        let shown = async || Ok(self.releases().await == expected);
        wait::until(PATIENCE, &what, shown).await.unwrap();
    }

    async fn revision(&self, id: &str) -> String {
        let state = self.state().await;
        let documents = state["documents"].as_array().unwrap();
        let document = documents.iter().find(|document| document["id"] == id);
        document.unwrap()["revision"].as_str().unwrap().to_owned()
    }

    async fn apply(&self, id: &str, revision: &str, release: &str, change: Value) -> (u16, Value) {
        let body =
            json!({"document": id, "revision": revision, "release": release, "change": change});
        self.post("/api/apply", &body).await
    }

    /// The events of the page, as they arrive.
    async fn events(&self) -> Events {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let mut head = format!(
            "GET /api/events HTTP/1.1\r\nconnection: close\r\nhost: {}\r\n",
            self.address
        );
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        stream
            .write_all(format!("{head}\r\n").as_bytes())
            .await
            .unwrap();
        Events {
            stream,
            read: Vec::new(),
        }
    }
}

struct Events {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Events {
    /// The complete events so far.
    fn all(&self) -> Vec<Value> {
        let text = String::from_utf8_lossy(&self.read);
        let events = text.lines().filter_map(|line| line.strip_prefix("data: "));
        events
            .filter_map(|event| serde_json::from_str(event).ok())
            .collect()
    }

    /// Reads until an event has what `wanted` looks for.
    async fn until(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) {
        let reading = async {
            loop {
                if self.all().iter().any(&wanted) {
                    return;
                }
                let read = self.stream.read_buf(&mut self.read).await;
                assert!(read.unwrap() > 0, "the events ended before {what}");
            }
        };
        let waited = tokio::time::timeout(PATIENCE, reading).await;
        assert!(waited.is_ok(), "waited for {what}: {:?}", self.all().last());
    }

    /// Reads until the events contain `text`. False: they ended before.
    async fn have(&mut self, text: &str) -> bool {
        let reading = async {
            loop {
                if String::from_utf8_lossy(&self.read).contains(text) {
                    return true;
                }
                if self.stream.read_buf(&mut self.read).await.unwrap_or(0) == 0 {
                    return false;
                }
            }
        };
        let waited = tokio::time::timeout(PATIENCE, reading).await;
        waited.unwrap_or_else(|_| panic!("waited for {text} in the events"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_are_watched_changed_and_deleted_while_somebody_looks() {
    let scene = Scene::new(vec![operator()], false).await;
    let jane = scene.with_token("jane-token");
    create(&scene.server, &plugin("shop", "web")).await;
    jane.waits_for(&[("shop/web", true)]).await;
    let mut events = jane.events().await;
    assert!(events.have("documentsVersion").await);

    let web = id("shop", "web");
    let revision = jane.revision(&web).await;
    let weight = json!({"kind": "setWeight", "weights": {"v2": 30}});
    let body = json!({"document": web, "revision": revision, "release": "web", "change": weight});
    let (status, preview) = jane.post("/api/preview", &body).await;
    assert_eq!(status, 200, "{preview}");
    assert!(preview["diff"].as_str().unwrap().contains("weight: 30"));
    let before = stored(&scene.server, "shop", "web").await;
    let (status, applied) = jane.apply(&web, &revision, "web", weight).await;
    assert_eq!(status, 200, "{applied}");
    let after = stored(&scene.server, "shop", "web").await;
    let mut expected = before.clone();
    expected["spec"]["pluginConfig"] = config("web", 30);
    expected["metadata"] = after["metadata"].clone();
    assert_eq!(after, expected);
    assert_eq!(after["metadata"]["labels"], json!({"team": "shop"}));
    let managers = after["metadata"]["managedFields"].to_string();
    assert!(managers.contains("halftone-console"), "{managers}");

    let outside = json!({"spec": {"pluginConfig": config("web", 50)}});
    patch(&scene.server, "shop", "web", &outside).await;
    create(&scene.server, &plugin("bank", "pay")).await;
    jane.waits_for(&[("bank/pay", true), ("shop/web", true)])
        .await;
    let (_, text) = jane.get(&format!("/api/document?id={web}")).await;
    assert!(
        text["text"].as_str().unwrap().contains("weight: 50"),
        "{text}"
    );

    delete(&scene.server, "shop", "web").await;
    jane.waits_for(&[("bank/pay", true)]).await;
    let (status, wrong) = jane
        .apply(&web, &revision, "web", json!({"kind": "rollback"}))
        .await;
    assert_eq!(status, 404, "{wrong}");
    let (_, history) = jane.get("/api/history").await;
    let history = history.as_array().unwrap().iter();
    let kinds: Vec<String> = history
        .map(|entry| {
            let text = |name: &str| entry[name].as_str().unwrap().to_owned();
            format!("{} {} {}", text("kind"), text("action"), text("who"))
        })
        .collect();
    let has = |text: &str| kinds.iter().any(|kind| kind == text);
    for expected in ["removed  ", "outside  ", "changed set-weight v2=30 jane"] {
        assert!(has(expected), "{expected}: {kinds:?}");
    }
    // The page hears of each change without asking.
    let version = &jane.state().await["documentsVersion"];
    let pushed = format!("\"documentsVersion\":{version}");
    assert!(events.have(&pushed).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_of_two_browsers_overwrites_nothing() {
    let scene = Scene::new(vec![operator(), shopkeeper()], false).await;
    create(&scene.server, &plugin("shop", "web")).await;
    let [jane, kim] = ["jane-token", "kim-token"].map(|token| scene.with_token(token));
    jane.waits_for(&[("shop/web", true)]).await;
    let web = id("shop", "web");
    let [seen_by_jane, seen_by_kim] = [jane.revision(&web).await, kim.revision(&web).await];
    let weight = |weight: u32| json!({"kind": "setWeight", "weights": {"v2": weight}});
    let (status, _) = kim.apply(&web, &seen_by_kim, "web", weight(40)).await;
    assert_eq!(status, 200);
    let (status, wrong) = jane.apply(&web, &seen_by_jane, "web", weight(60)).await;
    assert_eq!(status, 409);
    let said = "WasmPlugin shop/web changed after this page read it; nothing was written. Look at the change, and try again";
    assert_eq!(wrong["error"], said);
    let after = stored(&scene.server, "shop", "web").await;
    assert_eq!(after["spec"]["pluginConfig"], config("web", 40));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_sees_and_changes_only_what_the_cluster_lets_them() {
    let nobody = User::new("noah", "noah-token");
    let reader = everywhere(User::new("rita", "rita-token"), &["list"]);
    let scene = Scene::new(vec![operator(), shopkeeper(), nobody, reader], false).await;
    for (namespace, name) in [("bank", "pay"), ("shop", "web")] {
        create(&scene.server, &plugin(namespace, name)).await;
    }
    let tokens = ["jane-token", "kim-token", "noah-token", "rita-token"];
    let [jane, kim, noah, rita] = tokens.map(|token| scene.with_token(token));
    jane.waits_for(&[("bank/pay", true), ("shop/web", true)])
        .await;
    let outside = json!({"spec": {"pluginConfig": config("pay", 20)}});
    patch(&scene.server, "bank", "pay", &outside).await;
    let noted = async || {
        Ok(jane
            .get("/api/history")
            .await
            .1
            .to_string()
            .contains("bank"))
    };
    wait::until(PATIENCE, "the change in the history", noted)
        .await
        .unwrap();
    rita.waits_for(&[("bank/pay", false), ("shop/web", false)])
        .await;
    kim.waits_for(&[("shop/web", true)]).await;
    noah.waits_for(&[]).await;

    // What may not be seen is nowhere, not even by name.
    let (pay, web) = (id("bank", "pay"), id("shop", "web"));
    for viewer in [&kim, &noah] {
        let mut all = String::new();
        for path in ["/api/state", "/api/history"] {
            all += &viewer.get(path).await.1.to_string();
        }
        let mut events = viewer.events().await;
        assert!(events.have("documentsVersion").await);
        all += &String::from_utf8_lossy(&events.read);
        assert!(!all.contains("bank") && !all.contains("pay"), "{all}");
        for path in [
            format!("/api/document?id={pay}"),
            "/api/series?release=bank/pay".into(),
            "/api/differences?release=bank/pay".into(),
        ] {
            assert_eq!(viewer.get(&path).await.0, 404, "{path}");
        }
    }

    // A viewer who may only look is refused by the cluster, whatever the page shows.
    let revision = rita.revision(&web).await;
    let rollback = json!({"kind": "rollback"});
    let (status, wrong) = rita.apply(&web, &revision, "web", rollback.clone()).await;
    assert_eq!(status, 403, "{wrong}");
    let said = wrong["error"].as_str().unwrap();
    let expected = "the cluster does not let you patch WasmPlugin shop/web: ";
    assert!(said.starts_with(expected), "{said}");
    let (status, _) = kim.apply(&pay, "1", "pay", rollback.clone()).await;
    assert_eq!(status, 404);

    // A viewer loses their rights while the page is open.
    let mut events = kim.events().await;
    let digest = kim.state().await["rights"].as_str().unwrap().to_owned();
    assert!(events.have(&digest).await);
    let users = scene.server.users().unwrap();
    users.set(User::new("kim", "kim-token"));
    let (status, wrong) = kim.apply(&web, &revision, "web", rollback).await;
    assert!([403, 404].contains(&status), "{status} {wrong}");
    kim.waits_for(&[]).await;
    let without = kim.state().await["rights"].as_str().unwrap().to_owned();
    assert_ne!(without, digest);
    assert!(events.have(&without).await);
    let after = stored(&scene.server, "shop", "web").await;
    assert_eq!(after["spec"]["pluginConfig"], config("web", 10));

    // The token itself is withdrawn: the events end, and the page asks to sign in again.
    users.set(User::new("kim", "another-token"));
    assert!(!events.have("there is no such text").await);
    let (status, wrong) = kim.get("/api/state").await;
    assert_eq!((status, &wrong["signIn"]), (401, &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_exchanged_for_a_cookie() {
    let scene = Scene::new(vec![operator()], false).await;
    create(&scene.server, &plugin("shop", "web")).await;
    let visitor = scene.viewer(&[]);
    // The page itself is public, and asks for a token.
    let page = visitor.send(Method::GET, "/", &[], "").await;
    assert_eq!(page.status, 200);
    let (status, wrong) = visitor.get("/api/state").await;
    assert_eq!((status, &wrong["signIn"]), (401, &json!(true)));

    let own_site = [
        ("content-type", "application/json"),
        ("x-halftone-csrf", "sign-in"),
    ];
    let other_site = [
        ("content-type", "application/json"),
        ("x-halftone-csrf", "sign-in"),
        ("origin", "http://evil.example.com"),
    ];
    let plain = [("content-type", "application/json")];
    let good = json!({"token": "jane-token"}).to_string();
    let bad = json!({"token": "jane-tokem"}).to_string();
    let path = "/api/sign-in";
    type Row<'r> = (&'r [(&'r str, &'r str)], &'r str, u16);
    let table: [Row<'_>; 5] = [
        (&own_site, &bad, 401),
        (&own_site, r#"{"token": ""}"#, 401),
        (&plain, &good, 403),
        (&other_site, &good, 403),
        (&own_site, &good, 200),
    ];
    let mut cookie = String::new();
    for (headers, body, expected) in table {
        let answer = visitor.send(Method::POST, path, headers, body).await;
        assert_eq!(answer.status, expected, "{body}: {}", answer.text());
        let set = answer.header("set-cookie").unwrap_or_default();
        assert_eq!(set.is_empty(), expected != 200, "{set}");
        cookie = set.into();
    }
    let (value, flags) = cookie.split_once(';').unwrap();
    assert_eq!(flags, " Path=/; HttpOnly; SameSite=Strict");
    assert!(!cookie.contains("jane-token"), "{cookie}");
    let jane = scene.viewer(&[("cookie", value)]);
    jane.waits_for(&[("shop/web", true)]).await;
    assert_eq!(jane.state().await["viewer"], "jane");
    assert_eq!(jane.post("/api/sign-out", &json!({})).await.0, 200);
    assert_eq!(jane.get("/api/state").await.0, 401);
    let forged = scene.viewer(&[("cookie", "halftone-session=x")]);
    assert_eq!(forged.get("/api/state").await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_names_of_a_reverse_proxy_count_only_if_they_are_trusted() {
    let mut own = console();
    own = own.may(&["impersonate"], "users", None);
    own = own.may(&["impersonate"], "groups", None);
    let named = [
        ("x-forwarded-user", "kim"),
        ("x-forwarded-groups", "shop, all"),
    ];
    for trust in [false, true] {
        let scene = Scene::new(vec![own.clone(), shopkeeper()], trust).await;
        scene.server.users().unwrap().set(own.clone());
        create(&scene.server, &plugin("shop", "web")).await;
        create(&scene.server, &plugin("bank", "pay")).await;
        let kim = scene.viewer(&named);
        if !trust {
            assert_eq!(kim.get("/api/state").await.0, 401);
            continue;
        }
        kim.waits_for(&[("shop/web", true)]).await;
        let web = id("shop", "web");
        let revision = kim.revision(&web).await;
        let change = json!({"kind": "takeOver", "version": "v2"});
        let (status, wrong) = kim.apply(&web, &revision, "web", change).await;
        assert_eq!(status, 200, "{wrong}");
        for headers in [
            [("x-forwarded-user", "system:admin"), ("a", "b")],
            [
                ("x-forwarded-user", "kim"),
                ("x-forwarded-groups", "a,system:masters"),
            ],
            [("x-forwarded-user", "kim"), ("x-forwarded-user", "jane")],
        ] {
            let (status, wrong) = scene.viewer(&headers).get("/api/state").await;
            assert_eq!(status, 403, "{headers:?} {wrong}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_plugins_are_listed_at_once_and_changes_are_pushed() {
    use halftone_console::source::Configurations as _;
    let server = api_server(vec![]).await;
    let server = Arc::new(server);
    let mut creators = tokio::task::JoinSet::new();
    for worker in 0..8 {
        let server = Arc::clone(&server);
        creators.spawn(async move {
            for number in (worker..1_000).step_by(8) {
                let namespace = format!("team-{}", number % 200);
                let plugin = plugin(&namespace, &format!("web-{number}"));
                create(&server, &plugin).await;
            }
        });
    }
    creators.join_all().await;
    let begin = Instant::now();
    let plugins = Arc::new(Plugins::watch(own(&server), &[]).unwrap());
    let listed = async || Ok(plugins.read().await.is_ok_and(|all| all.len() == 1_000));
    wait::until(PATIENCE, "a thousand plugins", listed)
        .await
        .unwrap();
    println!("listed 1,000 plugins in {:?}", begin.elapsed());
    assert_eq!(plugins.places().len(), 200);

    let begin = Instant::now();
    let change = json!({"spec": {"priority": 11}});
    patch(&server, "team-7", "web-7", &change).await;
    let changed = async || {
        let all = plugins.read().await.unwrap_or_default();
        Ok(all.iter().any(|one| one.text.contains("priority: 11")))
    };
    wait::until(PATIENCE, "the change", changed).await.unwrap();
    println!("saw a change after {:?}", begin.elapsed());
}

/// A proxy whose counters grow with each scrape. One in four requests to v2 fails.
async fn proxy(release: &'static str) -> Upstream {
    let upstream = Upstream::start("proxy").await.unwrap();
    let scrapes = AtomicU64::new(0);
    upstream.direct(move |_| {
        let count = scrapes.fetch_add(1, Ordering::Relaxed);
        let mut page = String::new();
        for (version, requests) in [("v1", 30 * count), ("v2", 10 * count)] {
            let of = format!("release=\"{release}\",version=\"{version}\"");
            let failed = if version == "v2" { requests / 4 } else { 0 };
            let good = requests - failed;
            for line in [
                format!("halftone_requests_total{{{of},reason=\"split\"}} {requests}"),
                format!("halftone_responses_total{{{of},class=\"2xx\"}} {good}"),
                format!("halftone_responses_total{{{of},class=\"5xx\"}} {failed}"),
                format!("halftone_request_duration_milliseconds_bucket{{{of},le=\"10\"}} {good}"),
                format!("halftone_request_duration_milliseconds_bucket{{{of},le=\"+Inf\"}} {good}"),
                format!("halftone_guard{{{of}}} {}", u8::from(version == "v2")),
            ] {
                page += &line;
                page += "\n";
            }
        }
        Script::status(200)
            .header("content-type", "text/plain")
            .body(page)
    });
    upstream
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_those_of_prometheus_in_the_namespace_of_the_plugin() {
    let [web, pay] = [proxy("web").await, proxy("pay").await];
    let settings = prometheus::Settings::new("/stats/prometheus", Value::Null)
        .scrape(Scrape::new(web.address(), "shop", "web-1"))
        .scrape(Scrape::new(pay.address(), "bank", "pay-1"));
    let prometheus = prometheus::Prometheus::start(&settings).await.unwrap();
    let url = format!("http://{}", prometheus.address());
    let scene = Scene::with_numbers(vec![shopkeeper()], false, Some(url)).await;
    create(&scene.server, &plugin("shop", "web")).await;
    create(&scene.server, &plugin("bank", "pay")).await;
    let kim = scene.with_token("kim-token");
    kim.waits_for(&[("shop/web", true)]).await;
    let mut events = kim.events().await;
    let is_near = |value: &Value, expected: f64| {
        value
            .as_f64()
            .is_some_and(|value| (value - expected).abs() < 0.01)
    };
    let has_numbers = |event: &Value| {
        let release = &event["releases"]["shop/web"];
        let v2 = &release["versions"]["v2"];
        is_near(&v2["share"], 0.25)
            && is_near(&v2["success"], 0.75)
            && is_near(&v2["p50"], 5.0)
            && release["guarded"] == json!(["v2"])
    };
    events.until("numbers of shop/web", has_numbers).await;
    let read = String::from_utf8_lossy(&events.read).into_owned();
    assert!(!read.contains("bank") && !read.contains("pay"), "{read}");
    let live = |event: &Value| {
        event["proxies"][0]["name"] == "Prometheus" && event["proxies"][0]["error"].is_null()
    };
    events.until("a live Prometheus", live).await;

    let (status, past) = kim.get("/api/series?release=shop/web&span=5m").await;
    assert_eq!(status, 200, "{past}");
    let points = past["v2"].as_array().unwrap();
    let last = points
        .iter()
        .rev()
        .find(|point| point["rate"].as_f64() > Some(1.0));
    assert!(is_near(&last.unwrap()["success"], 0.75), "{past}");

    // Prometheus goes: the page says so, keeps what it has, and everything else works.
    drop(prometheus);
    let gone = |event: &Value| !event["proxies"][0]["error"].is_null();
    events
        .until("no Prometheus", |event| gone(event) && has_numbers(event))
        .await;
    kim.waits_for(&[("shop/web", true)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_that_never_answers_delays_nothing() {
    let slow = Upstream::start("prometheus").await.unwrap();
    slow.script(Script::hang());
    let url = format!("http://{}", slow.address());
    let scene = Scene::with_numbers(vec![shopkeeper()], false, Some(url)).await;
    create(&scene.server, &plugin("shop", "web")).await;
    let kim = scene.with_token("kim-token");
    kim.waits_for(&[("shop/web", true)]).await;
    let mut events = kim.events().await;
    let mut times = BTreeSet::new();
    while times.len() < 3 {
        let is_new = |event: &Value| !times.contains(&event["time"].to_string());
        events.until("another event", is_new).await;
        let all = events.all();
        times.extend(all.iter().map(|event| event["time"].to_string()));
    }
    let waits = |event: &Value| event["proxies"][0]["error"] == "no answer yet";
    events.until("what is missing", waits).await;
}

/// The rules that compare versions, as they are shipped, over ten seconds and without a delay.
fn rules() -> Value {
    let file = workspace().join("manifests/mesh/halftone-alerts.yaml");
    let text = std::fs::read_to_string(file)
        .unwrap()
        .replace("[5m]", "[10s]");
    let rule: Value = halftone_resources::yaml::document(&text).unwrap();
    let mut groups = rule["spec"]["groups"].clone();
    for group in groups.as_array_mut().unwrap() {
        let rules = group["rules"].as_array_mut().unwrap();
        rules.retain(|rule| rule["alert"].is_null() || rule["alert"] == "HalftoneVersionFails");
        for rule in rules {
            if !rule["alert"].is_null() {
                rule["for"] = json!("0s");
            }
        }
    }
    json!({"groups": groups})
}

fn on_alert(namespace: &str, name: &str) -> Value {
    let mut plugin = plugin(namespace, name);
    plugin["metadata"]["annotations"] = json!({"halftone.dev/on-alert": "rollback"});
    plugin
}

fn firing(namespace: &str, release: &str, version: &str) -> String {
    let labels = json!({"alertname": "HalftoneVersionFails", "namespace": namespace, "release": release, "version": version});
    json!({"version": "4", "status": "firing", "alerts": [{"status": "firing", "labels": labels}]})
        .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_rolls_a_release_back_if_its_plugin_allows_it() {
    let own = everywhere(
        User::new("console", "console-token"),
        &["list", "watch", "patch"],
    );
    let scene = Scene::new(vec![operator()], false).await;
    scene.server.users().unwrap().set(own);
    create(&scene.server, &on_alert("shop", "web")).await;
    create(&scene.server, &plugin("bank", "pay")).await;
    let jane = scene.with_token("jane-token");
    jane.waits_for(&[("bank/pay", true), ("shop/web", true)])
        .await;
    let anybody = scene.viewer(&[]);
    let send = async |authorization: &str, body: &str| {
        let headers = [
            ("content-type", "application/json"),
            ("authorization", authorization),
        ];
        let answer = anybody
            .send(Method::POST, "/api/alerts", &headers, body)
            .await;
        (answer.status.as_u16(), answer.text())
    };

    let good = format!("Bearer {SECRET}");
    let alert = firing("shop", "web", "v2");
    let ended = alert.replace("firing", "resolved");
    for (authorization, body, expected) in [
        ("Bearer 0123456789abcdeF", &alert, 401),
        ("Bearer jane-token", &alert, 401),
        ("", &alert, 401),
        (&good, &"{}".to_owned(), 400),
        (&good, &ended, 200),
        (&good, &firing("shop", "web", "v1"), 200),
        (&good, &firing("shop", "other", "v2"), 200),
        (&good, &firing("bank", "pay", "v2"), 200),
    ] {
        let (status, said) = send(authorization, body).await;
        assert_eq!(status, expected, "{said}");
        assert_eq!(said.contains("nothing: "), expected == 200, "{said}");
    }
    for (namespace, name) in [("shop", "web"), ("bank", "pay")] {
        let plugin = stored(&scene.server, namespace, name).await;
        assert_eq!(plugin["spec"]["pluginConfig"], config(name, 10));
    }

    let [web, pay] = [proxy("web").await, proxy("pay").await];
    let webhook = format!("http://{}/api/alerts", scene.address);
    let alertmanager = Alertmanager::start(&webhook, SECRET).await.unwrap();
    let settings = prometheus::Settings::new("/stats/prometheus", Value::Null)
        .scrape(Scrape::new(web.address(), "shop", "web-1"))
        .scrape(Scrape::new(pay.address(), "bank", "pay-1"))
        .rules(rules())
        .alertmanager(alertmanager.address());
    let _prometheus = prometheus::Prometheus::start(&settings).await.unwrap();
    let is_back = async || {
        let plugin = stored(&scene.server, "shop", "web").await;
        let canary = &plugin["spec"]["pluginConfig"]["releases"][0]["canary"];
        Ok(canary["takeOver"] == "v1")
    };
    wait::until(PATIENCE, "the rollback", is_back)
        .await
        .unwrap();
    let history = jane.get("/api/history").await.1;
    let is_of_alert = |entry: &Value| {
        entry["action"] == "rollback" && entry["who"] == "the alert HalftoneVersionFails"
    };
    assert!(
        history.as_array().unwrap().iter().any(is_of_alert),
        "{history}"
    );
    let untouched = stored(&scene.server, "bank", "pay").await;
    assert_eq!(untouched["spec"]["pluginConfig"], config("pay", 10));
    let (status, said) = send(&good, &alert).await;
    assert_eq!(status, 200);
    assert!(said.contains("rolled back already"), "{said}");
}
