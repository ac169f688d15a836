//! A child process that ends when this process ends, even if this process is killed.
//!
//! `Drop` does not run when a test runner is killed. The kernel's own way (`PR_SET_PDEATHSIG`) needs unsafe code, and
//! fires when the spawning *thread* ends. So a small shell starts the program and reads from a pipe that only this
//! process holds open. When this process ends, the kernel closes the pipe, the read returns, and the shell kills the
//! program.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context;

use crate::wait;

/// Prints the program's pid, and exits with the program's own status.
/// The pipe is moved from stdin to descriptor 3, since a shell gives its background jobs /dev/null as stdin.
const SUPERVISE: &str = r#"
exec 3<&0 </dev/null
"$@" 3<&- >&2 &
program=$!
{ read -r line <&3; kill -KILL "$program"; } >/dev/null 2>&1 &
watcher=$!
echo "$program"
exec >&-
wait "$program" 2>/dev/null
status=$?
kill "$watcher"
exit "$status"
"#;

/// A running program under supervision. Dropping it kills the program and waits until it is gone.
#[derive(Debug)]
pub struct Supervised {
    shell: Child,
    /// The write end of the pipe. Closing it kills the program.
    lifeline: Option<ChildStdin>,
    pid: u32,
}

impl Supervised {
    /// Starts `program`. Its output goes to the file `log`.
    ///
    /// # Errors
    ///
    /// If `log` cannot be written or no shell can be started. If the program cannot be started, it appears as one that
    /// exits.
    pub fn start<A: AsRef<OsStr>>(
        program: &Path,
        arguments: &[A],
        log: &Path,
    ) -> anyhow::Result<Self> {
        let log_file = File::create(log).with_context(|| format!("creating {}", log.display()))?;
        let mut shell = Command::new("/bin/sh")
            .args(["-c", SUPERVISE, "halftone-lab"])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log_file)
            // Ctrl-C at the terminal must not reach the program: the pipe ends it.
            .process_group(0)
            .spawn()
            .context("starting /bin/sh")?;
        let lifeline = shell.stdin.take();
        let stdout = shell.stdout.take().context("/bin/sh has no stdout")?;
        let mut supervised = Self {
            shell,
            lifeline,
            pid: 0,
        };
        let mut line = String::new();
        BufReader::new(stdout)
            .read_line(&mut line)
            .and_then(|_| line.trim().parse().map_err(std::io::Error::other))
            .with_context(|| format!("reading the pid of {}", program.display()))
            .map(|pid| supervised.pid = pid)?;
        Ok(supervised)
    }

    /// The program's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// How the program ended, or `None` while it runs. After signal n the exit code is 128 + n.
    ///
    /// # Errors
    ///
    /// If the operating system reports an error.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.shell
            .try_wait()
            .context("asking for the end of a process")
    }

    /// Waits until the program ends by itself.
    ///
    /// # Errors
    ///
    /// If it still runs at `deadline`.
    pub async fn end(&mut self, deadline: Duration) -> anyhow::Result<ExitStatus> {
        let what = format!("process {} to end", self.pid);
        wait::some(deadline, &what, async || self.ended()).await
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        // The pipe is closed, so the program ends even if this fails.
        let _ = self.shell.wait();
    }
}
