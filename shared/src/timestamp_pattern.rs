//! The patterns of `!{timestamp:…}`: those of Java's `DateTimeFormatter`.

use std::fmt;

/// A pattern such as `yyyy-MM-dd`: what Firehose writes for the moment at which the oldest record of an object arrived.
///
/// Letters are fields, anything between single quotes and all other characters stand for themselves. Zones (`z`, `X`, …)
/// are refused, since no folder of ours is named after one, and so are the letters that Firehose itself refuses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimestampPattern {
    items: Vec<Item>,
}

/// One part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// Text that stands for itself.
    Text(String),
    /// A letter, repeated: `MM` is `Field { letter: 'M', count: 2 }`.
    Field {
        /// The letter of the pattern.
        letter: char,
        /// How often it is repeated.
        count: usize,
    },
}

/// Why a timestamp pattern is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// There is nothing in it.
    #[error("the timestamp pattern is empty, expected one such as `yyyy`")]
    Empty,
    /// A letter that is not a field, or that Firehose refuses.
    #[error(
        "`{0}` is not a letter of a timestamp pattern that can be used in a path, expected one of `yMdHms` and the like"
    )]
    Letter(char),
    /// A letter more often than Java takes it.
    #[error("`{}` is not a field of a timestamp pattern, expected `{letter}` at most {most} times", letter.to_string().repeat(*count))]
    TooOften {
        /// The letter.
        letter: char,
        /// How often it is repeated.
        count: usize,
        /// How often it may.
        most: usize,
    },
    /// A sign that Java keeps for itself, or for optional parts, with which nothing could be read back.
    #[error("`{0}` is reserved in timestamp patterns, expected it between single quotes")]
    Reserved(char),
    /// A quote without its partner.
    #[error("the timestamp pattern `{0}` has a quote that is not closed")]
    OpenQuote(String),
}

/// The letters that are fields, each with how often it can be repeated. (Java knows zones as well; no folder of ours is
/// named after one.)
const FIELDS: [(&str, usize); 7] =
    [("yuY", 19), ("MLQqeEG", 5), ("D", 3), ("dHkKhmsw", 2), ("WFac", 1), ("S", 9), ("AnN", 19)];

/// The longest word that a field becomes (`September`, `Wednesday`, `3rd quarter`, `Before Christ`), in characters.
const LONGEST_WORD: usize = 13;

/// The longest number that a field of one letter becomes: nanoseconds of a day, in digits.
const LONGEST_NUMBER: usize = 14;

impl TimestampPattern {
    /// Reads a pattern.
    pub fn parse(pattern: &str) -> Result<Self, PatternError> {
        if pattern.is_empty() {
            return Err(PatternError::Empty);
        }
        let mut items = Vec::new();
        let mut characters = pattern.chars().peekable();
        while let Some(character) = characters.next() {
            if character == '\'' {
                let text = quoted(&mut characters).ok_or_else(|| PatternError::OpenQuote(pattern.to_owned()))?;
                push_text(&mut items, &text);
            } else if character.is_ascii_alphabetic() {
                let mut count = 1;
                while characters.next_if_eq(&character).is_some() {
                    count += 1;
                }
                match FIELDS.iter().find(|(letters, _)| letters.contains(character)) {
                    None => return Err(PatternError::Letter(character)),
                    Some((_, most)) if count > *most => {
                        return Err(PatternError::TooOften { letter: character, count, most: *most });
                    }
                    Some(_) => {}
                }
                items.push(Item::Field { letter: character, count });
            } else if matches!(character, '[' | ']' | '{' | '}' | '#') {
                return Err(PatternError::Reserved(character));
            } else {
                push_text(&mut items, character.encode_utf8(&mut [0; 4]));
            }
        }
        Ok(Self { items })
    }

    /// `yyyy/MM/dd/HH/`, which Firehose appends to a prefix in which there is nothing to evaluate.
    pub fn hourly() -> Self {
        let fields = [('y', 4), ('M', 2), ('d', 2), ('H', 2)];
        let with_slash = |(letter, count)| [Item::Field { letter, count }, Item::Text("/".to_owned())];
        Self { items: fields.into_iter().flat_map(with_slash).collect() }
    }

    /// A pattern of these parts.
    pub(crate) fn of(items: Vec<Item>) -> Self {
        Self { items }
    }

    /// Its parts, in order.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The letters of its fields, in order: `yMd` for `yyyy-MM-dd`.
    pub fn letters(&self) -> String {
        let letter = |item: &Item| match item {
            Item::Field { letter, .. } => Some(*letter),
            Item::Text(_) => None,
        };
        self.items.iter().filter_map(letter).collect()
    }

    /// Whether this text may have come from the pattern. Shapes are compared, not calendars: `99` is a `MM`.
    pub fn accepts(&self, text: &str) -> bool {
        fn rest_is_accepted(items: &[Item], text: &str) -> bool {
            let Some((item, items)) = items.split_first() else { return text.is_empty() };
            match item {
                Item::Text(expected) => {
                    text.strip_prefix(expected.as_str()).is_some_and(|rest| rest_is_accepted(items, rest))
                }
                Item::Field { letter, count } => {
                    let (least, most) = widths(*letter, *count);
                    let fits = |c: char| if in_words(*letter, *count) { is_word(c) } else { c.is_ascii_digit() };
                    let end = |width: usize| text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(width);
                    (least..=most).any(|width| {
                        let Some((field, rest)) = end(width).and_then(|at| text.split_at_checked(at)) else {
                            return false;
                        };
                        field.chars().all(fits) && rest_is_accepted(items, rest)
                    })
                }
            }
        }
        rest_is_accepted(&self.items, text)
    }

