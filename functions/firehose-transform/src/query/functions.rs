//! The functions that jaq leaves to the type of values, and those that are ours.

use super::number::Number;
use super::value::{Error, Value, places};
use super::{Data, meter, regex, time};
use indexmap::IndexMap;
use jaq_core::native::{Filter, Fun, bome, run, unary, v};
use jaq_core::{RunPtr, ValR, ValT};

/// jaq's functions that have no place here: they know the clock and the environment, print, end the process, or take a time
/// that their order bounds alone (`jn`, `yn`).
const LEFT_OUT: [&str; 9] =
    ["debug_empty", "env", "halt", "jn", "localtime", "now", "stderr_empty", "strflocaltime", "yn"];

/// jaq's functions for which there are others in `definitions.jq`, by which they are called.
const RENAMED: [(&str, &str); 5] = [
    ("ascii_downcase", "ascii_downcase_native"),
    ("ascii_upcase", "ascii_upcase_native"),
    ("ltrimstr", "ltrimstr_native"),
    ("range", "range_native"),
    ("rtrimstr", "rtrimstr_native"),
];

/// All functions that are not written in jq.
pub(super) fn all() -> impl Iterator<Item = Fun<Data>> {
    let ours: Vec<Fun<Data>> =
        ours().into_iter().chain(regex::functions()).chain(time::functions()).map(run::<Data>).collect();
    let names: Vec<&str> = ours.iter().map(|(name, ..)| *name).collect();
    let theirs = jaq_core::funs().chain(jaq_std::funs()).filter_map(move |(name, arguments, function)| {
        let renamed = RENAMED.iter().find(|(theirs, _)| *theirs == name).map_or(name, |(_, renamed)| renamed);
        (!LEFT_OUT.contains(&name) && !names.contains(&renamed)).then_some((renamed, arguments, function))
    });
    ours.into_iter().chain(theirs)
}

/// The names of ours, with the numbers of their arguments.
pub(super) fn signatures() -> impl Iterator<Item = (&'static str, usize)> {
    ours().into_iter().chain(time::functions()).map(|(name, arguments, _)| (name, arguments.len()))
}

fn ours() -> Vec<Filter<RunPtr<Data>>> {
    vec![
        ("type", v(0), |cv| bome(Ok(Value::text(cv.1.kind())))),
        ("length", v(0), |cv| bome(length(&cv.1))),
        ("contains", v(1), |cv| unary(cv, |whole, part| contains(&whole, &part).map(Value::from))),
        ("has", v(1), |cv| unary(cv, |value, key| has(&value, &key).map(Value::from))),
        ("indices", v(1), |cv| unary(cv, |whole, part| indices(&whole, &part))),
        ("join", v(1), |cv| unary(cv, |list, separator| join(list, &separator))),
        ("reverse", v(0), |cv| bome(reverse(&cv.1))),
        ("bsearch", v(1), |cv| unary(cv, |list, item| bsearch(&list, &item))),
        ("delpaths", v(1), |cv| unary(cv, |value, paths| delete_all(value, &paths))),
        ("to_entries", v(0), |cv| bome(to_entries(cv.1))),
        ("from_entries", v(0), |cv| bome(from_entries(cv.1))),
        ("tojson", v(0), |cv| bome(Ok(Value::text(cv.1.to_json())))),
        ("fromjson", v(0), |cv| bome(from_json(&cv.1))),
        ("tonumber", v(0), |cv| bome(to_number(cv.1))),
        ("nan", v(0), |_| bome(Ok(Value::from(f64::NAN)))),
        ("infinite", v(0), |_| bome(Ok(Value::from(f64::INFINITY)))),
        ("ceil", v(0), |cv| bome(rounded(cv.1, f64::ceil))),
        ("floor", v(0), |cv| bome(rounded(cv.1, f64::floor))),
        ("round", v(0), |cv| bome(rounded(cv.1, f64::round))),
        ("isnan", v(0), |cv| bome(is_nan(&cv.1).map(Value::from))),
        ("escape_csv", v(0), |cv| bome(Ok(escape_csv(&cv.1)))),
        ("escape_tsv", v(0), |cv| bome(Ok(escape_tsv(&cv.1)))),
        ("decode_base64", v(0), |cv| bome(decode_base64(&cv.1))),
        ("encode_uri", v(0), |cv| bome(Ok(encode_uri(&cv.1)))),
        ("implode", v(0), |cv| bome(implode(&cv.1))),
    ]
}

fn length(value: &Value) -> ValR<Value> {
    match value {
        Value::Null => Ok(Value::from(0_usize)),
        Value::Boolean(_) => Err(Error::str("boolean has no length")),
        Value::Number(number) if number.as_f64() < 0.0 => -value.clone(),
        Value::Number(_) => Ok(value.clone()),
        Value::String(text) => {
            meter::read(text.len());
            Ok(Value::from(text.chars().count()))
        }
        Value::Array(_) => Ok(Value::from(value.as_array().unwrap_or_default().len())),
        Value::Object(_) => Ok(Value::from(value.as_object().map_or(0, IndexMap::len))),
    }
}

