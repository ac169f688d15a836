//! The plugin configuration of a file.

use serde_json::{Map, Value};

use crate::document::Unreadable;
use crate::resource::{Resource, read};

/// The reason for which a text does not contain exactly one plugin configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoConfiguration {
    /// The text cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The text contains none.
    #[error(
        "contains no plugin configuration; give a plugin configuration, a WasmPlugin or a TrafficExtension"
    )]
    None,
    /// The text contains several. These are their names.
    #[error("contains {} plugin configurations; write each to its own file: {}", .0.len(), .0.join(", "))]
    Several(Vec<String>),
}

/// The only plugin configuration in the text of a file: the configuration itself, or that of the only plugin among the
/// resources. A plugin without `pluginConfig` has an empty one.
///
/// ```
/// let config = halftone_resources::configuration("
/// apiVersion: extensions.istio.io/v1alpha1
/// kind: WasmPlugin
/// metadata: { name: reviews }
/// spec: { pluginConfig: { releases: [] } }
/// ---
/// apiVersion: networking.istio.io/v1
/// kind: DestinationRule
/// metadata: { name: reviews }
/// spec: { host: reviews }
/// ").unwrap();
///
/// assert_eq!(config.to_string(), r#"{"releases":[]}"#);
/// ```
///
/// # Errors
///
/// The text contains none or several, or cannot be read.
pub fn configuration(text: &str) -> Result<Value, NoConfiguration> {
    let mut resources = read(text)?;
    resources.retain(|resource| resource.plugin().is_some() || resource.configuration().is_some());
    match resources.as_slice() {
        [] => Err(NoConfiguration::None),
        [one] => {
            let config = one.configuration().map(|(_, config)| config.clone());
            Ok(config.unwrap_or_else(|| Map::new().into()))
        }
        several => {
            let names = several.iter().map(Resource::to_string);
            Err(NoConfiguration::Several(names.collect()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLUGIN: &str =
        "{apiVersion: extensions.istio.io/v1alpha1, kind: WasmPlugin, metadata: {name: a}}";
    const OTHER: &str = "{apiVersion: v1, kind: Service, metadata: {name: a}}";

    #[test]
    fn a_file_has_one_configuration_or_says_why_not() {
        for (text, expected) in [
            ("releases: []", Ok(r#"{"releases":[]}"#)),
            (PLUGIN, Ok("{}")),
            (&format!("{OTHER}\n---\n{PLUGIN}"), Ok("{}")),
            (
                OTHER,
                Err(
                    "contains no plugin configuration; give a plugin configuration, a WasmPlugin or a TrafficExtension",
                ),
            ),
            (
                &format!("{PLUGIN}\n---\nreleases: []"),
                Err(
                    "contains 2 plugin configurations; write each to its own file: \
                     WasmPlugin default/a, plugin configuration",
                ),
            ),
            (
                "",
                Err("is empty; give a plugin configuration, or a resource that contains one"),
            ),
        ] {
            let got = configuration(text).map(|config| config.to_string());
            let got = got.map_err(|error| error.to_string());
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(got, expected, "{text}");
        }
    }
}
