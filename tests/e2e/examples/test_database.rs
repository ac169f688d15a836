//! `mirror-to-a-test-database`: 1,000 orders through Envoy, to two instances of an order service with a database each.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use halftone_lab::client::{Client, Fields};
use halftone_lab::envoy::Envoy;
use halftone_lab::istio::cluster;
use halftone_lab::orders::Orders;
use halftone_lab::proxy::{Cluster, Proxy};
use halftone_lab::wait;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::folder::Folder;
use crate::scene::{SOON, plugin};

const COPIES: &str = "halftone_mirrors_total";
const ANSWERS: &str = "halftone_mirror_responses_total";

/// The largest quantity in production, and in the test database, whose schema is newer.
const LARGEST: [u32; 2] = [1_000, 100];

/// The example's `maxInFlight`.
const MAX_IN_FLIGHT: usize = 64;

/// The number of Envoy's workers.
const WORKERS: usize = 2;

/// What happens to the copies of these orders.
const ARRIVE: Range<usize> = 0..300;
const TOO_LONG: Range<usize> = 300..350;
const REFUSED_BY_THE_NEW_SCHEMA: Range<usize> = 350..400;
const PAUSED: Range<usize> = 400..600;
const KILLED: Range<usize> = 600..700;
const ARRIVE_AGAIN: Range<usize> = 700..1_000;

/// A request that writes, and the status of production's answer.
struct Write {
    method: &'static str,
    path: String,
    key: String,
    body: Value,
    expected: u16,
}

impl Write {
    fn order(number: usize) -> Self {
        let quantity = number % 100 + 1;
        Self {
            method: "POST",
            path: "/orders".to_owned(),
            key: id(number),
            body: json!({"item": format!("item {number}"), "note": "ring twice", "quantity": quantity}),
            expected: 201,
        }
    }

    fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.body[field] = value.into();
        self
    }

    /// The client sends the order a second time, with the same key.
    fn again(mut self) -> Self {
        self.expected = 200;
        self
    }

    fn payment(number: usize) -> Self {
        let path = format!("/orders/{}/payment", id(number));
        Self::to(&path, "POST", 201)
    }

    fn change(number: usize) -> Self {
        Self::to(&format!("/orders/{}", id(number)), "PUT", 200).with("quantity", 7)
    }

    fn delete(number: usize) -> Self {
        Self::to(&format!("/orders/{}", id(number)), "DELETE", 204)
    }

    fn to(path: &str, method: &'static str, expected: u16) -> Self {
        Self {
            method,
            path: path.to_owned(),
            key: format!("{method} {path}"),
            body: json!({}),
            expected,
        }
    }

    async fn send(self, client: Arc<Client>) -> Result<()> {
        let headers: Fields<'_> = &[("idempotency-key", self.key.as_bytes())];
        let answer = client
            .request(
                self.method.parse()?,
                "orders:8080",
                &self.path,
                headers,
                self.body.to_string().into(),
            )
            .await?;
        let what = format!("{} {} {}", self.method, self.path, self.key);
        ensure!(answer.status == self.expected, "{what}: {}", answer.status);
        Ok(())
    }
}

fn id(number: usize) -> String {
    format!("order-{number:04}")
}

/// An order service in production, one with a test database, and the sidecar that mirrors to it.
struct Shop {
    production: Orders,
    test: Orders,
    envoy: Envoy,
    client: Arc<Client>,
    /// The number of requests that the mirror selected.
    selected: usize,
}

impl Shop {
    async fn open() -> Result<Self> {
        let [production, test] = LARGEST;
        let production = Orders::start(production).await?;
        let test = Orders::start(test).await?;
        let mut config = Folder::named("mirror-to-a-test-database")?.config()?;
        let mirror = &mut config["releases"][0]["mirrors"][0];
        assert_eq!(mirror["maxInFlight"], MAX_IN_FLIGHT);
        // On a busy machine, a copy may wait longer than the example allows.
        mirror["timeout"] = "1m".into();
        let [of_production, of_test] = ["shop", "shop-test"]
            .map(|namespace| cluster(&format!("orders.{namespace}.svc.cluster.local"), 8080, ""));
        let proxy = Proxy::new()
            .namespace("shop")
            .concurrency(WORKERS as u32)
            .plugin(plugin(&config))
            .cluster(Cluster::new(&of_production, production.address()))
            .cluster(Cluster::new(&of_test, test.address()))
            .fallback(&of_production);
        let envoy = Envoy::start(proxy).await?;
        let client = Arc::new(Client::http1(envoy.address()));
        Ok(Self {
            production,
            test,
            envoy,
            client,
            selected: 0,
        })
    }

    /// Sends these requests at once, and waits for production's answers.
    async fn send(&self, writes: impl IntoIterator<Item = Write>) -> Result<()> {
        let mut sent = JoinSet::new();
        for write in writes {
            sent.spawn(write.send(Arc::clone(&self.client)));
        }
        while let Some(answered) = sent.join_next().await {
            answered??;
        }
        Ok(())
    }

