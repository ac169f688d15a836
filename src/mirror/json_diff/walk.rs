//! A walk through two documents, side by side.

use core::cmp::Ordering;

use super::ignored::{Ignored, Live};
use super::parse::{Document, Node};
use super::steps::{Steps, TooCostly};
use super::text::{self, Decoded, common_prefix};
use super::{JsonDifference, MOST_DIFFERENCES, number};

/// The bytes of text that may be collected, in addition to the length of the documents.
const ROOM: usize = 4096;

/// A walk through two documents, from difference to difference.
pub struct Walk<'d> {
    left: &'d Document<'d>,
    right: &'d Document<'d>,
    ignored: &'d Ignored,
    /// The containers that are open, outermost first.
    frames: Vec<Frame>,
    /// For each frame of objects, the sorted names of the left object and then of the right one.
    names: Vec<u32>,
    found: Vec<JsonDifference>,
    steps: Steps,
    /// The bytes of text that may still be collected. Without this limit, a long name that is part of
    /// many differences could take more memory than the documents.
    room: usize,
}

/// Two arrays, or two objects, that are being compared. A range of arrays counts nodes, a range of
/// objects counts [`Walk::names`].
struct Frame {
    is_object: bool,
    left: Range,
    right: Range,
    /// The index of its first name.
    names: usize,
    run: Run,
    live: Live,
    step: Step,
}

#[derive(Clone, Copy)]
struct Range {
    at: u32,
    end: u32,
}

/// The step from a container to the values that are compared in it.
#[derive(Clone, Copy)]
enum Step {
    /// The item at this index.
    Item(u32),
    /// The member whose name is this node of the left document.
    Left(u32),
    /// The member whose name is this node of the right document.
    Right(u32),
}

/// Bytes of the left document that are known to be the same in the right one. They begin with the
/// values that were compared last.
#[derive(Clone, Copy)]
struct Run {
    /// The offset of the right text to the left one, modulo 2^32.
    shift: u32,
    /// The first byte of the left text that differs.
    end: u32,
}

/// The nodes that are compared next. None: the document has no such value.
type Pair = (Option<u32>, Option<u32>);

impl<'d> Walk<'d> {
    /// A walk that may take `steps`.
    pub fn new(
        left: &'d Document<'d>,
        right: &'d Document<'d>,
        ignored: &'d Ignored,
        steps: Steps,
    ) -> Self {
        Self {
            steps,
            left,
            right,
            ignored,
            frames: Vec::new(),
            names: Vec::new(),
            found: Vec::new(),
            room: ROOM + left.len() + right.len(),
        }
    }

    /// The first differences. Empty: the documents are the same.
    ///
    /// # Errors
    ///
    /// The steps did not reach to the first difference, or to the end.
    pub fn differences(mut self) -> Result<Vec<JsonDifference>, TooCostly> {
        match self.walk() {
            Err(TooCostly) if self.found.is_empty() => Err(TooCostly),
            _ => Ok(self.found),
        }
    }

    fn walk(&mut self) -> Result<(), TooCostly> {
        let nothing = Run { shift: 0, end: 0 };
        if let Some(run) = self.run(0, 0, nothing)? {
            self.compare(0, 0, run, self.ignored.live())?;
        }
        while self.found.len() < MOST_DIFFERENCES
            && self.room > 0
            && let Some(frame) = self.frames.last_mut()
        {
            let (run, live) = (frame.run, frame.live);
            self.steps
                .pay(next_steps(frame, self.left, self.right, &self.names))?;
            let Some(pair) = next_pair(frame, self.left, self.right, &self.names) else {
                self.names.truncate(frame.names);
                self.frames.pop();
                continue;
            };
            let step = frame.step;
            let unequal = match pair {
                (Some(left), Some(right)) => self.run(left, right, run)?,
                _ => Some(run),
            };
            if let Some(run) = unequal
                && let Some(live) = self.enter(live, step)?
            {
                match pair {
                    (Some(left), Some(right)) => self.compare(left, right, run, live)?,
                    _ => self.report(pair)?,
                }
            }
        }
        Ok(())
    }

    /// The run with which two values begin. None: they are written the same. `known` is the run of the
    /// containers that they are in.
    fn run(&mut self, left: u32, right: u32, known: Run) -> Result<Option<Run>, TooCostly> {
        let (left, right) = (self.left.node(left), self.right.node(right));
        let same_length = left.end - left.start == right.end - right.start;
        let shift = right.start.wrapping_sub(left.start);
        let run = if shift == known.shift && left.start < known.end {
            known
        } else {
            let same = common_prefix(self.left.written(left), self.right.written(right));
            self.steps.pay(same / 8)?;
            let end = left.start + same as u32;
            Run { shift, end }
        };
        Ok((!same_length || run.end < left.end).then_some(run))
    }

