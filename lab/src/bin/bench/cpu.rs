//! The CPU time of a process, by the kernel's accounting.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use halftone_lab::wait;

/// How long a process may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(10);

/// What all threads of `pid` together have spent on a CPU, in user mode and in the kernel.
///
/// It is the sum over the threads' `schedstat`, which counts in nanoseconds: utime and stime of `/proc/<pid>/stat` come in
/// ticks of 10 ms, a hundredth of what a round takes, and `/proc/<pid>/schedstat` is that of the first thread alone.
/// Time in a thread that has ended is lost; Envoy's threads live as long as it does.
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

/// Waits until `pid` rests: until between two looks it has spent nothing. Returns all that it has spent.
pub async fn rest(pid: u32) -> Result<Duration> {
    let mut last = Duration::ZERO;
    wait::some(PATIENCE, "Envoy to rest", async || {
        let spent = spent(pid)?;
        let rests = spent == last;
        last = spent;
        Ok(rests.then_some(spent))
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
