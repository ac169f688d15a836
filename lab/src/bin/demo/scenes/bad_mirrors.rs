//! Three mirrors, each broken in a different way.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::Result;
use halftone_lab::client::Client;
use halftone_lab::upstream::Script;
use tokio::task::JoinSet;

use crate::copies::{self, PRODUCTION};
use crate::stage::{HOST, Stage, by_name};
use crate::story::Story;
use crate::table::{Row, thousands};

const MIRRORS: &str = "
  mirrors:
  - { name: hangs, cluster: reviews-hangs, timeout: 250ms, maxInFlight: 1000 }
  - { name: resets, cluster: reviews-resets, maxInFlight: 1000 }
  - { name: gone, cluster: reviews-gone, maxInFlight: 1000 }
";

/// The outcome of the copies to each mirror.
const OUTCOMES: [(&str, &str); 3] = [
    ("hangs", "timeout"),
    ("resets", "failed"),
    ("gone", "no_cluster"),
];

const REQUESTS: u64 = 300;

const CONNECTIONS: u64 = 4;

/// The number of repetitions of the path in a page, so that a page has several KiB.
const REPEATS: usize = 1_000;

/// The status and the body of each page.
type Answers = BTreeMap<u64, (u16, Vec<u8>)>;

pub async fn play(stage: &Stage, story: &mut Story) -> Result<()> {
    story.scene(
        "Broken mirrors",
        "One mirror never answers, one closes every connection, and one is a cluster that does\n\
         not exist in Envoy. A client requests 300 pages without the mirrors, then with them.\n\
         Production's answers are the same, and Halftone counts every copy.",
    )?;
    let mirrored = format!("{}{MIRRORS}", PRODUCTION.trim_end());
    story.quote("Configuration", &mirrored)?;
    stage
        .v1
        .direct(|request| Script::status(200).body(request.path.repeat(REPEATS)));

    stage.configure(PRODUCTION).await?;
    let before = answers(stage.envoy.address()).await?;
    stage.configure(&mirrored).await?;
    let answers = answers(stage.envoy.address()).await?;
    stage.v1.script(by_name("v1"));

    let good = answers.values().filter(|(status, _)| *status == 200);
    let other = answers
        .iter()
        .filter(|(page, answer)| before.get(page) != Some(answer));
    let mut rows = vec![
        Row::count("production: answers 200", REQUESTS, good.count() as u64),
        Row::none(
            "  different from those without mirrors",
            other.count() as u64,
        ),
    ];
    for (mirror, outcome) in OUTCOMES {
        let what = format!("copies to `{mirror}`");
        let expected = format!("{} {outcome}", thousands(REQUESTS));
        let observed = copies::outcomes(stage, mirror, REQUESTS).await?;
        rows.push(Row::text(&what, &expected, &observed));
    }
    story.observe(rows)
}

/// Requests every page.
async fn answers(envoy: SocketAddr) -> Result<Answers> {
    let mut connections = JoinSet::new();
    for first in 0..CONNECTIONS {
        connections.spawn(async move {
            let client = Client::http1(envoy);
            let mut answers = Answers::new();
            for page in (first..REQUESTS).step_by(CONNECTIONS as usize) {
                let answer = client.get(HOST, &format!("/pages/{page}"), &[]).await?;
                answers.insert(page, (answer.status.as_u16(), answer.body.to_vec()));
            }
            anyhow::Ok(answers)
        });
    }
    let mut all = Answers::new();
    while let Some(answers) = connections.join_next().await {
        all.extend(answers??);
    }
    Ok(all)
}
