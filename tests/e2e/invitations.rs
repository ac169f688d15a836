//! Invitations: who has one reaches the version of its rule, and nobody else does.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use cookie::Cookie;
use halftone::invitation::Key;
use halftone_lab::client::{Answer, Client};
use halftone_lab::envoy::Applied;
use halftone_lab::proxy::Plugin;
use serde_json::{Value, json};

use crate::scene::{ASKED, PLUGIN, PROTOCOLS, Scene, decided, plugin, reviews};

const NEW: &str = "the key that signs, for tests: 32 bytes or more";
const OLD: &str = "the key before it, which still verifies in tests";
const HOST: &str = "the key of the proxy's own environment, for tests";
const SHORT: &str = "31 bytes are no key at all, eve";

const KEYS: &str = "halftone_signing_keys";

fn invited(keys: &[&str]) -> Value {
    let mut config = reviews(json!({"canary": {"rules": [
        {"name": "testers", "match": [{"invited": {}}], "version": "v2"},
        {"name": "others", "match": [{"invited": {"queryParam": "other"}, "path": {"exact": "/other"}}], "version": "v2"},
    ]}}));
    config["signing"] = json!({ "keys": keys });
    config
}

fn with_keys(config: &Value) -> Plugin {
    plugin(config)
        .environment("NEW", NEW)
        .environment("OLD", OLD)
        .environment("SHORT", SHORT)
        .host_environment("HOST")
}

async fn scene(keys: &[&str]) -> Result<Scene> {
    let config = invited(keys);
    Scene::of(|proxy| {
        let variable = format!("HOST={HOST}");
        proxy
            .plugin(with_keys(&config))
            .launcher(["env", variable.as_str()])
    })
    .await
}

fn now() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}

fn token(key: &str, release: &str, rule: &str, expiry: u64) -> Result<String> {
    let key = Key::new(key.as_bytes()).ok().context("a short key")?;
    Ok(key.invite(release, rule, expiry))
}

/// The answers to requests with `token` in the query and in the cookie.
async fn answers(scene: &Scene, token: &str) -> Result<Vec<Answer>> {
    let mut answers = Vec::new();
    for protocol in PROTOCOLS {
        let client = scene.client(protocol);
        let path = format!("/cart?halftone={token}");
        answers.push(client.get("reviews", &path, &[ASKED]).await?);
        let cookie = format!("a=1; halftone-invitation={token}");
        let sent = [ASKED, ("cookie", cookie.as_bytes())];
        answers.push(client.get("reviews", "/cart", &sent).await?);
    }
    Ok(answers)
}

async fn assert_reaches(scene: &Scene, token: &str, version: &str, what: &str) -> Result<()> {
    let reason = if version == "v2" {
        "rule:testers"
    } else {
        "principal"
    };
    for answer in answers(scene, token).await? {
        assert_eq!(answer.upstream(), Some(version), "{what}: {token}");
        assert_eq!(decided(&answer, "reason"), Some(reason), "{what}: {token}");
        let is_set = answer.headers.get("set-cookie").is_some();
        assert!(!is_set || version == "v2", "{what}: {token}");
    }
    Ok(())
}

#[tokio::test]
async fn only_a_valid_invitation_reaches_the_version_of_its_rule() -> Result<()> {
    let scene = scene(&["NEW", "OLD", "HOST"]).await?;
    let later = now()? + 3_600;
    for key in [NEW, OLD, HOST] {
        let valid = token(key, "reviews", "testers", later)?;
        assert_reaches(&scene, &valid, "v2", "valid").await?;
    }
    let valid = token(NEW, "reviews", "testers", later)?;
    let (signed, signature) = valid.rsplit_once('.').context("no signature")?;
    let forged = |signature: &str| format!("{signed}.{signature}");
    let table = [
        ("none", String::new()),
        ("forged", forged(&"A".repeat(22))),
        ("forged, too long", forged(&"A".repeat(43))),
        ("without a signature", forged("")),
        ("cut", valid.chars().take(valid.len() - 1).collect()),
        ("cut before the signature", signed.to_owned()),
        ("lengthened", format!("{valid}A")),
        (
            "another time",
            valid.replace(&later.to_string(), &(later + 1).to_string()),
        ),
        ("another version", valid.replacen("i1", "i2", 1)),
        ("expired", token(NEW, "reviews", "testers", now()?)?),
        ("long expired", token(NEW, "reviews", "testers", 1)?),
        ("another rule", token(NEW, "reviews", "others", later)?),
        ("another release", token(NEW, "shop", "testers", later)?),
        (
            "another key",
            token(
                "a key that no proxy of this test has",
                "reviews",
                "testers",
                later,
            )?,
        ),
        (
            "a key made of its own name",
            token(
                "SHORTSHORTSHORTSHORTSHORTSHORTSHORT",
                "reviews",
                "testers",
                later,
            )?,
        ),
        ("the signature alone", signature.to_owned()),
    ];
    for (what, token) in table {
        assert_reaches(&scene, &token, "v1", what).await?;
    }
    assert_eq!(scene.metric(KEYS, &[]).await?, 3.0);
    scene.end().await
}

