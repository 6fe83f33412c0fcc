//! JSON text, written without a tree.

use crate::scan::Scanner;

/// Appends a text as a JSON string, with its quotes. Only what must be is escaped.
///
/// (`serde_json` writes strings to bytes only, or to a `String` of its own.)
pub(crate) fn push_string(json: &mut String, text: &str) {
    json.push('"');
    let mut rest = text;
    while let Some((plain, special)) = find_special(rest.as_bytes()).and_then(|place| rest.split_at_checked(place)) {
        json.push_str(plain);
        let mut characters = special.chars();
        match characters.next() {
            Some('\n') => json.push_str("\\n"),
            Some('\r') => json.push_str("\\r"),
            Some('\t') => json.push_str("\\t"),
            Some('\u{8}') => json.push_str("\\b"),
            Some('\u{c}') => json.push_str("\\f"),
            Some(character @ ('"' | '\\')) => json.extend(['\\', character]),
            Some(control) => {
                let digit = |value| char::from_digit(value, 16).unwrap_or('0');
                json.push_str("\\u00");
                json.extend([digit(u32::from(control) >> 4), digit(u32::from(control) & 15)]);
            }
            None => {}
        }
        rest = characters.as_str();
    }
    json.push_str(rest);
    json.push('"');
}

/// Appends a text in which there is nothing [special](is_special).
pub(crate) fn push_plain(json: &mut String, text: &str) {
    json.push('"');
    json.push_str(text);
    json.push('"');
}

/// Appends JSON in one line: as it is, or without the blanks between its parts if there are line breaks among them.
pub(crate) fn push_in_one_line(json: &mut String, value: &str) {
    if has_breaks(value) { json.push_str(&compact(value)) } else { json.push_str(value) }
}

/// Whether a text has more than one line. (Within the strings of JSON, line breaks are escaped.)
pub(crate) fn has_breaks(text: &str) -> bool {
    memchr::memchr2(b'\n', b'\r', text.as_bytes()).is_some()
}

/// JSON without the blanks between its parts.
pub(crate) fn compact(json: &str) -> String {
    let mut compact = String::with_capacity(json.len());
    push_compact(json, |part| compact.push_str(part));
    compact
}

/// Pushes a text part by part, without the blanks between: JSON if and only if the text is, or nothing but blanks stood between
/// two parts that only JSON's signs can stand between. This is told.
pub(crate) fn push_compact(text: &str, mut push: impl FnMut(&str)) -> bool {
    const SIGNS: &[u8] = b"{}[],:";
    let mut scanner = Scanner::new(text);
    let mut after_sign = true;
    while let Some(part) = scanner.part() {
        let (first, last) = (part.as_bytes().first(), part.as_bytes().last());
        let is_sign = |byte: Option<&u8>| byte.is_some_and(|byte| SIGNS.contains(byte));
        if !after_sign && !is_sign(first) {
            return false;
        }
        after_sign = is_sign(last);
        push(part);
    }
    scanner.is_at_end()
}

/// Whether there is anything in a text that cannot stand in a JSON string as it is.
pub(crate) fn is_special(text: &str) -> bool {
    find_special(text.as_bytes()).is_some()
}

/// The first byte that cannot stand in a JSON string as it is. Sixteen are looked at together, which the compiler makes few
/// instructions of: texts are long, and such bytes are rare.
fn find_special(text: &[u8]) -> Option<usize> {
    #[expect(clippy::needless_bitwise_bool, reason = "without branches sixteen bytes can be looked at together")]
    let is_special = |byte: &u8| (*byte < b' ') | (*byte == b'"') | (*byte == b'\\');
    let (chunks, _) = text.as_chunks::<16>();
    let plain =
        chunks.iter().take_while(|chunk| !chunk.iter().fold(false, |any, byte| any | is_special(byte))).count() * 16;
    text.get(plain..)?.iter().position(is_special).map(|place| plain + place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn strings_are_as_serde_json_writes_them(text in any::<String>()) {
            let mut json = String::new();
            push_string(&mut json, &text);
            prop_assert_eq!(json, serde_json::to_string(&text).unwrap());
        }

        #[test]
        fn nothing_but_blanks_is_left_out(strings in prop::collection::vec(any::<String>(), 0..5), number in any::<i32>()) {
            let value = serde_json::json!({ "a": strings, "\n b": [number, {}, [null, true]] });
            prop_assert_eq!(compact(&serde_json::to_string_pretty(&value).unwrap()), value.to_string());
        }

        #[test]
        fn no_text_becomes_json_by_it(text in "([{}\\[\\]\":,\\\\ \n0-9-]|true|\"[a z]{0,3}\"){0,16}") {
            let mut compact = String::new();
            let is_told = push_compact(&text, |part| compact.push_str(part));
            let is_json = |text: &str| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
            prop_assert_eq!(is_told && is_json(&compact), is_json(&text), "{} {}", compact, text);
        }

        #[test]
        fn so_are_control_characters(text in "[\u{0}-\u{30}\"\\\\\u{7f}é]{0,8}") {
            let mut json = String::new();
            push_string(&mut json, &text);
            prop_assert_eq!(json, serde_json::to_string(&text).unwrap());
        }
    }
}
