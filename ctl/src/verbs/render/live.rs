//! The files of an Envoy without a mesh that reads releases, routes and clusters again when they change.

use std::io::Write;
use std::path::{self, Path};

use halftone_resources::{discovery, yaml};
use serde_json::Value;

use super::about::About;
use super::envoy::{self, FILTER};
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
    let is_first = !folder.join(BOOTSTRAP).exists();
    // A version has its cluster before its route, and its route before a request is sent to it.
    let files = [
        (CLUSTERS, parts.clusters.finish()?),
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
