//! `status`: the state of each release, and what its versions do now.
//!
//! # Layout
//!
//! - `subject` reads the releases, from a file or from a cluster.
//! - `measured` asks the proxies for their numbers once a second.
//! - `report` joins both. `text` prints the report.

mod measured;
mod report;
mod subject;
mod text;

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use halftone_console::embedded::Admins;

use crate::cli::Format;
use crate::clock;
use crate::json;
use crate::outcome::{Failure, Verdict};
use crate::source;
use crate::terminal::escaped;
use crate::verbs::act::Choice;
use measured::Measured;
use report::Report;
use subject::Subjects;

/// The time between two looks.
const SECOND: Duration = Duration::from_secs(1);

/// The number of looks after the first one. Envoy publishes its histograms every five seconds.
const LOOKS: u32 = 6;

/// The longest time for an answer of a proxy, unless the next look waits for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Moves the cursor to the top left and clears what follows.
const CLEAR: &str = "\x1b[H\x1b[J";

/// The arguments of `status`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration
    #[arg(
        value_name = "FILE",
        required_unless_present = "plugin",
        conflicts_with = "plugin"
    )]
    pub file: Option<String>,
    /// The release.
    #[command(flatten)]
    pub choice: Choice,
    /// The admin endpoint of an Envoy that runs Halftone, which has the numbers. Repeat the flag for more Envoys
    #[arg(long = "admin", value_name = "URL")]
    pub admins: Vec<String>,
    /// Print the state every second, until Ctrl-C
    ///
    /// On a terminal, each state replaces the last one. Elsewhere, each version has a line a second, or with --output
    /// json each second has a line.
    #[arg(long)]
    pub watch: bool,
    /// The format of the report
    #[arg(long, value_enum, default_value_t)]
    pub output: Format,
}

/// Prints the state of the releases. With `watch`, it prints until the process ends.
///
/// # Errors
///
/// The releases cannot be read, a URL is wrong, or the report cannot be written.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<Verdict, Failure> {
    if args.watch && args.file.as_deref() == Some(source::STDIN) {
        return Err(Failure::Usage(
            "--watch reads the configuration every second; give a file name instead of -".into(),
        ));
    }
    let subjects = Subjects::new(args.file.as_deref(), &args.choice)?;
    let measured = match args.admins.as_slice() {
        [] => None,
        urls => {
            let admins = Admins::new(urls);
            let admins = admins.map_err(|error| Failure::Usage(format!("--admin: {error}")))?;
            let admins = match args.watch {
                true => admins,
                false => admins.with_patience(PATIENCE),
            };
            Some(Measured::new(Box::new(admins))?)
        }
    };
    if args.watch {
        watch(args.output, &subjects, measured, out)
    } else {
        once(args.output, &subjects, measured, out)
    }
}

fn once(
    output: Format,
    subjects: &Subjects<'_>,
    mut measured: Option<Measured>,
    out: &mut dyn Write,
) -> Result<Verdict, Failure> {
    let releases = subjects.read()?;
    if let Some(measured) = &mut measured {
        let mut ticks = Ticks::start();
        measured.look();
        for _ in 0..LOOKS {
            if !measured.is_answered() {
                break;
            }
            ticks.wait();
            measured.look();
        }
    }
    let report = Report::new(&releases, measured.as_ref(), clock::now());
    match output {
        Format::Text => text::write(&report, out)?,
        Format::Json => json::write(&report, out)?,
    }
    Ok(Verdict::of(report.problems()))
}

fn watch(
    output: Format,
    subjects: &Subjects<'_>,
    mut measured: Option<Measured>,
    out: &mut dyn Write,
) -> Result<Verdict, Failure> {
    let is_terminal = std::io::stdout().is_terminal();
    // Whether the first read fails decides whether there is anything to watch.
    subjects.read()?;
    let mut ticks = Ticks::start();
    loop {
        if let Some(measured) = &mut measured {
            measured.look();
        }
        let read = subjects.read();
        let report = read.map(|releases| Report::new(&releases, measured.as_ref(), clock::now()));
        match (report, output) {
            (Ok(report), Format::Json) => {
                serde_json::to_writer(&mut *out, &report).map_err(std::io::Error::from)?;
                writeln!(out)?;
            }
            (Ok(report), Format::Text) if is_terminal => {
                write!(out, "{CLEAR}")?;
                text::write(&report, out)?;
            }
            (Ok(report), Format::Text) => text::lines(&report, out)?,
            // A file that is being edited, or a cluster that restarts, comes back.
            (Err(failure), _) => {
                writeln!(std::io::stderr(), "{}", escaped(failure.to_string()))?;
            }
        }
        out.flush()?;
        ticks.wait();
    }
}

/// The seconds. One that is missed is not made up for.
struct Ticks(Instant);

impl Ticks {
    fn start() -> Self {
        Self(Instant::now())
    }

    fn wait(&mut self) {
        let now = Instant::now();
        self.0 = (self.0 + SECOND).max(now);
        std::thread::sleep(self.0 - now);
    }
}
