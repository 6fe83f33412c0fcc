//! Programs of the shapes that most users write, as direct operations on a record's own text.
//!
//! What a program does not touch is copied and never read. A plan knows the ordinary case of each operation alone: where a
//! record would make one fail, or do something less ordinary, the plan gives up, and the interpreter does it all again and
//! says so in jq's words. A property holds the two equal.
//!
//! Equal are the values. A value that is only copied keeps the text that it came in, with blanks, escapes and whatever comes
//! twice inside of it, where the interpreter writes it anew; and since it is not read, it may have any number of levels.

use super::number::Number;
use super::strftime::{Format, parse_rfc3339};
use crate::document::{Document, Kind, text_of};
use crate::json::{compact, is_special, push_string};
use crate::scan::Key;
use bumpalo::Bump;
use bumpalo::boxed::Box as BumpBox;
use bumpalo::collections::String as BumpString;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Pattern, Term};
use jaq_core::ops::{Cmp, Math};
use jaq_core::path::{Opt, Part};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use std::borrow::Cow;
use std::cell::Cell;
use std::cmp::Ordering;

/// A program that can be run directly.
#[derive(Debug)]
pub(super) struct Plan(Step);

/// What a step does with its input.
#[derive(Debug)]
enum Step {
    Input,
    Constant(String),
    Global(&'static str),
    /// A variable, by how many were bound after it.
    Local(usize),
    Field(Field),
    Slice(Option<usize>, Option<usize>),
    Object(Vec<(FieldName, Step)>),
    Delete(Vec<String>),
    Pipe(Box<Step>, Box<Step>),
    Bind(Box<Step>, Box<Step>),
    Add(Box<Step>, Box<Step>),
    Alternative(Box<Step>, Box<Step>),
    If(Box<Step>, Box<Step>, Box<Step>),
    Select(Box<Step>),
    Compare(Box<Step>, Cmp, Box<Step>),
    /// Ends with this if the first is as true; `and` and `or`.
    Logic(Box<Step>, bool, Box<Step>),
    Not,
    Interpolate(Vec<Result<String, Step>>),
    ToString,
    ToNumber,
    Downcase,
    Upcase,
    Rfc3339,
    Strftime(Format),
}

/// A field that is asked for.
#[derive(Debug)]
struct Field {
    name: String,
    /// Where it was found last: most records have the same fields in the same order.
    place: Cell<usize>,
}

/// The name of a field that is made.
#[derive(Debug)]
struct FieldName {
    name: String,
    /// The name as JSON, and a colon.
    text: String,
}

/// A value on its way through a plan. What is made lies in the record's arena.
#[derive(Debug)]
pub(crate) enum Item<'a> {
    /// Any value, as JSON without blanks around it.
    Json(&'a str),
    /// A string, as text.
    Text(&'a str),
    /// Seconds since 1970, made of text: the time in UTC that they are.
    Time(DateTime),
    /// An object. In a box, since items are handed over from step to step.
    Object(BumpBox<'a, Document<'a>>),
}

/// What a step can reach beside its input.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'s, 'a> {
    arena: &'a Bump,
    /// The JSON of a variable of the program's.
    globals: &'s dyn Fn(&'static str) -> Option<String>,
    /// Variables that it binds itself, the last first.
    local: Option<&'s Local<'s, 'a>>,
    /// The bytes that the arena had before.
    before: usize,
}

struct Local<'s, 'a> {
    value: Item<'a>,
    outer: Option<&'s Local<'s, 'a>>,
}

/// The record is not an ordinary case.
#[derive(Debug)]
pub(crate) struct GivenUp;

/// A result, or no output.
type Output<'a> = Result<Option<Item<'a>>, GivenUp>;

const NULL: Item<'_> = Item::Json("null");

/// How many bytes a plan makes of a record at most. A program can double what it has with every few characters; the
/// interpreter, which is allowed as much at least, knows what to say of that.
const MOST_MADE: usize = 8 << 20;