    /// Compares two values that are not written the same.
    fn compare(&mut self, left: u32, right: u32, run: Run, live: Live) -> Result<(), TooCostly> {
        let (left_node, right_node) = (self.left.node(left), self.right.node(right));
        let written = (self.left.written(left_node), self.right.written(right_node));
        let kinds = (self.left.kind(left_node), self.right.kind(right_node));
        if !matches!(kinds, (b'[', b'[') | (b'{', b'{')) {
            self.steps.pay(written.0.len() + written.1.len())?;
        }
        let same = match kinds {
            (b'"', b'"') => text::compare(written.0, written.1).is_eq(),
            (b'-' | b'0'..=b'9', b'-' | b'0'..=b'9') => number::equal(written.0, written.1),
            (b'[', b'[') | (b'{', b'{') => {
                self.open(left, right, run, live)?;
                true
            }
            _ => false,
        };
        if same {
            return Ok(());
        }
        self.report((Some(left), Some(right)))
    }

    fn open(&mut self, left: u32, right: u32, run: Run, live: Live) -> Result<(), TooCostly> {
        let (left_node, right_node) = (self.left.node(left), self.right.node(right));
        let is_object = self.left.kind(left_node) == b'{';
        let names = self.names.len();
        self.steps.pay(size_steps(self.left, left))?;
        self.steps.pay(size_steps(self.right, right))?;
        let (left, right) = if is_object {
            (
                push_names(&mut self.names, self.left, left),
                push_names(&mut self.names, self.right, right),
            )
        } else {
            (items(left, left_node), items(right, right_node))
        };
        self.frames.push(Frame {
            is_object,
            left,
            right,
            names,
            run,
            live,
            // The first step adds 1.
            step: Step::Item(u32::MAX),
        });
        Ok(())
    }

    /// The pointers that lead further after `step`. None: it is ignored.
    fn enter(&mut self, live: Live, step: Step) -> Result<Option<Live>, TooCostly> {
        if live.is_none() {
            return Ok(Some(live));
        }
        self.steps.pay(live.count() * (8 + self.name(step).len()))?;
        let depth = self.frames.len().saturating_sub(1);
        Ok(match step {
            Step::Item(item) => {
                let digits = item.to_string();
                self.ignored
                    .enter(live, depth, &Decoded::new(digits.as_bytes()))
            }
            Step::Left(_) | Step::Right(_) => self.ignored.enter(live, depth, &self.name(step)),
        })
    }

    /// The name of a step into an object.
    fn name(&self, step: Step) -> Decoded<'d> {
        Decoded::new(match step {
            Step::Left(name) => self.left.written(self.left.node(name)),
            Step::Right(name) => self.right.written(self.right.node(name)),
            Step::Item(_) => b"",
        })
    }

    fn report(&mut self, (left, right): Pair) -> Result<(), TooCostly> {
        for (document, value) in [(self.left, left), (self.right, right)] {
            if let Some(value) = value {
                self.steps.pay(size_steps(document, value))?;
            }
        }
        let frames = self.frames.iter();
        let names = frames.map(|frame| 4 + self.name(frame.step).len());
        self.steps.pay(names.sum())?;
        let difference = JsonDifference {
            pointer: self.pointer(),
            left: left.map(|left| shown(self.left, left)),
            right: right.map(|right| shown(self.right, right)),
        };
        let values = [&difference.left, &difference.right];
        let length: usize = values.into_iter().flatten().map(String::len).sum();
        self.room = self.room.saturating_sub(difference.pointer.len() + length);
        self.found.push(difference);
        Ok(())
    }

    /// The JSON pointer to the current place.
    fn pointer(&self) -> String {
        let mut pointer = Vec::new();
        for frame in &self.frames {
            pointer.push(b'/');
            if let Step::Item(item) = frame.step {
                pointer.extend_from_slice(item.to_string().as_bytes());
            }
            for byte in self.name(frame.step) {
                match byte {
                    b'~' => pointer.extend_from_slice(b"~0"),
                    b'/' => pointer.extend_from_slice(b"~1"),
                    byte => pointer.push(byte),
                }
            }
        }
        lossy(pointer)
    }

    #[cfg(test)]
    pub fn memory(&mut self) -> usize {
        let _ = self.walk();
        self.frames.capacity() * size_of::<Frame>() + self.names.capacity() * size_of::<u32>()
    }
}

/// The work of [`next_pair`], in steps.
fn next_steps(frame: &Frame, left: &Document, right: &Document, names: &[u32]) -> usize {
    const STEP: usize = 8;
    if !frame.is_object {
        return STEP;
    }
    let length = |range: Range, document: &Document| {
        let name = range.name(names).map(|name| document.node(name));
        name.map_or(0, |name| document.written(name).len())
    };
    STEP + length(frame.left, left).min(length(frame.right, right))
}

