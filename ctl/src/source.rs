//! Files and their contents, and the configuration that a verb needs.

use std::ffi::OsString;
use std::io::Read;
use std::path::Path;
use std::string::FromUtf8Error;
use std::sync::LazyLock;

use halftone::config::{PluginConfig, Proxy, ReleaseConfig, Violations};
use halftone::release::{Releases, canonical_host};
use halftone_resources::{Plugin, Resource, Unreadable};
use serde::Deserialize;
use serde_json::Value;

use crate::outcome::{Failure, Finding};

/// The name of standard input.
pub const STDIN: &str = "-";

/// The size of the largest file that is read, in bytes. A cluster stores at most 1.5 MB of a resource.
const LARGEST: u64 = 64 << 20;

/// Istio's default root namespace. Resources in it apply to all namespaces.
pub const ROOT_NAMESPACE: &str = "istio-system";

/// The environment variables of this process, in place of those of a proxy: name and value.
static ENVIRONMENT: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let readable = |(name, value): (OsString, OsString)| {
        Some((name.into_string().ok()?, value.into_encoded_bytes()))
    };
    std::env::vars_os().filter_map(readable).collect()
});

/// A file and its resources.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file, as the command line names it.
    pub file: String,
    /// The resources, in the order of the file.
    pub resources: Vec<Resource>,
}

/// The configuration that a verb needs.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The file, as the command line names it.
    pub file: String,
    /// The configuration as written.
    pub value: Value,
    /// The compiled configuration.
    pub releases: Releases,
    /// The plugin that contains it, if there is one.
    pub plugin: Option<Plugin>,
}

/// The bytes of a file, or of standard input for `-`.
///
/// # Errors
///
/// The file cannot be read, or is larger than 64 MiB.
pub fn bytes(file: &str) -> Result<Vec<u8>, Failure> {
    let read = if file == STDIN {
        limited(std::io::stdin().lock())
    } else {
        std::fs::File::open(file).and_then(limited)
    };
    read.map_err(|error| Failure::File {
        file: file.into(),
        error,
    })
}

fn limited(from: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        let wrong = format!("it is larger than {} MiB", LARGEST >> 20);
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, wrong));
    }
    Ok(bytes)
}

/// The text of a file, or of standard input for `-`.
///
/// # Errors
///
/// The file cannot be read, or is not UTF-8.
pub fn text(file: &str) -> Result<String, Failure> {
    String::from_utf8(bytes(file)?).map_err(|error| Failure::Refused(vec![not_utf8(file, &error)]))
}

/// The finding for a `file` that is not UTF-8.
#[must_use]
pub fn not_utf8(file: &str, error: &FromUtf8Error) -> Finding {
    let at = error.utf8_error().valid_up_to();
    Finding {
        file: file.into(),
        resource: None,
        path: String::new(),
        message: format!("byte {at} is not UTF-8; give YAML or JSON as UTF-8 text"),
    }
}

/// Replaces `file`, whose text was `before`, by `after`. Readers see the whole old text or the whole new one. A symbolic
/// link stays, and the file that it names is replaced.
///
/// # Errors
///
/// The file cannot be written, or its text is not `before` any more.
pub fn replace(file: &str, before: &str, after: &str) -> Result<(), Failure> {
    if text(file)? != before {
        let message =
            "was changed by somebody else meanwhile; look at it, then run the command again";
        return Err(Failure::refused(file, message.into()));
    }
    let replaced = halftone_resources::file::replace(Path::new(file), after);
    replaced.map(drop).map_err(|error| Failure::Unwritten {
        file: file.into(),
        error,
    })
}

/// The findings for `violations` of the configuration at `place` in `file`, or in a `resource` of it.
#[must_use]
pub fn findings(
    file: &str,
    resource: Option<String>,
    place: &str,
    violations: &Violations,
) -> Vec<Finding> {
    let finding = |path: String, message: String| Finding {
        file: file.into(),
        resource: resource.clone(),
        path,
        message,
    };
    let findings = violations
        .iter()
        .map(|violation| finding(within(place, &violation.path), violation.message.clone()));
    let more = violations.are_cut().then(|| {
        let message = "has more violations than are listed; correct the listed ones first";
        finding(place.into(), message.into())
    });
    findings.chain(more).collect()
}

/// The finding for a `file`, or a resource in it, that cannot be read.
#[must_use]
pub fn unreadable(file: &str, error: &Unreadable) -> Finding {
    Finding {
        file: file.into(),
        resource: error.resource().map(Into::into),
        path: error.path(),
        message: error.message(),
    }
}

impl Source {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or contains no resources.
    pub fn read(file: &str) -> Result<Self, Failure> {
        let resources = halftone_resources::read(&text(file)?)
            .map_err(|error| Failure::Refused(vec![unreadable(file, &error)]))?;
        Ok(Self {
            file: file.into(),
            resources,
        })
    }

    /// The compiled configuration of `resource`, or all its violations. None: the resource contains no
    /// configuration.
    #[must_use]
    pub fn compile(&self, resource: &Resource) -> Option<Result<Releases, Vec<Finding>>> {
        compile(&self.file, resource)
    }
}

