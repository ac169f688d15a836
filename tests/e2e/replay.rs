//! Runs a case through Envoy and reads the decisions from the explanations in the answers.

use std::sync::Arc;

use anyhow::{Context, Result};
use halftone_cases::{Case, Observed, Request};
use halftone_lab::client::{Answer, Client};
use tokio::task::JoinSet;

use crate::scene::{ASKED, decided};

/// The number of concurrent requests of a case.
const AT_ONCE: usize = 16;

/// Sends every request of `case`, and returns an observation for each. `complete` adds to the observation what the
/// answer shows of the request that an upstream received, and fails if the wrong upstream answered.
///
/// The configuration must explain by [`ASKED`].
pub async fn replay<F>(
    client: &Arc<Client>,
    case: &Arc<Case>,
    complete: &F,
) -> Result<Vec<Observed>>
where
    F: Fn(&Request, &mut Observed, &Answer) -> Result<()> + Clone + Send + Sync + 'static,
{
    let requests: Vec<Request> = case.requests().collect();
    let mut shares = JoinSet::new();
    for share in requests.chunks(requests.len().div_ceil(AT_ONCE)) {
        let (client, case, share) = (Arc::clone(client), Arc::clone(case), share.to_vec());
        let complete = complete.clone();
        shares.spawn(async move {
            let mut observed = Vec::new();
            for request in share {
                let one = observe(&client, &request, &complete).await;
                observed.push(one.with_context(|| case.name.clone())?);
            }
            Ok(observed)
        });
    }
    let observed: Vec<Result<Vec<Observed>>> = shares.join_all().await;
    let observed: Vec<Vec<Observed>> = observed.into_iter().collect::<Result<_>>()?;
    Ok(observed.concat())
}

async fn observe<F>(client: &Client, request: &Request, complete: &F) -> Result<Observed>
where
    F: Fn(&Request, &mut Observed, &Answer) -> Result<()>,
{
    let answer = send(client, request).await?;
    let word = |what| decided(&answer, what).map(str::to_owned);
    let mut observed = Observed {
        release: word("release"),
        version: word("version"),
        reason: word("reason"),
        cookie: answer.header("set-cookie").and_then(Observed::cookie_name),
        ..Observed::default()
    };
    complete(request, &mut observed, &answer)?;
    Ok(observed)
}

async fn send(client: &Client, request: &Request) -> Result<Answer> {
    let address = request.source_address.map(|address| address.to_string());
    let headers: Vec<(String, &str)> = request.headers().collect();
    let mut fields: Vec<(&str, &[u8])> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .chain([ASKED])
        .collect();
    if let Some(address) = &address {
        fields.push(("x-forwarded-for", address.as_bytes()));
    }
    let (method, host, path) = (request.method.parse()?, &request.host, &request.path);
    client
        .request(method, host, path, &fields, Default::default())
        .await
}