/// The work of reading a value as a whole, and of sorting its names if it is an object, in steps.
fn size_steps(document: &Document<'_>, index: u32) -> usize {
    let node = document.node(index);
    let (mut count, mut length) = (1, 0);
    match document.kind(node) {
        b'{' => {
            let mut members = items(index, node);
            while let Some(name) = members.next_item(document) {
                // The value after the name.
                let value = members.next_item(document);
                count += usize::from(value.is_some());
                length += document.written(document.node(name)).len();
            }
        }
        b'[' => return (node.next - index) as usize,
        _ => return document.written(node).len(),
    }
    (count * 4 + length) * (1 + count.ilog2() as usize)
}

/// The next pair of a frame, whose step it sets. None: the frame has ended.
fn next_pair(frame: &mut Frame, left: &Document, right: &Document, names: &[u32]) -> Option<Pair> {
    if !frame.is_object {
        if let Step::Item(item) = &mut frame.step {
            *item = item.wrapping_add(1);
        }
        let pair = (frame.left.next_item(left), frame.right.next_item(right));
        return (pair != (None, None)).then_some(pair);
    }
    let (left_name, right_name) = (frame.left.name(names), frame.right.name(names));
    let order = match (left_name, right_name) {
        (None, None) => return None,
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (Some(left_name), Some(right_name)) => text::compare(
            left.written(left.node(left_name)),
            right.written(right.node(right_name)),
        ),
    };
    // A value comes right after its name.
    let left_value = left_name.filter(|_| order.is_le()).map(|name| name + 1);
    let right_value = right_name.filter(|_| order.is_ge()).map(|name| name + 1);
    frame.left.at += u32::from(left_value.is_some());
    frame.right.at += u32::from(right_value.is_some());
    frame.step = match (left_value, right_value) {
        (None, Some(value)) => Step::Right(value - 1),
        (value, _) => Step::Left(value.unwrap_or(1) - 1),
    };
    Some((left_value, right_value))
}

impl Range {
    fn next_item(&mut self, document: &Document<'_>) -> Option<u32> {
        let item = self.at;
        (item < self.end).then(|| {
            self.at = document.node(item).next;
            item
        })
    }

    fn name(self, names: &[u32]) -> Option<u32> {
        (self.at < self.end).then(|| names.get(self.at as usize).copied())?
    }
}

/// The nodes of a container's contents.
fn items(index: u32, container: Node) -> Range {
    Range {
        at: index + 1,
        end: container.next,
    }
}

/// Appends the names of an object, sorted; of members with the same name, the last one. Returns their
/// range.
fn push_names(names: &mut Vec<u32>, document: &Document<'_>, object: u32) -> Range {
    let first = names.len();
    let mut members = items(object, document.node(object));
    while let Some(name) = members.next_item(document) {
        names.push(name);
        members.next_item(document);
    }
    let order = |first: u32, second: u32| {
        let written = |name| document.written(document.node(name));
        text::compare(written(first), written(second))
    };
    // Of the same names, the later one comes first. The others are then dropped.
    let unsorted = names.get_mut(first..).unwrap_or_default();
    unsorted.sort_unstable_by(|first, second| order(*first, *second).then(second.cmp(first)));
    let mut kept = first;
    for place in first..names.len() {
        let (Some(name), last) = (names.get(place).copied(), names.get(kept.wrapping_sub(1)))
        else {
            break;
        };
        let is_same = kept > first && last.is_some_and(|last| order(*last, name).is_eq());
        if !is_same && let Some(slot) = names.get_mut(kept) {
            *slot = name;
            kept += 1;
        }
    }
    names.truncate(kept);
    Range {
        at: first as u32,
        end: kept as u32,
    }
}

/// A short form of a value for people.
fn shown(document: &Document<'_>, index: u32) -> String {
    let node = document.node(index);
    match document.kind(node) {
        b'"' => {
            let mut text = vec![b'"'];
            text.extend(Decoded::new(document.written(node)));
            text.push(b'"');
            lossy(text)
        }
        b'{' => {
            let members = push_names(&mut Vec::new(), document, index).end;
            counted("{", members, " member", "}")
        }
        b'[' => {
            let mut range = items(index, node);
            let mut items = 0;
            while range.next_item(document).is_some() {
                items += 1;
            }
            counted("[", items, " item", "]")
        }
        _ => lossy(document.written(node).to_vec()),
    }
}

fn counted(opening: &str, count: u32, what: &str, closing: &str) -> String {
    let mut text = String::from(opening);
    text.push_str(&count.to_string());
    text.push_str(what);
    text.push_str(if count == 1 { "" } else { "s" });
    text.push_str(closing);
    text
}

/// The text as UTF-8. Half a surrogate pair becomes replacement characters.
fn lossy(text: Vec<u8>) -> String {
    String::from_utf8(text)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
