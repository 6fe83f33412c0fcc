//! Regular expressions, each compiled once: jaq's own functions compile theirs at each call, which takes 300 times as long
//! as to match.

use super::value::{Error, Value};
use super::{Data, meter};
use jaq_core::native::{Filter, bome};
use jaq_core::{Bind, Cv, RunPtr, ValR, ValT};
use regex_bites::{Captures, Regex, RegexBuilder};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// A compiled expression and jq's flags of how to look for it.
struct Search {
    regex: Regex,
    global: bool,
    skip_empty: bool,
    /// About the KiB of its compiled form: what a character of the text costs, at worst, and a look into the cache.
    weight: usize,
}

/// The largest compiled form, as a power of two KiB: 1 MiB. A thousandfold repetition of a letter has a sixteenth of that.
const LARGEST: u32 = 10;

/// The most groups: each multiplies the memory of a search.
const MOST_GROUPS: usize = 64;

/// The longest expression, in bytes: to read one takes a hundred times its memory.
const LONGEST: usize = 1 << 15;

/// How many KiB of compiled expressions, times their groups, are kept. Programs have a few; one that makes them of records'
/// text begins anew now and then.
const MOST_KEPT: usize = 1 << 14;

thread_local! {
    static COMPILED: RefCell<HashMap<(String, String), Rc<Search>>> = RefCell::default();
}

/// The functions by which jaq's definitions do the rest.
pub(super) fn functions() -> Vec<Filter<RunPtr<Data>>> {
    let two = || [Bind::Var(()), Bind::Var(())].into();
    vec![
        ("test_native", two(), |cv| bome(search(cv).map(|(text, search)| search.test(&text).into()))),
        ("matches", two(), |cv| bome(search(cv).and_then(|(text, search)| search.parts(&text, false, true)))),
        ("split_matches", two(), |cv| bome(search(cv).and_then(|(text, search)| search.parts(&text, true, true)))),
        ("split_", two(), |cv| bome(search(cv).and_then(|(text, search)| search.parts(&text, true, false)))),
    ]
}

/// The text to search, and what to search for.
fn search(mut cv: Cv<'_, Data>) -> Result<(String, Rc<Search>), Error> {
    let flags = cv.0.pop_var();
    let pattern = cv.0.pop_var();
    let wrong = |value: &Value| Error::str(format_args!("{} cannot be matched, as it is not a string", value.kind()));
    let flags = if let Value::Null = flags { "" } else { flags.as_str().ok_or_else(|| wrong(&flags))? };
    let pattern = pattern.as_str().ok_or_else(|| wrong(&pattern))?;
    let text = cv.1.as_str().ok_or_else(|| wrong(&cv.1))?;
    meter::make(pattern.len());
    let search = Search::compiled(pattern, flags)?;
    meter::make(text.len().saturating_mul(search.weight));
    Ok((text.to_owned(), search))
}

/// Counts what the compiling of so many KiB takes. Whether it was done before must make no difference to a record.
fn count_compiling(weight: usize) {
    (0..weight).for_each(|_| meter::step());
}

impl Search {
    fn compiled(pattern: &str, flags: &str) -> Result<Rc<Self>, Error> {
        let key = (pattern.to_owned(), flags.to_owned());
        if let Some(search) = COMPILED.with_borrow(|compiled| compiled.get(&key).cloned()) {
            count_compiling(search.weight);
            return Ok(search);
        }
        let search = Rc::new(Self::new(pattern, flags).inspect_err(|_| count_compiling(1 << LARGEST))?);
        count_compiling(search.weight);
        COMPILED.with_borrow_mut(|compiled| {
            let kept: usize = compiled.values().map(|kept| kept.weight * kept.regex.captures_len()).sum();
            if kept + search.weight * search.regex.captures_len() > MOST_KEPT {
                compiled.clear();
            }
            compiled.insert(key, Rc::clone(&search));
        });
        Ok(search)
    }