impl Plan {
    /// Plans a program that may use these variables, if each of its parts is of a shape that can be.
    pub(super) fn of(program: &Term<&str>, globals: &[&'static str]) -> Option<Self> {
        Planner { globals, locals: Vec::new() }.step(program).map(Self)
    }

    /// Runs it on an object.
    pub(super) fn run<'a>(
        &'a self,
        input: Document<'a>,
        scope: &Scope<'_, 'a>,
    ) -> Result<Option<Document<'a>>, GivenUp> {
        let output = self.0.take(Item::object(input, scope.arena), scope)?;
        output.map(|item| item.into_object(scope)).transpose()
    }

    /// Runs it on an object that is needed afterwards.
    pub(super) fn look<'a>(&'a self, input: &Item<'a>, scope: &Scope<'_, 'a>) -> Result<Option<Document<'a>>, GivenUp> {
        let output = self.0.look(input, scope)?;
        output.map(|item| item.into_object(scope)).transpose()
    }
}

impl Plan {
    /// The fields of its input that it reads; nothing, if it may read any.
    pub(super) fn reads(&self) -> Option<Vec<&str>> {
        let mut names = Vec::new();
        self.0.read_fields_alone(&mut names).then_some(names)
    }
}

struct Planner<'p, 's> {
    globals: &'p [&'static str],
    locals: Vec<&'s str>,
}

impl<'s> Planner<'_, 's> {
    fn boxed(&mut self, term: &Term<&'s str>) -> Option<Box<Step>> {
        self.step(term).map(Box::new)
    }

    fn step(&mut self, term: &Term<&'s str>) -> Option<Step> {
        Some(match term {
            Term::Id => Step::Input,
            Term::Num(number) => {
                let mut json = String::new();
                Number::parse(number).filter(is_written_as_it_is)?.write(&mut json);
                Step::Constant(json)
            }
            Term::Str(None, parts) => self.text(parts)?,
            Term::Var(variable) => self.variable(variable)?,
            Term::Obj(fields) => Step::Object(fields.iter().map(|field| self.field(field)).collect::<Option<_>>()?),
            Term::Path(from, path) => {
                let from = self.step(from)?;
                path.0.iter().try_fold(from, |from, part| {
                    let part = part_of_path(part)?;
                    Some(if matches!(from, Step::Input) { part } else { Step::Pipe(Box::new(from), Box::new(part)) })
                })?
            }
            Term::BinOp(left, BinaryOp::Pipe(None), right) => Step::Pipe(self.boxed(left)?, self.boxed(right)?),
            Term::BinOp(left, BinaryOp::Pipe(Some(Pattern::Var(variable))), right) => {
                let left = self.boxed(left)?;
                self.locals.push(variable);
                let right = self.boxed(right);
                self.locals.pop();
                Step::Bind(left, right?)
            }
            Term::BinOp(left, BinaryOp::Math(Math::Add), right) => Step::Add(self.boxed(left)?, self.boxed(right)?),
            Term::BinOp(left, BinaryOp::Alt, right) => Step::Alternative(self.boxed(left)?, self.boxed(right)?),
            Term::BinOp(left, BinaryOp::Or, right) => Step::Logic(self.boxed(left)?, true, self.boxed(right)?),
            Term::BinOp(left, BinaryOp::And, right) => Step::Logic(self.boxed(left)?, false, self.boxed(right)?),
            Term::BinOp(left, BinaryOp::Cmp(how), right) => Step::Compare(self.boxed(left)?, *how, self.boxed(right)?),
            Term::IfThenElse(branches, Some(otherwise)) => {
                let otherwise = self.step(otherwise)?;
                branches.iter().rev().try_fold(otherwise, |otherwise, (condition, then)| {
                    Some(Step::If(self.boxed(condition)?, self.boxed(then)?, Box::new(otherwise)))
                })?
            }
            Term::Call(name, arguments) => self.call(name, arguments)?,
            _ => return None,
        })
    }

    fn call(&mut self, name: &str, arguments: &[Term<&'s str>]) -> Option<Step> {
        Some(match (name, arguments) {
            ("true" | "false" | "null", []) => Step::Constant(name.to_owned()),
            ("not", []) => Step::Not,
            ("tostring", []) => Step::ToString,
            ("tonumber", []) => Step::ToNumber,
            ("ascii_downcase", []) => Step::Downcase,
            ("ascii_upcase", []) => Step::Upcase,
            ("rfc3339", []) => Step::Rfc3339,
            ("strftime", [format]) => Step::Strftime(Format::parse(&constant(format)?)?),
            ("select", [condition]) => Step::Select(self.boxed(condition)?),
            ("del", [paths]) => {
                let mut names = Vec::new();
                fields(paths, &mut names)?;
                Step::Delete(names)
            }
            _ => return None,
        })
    }

    fn field(&mut self, (name, value): &(Term<&'s str>, Option<Term<&'s str>>)) -> Option<(FieldName, Step)> {
        let (name, step) = match (name, value) {
            (Term::Var(variable), None) => (variable.strip_prefix('$')?.to_owned(), self.variable(variable)?),
            (name, None) => constant(name).map(|name| (name.clone(), Step::Field(Field::new(name))))?,
            (name, Some(value)) => (constant(name)?, self.step(value)?),
        };
        let mut text = String::new();
        push_string(&mut text, &name);
        text.push(':');
        Some((FieldName { name, text }, step))
    }

    fn variable(&self, variable: &str) -> Option<Step> {
        match self.locals.iter().rev().position(|local| *local == variable) {
            Some(place) => Some(Step::Local(place)),
            None => self.globals.iter().find(|global| **global == variable).map(|global| Step::Global(global)),
        }
    }

    fn text(&mut self, parts: &[StrPart<&'s str, Term<&'s str>>]) -> Option<Step> {
        let mut pieces: Vec<Result<String, Step>> = Vec::new();
        for part in parts {
            let plain = match part {
                StrPart::Str(text) => (*text).to_owned(),
                StrPart::Char(character) => character.to_string(),
                StrPart::Term(term) => {
                    pieces.push(Err(self.step(term)?));
                    continue;
                }
            };
            match pieces.last_mut() {
                Some(Ok(before)) => before.push_str(&plain),
                _ => pieces.push(Ok(plain)),
            }
        }
        let mut json = String::new();
        match pieces.as_slice() {
            [] => push_string(&mut json, ""),
            [Ok(text)] => push_string(&mut json, text),
            _ => return Some(Step::Interpolate(pieces)),
        }
        Some(Step::Constant(json))
    }
}

