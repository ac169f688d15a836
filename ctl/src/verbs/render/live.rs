//! The files of an Envoy without a mesh that reads releases, routes and clusters again when they change.

use std::fs;
use std::io::Write;
use std::path::{self, Path};

use halftone_resources::{discovery, yaml};
use serde_json::Value;

use super::about::About;
use super::envoy::{self, FILTER};
use super::yaml::Object;
use super::{Args, kind};
use crate::outcome::Failure;
use crate::source::Configuration;

/// The discovery resource with the releases. Programs write it, so it is JSON.
pub const RELEASES: &str = "releases.json";
/// The discovery resource with the routes.
pub const ROUTES: &str = "routes.yaml";
/// The discovery resource with the clusters.
pub const CLUSTERS: &str = "clusters.yaml";
/// The configuration that names these files.
const BOOTSTRAP: &str = "envoy.yaml";

/// Writes the files to `folder`, and says what to do next.
///
/// # Errors
///
/// The configuration cannot be rendered, or a file cannot be written.
pub fn write(
    configuration: &Configuration,
    args: &Args,
    folder: &Path,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    kind::check(args)?;
    let about = About::new(configuration, args)?;
    let folder = path::absolute(folder).map_err(|error| Failure::Unwritten {
        file: folder.display().to_string(),
        error,
    })?;
    let parts = envoy::parts(&about)?;
    let filter: Value = yaml::document(&parts.filter.finish()?)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let empty = Value::Object(serde_json::Map::new());
    let config = about.plugin.config.unwrap_or(&empty);
    let filter = discovery::resource(FILTER, filter, config)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let bootstrap = envoy::live(&about, &folder)?.finish()?;
    let kept = kept(&folder, &parts.clusters);
    let clusters = parts.clusters.into_iter().map(|(_, cluster)| cluster);
    let clusters = Object::new().list("resources", clusters.chain(kept));
    let is_first = !folder.join(BOOTSTRAP).exists();
    // A version has its cluster before its route, and its route before a request is sent to it.
    let files = [
        (CLUSTERS, clusters.finish()?),
        (ROUTES, parts.routes.finish()?),
        (RELEASES, discovery::text(&filter)?),
        (BOOTSTRAP, bootstrap),
    ];
    let files = files.map(|(name, text)| (name.to_owned(), text));
    let changes = super::write(&args.file, &folder, &files, out)?;
    let bootstrap = folder.join(BOOTSTRAP);
    if is_first {
        writeln!(
            out,
            "Start Envoy with: envoy --config-path {}",
            bootstrap.display()
        )?;
    } else if changes.last() == Some(&true) {
        writeln!(
            out,
            "Restart Envoy: it reads {} only when it starts.",
            bootstrap.display()
        )?;
    }
    Ok(())
}

/// The clusters to keep beside the `new` ones: those of the routes that Envoy has now. It reads the files one after the
/// other, and until it has read the last, requests go to versions that the change removes.
fn kept(folder: &Path, new: &[(String, Object)]) -> Vec<Object> {
    let read = |name: &str| -> Option<Value> {
        yaml::document(&fs::read_to_string(folder.join(name)).ok()?).ok()
    };
    // Files that are missing, or that somebody else wrote, have nothing to keep.
    let (Some(clusters), Some(routes)) = (read(CLUSTERS), read(ROUTES)) else {
        return Vec::new();
    };
    let each = |value: &Value, field: &str| -> Vec<Value> {
        let items = value.get(field).and_then(Value::as_array);
        items.cloned().unwrap_or_default()
    };
    let hosts = each(&routes, "resources").into_iter();
    let hosts = hosts.flat_map(|table| each(&table, "virtual_hosts"));
    let used: Vec<Value> = hosts
        .flat_map(|host| each(&host, "routes"))
        .filter_map(|route| route.pointer("/route/cluster").cloned())
        .collect();
    let is_kept = |cluster: &Value| {
        let name = cluster.get("name");
        name.is_some_and(|name| used.contains(name) && new.iter().all(|(new, _)| new != name))
    };
    let kept = each(&clusters, "resources").into_iter().filter(is_kept);
    let comment = "Of a version that the last change removed. The next change removes it.";
    kept.filter_map(|cluster| {
        let fields = cluster.as_object()?.iter();
        let object = Object::new().comment(comment);
        Some(fields.fold(object, |object, (name, value)| object.field(name, value)))
    })
    .collect()
}
