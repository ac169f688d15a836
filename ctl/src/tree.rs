//! Trees, drawn with lines.

use std::io::{self, Write};

/// A line, and what stands below it.
#[derive(Clone, Debug)]
pub struct Node {
    line: String,
    children: Vec<Node>,
}

impl Node {
    /// A line with nothing below it.
    #[must_use]
    pub fn new(line: impl Into<String>) -> Self {
        Self {
            line: line.into(),
            children: Vec::new(),
        }
    }

    /// Puts a line below it.
    pub fn add(&mut self, line: impl Into<String>) {
        self.push(Self::new(line));
    }

    /// Puts a node below it.
    pub fn push(&mut self, child: Self) {
        self.children.push(child);
    }

    /// Draws it.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", self.line)?;
        self.write_children("", out)
    }

    fn write_children(&self, indent: &str, out: &mut dyn Write) -> io::Result<()> {
        let last = self.children.len().saturating_sub(1);
        for (place, child) in self.children.iter().enumerate() {
            let (branch, below) = if place == last {
                ("└─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            writeln!(out, "{indent}{branch}{}", child.line)?;
            child.write_children(&format!("{indent}{below}"), out)?;
        }
        Ok(())
    }
}

impl Extend<Node> for Node {
    fn extend<T: IntoIterator<Item = Node>>(&mut self, nodes: T) {
        self.children.extend(nodes);
    }
}
