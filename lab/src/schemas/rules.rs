//! What a definition asks for beyond the form: rules in CEL, and lists that are maps.
//!
//! Rules about a change (`oldSelf`) say nothing about a resource that is new, and are passed over. A rule that cannot be
//! evaluated is a violation, as it is for the API server.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context as _;
use cel::extractors::This;
use cel::{Context, Env, ExecutionError, Program, Value as Cel, extensions};
use jsonschema::Uri;
use serde_json::Value;

use super::{cel_values, paths};

/// Evaluates rules.
pub(super) struct Rules {
    environment: Arc<Env>,
}

impl Rules {
    /// With the functions that the API server gives to rules, as far as they are used.
    pub(super) fn new() -> anyhow::Result<Self> {
        let mut environment = Env::stdlib();
        environment.add_extension(extensions::strings)?;
        Ok(Self {
            environment: Arc::new(environment),
        })
    }

    /// All rules that a resource of the right form breaks.
    pub(super) fn check(&self, schema: &Value, resource: &Value) -> anyhow::Result<Vec<String>> {
        let mut context = Context::with_env(Arc::clone(&self.environment));
        context.add_function("isURL", |text: Arc<String>| scheme(&text).is_some())?;
        context.add_function("url", url)?;
        context.add_function("getScheme", |This(url): This<Arc<String>>| {
            scheme(&url).unwrap_or_default()
        })?;
        let mut found = Vec::new();
        self.walk(&context, schema, resource, "", &mut found)?;
        Ok(found)
    }

    /// The names of all functions that rules of these schemas call.
    pub(super) fn functions<'s>(
        &self,
        schemas: impl Iterator<Item = &'s Value>,
    ) -> anyhow::Result<Vec<String>> {
        let mut rules = BTreeSet::new();
        schemas.for_each(|schema| collect(schema, &mut rules));
        let mut found = BTreeSet::new();
        for rule in rules {
            let program = self.compile(rule)?;
            found.extend(
                program
                    .references()
                    .functions()
                    .iter()
                    .map(ToString::to_string),
            );
        }
        Ok(found.into_iter().collect())
    }

    fn walk(
        &self,
        context: &Context,
        schema: &Value,
        value: &Value,
        path: &str,
        found: &mut Vec<String>,
    ) -> anyhow::Result<()> {
        let rules = schema
            .get("x-kubernetes-validations")
            .and_then(Value::as_array);
        for rule in rules.into_iter().flatten() {
            found.extend(
                self.broken(context, rule, schema, value)?
                    .map(|message| format!("{path}: {message}")),
            );
        }
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    let property = schema
                        .get("properties")
                        .and_then(|properties| properties.get(name));
                    if let Some(schema) = property.or_else(|| schema.get("additionalProperties")) {
                        self.walk(context, schema, field, &paths::field(path, name), found)?;
                    }
                }
            }
            Value::Array(items) => {
                if let Some(place) = repeated(schema, items) {
                    found.push(format!(
                        "{}: another item has the same key",
                        paths::item(path, place)
                    ));
                }
                for (place, item) in items.iter().enumerate() {
                    if let Some(schema) = schema.get("items") {
                        self.walk(context, schema, item, &paths::item(path, place), found)?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What `rule` has against `value`.
    fn broken(
        &self,
        context: &Context,
        rule: &Value,
        schema: &Value,
        value: &Value,
    ) -> anyhow::Result<Option<String>> {
        let text = rule
            .get("rule")
            .and_then(Value::as_str)
            .context("a rule has no text")?;
        let program = self.compile(text)?;
        if program.references().has_variable("oldSelf") {
            return Ok(None);
        }
        let mut scope = context.new_inner_scope();
        scope.add_variable_from_value("self", cel_values::typed(schema, value));
        Ok(match program.execute(&scope) {
            Ok(Cel::Bool(true)) => None,
            Ok(Cel::Bool(false)) => {
                let message = rule.get("message").and_then(Value::as_str);
                Some(message.map_or_else(|| format!("breaks the rule {text}"), str::to_owned))
            }
            Ok(other) => Some(format!(
                "the rule {text} gives {other:?}, neither true nor false"
            )),
            Err(error) => Some(format!("the rule {text} cannot be evaluated: {error}")),
        })
    }

    fn compile(&self, rule: &str) -> anyhow::Result<Program> {
        self.environment
            .compile(rule)
            .with_context(|| format!("the rule {rule}"))
    }
}

/// All rules of a schema.
fn collect<'s>(schema: &'s Value, found: &mut BTreeSet<&'s str>) {
    match schema {
        Value::Object(fields) => {
            let rules = fields
                .get("x-kubernetes-validations")
                .and_then(Value::as_array);
            let rules = rules
                .into_iter()
                .flatten()
                .filter_map(|rule| rule.get("rule"));
            found.extend(rules.filter_map(Value::as_str));
            fields.values().for_each(|field| collect(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

/// The first item of a list that has the key of another before it, if the list is a map by its schema.
fn repeated(schema: &Value, items: &[Value]) -> Option<usize> {
    let keys = schema.get("x-kubernetes-list-map-keys")?.as_array()?;
    let key = |item: &Value| -> Vec<Option<Value>> {
        let keys = keys.iter().filter_map(Value::as_str);
        keys.map(|key| item.get(key).cloned()).collect()
    };
    let known: Vec<_> = items.iter().map(key).collect();
    (1..known.len()).find(|&place| {
        known
            .iter()
            .take(place)
            .any(|one| Some(one) == known.get(place))
    })
}

/// `url` of Kubernetes gives an object; here it is its text, of which `getScheme` is asked.
fn url(text: Arc<String>) -> Result<Arc<String>, ExecutionError> {
    match scheme(&text) {
        Some(_) => Ok(text),
        None => Err(ExecutionError::function_error(
            "url",
            format!("{text} is no URL"),
        )),
    }
}

/// The scheme of what Go takes for a URL: an absolute one, or a path, which has none.
fn scheme(text: &str) -> Option<String> {
    if text.starts_with('/') {
        return Some(String::new());
    }
    let url = Uri::parse(text).ok()?;
    Some(url.scheme().as_str().to_ascii_lowercase())
}
