//! Performs a script.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Channel, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, UPGRADE};
use hyper::http::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

use super::script::{Act, Content};
use super::{Received, Script, State};

/// The time between the beginning of an answer and its abort, in which the beginning reaches the peer.
const BREAK_AFTER: Duration = Duration::from_millis(50);

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// An error closes the connection (HTTP/1.1) or resets the stream (HTTP/2).
pub(super) async fn answer(
    mut request: Request<Incoming>,
    state: Arc<State>,
) -> anyhow::Result<Response<Body>> {
    let head = Received::head(&request);
    let upgrade = request.headers().get(UPGRADE).cloned();
    if upgrade.is_some() || request.method() == Method::CONNECT {
        let script = state.take(&head);
        let tunnel = matches!((script.act, &script.body), (Act::Answer, Content::Echo));
        if tunnel {
            delay(script.delay).await;
            tokio::spawn(echo(hyper::upgrade::on(&mut request)));
            return accept(&state.name, upgrade);
        }
        return act(script, &head, &state.name).await;
    }
    let received = head.read(request.into_body()).await;
    let _at_once = state.enter();
    let answer = act(state.take(&received), &received, &state.name).await?;
    let bodiless = received.method == "HEAD" && received.version == "HTTP/2.0";
    // For HTTP/1.1 hyper omits the body itself.
    Ok(if bodiless {
        answer.map(|_| empty())
    } else {
        answer
    })
}

async fn act(script: Script, received: &Received, name: &str) -> anyhow::Result<Response<Body>> {
    delay(script.delay).await;
    if let Some(gate) = &script.gate {
        gate.passed().await;
    }
    match script.act {
        Act::Hang => std::future::pending().await,
        Act::Reset => bail!("the script resets here"),
        Act::Answer | Act::BreakOff | Act::Stall => respond(script, received, name),
    }
}

/// The timer has a resolution of 1 ms, so even a sleep of 0 can take 1 ms.
async fn delay(delay: Duration) {
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
}

fn respond(script: Script, received: &Received, name: &str) -> anyhow::Result<Response<Body>> {
    let mut response = Response::builder()
        .status(script.status)
        .header("x-upstream", name);
    let bytes = match script.body {
        Content::Fixed(bytes) => bytes,
        Content::Echo => {
            response = response.header(CONTENT_TYPE, "application/json");
            received.to_json(name).to_string().into()
        }
        Content::Zeros(length) => {
            let response = response.body(zeros(length)).context("building an answer")?;
            return with_fields(response, &script.headers);
        }
    };
    let body = match script.act {
        Act::BreakOff => broken_off(bytes),
        Act::Stall => stalled(bytes),
        _ if script.trailers.is_empty() => Full::new(bytes)
            .map_err(|never| match never {})
            .boxed_unsync(),
        _ => {
            let trailers = fields(&script.trailers)?;
            let body = Full::new(bytes).with_trailers(async { Some(Ok(trailers)) });
            body.map_err(|never| match never {}).boxed_unsync()
        }
    };
    let response = response.body(body).context("building an answer")?;
    with_fields(response, &script.headers)
}

fn with_fields(
    mut response: Response<Body>,
    headers: &[(String, Vec<u8>)],
) -> anyhow::Result<Response<Body>> {
    response.headers_mut().extend(fields(headers)?);
    Ok(response)
}

/// A body of zeros, produced as the peer reads it.
fn zeros(mut left: usize) -> Body {
    const PIECE: &[u8] = &[0; 1 << 16];
    let (mut sender, body) = Channel::new(1);
    tokio::spawn(async move {
        while left > 0 {
            let piece = PIECE.get(..left).unwrap_or(PIECE);
            left -= piece.len();
            // Fails if the peer closed the connection. The rest is not needed then.
            if sender.send_data(Bytes::from_static(piece)).await.is_err() {
                break;
            }
        }
    });
    body.boxed_unsync()
}

fn broken_off(bytes: Bytes) -> Body {
    let (mut sender, body) = Channel::new(1);
    tokio::spawn(async move {
        // Fails if the peer closed the connection. There is nothing to abort then.
        let _ = sender.send_data(bytes).await;
        tokio::time::sleep(BREAK_AFTER).await;
        sender.abort(io::Error::other("the script resets here"));
    });
    body.boxed_unsync()
}

fn stalled(bytes: Bytes) -> Body {
    let (mut sender, body) = Channel::new(1);
    tokio::spawn(async move {
        // Fails if the peer closed the connection. The rest is not needed then.
        let _ = sender.send_data(bytes).await;
        std::future::pending::<()>().await;
    });
    body.boxed_unsync()
}

fn accept(name: &str, upgrade: Option<HeaderValue>) -> anyhow::Result<Response<Body>> {
    let mut response = Response::builder().header("x-upstream", name);
    if let Some(protocol) = upgrade {
        response = response
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, protocol);
    }
    response.body(empty()).context("building an answer")
}

fn empty() -> Body {
    Full::default()
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// Sends every byte back until the peer closes.
async fn echo(upgrade: hyper::upgrade::OnUpgrade) -> anyhow::Result<()> {
    let (mut reader, mut writer) = tokio::io::split(TokioIo::new(upgrade.await?));
    tokio::io::copy(&mut reader, &mut writer).await?;
    Ok(())
}

fn fields(pairs: &[(String, Vec<u8>)]) -> anyhow::Result<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::from_bytes(name.as_bytes())
            .with_context(|| format!("the header name {name:?}"))?;
        let value = HeaderValue::from_bytes(value)
            .with_context(|| format!("the value of header {name}"))?;
        map.append(name, value);
    }
    Ok(map)
}
