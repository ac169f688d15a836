//! What is printed: plain text, for a terminal as for the log of a CI job.

use std::io::{Stdout, Write, stdout};

use anyhow::{Context, Result};

use crate::table::{Row, Table};

/// Tells the scenes, and keeps the score. It returns errors where `println!` would panic, as when
/// the reader has gone.
#[derive(Debug)]
pub struct Story {
    out: Stdout,
    /// How many have begun.
    scenes: usize,
    /// The title of the scene being played, with its number.
    title: String,
    observations: usize,
    /// What was not as expected, with the scene that it belongs to.
    unexpected: Vec<String>,
}

impl Default for Story {
    fn default() -> Self {
        Self {
            out: stdout(),
            scenes: 0,
            title: String::new(),
            observations: 0,
            unexpected: Vec::new(),
        }
    }
}

impl Story {
    /// The title of the whole.
    pub fn title(&mut self, title: &str, text: &str) -> Result<()> {
        self.say(&format!("{title}\n{}\n{text}", "=".repeat(title.len())))
    }

    /// Begins the next scene; what follows belongs to it.
    pub fn scene(&mut self, title: &str, text: &str) -> Result<()> {
        self.scenes += 1;
        self.title = format!("{}. {title}", self.scenes);
        let rule = "-".repeat(self.title.chars().count());
        self.say(&format!("\n\n{}\n{rule}\n{text}", self.title))
    }

    /// A paragraph.
    pub fn say(&mut self, text: &str) -> Result<()> {
        writeln!(self.out, "{text}").context("printing")
    }

    /// Something that stands elsewhere too, word for word: a configuration, a log, commands.
    pub fn quote(&mut self, what: &str, text: &str) -> Result<()> {
        self.say(&format!("\n{what}:\n"))?;
        text.trim()
            .lines()
            .try_for_each(|line| self.say(format!("    {line}").trim_end()))
    }

    /// The observations of the scene.
    pub fn observe(&mut self, rows: Vec<Row>) -> Result<()> {
        self.observations += rows.len();
        let unexpected = rows.iter().filter(|row| !row.ok);
        self.unexpected
            .extend(unexpected.map(|row| format!("{}: {row}", self.title)));
        write!(self.out, "\n{}", Table(rows)).context("printing")
    }

    /// Tells whether everything was as expected, or else what was not.
    pub fn verdict(&mut self) -> Result<bool> {
        let (all, wrong) = (self.observations, self.unexpected.len());
        if wrong == 0 {
            self.say(&format!("\n\nAll {all} observations are as expected."))?;
            return Ok(true);
        }
        let list = self.unexpected.join("\n  ");
        self.say(&format!(
            "\n\n{wrong} of {all} observations are not as expected:\n  {list}"
        ))?;
        Ok(false)
    }
}
