//! A JSON text as a flat list of nodes, each a span of the text.

use super::steps::count;

/// The most levels of arrays and objects.
pub const DEEPEST: usize = 128;

/// Why a text has no nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is not JSON by RFC 8259.
    NotJson,
    /// It has more than [`DEEPEST`] levels, or 4 GiB. The rest of it is not read.
    TooDeep,
}

/// A value, or the name of a member. The name comes right before its value.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// The index of the first byte of its text, quotes and brackets included.
    pub start: u32,
    /// The index after the last byte of its text.
    pub end: u32,
    /// The index of the node after it and its contents.
    pub next: u32,
}

/// A JSON text and its nodes. The first node is the whole value. The contents of a container come
/// right after it. A node takes 12 bytes, and is at least two bytes of the text.
#[derive(Debug)]
pub struct Document<'t> {
    text: &'t [u8],
    nodes: Vec<Node>,
}

impl<'t> Document<'t> {
    /// The nodes of `text`.
    pub fn parse(text: &'t [u8]) -> Result<Self, Refusal> {
        if u32::try_from(text.len()).is_err() {
            return Err(Refusal::TooDeep);
        }
        if core::str::from_utf8(text).is_err() {
            return Err(Refusal::NotJson);
        }
        let mut parser = Parser {
            text,
            at: 0,
            // Real documents have about one node for eight bytes.
            nodes: Vec::with_capacity(text.len() / 8 + 1),
        };
        parser.document()?;
        count(text.len());
        let nodes = parser.nodes;
        Ok(Self { text, nodes })
    }

    /// The length of the text, in bytes.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// The `index`-th node. After the last one, an empty node that leads nowhere.
    pub fn node(&self, index: u32) -> Node {
        const NONE: Node = Node {
            start: 0,
            end: 0,
            next: u32::MAX,
        };
        self.nodes.get(index as usize).copied().unwrap_or(NONE)
    }

    /// The node's text as it is written.
    pub fn written(&self, node: Node) -> &'t [u8] {
        self.text
            .get(node.start as usize..node.end as usize)
            .unwrap_or_default()
    }

    /// The first byte of the node's text. It tells the type of the value.
    pub fn kind(&self, node: Node) -> u8 {
        self.text.get(node.start as usize).copied().unwrap_or(0)
    }

    #[cfg(test)]
    pub fn memory(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>()
    }
}

struct Parser<'t> {
    text: &'t [u8],
    at: usize,
    nodes: Vec<Node>,
}

/// A container that is not closed yet.
struct Open {
    index: usize,
    closing: u8,
}

impl Parser<'_> {
    fn document(&mut self) -> Result<(), Refusal> {
        let mut open: Vec<Open> = Vec::new();
        loop {
            let closing = match self.peek() {
                b'"' => {
                    self.string()?;
                    None
                }
                b'{' => Some(b'}'),
                b'[' => Some(b']'),
                _ => {
                    self.word()?;
                    None
                }
            };
            if let Some(closing) = closing {
                if open.len() == DEEPEST {
                    return Err(Refusal::TooDeep);
                }
                let index = self.nodes.len();
                self.push(self.at, self.at);
                open.push(Open { index, closing });
                self.at += 1;
                if self.peek() != closing {
                    self.name(closing)?;
                    continue;
                }
            }
            loop {
                let byte = self.peek();
                let Some(container) = open.last() else {
                    let is_all = self.at == self.text.len();
                    return is_all.then_some(()).ok_or(Refusal::NotJson);
                };
                if byte == b',' {
                    self.at += 1;
                    self.name(container.closing)?;
                    break;
                }
                if byte != container.closing {
                    return Err(Refusal::NotJson);
                }
                self.at += 1;
                let next = self.nodes.len() as u32;
                if let Some(node) = self.nodes.get_mut(container.index) {
                    node.end = self.at as u32;
                    node.next = next;
                }
                open.pop();
            }
        }
    }

    /// The next byte that is not white space. 0, which JSON does not contain: the text ends.
    fn peek(&mut self) -> u8 {
        loop {
            match self.text.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                Some(byte) => return *byte,
                None => return 0,
            }
        }
    }

    fn push(&mut self, start: usize, end: usize) {
        let next = self.nodes.len() as u32 + 1;
        self.nodes.push(Node {
            start: start as u32,
            end: end as u32,
            next,
        });
    }

    /// Reads a member's name and its colon. An array has none.
    fn name(&mut self, closing: u8) -> Result<(), Refusal> {
        if closing == b']' {
            return Ok(());
        }
        if self.peek() != b'"' {
            return Err(Refusal::NotJson);
        }
        self.string()?;
        if self.peek() != b':' {
            return Err(Refusal::NotJson);
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<(), Refusal> {
        let start = self.at;
        self.at += 1;
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let Some(length) = rest
                .iter()
                .position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))
            else {
                return Err(Refusal::NotJson);
            };
            self.at += length;
            let rest = rest.get(length..).unwrap_or_default();
            self.at += match rest {
                [b'"', ..] => {
                    self.at += 1;
                    self.push(start, self.at);
                    return Ok(());
                }
                [
                    b'\\',
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't',
                    ..,
                ] => 2,
                [b'\\', b'u', a, b, c, d, ..]
                    if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) =>
                {
                    6
                }
                _ => return Err(Refusal::NotJson),
            };
        }
    }

    /// Reads a number, `true`, `false` or `null`.
    fn word(&mut self) -> Result<(), Refusal> {
        let start = self.at;
        let rest = self.text.get(start..).unwrap_or_default();
        let length = match rest {
            [b't', b'r', b'u', b'e', ..] | [b'n', b'u', b'l', b'l', ..] => 4,
            [b'f', b'a', b'l', b's', b'e', ..] => 5,
            _ => number(rest).ok_or(Refusal::NotJson)?,
        };
        self.at += length;
        self.push(start, self.at);
        Ok(())
    }
}

/// The length of the number that `text` begins with, in bytes.
fn number(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| {
        let rest = text.get(from..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (count > 0).then_some(from + count)
    };
    let mut at = usize::from(text.first() == Some(&b'-'));
    at = match text.get(at) {
        Some(b'0') => at + 1,
        _ => digits(at)?,
    };
    if text.get(at) == Some(&b'.') {
        at = digits(at + 1)?;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        at += 1;
        at += usize::from(matches!(text.get(at), Some(b'+' | b'-')));
        at = digits(at)?;
    }
    Some(at)
}
