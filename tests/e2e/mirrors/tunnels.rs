//! Tunnels are not copied and carry all bytes.

use anyhow::Result;
use halftone_lab::client::Tunnel;
use serde_json::json;

use super::stage::{SHADOW, Stage, mirror, mirrored};
use crate::scene::plugin;

#[tokio::test]
async fn tunnels_are_skipped_and_carry_bytes_both_ways() -> Result<()> {
    let config = mirrored([mirror(SHADOW, json!({}))]);
    let stage = Stage::of(|proxy| proxy.plugin(plugin(&config)).upgrades()).await?;
    let address = stage.scene.envoy.address();
    let websocket = Tunnel::websocket(address, "reviews", "/chat").await?;
    let connect = Tunnel::connect(address, "reviews:80").await?;
    stage.until(&[("skipped", 2)]).await?;
    for mut tunnel in [websocket, connect] {
        for message in [&b"ping"[..], b"\xff\xfe\0\r\n\r\n", &[7; 200_000]] {
            assert!(tunnel.echo(message).await? == message);
        }
    }
    stage.scene.get(&[]).await?;
    stage.until(&[("answered", 1), ("skipped", 2)]).await?;
    assert_eq!(stage.shadow.received(), 1);
    stage.end().await
}
