//! The headers of a message as the host gives them: one buffer, from which each header is borrowed.

use super::Header;

/// The headers of one message, owned, in their order and with repeats.
///
/// The buffer has the form of the Proxy-Wasm ABI ("Serialized map" in its specification, version
/// 0.2.1): the number of pairs; for each pair the lengths of its name and its value; then each name
/// and each value, followed by a zero. Numbers have 32 bits, the lowest byte first.
///
/// ```
/// use halftone::request::HeaderPairs;
///
/// let pairs = HeaderPairs::new(b"\x01\0\0\0\x02\0\0\0\x08\0\0\0te\0trailers\0".to_vec());
/// assert_eq!(pairs.get("te"), Some(&b"trailers"[..]));
/// ```
#[derive(Clone, Debug, Default)]
pub struct HeaderPairs {
    buffer: Vec<u8>,
}

impl HeaderPairs {
    /// The pairs in `buffer`. If it ends too soon, the rest of the pairs is missing.
    #[must_use]
    pub fn new(buffer: Vec<u8>) -> Self {
        Self { buffer }
    }

    /// The pairs of `headers`.
    #[must_use]
    pub fn of(headers: &[Header<'_>]) -> Self {
        let length = |text: &[u8]| (text.len() as u32).to_le_bytes();
        let mut buffer = (headers.len() as u32).to_le_bytes().to_vec();
        for (name, value) in headers {
            buffer.extend(length(name));
            buffer.extend(length(value));
        }
        for text in headers.iter().flat_map(|(name, value)| [name, value]) {
            buffer.extend(*text);
            buffer.push(0);
        }
        Self { buffer }
    }

    /// The buffer.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// All pairs.
    #[must_use]
    pub fn borrowed(&self) -> Vec<Header<'_>> {
        let Some((lengths, mut texts)) = self.lengths_and_texts() else {
            return Vec::new();
        };
        let mut headers = Vec::with_capacity(lengths.len());
        for [n0, n1, n2, n3, v0, v1, v2, v3] in lengths {
            let name = taken(&mut texts, [*n0, *n1, *n2, *n3]);
            let value = taken(&mut texts, [*v0, *v1, *v2, *v3]);
            let (Some(name), Some(value)) = (name, value) else {
                break;
            };
            headers.push((name, value));
        }
        headers
    }

    /// The first value of the header `name` (in lower case).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let headers = self.borrowed();
        let mut named = headers.iter().filter(|header| header.0 == name.as_bytes());
        named.next().map(|header| header.1)
    }

    /// The pairs whose name and value are UTF-8. A map of texts from the host has the form of headers.
    #[must_use]
    pub fn texts(&self) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        let pairs = self.borrowed().into_iter();
        pairs
            .filter_map(|(name, value)| Some((text(name)?, text(value)?)))
            .collect()
    }

    /// The size of the buffer, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.buffer.len()
    }

    /// The lengths of each name and value, and the bytes after them.
    fn lengths_and_texts(&self) -> Option<(&[[u8; 8]], &[u8])> {
        let (count, rest) = self.buffer.split_first_chunk()?;
        let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
        let (lengths, texts) = rest.split_at_checked(count.checked_mul(8)?)?;
        Some((lengths.as_chunks().0, texts))
    }
}

/// Takes a string from the front of `texts`, and the zero after it.
fn taken<'t>(texts: &mut &'t [u8], length: [u8; 4]) -> Option<&'t [u8]> {
    let length = usize::try_from(u32::from_le_bytes(length)).ok()?;
    let (text, rest) = texts.split_at_checked(length)?;
    *texts = rest.get(1..)?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serialised(pairs: &[Header<'_>]) -> Vec<u8> {
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
        let mut bytes = number(pairs.len()).to_vec();
        for (name, value) in pairs {
            bytes.extend(number(name.len()));
            bytes.extend(number(value.len()));
        }
        for (name, value) in pairs {
            for text in [name, value] {
                bytes.extend_from_slice(text);
                bytes.push(0);
            }
        }
        bytes
    }

    const PAIRS: [Header<'static>; 4] = [
        (b":path", b"/"),
        (b"cookie", b"a=1"),
        (b"cookie", b"b=\xff"),
        (b"empty", b""),
    ];

    #[test]
    fn serialised_pairs_are_read_back() {
        for length in 0..=PAIRS.len() {
            let pairs = &PAIRS[..length];
            assert_eq!(HeaderPairs::of(pairs).as_bytes(), serialised(pairs));
            assert_eq!(HeaderPairs::new(serialised(pairs)).borrowed(), pairs);
        }
    }

    #[test]
    fn the_first_value_of_a_header_is_found_by_its_name() {
        let pairs = HeaderPairs::new(serialised(&PAIRS));
        assert_eq!(pairs.get("cookie"), Some(&b"a=1"[..]));
        assert_eq!(pairs.get("empty"), Some(&b""[..]));
        assert_eq!(pairs.get("Cookie"), None);
    }

    #[test]
    fn a_pair_that_is_not_utf_8_is_no_text() {
        let texts = HeaderPairs::new(serialised(&PAIRS)).texts();
        let expected = [(":path", "/"), ("cookie", "a=1"), ("empty", "")];
        assert_eq!(
            texts,
            expected.map(|(name, value)| (name.into(), value.into()))
        );
    }

    #[test]
    fn a_buffer_that_ends_too_soon_has_the_pairs_before_its_end() {
        let whole = serialised(&PAIRS);
        for end in 0..whole.len() {
            let cut = HeaderPairs::new(whole[..end].to_vec());
            let cut = cut.borrowed();
            assert!(cut.len() < PAIRS.len() && PAIRS.starts_with(&cut), "{end}");
        }
    }

    #[test]
    fn wrong_lengths_do_no_harm() {
        let whole = serialised(&PAIRS);
        for place in 0..4 + 8 * PAIRS.len() {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut bytes = whole.clone();
                bytes[place] = byte;
                assert!(HeaderPairs::new(bytes).borrowed().len() <= whole.len());
            }
        }
    }
}