    /// Its length in bytes if that is always the same.
    pub(crate) fn fixed_length(&self) -> Option<usize> {
        let length = |item: &Item| match item {
            Item::Text(text) => Some(text.len()),
            Item::Field { letter, count } => {
                let (least, most) = widths(*letter, *count);
                (least == most).then_some(most)
            }
        };
        self.items.iter().map(length).sum()
    }

    /// The most characters that it can become.
    pub(crate) fn longest(&self) -> usize {
        let length = |item: &Item| match item {
            Item::Text(text) => text.chars().count(),
            Item::Field { letter, count } => widths(*letter, *count).1,
        };
        self.items.iter().map(length).sum()
    }

    /// What it becomes begins with this text, whenever that is.
    pub(crate) fn head(&self) -> &str {
        match self.items.first() {
            Some(Item::Text(text)) => text,
            _ => "",
        }
    }

    /// Whether this character can come up anywhere in what it becomes.
    pub(crate) fn can_hold(&self, character: char) -> bool {
        self.items.iter().any(|item| match item {
            Item::Text(text) => text.contains(character),
            Item::Field { letter, count } if in_words(*letter, *count) => is_word(character),
            Item::Field { .. } => character.is_ascii_digit(),
        })
    }
}

impl fmt::Display for TimestampPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for item in &self.items {
            match item {
                Item::Text(text) if text.contains(|c: char| c.is_ascii_alphabetic() || c == '\'') => {
                    write!(f, "'{}'", text.replace('\'', "''"))?;
                }
                Item::Text(text) => f.write_str(text)?,
                Item::Field { letter, count } => {
                    for _ in 0..*count {
                        write!(f, "{letter}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// What stands up to the closing quote; `''` is one quote, inside and outside of quoted text.
fn quoted(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<String> {
    if characters.next_if_eq(&'\'').is_some() {
        return Some("'".to_owned());
    }
    let mut text = String::new();
    loop {
        match characters.next()? {
            '\'' if characters.next_if_eq(&'\'').is_some() => text.push('\''),
            '\'' => return Some(text),
            character => text.push(character),
        }
    }
}

fn push_text(items: &mut Vec<Item>, text: &str) {
    if let Some(Item::Text(before)) = items.last_mut() {
        before.push_str(text);
    } else {
        items.push(Item::Text(text.to_owned()));
    }
}

fn in_words(letter: char, count: usize) -> bool {
    matches!(letter, 'E' | 'a' | 'G') || (matches!(letter, 'M' | 'L' | 'Q' | 'q' | 'e') && count >= 3)
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, ' ' | '.')
}

/// The fewest and the most characters of a field.
fn widths(letter: char, count: usize) -> (usize, usize) {
    match (letter, count) {
        _ if in_words(letter, count) => (1, LONGEST_WORD),
        // A year has four digits from now until long after us, also where Java asks for one or for three at least.
        ('y' | 'u' | 'Y', 1 | 3) => (4, 4),
        ('D', 2) => (2, 3),
        ('n' | 'N' | 'A', count) => (count, LONGEST_NUMBER.max(count)),
        (_, 1) => (1, LONGEST_NUMBER),
        (_, count) => (count, count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, accepted: &[&str], refused: &[&str]) {
        let parsed = TimestampPattern::parse(pattern).unwrap();
        assert_eq!(parsed.to_string(), pattern);
        for text in accepted {
            assert!(parsed.accepts(text), "`{pattern}` does not accept `{text}`");
        }
        for text in refused {
            assert!(!parsed.accepts(text), "`{pattern}` accepts `{text}`");
        }
    }

    #[test]
    fn patterns_accept_what_they_can_have_written() {
        check("yyyy", &["2026"], &["26", "20261", "year", ""]);
        check("yyyy-MM-dd", &["2026-11-21"], &["2026-1-21", "20261121", "2026-11-21 "]);
        check("yyyyMMddHH", &["2026112109"], &["2026112", "2026-11-21"]);
        check("d", &["1", "31"], &["", "a"]);
        check("yyy-DD", &["2026-07", "2026-185"], &["026-07", "2026-7"]);
        check("A", &["0", "86399999"], &[""]);
        check("MMM-yyyy", &["Nov-2026"], &["-2026"]);
        check("'dt'yyyy", &["dt2026"], &["2026", "xx2026"]);
        check("HH'h'", &["09h"], &["9h", "09"]);
    }

    #[test]
    fn quotes_are_javas() {
        let text = |pattern: &str| TimestampPattern::parse(pattern).unwrap().items;
        assert_eq!(text("''"), [Item::Text("'".into())]);
        assert_eq!(text("'o''clock'"), [Item::Text("o'clock".into())]);
    }

    #[test]
    fn errors() {
        let message = |pattern: &str| TimestampPattern::parse(pattern).unwrap_err().to_string();
        insta::assert_snapshot!(message(""), @"the timestamp pattern is empty, expected one such as `yyyy`");
        insta::assert_snapshot!(message("yyyy-bb"), @"`b` is not a letter of a timestamp pattern that can be used in a path, expected one of `yMdHms` and the like");
        insta::assert_snapshot!(message("yyyyZ"), @"`Z` is not a letter of a timestamp pattern that can be used in a path, expected one of `yMdHms` and the like");
        insta::assert_snapshot!(message("HHH"), @"`HHH` is not a field of a timestamp pattern, expected `H` at most 2 times");
        insta::assert_snapshot!(message("yyyy[MM]"), @"`[` is reserved in timestamp patterns, expected it between single quotes");
        insta::assert_snapshot!(message("'T"), @"the timestamp pattern `'T` has a quote that is not closed");
    }
}