    /// Sends these requests so slowly that `maxInFlight` excludes none, and waits until each copy has an outcome.
    async fn mirror(&mut self, writes: impl IntoIterator<Item = Write>) -> Result<()> {
        let mut writes = writes.into_iter().peekable();
        while writes.peek().is_some() {
            let some: Vec<Write> = writes.by_ref().take(MAX_IN_FLIGHT).collect();
            self.selected += some.len();
            self.send(some).await?;
            self.until_counted().await?;
        }
        Ok(())
    }

    async fn until_counted(&self) -> Result<()> {
        let what = format!("outcomes of {} copies", self.selected);
        let counted = async || Ok(self.count(COPIES, &[]).await? == self.selected);
        wait::until(SOON, &what, counted).await
    }

    async fn count(&self, name: &str, more: &[(&str, &str)]) -> Result<usize> {
        let mut labels = vec![("release", "orders"), ("mirror", "test-database")];
        labels.extend(more);
        Ok(self.envoy.metrics_like(name).await?.sum(name, &labels) as usize)
    }

    async fn outcome(&self, name: &str) -> Result<usize> {
        self.count(COPIES, &[("outcome", name)]).await
    }

    async fn class(&self, name: &str) -> Result<usize> {
        self.count(ANSWERS, &[("class", name)]).await
    }
}

/// The rows of the orders by id.
fn orders(service: &Orders) -> Result<BTreeMap<String, Value>> {
    let rows = service.rows("orders")?.into_iter();
    rows.map(|row| {
        let id = row[0].as_str().context("an order without an id")?;
        Ok((id.to_owned(), row.clone()))
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_test_database_lacks_what_the_counters_say_and_nothing_else() -> Result<()> {
    let mut shop = Shop::open().await?;
    let long = "x".repeat(20_000);

    shop.mirror(ARRIVE.map(Write::order)).await?;
    shop.mirror((0..100).map(Write::order).map(Write::again))
        .await?;
    shop.mirror(TOO_LONG.map(|number| Write::order(number).with("note", long.as_str())))
        .await?;
    shop.mirror(REFUSED_BY_THE_NEW_SCHEMA.map(|number| Write::order(number).with("quantity", 101)))
        .await?;

    // While the test instance answers nothing, production answers everything.
    shop.test.pause()?;
    shop.selected += PAUSED.len();
    shop.send(PAUSED.map(Write::order)).await?;
    shop.test.resume()?;
    shop.until_counted().await?;

    shop.test.kill();
    shop.mirror(KILLED.map(Write::order)).await?;
    shop.test.restart().await?;

    shop.mirror(ARRIVE_AGAIN.map(Write::order)).await?;
    shop.mirror((0..100).map(Write::change)).await?;
    shop.mirror((100..150).map(Write::delete)).await?;
    // The test database lacks these orders, so the test instance answers 404.
    shop.mirror((300..310).map(Write::change)).await?;
    // A payment is not mirrored, so no outcome follows.
    shop.send((0..50).map(Write::payment)).await?;

    let (production, test) = (orders(&shop.production)?, orders(&shop.test)?);
    assert_eq!(production.len(), 1_000 - 50);
    for (id, order) in &test {
        assert_eq!(production.get(id), Some(order));
    }
    let lacking: BTreeSet<&String> = production
        .keys()
        .filter(|id| !test.contains_key(*id))
        .collect();
    let lacks = |orders: Range<usize>| {
        orders
            .filter(|number| lacking.contains(&id(*number)))
            .count()
    };
    assert_eq!(lacks(ARRIVE), 0);
    assert_eq!(lacks(ARRIVE_AGAIN), 0);
    assert_eq!(
        (lacks(TOO_LONG), shop.outcome("too_large").await?),
        (50, 50)
    );
    let refused = lacks(REFUSED_BY_THE_NEW_SCHEMA);
    assert_eq!((refused, shop.class("5xx").await?), (50, 50));
    assert_eq!((lacks(KILLED), shop.outcome("failed").await?), (100, 100));
    let too_many = shop.outcome("too_many").await?;
    assert_eq!(lacks(PAUSED), too_many);
    assert!(
        too_many >= PAUSED.len() - WORKERS * MAX_IN_FLIGHT,
        "{too_many}"
    );
    assert!(too_many <= PAUSED.len() - MAX_IN_FLIGHT, "{too_many}");

    assert_eq!(shop.class("4xx").await?, 10);
    let orders_twice_changes_deletions = test.len() + 50 + 100 + 100 + 50;
    assert_eq!(shop.class("2xx").await?, orders_twice_changes_deletions);
    let answered = shop.outcome("answered").await?;
    assert_eq!(answered, shop.count(ANSWERS, &[]).await?);
    assert_eq!(answered + 50 + 100 + too_many, shop.selected);
    assert_eq!(shop.count(COPIES, &[]).await?, shop.selected);

    assert_eq!(shop.production.rows("mails")?.len(), 1_000);
    assert_eq!(shop.production.rows("payments")?.len(), 50);
    for table in ["mails", "payments"] {
        assert_eq!(shop.test.rows(table)?.len(), 0, "{table}");
    }
    shop.envoy.check_health().await?;
    shop.envoy.stop().await
}
