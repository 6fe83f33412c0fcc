//! An S3 object's key, decoded once.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::fmt;

/// The key of an object, as it is in the bucket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectKey(String);

/// A key that is not text after decoding. S3's own keys always are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("object key `{0}` is not UTF-8 when decoded, expected a key as S3 encodes it")]
pub struct ObjectKeyError(String);

/// What S3 leaves as it is when it writes a key into a notification; a space becomes `+`.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/').remove(b' ');

impl ObjectKey {
    /// Decodes a key of an S3 notification: `red+flower%3D1.jpg` is `red flower=1.jpg`.
    ///
    /// S3 encodes it as forms are (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>),
    /// so a plus is a space, and `%2B` a plus; a percent sign that begins nothing stands for itself. `EventBridge` does not encode: see [`ObjectKey::from_plain`].
    pub fn from_notification(encoded: &str) -> Result<Self, ObjectKeyError> {
        let mut key = Vec::with_capacity(encoded.len());
        let mut rest = encoded.as_bytes();
        while let Some(place) = memchr::memchr2(b'%', b'+', rest) {
            let (plain, from_sign) = rest.split_at(place);
            key.extend_from_slice(plain);
            let (byte, length) = match *from_sign {
                [b'+', ..] => (b' ', 1),
                [_, high, low, ..] => match (hexadecimal(high), hexadecimal(low)) {
                    (Some(high), Some(low)) => (high << 4 | low, 3),
                    _ => (b'%', 1),
                },
                _ => (b'%', 1),
            };
            key.push(byte);
            rest = from_sign.get(length..).unwrap_or_default();
        }
        key.extend_from_slice(rest);
        String::from_utf8(key).map(Self).map_err(|_| ObjectKeyError(encoded.to_owned()))
    }

    /// A key that is not encoded, as in listings and in events by `EventBridge`.
    pub fn from_plain(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The key as it is in the bucket.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key as S3 writes it into a notification.
    pub fn to_notification(&self) -> String {
        utf8_percent_encode(&self.0, PLAIN).to_string().replace(' ', "+")
    }
}

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(encoded: &str, key: &str) {
        assert_eq!(ObjectKey::from_notification(encoded), Ok(ObjectKey::from_plain(key)));
    }

    #[test]
    fn keys_are_decoded_as_forms_are() {
        check("red+flower.jpg", "red flower.jpg");
        check("data/year%3D2026/x", "data/year=2026/x");
        check("a%2Bb", "a+b");
        check("a%252Fb", "a%2Fb");
        check("caf%C3%A9", "café");
        check("100%", "100%");
    }

    #[test]
    fn a_key_that_is_not_text_is_refused() {
        let message = ObjectKey::from_notification("a%FF").unwrap_err().to_string();
        insta::assert_snapshot!(message, @"object key `a%FF` is not UTF-8 when decoded, expected a key as S3 encodes it");
    }

    proptest! {
        #[test]
        fn keys_are_decoded_as_another_decoder_does(encoded in "([a-z%+é]|%[0-9A-Fa-f]{2}|%C3%A9){0,12}") {
            let spaced = encoded.replace('+', " ");
            let expected = percent_encoding::percent_decode_str(&spaced).decode_utf8();
            let decoded = ObjectKey::from_notification(&encoded);
            prop_assert_eq!(decoded.ok().map(|key| key.0), expected.ok().map(std::borrow::Cow::into_owned));
        }

        #[test]
        fn decoding_undoes_encoding(key in any::<String>()) {
            let key = ObjectKey::from_plain(key);
            prop_assert_eq!(ObjectKey::from_notification(&key.to_notification()), Ok(key));
        }
    }
}
