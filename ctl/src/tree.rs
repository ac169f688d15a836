//! Trees, drawn with box characters.

use std::io::{self, Write};

use crate::terminal::Line;

/// A line, and the nodes below it.
#[derive(Clone, Debug)]
pub struct Node {
    line: Line,
    children: Vec<Node>,
}

impl Node {
    /// A node without children.
    #[must_use]
    pub fn new(line: impl Into<Line>) -> Self {
        Self {
            line: line.into(),
            children: Vec::new(),
        }
    }

    /// Adds a line as the last child.
    pub fn add(&mut self, line: impl Into<Line>) {
        self.push(Self::new(line));
    }

    /// Adds a node as the last child.
    pub fn push(&mut self, child: Self) {
        self.children.push(child);
    }

    /// Draws the tree.
    ///
    /// # Errors
    ///
    /// `out` cannot be written.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", self.line)?;
        self.write_children("", out)
    }

    fn write_children(&self, indent: &str, out: &mut dyn Write) -> io::Result<()> {
        let last = self.children.len().saturating_sub(1);
        for (index, child) in self.children.iter().enumerate() {
            let (branch, below) = if index == last {
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
