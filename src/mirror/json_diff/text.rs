//! Strings, compared by their decoded values.

use core::cmp::Ordering;

use super::steps::count;

/// The length of the common prefix of `left` and `right`, in bytes.
pub fn common_prefix(left: &[u8], right: &[u8]) -> usize {
    const CHUNK: usize = 16;
    let chunks = left.chunks_exact(CHUNK).zip(right.chunks_exact(CHUNK));
    let whole = CHUNK * chunks.take_while(|(left, right)| left == right).count();
    let rest = |text: &[u8]| text.len().min(whole + CHUNK);
    let left = left.get(whole..rest(left)).unwrap_or_default();
    let right = right.get(whole..rest(right)).unwrap_or_default();
    let same = left
        .iter()
        .zip(right)
        .take_while(|(left, right)| left == right);
    let length = whole + same.count();
    count(length + 1);
    length
}

/// The order of two strings by their [decoded](Decoded) bytes. They are given as written, quotes
/// included.
pub fn compare(left: &[u8], right: &[u8]) -> Ordering {
    let same = common_prefix(left, right);
    if same == left.len() && same == right.len() {
        return Ordering::Equal;
    }
    let (prefix, left_rest) = left.split_at_checked(same).unwrap_or_default();
    let right_rest = right.get(same..).unwrap_or_default();
    let is_escape = |text: &[u8]| text.first() == Some(&b'\\');
    if memchr::memchr(b'\\', prefix).is_none() && !is_escape(left_rest) && !is_escape(right_rest) {
        // A string that ends comes before a longer one.
        let rank = |text: &[u8]| match text.first() {
            None | Some(b'"') => 0,
            Some(byte) => *byte,
        };
        return rank(left_rest).cmp(&rank(right_rest));
    }
    count(left.len() + right.len());
    Decoded::new(left).cmp(Decoded::new(right))
}

/// The decoded bytes of a string: UTF-8, in which half a surrogate pair is encoded like any other code
/// point.
#[derive(Clone, Debug)]
pub struct Decoded<'t> {
    rest: &'t [u8],
    /// The bytes of a character after its first byte. The lowest byte comes next. None of them is 0.
    pending: u32,
}

impl<'t> Decoded<'t> {
    /// Decodes a string as it is `written`, quotes included.
    pub fn new(written: &'t [u8]) -> Self {
        let rest = match written {
            [b'"', text @ .., b'"'] => text,
            text => text,
        };
        Self { rest, pending: 0 }
    }

    /// The length of the rest as it is written, in bytes.
    pub fn len(&self) -> usize {
        self.rest.len()
    }

    /// The first byte of the character that an escape encodes. Its backslash has been read.
    fn escape(&mut self) -> Option<u8> {
        let (kind, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(match kind {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => self.code_point(),
            other => *other,
        })
    }

    fn code_point(&mut self) -> u8 {
        let mut code = self.unit(0);
        if (0xd800..0xdc00).contains(&code)
            && let Some(b"\\u") = self.rest.get(..2)
        {
            let low = self.peek_unit(2);
            if (0xdc00..0xe000).contains(&low) {
                self.unit(2);
                code = 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            }
        }
        let tail = |shift: u32| (code >> shift) & 0x3f | 0x80;
        let first = match code {
            0..0x80 => code,
            0x80..0x800 => {
                self.pending = tail(0);
                0xc0 | code >> 6
            }
            0x800..0x1_0000 => {
                self.pending = tail(6) | tail(0) << 8;
                0xe0 | code >> 12
            }
            _ => {
                self.pending = tail(12) | tail(6) << 8 | tail(0) << 16;
                0xf0 | code >> 18
            }
        };
        first as u8
    }

    /// The value of the four hexadecimal digits that are `from` bytes ahead.
    fn peek_unit(&self, from: usize) -> u32 {
        let digits = self.rest.get(from..from + 4).unwrap_or_default();
        digits.iter().fold(0, |unit, digit| {
            unit << 4 | char::from(*digit).to_digit(16).unwrap_or(0)
        })
    }

    fn unit(&mut self, from: usize) -> u32 {
        let unit = self.peek_unit(from);
        self.rest = self.rest.get(from + 4..).unwrap_or_default();
        unit
    }
}

impl Iterator for Decoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if self.pending != 0 {
            let byte = self.pending as u8;
            self.pending >>= 8;
            return Some(byte);
        }
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        if *byte == b'\\' {
            self.escape()
        } else {
            Some(*byte)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_decoded() {
        let table: [(&str, &[u8]); 12] = [
            (r#""""#, b""),
            (r#""a""#, b"a"),
            (r#""\u0061""#, b"a"),
            (r#""\u0000b""#, b"\0b"),
            (r#""\"\\\/\b\f\n\r\t""#, b"\"\\/\x08\x0c\n\r\t"),
            (r#""\u00e4""#, "ä".as_bytes()),
            (r#""\u20aC""#, "€".as_bytes()),
            (r#""\ud83d\ude00!""#, "😀!".as_bytes()),
            (r#""\ud83d!""#, b"\xed\xa0\xbd!"),
            (r#""\ude00\ud83d""#, b"\xed\xb8\x80\xed\xa0\xbd"),
            (r#""\ud83d\ud83d\ude00""#, b"\xed\xa0\xbd\xf0\x9f\x98\x80"),
            (r#""\ud83d\n""#, b"\xed\xa0\xbd\n"),
        ];
        for (written, says) in table {
            let got: Vec<u8> = Decoded::new(written.as_bytes()).collect();
            assert_eq!(got, says, "{written}");
        }
    }

    #[test]
    fn strings_are_ordered_by_their_decoded_bytes() {
        let texts = [
            r#""""#,
            r#""\u0000""#,
            r#"" ""#,
            r#"" \"""#,
            r#""!""#,
            r#""\u0021""#,
            r#""\"""#,
            r#""\"a""#,
            r#""\u0022b""#,
            r#""a""#,
            r#""a\\""#,
            r#""a\u005cb""#,
            r#""ab""#,
            r#""\u0061b""#,
            r#""a😀""#,
            r#""a\ud83d\ude00""#,
            r#""abcdefghijklmnopqrstuvwxyz""#,
            r#""abcdefghijklmnop\u0071rstuvwxyz""#,
        ];
        for left in texts.map(str::as_bytes) {
            for right in texts.map(str::as_bytes) {
                let says = |text| Decoded::new(text).collect::<Vec<u8>>();
                assert_eq!(compare(left, right), says(left).cmp(&says(right)));
            }
        }
    }
}
