//! JSON read by its places, also where it stands in a string of other JSON: nothing is copied, and nothing checked but what
//! tells where values begin and end.
//!
//! A quotation mark has as many backslashes before it as JSON that stands in a string of JSON gives it: none, one, three. What
//! is escaped in any other way is out of the ordinary, and is left to `serde_json`.

/// A text, and how far it has been read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scanner<'j> {
    text: &'j str,
    place: usize,
    /// Backslashes before a quotation mark.
    backslashes: usize,
}

impl<'j> Scanner<'j> {
    /// A text of which nothing has been read.
    pub(super) fn new(text: &'j str) -> Self {
        Self { text, place: 0, backslashes: 0 }
    }

    /// Reads an object, and blanks around it: `field` is called with each name, and reads its value.
    #[inline]
    pub(super) fn fields(&mut self, mut field: impl FnMut(&mut Self, &'j str) -> Option<()>) -> Option<()> {
        self.skip_blanks();
        self.sign(b'{')?;
        self.skip_blanks();
        if self.peek()? == b'}' {
            self.place += 1;
        } else {
            loop {
                let name = self.string()?;
                self.skip_blanks();
                self.sign(b':')?;
                self.skip_blanks();
                field(self, name)?;
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

    /// Reads an array: `item` reads each of its items.
    #[inline]
    pub(super) fn items(&mut self, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
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

    /// Reads a string in which nothing is escaped.
    #[inline]
    pub(super) fn string(&mut self) -> Option<&'j str> {
        self.quote()?;
        let start = self.place;
        self.place = self.special_place()?;
        let end = self.place;
        self.quote()?;
        self.text.get(start..end)
    }

    /// Reads a string that holds JSON, where it stands: `read` reads what is in it, to the end. What `read` cannot read is
    /// skipped, and its answer is nothing.
    pub(super) fn embedded<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Embedded<'j, T>> {
        let quoted = self.place;
        self.quote()?;
        let mut within = Self { backslashes: self.backslashes * 2 + 1, ..*self };
        if let Some(read) = read(&mut within) {
            self.place = within.place;
            if self.quote().is_some() {
                return Some(Embedded::Read(read));
            }
        }
        self.place = quoted;
        self.skip_string_of_any_kind()?;
        self.text.get(quoted..self.place).map(Embedded::Text)
    }

    /// Reads a whole number.
    pub(super) fn number(&mut self) -> Option<u64> {
        self.scalar()?.parse().ok()
    }

    /// Skips a value of any kind: what stands between strings is not looked at, but for its brackets.
    #[inline]
    pub(super) fn skip(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' | b'\\' => self.skip_string(),
            b'{' | b'[' => self.skip_levels(),
            _ => self.scalar().map(|_| ()),
        }
    }

    /// Whether all has been read.
    pub(super) fn is_at_end(&self) -> bool {
        self.place == self.text.len()
    }

    fn skip_levels(&mut self) -> Option<()> {
        let mut levels = 0_u32;
        loop {
            match self.peek()? {
                b'"' | b'\\' => {
                    self.skip_string()?;
                    continue;
                }
                b'{' | b'[' => levels += 1,
                b'}' | b']' => levels = levels.checked_sub(1)?,
                _ => {}
            }
            self.place += 1;
            if levels == 0 {
                return Some(());
            }
        }
    }

    /// Skips a string in which nothing is escaped.
    #[inline]
    fn skip_string(&mut self) -> Option<()> {
        self.quote()?;
        self.place = self.special_place()?;
        self.quote()
    }

    /// Reads a number or a word.
    fn scalar(&mut self) -> Option<&'j str> {
        let start = self.place;
        let rest = self.text.as_bytes().get(start..)?;
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
        self.place += rest.iter().take_while(|byte| plain(byte)).count();
        self.text.get(start..self.place).filter(|text| !text.is_empty())
    }

    /// Skips a string outside of all others, whatever is escaped in it.
    fn skip_string_of_any_kind(&mut self) -> Option<()> {
        if self.backslashes > 0 {
            return None;
        }
        self.quote()?;
        loop {
            self.place = self.special_place()?;
            match self.next()? {
                b'"' => return Some(()),
                _ => self.place += 1,
            }
        }
    }

    /// Reads a quotation mark that begins or ends a string, and is no part of one.
    #[inline]
    fn quote(&mut self) -> Option<()> {
        let end = self.place + self.backslashes;
        let bytes = self.text.as_bytes();
        let escaped = self.backslashes == 0 || bytes.get(self.place..end)?.iter().all(|byte| *byte == b'\\');
        self.place = end + 1;
        (escaped && bytes.get(end) == Some(&b'"')).then_some(())
    }

    /// The place of the next quotation mark or backslash.
    #[inline]
    fn special_place(&self) -> Option<usize> {
        let rest = self.text.as_bytes().get(self.place..)?;
        memchr::memchr2(b'"', b'\\', rest).map(|length| self.place + length)
    }

    #[inline]
    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')) {
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

/// What a string holds that holds JSON as a rule.
pub(super) enum Embedded<'j, T> {
    /// What was read.
    Read(T),
    /// The string as it is written, quotation marks included.
    Text(&'j str),
}
