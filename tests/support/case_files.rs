//! The case files of `tests/cases/` and `examples/`. They are built in, because a test in wasm32 has no files.

use halftone::config::Proxy;
use halftone_cases::{CaseFile, Config};
use halftone_resources::Resource;
use serde_json::Value;

/// The name and contents of each file.
pub const CASE_FILES: [(&str, &str); 12] = [
    ("any-host", include_str!("../cases/any-host.yaml")),
    ("authority", include_str!("../cases/authority.yaml")),
    ("blue-green", include_str!("../cases/blue-green.yaml")),
    ("canary", include_str!("../cases/canary.yaml")),
    ("chain", include_str!("../cases/chain.yaml")),
    ("cohorts", include_str!("../cases/cohorts.yaml")),
    ("conditions", include_str!("../cases/conditions.yaml")),
    ("hosts", include_str!("../cases/hosts.yaml")),
    ("ramp", include_str!("../cases/ramp.yaml")),
    (
        "session-cookie",
        include_str!("../cases/session-cookie.yaml"),
    ),
    ("sessions", include_str!("../cases/sessions.yaml")),
    ("string-match", include_str!("../cases/string-match.yaml")),
];

/// A case file of `examples/`, and the file with its configuration.
pub struct Example {
    /// The path below `examples/`.
    pub path: &'static str,
    cases: &'static str,
    config_file: &'static str,
    config: &'static str,
}

macro_rules! example {
    ($folder:literal, $cases:literal, $config:literal) => {
        Example {
            path: concat!($folder, "/", $cases),
            cases: include_str!(concat!("../../examples/", $folder, "/", $cases)),
            config_file: $config,
            config: include_str!(concat!("../../examples/", $folder, "/", $config)),
        }
    };
    ($folder:literal) => {
        example!($folder, "cases.yaml", "wasmplugin.yaml")
    };
}

/// All case files of `examples/`.
pub const EXAMPLES: [Example; 15] = [
    example!("blue-green"),
    example!("bookinfo"),
    example!("canary-by-header"),
    example!("canary-by-weight"),
    example!("chain"),
    example!("compare"),
    example!("invitations"),
    example!("mirror"),
    example!("mirror-to-a-test-cluster"),
    example!("mirror-to-a-test-database"),
    example!("per-service", "catalogue-cases.yaml", "catalogue.yaml"),
    example!("per-service", "checkout-cases.yaml", "checkout.yaml"),
    example!("sessions"),
    example!("sessions/next"),
    example!("sessions/login"),
];

/// Runs every case of a file on the core and returns the failures.
pub fn failures(text: &str) -> Vec<String> {
    run(text, |config| match config {
        Config::Inline(config) => Ok((config.clone(), None)),
        Config::File(name) => Err(format!("the configuration is in another file, {name}")),
    })
}

/// Like [`failures`], for an example.
pub fn failures_of_example(example: &Example) -> Vec<String> {
    run(example.cases, |config| {
        if config != Config::File(example.config_file) {
            return Err(format!("the configuration is not {}", example.config_file));
        }
        let config = halftone_resources::configuration(example.config);
        let resources = halftone_resources::read(example.config);
        let resources = resources.map_err(|error| error.to_string())?;
        let plugin = resources.iter().find_map(Resource::plugin);
        let namespace = plugin.map(|plugin| plugin.meta.namespace.clone());
        Ok((config.map_err(|error| error.to_string())?, namespace))
    })
}

/// `config` returns the configuration, and the namespace of the proxy.
fn run(
    text: &str,
    config: impl Fn(Config<'_>) -> Result<(Value, Option<String>), String>,
) -> Vec<String> {
    let file = match CaseFile::parse(text) {
        Ok(file) => file,
        Err(error) => return vec![error.to_string()],
    };
    let (config, namespace) = match config(file.config()) {
        Ok(found) => found,
        Err(problem) => return vec![problem],
    };
    let environment = file.environment();
    let load = |labels: &[(String, String)]| {
        let namespace = namespace.as_deref();
        let proxy = Proxy {
            namespace,
            labels,
            environment: &environment,
        };
        halftone::config::load_value_for(&config, proxy)
    };
    if let Err(violations) = load(&[]) {
        return vec![violations.to_string()];
    }
    let mut random = halftone::draw::Random::new(2026);
    let mut failures = Vec::new();
    for case in &file.cases {
        let releases = load(&case.request.labels()).unwrap_or_default();
        let observed = case.requests().map(|request| {
            halftone_cases::decide(&releases, &request, case.draw(random.next_u64()))
        });
        if let Err(mismatch) = case.judge(observed) {
            failures.push(format!("{}: {mismatch}", case.name));
        }
    }
    failures
}
