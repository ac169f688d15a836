//! `console`: a page on which people see releases and drive them.

mod judge;

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use halftone_console::embedded::{Admins, Files, Log};
use halftone_console::history::History;
use halftone_console::source::Samples;
use halftone_console::{Console, Settings};

use crate::outcome::{Failure, Verdict};
use judge::Core;

/// The arguments of `console`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A folder with the configuration, and with the discovery resource that Envoy reads
    #[arg(
        value_name = "DIR",
        required_unless_present = "file",
        conflicts_with = "file"
    )]
    pub folder: Option<PathBuf>,
    /// The configuration, in place of a folder
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The admin endpoint of an Envoy. Repeat the flag for more Envoys
    #[arg(
        long = "admin",
        value_name = "URL",
        default_value = "http://127.0.0.1:9901"
    )]
    pub admins: Vec<String>,
    /// The log of the Envoy, which has the samples of differing answers
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// The discovery resource that follows the configuration, if it is not in DIR
    #[arg(long, value_name = "FILE")]
    pub discovery: Option<PathBuf>,
    /// The file in which the history is kept. Default: `.NAME.history.jsonl` beside FILE, or `.history.jsonl` in DIR
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
    /// The address of the page. Port 0: any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Do not open the page in a browser
    #[arg(long)]
    pub no_open: bool,
    /// Show everything, and let nobody change anything
    #[arg(long)]
    pub view_only: bool,
}

/// Prints the link to the page, opens it, and serves it until the process ends.
///
/// # Errors
///
/// The configuration cannot be read, the arguments contradict each other, or the address is in use.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let settings = settings(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime?.block_on(serve(args, settings, out))
}

async fn serve(args: &Args, settings: Settings, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let failed = |error: std::io::Error| {
        Failure::Usage(format!(
            "--listen: cannot listen at {}: {error}; choose another address",
            args.listen
        ))
    };
    let console = Console::bind(args.listen, settings).await.map_err(failed)?;
    let link = console.link().map_err(failed)?;
    writeln!(out, "Console: {link}")?;
    if !args.listen.ip().is_loopback() {
        let wide = "Everybody who reaches this address and has the link can use the page.";
        writeln!(out, "{wide} The link is not encrypted.")?;
    }
    writeln!(out, "Press Ctrl-C to end it.")?;
    out.flush()?;
    if !args.no_open {
        // A machine without a browser still has the link.
        let _ = open::that_detached(&link);
    }
    console.serve().await;
    Ok(Verdict::Fine)
}

fn settings(args: &Args) -> Result<Settings, Failure> {
    let usage = |error: &dyn std::fmt::Display| Failure::Usage(error.to_string());
    let files = match (&args.folder, &args.file) {
        (Some(folder), _) => Files::folder(folder).map_err(|error| usage(&error))?,
        (None, Some(file)) => Files::one(readable(file)?),
        (None, None) => return Err(Failure::Usage("give a folder, or --file".into())),
    };
    let files = match &args.discovery {
        Some(file) => {
            let files = files.with_discovery(readable(file)?);
            files.map_err(|error| usage(&error))?
        }
        None => files,
    };
    let admins = Admins::new(&args.admins).map_err(|error| usage(&format!("--admin: {error}")))?;
    let samples = args.log.as_ref().map(|log| {
        let log: Box<dyn Samples> = Box::new(Log::new(log.clone()));
        log
    });
    Ok(Settings {
        configurations: Box::new(files),
        numbers: Box::new(admins),
        samples,
        judge: Arc::new(Core),
        view_only: args.view_only,
        history: History::of(person()).with_file(history_file(args)),
    })
}

/// The file in which the history is kept.
fn history_file(args: &Args) -> PathBuf {
    match (&args.history, &args.file, &args.folder) {
        (Some(history), _, _) => history.clone(),
        (None, Some(file), _) => {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            file.with_file_name(format!(".{name}.history.jsonl"))
        }
        (None, None, folder) => folder
            .as_deref()
            .unwrap_or(Path::new("."))
            .join(".history.jsonl"),
    }
}

/// The user of the system who starts the console. Empty: the system does not say.
fn person() -> String {
    let names = ["USER", "LOGNAME", "USERNAME"];
    let mut found = names.iter().filter_map(|name| std::env::var(name).ok());
    found.find(|name| !name.is_empty()).unwrap_or_default()
}

fn readable(file: &Path) -> Result<PathBuf, Failure> {
    match std::fs::File::open(file) {
        Ok(_) => Ok(file.into()),
        Err(error) => Err(Failure::File {
            file: file.display().to_string(),
            error,
        }),
    }
}
