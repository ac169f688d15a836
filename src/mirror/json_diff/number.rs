//! Numbers, compared by their exact decimal value.

use super::steps::count;

/// Whether two JSON numbers have the same value. Numbers of any length are compared without rounding,
/// overflow or allocation.
pub fn equal(left: &[u8], right: &[u8]) -> bool {
    count(left.len() + right.len());
    let (left, right) = (Number::read(left), Number::read(right));
    match (left.zeros(), right.zeros()) {
        (None, None) => true,
        (Some(left_zeros), Some(right_zeros)) => {
            left.negative == right.negative
                && left.has_digits_of(&right, left_zeros, right_zeros)
                && left.magnitude(left_zeros) - right.magnitude(right_zeros)
                    == right.exponent_less(&left)
        }
        _ => false,
    }
}

/// The parts of a number as it is written.
struct Number<'t> {
    negative: bool,
    whole: &'t [u8],
    fraction: &'t [u8],
    exponent_negative: bool,
    exponent: &'t [u8],
}

impl<'t> Number<'t> {
    fn read(text: &'t [u8]) -> Self {
        let (negative, text) = sign(text);
        let (mantissa, exponent) = split(text, |byte| matches!(byte, b'e' | b'E'));
        let (whole, fraction) = split(mantissa, |byte| byte == b'.');
        let (exponent_negative, exponent) = sign(exponent);
        let zeros = exponent.iter().take_while(|digit| **digit == b'0').count();
        Self {
            negative,
            whole,
            fraction,
            exponent_negative,
            exponent: exponent.get(zeros..).unwrap_or_default(),
        }
    }

    fn digits(&self) -> impl Iterator<Item = u8> {
        self.whole.iter().chain(self.fraction).copied()
    }

    /// The number of its leading zeros. None: its value is zero.
    fn zeros(&self) -> Option<usize> {
        self.digits().position(|digit| digit != b'0')
    }

    /// Whether the digits are the same after the leading zeros, except trailing zeros.
    fn has_digits_of(&self, other: &Self, zeros: usize, other_zeros: usize) -> bool {
        let mut ours = self.digits().skip(zeros);
        let mut others = other.digits().skip(other_zeros);
        loop {
            match (ours.next(), others.next()) {
                (None, None) => return true,
                (our, other) if our.unwrap_or(b'0') == other.unwrap_or(b'0') => {}
                _ => return false,
            }
        }
    }

    /// The position of the first digit that is not zero, without the exponent: 1 for 1, 0 for 0.1. It
    /// is at most the length of the text.
    fn magnitude(&self, zeros: usize) -> i64 {
        self.whole.len() as i64 - zeros as i64
    }

    /// Its exponent minus that of `other`. The difference is exact if it is within the length of a text.
    /// Exponents may be longer than any integer type, but a large difference only grows with each digit.
    fn exponent_less(&self, other: &Self) -> i64 {
        const LARGE: i64 = 1 << 56;
        let places = self.exponent.len().max(other.exponent.len());
        let mut difference = 0;
        for place in (0..places).rev() {
            difference = difference * 10 + self.exponent_digit(place) - other.exponent_digit(place);
            if difference.abs() > LARGE {
                break;
            }
        }
        difference
    }

    /// The digit of the exponent at `place`, with the sign of the exponent. The last digit is at 0.
    fn exponent_digit(&self, place: usize) -> i64 {
        let digit = self.exponent.iter().rev().nth(place).unwrap_or(&b'0');
        let digit = i64::from(digit.wrapping_sub(b'0'));
        if self.exponent_negative {
            -digit
        } else {
            digit
        }
    }
}

fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    }
}

/// The text before and after the first separator. Without a separator: the whole text, and nothing.
fn split(text: &[u8], is_separator: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let at = text.iter().position(|byte| is_separator(*byte));
    let parts = at.and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?)));
    parts.unwrap_or((text, b""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_equal_by_value() {
        let long = "9".repeat(5_000);
        let (ten, one) = (format!("10e{long}8"), format!("1e{long}9"));
        let (tenth, other) = (format!("0.1e-{long}8"), format!("1e-{long}9"));
        let table = [
            ("1", "1.0", true),
            ("1", "1e0", true),
            ("1", "10e-1", true),
            ("1", "0.01E+2", true),
            ("1", "0.01E+02", true),
            ("-1", "1", false),
            ("0", "-0", true),
            ("0", "-0.00e99999999999999999999", true),
            ("0", "0.001", false),
            ("0.1", "0.10000000000000000001", false),
            ("0.1", "0.100", true),
            ("9007199254740993", "9007199254740992", false),
            (
                "123456789012345678901234567890",
                "12345678901234567890123456789e1",
                true,
            ),
            ("1e400", "1e401", false),
            ("1e400", "10e399", true),
            ("1e99999999999999999999", "10e99999999999999999998", true),
            ("1e99999999999999999999", "1e-99999999999999999999", false),
            ("1e100", "1e99", false),
            (
                "1e10000000000000000000000000",
                "1e9999999999999999999999999",
                false,
            ),
            ("10", "1", false),
            ("1.5", "15", false),
            (&ten, &one, true),
            (&tenth, &other, true),
            (&ten, &other, false),
        ];
        for (left, right, same) in table {
            assert_eq!(
                equal(left.as_bytes(), right.as_bytes()),
                same,
                "{left} {right}"
            );
            assert_eq!(
                equal(right.as_bytes(), left.as_bytes()),
                same,
                "{right} {left}"
            );
        }
    }
}
