//! A child process that cannot outlive us, however we end.
//!
//! `Drop` does not run when a test runner is killed, and the kernel's own way (`PR_SET_PDEATHSIG`) needs unsafe code and fires
//! when the spawning *thread* ends. So a small shell stands between: it starts the program and reads from a pipe that only we
//! hold open. When we go, by whatever way, the kernel closes the pipe, the read returns, and the shell kills the program.

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
    /// Our end of the pipe. Closing it kills the program.
    lifeline: Option<ChildStdin>,
    pid: u32,
}

impl Supervised {
    /// Starts `program`; all that it prints goes to the file `log`.
    ///
    /// # Errors
    ///
    /// When `log` cannot be written or no shell can be started. A program that cannot be started shows as one that exits.
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
            // Ctrl-C at the terminal is for us; the program follows by the pipe.
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

    /// How the program ended; `None` while it runs. A program that died of signal n has the exit code 128 + n.
    ///
    /// # Errors
    ///
    /// When the operating system cannot tell.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.shell
            .try_wait()
            .context("asking for the end of a process")
    }

    /// Waits until the program has ended by itself.
    ///
    /// # Errors
    ///
    /// When it still runs at `deadline`.
    pub async fn end(&mut self, deadline: Duration) -> anyhow::Result<ExitStatus> {
        let what = format!("process {} to end", self.pid);
        wait::some(deadline, &what, async || self.ended()).await
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        // Nothing to do about a failure here, and the kernel has the kill in hand already.
        let _ = self.shell.wait();
    }
}
