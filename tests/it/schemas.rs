//! Everything that an operator may apply is valid in a cluster: every resource in `manifests/`, `examples/` and the
//! documents, against the schemas that Istio, Gateway API, Envoy Gateway, the Prometheus operator and Kubernetes publish.

mod near_misses;
mod resources;

use std::sync::LazyLock;

use halftone_lab::schemas::Schemas;
use serde_json::Value;

use crate::documents::{blocks, files, read, root};

static SCHEMAS: LazyLock<Schemas> = LazyLock::new(|| Schemas::load().unwrap());

/// Where resources stand that are applied as they are.
const FOLDERS: [&str; 3] = ["manifests", "examples", "ctl/tests/cli/render"];

/// Documents that are no resources, told by a field that resources do not have beside their type, and what they are.
const OTHER_FORMS: [(&str, &str); 5] = [
    ("cases", "a case file"),
    ("releases", "a plugin configuration"),
    ("spec", "a patch: the resource that it changes has a type"),
    ("static_resources", "a bootstrap of Envoy"),
    ("stats_config", "a part of a bootstrap of Envoy"),
];

/// Whether every document of a text is of another form.
fn is_of_another_form(text: &str) -> bool {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap_or_default();
    let has = |document: &Value, field| document.get(field).is_some();
    let other = |document: &Value| {
        let typed = ["apiVersion", "kind", "metadata"]
            .iter()
            .any(|field| has(document, *field));
        !typed && OTHER_FORMS.iter().any(|(field, _)| has(document, *field))
    };
    let mut documents = documents
        .iter()
        .filter(|document| !document.is_null())
        .peekable();
    documents.peek().is_some() && documents.all(other)
}

/// What a cluster would have against a text that stands at `place`.
#[track_caller]
fn check(place: &str, text: &str) -> Vec<String> {
    SCHEMAS
        .check(text)
        .unwrap_or_else(|error| panic!("{place}: {error:#}"))
}

#[test]
fn every_resource_that_can_be_applied_is_valid() {
    let mut checked = 0;
    for path in FOLDERS
        .iter()
        .flat_map(|folder| files(folder, &["yaml", "yml"]))
    {
        let text = read(&path);
        if !is_of_another_form(&text) {
            let place = path.display().to_string();
            assert_eq!(check(&place, &text), [""; 0], "{place}");
            checked += 1;
        }
    }
    assert!(checked > 0, "there is no resource");
}

/// A block that shows a resource at all shows a whole one, which can be copied and applied.
#[test]
fn every_resource_in_a_document_is_valid() {
    let documents = ["docs", "examples", "manifests"]
        .iter()
        .flat_map(|folder| files(folder, &["md"]));
    for path in documents.chain([root().join("README.md")]) {
        for (place, block) in blocks(&read(&path)).into_iter().enumerate() {
            if block.contains("apiVersion:") && block.contains("kind:") {
                let place = format!("{} block {place}", path.display());
                assert_eq!(check(&place, &block), [""; 0], "{place}");
            }
        }
    }
}

/// A rule with a function that is unknown here would refuse what a cluster takes. So a new one is seen when it comes, with
/// new definitions: give it to `Rules`, and add it.
#[test]
fn the_rules_of_the_definitions_call_only_what_is_known() {
    let functions = SCHEMAS.rule_functions().unwrap();
    // Operators have names that nobody can write.
    let functions = functions
        .iter()
        .filter(|name| name.starts_with(char::is_alphabetic));
    assert_eq!(
        functions.collect::<Vec<_>>(),
        [
            "contains",
            "duration",
            "endsWith",
            "getScheme",
            "int",
            "isURL",
            "matches",
            "size",
            "split",
            "startsWith",
            "substring",
            "upperAscii",
            "url"
        ]
    );
}
