//! Polls for a condition.

use std::time::{Duration, Instant};

use anyhow::bail;

/// The pause between two polls.
const PAUSE: Duration = Duration::from_millis(5);

/// Polls until `condition` is true.
///
/// `what` completes the error message "waited 5s for …".
///
/// # Errors
///
/// If `deadline` passes. At once if `condition` fails.
pub async fn until<C>(deadline: Duration, what: &str, mut condition: C) -> anyhow::Result<()>
where
    C: AsyncFnMut() -> anyhow::Result<bool>,
{
    some(deadline, what, async || {
        Ok(condition().await?.then_some(()))
    })
    .await
}

/// Polls until `look` returns a value, and returns the value. Otherwise like [`until`].
///
/// # Errors
///
/// If `deadline` passes. At once if `look` fails.
pub async fn some<T, L>(deadline: Duration, what: &str, mut look: L) -> anyhow::Result<T>
where
    L: AsyncFnMut() -> anyhow::Result<Option<T>>,
{
    let start = Instant::now();
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if start.elapsed() >= deadline {
            bail!("waited {deadline:?} for {what}");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_error_names_the_condition() {
        let never = until(
            Duration::from_millis(10),
            "a condition that is never met",
            async || Ok(false),
        )
        .await;
        assert_eq!(
            never.map_err(|error| error.to_string()),
            Err("waited 10ms for a condition that is never met".to_owned())
        );
    }

    #[tokio::test]
    async fn a_condition_can_become_true_later() -> anyhow::Result<()> {
        let mut looks = 0;
        until(Duration::from_secs(5), "the third look", async || {
            looks += 1;
            Ok(looks == 3)
        })
        .await
    }
}
