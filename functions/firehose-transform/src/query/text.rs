//! Values from JSON text and back.

use super::meter;
use super::number::Number;
use super::value::{Value, name_of};
use crate::json::push_string;
use serde_json::value::RawValue;

impl Value {
    /// Reads JSON. (`serde_json` would lose the text of numbers, and refuse half surrogate pairs, which jq replaces; it
    /// checks the text, so that what is read here is known to be JSON.)
    pub(crate) fn parse(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<&RawValue>(json).map(Self::of)
    }

    /// Reads what is JSON for certain.
    pub(crate) fn of(json: &RawValue) -> Self {
        Reader { rest: json.get() }.value(0)
    }

    /// Appends it as JSON without blanks.
    pub(crate) fn write(&self, json: &mut String) {
        let before = json.len();
        match self {
            Self::Null => json.push_str("null"),
            Self::Boolean(true) => json.push_str("true"),
            Self::Boolean(false) => json.push_str("false"),
            Self::Number(number) => number.write(json),
            Self::String(text) => push_string(json, text),
            Self::Array(_) | Self::Object(_) => return self.write_parts(json),
        }
        meter::make(json.len() - before);
    }

    fn write_parts(&self, json: &mut String) {
        let mut separator = "";
        if let Some(items) = self.as_array() {
            json.push('[');
            for item in items {
                json.push_str(separator);
                item.write(json);
                separator = ",";
            }
            json.push(']');
        } else if let Some(fields) = self.as_object() {
            json.push('{');
            for (name, value) in fields {
                json.push_str(separator);
                push_string(json, name);
                json.push(':');
                value.write(json);
                separator = ",";
            }
            json.push('}');
        }
        meter::step();
    }

    /// It as JSON without blanks.
    pub(crate) fn to_json(&self) -> String {
        let mut json = String::new();
        self.write(&mut json);
        json
    }
}

/// What is left of a text that is JSON.
struct Reader<'j> {
    rest: &'j str,
}

impl<'j> Reader<'j> {
    fn value(&mut self, levels: u32) -> Value {
        meter::step();
        meter::nest(levels);
        self.skip(|byte| byte.is_ascii_whitespace());
        match self.rest.as_bytes().first() {
            Some(b'"') => Value::text(self.string()),
            Some(b'[') => self.array(levels),
            Some(b'{') => self.object(levels),
            Some(b't' | b'f' | b'n') => match self.skip(|byte| byte.is_ascii_alphabetic()) {
                "true" => Value::Boolean(true),
                "false" => Value::Boolean(false),
                _ => Value::Null,
            },
            _ => Value::Number(Number::from_json(
                self.skip(|byte| !matches!(byte, b',' | b']' | b'}') && !byte.is_ascii_whitespace()),
            )),
        }
    }

    fn array(&mut self, levels: u32) -> Value {
        self.take();
        std::iter::from_fn(|| {
            let ends = self.separator() == b']';
            (!ends).then(|| self.value(levels + 1))
        })
        .collect()
    }

    /// Of a name that comes twice the last value counts, at the first one's place, as in jq.
    fn object(&mut self, levels: u32) -> Value {
        self.take();
        std::iter::from_fn(|| {
            let ends = self.separator() == b'}';
            (!ends).then(|| {
                let name = name_of(&self.string());
                self.separator();
                (name, self.value(levels + 1))
            })
        })
        .collect()
    }

    /// Goes to the next part of an array or object; what closes one is taken as well, and told.
    fn separator(&mut self) -> u8 {
        self.skip(|byte| byte.is_ascii_whitespace() || matches!(byte, b',' | b':'));
        match self.rest.as_bytes().first() {
            Some(&end @ (b']' | b'}')) => {
                self.take();
                end
            }
            Some(&byte) => byte,
            None => b'}',
        }
    }

    /// Takes a string, from its first quote to its last. Halves of surrogate pairs are replaced.
    fn string(&mut self) -> String {
        self.take();
        let mut text = String::new();
        loop {
            text.push_str(self.skip(|byte| byte != b'"' && byte != b'\\'));
            match self.take() {
                '\\' => {}
                _ => return text,
            }
            match self.take() {
                'b' => text.push('\u{8}'),
                'f' => text.push('\u{c}'),
                'n' => text.push('\n'),
                'r' => text.push('\r'),
                't' => text.push('\t'),
                'u' => {
                    let unit = self.unit();
                    let mut units = vec![unit];
                    if (0xd800..0xdc00).contains(&unit) {
                        let mut ahead = Reader { rest: self.rest };
                        if ahead.take() == '\\' && ahead.take() == 'u' {
                            let low = ahead.unit();
                            if (0xdc00..0xe000).contains(&low) {
                                units.push(low);
                                self.rest = ahead.rest;
                            }
                        }
                    }
                    text.push_str(&String::from_utf16_lossy(&units));
                }
                character => text.push(character),
            }
        }
    }

    /// Takes the four digits of a `\u` escape.
    fn unit(&mut self) -> u16 {
        let (digits, rest) = self.rest.split_at_checked(4).unwrap_or((self.rest, ""));
        self.rest = rest;
        u16::from_str_radix(digits, 16).unwrap_or(0xfffd)
    }

    /// Takes a character; the end is as good as a quote.
    fn take(&mut self) -> char {
        let mut characters = self.rest.chars();
        let character = characters.next().unwrap_or('"');
        self.rest = characters.as_str();
        character
    }

    /// Takes all bytes of a kind; none of them may be part of a character.
    fn skip(&mut self, kind: impl Fn(u8) -> bool) -> &'j str {
        let end = self.rest.bytes().position(|byte| !kind(byte)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(json: &str, written: &str) {
        assert_eq!(Value::parse(json).unwrap().to_json(), written);
    }

    #[test]
    fn values_are_read_and_written() {
        check("null", "null");
        check(" [ true , false,null ] ", "[true,false,null]");
        check(r#"{ "b" : 1.10 , "a" : { } , "c":[ ] }"#, r#"{"b":1.10,"a":{},"c":[]}"#);
        check("[12345678901234567891, -0, 1E5]", "[12345678901234567891,-0,1E5]");
        check(r#"{"a":1,"b":2,"\u0061":3}"#, r#"{"a":3,"b":2}"#);
    }

    #[test]
    fn strings_are_read_and_written() {
        check(r#""\u1ecb\/\"\\\n\u0001""#, r#""ị/\"\\\n\u0001""#);
        check(r#""\ud83d\ude00""#, r#""😀""#);
        check(r#""a\ud83db""#, r#""a�b""#);
        check(r#""\ud83d\u0041""#, r#""�A""#);
        check(r#""\ude00""#, r#""�""#);
    }

    #[test]
    fn what_is_not_json_is_not_read() {
        for text in ["", "nan", "[1,]", "{\"a\" 1}", "1 2", "\"", "[", "01", "+1", "'a'", "[1}"] {
            assert!(Value::parse(text).is_err(), "{text}");
        }
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
                proptest::collection::vec((any::<String>(), inner), 0..5)
                    .prop_map(|fields| serde_json::Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_read_is_written(json in any_json(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&json) } else { serde_json::to_string(&json) };
            prop_assert_eq!(Value::parse(&text.unwrap()).unwrap().to_json(), json.to_string());
        }
    }
}
