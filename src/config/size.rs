//! Sizes as users write them: `64KiB`, `16MiB`.

use serde::Deserialize;

/// A size: a whole number with its unit, `B`, `KiB`, `MiB` or `GiB`, such as `64KiB`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(inline, extend("pattern" = "^[0-9]+(B|KiB|MiB|GiB)$")))]
pub struct SizeConfig(pub String);

/// What a size looks like, for messages.
pub const EXPECTED: &str = r#"a size such as "512B", "64KiB" or "16MiB""#;

/// The bytes that `text` writes: a whole number with its unit. `0B` is one. Nothing, if `text` is no
/// size or is 4 GiB or more.
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

/// The size that was probably meant by a text that is none: without spaces, `64K` and `64KB` as
/// `64KiB`, a number alone as bytes.
pub fn meant(text: &str) -> Option<String> {
    let text: String = text.split_whitespace().collect();
    let unit_at = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(unit_at)?;
    let unit = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => "B",
        "k" | "kb" | "ki" | "kib" => "KiB",
        "m" | "mb" | "mi" | "mib" => "MiB",
        "g" | "gb" | "gi" | "gib" => "GiB",
        _ => return None,
    };
    let size = format!("{number}{unit}");
    parse(&size).map(|_| size)
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

    #[test]
    fn a_size_is_guessed_from_other_units() {
        let table = [
            ("64K", Some("64KiB")),
            ("64 kb", Some("64KiB")),
            ("16Mi", Some("16MiB")),
            ("512", Some("512B")),
            ("1G", Some("1GiB")),
            ("1TiB", None),
            ("4GB", None),
            ("", None),
            ("K", None),
        ];
        for (text, expected) in table {
            assert_eq!(meant(text).as_deref(), expected, "{text}");
        }
    }
}
