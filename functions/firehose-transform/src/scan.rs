//! JSON read by its places: where values begin and end, checked on the way, and nothing copied.
//!
//! Made for the two texts that every invocation is full of: the request, and the records in it. What is not JSON, or out of
//! the ordinary (an escape in a name, many levels), is left to `serde_json`, whose answer counts; a property holds that nothing
//! is read here that it would refuse. (It reads the same texts in twice the time, most of it on the way through its traits.)

/// A text, and how far it has been read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scanner<'j> {
    text: &'j str,
    place: usize,
    /// Whether a string ends at the next quote, whatever comes before it.
    is_tame: bool,
}

/// The name of a field, without escapes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key<'j> {
    /// The name.
    pub(crate) name: &'j str,
    /// All that stands before the value: the name with its quotes, the colon, and blanks as there may be.
    pub(crate) text: &'j str,
}

/// A one in each byte of a word, and the highest bit in each.
const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHEST: u64 = 0x80 * ONES;

/// Arrays and objects inside of each other, beyond which a text is out of the ordinary.
const MOST_LEVELS: u32 = 64;

impl<'j> Scanner<'j> {
    /// A text of which nothing has been read.
    pub(crate) fn new(text: &'j str) -> Self {
        Self { text, place: 0, is_tame: false }
    }

    /// The same for any text, whether it is tame or not.
    pub(crate) fn of(text: &'j str) -> Self {
        Self { text, place: 0, is_tame: is_tame(text) }
    }

    /// The same for a text that [is tame](is_tame), as most records are; its strings are read in half the time.
    pub(crate) fn tame(text: &'j str) -> Self {
        Self { text, place: 0, is_tame: true }
    }

    /// Reads an object and blanks around it: `field` is called with each name, and reads its value.
    #[inline]
    pub(crate) fn fields(&mut self, mut field: impl FnMut(&mut Self, Key<'j>) -> Option<()>) -> Option<()> {
        self.skip_blanks();
        self.sign(b'{')?;
        self.skip_blanks();
        if self.peek()? == b'}' {
            self.place += 1;
        } else {
            loop {
                let start = self.place;
                let name = self.plain_string()?;
                self.skip_blanks();
                self.sign(b':')?;
                self.skip_blanks();
                field(self, Key { name, text: self.text.get(start..self.place)? })?;
                self.skip_blanks();
                match self.next()? {
                    b',' => self.skip_blanks(),
                    b'}' => break,
                    _ => return None,
                }
            }
        }
        self.skip_blanks();
        Some(())
    }

    /// Reads an object that has these fields in this order, each given as its name in quotes and a colon: `field` is called with
    /// each, and reads its value.
    #[inline]
    pub(crate) fn expected_fields(
        &mut self,
        expected: &[String],
        mut field: impl FnMut(&mut Self, Key<'j>) -> Option<()>,
    ) -> Option<()> {
        let mut before = b'{';
        for expected in expected {
            self.sign(before)?;
            self.skip_blanks();
            let start = self.place;
            self.skip_word(expected)?;
            let name = self.text.get(start + "\"".len()..self.place - "\":".len())?;
            self.skip_blanks();
            field(self, Key { name, text: self.text.get(start..self.place)? })?;
            self.skip_blanks();
            before = b',';
        }
        self.sign(b'}')
    }

    /// Reads an array: `item` reads each of its items.
    pub(crate) fn items(&mut self, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.sign(b'[')?;
        self.skip_blanks();
        if self.peek()? == b']' {
            self.place += 1;
            return Some(());
        }
        loop {
            item(self)?;
            self.skip_blanks();
            match self.next()? {
                b',' => self.skip_blanks(),
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    /// Reads a value of any kind.
    #[inline]
    pub(crate) fn value(&mut self) -> Option<&'j str> {
        let start = self.place;
        self.skip_value(MOST_LEVELS)?;
        self.text.get(start..self.place)
    }

    /// Reads a field's value, `null` as nothing. A field that comes twice is out of the ordinary.
    pub(crate) fn value_once(&mut self, field: &mut Option<&'j str>) -> Option<()> {
        if field.is_some() {
            return None;
        }
        *field = Some(self.value()?).filter(|value| *value != "null");
        Some(())
    }

    /// Reads a string, and gives it with its quotes.
    #[inline]
    pub(crate) fn string(&mut self) -> Option<&'j str> {
        let start = self.place;
        self.skip_string()?;
        self.text.get(start..self.place)
    }

    /// Goes over blanks, and reads a string, or what comes before the next string or blank.
    pub(crate) fn part(&mut self) -> Option<&'j str> {
        self.skip_blanks();
        let start = self.place;
        if self.peek()? == b'"' {
            if self.skip_string().is_none() {
                self.place = start;
                return None;
            }
        } else {
            while self.peek().is_some_and(|byte| !matches!(byte, b'"' | b' ' | b'\n' | b'\r' | b'\t')) {
                self.place += 1;
            }
        }
        self.text.get(start..self.place)
    }

    /// Goes over blanks, and over a sign if it comes next.
    #[inline]
    pub(crate) fn eat(&mut self, sign: u8) -> bool {
        self.skip_blanks();
        let is_next = self.peek() == Some(sign);
        self.place += usize::from(is_next);
        is_next
    }

    /// Goes over blanks, and over a word if it comes next.
    pub(crate) fn eat_word(&mut self, word: &str) -> bool {
        self.skip_blanks();
        self.skip_word(word).is_some()
    }

    /// What has not been read.
    pub(crate) fn rest(&self) -> &'j str {
        self.text.get(self.place..).unwrap_or_default()
    }

    /// Reads a string that is long and has no escapes, as base64 is. Control characters in it are not looked for.
    pub(crate) fn long_string(&mut self) -> Option<&'j str> {
        let start = self.place;
        self.sign(b'"')?;
        let rest = self.text.as_bytes().get(self.place..)?;
        let length = memchr::memchr2(b'"', b'\\', rest)?;
        self.place += length;
        self.sign(b'"')?;
        self.text.get(start..self.place)
    }

