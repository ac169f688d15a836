//! Writes the man pages and the completions of `halftonectl`: `halftone-pages FOLDER`.
//!
//! `make dist` puts them into the archives. `halftonectl` itself prints completions only: a person who has the binary alone has
//! `--help`, which says the same as the pages.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::CommandFactory;
use clap_complete::Shell;
use halftonectl::Cli;

/// The shells whose completions the archives have. `halftonectl completions` knows more.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Fish, Shell::Zsh];

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(folder), None) = (arguments.next(), arguments.next()) else {
        bail!("usage: halftone-pages FOLDER");
    };
    let folder = Path::new(&folder);
    write(folder).with_context(|| format!("cannot write {}", folder.display()))
}

/// Writes a page for `halftonectl` and for each of its verbs to `man`, and the completions to `completions`.
fn write(folder: &Path) -> Result<()> {
    let (pages, completions) = (folder.join("man"), folder.join("completions"));
    fs::create_dir_all(&pages)?;
    fs::create_dir_all(&completions)?;
    clap_mangen::generate_to(Cli::command(), &pages)?;
    for shell in SHELLS {
        clap_complete::generate_to(shell, &mut Cli::command(), "halftonectl", &completions)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_a_page_and_is_completed_in_every_shell() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path()).unwrap();
        let read = |name: &str| {
            fs::read_to_string(folder.path().join(name)).unwrap_or_else(|error| {
                panic!("{name}: {error}");
            })
        };
        let completions = ["halftonectl.bash", "halftonectl.fish", "_halftonectl"]
            .map(|name| read(&format!("completions/{name}")));
        let cli = Cli::command();
        let verbs: Vec<&str> = cli.get_subcommands().map(clap::Command::get_name).collect();
        assert!(verbs.contains(&"check"), "{verbs:?}");
        for verb in verbs {
            let page = read(&format!("man/halftonectl-{verb}.1"));
            assert!(page.contains(".SH SYNOPSIS"), "{verb}: {page}");
            for text in &completions {
                assert!(text.contains(verb), "{verb} is not completed in: {text}");
            }
        }
        assert!(read("man/halftonectl.1").contains(env!("CARGO_PKG_VERSION")));
    }
}
