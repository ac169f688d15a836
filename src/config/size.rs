//! Sizes as users write them: `64KiB`, `16MiB`.

/// What a size may look like, for messages.
pub const ALLOWED: &str = "write it with its unit, B, KiB, MiB or GiB: 512B, 64KiB, 16MiB";

/// The bytes that `text` writes: a whole number with its unit; `0B` is one.
///
/// Nothing, where it is not one or is 4 GiB or more.
pub fn parse(text: &str) -> Option<usize> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(unit_at)?;
    let factor = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number
        .parse::<u32>()
        .ok()?
        .checked_mul(factor)?
        .try_into()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_number_with_its_unit() {
        let table = [
            ("64KiB", Some(65_536)),
            ("16MiB", Some(16_777_216)),
            ("1GiB", Some(1_073_741_824)),
            ("512B", Some(512)),
            ("0B", Some(0)),
            ("3GiB", Some(3_221_225_472)),
            ("4GiB", None),
            ("", None),
            ("64", None),
            ("KiB", None),
            ("64KB", None),
            ("64kib", None),
            ("64 KiB", None),
            ("1.5MiB", None),
            ("-1B", None),
            ("1MiB1KiB", None),
            ("99999999999999999999B", None),
            ("1é", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