    /// Whether the text is a number.
    pub(crate) fn is_number(mut self) -> bool {
        self.skip_number().is_some() && self.is_at_end()
    }

    /// Whether all has been read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.place == self.text.len()
    }

    fn skip_value(&mut self, levels: u32) -> Option<()> {
        match self.peek()? {
            b'"' => self.skip_string().map(|_| ()),
            b'{' => {
                let levels = levels.checked_sub(1)?;
                self.place += 1;
                self.skip_blanks();
                if self.peek()? == b'}' {
                    self.place += 1;
                    return Some(());
                }
                loop {
                    self.skip_string()?;
                    self.skip_blanks();
                    self.sign(b':')?;
                    self.skip_blanks();
                    self.skip_value(levels)?;
                    self.skip_blanks();
                    match self.next()? {
                        b',' => self.skip_blanks(),
                        b'}' => return Some(()),
                        _ => return None,
                    }
                }
            }
            b'[' => {
                let levels = levels.checked_sub(1)?;
                self.items(|scanner| scanner.skip_value(levels))
            }
            b't' => self.skip_word("true"),
            b'f' => self.skip_word("false"),
            b'n' => self.skip_word("null"),
            _ => self.skip_number(),
        }
    }

    /// Reads a string without escapes: what is between its quotes.
    #[inline]
    fn plain_string(&mut self) -> Option<&'j str> {
        let start = self.place + 1;
        let is_plain = self.skip_string()?;
        if is_plain { self.text.get(start..self.place - 1) } else { None }
    }

    /// Whether there was nothing escaped in it.
    #[inline]
    fn skip_string(&mut self) -> Option<bool> {
        self.sign(b'"')?;
        if self.is_tame {
            self.place = self.quote_place()? + 1;
            return Some(true);
        }
        self.skip_wild_string()
    }

    fn skip_wild_string(&mut self) -> Option<bool> {
        let mut is_plain = true;
        loop {
            self.place = self.special_place()?;
            match self.next()? {
                b'"' => return Some(is_plain),
                b'\\' => {
                    is_plain = false;
                    match self.next()? {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                        b'u' => {
                            let digits = self.text.as_bytes().get(self.place..self.place + 4)?;
                            if !digits.iter().all(u8::is_ascii_hexdigit) {
                                return None;
                            }
                            self.place += 4;
                        }
                        _ => return None,
                    }
                }
                _ => return None,
            }
        }
    }

    /// Where the next quote, backslash or control character stands.
    #[inline]
    fn special_place(&self) -> Option<usize> {
        let in_word = |word: u64| {
            let is_control = word.wrapping_sub(0x20 * ONES) & !word;
            is_byte(word, b'"') | is_byte(word, b'\\') | is_control
        };
        self.place_of(in_word, |byte| matches!(byte, b'"' | b'\\' | ..=0x1f))
    }

    /// Where the next quote stands.
    #[inline]
    fn quote_place(&self) -> Option<usize> {
        self.place_of(|word| is_byte(word, b'"'), |byte| byte == b'"')
    }

    /// Where the next byte stands that is one of those looked for. Eight bytes are looked at together: `in_word` sets the
    /// highest bit of each byte of a word that is one of them, and perhaps of bytes after the first.
    #[inline]
    fn place_of(&self, in_word: impl Fn(u64) -> u64, is: impl Fn(u8) -> bool) -> Option<usize> {
        let mut rest = self.text.as_bytes().get(self.place..)?;
        while let Some((word, after)) = rest.split_first_chunk::<8>() {
            let found = in_word(u64::from_le_bytes(*word)) & HIGHEST;
            if found != 0 {
                return Some(self.text.len() - rest.len() + (found.trailing_zeros() / 8) as usize);
            }
            rest = after;
        }
        let found = rest.iter().position(|byte| is(*byte))?;
        Some(self.text.len() - rest.len() + found)
    }

    fn skip_number(&mut self) -> Option<()> {
        if self.peek()? == b'-' {
            self.place += 1;
        }
        match self.next()? {
            b'0' => {}
            b'1'..=b'9' => self.skip_digits(),
            _ => return None,
        }
        if self.peek() == Some(b'.') {
            self.place += 1;
            self.digit()?;
            self.skip_digits();
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.place += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.place += 1;
            }
            self.digit()?;
            self.skip_digits();
        }
        Some(())
    }

    fn digit(&mut self) -> Option<()> {
        self.next()?.is_ascii_digit().then_some(())
    }

    fn skip_digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.place += 1;
        }
    }

    #[inline]
    fn skip_word(&mut self, word: &str) -> Option<()> {
        let end = self.place + word.len();
        (self.text.as_bytes().get(self.place..end)? == word.as_bytes()).then(|| self.place = end)
    }

    /// Goes over blanks.
    #[inline]
    pub(crate) fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.place += 1;
        }
    }

    #[inline]
    fn sign(&mut self, sign: u8) -> Option<()> {
        (self.next()? == sign).then_some(())
    }

    #[inline]
    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.place += 1;
        Some(byte)
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.place).copied()
    }
}

