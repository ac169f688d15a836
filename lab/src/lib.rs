//! A real Envoy, scripted upstreams and a client for the tests, demo and benchmarks of Halftone.
//!
//! The filter contains nothing of this crate.
//!
//! # Layout
//!
//! - [`proxy`] describes an Envoy: plugins, clusters, routes. [`bootstrap`] translates it into Envoy's configuration.
//! - [`istio`] makes such a description from the resources that an operator applies to a mesh. [`recorded`] has what a
//!   real istiod made from them.
//! - [`envoy`] runs it, updates plugin configurations, and reads counters and logs. [`supervisor`] ends each Envoy with the
//!   program that started it.
//! - [`prometheus`] runs a Prometheus that scrapes such Envoys, and queries it.
//! - [`upstream`] is a server that follows a [script](upstream::Script) and records the requests that it receives.
//! - [`orders`] is an order service with a database, in a process of its own.
//! - [`endpoints`] are those of a cluster that come and go.
//! - [`client`] sends single requests, [`load`] sends many, [`visitors`] are users who keep sending.
//! - [`showcase`] is what the console shows.
//! - [`api_server`] runs an API server for custom resources. [`schemas`] validates Kubernetes' own kinds.
//! - [`workload`] is the input of benchmarks: a request, servers and configurations. [`cpu`] reads CPU times, [`table`]
//!   prints tables.
//! - [`ports`] finds free ports.
//! - [`wait`] polls for a condition.
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

pub mod alertmanager;
pub mod api_server;
pub mod bootstrap;
pub mod client;
pub mod cpu;
pub mod endpoints;
pub mod envoy;
pub mod istio;
pub mod load;
pub mod orders;
pub mod ports;
pub mod prometheus;
pub mod proxy;
pub mod recorded;
pub mod schemas;
pub mod showcase;
pub mod supervisor;
pub mod table;
pub mod tools;
pub mod upstream;
pub mod visitors;
pub mod wait;
pub mod workload;
