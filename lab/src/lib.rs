//! A real Envoy, scripted upstreams and a client: what Halftone's tests, demo and benchmarks stand on.
//!
//! Nothing of this ships in the filter.
//!
//! # Layout
//!
//! - [`proxy`] describes an Envoy: plugins, clusters, routes. [`bootstrap`] writes it in Envoy's words.
//! - [`istio`] makes such a description of what an operator applies to a mesh.
//! - [`envoy`] runs it, gives it new plugin configurations, reads its counters and logs. [`supervisor`] sees to it that no
//!   Envoy outlives the program that started it.
//! - [`prometheus`] runs a Prometheus that scrapes such Envoys, and asks it.
//! - [`upstream`] is a server that does what its [script](upstream::Script) says and remembers what it received.
//! - [`client`] sends single requests, [`load`] many.
//! - [`api_server`] runs an API server that serves custom resources. [`schemas`] validates Kubernetes' own kinds.
//! - [`workload`] is what benchmarks measure with: a request, and configurations.
//! - [`ports`] finds ports that nobody else uses.
//! - [`wait`] polls for a condition; nothing here sleeps and hopes.
//!
//! # Example
//!
//! ```no_run
//! use halftone_lab::{client::Client, envoy::Envoy, proxy::{Cluster, Plugin, Proxy, Route}, upstream::Upstream};
//!
//! # async fn example() -> anyhow::Result<()> {
//! let v1 = Upstream::start("v1").await?;
//! let v2 = Upstream::start("v2").await?;
//! let proxy = Proxy::new()
//!     .plugin(Plugin::new("reviews").config(r#"{"releases": []}"#))
//!     .cluster(Cluster::new("v1", v1.address()))
//!     .cluster(Cluster::new("v2", v2.address()))
//!     .route(Route::header("x-halftone-version", "v2").to("v2"))
//!     .fallback("v1");
//! let envoy = Envoy::start(proxy).await?;
//! let answer = Client::http1(envoy.address()).get("reviews", "/", &[]).await?;
//! assert_eq!(answer.status, 200);
//! envoy.stop().await
//! # }
//! ```

pub mod api_server;
pub mod bootstrap;
pub mod client;
pub mod envoy;
pub mod istio;
pub mod load;
pub mod ports;
pub mod prometheus;
pub mod proxy;
pub mod schemas;
pub mod supervisor;
pub mod tools;
pub mod upstream;
pub mod wait;
pub mod workload;
