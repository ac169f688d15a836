//! Sessions, while the new version grows.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use anyhow::{Result, ensure};
use halftone_lab::client::Client;
use tokio::task::JoinSet;

use crate::stage::{HOST, Stage};
use crate::story::Story;
use crate::table::Row;

pub const USERS: u32 = 2_000;

const CONNECTIONS: u32 = 8;

fn config(percent: u32) -> String {
    format!(
        "
releases:
- name: reviews
  hosts: [reviews]
  principal: v1
  canary:
    split:
    - version: v1
      weight: {}
    - version: v2
      weight: {percent}
    session:
      key:
      - header: x-user-id
explain:
  header: x-halftone-explain
",
        100 - percent
    )
}

pub async fn play(stage: &Stage, story: &mut Story) -> Result<()> {
    story.scene(
        "Sessions keep their version while v2 grows",
        "2,000 users send requests while v2 grows from 10 to 20 to 50 percent. `x-user-id`\n\
         identifies a user. Users move from v1 to v2, and no user moves back.",
    )?;
    story.quote("Configuration, at 10 percent", &config(10))?;
    stage.configure(&config(10)).await?;

    let mut percent = 10;
    let mut on_v2 = users_on_v2(stage.envoy.address()).await?;
    let again = users_on_v2(stage.envoy.address()).await?;
    let changed = on_v2.symmetric_difference(&again).count();
    let mut rows = vec![
        share("users on v2 at 10 %", percent, on_v2.len()),
        Row::none("changed on the second request", changed as u64),
    ];
    for next in [20, 50] {
        stage.configure(&config(next)).await?;
        let now = users_on_v2(stage.envoy.address()).await?;
        let moved = now.difference(&on_v2).count();
        let moved_back = on_v2.difference(&now).count();
        rows.extend([
            share(&format!("users on v2 at {next} %"), next, now.len()),
            share("  moved to v2", next - percent, moved),
            Row::none("  moved back to v1", moved_back as u64),
        ]);
        (percent, on_v2) = (next, now);
    }
    story.observe(rows)
}

fn share(what: &str, percent: u32, users: usize) -> Row {
    Row::share(what, f64::from(percent), users as u64, USERS.into())
}

/// Sends a request for each user. Returns the users that v2 answered.
pub async fn users_on_v2(envoy: SocketAddr) -> Result<BTreeSet<u32>> {
    let mut connections = JoinSet::new();
    for first in 0..CONNECTIONS {
        connections.spawn(async move {
            let client = Client::http1(envoy);
            let mut on_v2 = BTreeSet::new();
            for user in (first..USERS).step_by(CONNECTIONS as usize) {
                let id = format!("user-{user}");
                let answer = client
                    .get(HOST, "/", &[("x-user-id", id.as_bytes())])
                    .await?;
                ensure!(answer.status == 200, "{id} got {}", answer.status);
                if answer.upstream() == Some("v2") {
                    on_v2.insert(user);
                }
            }
            Ok(on_v2)
        });
    }
    let mut all = BTreeSet::new();
    while let Some(on_v2) = connections.join_next().await {
        all.extend(on_v2??);
    }
    Ok(all)
}
