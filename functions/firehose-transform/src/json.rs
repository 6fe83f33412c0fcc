//! JSON text, written without a tree.

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
    let mut rest = json;
    loop {
        let (between, strings) = rest.split_at_checked(rest.find('"').unwrap_or(rest.len())).unwrap_or((rest, ""));
        compact.extend(between.split_ascii_whitespace());
        let Some((string, after)) = string_length(strings).and_then(|length| strings.split_at_checked(length)) else {
            return compact;
        };
        compact.push_str(string);
        rest = after;
    }
}

/// The length of the string that a JSON text begins with, its quotes included.
fn string_length(json: &str) -> Option<usize> {
    if !json.starts_with('"') {
        return None;
    }
    let mut escaped = false;
    let length = json.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })?;
    Some(length + 2)
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
        fn so_are_control_characters(text in "[\u{0}-\u{30}\"\\\\\u{7f}é]{0,8}") {
            let mut json = String::new();
            push_string(&mut json, &text);
            prop_assert_eq!(json, serde_json::to_string(&text).unwrap());
        }
    }
}
