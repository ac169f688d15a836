//! Waiting for something to become true.

use std::time::{Duration, Instant};

use anyhow::bail;

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Looks until `condition` says true.
///
/// `what` completes the sentence "waited 5s for …".
///
/// # Errors
///
/// When `deadline` has passed, and at once when `condition` itself fails.
pub async fn until<C>(deadline: Duration, what: &str, mut condition: C) -> anyhow::Result<()>
where
    C: AsyncFnMut() -> anyhow::Result<bool>,
{
    some(deadline, what, async || {
        Ok(condition().await?.then_some(()))
    })
    .await
}

/// Looks until `look` finds something, and returns it. Otherwise as [`until`].
///
/// # Errors
///
/// When `deadline` has passed, and at once when `look` itself fails.
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
    async fn the_error_says_what_was_waited_for() {
        let never = until(
            Duration::from_millis(10),
            "the cows to come home",
            async || Ok(false),
        )
        .await;
        assert_eq!(
            never.map_err(|error| error.to_string()),
            Err("waited 10ms for the cows to come home".to_owned())
        );
    }

    #[tokio::test]
    async fn a_late_success_counts() -> anyhow::Result<()> {
        let mut looks = 0;
        until(Duration::from_secs(5), "the third look", async || {
            looks += 1;
            Ok(looks == 3)
        })
        .await
    }
}
