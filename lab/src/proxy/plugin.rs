//! A wasm plugin in the filter chain.

use std::collections::BTreeMap;

/// One wasm plugin.
#[derive(Clone, Debug)]
pub struct Plugin {
    pub(crate) name: String,
    pub(crate) root_id: String,
    pub(crate) config: Option<String>,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) failure_policy: FailurePolicy,
}

impl Plugin {
    /// A plugin without a configuration, as Istio passes one whose `pluginConfig` is absent.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            root_id: String::new(),
            config: None,
            environment: BTreeMap::new(),
            failure_policy: FailurePolicy::FailOpen,
        }
    }

    /// The configuration's text, passed as Istio does: in a `StringValue`.
    #[must_use]
    pub fn config(mut self, text: &str) -> Self {
        self.config = Some(text.to_owned());
        self
    }

    /// A variable of its VM's environment. Plugins share a VM only where their environments are the same.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The root id (Istio's `pluginName`). Defaults to the empty one.
    #[must_use]
    pub fn root_id(mut self, root_id: &str) -> Self {
        root_id.clone_into(&mut self.root_id);
        self
    }

    /// What Envoy does when the plugin crashes. Defaults to [`FailurePolicy::FailOpen`].
    #[must_use]
    pub fn failure_policy(mut self, policy: FailurePolicy) -> Self {
        self.failure_policy = policy;
        self
    }
}

/// How the plugins get their configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// From a file that Envoy watches, over its extension discovery, as in Istio. It can be changed while Envoy runs.
    #[default]
    Ecds,
    /// In the listener's own configuration. A bad one keeps Envoy from starting.
    Static,
}

/// What Envoy does when a plugin's VM has crashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailurePolicy {
    /// Later requests pass without the plugin. The one that crashed it gets 503.
    FailOpen,
    /// All requests of that worker get 503.
    FailClosed,
    /// The next request makes a new VM.
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