    fn new(pattern: &str, flags: &str) -> Result<Self, Error> {
        if pattern.len() > LONGEST {
            let message = format_args!("expected at most {LONGEST} bytes in a regular expression, got more");
            return Err(Error::str(message));
        }
        let mut builder = RegexBuilder::new(pattern);
        let (mut global, mut skip_empty) = (false, false);
        for flag in flags.chars() {
            match flag {
                'g' => global = true,
                'n' => skip_empty = true,
                'i' => _ = builder.case_insensitive(true),
                'x' => _ = builder.ignore_whitespace(true),
                'p' => _ = builder.dot_matches_new_line(true),
                's' => {}
                _ => return Err(Error::str("not a valid modifier string, expected of g, i, n, p, s, x")),
            }
        }
        // The size is not told, but a limit is kept.
        let mut limited = |power: u32| builder.size_limit(1024 << power).build();
        let smallest = (0..LARGEST).find_map(|power| Some((power, limited(power).ok()?)));
        let (power, regex) = match smallest {
            Some((power, regex)) => (power, regex),
            None => (
                LARGEST,
                limited(LARGEST).map_err(|error| Error::str(format_args!("not a regular expression: {error}")))?,
            ),
        };
        if regex.captures_len() > MOST_GROUPS + 1 {
            let message = format_args!("expected at most {MOST_GROUPS} groups in a regular expression, got more");
            return Err(Error::str(message));
        }
        Ok(Self { regex, global, skip_empty, weight: 1 << power })
    }

    fn test(&self, text: &str) -> bool {
        if self.skip_empty { self.captures(text).next().is_some() } else { self.regex.is_match(text) }
    }

    /// The matches, as lists of jq's match objects, the whole one first, and the texts between them.
    fn parts(&self, text: &str, between: bool, matches: bool) -> ValR<Value> {
        let mut parts = Vec::new();
        let mut characters = Characters::default();
        let mut end = 0;
        for captures in self.captures(text) {
            let Some(whole) = captures.get(0) else { continue };
            if between {
                parts.push(Ok(Value::text(text.get(end..whole.start()).unwrap_or_default())));
                end = whole.end();
            }
            if matches {
                parts.push(self.objects(text, &captures, &mut characters));
            }
        }
        if between {
            parts.push(Ok(Value::text(text.get(end..).unwrap_or_default())));
        }
        parts.into_iter().collect()
    }

    fn captures<'t>(&'t self, text: &'t str) -> impl Iterator<Item = Captures<'t>> {
        let all = self.regex.captures_iter(text);
        let kept = all.filter(|captures| !self.skip_empty || captures.get(0).is_some_and(|whole| !whole.is_empty()));
        kept.inspect(|_| meter::step()).take(if self.global { usize::MAX } else { 1 })
    }

    fn objects(&self, text: &str, captures: &Captures<'_>, characters: &mut Characters) -> ValR<Value> {
        let object = |(group, (found, name)): (usize, (Option<regex_bites::Match<'_>>, Option<&str>))| {
            let name = (group > 0).then(|| ("name", name.map_or(Value::Null, Value::text)));
            let fields = match found {
                Some(found) => [
                    ("offset", Value::from(characters.before(text, found.start()))),
                    ("length", Value::from(found.as_str().chars().count())),
                    ("string", Value::text(found.as_str())),
                ],
                None => [("offset", Value::from(-1_i64)), ("string", Value::Null), ("length", Value::from(0_i64))],
            };
            let fields = fields.into_iter().chain(name);
            Value::from_map(fields.map(|(name, value)| (Value::text(name), value)))
        };
        captures.iter().zip(self.regex.capture_names()).enumerate().map(object).collect()
    }
}

/// Counts characters up to a place, from where it counted last, so that all matches of a text are counted in one go.
#[derive(Default)]
struct Characters {
    place: usize,
    characters: usize,
}

impl Characters {
    fn before(&mut self, text: &str, place: usize) -> usize {
        if place < self.place {
            *self = Self::default();
        }
        self.characters += text.get(self.place..place).map_or(0, |part| part.chars().count());
        self.place = place;
        self.characters
    }
}
