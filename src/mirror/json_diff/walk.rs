//! Two documents side by side.

use core::cmp::Ordering;

use super::ignored::{Ignored, Live};
use super::parse::{Document, Node};
use super::text::{self, Decoded, common_prefix};
use super::{JsonDifference, MOST_DIFFERENCES, number};

/// So many bytes of text are found in small documents too.
const ROOM: usize = 4096;

/// A walk through two documents, from difference to difference.
pub struct Walk<'d> {
    left: &'d Document<'d>,
    right: &'d Document<'d>,
    ignored: &'d Ignored,
    /// The containers that the walk is in, outermost first.
    frames: Vec<Frame>,
    /// For each frame of objects, the names of the left one and then of the right one, in order.
    names: Vec<u32>,
    found: Vec<JsonDifference>,
    /// How many bytes of text may still be found, so that names which are told again and again do
    /// not need more memory than the documents.
    room: usize,
}

/// Two arrays, or two objects, in the midst of being compared. Arrays are gone through by node,
/// objects by place in [`Walk::names`].
struct Frame {
    is_object: bool,
    left: Range,
    right: Range,
    /// Where its names begin.
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

/// The step from a container to what is compared in it.
#[derive(Clone, Copy)]
enum Step {
    /// The item at this place.
    Item(u32),
    /// The member whose name is this node of the left document.
    Left(u32),
    /// The same of the right document.
    Right(u32),
}

/// Bytes of the left document that are known to be the same in the right one: they begin where the
/// values begin that were compared last.
#[derive(Clone, Copy)]
struct Run {
    /// How far the right text is ahead of the left one, modulo 2^32.
    shift: u32,
    /// Where the left text is another one.
    end: u32,
}

/// What is compared next: nodes, as far as there are.
type Pair = (Option<u32>, Option<u32>);

impl<'d> Walk<'d> {
    pub fn new(left: &'d Document<'d>, right: &'d Document<'d>, ignored: &'d Ignored) -> Self {
        Self {
            left,
            right,
            ignored,
            frames: Vec::new(),
            names: Vec::new(),
            found: Vec::new(),
            room: ROOM + left.len() + right.len(),
        }
    }

    /// The first differences; none, if the documents are the same.
    pub fn differences(mut self) -> Vec<JsonDifference> {
        self.walk();
        self.found
    }

    fn walk(&mut self) {
        // No byte is before the document, so nothing is known.
        let nothing = Run { shift: 0, end: 0 };
        if let Some(run) = self.run(0, 0, nothing) {
            self.compare(0, 0, run, self.ignored.live());
        }
        while self.found.len() < MOST_DIFFERENCES
            && self.room > 0
            && let Some(frame) = self.frames.last_mut()
        {
            let (run, live) = (frame.run, frame.live);
            let Some(pair) = next_pair(frame, self.left, self.right, &self.names) else {
                self.names.truncate(frame.names);
                self.frames.pop();
                continue;
            };
            let step = frame.step;
            let unequal = match pair {
                (Some(left), Some(right)) => self.run(left, right, run),
                _ => Some(run),
            };
            if let Some(run) = unequal
                && let Some(live) = self.enter(live, step)
            {
                match pair {
                    (Some(left), Some(right)) => self.compare(left, right, run, live),
                    _ => self.report(pair),
                }
            }
        }
    }

    /// Nothing, if the two values are written the same; else how far they are the same. `known` is
    /// the run of the containers that they are in.
    fn run(&self, left: u32, right: u32, known: Run) -> Option<Run> {
        let (left, right) = (self.left.node(left), self.right.node(right));
        let same_length = left.end - left.start == right.end - right.start;
        let shift = right.start.wrapping_sub(left.start);
        let run = if shift == known.shift && left.start < known.end {
            known
        } else {
            let same = common_prefix(self.left.written(left), self.right.written(right));
            let end = left.start + same as u32;
            Run { shift, end }
        };
        (!same_length || run.end < left.end).then_some(run)
    }

    /// Compares two values that are not written the same.
    fn compare(&mut self, left: u32, right: u32, run: Run, live: Live) {
        let (left_node, right_node) = (self.left.node(left), self.right.node(right));
        let written = (self.left.written(left_node), self.right.written(right_node));
        let same = match (self.left.kind(left_node), self.right.kind(right_node)) {
            (b'"', b'"') => text::compare(written.0, written.1).is_eq(),
            (b'-' | b'0'..=b'9', b'-' | b'0'..=b'9') => number::equal(written.0, written.1),
            (b'[', b'[') | (b'{', b'{') => {
                self.open(left, right, run, live);
                true
            }
            _ => false,
        };
        if !same {
            self.report((Some(left), Some(right)));
        }
    }

    fn open(&mut self, left: u32, right: u32, run: Run, live: Live) {
        let (left_node, right_node) = (self.left.node(left), self.right.node(right));
        let is_object = self.left.kind(left_node) == b'{';
        let names = self.names.len();
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
            // One before the first item.
            step: Step::Item(u32::MAX),
        });
    }

    fn enter(&self, live: Live, step: Step) -> Option<Live> {
        if live.is_none() {
            return Some(live);
        }
        let depth = self.frames.len().saturating_sub(1);
        match step {
            Step::Item(item) => {
                let digits = item.to_string();
                self.ignored
                    .enter(live, depth, &Decoded::new(digits.as_bytes()))
            }
            Step::Left(_) | Step::Right(_) => self.ignored.enter(live, depth, &self.name(step)),
        }
    }

    /// The name that a step into an object has.
    fn name(&self, step: Step) -> Decoded<'d> {
        Decoded::new(match step {
            Step::Left(name) => self.left.written(self.left.node(name)),
            Step::Right(name) => self.right.written(self.right.node(name)),
            Step::Item(_) => b"",
        })
    }

    fn report(&mut self, (left, right): Pair) {
        let difference = JsonDifference {
            pointer: self.pointer(),
            left: left.map(|left| shown(self.left, left)),
            right: right.map(|right| shown(self.right, right)),
        };
        let values = [&difference.left, &difference.right];
        let length: usize = values.into_iter().flatten().map(String::len).sum();
        self.room = self.room.saturating_sub(difference.pointer.len() + length);
        self.found.push(difference);
    }

    /// Where the walk is.
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
        self.walk();
        self.frames.capacity() * size_of::<Frame>() + self.names.capacity() * size_of::<u32>()
    }
}

/// Goes on to the next pair of a frame, and sets the frame's step to it. Nothing at its end.
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
    // A value stands right behind its name.
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

/// What is in the container.
fn items(index: u32, container: Node) -> Range {
    Range {
        at: index + 1,
        end: container.next,
    }
}

/// Appends the names of an object in order; of the same names the last one. The range is that of
/// their places.
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
    // Of the same names, the later comes first, and the others are then left out.
    let unsorted = names.get_mut(first..).unwrap_or_default();
    unsorted.sort_by(|first, second| order(*first, *second).then(second.cmp(first)));
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

/// A short form of a value, for people.
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

/// UTF-8, with a sign in place of what is none: half a surrogate pair.
fn lossy(text: Vec<u8>) -> String {
    String::from_utf8(text)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
