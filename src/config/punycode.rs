//! Punycode (RFC 3492): the form in which clients send a host that has letters outside ASCII.

/// The longest label that DNS allows, in bytes.
const LONGEST_LABEL: usize = 63;

const BASE: u32 = 36;
const LOWEST_THRESHOLD: u32 = 1;
const HIGHEST_THRESHOLD: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const FIRST_BIAS: u32 = 72;
const FIRST_CODE_POINT: u32 = 128;

/// `host` with each label in ASCII, in lower case. None: a label would be longer than DNS allows, or has
/// a character outside ASCII that is no letter or digit (such as a combining mark) or is in upper case.
/// For these Unicode's tables would be necessary, which would take 12 KB of the filter.
pub fn ascii_host(host: &str) -> Option<String> {
    let labels: Option<Vec<String>> = host.split('.').map(ascii_label).collect();
    labels.map(|labels| labels.join("."))
}

fn ascii_label(label: &str) -> Option<String> {
    let is_known = |one: char| one.is_ascii() || one.is_alphanumeric() && !one.is_uppercase();
    if !label.chars().all(is_known) {
        return None;
    }
    let label: Vec<char> = label
        .chars()
        .map(|one| one.to_ascii_lowercase())
        .take(LONGEST_LABEL + 1)
        .collect();
    let ascii = if label.iter().all(char::is_ascii) {
        label.into_iter().collect()
    } else {
        format!("xn--{}", encoded(&label)?)
    };
    (ascii.len() <= LONGEST_LABEL).then_some(ascii)
}

/// RFC 3492, section 6.3. At most 64 characters cannot overflow a number.
fn encoded(label: &[char]) -> Option<String> {
    let points = || label.iter().copied().map(u32::from);
    let mut text: String = label.iter().filter(|one| one.is_ascii()).collect();
    let basic = u32::try_from(text.len()).ok()?;
    let all = u32::try_from(label.len()).ok()?;
    if basic > 0 {
        text.push('-');
    }
    let (mut current, mut delta, mut bias) = (FIRST_CODE_POINT, 0, FIRST_BIAS);
    let mut handled = basic;
    while handled < all {
        let next = points().filter(|point| *point >= current).min()?;
        delta += (next - current) * (handled + 1);
        current = next;
        for point in points() {
            if point < current {
                delta += 1;
            } else if point == current {
                push_number(&mut text, delta, bias)?;
                bias = adapted(delta, handled + 1, handled == basic);
                delta = 0;
                handled += 1;
            }
        }
        delta += 1;
        current += 1;
    }
    Some(text)
}

fn push_number(text: &mut String, mut number: u32, bias: u32) -> Option<()> {
    let mut position = BASE;
    loop {
        let threshold = position
            .saturating_sub(bias)
            .clamp(LOWEST_THRESHOLD, HIGHEST_THRESHOLD);
        if number < threshold {
            text.push(digit(number)?);
            return Some(());
        }
        let rest = number - threshold;
        text.push(digit(threshold + rest % (BASE - threshold))?);
        number = rest / (BASE - threshold);
        position += BASE;
    }
}

/// `a` to `z` for 0 to 25, `0` to `9` for 26 to 35: Rust's digits with the letters first.
fn digit(value: u32) -> Option<char> {
    char::from_digit((value + 10) % BASE, BASE)
}

fn adapted(delta: u32, handled: u32, is_first: bool) -> u32 {
    let mut delta = delta / if is_first { DAMP } else { 2 };
    delta += delta / handled;
    let mut bias = 0;
    while delta > (BASE - LOWEST_THRESHOLD) * HIGHEST_THRESHOLD / 2 {
        delta /= BASE - LOWEST_THRESHOLD;
        bias += BASE;
    }
    bias + (BASE - LOWEST_THRESHOLD + 1) * delta / (delta + SKEW)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The longer ones are samples of RFC 3492, section 7.1.
    #[test]
    fn each_label_is_encoded_alone() {
        let table = [
            ("bücher.example", Some("xn--bcher-kva.example")),
            ("bücher.Example", Some("xn--bcher-kva.example")),
            ("BÜCHER.example", None),
            ("*.bücher.example", Some("*.xn--bcher-kva.example")),
            ("münchen.de", Some("xn--mnchen-3ya.de")),
            ("straße.de", Some("xn--strae-oqa.de")),
            ("例え.テスト", Some("xn--r8jz45g.xn--zckzah")),
            ("他们为什么不说中文", Some("xn--ihqwcrb4cv8a8dqg056pqjye")),
            (
                "почемужеонинеговорятпорусски",
                Some("xn--b1abfaaepdrnnbgefbadotcwatmq2g4l"),
            ),
            ("3年b組金八先生", Some("xn--3b-ww4c5e180e575a65lsy2b")),
            ("reviews", Some("reviews")),
            ("", Some("")),
            (&"ü".repeat(64), None),
            (&"a".repeat(64), None),
            (&"\u{2a6d6}".repeat(63), None),
            ("bu\u{308}cher", None),
            ("\u{202e}gnp.exe", None),
        ];
        for (host, expected) in table {
            assert_eq!(ascii_host(host).as_deref(), expected, "{host}");
        }
    }
}
