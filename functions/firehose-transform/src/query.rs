//! Queries in jq, compiled once.

mod functions;
mod meter;
mod number;
mod plan;
mod regex;
mod strftime;
mod text;
mod time;
mod value;

use crate::document::Document;
use jaq_core::data::{DataT, HasLut};
use jaq_core::load::lex::{StrPart, Tok, Token};
use jaq_core::load::parse::{BinaryOp, Def, Term};
use jaq_core::load::{self, Arena, File, Lexer, Loader, Parser};
use jaq_core::{Compiler, Ctx, Vars, compile, ops};
use meter::{Allowance, Stopped, metered};
use plan::Plan;
pub(crate) use plan::{GivenUp, Item, Scope};
use serde_json::value::RawValue;
use std::cell::{OnceCell, RefCell};
use std::fmt;
use std::rc::Rc;
use value::Value;

/// A program in jq, and the names of the variables that it may use.
///
/// It is jq 1.6 as far as `docs/queries.md` does not say otherwise, run by [jaq](https://github.com/01mf02/jaq) on values of our
/// own, without the functions that would know the clock or the environment, print, or end the process, and with
/// [`rfc3339`](https://www.rfc-editor.org/rfc/rfc3339) beside them.
pub struct Query {
    text: Rc<str>,
    /// The program as direct operations, if it can be had.
    plan: Option<Plan>,
    /// The program as jaq has it; one that is planned is compiled when a record is not an ordinary case of it.
    filter: OnceCell<jaq_core::Filter<Data>>,
    variables: &'static [&'static str],
    /// Which of the variables it uses.
    used: Vec<bool>,
}

/// What jaq is told of our values.
struct Data;

impl DataT for Data {
    type V<'a> = Value;
    type Data<'a> = Program<'a>;
}

/// The compiled program. jaq takes a copy for each call, by which calls are counted even of `def f: f; f`.
struct Program<'a>(&'a jaq_core::Lut<Data>);

impl Clone for Program<'_> {
    fn clone(&self) -> Self {
        meter::step();
        Self(self.0)
    }
}

impl<'a> HasLut<'a, Data> for Program<'a> {
    fn lut(&self) -> &'a jaq_core::Lut<Data> {
        self.0
    }
}

/// Why a text is not a query: the place in it, what was expected there, what came.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at line {line}, column {column}")]
pub struct SyntaxError {
    problem: String,
    line: usize,
    column: usize,
}

/// Why a query has no output for a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryFault {
    /// jq's message. It names kinds of values, and fields that the program names, but nothing else of the record, unless
    /// the program itself calls `error` with it.
    Failed(String),
    /// It went beyond what it may use for a record.
    OutOfBounds(String),
    /// It has a second output.
    MoreThanOne,
}

thread_local! {
    /// The program that runs, for messages.
    static PROGRAM: RefCell<Rc<str>> = RefCell::new("".into());
}

/// Whether the program that runs has this name in it.
fn names(name: &str) -> bool {
    PROGRAM.with_borrow(|program| program.contains(name))
}