/// Sets the highest bit of the bytes of a word that are this one, and perhaps of bytes after the first of them.
#[inline]
fn is_byte(word: u64, byte: u8) -> u64 {
    let difference = word ^ (u64::from(byte) * ONES);
    difference.wrapping_sub(ONES) & !difference
}

/// Whether there is neither a backslash nor a control character in a text: JSON without escapes, in one line.
pub(crate) fn is_tame(text: &str) -> bool {
    let (chunks, rest) = text.as_bytes().as_chunks::<32>();
    #[expect(clippy::needless_bitwise_bool, reason = "without branches many bytes can be looked at together")]
    let is_wild = |any: bool, byte: &u8| any | (*byte < b' ') | (*byte == b'\\');
    !chunks.iter().any(|chunk| chunk.iter().fold(false, is_wild)) && !rest.iter().fold(false, is_wild)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    /// The value that a text is.
    fn read(text: &str) -> Option<&str> {
        let wild = read_by(Scanner::new(text));
        if is_tame(text) {
            assert_eq!(read_by(Scanner::tame(text)), wild, "{text}");
        }
        wild
    }

    fn read_by(mut scanner: Scanner<'_>) -> Option<&str> {
        scanner.skip_blanks();
        let value = scanner.value()?;
        scanner.skip_blanks();
        scanner.is_at_end().then_some(value)
    }

    #[test]
    fn json_is_read() {
        for text in [
            "{}",
            "[]",
            "null",
            "true",
            "false",
            "0",
            "-0",
            "10.50",
            "1e5",
            "1E-5",
            "1.5e+10",
            r#""""#,
            r#""a\"b\\""#,
            r#""\u1ecb\ud800""#,
            r#"{"a":[1,{"b":null}],"c":"ü"}"#,
            "[ 1 , 2 ]",
            r#""12345678\n12345678""#,
        ] {
            assert_eq!(read(text), Some(text));
        }
        assert_eq!(read(" \n[1]\t "), Some("[1]"));
    }

    #[test]
    fn what_is_not_json_is_not_read() {
        for text in [
            "",
            " ",
            "{",
            "[",
            "[1,]",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "nul",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "--1",
            "\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\n\"",
            "\"1234567\u{1f}\"",
            "1 2",
            "[1]]",
            "{\"a\":1,}",
            "NaN",
            "'a'",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_read_that_serde_json_refuses(
            text in "([{}\\[\\]\":,\\\\ \n0-9eE.+-]|true|null|\\\\u00e4|\"[a-zü]{0,12}\"){0,24}",
        ) {
            if let Some(value) = read(&text) {
                prop_assert_eq!(serde_json::from_str::<&RawValue>(&text).unwrap().get(), value);
            }
        }

        #[test]
        fn what_serde_json_writes_is_read(strings in prop::collection::vec(any::<String>(), 0..6), number in any::<f64>()) {
            let json = serde_json::json!({ "strings": strings, "number": number, "more": [{}, [], null, true] });
            for text in [json.to_string(), serde_json::to_string_pretty(&json).unwrap()] {
                prop_assert_eq!(read(&text), Some(text.as_str()));
            }
        }
    }
}