fn contains(whole: &Value, part: &Value) -> Result<bool, Error> {
    meter::step();
    if let (Some(whole), Some(part)) = (whole.as_str(), part.as_str()) {
        meter::make(whole.len());
        return Ok(whole.contains(part));
    }
    if let (Some(whole), Some(part)) = (whole.as_array(), part.as_array()) {
        let any =
            |part: &Value| whole.iter().try_fold(false, |found, item| Ok(found || contains_if_alike(item, part)?));
        return part.iter().try_fold(true, |all, part| Ok(all && any(part)?));
    }
    if let (Some(whole), Some(part)) = (whole.as_object(), part.as_object()) {
        return part.iter().try_fold(true, |all, (name, part)| {
            Ok(all && whole.get(name).map_or(Ok(false), |value| contains_if_alike(value, part))?)
        });
    }
    if whole.kind() == part.kind() || matches!((whole, part), (Value::Boolean(_), Value::Boolean(_))) {
        return Ok(whole == part);
    }
    Err(Error::str(format_args!("{} and {} cannot have their containment checked", whole.kind(), part.kind())))
}

/// Values of two kinds inside of others do not contain each other, and are no error.
fn contains_if_alike(whole: &Value, part: &Value) -> Result<bool, Error> {
    if whole.kind() == part.kind() { contains(whole, part) } else { Ok(false) }
}

fn has(value: &Value, key: &Value) -> Result<bool, Error> {
    match (value, key) {
        (Value::Null, _) => Ok(false),
        (Value::Object(_), Value::String(_)) => {
            Ok(value.as_object().is_some_and(|fields| fields.contains_key(key.as_str().unwrap_or_default())))
        }
        (Value::Array(_), Value::Number(index)) => {
            let length = value.as_array().unwrap_or_default().len();
            Ok(usize::try_from(index.truncated()).is_ok_and(|index| index < length))
        }
        _ => Err(Error::str(format_args!("Cannot check whether {} has a {} key", value.kind(), key.kind()))),
    }
}

/// Where a string stands in another, in characters, each time after the last; where items stand in a list.
fn indices(whole: &Value, part: &Value) -> ValR<Value> {
    if let (Some(whole), Some(part)) = (whole.as_str(), part.as_str()) {
        meter::make(whole.len());
        let found = whole.match_indices(part).take_while(|_| !part.is_empty());
        let starts = found.scan((0, 0), |(before, characters), (place, _)| {
            *characters += whole.get(*before..place)?.chars().count();
            *before = place;
            Some(Value::from(*characters))
        });
        return Ok(starts.collect());
    }
    match (whole.as_array(), part.as_array()) {
        (Some(whole), Some(part)) => Ok(places(whole, part).map(Value::from).collect()),
        (Some(whole), None) => Ok(places(whole, std::slice::from_ref(part)).map(Value::from).collect()),
        (None, _) => whole.clone().index(part),
    }
}

/// `null` is nothing here, and numbers and booleans are text.
fn join(list: Value, separator: &Value) -> ValR<Value> {
    let mut joined = String::new();
    for (place, item) in list.values().enumerate() {
        let item = item?;
        for part in if place == 0 { vec![&item] } else { vec![separator, &item] } {
            match part {
                Value::Null => {}
                Value::String(text) => joined.push_str(text),
                Value::Boolean(_) | Value::Number(_) if !std::ptr::eq(part, separator) => part.write(&mut joined),
                part => return Value::text("") + part.clone(),
            }
        }
        meter::make(item.as_str().unwrap_or_default().len() + separator.as_str().unwrap_or_default().len());
    }
    Ok(Value::text(joined))
}

/// What is empty in another way becomes an empty list, as in jq 1.6.
fn reverse(value: &Value) -> ValR<Value> {
    match value.as_array() {
        Some(items) => Ok(items.iter().rev().cloned().collect()),
        None if length(value)? == Value::from(0_usize) => Ok(std::iter::empty::<Value>().collect()),
        None => Err(Error::str(format_args!("Cannot index {} with number", value.kind()))),
    }
}

fn bsearch(list: &Value, item: &Value) -> ValR<Value> {
    let Some(items) = list.as_array() else {
        let wrong = || Error::str(format_args!("{} cannot be searched from", list.kind()));
        return if length(list)? == Value::from(0_usize) { Ok(Value::from(-1_i64)) } else { Err(wrong()) };
    };
    Ok(match items.binary_search(item) {
        Ok(place) => Value::from(place),
        Err(place) => Value::from(-1 - i64::try_from(place).unwrap_or(0)),
    })
}

/// Deletes what stands at the paths. All of them count in the value as it was.
fn delete_all(value: Value, paths: &Value) -> ValR<Value> {
    let wrong = || Error::str("Paths must be specified as an array");
    let paths = paths.as_array().ok_or_else(wrong)?.iter().map(|path| path.as_array().ok_or_else(wrong));
    let mut paths = paths.collect::<Result<Vec<_>, _>>()?;
    paths.sort_unstable();
    if paths.first().is_some_and(|path| path.is_empty()) { Ok(Value::Null) } else { delete(value, &paths) }
}

