//! The kinds of documents, and the flags of each.

use clap::ValueEnum;

use super::Args;
use crate::outcome::Failure;

/// A kind of document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Istio's WasmPlugin
    #[value(name = "wasmplugin")]
    WasmPlugin,
    /// Istio's TrafficExtension, its successor
    #[value(name = "trafficextension")]
    TrafficExtension,
    /// Istio's VirtualService: routes by the routing header
    #[value(name = "virtualservice")]
    VirtualService,
    /// Istio's DestinationRule: a subset for each version
    #[value(name = "destinationrule")]
    DestinationRule,
    /// The three resources of a release in Istio: DestinationRule, VirtualService and WasmPlugin, or TrafficExtension
    /// if FILE has one
    #[value(name = "istio")]
    Istio,
    /// Istio's EnvoyFilter, for meshes without the WasmPlugin API
    #[value(name = "envoyfilter")]
    EnvoyFilter,
    /// A complete configuration for an Envoy without a mesh
    #[value(name = "envoy")]
    Envoy,
    /// Envoy Gateway's EnvoyExtensionPolicy
    #[value(name = "envoygateway")]
    EnvoyGateway,
    /// The Gateway API's HTTPRoute: routes by the routing header
    #[value(name = "httproute")]
    HttpRoute,
}

impl Kind {
    /// The name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    /// The kinds of targets that it can have. Empty: it has no target.
    pub fn targets(self) -> &'static [&'static str] {
        match self {
            Self::WasmPlugin | Self::TrafficExtension | Self::Istio => {
                &["Gateway", "GatewayClass", "Service", "ServiceEntry"]
            }
            // It does not patch the listeners of waypoints.
            Self::EnvoyFilter => &["Gateway", "GatewayClass"],
            Self::EnvoyGateway => &["Gateway", "HTTPRoute", "GRPCRoute"],
            Self::HttpRoute => &["Gateway", "Service", "ServiceEntry"],
            Self::VirtualService | Self::DestinationRule | Self::Envoy => &[],
        }
    }
}

/// Checks that the flags fit together.
///
/// # Errors
///
/// A flag has no effect on any of the kinds.
pub fn check(args: &Args) -> Result<(), Failure> {
    let usage = |message: String| Err(Failure::Usage(message));
    if args.kinds.contains(&Kind::Envoy) && args.kinds.iter().any(|kind| *kind != Kind::Envoy) {
        return usage(
            "--kind envoy prints a file for Envoy, not a resource; render it without other kinds"
                .into(),
        );
    }
    for (flag, is_given, kinds) in [
        (
            "--gateway",
            !args.gateways.is_empty(),
            &[Kind::VirtualService, Kind::Istio][..],
        ),
        ("--admin", args.admin.is_some(), &[Kind::Envoy]),
        ("--live", args.live.is_some(), &[Kind::Envoy]),
        (
            "--upstream",
            !args.upstreams.is_empty(),
            &[Kind::Envoy, Kind::EnvoyGateway, Kind::HttpRoute],
        ),
        (
            "--merge-backends",
            args.merge_backends,
            &[Kind::EnvoyGateway],
        ),
    ] {
        if is_given && !args.kinds.iter().any(|kind| kinds.contains(kind)) {
            let names: Vec<String> = kinds.iter().map(|kind| kind.name()).collect();
            let names = match names.split_last() {
                Some((last, before)) if !before.is_empty() => {
                    format!("{} and {last}", before.join(", "))
                }
                _ => names.join(""),
            };
            return usage(format!(
                "{flag} has an effect only with --kind {names}; omit it"
            ));
        }
    }
    let http2 = args.upstreams.iter().find(|upstream| upstream.is_http2);
    if let Some(upstream) = http2.filter(|_| args.kinds.contains(&Kind::HttpRoute)) {
        return usage(format!(
            "--upstream {}=http2://…: an HTTPRoute has no protocol; omit http2://, and set appProtocol: kubernetes.io/h2c at the port of the Service",
            upstream.of
        ));
    }
    for kind in &args.kinds {
        let possible = kind.targets();
        let is_impossible = |kind: &str| !possible.is_empty() && !possible.contains(&kind);
        if let Some(target) = args
            .target_refs
            .iter()
            .find(|target| is_impossible(&target.kind))
        {
            return usage(format!(
                "--target-ref {}/{}: the targets of --kind {} are {}; render each kind by itself with its own target",
                target.kind,
                target.name,
                kind.name(),
                possible.join(", ")
            ));
        }
    }
    Ok(())
}
