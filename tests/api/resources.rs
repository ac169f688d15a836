//! A cluster accepts every resource in `manifests/`, `examples/`, the documents, and the output of `halftonectl render`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use halftone_lab::api_server::ApiServer;
use halftone_lab::schemas::Schemas;
use halftone_lab::tools;
use serde_json::Value;

use crate::api_server;

/// The folders whose files an operator applies as they are.
const FOLDERS: [&str; 3] = ["manifests", "examples", "ctl/tests/cli/render"];

/// Fields of files that are not resources, and what each file is.
const OTHER_FORMS: [(&str, &str); 5] = [
    ("cases", "a case file"),
    ("releases", "a plugin configuration"),
    ("spec", "a patch without a type"),
    ("static_resources", "a bootstrap of Envoy"),
    ("stats_config", "a part of a bootstrap of Envoy"),
];

/// Kinds that a program reads and a cluster does not: `istioctl install -f`, `kubectl apply -k`, and a plugin of Argo CD.
const NOT_IN_A_CLUSTER: [(&str, &str); 3] = [
    ("argoproj.io/v1alpha1", "ConfigManagementPlugin"),
    ("install.istio.io/v1alpha1", "IstioOperator"),
    ("kustomize.config.k8s.io/v1beta1", "Kustomization"),
];

/// The validators of a cluster.
struct Cluster<'a> {
    server: &'a ApiServer,
    schemas: Schemas,
    /// The kinds that were validated.
    kinds: BTreeSet<String>,
}

impl<'a> Cluster<'a> {
    fn new(server: &'a ApiServer) -> Self {
        Self {
            server,
            schemas: Schemas::load().unwrap(),
            kinds: BTreeSet::new(),
        }
    }

    /// Validates every document of a YAML text, and fails with all that a cluster would refuse.
    async fn accepts(&mut self, place: &str, text: &str) {
        let documents = documents(place, text);
        assert!(!documents.is_empty(), "{place}: no resource");
        for document in documents {
            let violations = self.violations(&document).await;
            let violations = violations.unwrap_or_else(|error| panic!("{place}: {error:#}"));
            assert_eq!(violations, [""; 0], "{place}");
        }
    }

    async fn violations(&mut self, document: &Value) -> anyhow::Result<Vec<String>> {
        let field = |name| document.get(name).and_then(Value::as_str);
        let version = field("apiVersion").unwrap_or_default();
        let kind = field("kind").unwrap_or_default();
        if NOT_IN_A_CLUSTER.contains(&(version, kind)) {
            return Ok(Vec::new());
        }
        self.kinds.insert(kind.to_owned());
        if self.server.serves(version, kind) {
            let refusal = self.server.refusal(document).await?;
            return Ok(refusal.into_iter().collect());
        }
        self.schemas.violations(document)
    }
}

fn documents(place: &str, text: &str) -> Vec<Value> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{place}: {error}"));
    let documents = documents.into_iter();
    documents.filter(|document| !document.is_null()).collect()
}

/// Whether no document of a file is a resource.
fn is_of_another_form(documents: &[Value]) -> bool {
    let other = |document: &Value| {
        let has = |field: &str| document.get(field).is_some();
        let typed = ["apiVersion", "kind", "metadata"].into_iter().any(has);
        !typed && OTHER_FORMS.iter().any(|(field, _)| has(field))
    };
    !documents.is_empty() && documents.iter().all(other)
}

/// The files below a folder of the repository with one of these extensions, sorted.
fn files(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if path.is_dir() {
            found.extend(files(&path, extensions));
        } else if extension.is_some_and(|extension| extensions.contains(&extension)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The resources in each fenced block of a Markdown text: from the first line that begins one. A block
/// that is marked as `text` shows a resource of another project, whose definition is not here.
fn blocks(markdown: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut block: Option<String> = None;
    let mut is_text = false;
    for line in markdown.lines() {
        match &mut block {
            None if line.starts_with("```") => {
                block = Some(String::new());
                is_text = line.trim_end() == "```text";
            }
            None => {}
            Some(_) if line.trim_end() == "```" => {
                blocks.extend(block.take().filter(|_| !is_text));
            }
            Some(text) if text.is_empty() && !line.starts_with("apiVersion:") => {}
            Some(text) => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    blocks.retain(|text| !text.is_empty());
    blocks
}

/// The output of `kubectl kustomize`: a base with its patches and its generated resources.
fn built(base: &Path) -> String {
    let kubectl = tools::kubectl().unwrap();
    let output = Command::new(kubectl).arg("kustomize").arg(base).output();
    let output = output.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", base.display());
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_cluster_accepts_every_file_of_resources() {
    let server = api_server().await;
    let mut cluster = Cluster::new(&server);
    for folder in FOLDERS {
        for path in files(&tools::workspace().join(folder), &["yaml", "yml"]) {
            let (place, text) = (path.display().to_string(), read(&path));
            if !is_of_another_form(&documents(&place, &text)) {
                cluster.accepts(&place, &text).await;
            }
        }
    }
    for kind in [
        "VirtualService",
        "HTTPRoute",
        "EnvoyExtensionPolicy",
        "PodMonitor",
    ] {
        assert!(cluster.kinds.contains(kind), "no {kind} was validated");
    }
}

#[tokio::test]
async fn a_cluster_accepts_every_base_that_kubectl_builds() {
    let server = api_server().await;
    let mut cluster = Cluster::new(&server);
    for path in files(&tools::workspace().join("manifests"), &["yaml"]) {
        if path.ends_with("kustomization.yaml") {
            let base = path.parent().unwrap();
            cluster
                .accepts(&base.display().to_string(), &built(base))
                .await;
        }
    }
    for kind in ["WasmPlugin", "ConfigMap"] {
        assert!(cluster.kinds.contains(kind), "no {kind} was validated");
    }
}

/// A block that shows a resource shows all of it, so a reader can copy and apply it.
#[tokio::test]
async fn a_cluster_accepts_every_resource_in_a_document() {
    let server = api_server().await;
    let mut cluster = Cluster::new(&server);
    let root = tools::workspace();
    let folders = ["docs", "examples", "manifests"];
    let documents = folders.map(|folder| files(&root.join(folder), &["md"]));
    let documents = documents.into_iter().flatten();
    for path in documents.chain([root.join("README.md")]) {
        for (number, block) in blocks(&read(&path)).into_iter().enumerate() {
            let place = format!("{} resource block {number}", path.display());
            cluster.accepts(&place, &block).await;
        }
    }
    assert!(!cluster.kinds.is_empty(), "no document has a resource");
}