/// The text of a term that is nothing else.
pub(super) fn constant(term: &Term<&str>) -> Option<String> {
    let Term::Str(None, parts) = term else { return None };
    let text = |part: &StrPart<&str, Term<&str>>| match part {
        StrPart::Str(text) => Some((*text).to_owned()),
        StrPart::Char(character) => Some(character.to_string()),
        StrPart::Term(_) => None,
    };
    parts.iter().map(text).collect()
}

/// The fields that paths such as `.a, .b` name.
fn fields(paths: &Term<&str>, names: &mut Vec<String>) -> Option<()> {
    match paths {
        Term::BinOp(left, BinaryOp::Comma, right) => {
            fields(left, names)?;
            fields(right, names)
        }
        Term::Path(from, path) => match (&**from, path.0.as_slice()) {
            (Term::Id, [(Part::Index(name), Opt::Essential)]) => {
                names.push(constant(name)?);
                Some(())
            }
            _ => None,
        },
        _ => None,
    }
}

fn part_of_path(part: &(Part<Term<&str>>, Opt)) -> Option<Step> {
    let bound = |bound: &Option<Term<&str>>| match bound {
        None => Some(None),
        Some(Term::Num(number)) => number.parse().ok().map(Some),
        Some(_) => None,
    };
    match part {
        (Part::Index(name), Opt::Essential) => constant(name).map(|name| Step::Field(Field::new(name))),
        (Part::Range(None, None), _) => None,
        (Part::Range(start, end), Opt::Essential) => Some(Step::Slice(bound(start)?, bound(end)?)),
        _ => None,
    }
}

