//! The CPU time of a process, by the kernel's accounting.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::wait;
use anyhow::{Context, Result};

/// The longest time that a process may take to become idle.
const PATIENCE: Duration = Duration::from_secs(10);

/// The CPU time of all threads of `pid`, in user mode and in the kernel.
///
/// It is the sum of `schedstat` of each thread, which counts in nanoseconds. `/proc/<pid>/stat` counts in ticks of 10
/// ms, which is too coarse, and `/proc/<pid>/schedstat` has only the first thread. The sum misses threads that have
/// ended; Envoy's threads live as long as Envoy.
///
/// # Errors
///
/// When there is no such process.
pub fn spent(pid: u32) -> Result<Duration> {
    let tasks = Path::new("/proc").join(pid.to_string()).join("task");
    let mut spent = Duration::ZERO;
    for task in fs::read_dir(&tasks).with_context(|| format!("reading {}", tasks.display()))? {
        let task = task?.path();
        let file = task.join("schedstat");
        let text = match fs::read_to_string(&file) {
            Err(_) if !task.exists() => continue,
            text => text.with_context(|| format!("reading {}", file.display()))?,
        };
        let nanoseconds = text.split(' ').next().unwrap_or_default().parse();
        spent += Duration::from_nanos(
            nanoseconds.with_context(|| format!("{} begins with no number", file.display()))?,
        );
    }
    Ok(spent)
}

/// Waits until `pid` is idle, which means that it spends no CPU time between two looks. Returns its CPU time.
///
/// # Errors
///
/// When there is no such process, or when it is still busy after 10 s.
pub async fn rest(pid: u32) -> Result<Duration> {
    let mut last = Duration::ZERO;
    wait::some(PATIENCE, "the process to become idle", async || {
        let spent = spent(pid)?;
        let idle = spent == last;
        last = spent;
        Ok(idle.then_some(spent))
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn work_in_any_thread_counts() -> Result<()> {
        let work = Duration::from_millis(20);
        let before = spent(std::process::id())?;
        let worked = std::thread::spawn(move || -> Result<Duration> {
            let start = Instant::now();
            // A busy machine may take the CPU away meanwhile, so the clock alone does not tell when it is done.
            while start.elapsed() < Duration::from_secs(10) {
                let spent = spent(std::process::id())?.saturating_sub(before);
                if spent >= work {
                    return Ok(spent);
                }
            }
            Ok(Duration::ZERO)
        });
        assert!(worked.join().unwrap()? >= work);
        Ok(())
    }
}
