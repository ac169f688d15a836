//! A valid resource of each kind that Halftone is used with, for the tests to spoil.

/// `extensions.istio.io/v1alpha1`.
pub const WASM_PLUGIN: &str = "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: reviews, namespace: bookinfo, labels: { app.kubernetes.io/name: halftone } }
spec:
  selector: { matchLabels: { app: productpage } }
  match: [ { mode: CLIENT } ]
  url: oci://registry.example.com/halftone:0.1.0
  failStrategy: FAIL_OPEN
  priority: 10
  vmConfig: { env: [ { name: ZONE, value: a } ] }
  pluginConfig: { releases: [ { name: reviews, anything: { goes: here } } ] }
";

/// `extensions.istio.io/v1alpha1`.
pub const TRAFFIC_EXTENSION: &str = "
apiVersion: extensions.istio.io/v1alpha1
kind: TrafficExtension
metadata: { name: reviews }
spec:
  targetRefs: [ { group: gateway.networking.k8s.io, kind: Gateway, name: waypoint } ]
  wasm:
    url: registry.example.com/halftone:0.1.0
    failStrategy: FAIL_OPEN
    pluginConfig: { releases: [] }
";

/// `networking.istio.io/v1`.
pub const VIRTUAL_SERVICE: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews }
spec:
  hosts: [reviews]
  http:
  - match: [ { headers: { x-halftone-version: { exact: v2 } } } ]
    timeout: 5s
    route: [ { destination: { host: reviews, subset: v2, port: { number: 9080 } }, weight: 100 } ]
";

/// `networking.istio.io/v1`.
pub const DESTINATION_RULE: &str = "
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews }
spec:
  host: reviews
  trafficPolicy: { loadBalancer: { simple: LEAST_REQUEST } }
  subsets: [ { name: v1, labels: { version: v1 } } ]
";

/// `networking.istio.io/v1alpha3`.
pub const ENVOY_FILTER: &str = "
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: reviews }
spec:
  workloadSelector: { labels: { app: productpage } }
  configPatches:
  - applyTo: HTTP_FILTER
    match:
      context: SIDECAR_OUTBOUND
      listener: { filterChain: { filter: { name: envoy.filters.network.http_connection_manager } } }
    patch: { operation: INSERT_BEFORE, value: { name: halftone, typed_config: { any: thing } } }
";

/// `telemetry.istio.io/v1`.
pub const TELEMETRY: &str = "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: { name: halftone, namespace: istio-system }
spec:
  accessLogging: [ { providers: [ { name: halftone } ], match: { mode: CLIENT } } ]
";

/// `gateway.networking.k8s.io/v1`.
pub const HTTP_ROUTE: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: reviews }
spec:
  parentRefs: [ { group: '', kind: Service, name: reviews, port: 9080 } ]
  rules:
  - matches: [ { headers: [ { name: x-halftone-version, value: v2 } ] } ]
    backendRefs: [ { name: reviews-v2, port: 9080, weight: 1 } ]
  - backendRefs: [ { name: reviews-v1, port: 9080 } ]
    timeouts: { request: 10s, backendRequest: 5s }
";

/// `gateway.envoyproxy.io/v1alpha1`.
pub const ENVOY_EXTENSION_POLICY: &str = "
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyExtensionPolicy
metadata: { name: reviews }
spec:
  targetRefs: [ { group: gateway.networking.k8s.io, kind: HTTPRoute, name: reviews } ]
  wasm:
  - name: halftone
    failOpen: true
    code: { type: Image, image: { url: registry.example.com/halftone:0.1.0 } }
    config: { releases: [] }
";

/// `monitoring.coreos.com/v1`.
pub const POD_MONITOR: &str = "
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata: { name: halftone }
spec:
  selector: { matchLabels: { app: productpage } }
  podMetricsEndpoints: [ { path: /stats/prometheus, interval: 15s, targetPort: 15090 } ]
";

/// `monitoring.coreos.com/v1`.
pub const PROMETHEUS_RULE: &str = "
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: { name: halftone }
spec:
  groups:
  - name: halftone
    rules: [ { alert: HalftoneConfigRejected, expr: halftone_config_rejected > 0, for: 5m } ]
";

/// `v1`, of Kubernetes itself.
pub const CONFIG_MAP: &str = "
apiVersion: v1
kind: ConfigMap
metadata: { name: dashboard, labels: { grafana_dashboard: '1' } }
data: { halftone.json: '{}' }
";

/// `apps/v1`, of Kubernetes itself.
pub const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: { name: reviews-v1 }
spec:
  replicas: 1
  selector: { matchLabels: { app: reviews } }
  template:
    metadata: { labels: { app: reviews } }
    spec: { containers: [ { name: reviews, image: registry.example.com/reviews, ports: [ { containerPort: 9080 } ] } ] }
";

/// All case files of `examples/`.
pub const ALL: [&str; 12] = [
    WASM_PLUGIN,
    TRAFFIC_EXTENSION,
    VIRTUAL_SERVICE,
    DESTINATION_RULE,
    ENVOY_FILTER,
    TELEMETRY,
    HTTP_ROUTE,
    ENVOY_EXTENSION_POLICY,
    POD_MONITOR,
    PROMETHEUS_RULE,
    CONFIG_MAP,
    DEPLOYMENT,
];