impl Step {
    /// Collects the fields of its input that it reads, unless it may read others.
    fn read_fields_alone<'s>(&'s self, names: &mut Vec<&'s str>) -> bool {
        match self {
            Self::Constant(_) | Self::Global(_) | Self::Local(_) => true,
            Self::Field(field) => {
                names.push(&field.name);
                true
            }
            Self::Pipe(first, _) => first.read_fields_alone(names),
            Self::Object(fields) => fields.iter().all(|(_, value)| value.read_fields_alone(names)),
            Self::Interpolate(parts) => {
                parts.iter().filter_map(|part| part.as_ref().err()).all(|step| step.read_fields_alone(names))
            }
            Self::Bind(left, right)
            | Self::Add(left, right)
            | Self::Alternative(left, right)
            | Self::Compare(left, _, right)
            | Self::Logic(left, _, right) => left.read_fields_alone(names) && right.read_fields_alone(names),
            Self::If(condition, then, otherwise) => {
                [condition, then, otherwise].iter().all(|step| step.read_fields_alone(names))
            }
            Self::Input
            | Self::Slice(..)
            | Self::Delete(_)
            | Self::Select(_)
            | Self::Not
            | Self::ToString
            | Self::ToNumber
            | Self::Downcase
            | Self::Upcase
            | Self::Rfc3339
            | Self::Strftime(_) => false,
        }
    }

    /// What it makes of an input that is not needed any more.
    fn take<'a>(&'a self, input: Item<'a>, scope: &Scope<'_, 'a>) -> Output<'a> {
        match self {
            Self::Input => Ok(Some(input)),
            Self::Pipe(first, second) => match first.take(input, scope)? {
                Some(item) => second.take(item, scope),
                None => Ok(None),
            },
            Self::Bind(value, then) => match value.look(&input, scope)? {
                Some(value) => then.take(input, &Scope { local: Some(&Local { value, outer: scope.local }), ..*scope }),
                None => Ok(None),
            },
            Self::Add(left, right) => {
                let Some(right) = right.look(&input, scope)? else { return Ok(None) };
                let Some(left) = left.take(input, scope)? else { return Ok(None) };
                left.plus(right, scope).map(Some)
            }
            Self::Delete(names) => {
                let Item::Object(mut object) = input else { return Err(GivenUp) };
                for name in names {
                    object.remove(name);
                }
                Ok(Some(Item::Object(object)))
            }
            Self::Select(condition) => {
                let Some(condition) = condition.look(&input, scope)? else { return Ok(None) };
                Ok(condition.is_true().then_some(input))
            }
            Self::If(condition, then, otherwise) => match condition.look(&input, scope)? {
                Some(condition) => if condition.is_true() { then } else { otherwise }.take(input, scope),
                None => Ok(None),
            },
            _ => self.look(&input, scope),
        }
    }

    /// What it makes of an input, as JSON: without a detour where it is there already.
    #[inline]
    fn look_json<'a>(&'a self, input: &Item<'a>, scope: &Scope<'_, 'a>) -> Result<Option<&'a str>, GivenUp> {
        match (self, input) {
            (Self::Constant(json), _) => Ok(Some(json)),
            (Self::Field(field), Item::Object(object)) => Ok(Some(field.of(object).unwrap_or("null"))),
            (Self::Alternative(first, second), _) => match first.look_json(input, scope)? {
                Some(json) if Item::Json(json).is_true() => Ok(Some(json)),
                _ => second.look_json(input, scope),
            },
            _ => self.look(input, scope)?.map(|item| item.json(scope)).transpose(),
        }
    }

    /// What it makes of an input.
    fn look<'a>(&'a self, input: &Item<'a>, scope: &Scope<'_, 'a>) -> Output<'a> {
        let arena = scope.arena;
        scope.check()?;
        let item = match self {
            Self::Constant(json) => Item::Json(json),
            Self::Global(name) => {
                // Whoever wrote it may have written it in lines, which the record must not have.
                (scope.globals)(name).map_or(NULL, |json| Item::Json(arena.alloc_str(&compact(&json))))
            }
            Self::Local(place) => scope.local(*place)?.share(arena),
            Self::Field(field) => input.field(field, arena)?,
            Self::Slice(start, end) => input.slice(*start, *end)?,
            Self::Object(fields) => {
                let mut object = Document::with_capacity(fields.len(), arena);
                for (key, step) in fields {
                    let Some(value) = step.look_json(input, scope)? else { return Ok(None) };
                    object.set(Key { name: &key.name, text: &key.text }, value);
                }
                Item::object(object, arena)
            }
            Self::Alternative(first, second) => match first.look(input, scope)? {
                Some(item) if item.is_true() => item,
                _ => return second.look(input, scope),
            },
            Self::Compare(left, how, right) => {
                let (Some(right), Some(left)) = (right.look(input, scope)?, left.look(input, scope)?) else {
                    return Ok(None);
                };
                boolean(left.compare(*how, &right)?)
            }
            Self::Logic(first, stop, second) => {
                let Some(first) = first.look(input, scope)? else { return Ok(None) };
                if first.is_true() == *stop {
                    return Ok(Some(boolean(*stop)));
                }
                let Some(second) = second.look(input, scope)? else { return Ok(None) };
                boolean(second.is_true())
            }
            Self::Not => boolean(!input.is_true()),
            Self::Interpolate(parts) => {
                let mut text = BumpString::new_in(arena);
                for part in parts {
                    match part {
                        Ok(plain) => text.push_str(plain),
                        Err(step) => {
                            let Some(item) = step.look(input, scope)? else { return Ok(None) };
                            text.push_str(&item.to_text(scope)?);
                        }
                    }
                }
                Item::Text(text.into_bump_str())
            }
            Self::ToString => match input {
                Item::Text(text) => Item::Text(text),
                Item::Json(json) if Kind::of(json) == Kind::String => Item::Json(json),
                other => Item::Text(arena.alloc_str(&other.to_text(scope)?)),
            },
            Self::ToNumber => input.to_number(arena)?,
            Self::Downcase => Item::Text(arena.alloc_str(&input.string()?.to_ascii_lowercase())),
            Self::Upcase => Item::Text(arena.alloc_str(&input.string()?.to_ascii_uppercase())),
            Self::Rfc3339 => Item::Time(parse_rfc3339(&input.string()?).ok_or(GivenUp)?),
            Self::Strftime(format) => Item::Json(format.write(input.time()?, arena).ok_or(GivenUp)?),
            Self::Pipe(first, second) => match first.look(input, scope)? {
                Some(item) => return second.take(item, scope),
                None => return Ok(None),
            },
            Self::Input | Self::Bind(..) | Self::Add(..) | Self::Delete(_) | Self::Select(_) | Self::If(..) => {
                return self.take(input.share(arena), scope);
            }
        };
        Ok(Some(item))
    }
}