#[tokio::test]
async fn the_link_sets_the_cookie_and_the_cookie_keeps_the_user() -> Result<()> {
    let scene = scene(&["NEW"]).await?;
    let token = token(NEW, "reviews", "testers", now()? + 3_600)?;
    for protocol in PROTOCOLS {
        let client = scene.client(protocol);
        let path = format!("/?x=1&halftone={token}");
        let first = client.get("reviews", &path, &[]).await?;
        assert_eq!(first.upstream(), Some("v2"));
        let set: Vec<_> = first.headers.get_all("set-cookie").iter().collect();
        let [set] = set.as_slice() else {
            anyhow::bail!("{protocol:?}: expected one cookie: {set:?}");
        };
        let cookie = Cookie::parse(set.to_str()?.to_owned())?;
        assert_eq!(cookie.name(), "halftone-invitation");
        assert_eq!(cookie.value(), token);
        let age = cookie.max_age().context("no age")?.whole_seconds();
        assert!((1..=3_600).contains(&age), "{cookie}");
        assert_eq!(
            first.header("cache-control"),
            Some("no-cache=\"set-cookie\"")
        );
        let sent = format!("{}={}", cookie.name(), cookie.value());
        // New connections reach either worker.
        for _ in 0..25 {
            let answer = scene.get(&[("cookie", sent.as_bytes())]).await?;
            assert_eq!(answer.upstream(), Some("v2"));
            assert!(answer.headers.get("set-cookie").is_none());
        }
    }
    scene.end().await
}

#[tokio::test]
async fn a_key_is_replaced_without_downtime() -> Result<()> {
    let scene = scene(&["OLD"]).await?;
    let later = now()? + 3_600;
    let old = token(OLD, "reviews", "testers", later)?;
    let new = token(NEW, "reviews", "testers", later)?;
    for (keys, by_old, by_new, usable) in [
        (&["OLD"][..], "v2", "v1", 1.0),
        (&["NEW", "OLD"], "v2", "v2", 2.0),
        (&["NEW"], "v1", "v2", 1.0),
        (&["NEW", "SHORT", "MISSING"], "v1", "v2", 1.0),
        (&["SHORT", "MISSING"], "v1", "v1", 0.0),
        (&["OLD"], "v2", "v1", 1.0),
    ] {
        let config = invited(keys).to_string();
        let applied = scene.envoy.apply(PLUGIN, Some(&config)).await?;
        assert_eq!(applied, Applied::Accepted, "{keys:?}");
        assert_reaches(&scene, &old, by_old, "replayed").await?;
        assert_reaches(&scene, &new, by_new, "new").await?;
        assert_eq!(scene.metric(KEYS, &[]).await?, usable, "{keys:?}");
    }
    scene.end().await
}

#[tokio::test]
async fn a_missing_or_short_key_is_reported_and_never_opens() -> Result<()> {
    let scene = scene(&["MISSING", "SHORT"]).await?;
    let later = now()? + 3_600;
    for key in [NEW, OLD, HOST] {
        let token = token(key, "reviews", "testers", later)?;
        assert_reaches(&scene, &token, "v1", "no key").await?;
    }
    let log = scene.envoy.log()?;
    for line in [
        "signing.keys: MISSING is missing or empty; no invitation is valid by it",
        "signing.keys: SHORT has 31 bytes, and a key has at least 32; no invitation is valid by it",
    ] {
        assert!(log.contains(line), "{line}\n{log}");
    }
    assert!(!log.contains(SHORT), "the log has a key");
    assert_eq!(scene.metric(KEYS, &[]).await?, 0.0);
    scene.end().await
}

#[tokio::test]
async fn a_key_of_the_proxys_own_environment_is_not_in_the_dump_of_its_configuration() -> Result<()>
{
    let scene = scene(&["HOST"]).await?;
    let valid = token(HOST, "reviews", "testers", now()? + 3_600)?;
    assert_reaches(&scene, &valid, "v2", "valid").await?;
    let admin = Client::http1(scene.envoy.admin());
    let dump = admin.get("admin", "/config_dump", &[]).await?;
    let dump = String::from_utf8(dump.body.to_vec())?;
    assert!(dump.contains("host_env_keys"), "{dump}");
    assert!(!dump.contains(HOST), "the dump has the key");
    assert!(dump.contains(NEW), "an inline value is in the dump");
    scene.end().await
}
