//! The places of a document that may differ.

use serde_json::Value;

use super::steps::count;
use super::text::Decoded;

/// A place in a JSON document: a JSON pointer (RFC 6901). The step `*` matches any one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer {
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Any,
    Named(Box<str>),
}

impl Pointer {
    /// Reads a pointer such as `/items/*/id`. In a step, `~1` is a slash and `~0` a tilde. None: the
    /// text is empty, which is the whole document, or it is not a pointer.
    ///
    /// ```
    /// use halftone::mirror::Pointer;
    ///
    /// assert!(Pointer::parse("/items/*/id").is_some());
    /// assert!(Pointer::parse("items").is_none());
    /// assert!(Pointer::parse("/a~b").is_none());
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let steps = text.strip_prefix('/')?.split('/').map(Step::parse);
        Some(Self {
            steps: steps.collect::<Option<_>>()?,
        })
    }
}

impl Pointer {
    /// The length of the beginning of `pointer`, a pointer of a document, that is this place. None: it
    /// leads elsewhere, or only towards this place.
    pub(in crate::mirror) fn leads_to(&self, pointer: &str) -> Option<usize> {
        let mut actual = pointer.strip_prefix('/')?.split('/');
        let mut length = 0;
        for step in &self.steps {
            let text = actual.next()?;
            if *step != Step::Any && Step::parse(text).as_ref() != Some(step) {
                return None;
            }
            length += 1 + text.len();
        }
        Some(length)
    }

    /// The values at this place of `document`.
    pub(in crate::mirror) fn values<'d>(&self, document: &'d Value) -> Vec<&'d Value> {
        let mut places = vec![document];
        for step in &self.steps {
            let mut next = Vec::new();
            for place in places {
                match (place, step) {
                    (Value::Object(members), Step::Any) => next.extend(members.values()),
                    (Value::Object(members), Step::Named(name)) => {
                        next.extend(members.get(&**name))
                    }
                    (Value::Array(items), Step::Any) => next.extend(items),
                    (Value::Array(items), Step::Named(name)) => {
                        let index = name.parse::<usize>().ok();
                        next.extend(index.and_then(|index| items.get(index)));
                    }
                    _ => {}
                }
            }
            places = next;
        }
        places
    }
}

impl Step {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        let mut name = String::with_capacity(text.len());
        let mut parts = text.split('~');
        name.push_str(parts.next()?);
        for part in parts {
            let (escaped, rest) = match part.strip_prefix('0') {
                Some(rest) => ('~', rest),
                None => ('/', part.strip_prefix('1')?),
            };
            name.push(escaped);
            name.push_str(rest);
        }
        Some(Self::Named(name.into()))
    }

    fn is(&self, step: &Decoded<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Named(name) => {
                count(name.len() + 1);
                step.clone().eq(name.bytes())
            }
        }
    }
}

/// The places of a document where nothing is a difference: neither another value, nor a value that
/// only one document has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ignored {
    pointers: Vec<Pointer>,
}

/// The pointers that lead further into the current place of the comparison, one bit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Live(u64);

impl Live {
    /// Whether no pointer leads further.
    pub(super) fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The number of pointers that lead further.
    pub(super) fn count(self) -> usize {
        self.0.count_ones() as usize
    }
}

impl Ignored {
    /// The most pointers.
    pub const MOST: usize = 64;

    /// The places that `pointers` name. None: there are more than [`Ignored::MOST`] pointers.
    #[must_use]
    pub fn new(pointers: Vec<Pointer>) -> Option<Self> {
        (pointers.len() <= Self::MOST).then_some(Self { pointers })
    }

    /// The pointers at the whole document.
    pub(super) fn live(&self) -> Live {
        let bits = (0..self.pointers.len()).fold(0, |bits, index| bits | 1 << index);
        Live(bits)
    }

    /// The pointers that are left of `live` after `step`, which leads from a place `depth` steps into
    /// the document. None: a pointer ends there, and the place is ignored.
    pub(super) fn enter(&self, live: Live, depth: usize, step: &Decoded<'_>) -> Option<Live> {
        let mut left = live.0;
        let mut entered = 0;
        while left != 0 {
            let index = left.trailing_zeros();
            left &= left - 1;
            let steps = self
                .pointers
                .get(index as usize)
                .map(|pointer| &pointer.steps);
            let Some(steps) = steps else { continue };
            if steps.get(depth).is_some_and(|named| named.is(step)) {
                if steps.len() == depth + 1 {
                    return None;
                }
                entered |= 1 << index;
            }
        }
        Some(Live(entered))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Option<Vec<String>> {
        let name = |step: Step| match step {
            Step::Any => "any".to_owned(),
            Step::Named(name) => format!("={name}"),
        };
        let steps = Pointer::parse(text)?.steps;
        Some(steps.into_iter().map(name).collect())
    }

    #[test]
    fn pointers_are_those_of_rfc_6901() {
        let table: [(&str, Option<&[&str]>); 14] = [
            ("/", Some(&["="])),
            ("/a", Some(&["=a"])),
            ("/a/", Some(&["=a", "="])),
            ("/a/0/*/b", Some(&["=a", "=0", "any", "=b"])),
            ("/a*", Some(&["=a*"])),
            ("/**", Some(&["=**"])),
            ("/~0/~1/a~0b~1c", Some(&["=~", "=/", "=a~b/c"])),
            ("/~01", Some(&["=~1"])),
            ("/ä", Some(&["=ä"])),
            ("", None),
            ("a", None),
            ("#/a", None),
            ("/a~", None),
            ("/a~2", None),
        ];
        for (text, expected) in table {
            let got = names(text);
            assert_eq!(
                got.as_ref().map(|names| names.len()),
                expected.map(<[_]>::len),
                "{text}"
            );
            assert!(
                got.into_iter()
                    .flatten()
                    .eq(expected.into_iter().flatten().copied()),
                "{text}"
            );
        }
    }

    #[test]
    fn there_are_as_many_pointers_as_bits() {
        let pointers = |count| vec![Pointer::parse("/a").unwrap(); count];
        assert_eq!(Ignored::new(pointers(64)).unwrap().live(), Live(u64::MAX));
        assert_eq!(Ignored::new(pointers(65)), None);
        assert_eq!(Ignored::default().live(), Live(0));
    }
}