impl Field {
    fn new(name: String) -> Self {
        Self { name, place: Cell::new(0) }
    }

    fn of<'a>(&self, object: &Document<'a>) -> Option<&'a str> {
        let (place, value) = object.field_near(&self.name, self.place.get())?;
        self.place.set(place);
        Some(value)
    }
}

fn boolean<'a>(value: bool) -> Item<'a> {
    Item::Json(if value { "true" } else { "false" })
}

impl<'s, 'a> Scope<'s, 'a> {
    /// With an arena for what is made, and the JSON of variables.
    pub(crate) fn new(arena: &'a Bump, globals: &'s dyn Fn(&'static str) -> Option<String>) -> Self {
        Self { arena, globals, local: None, before: arena.allocated_bytes() }
    }

    /// Whether there is room for more.
    fn check(&self) -> Result<(), GivenUp> {
        if self.arena.allocated_bytes() - self.before > MOST_MADE { Err(GivenUp) } else { Ok(()) }
    }

    fn local(&self, place: usize) -> Result<&Item<'a>, GivenUp> {
        let mut local = self.local;
        for _ in 0..place {
            local = local.and_then(|local| local.outer);
        }
        local.map(|local| &local.value).ok_or(GivenUp)
    }
}

impl<'a> Item<'a> {
    fn kind(&self) -> Kind {
        match self {
            Self::Json(json) => Kind::of(json),
            Self::Text(_) => Kind::String,
            Self::Time(_) => Kind::Number,
            Self::Object(_) => Kind::Object,
        }
    }

    /// An object as an item.
    pub(crate) fn object(object: Document<'a>, arena: &'a Bump) -> Self {
        Self::Object(BumpBox::new_in(object, arena))
    }