impl Query {
    /// Compiles a program that may use these variables, `$` included.
    pub fn compile(text: &str, variables: &'static [&'static str]) -> Result<Self, SyntaxError> {
        let tokens = Lexer::new(text).lex().map_err(|errors| {
            let first = errors.into_iter().next();
            SyntaxError::of(text, first.map(|(expected, rest)| (format!("expected {}", expected.as_str()), rest)))
        })?;
        if let Some(place) = ambiguous_remainder(&tokens) {
            let problem = "expected parentheses around what stands before or after `*` or `/`, as in `(2 * 3) % 4`";
            return Err(SyntaxError::of(text, Some((problem.to_owned(), place))));
        }
        let term = Parser::new(&tokens).parse(Parser::term).ok();
        let plan = term.and_then(|term| Plan::of(&term, variables));
        let filter = if plan.is_some() { OnceCell::new() } else { OnceCell::from(filter(text, variables)?) };
        let used = variables.iter().map(|variable| mentions(&tokens, variable)).collect();
        Ok(Self { text: text.into(), plan, filter, variables, used })
    }

    /// The program as jaq has it.
    fn filter(&self) -> Option<&jaq_core::Filter<Data>> {
        if self.filter.get().is_none() {
            // A program that is planned is one that jaq can compile: a property holds the two equal.
            _ = self.filter.set(filter(&self.text, self.variables).ok()?);
        }
        self.filter.get()
    }

    /// Runs the program on a record by its plan, if it has one and the record is an ordinary case of it.
    pub(crate) fn run_directly<'a>(
        &'a self,
        record: Document<'a>,
        scope: &Scope<'_, 'a>,
    ) -> Result<Option<Document<'a>>, GivenUp> {
        self.plan.as_ref().ok_or(GivenUp)?.run(record, scope)
    }

    /// The same for a record that is needed afterwards.
    pub(crate) fn look_directly<'a>(
        &'a self,
        record: &Item<'a>,
        scope: &Scope<'_, 'a>,
    ) -> Result<Option<Document<'a>>, GivenUp> {
        self.plan.as_ref().ok_or(GivenUp)?.look(record, scope)
    }

    /// Whether the program is planned.
    pub(crate) fn is_planned(&self) -> bool {
        self.plan.is_some()
    }

    /// The fields of a record that the program reads, if it is planned and reads no others.
    pub(crate) fn reads(&self) -> Option<Vec<&str>> {
        self.plan.as_ref()?.reads()
    }

    /// Whether the program mentions a variable.
    pub fn uses(&self, variable: &str) -> bool {
        self.variables.iter().zip(&self.used).any(|(name, used)| *used && *name == variable)
    }

    /// Runs the program on JSON; appends its output, JSON without blanks, if there is one.
    ///
    /// `variable` gives the JSON of a variable; it is asked for those that the program uses.
    pub fn run(
        &self,
        input: &RawValue,
        mut variable: impl FnMut(&'static str) -> Option<String>,
        output: &mut String,
    ) -> Result<bool, QueryFault> {
        let Some(filter) = self.filter() else { return Err(QueryFault::Failed("it could not be compiled".to_owned())) };
        PROGRAM.set(Rc::clone(&self.text));
        let before = output.len();
        let result = metered(Allowance::of_record(input.get().len()), || {
            let variables = self.variables.iter().zip(&self.used).map(|(name, used)| {
                let json = if *used { variable(name) } else { None };
                json.and_then(|json| Value::parse(&json).ok()).unwrap_or_default()
            });
            let context = Ctx::<Data>::new(Program(&filter.lut), Vars::new(variables.collect::<Vec<_>>()));
            let mut outputs = filter.id.run((context, Value::of(input))).map(|output| {
                output.map_err(|exception| {
                    exception
                        .get_err()
                        .map_or_else(|_| String::from("the query broke off"), |error| message(error.into_val()))
                })
            });
            let Some(first) = outputs.next().transpose().map_err(QueryFault::Failed)? else { return Ok(false) };
            if outputs.next().transpose().map_err(QueryFault::Failed)?.is_some() {
                return Err(QueryFault::MoreThanOne);
            }
            first.write(output);
            Ok(true)
        });
        let result = result.unwrap_or_else(|stopped: Stopped| Err(QueryFault::OutOfBounds(stopped.to_string())));
        if result.is_err() {
            output.truncate(before);
        }
        result
    }

    /// The names in the objects that the program makes, if that can be told from its text: `{a: .b}`, `.c | {a: .b, d}`,
    /// `{a: .b} + {d}`.
    pub fn object_names(&self) -> Option<Vec<String>> {
        names_of(&load::parse(&self.text, |parser| parser.term())?)
    }
}

/// A program, compiled by jaq.
fn filter(text: &str, variables: &[&'static str]) -> Result<jaq_core::Filter<Data>, SyntaxError> {
    let arena = Arena::default();
    let modules = Loader::new(definitions()).load(&arena, File { code: text, path: () }).map_err(|errors| {
        let parse_error = errors.into_iter().find_map(|(_, error)| match error {
            load::Error::Parse(errors) => errors.into_iter().next(),
            load::Error::Io(_) | load::Error::Lex(_) => None,
        });
        SyntaxError::of(
            text,
            parse_error.map(|(expected, found)| {
                let got = if found.is_empty() { "the end".to_owned() } else { format!("`{}`", first_word(found)) };
                (format!("expected {}, got {got}", expected.as_str()), found)
            }),
        )
    })?;
    let compiler = Compiler::default().with_funs(functions::all()).with_global_vars(variables.iter().copied());
    compiler.compile(modules).map_err(|errors| {
        let undefined = errors.into_iter().flat_map(|(_, errors)| errors).next();
        SyntaxError::of(text, undefined.map(|(name, kind)| (undefined_name(name, &kind), name)))
    })
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Query").field(&self.text).finish()
    }
}

/// The longest message of a program's own that is told.
const LONGEST_MESSAGE: usize = 200;

/// The message of an error.
fn message(error: Value) -> String {
    let text = match error {
        Value::String(text) => text.to_string(),
        other => format!("{} (not a string)", other.to_json()),
    };
    text.chars().take(LONGEST_MESSAGE).collect()
}