/// The compiled configuration of `resource` in `file`, or all its violations. None: the resource
/// contains no configuration.
#[must_use]
pub fn compile(file: &str, resource: &Resource) -> Option<Result<Releases, Vec<Finding>>> {
    let (place, value) = resource.configuration()?;
    let proxy = proxy_of(resource.plugin());
    let result = halftone::config::load_value_for(value, proxy);
    Some(result.map_err(|violations| {
        let name = resource.plugin().map(|_| resource.to_string());
        findings(file, name, place, &violations)
    }))
}

/// The proxies that have `plugin`. Their namespace is unknown without a plugin, or if it is in the root
/// namespace.
#[must_use]
pub fn proxy_of(plugin: Option<&Plugin>) -> Proxy<'_> {
    let namespace = plugin.map(|plugin| plugin.meta.namespace.as_str());
    Proxy {
        namespace: namespace.filter(|namespace| *namespace != ROOT_NAMESPACE),
        environment: &ENVIRONMENT,
        ..Proxy::default()
    }
}

/// What `release` claims in `proxy`, each in its canonical spelling: the hosts, then the names of the
/// services.
#[must_use]
pub fn claimed(release: &ReleaseConfig, proxy: Proxy<'_>) -> Vec<String> {
    let canonical = |host: &str| {
        let host = canonical_host(host.as_bytes());
        String::from_utf8_lossy(&host).into_owned()
    };
    release
        .claimed(proxy)
        .map(|host| canonical(&host))
        .collect()
}

/// The path in a resource of the `path` in a configuration at `place`.
#[must_use]
pub fn within(place: &str, path: &str) -> String {
    match (place, path) {
        ("", path) => path.into(),
        // The path of a violation of the configuration as a whole.
        (place, "configuration") => place.into(),
        (place, path) if path.starts_with('[') => format!("{place}{path}"),
        (place, path) => format!("{place}.{path}"),
    }
}

impl Configuration {
    /// The same configuration, in the proxy of a workload with these labels: name and value.
    #[must_use]
    pub fn in_workload(mut self, labels: &[(String, String)]) -> Self {
        if !labels.is_empty() {
            self.releases = self.releases_for(labels);
        }
        self
    }

    /// Its releases in the proxy of a workload with these labels: name and value.
    #[must_use]
    pub fn releases_for(&self, labels: &[(String, String)]) -> Releases {
        self.releases_in(labels, &ENVIRONMENT)
    }

    /// Its releases in the proxy of a workload with these labels, in which the plugin has these environment
    /// variables: name and value.
    #[must_use]
    pub fn releases_in(
        &self,
        labels: &[(String, String)],
        environment: &[(String, Vec<u8>)],
    ) -> Releases {
        let proxy = Proxy {
            labels,
            environment,
            ..proxy_of(self.plugin.as_ref())
        };
        // Whether a configuration has violations does not depend on the proxy.
        halftone::config::load_value_for(&self.value, proxy).unwrap_or_default()
    }

    /// The hosts that its releases claim, as written, and the names of their services.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        // A valid configuration can be read, unless it is null.
        let config = PluginConfig::deserialize(&self.value).unwrap_or_default();
        let proxy = proxy_of(self.plugin.as_ref());
        let releases = config.releases.iter().flatten();
        releases
            .flat_map(|release| release.claimed(proxy))
            .map(Into::into)
            .collect()
    }

    /// Reads the configuration of a file. If the file has several, `plugin` selects one: `name` or
    /// `namespace/name`.
    ///
    /// # Errors
    ///
    /// The file has no configuration, or several and `plugin` is none, or the configuration is not
    /// valid.
    pub fn read(file: &str, plugin: Option<&str>) -> Result<Self, Failure> {
        let source = Source::read(file)?;
        let mut found: Vec<&Resource> = source.resources.iter().collect();
        found.retain(|resource| resource.plugin().is_some() || resource.configuration().is_some());
        if let Some(name) = plugin {
            found.retain(|resource| is_named(resource, name));
        }
        let resource = match *found.as_slice() {
            [one] => one,
            [] => {
                let which = plugin
                    .map(|name| format!(" named {name}"))
                    .unwrap_or_default();
                return Err(Failure::Usage(format!(
                    "{file}: contains no plugin configuration{which}; give a plugin configuration, a WasmPlugin or a TrafficExtension"
                )));
            }
            _ => {
                let names: Vec<String> = found.iter().map(|one| one.to_string()).collect();
                return Err(Failure::Usage(format!(
                    "{file}: contains {} plugin configurations; choose one with --plugin: {}",
                    names.len(),
                    names.join(", ")
                )));
            }
        };
        let releases = source
            .compile(resource)
            .transpose()
            .map_err(Failure::Refused)?;
        Ok(Self {
            file: file.into(),
            value: resource
                .configuration()
                .map(|(_, value)| value.clone())
                .unwrap_or_default(),
            releases: releases.unwrap_or_default(),
            plugin: resource.plugin().cloned(),
        })
    }
}

fn is_named(resource: &Resource, name: &str) -> bool {
    resource.plugin().is_some_and(|plugin| {
        let meta = &plugin.meta;
        match name.split_once('/') {
            Some((namespace, name)) => meta.namespace == namespace && meta.name == name,
            None => meta.name == name,
        }
    })
}