    fn share(&self, arena: &'a Bump) -> Self {
        match self {
            Self::Json(json) => Self::Json(json),
            Self::Text(text) => Self::Text(text),
            Self::Time(time) => Self::Time(*time),
            Self::Object(object) => Self::object(object.share(), arena),
        }
    }

    fn is_true(&self) -> bool {
        !matches!(self, Self::Json("null" | "false"))
    }

    fn field(&self, field: &Field, arena: &'a Bump) -> Result<Self, GivenUp> {
        let value = match self {
            Self::Object(object) => field.of(object),
            Self::Json(json) if json.starts_with('{') => field.of(&Document::parse(json, arena).map_err(|_| GivenUp)?),
            Self::Json("null") => None,
            _ => return Err(GivenUp),
        };
        Ok(value.map_or(NULL, Self::Json))
    }

    /// The text of a string.
    fn string(&self) -> Result<Cow<'a, str>, GivenUp> {
        match self {
            Self::Text(text) => Ok(Cow::Borrowed(text)),
            Self::Json(json) => text_of(json).ok_or(GivenUp),
            Self::Time(_) | Self::Object(_) => Err(GivenUp),
        }
    }

    /// A part of a string without escapes, by characters.
    fn slice(&self, start: Option<usize>, end: Option<usize>) -> Result<Self, GivenUp> {
        if matches!(self, Self::Json("null")) {
            return Ok(NULL);
        }
        let Cow::Borrowed(text) = self.string()? else { return Err(GivenUp) };
        let place = |bound: usize| {
            let characters = || text.char_indices().nth(bound).map_or(text.len(), |(place, _)| place);
            if text.is_ascii() { bound.min(text.len()) } else { characters() }
        };
        let end = end.map_or(text.len(), place);
        let start = start.map_or(0, place).min(end);
        text.get(start..end).map(Self::Text).ok_or(GivenUp)
    }

    /// What `tostring` makes of anything but arrays and objects.
    fn to_text(&self, scope: &Scope<'_, 'a>) -> Result<Cow<'a, str>, GivenUp> {
        match self.kind() {
            Kind::String => self.string(),
            Kind::Array | Kind::Object => Err(GivenUp),
            Kind::Null | Kind::Boolean | Kind::Number => Ok(Cow::Borrowed(self.share(scope.arena).json(scope)?)),
        }
    }

    fn to_number(&self, arena: &'a Bump) -> Result<Self, GivenUp> {
        match self.kind() {
            Kind::Number => Ok(self.share(arena)),
            Kind::String => written(&Number::parse(&self.string()?).ok_or(GivenUp)?, arena),
            _ => Err(GivenUp),
        }
    }

    fn number(&self) -> Result<Number, GivenUp> {
        match self {
            Self::Json(json) if Kind::of(json) == Kind::Number => Ok(Number::from_json(json)),
            Self::Time(time) => seconds(*time),
            _ => Err(GivenUp),
        }
    }

    fn time(&self) -> Result<DateTime, GivenUp> {
        match self {
            Self::Time(time) if is_floored(*time) => Ok(*time),
            other => {
                let seconds = other.number()?.as_i64().ok_or(GivenUp)?;
                Ok(Offset::UTC.to_datetime(Timestamp::from_second(seconds).map_err(|_| GivenUp)?))
            }
        }
    }

    fn plus(self, right: Self, scope: &Scope<'_, 'a>) -> Result<Self, GivenUp> {
        Ok(match (self, right) {
            (left, Self::Json("null")) => left,
            (Self::Json("null"), right) => right,
            (Self::Object(mut left), Self::Object(right)) => {
                left.extend(&right);
                Self::Object(left)
            }
            (left, right) if left.kind() == Kind::String && right.kind() == Kind::String => {
                let mut text = BumpString::from_str_in(&left.string()?, scope.arena);
                text.push_str(&right.string()?);
                Self::Text(text.into_bump_str())
            }
            (left, right) => {
                let sum = left.number()?.with(&right.number()?, i64::checked_add, |left, right| left + right);
                written(&sum, scope.arena)?
            }
        })
    }

    fn compare(&self, how: Cmp, other: &Self) -> Result<bool, GivenUp> {
        let order = match (self.kind(), other.kind()) {
            (Kind::String, Kind::String) => self.string()?.cmp(&other.string()?),
            (Kind::Number, Kind::Number) => self.number()?.cmp(&other.number()?),
            (Kind::Null | Kind::Boolean, Kind::Null | Kind::Boolean) => self.rank()?.cmp(&other.rank()?),
            (Kind::Array | Kind::Object, _) | (_, Kind::Array | Kind::Object) => return Err(GivenUp),
            (Kind::Null | Kind::Boolean, _) | (Kind::Number, Kind::String) => Ordering::Less,
            (_, Kind::Null | Kind::Boolean) | (Kind::String, Kind::Number) => Ordering::Greater,
        };
        Ok(match how {
            Cmp::Lt => order.is_lt(),
            Cmp::Le => order.is_le(),
            Cmp::Gt => order.is_gt(),
            Cmp::Ge => order.is_ge(),
            Cmp::Eq => order.is_eq(),
            Cmp::Ne => order.is_ne(),
        })
    }

    /// The order of `null`, `false` and `true`.
    fn rank(&self) -> Result<usize, GivenUp> {
        let Self::Json(json) = self else { return Err(GivenUp) };
        ["null", "false", "true"].iter().position(|name| name == json).ok_or(GivenUp)
    }

    /// The value as JSON.
    fn json(self, scope: &Scope<'_, 'a>) -> Result<&'a str, GivenUp> {
        Ok(match self {
            Self::Json(json) => json,
            Self::Text(text) if !is_special(text) => {
                let mut json = BumpString::with_capacity_in(text.len() + 2, scope.arena);
                json.extend(["\"", text, "\""]);
                json.into_bump_str()
            }
            Self::Text(text) => {
                let mut json = String::with_capacity(text.len() + 2);
                push_string(&mut json, text);
                scope.arena.alloc_str(&json)
            }
            Self::Time(time) => return written(&seconds(time)?, scope.arena)?.json(scope),
            Self::Object(object) => {
                let mut json = String::new();
                bounded(&object)?.write(&mut json);
                scope.arena.alloc_str(&json)
            }
        })
    }

    fn into_object(self, scope: &Scope<'_, 'a>) -> Result<Document<'a>, GivenUp> {
        match self {
            Self::Object(object) => {
                bounded(&object)?;
                Ok(BumpBox::into_inner(object))
            }
            Self::Json(json) if json.starts_with('{') => Document::parse(json, scope.arena).map_err(|_| GivenUp),
            _ => Err(GivenUp),
        }
    }
}

