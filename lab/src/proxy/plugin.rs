//! A wasm plugin in the filter chain.

use std::collections::BTreeMap;

/// One wasm plugin.
#[derive(Clone, Debug)]
pub struct Plugin {
    pub(crate) name: String,
    pub(crate) resource: String,
    pub(crate) root_id: String,
    pub(crate) config: Option<String>,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) host_environment: Vec<String>,
    pub(crate) failure_policy: FailurePolicy,
}

impl Plugin {
    /// A plugin without a configuration, as in Istio without `pluginConfig`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            resource: name.to_owned(),
            root_id: String::new(),
            config: None,
            environment: BTreeMap::new(),
            host_environment: Vec::new(),
            failure_policy: FailurePolicy::FailOpen,
        }
    }

    /// Sets the name of the resource by which Envoy discovers the plugin. Defaults to the name of the plugin.
    #[must_use]
    pub fn resource(mut self, name: &str) -> Self {
        name.clone_into(&mut self.resource);
        self
    }

    /// Sets the configuration, which Envoy passes like Istio: in a `StringValue`.
    #[must_use]
    pub fn config(mut self, text: &str) -> Self {
        self.config = Some(text.to_owned());
        self
    }

    /// Sets a variable of the environment of its VM. Plugins share a VM only if their environments are equal.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Gives its VM a variable of the environment of Envoy itself.
    #[must_use]
    pub fn host_environment(mut self, name: &str) -> Self {
        self.host_environment.push(name.to_owned());
        self
    }

    /// Sets the root id (Istio's `pluginName`). Defaults to an empty string.
    #[must_use]
    pub fn root_id(mut self, root_id: &str) -> Self {
        root_id.clone_into(&mut self.root_id);
        self
    }

    /// Sets the reaction of Envoy to a crash of the plugin. Defaults to [`FailurePolicy::FailOpen`].
    #[must_use]
    pub fn failure_policy(mut self, policy: FailurePolicy) -> Self {
        self.failure_policy = policy;
        self
    }
}

/// How the plugins get their configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// In a file that Envoy watches, by ECDS, as in Istio. It can be changed while Envoy runs.
    #[default]
    Ecds,
    /// In the configuration of the listener. With a bad one Envoy does not start.
    Static,
}

/// The reaction of Envoy to a crash of a plugin's VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailurePolicy {
    /// Later requests pass without the plugin. The request that crashed it gets 503.
    FailOpen,
    /// All requests of that worker get 503.
    FailClosed,
    /// The next request starts a new VM.
    FailReload,
}

impl FailurePolicy {
    /// Envoy's name for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::FailOpen => "FAIL_OPEN",
            Self::FailClosed => "FAIL_CLOSED",
            Self::FailReload => "FAIL_RELOAD",
        }
    }
}
