//! What the console shows: an Envoy with Halftone, versions and a mirror behind it, and steady traffic.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::envoy::{Applied, Envoy};
use crate::proxy::{Cluster, Plugin, Proxy, Route};
use crate::upstream::{Script, Upstream};
use crate::visitors::Visitors;

/// The configuration at the start.
pub const CONFIG: &str = "\
# The releases of the shop.
releases:
- name: reviews
  hosts: [reviews]
  principal: v1
  guard: {}
  canary:
    rules:
    - name: testers
      match:
      - headers: { end-user: { exact: jason } }
      version: v2
    # Ten percent since Monday.
    split:
    - { version: v2, weight: 10 }
    - { version: v1, weight: 90 }
    session: { key: [ { header: x-user-id } ] }
  mirrors:
  - name: v3
    cluster: v3
    compare: { samples: 600 }
- name: cart
  hosts: [cart]
  principal: v1
  blueGreen: { active: v1, preview: { version: v2, match: [ { headers: { x-preview: { exact: \"1\" } } } ] } }
- name: web
  hosts: [web]
  principal: v1
  canary:
    split:
    - { version: v2, weight: 50 }
    - { version: v1, weight: 50 }
    session: { key: [ { header: x-user-id } ] }
";

/// The name of the plugin.
const PLUGIN: &str = "shop";

/// The users of the release `reviews`.
pub const USERS: u64 = 400;

/// Everything that runs. Dropping it stops everything.
#[derive(Debug)]
pub struct Showcase {
    /// The proxy.
    pub envoy: Envoy,
    /// The versions v1 and v2, and the mirror v3.
    pub versions: [Upstream; 3],
    /// The users of `reviews`.
    pub reviews: Visitors,
    _others: Visitors,
    folder: TempDir,
}

impl Showcase {
    /// Starts everything. `reviews` gets `rate` requests a second, the other releases half of it.
    ///
    /// # Errors
    ///
    /// Envoy or the filter is missing, or does not start.
    pub async fn start(rate: f64) -> anyhow::Result<Self> {
        let v1 = version("v1", 19.9, 12).await?;
        let v2 = version("v2", 19.9, 8).await?;
        let v3 = version("v3", 20.9, 5).await?;
        let proxy = Proxy::new()
            .plugin(Plugin::new(PLUGIN))
            .cluster(Cluster::new("v1", v1.address()))
            .cluster(Cluster::new("v2", v2.address()))
            .cluster(Cluster::new("v3", v3.address()))
            .route(Route::header("x-halftone-version", "v2").to("v2"))
            .fallback("v1");
        let envoy = Envoy::start(proxy).await?;
        let config: Value = serde_saphyr::from_str(CONFIG).context("reading the configuration")?;
        let applied = envoy.apply(PLUGIN, Some(&config.to_string())).await?;
        ensure!(
            applied == Applied::Accepted,
            "Halftone rejected the configuration:\n{}",
            envoy.log()?
        );
        let folder = tempfile::tempdir().context("making a folder")?;
        fs::write(folder.path().join("releases.yaml"), CONFIG)
            .context("writing the configuration")?;
        let address = envoy.address();
        let reviews = Visitors::start(address, &["reviews"], "/reviews/0", rate, USERS);
        let others = Visitors::start(address, &["cart", "web"], "/", rate / 2.0, USERS);
        Ok(Self {
            envoy,
            versions: [v1, v2, v3],
            reviews,
            _others: others,
            folder,
        })
    }

    /// The configuration, as a file.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("releases.yaml")
    }

    /// A folder for files of the caller.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The arguments of `halftonectl` that serve the console at `listen`.
    #[must_use]
    pub fn arguments(&self, listen: &str) -> Vec<String> {
        let path = |path: PathBuf| path.display().to_string();
        vec![
            "console".into(),
            "--file".into(),
            path(self.file()),
            "--admin".into(),
            format!("http://{}", self.envoy.admin()),
            "--log".into(),
            path(self.envoy.log_file()),
            "--discovery".into(),
            path(self.envoy.discovery(PLUGIN)),
            "--listen".into(),
            listen.into(),
            "--no-open".into(),
        ]
    }
}

async fn version(name: &str, price: f64, milliseconds: u64) -> anyhow::Result<Upstream> {
    let upstream = Upstream::start(name).await?;
    upstream.remember(false);
    upstream.direct(move |_| {
        let body = format!(
            "{{\"id\":\"0\",\"items\":[{{\"name\":\"folio\",\"price\":{price}}}],\"stars\":5}}"
        );
        Script::status(200)
            .header("content-type", "application/json")
            .body(body)
            .delay(Duration::from_millis(milliseconds))
    });
    Ok(upstream)
}
