//! The order service.

#![allow(clippy::indexing_slicing, clippy::panic, reason = "a test may fail")]

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use halftone_lab::client::{Client, Fields};
use halftone_lab::orders::Orders;
use halftone_lab::wait;
use serde_json::{Value, json};

/// The longest time until a condition is met.
const SOON: Duration = Duration::from_secs(10);

/// A method, a path, the idempotency key, the quantity, and the status of the answer.
type Row = (&'static str, &'static str, &'static str, u32, u16);

async fn send(orders: &Orders, row: Row, more: Fields<'_>) -> Result<()> {
    let (method, path, key, quantity, expected) = row;
    let body = json!({"item": "tea", "note": "", "quantity": quantity}).to_string();
    let headers = [&[("idempotency-key", key.as_bytes())], more].concat();
    let client = Client::http1(orders.address());
    let answer = client
        .request(method.parse()?, "orders", path, &headers, body.into())
        .await?;
    assert_eq!(answer.status, expected, "{row:?}");
    Ok(())
}

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().filter_map(|row| row[0].as_str()).collect()
}

#[tokio::test]
async fn each_request_writes_what_it_says() -> Result<()> {
    let orders = Orders::start(100).await?;
    let rows: [Row; 10] = [
        ("POST", "/orders", "a", 3, 201),
        // The same key is the same order.
        ("POST", "/orders", "a", 3, 200),
        ("POST", "/orders", "b", 4, 201),
        ("POST", "/orders", "too-large", 101, 500),
        ("PUT", "/orders/a", "", 5, 200),
        ("PUT", "/orders/none", "", 5, 404),
        ("DELETE", "/orders/b", "", 0, 204),
        ("DELETE", "/orders/b", "", 0, 404),
        ("POST", "/orders/a/payment", "", 0, 201),
        ("POST", "/other", "c", 1, 404),
    ];
    for row in rows {
        send(&orders, row, &[]).await?;
    }
    let copy: Fields<'_> = &[("x-env", b"shadow")];
    send(&orders, ("POST", "/orders", "copy", 1, 201), copy).await?;
    let expected = [json!(["a", "tea", "", 5]), json!(["copy", "tea", "", 1])];
    assert_eq!(orders.rows("orders")?, expected);
    assert_eq!(ids(&orders.rows("mails")?), ["a", "b"]);
    assert_eq!(ids(&orders.rows("payments")?), ["a"]);
    Ok(())
}

#[tokio::test]
async fn the_database_outlives_the_process() -> Result<()> {
    let mut orders = Orders::start(100).await?;
    send(&orders, ("POST", "/orders", "a", 1, 201), &[]).await?;
    orders.kill();
    let refused = Client::http1(orders.address())
        .get("orders", "/", &[])
        .await;
    assert!(refused.is_err());
    assert_eq!(ids(&orders.rows("orders")?), ["a"]);
    orders.restart().await?;
    send(&orders, ("POST", "/orders", "a", 1, 200), &[]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_service_answers_when_it_goes_on() -> Result<()> {
    let orders = Arc::new(Orders::start(100).await?);
    orders.pause()?;
    let waiting = tokio::spawn({
        let orders = Arc::clone(&orders);
        async move { send(&orders, ("POST", "/orders", "a", 1, 201), &[]).await }
    });
    // A service that runs would answer while another process reads the database.
    assert_eq!(orders.rows("orders")?, [json!(null); 0]);
    assert!(!waiting.is_finished());
    orders.resume()?;
    wait::until(SOON, "the answer", async || Ok(waiting.is_finished())).await?;
    waiting.await??;
    assert_eq!(ids(&orders.rows("orders")?), ["a"]);
    Ok(())
}