/// `paths` are in order, so that a key comes before what is below it.
fn delete(mut value: Value, paths: &[&[Value]]) -> ValR<Value> {
    use jaq_core::path::Opt::Essential;
    let mut keys = Vec::new();
    for paths in paths.chunk_by(|left, right| left.first() == right.first()) {
        let Some(([key, below @ ..], _)) = paths.split_first() else { continue };
        if below.is_empty() {
            keys.push(key);
        } else if !matches!(value.clone().index(key)?, Value::Null) {
            let below: Vec<_> = paths.iter().filter_map(|path| path.get(1..)).collect();
            let deleted = value
                .map_index(key, Essential, |inner| std::iter::once(delete(inner, &below).map_err(jaq_core::Exn::from)));
            value = deleted
                .map_err(|exception| exception.get_err().unwrap_or_else(|_| Error::str("Cannot delete there")))?;
        }
    }
    value.without(&keys)
}

fn to_entries(value: Value) -> ValR<Value> {
    let entry = |(key, value)| Value::from_map([(Value::text("key"), key), (Value::text("value"), value)]);
    value.key_values().map(|field| field.and_then(entry)).collect()
}

fn from_entries(entries: Value) -> ValR<Value> {
    const NAMES: [&str; 6] = ["key", "k", "name", "Name", "K", "Key"];
    const VALUES: [&str; 3] = ["value", "v", "Value"];
    let field = |entry: ValR<Value>| {
        let entry = entry?;
        let fields =
            entry.as_object().ok_or_else(|| Error::str(format_args!("Cannot index {} with \"key\"", entry.kind())))?;
        let name = NAMES.iter().find_map(|name| fields.get(*name).filter(|value| value.as_bool()));
        let value = VALUES.iter().find_map(|name| fields.get(*name));
        Ok((name.cloned().unwrap_or_default(), value.cloned().unwrap_or_default()))
    };
    Value::from_map(entries.values().map(field).collect::<Result<Vec<_>, Error>>()?)
}

fn from_json(value: &Value) -> ValR<Value> {
    let text = value.as_str().ok_or_else(|| Error::str(format_args!("{} cannot be parsed as JSON", value.kind())))?;
    Value::parse(text).map_err(|error| Error::str(format_args!("string is not JSON: {error}")))
}

fn to_number(value: Value) -> ValR<Value> {
    match &value {
        Value::Number(_) => Ok(value),
        Value::String(text) => {
            let number = Number::parse(text);
            number.map(Value::Number).ok_or_else(|| Error::str("string cannot be parsed as a number"))
        }
        other => Err(Error::str(format_args!("{} cannot be parsed as a number", other.kind()))),
    }
}

fn rounded(value: Value, round: fn(f64) -> f64) -> ValR<Value> {
    match &value {
        Value::Number(Number::Int(_)) => Ok(value),
        Value::Number(number) => Ok(Value::from(round(number.as_f64()))),
        other => Err(Error::str(format_args!("{} number required", other.kind()))),
    }
}

fn is_nan(value: &Value) -> Result<bool, Error> {
    let number = value.as_number().ok_or_else(|| Error::str(format_args!("{} number required", value.kind())))?;
    Ok(number.as_f64().is_nan())
}

fn escape_csv(value: &Value) -> Value {
    Value::text(format!("\"{}\"", value.as_str().unwrap_or_default().replace('"', "\"\"")))
}

fn escape_tsv(value: &Value) -> Value {
    let mut escaped = String::new();
    for character in value.as_str().unwrap_or_default().chars() {
        match character {
            '\t' => escaped.push_str("\\t"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\\' => escaped.push_str("\\\\"),
            other => escaped.push(other),
        }
    }
    Value::text(escaped)
}

/// What is no ASCII letter or digit, nor one of `-_.!~*'()`, is escaped.
fn encode_uri(value: &Value) -> Value {
    let mut encoded = String::new();
    for byte in value.as_str().unwrap_or_default().bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0').to_ascii_uppercase();
            encoded.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    Value::text(encoded)
}

fn implode(value: &Value) -> ValR<Value> {
    let codes = value.as_array().ok_or_else(|| Error::str("implode input must be an array"))?;
    let character = |code: &Value| char::from_u32(code.as_number()?.truncated().try_into().ok()?);
    let text: Option<String> = codes.iter().map(character).collect();
    text.map(Value::text).ok_or_else(|| Error::str("expected the codes of characters to implode, got something else"))
}

/// As jq does it: padding may be missing, and what is not UTF-8 is replaced.
fn decode_base64(value: &Value) -> ValR<Value> {
    use base64::Engine;
    use base64::alphabet::STANDARD;
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let decoded = LENIENT.decode(value.as_str().unwrap_or_default());
    let bytes = decoded.map_err(|_| Error::str("string is not valid base64 data"))?;
    Ok(Value::text(String::from_utf8_lossy(&bytes)))
}
