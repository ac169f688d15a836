//! Fuzzes the tokens of invitations. The input is a token. Its last bytes also become the signature of a token whose form
//! is right.

use std::hint::black_box;
use std::sync::{Arc, LazyLock};

use halftone::invitation::{Invited, Key, Keys, LONGEST, Refusal, Token};

use super::executed;

const KEY: &[u8] = b"a key for the fuzzer: 32 bytes and more";
const NOW: u64 = 1_796_115_600_000;
const LATER: u64 = 1_796_720_400;

/// The bytes of a signature in base64url.
const SIGNATURE: usize = 22;

static INVITED: LazyLock<Invited> = LazyLock::new(|| Invited {
    query_param: "halftone".into(),
    cookie: "halftone-invitation".into(),
    release: "shop".into(),
    rule: "testers".into(),
    keys: Arc::new(Keys::new(["KEY", "OLD"], |_| Some(KEY))),
});

static SIGNED: LazyLock<String> = LazyLock::new(|| {
    let key = Key::new(KEY).unwrap();
    key.invite("shop", "testers", LATER)
});

/// Runs one input.
pub fn run(data: &[u8]) {
    let result = INVITED.check(data, NOW);
    // The key has signed one token that the fuzzer can know, and that is in its dictionary.
    assert_eq!(result.is_ok(), data == SIGNED.as_bytes());
    match (Token::read(data), &result) {
        (Ok(token), _) => {
            assert!(data.len() <= LONGEST);
            let release = std::str::from_utf8(token.release).unwrap();
            let rule = std::str::from_utf8(token.rule).unwrap();
            let again = Key::new(KEY).unwrap().invite(release, rule, token.expiry);
            let (fields, _) = again.rsplit_once('.').unwrap();
            assert!(
                data.starts_with(fields.as_bytes()),
                "a token has one spelling"
            );
        }
        (Err(form), Err(refusal)) => assert_eq!(form, *refusal),
        (Err(_), Ok(_)) => panic!("a token of a wrong form is valid"),
    }
    takes_the_same_work(data);
}

/// A signature that is wrong everywhere takes as many basic blocks as one that is right, whatever its bytes are.
fn takes_the_same_work(data: &[u8]) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let signed = SIGNED.as_bytes();
    let mut token = signed.to_vec();
    let at = token.len() - SIGNATURE;
    for (place, (byte, chosen)) in token[at..].iter_mut().zip(data).enumerate() {
        // The last character has two bits of the signature.
        let bits = if place == SIGNATURE - 1 {
            0b11_0000
        } else {
            0b11_1111
        };
        *byte = ALPHABET[usize::from(*chosen) & bits];
    }
    let is_signed = token == signed;
    let before = executed();
    let result = black_box(INVITED.check(black_box(&token), NOW));
    let between = executed();
    let right = black_box(INVITED.check(black_box(signed), NOW));
    let after = executed();
    assert_eq!(right, Ok(LATER));
    match result {
        Ok(_) => assert!(is_signed),
        Err(refusal) => assert_eq!(refusal, Refusal::NotSigned),
    }
    // Only what follows the comparison differs: a valid token has no reason for a refusal.
    let (work, most) = (between.abs_diff(before), after.abs_diff(between));
    assert!(work.abs_diff(most) <= AFTER, "{work} and {most} blocks");
}

/// The basic blocks that can follow the comparison of the signatures.
const AFTER: u64 = 8;