/// An object that may be written: the same value can be in it many times.
fn bounded<'d, 'a>(object: &'d Document<'a>) -> Result<&'d Document<'a>, GivenUp> {
    let size: usize = object.fields().map(|(name, value)| name.len() + value.len()).sum();
    if size > MOST_MADE { Err(GivenUp) } else { Ok(object) }
}

/// A number as JSON.
fn written<'a>(number: &Number, arena: &'a Bump) -> Result<Item<'a>, GivenUp> {
    if !is_written_as_it_is(number) {
        return Err(GivenUp);
    }
    let mut json = String::new();
    number.write(&mut json);
    Ok(Item::Json(arena.alloc_str(&json)))
}

/// Whether a number is the same as its JSON: one that was computed can be none, or infinite.
fn is_written_as_it_is(number: &Number) -> bool {
    !matches!(number, Number::Float(float) if !float.is_finite())
}

/// Whether the seconds of a time are the whole part of what `rfc3339` gives for it. That is a float, which is cut before 1970,
/// and rounded where microseconds are no floats any more, from 2255 on.
fn is_floored(time: DateTime) -> bool {
    time.subsec_nanosecond() == 0 || (1970..2255).contains(&time.year())
}

/// What `rfc3339` gives for a time.
fn seconds(time: DateTime) -> Result<Number, GivenUp> {
    let time = Offset::UTC.to_timestamp(time).map_err(|_| GivenUp)?;
    #[expect(clippy::cast_precision_loss, reason = "microseconds of the next 200 years are exact")]
    Ok(match time.subsec_nanosecond() {
        0 => Number::Int(time.as_second()),
        _ => Number::from_f64(time.as_microsecond() as f64 / 1e6),
    })
}

#[cfg(test)]
mod tests;
