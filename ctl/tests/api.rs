//! The actions on a plugin of a cluster, against a real API server.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

use std::process::{Command, Output};
use std::sync::{Arc, Weak};

use halftone_lab::api_server::{ApiServer, Method};
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// The API server, with all definitions. It ends with the last test that holds it, since a static is never dropped.
async fn api_server() -> Arc<ApiServer> {
    static SERVER: Mutex<Weak<ApiServer>> = Mutex::const_new(Weak::new());
    let mut shared = SERVER.lock().await;
    if let Some(server) = shared.upgrade() {
        return server;
    }
    let server = Arc::new(ApiServer::with_definitions().await.unwrap());
    *shared = Arc::downgrade(&server);
    server
}

fn config(weight: u32) -> Value {
    json!({
        "accessLog": true,
        "releases": [
            {
                "name": "reviews", "hosts": ["reviews"], "principal": "v1",
                "canary": {"split": [{"version": "v2", "weight": weight}, {"version": "v1", "weight": 100 - weight}]},
            },
            {"name": "details", "hosts": ["details"], "principal": "v1", "blueGreen": {"active": "v1"}},
        ],
    })
}

fn plugin(name: &str, namespace: &str, labels: Value) -> Value {
    json!({
        "apiVersion": "extensions.istio.io/v1alpha1", "kind": "WasmPlugin",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"url": "oci://registry.example.com/halftone:0.1.0", "priority": 10, "pluginConfig": config(10)},
    })
}

fn extension(namespace: &str) -> Value {
    json!({
        "apiVersion": "extensions.istio.io/v1alpha1", "kind": "TrafficExtension",
        "metadata": {"name": "newer", "namespace": namespace},
        "spec": {"wasm": {"url": "oci://registry.example.com/halftone:0.1.0", "pluginConfig": config(10)}},
    })
}

/// Plugins in a namespace of their own, the kubeconfig of a user who may do everything, and that of a stranger.
struct Scene {
    server: Arc<ApiServer>,
    namespace: &'static str,
    folder: tempfile::TempDir,
}

impl Scene {
    async fn new(namespace: &'static str) -> Self {
        let scene = Self {
            server: api_server().await,
            namespace,
            folder: tempfile::tempdir().unwrap(),
        };
        scene.write_kubeconfig("kubeconfig", scene.server.token());
        scene.write_kubeconfig("stranger", "nobody-knows-this-token");
        for (kind, resource) in [
            (
                "wasmplugins",
                plugin("reviews", namespace, json!({"team": "shop"})),
            ),
            (
                "wasmplugins",
                plugin(
                    "managed",
                    namespace,
                    json!({"kustomize.toolkit.fluxcd.io/name": "a"}),
                ),
            ),
            ("trafficextensions", extension(namespace)),
        ] {
            let path = scene.path(kind);
            let answer = scene
                .request(Method::POST, &path, &resource.to_string())
                .await;
            assert_eq!(answer.0, 201, "{}", answer.1);
        }
        scene
    }

    /// The path of a kind, or of one of its resources.
    fn path(&self, kind: &str) -> String {
        let namespace = self.namespace;
        format!("/apis/extensions.istio.io/v1alpha1/namespaces/{namespace}/{kind}")
    }

