//! What the demo prints: plain text, which also suits the log of a CI job.

use std::io::{Stdout, Write, stdout};

use anyhow::{Context, Result};

use crate::table::{Row, Table};

/// Prints the scenes, and counts the observations. Returns an error where `println!` panics, for example when the reader of a
/// pipe is gone.
#[derive(Debug)]
pub struct Story {
    out: Stdout,
    /// The number of scenes so far.
    scenes: usize,
    /// The title of the current scene, with its number.
    title: String,
    observations: usize,
    /// The observations that were not as expected, with their scenes.
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
    /// Prints the title of the demo.
    pub fn title(&mut self, title: &str, text: &str) -> Result<()> {
        self.say(&format!("{title}\n{}\n{text}", "=".repeat(title.len())))
    }

    /// Prints the title of the next scene.
    pub fn scene(&mut self, title: &str, text: &str) -> Result<()> {
        self.scenes += 1;
        self.title = format!("{}. {title}", self.scenes);
        let rule = "-".repeat(self.title.chars().count());
        self.say(&format!("\n\n{}\n{rule}\n{text}", self.title))
    }

    /// Prints a paragraph.
    pub fn say(&mut self, text: &str) -> Result<()> {
        writeln!(self.out, "{text}").context("printing")
    }

    /// Prints `text`, which is a quotation: a configuration, a log, a command.
    pub fn quote(&mut self, what: &str, text: &str) -> Result<()> {
        self.say(&format!("\n{what}:\n"))?;
        text.trim()
            .lines()
            .try_for_each(|line| self.say(format!("    {line}").trim_end()))
    }

    /// Prints the observations of the scene.
    pub fn observe(&mut self, rows: Vec<Row>) -> Result<()> {
        self.observations += rows.len();
        let unexpected = rows.iter().filter(|row| !row.ok);
        self.unexpected
            .extend(unexpected.map(|row| format!("{}: {row}", self.title)));
        write!(self.out, "\n{}", Table(rows)).context("printing")
    }

    /// Prints and returns whether all observations were as expected.
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