impl SyntaxError {
    /// A problem, and the rest of the program from there on.
    fn of(text: &str, found: Option<(String, &str)>) -> Self {
        let (problem, rest) = found.unwrap_or_else(|| ("expected a program in jq".to_owned(), text));
        let inside = text.as_bytes().as_ptr_range().contains(&rest.as_ptr());
        let place = if inside { load::span(text, rest).start } else { text.len() };
        let before = text.get(..place).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Self {
            problem,
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        }
    }
}

/// The text of a JSON string, in which halves of surrogate pairs are replaced.
pub(crate) fn lossy_text(json: &str) -> String {
    Value::parse(json).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn first_word(text: &str) -> &str {
    text.split(char::is_whitespace).next().unwrap_or(text)
}

/// What is wrong with a name that nothing has.
fn undefined_name(name: &str, kind: &compile::Undefined) -> String {
    match kind {
        compile::Undefined::Filter(arguments) => {
            let why = match name {
                "now" | "localtime" | "strflocaltime" => ": queries do not know the clock, expected `$arrival`",
                "env" | "input" | "inputs" | "debug" | "stderr" | "halt" | "halt_error" | "input_filename"
                | "input_line_number" => ": queries see their record alone",
                _ => "",
            };
            format!("`{name}/{arguments}` is not defined{why}")
        }
        other => format!("the {} `{name}` is not defined", other.as_str()),
    }
}

/// What is written in jq: jaq's definitions, and ours in place of some of them.
fn definitions() -> impl Iterator<Item = Def<&'static str>> {
    // What needs functions that are left out.
    const LEFT_OUT: [&str; 4] = ["debug", "halt", "halt_error", "stderr"];
    let ours = load::parse(include_str!("query/definitions.jq"), |parser| parser.defs()).unwrap_or_default();
    let written = ours.iter().map(|ours| (ours.name, ours.args.len()));
    let replaced: Vec<(&str, usize)> = functions::signatures().chain(written).collect();
    let theirs = jaq_core::defs().chain(jaq_std::defs());
    let theirs = theirs.filter(move |theirs| {
        !LEFT_OUT.contains(&theirs.name) && !replaced.contains(&(theirs.name, theirs.args.len()))
    });
    theirs.chain(ours)
}

/// Whether a variable is among the tokens.
fn mentions(tokens: &[Token<&str>], variable: &str) -> bool {
    tokens.iter().any(|Token(text, token)| match token {
        Tok::Var => *text == variable,
        Tok::Block(tokens) => mentions(tokens, variable),
        Tok::Str(parts) => parts.iter().any(|part| match part {
            StrPart::Term(token) => mentions(std::slice::from_ref(token), variable),
            StrPart::Str(_) | StrPart::Char(_) => false,
        }),
        Tok::Word | Tok::Fmt | Tok::Num | Tok::Sym => false,
    })
}

/// Where `%` comes after `*` or `/` without parentheses: jq computes from the left there, jaq the remainder first.
fn ambiguous_remainder<'t>(tokens: &[Token<&'t str>]) -> Option<&'t str> {
    let mut product = false;
    tokens.iter().find_map(|Token(text, token)| match token {
        Tok::Block(inner) => ambiguous_remainder(inner),
        Tok::Str(parts) => parts.iter().find_map(|part| match part {
            StrPart::Term(token) => ambiguous_remainder(std::slice::from_ref(token)),
            StrPart::Str(_) | StrPart::Char(_) => None,
        }),
        Tok::Sym if matches!(*text, "*" | "/") => {
            product = true;
            None
        }
        Tok::Sym if *text == "%" => product.then_some(*text),
        // What belongs to a factor.
        Tok::Sym if *text == "?" || text.starts_with('.') => None,
        Tok::Word if !matches!(*text, "and" | "or" | "then" | "elif" | "else" | "end" | "as") => None,
        Tok::Var | Tok::Fmt | Tok::Num => None,
        Tok::Sym | Tok::Word => {
            product = false;
            None
        }
    })
}

fn names_of(term: &Term<&str>) -> Option<Vec<String>> {
    match term {
        Term::Obj(fields) => fields.iter().map(|(name, _)| name_of(name)).collect(),
        Term::BinOp(_, BinaryOp::Pipe(_), last) => names_of(last),
        Term::BinOp(left, BinaryOp::Math(ops::Math::Add), right) => {
            let mut names = names_of(left)?;
            names.extend(names_of(right)?);
            Some(names)
        }
        _ => None,
    }
}

fn name_of(term: &Term<&str>) -> Option<String> {
    match term {
        Term::Var(variable) => variable.strip_prefix('$').map(str::to_owned),
        _ => plan::constant(term),
    }
}

#[cfg(test)]
mod tests;