    fn write_kubeconfig(&self, name: &str, token: &str) {
        let text = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "lab",
            "clusters": [{"name": "lab", "cluster": {"server": format!("http://{}", self.server.address())}}],
            "users": [{"name": "me", "user": {"token": token}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "me"}}],
        });
        std::fs::write(self.folder.path().join(name), text.to_string()).unwrap();
    }

    async fn request(&self, method: Method, path: &str, body: &str) -> (u16, Value) {
        let kind = match method {
            Method::PATCH => "application/merge-patch+json",
            _ => "application/json",
        };
        let answer = self.server.request(method, path, kind, body).await.unwrap();
        (
            answer.status.as_u16(),
            serde_json::from_slice(&answer.body).unwrap(),
        )
    }

    async fn plugin(&self, kind_and_name: &str) -> Value {
        let path = self.path(kind_and_name);
        self.request(Method::GET, &path, "").await.1
    }

    /// Runs halftonectl as the user of this kubeconfig.
    async fn run_as(&self, kubeconfig: &str, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_halftonectl"));
        command
            .args(args)
            .env("KUBECONFIG", self.folder.path().join(kubeconfig));
        let output: Output = tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    }

    async fn run(&self, args: &[&str]) -> (i32, String, String) {
        self.run_as("kubeconfig", args).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_changes_a_plugin_of_the_cluster_and_nothing_else_of_it() {
    let scene = Scene::new("changes").await;
    let set = [
        "set-weight",
        "--plugin",
        "changes/reviews",
        "v2=30",
        "--release",
        "reviews",
    ];

    let (code, dry, err) = scene.run(&[&set[..], &["--dry-run"]].concat()).await;
    assert_eq!((code, err.as_str()), (0, ""));
    let shown = [
        "release reviews: About ",
        " of 10,000 requests go v1 → v2, none back.\n",
        "--- WasmPlugin changes/reviews\n",
        "-      weight: 10\n",
        "+      weight: 30\n",
        "WasmPlugin changes/reviews: not changed, because of --dry-run.\n",
    ];
    for part in shown {
        assert!(dry.contains(part), "{part}\n{dry}");
    }
    let before = scene.plugin("wasmplugins/reviews").await;
    assert_eq!(before["spec"]["pluginConfig"], config(10));

    let (code, out, err) = scene.run(&set).await;
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(
        out,
        dry.replace("not changed, because of --dry-run", "changed")
    );
    let after = scene.plugin("wasmplugins/reviews").await;
    let mut expected = before.clone();
    expected["spec"]["pluginConfig"] = config(30);
    expected["metadata"] = after["metadata"].clone();
    assert_eq!(after, expected);
    assert_eq!(after["metadata"]["labels"], json!({"team": "shop"}));
    let managers = after["metadata"]["managedFields"].to_string();
    assert!(managers.contains("halftonectl"), "{managers}");

    let (code, out, _) = scene.run(&set).await;
    assert_eq!(
        (code, out.as_str()),
        (0, "WasmPlugin changes/reviews: nothing to change.\n")
    );
    let same = scene.plugin("wasmplugins/reviews").await;
    assert_eq!(same, after);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_plugin_is_found_by_its_name() {
    let scene = Scene::new("kinds").await;
    let switch = [
        "switch",
        "--plugin",
        "kinds/newer",
        "v1",
        "--release",
        "details",
    ];
    let (code, out, err) = scene.run(&switch).await;
    let nothing = "TrafficExtension kinds/newer: nothing to change.\n";
    assert_eq!((code, out.as_str(), err.as_str()), (0, nothing, ""));

    let rollback = [
        "rollback",
        "--plugin",
        "kinds/newer",
        "--release",
        "reviews",
        "--context",
        "lab",
    ];
    let (code, _, err) = scene.run(&rollback).await;
    assert_eq!((code, err.as_str()), (0, ""));
    let after = scene.plugin("trafficextensions/newer").await;
    let release = &after["spec"]["wasm"]["pluginConfig"]["releases"][0];
    assert_eq!(release["canary"]["takeOver"], "v1");
    assert_eq!(
        release["canary"]["split"],
        config(10)["releases"][0]["canary"]["split"]
    );

    let restore = ["restore", "--plugin", "kinds/newer", "--release", "reviews"];
    let (code, _, err) = scene.run(&restore).await;
    assert_eq!((code, err.as_str()), (0, ""));
    let restored = scene.plugin("trafficextensions/newer").await;
    assert_eq!(restored["spec"]["wasm"]["pluginConfig"], config(10));

    let managed = [
        "rollback",
        "--plugin",
        "kinds/managed",
        "--release",
        "reviews",
        "--dry-run",
    ];
    let (code, out, _) = scene.run(&managed).await;
    let note =
        "Flux manages this plugin and reverts what differs from Git: make the same change there.\n";
    assert!(code == 0 && out.contains(note), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_a_plugin_is_what_is_configured_in_it() {
    let scene = Scene::new("states").await;
    let status = ["status", "--plugin", "states/newer"];
    let (code, out, err) = scene.run(&status).await;
    let expected = "\
release reviews · canary · principal v1 · TrafficExtension states/newer
  version  configured
  v1          90.00 %
  v2          10.00 %

release details · blue-green · principal v1 · active v1 · TrafficExtension states/newer
  version  configured
  v1         100.00 %

No numbers: ";
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.starts_with(expected), "{out}");

    let missing = ["--release", "ratings"];
    let (code, out, err) = scene.run(&[&status[..], &missing].concat()).await;
    let expected =
        "TrafficExtension states/newer: has no release ratings; it has reviews, details\n";
    assert_eq!((code, out.as_str(), err.as_str()), (1, "", expected));
}

fn routes(namespace: &str) -> Value {
    let route = |name: &str, subset: &str| {
        json!({
            "name": name, "match": [{"headers": {"x-halftone-version": {"exact": name}}}],
            "route": [{"destination": {"host": "reviews", "subset": subset}}],
        })
    };
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"name": "reviews", "namespace": namespace},
        "spec": {"hosts": ["reviews"], "http": [
            route("v1", "one"), route("v2", "two"),
            {"name": "undecided", "timeout": "3s", "route": [{"destination": {"host": "reviews", "subset": "one"}}]},
        ]},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_changes_the_last_route_of_the_release_in_the_cluster_too() {
    let scene = Scene::new("finished").await;
    let promote = [
        "promote",
        "--plugin",
        "finished/reviews",
        "v2",
        "--release",
        "reviews",
    ];
    let path = "/apis/networking.istio.io/v1/namespaces/finished/virtualservices";
    let none = "The namespace of the plugin has no VirtualService that routes this release.";
    let dry = scene.run(&[&promote[..], &["--dry-run"]].concat()).await;
    assert!(dry.0 == 0 && dry.1.contains(none), "{dry:?}");
    let mut others = routes("finished");
    others["metadata"]["name"] = "ratings".into();
    others["spec"]["hosts"] = json!(["ratings"]);
    for service in [routes("finished"), others] {
        let answer = scene
            .request(Method::POST, path, &service.to_string())
            .await;
        assert_eq!(answer.0, 201, "{}", answer.1);
    }

    let (code, out, err) = scene.run(&promote).await;
    assert_eq!((code, err.as_str()), (0, ""));
    let ends =
        "\nWasmPlugin finished/reviews: changed.\nVirtualService finished/reviews: changed.\n";
    assert!(out.ends_with(ends) && !out.contains(none), "{out}");
    let get = async |name: &str| {
        let path = format!("{path}/{name}");
        scene.request(Method::GET, &path, "").await.1["spec"].clone()
    };
    let mut expected = routes("finished")["spec"].clone();
    expected["http"][2]["route"][0]["destination"]["subset"] = "two".into();
    assert_eq!(get("reviews").await, expected);
    expected = routes("finished")["spec"].clone();
    expected["hosts"] = json!(["ratings"]);
    assert_eq!(get("ratings").await, expected);
    let plugin = scene.plugin("wasmplugins/reviews").await;
    let release = &plugin["spec"]["pluginConfig"]["releases"][0];
    assert_eq!(release["principal"], "v2");

    let (code, out, _) = scene.run(&promote).await;
    let nothing = "WasmPlugin finished/reviews: nothing to change.\n";
    assert!(code == 0 && out.ends_with(nothing), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_somebody_else_changes_meanwhile_is_not_overwritten() {
    use halftonectl::cluster::{Cluster, PluginName};
    let scene = Scene::new("conflicts").await;
    let kubeconfig = scene.folder.path().join("kubeconfig");
    let name = PluginName::read("conflicts/reviews").unwrap();
    let read = tokio::task::spawn_blocking(move || {
        let cluster = Cluster::new(Some(&kubeconfig), None).unwrap();
        let plugin = cluster.read(&name).unwrap();
        (cluster, plugin)
    });
    let (cluster, plugin) = read.await.unwrap();
    let other = json!({"spec": {"priority": 11}}).to_string();
    let path = scene.path("wasmplugins/reviews");
    assert_eq!(scene.request(Method::PATCH, &path, &other).await.0, 200);

    let written = tokio::task::spawn_blocking(move || {
        let said = cluster.write(&plugin, &config(50)).unwrap_err().to_string();
        drop(cluster);
        said
    });
    assert_eq!(
        written.await.unwrap(),
        "WasmPlugin conflicts/reviews: was changed by somebody else meanwhile, and nothing was overwritten; run the command again"
    );
    let after = scene.plugin("wasmplugins/reviews").await;
    assert_eq!(after["spec"]["priority"], 11);
    assert_eq!(after["spec"]["pluginConfig"], config(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_cluster_refuses_is_said_in_its_words() {
    let scene = Scene::new("refusals").await;
    let missing = scene.folder.path().join("missing");
    let missing = missing.to_str().unwrap();
    let rollback = ["rollback", "--release", "reviews", "--plugin"];
    let table: [(&str, &[&str], i32, &str); 4] = [
        (
            "kubeconfig",
            &["refusals/nobody"],
            1,
            "refusals/nobody: the cluster has no WasmPlugin and no TrafficExtension of this name\n",
        ),
        (
            "stranger",
            &["refusals/reviews"],
            2,
            "halftonectl: WasmPlugin refusals/reviews: the cluster does not let you read it: wasmplugins.extensions.istio.io \"reviews\" is forbidden: ",
        ),
        (
            "kubeconfig",
            &["refusals/reviews", "--context", "other"],
            2,
            "halftonectl: no cluster can be used: ",
        ),
        (
            "kubeconfig",
            &["refusals/reviews", "--kubeconfig", missing],
            2,
            "halftonectl: no cluster can be used: ",
        ),
    ];
    for (kubeconfig, args, code, expected) in table {
        let got = scene
            .run_as(kubeconfig, &[&rollback[..], args].concat())
            .await;
        assert_eq!((got.0, got.1.as_str()), (code, ""), "{}", got.2);
        assert!(got.2.starts_with(expected), "{}", got.2);
        assert_eq!(got.2.matches('\n').count(), 1, "{}", got.2);
    }
}

#[test]
fn the_known_fields_and_words_of_plugins_are_those_of_their_definitions() {
    use halftone_resources::spelling;
    let folder = halftone_lab::tools::schemas().unwrap().join("crds");
    let mut specs = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let all: Vec<Value> = halftone_resources::yaml::documents(&text).unwrap();
        for definition in all {
            let spec = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";
            let kind = definition
                .pointer("/spec/names/kind")
                .and_then(Value::as_str);
            if let (Some(kind), Some(spec)) = (kind, definition.pointer(spec)) {
                specs.insert(kind.to_owned(), spec.clone());
            }
        }
    }
    let sorted = |words: &[&str]| -> Vec<String> {
        let mut words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        words.sort();
        words
    };
    let names = |spec: &Value| -> Vec<String> {
        let mut names: Vec<String> = spec.as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    };
    let words = |spec: &Value, field: &str| -> Vec<String> {
        let mut words: Vec<String> = serde_json::from_value(spec[field]["enum"].clone()).unwrap();
        words.sort();
        words
    };
    let plugin = &specs["WasmPlugin"];
    let extension = &specs["TrafficExtension"];
    let module = &extension["wasm"]["properties"];
    assert_eq!(names(plugin), sorted(&spelling::WASM_PLUGIN));
    assert_eq!(names(extension), sorted(&spelling::TRAFFIC_EXTENSION));
    assert_eq!(names(module), sorted(&spelling::MODULE));
    assert_eq!(words(plugin, "phase"), sorted(&spelling::PHASES));
    assert_eq!(
        words(extension, "phase"),
        sorted(&spelling::EXTENSION_PHASES)
    );
    for (field, known) in spelling::WORDS {
        assert_eq!(words(plugin, field), sorted(known), "{field}");
        assert_eq!(words(module, field), sorted(known), "{field}");
    }
}
