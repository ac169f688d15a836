//! The resources of an import, and the report, as text or JSON.

use std::io::Write;

use halftone_resources::yaml;
use serde_json::{Value, json};

use super::Args;
use super::document::{Imported, Plugin};
use super::report::Line;
use crate::cli::Format;
use crate::json;
use crate::outcome::Failure;
use crate::source::Configuration;
use crate::terminal::escaped;
use crate::verbs::render::yaml::{Object, Ordered};
use crate::verbs::render::{self, Kind};

/// The order of the documents: a version has its route before a request is sent to it.
const ORDER: [&str; 4] = [
    "DestinationRule",
    "VirtualService",
    "HTTPRoute",
    "WasmPlugin",
];

/// Writes the resources and the report.
pub fn write(
    args: &Args,
    imported: &[Imported],
    lines: &[&Line],
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let documents = documents(args, imported)?;
    if let Some(folder) = &args.output_dir {
        let mut files: Vec<(String, String)> = Vec::new();
        for (kind, document) in &documents {
            let name = format!("{}.yaml", kind.to_ascii_lowercase());
            match files.iter_mut().find(|(known, _)| *known == name) {
                Some((_, text)) => *text += &format!("---\n{document}"),
                None => files.push((name, document.clone())),
            }
        }
        report(args, lines, &documents, out)?;
        let mut said = Vec::new();
        let first = args.files.first().map_or("", String::as_str);
        render::write(first, folder, &files, &mut said)?;
        if args.output == Format::Text {
            out.write_all(&said)?;
        }
        return Ok(());
    }
    match args.output {
        Format::Json => report(args, lines, &documents, out),
        Format::Text => {
            for line in lines {
                writeln!(out, "# {line}")?;
            }
            for (index, (_, document)) in documents.iter().enumerate() {
                let between = if index == 0 { "" } else { "---\n" };
                write!(out, "{between}{document}")?;
            }
            Ok(())
        }
    }
}

fn report(
    args: &Args,
    lines: &[&Line],
    documents: &[(String, String)],
    out: &mut dyn Write,
) -> Result<(), Failure> {
    match args.output {
        Format::Text => {
            for line in lines {
                writeln!(out, "{line}")?;
            }
        }
        Format::Json => {
            let resources = documents.iter();
            let resources: Vec<Value> = resources
                .filter_map(|(_, text)| yaml::document(text).ok())
                .collect();
            json::write(&json!({"report": lines, "resources": resources}), out)?;
        }
    }
    Ok(())
}

/// The kind and the text of each resource, in the order in which to apply them.
fn documents(args: &Args, imported: &[Imported]) -> Result<Vec<(String, String)>, Failure> {
    let mut documents = Vec::new();
    for one in imported {
        for resource in &one.resources {
            let kind = resource.get("kind").and_then(Value::as_str);
            documents.push((
                kind.unwrap_or_default().to_owned(),
                resource_text(resource)?,
            ));
        }
        if let Some(plugin) = &one.plugin {
            documents.push(("WasmPlugin".to_owned(), plugin_text(args, plugin)?));
        }
    }
    let rank = |kind: &str| ORDER.iter().position(|known| *known == kind);
    documents.sort_by_key(|(kind, _)| rank(kind).unwrap_or(ORDER.len()));
    Ok(documents)
}

fn resource_text(resource: &Value) -> Result<String, Failure> {
    let mut object = Object::new();
    let fields = resource.as_object();
    for name in ["apiVersion", "kind", "metadata", "spec"] {
        let value = fields.and_then(|fields| fields.get(name));
        object = object.optional(name, value.map(Ordered));
    }
    object.finish()
}

/// The WasmPlugin that `render` writes.
fn plugin_text(args: &Args, plugin: &Plugin) -> Result<String, Failure> {
    let releases = halftone::config::load_value(&plugin.config);
    let releases = releases.map_err(|violations| {
        let all: Vec<String> = violations.iter().map(|one| one.message.clone()).collect();
        Failure::Usage(escaped(all.join("; ")).to_string())
    })?;
    let configuration = Configuration {
        file: args.files.first().cloned().unwrap_or_default(),
        value: plugin.config.clone(),
        releases,
        plugin: None,
    };
    let args = render::Args {
        file: configuration.file.clone(),
        kinds: vec![Kind::WasmPlugin],
        plugin: None,
        name: Some(plugin.name.clone()),
        namespace: args.namespace.clone().or(Some(plugin.namespace.clone())),
        selectors: args.selectors.clone(),
        target_refs: args.target_refs.clone(),
        url: args.url.clone(),
        sha256: None,
        services: Vec::new(),
        port: None,
        gateways: Vec::new(),
        upstreams: Vec::new(),
        merge_backends: false,
        listen: std::net::SocketAddr::from(([0, 0, 0, 0], 10000)),
        admin: None,
        live: None,
        output_dir: None,
    };
    render::render(&configuration, &args)
}
