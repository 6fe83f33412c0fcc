//! Values become what their columns ask for, or fail their record.

use super::json::{self, Object};
use super::shape::{Members, Names, Place, Shape};
use super::{number, time};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::io::Write;

/// What does not match the schema, in Java's words where AWS has shown them.
type Fault = String;

impl Members {
    /// Writes an object as one that has these members alone.
    pub(super) fn write(&self, object: &Object<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        let mut values: Vec<Option<&str>> = vec![None; self.list.len()];
        let mut without_dots: Vec<(usize, &str)> = Vec::new();
        let mut unknown = BTreeSet::new();
        let mut next = 0;
        for (name, value) in &object.0 {
            let name = &*name.0;
            let first = match self.place(name, next) {
                Place::Named(place) => {
                    next = place + 1;
                    values.get_mut(place).is_some_and(|known| known.replace(*value).is_none())
                }
                Place::WithoutDots(place) => {
                    without_dots.push((place, *value));
                    unknown.insert(self.names.key(name))
                }
                Place::Unknown => unknown.insert(self.names.key(name)),
            };
            if !first {
                return Err(duplicate(&self.names.key(name)));
            }
        }
        for (place, value) in without_dots {
            if let Some(unnamed @ None) = values.get_mut(place) {
                *unnamed = Some(value);
            }
        }
        for (first, place) in &self.same {
            let value = values.get(*first).copied().flatten();
            if let Some(same) = values.get_mut(*place) {
                *same = value;
            }
        }
        self.write_values(values.into_iter(), out)
    }

    /// Writes values by their place.
    fn write_values<'v>(&self, values: impl Iterator<Item = Option<&'v str>>, out: &mut Vec<u8>) -> Result<(), Fault> {
        out.push(b'{');
        let mut separator: &[u8] = b"";
        for (member, value) in self.list.iter().zip(values) {
            let Some(value) = value.filter(|value| *value != NULL) else { continue };
            out.extend_from_slice(separator);
            separator = b",";
            out.extend_from_slice(member.label.as_bytes());
            member.shape.write(value, self.names, out)?;
        }
        out.push(b'}');
        Ok(())
    }
}

impl Names {
    /// A name as it is compared.
    fn key(self, name: &str) -> Cow<'_, str> {
        let other = |byte: u8| !byte.is_ascii() || byte.is_ascii_uppercase();
        if self.case_insensitive && name.bytes().any(other) {
            Cow::Owned(name.to_lowercase())
        } else {
            Cow::Borrowed(name)
        }
    }
}

const NULL: &str = "null";

impl Shape {
    /// Writes a value, given as JSON, as one of this shape.
    fn write(&self, token: &str, names: Names, out: &mut Vec<u8>) -> Result<(), Fault> {
        if token == NULL {
            write_null(out);
            return Ok(());
        }
        match self {
            Self::Boolean => display(scalar(token)?.eq_ignore_ascii_case("true"), out),
            Self::Integer(range) => {
                let text = scalar(token)?;
                let number = number::integer(&text).filter(|number| range.contains(number));
                display(number.ok_or_else(|| unreadable(&text))?, out);
            }
            Self::Float | Self::Double => self.write_float(token, out)?,
            Self::Decimal { precision, scale } => {
                let text = scalar(token)?;
                let fits = |value: &i128| value.unsigned_abs() < 10_u128.pow(u32::from(*precision));
                let value = number::decimal(&text, *scale).filter(fits).ok_or_else(|| unreadable(&text))?;
                display(number::with_point(value, *scale), out);
            }
            Self::Text(longest) => write_string(token, *longest, names, out),
            Self::Binary => {
                let text = scalar(token)?;
                let bytes = STANDARD.decode(&*text).map_err(|_| unreadable(&text))?;
                out.push(b'"');
                for byte in bytes {
                    display(format_args!("{byte:02x}"), out);
                }
                out.push(b'"');
            }
            Self::Date => {
                let text = scalar(token)?;
                display(format_args!("\"{}\"", time::date(&text).ok_or_else(|| unreadable(&text))?), out);
            }
            Self::Timestamp => {
                let text = scalar(token)?;
                display(time::moment(&text).ok_or_else(|| unreadable(&text))?, out);
            }
            Self::List(element) => write_list(token, element, names, out)?,
            Self::Map { longest_key, value } => write_map(token, *longest_key, value, names, out)?,
            Self::Struct(fields) => fields.write_struct(token, out)?,
        }
        Ok(())
    }

    fn write_float(&self, token: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
        let text = scalar(token)?;
        let double = number::float(&text).ok_or_else(|| unreadable(&text))?;
        let finite = match self {
            Self::Float => text.trim_ascii().parse::<f32>().is_ok_and(f32::is_finite),
            _ => double.is_finite(),
        };
        match (finite, token.starts_with('"')) {
            // As it was written, so that a single is rounded once.
            (true, false) => out.extend_from_slice(token.as_bytes()),
            (true, true) if matches!(self, Self::Float) => {
                display(format_args!("{:e}", text.trim_ascii().parse::<f32>().unwrap_or_default()), out);
            }
            (true, true) => display(format_args!("{double:e}"), out),
            // Arrow reads these out of strings.
            (false, _) if double.is_nan() => out.extend_from_slice(b"\"NaN\""),
            (false, _) => display(if double < 0.0 { "\"-inf\"" } else { "\"inf\"" }, out),
        }
        Ok(())
    }
}

impl Members {
    fn write_struct(&self, token: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
        match token.as_bytes().first() {
            Some(b'{') => self.write(&object(token)?, out),
            Some(b'[') => self.write_values(elements(token)?.into_iter().map(Some), out),
            _ if is_blank(token) => {
                write_null(out);
                Ok(())
            }
            _ => Err(no_object(token)),
        }
    }
}

fn write_list(token: &str, element: &Shape, names: Names, out: &mut Vec<u8>) -> Result<(), Fault> {
    let elements = match token.as_bytes().first() {
        Some(b'[') => elements(token)?,
        _ if token == "\"\"" => {
            write_null(out);
            return Ok(());
        }
        _ => vec![token],
    };
    let mut separator = b'[';
    for value in &elements {
        out.push(separator);
        separator = b',';
        element.write(value, names, out)?;
    }
    out.extend_from_slice(if elements.is_empty() { b"[]" } else { b"]" });
    Ok(())
}

fn write_map(
    token: &str,
    longest_key: Option<usize>,
    value_shape: &Shape,
    names: Names,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    if is_blank(token) {
        write_null(out);
        return Ok(());
    }
    if !token.starts_with('{') {
        return Err(no_object(token));
    }
    let object = object(token)?;
    let mut keys = BTreeSet::new();
    out.push(b'{');
    for (place, (name, value)) in object.0.iter().enumerate() {
        let key = names.key(&name.0);
        if place > 0 {
            out.push(b',');
        }
        json::write_text(cut(&key, longest_key), out);
        out.push(b':');
        value_shape.write(value, names, out)?;
        if let Some(twice) = keys.replace(key) {
            return Err(duplicate(&twice));
        }
    }
    out.push(b'}');
    Ok(())
}

fn write_null(out: &mut Vec<u8>) {
    out.extend_from_slice(NULL.as_bytes());
}

/// Writes a value as a string: one that is none as the JSON that it was.
fn write_string(token: &str, longest: Option<usize>, names: Names, out: &mut Vec<u8>) {
    let text = match token.as_bytes().first() {
        Some(b'"') if longest.is_none() && !token.contains('\\') => return out.extend_from_slice(token.as_bytes()),
        Some(b'"') => json::text(token),
        Some(b'{' | b'[') => Cow::Owned(json::written(token, names.case_insensitive)),
        _ => Cow::Borrowed(token),
    };
    json::write_text(cut(&text, longest), out);
}

/// The first characters of a text.
fn cut(text: &str, longest: Option<usize>) -> &str {
    let end = longest.and_then(|longest| text.char_indices().nth(longest));
    end.and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// The text of what is no object and no array: numbers and booleans are text to the SerDe.
fn scalar(token: &str) -> Result<Cow<'_, str>, Fault> {
    match token.as_bytes().first() {
        Some(b'"') => Ok(json::text(token)),
        Some(b'{') => Err("A value is required, not an object.".to_owned()),
        Some(b'[') => Err("A value is required, not an array.".to_owned()),
        _ => Ok(Cow::Borrowed(token)),
    }
}

/// Whether it is a string with nothing in it, which the SerDe takes for null where an object should be.
fn is_blank(token: &str) -> bool {
    token.starts_with('"') && json::text(token).trim_ascii().is_empty()
}

fn object(token: &str) -> Result<Object<'_>, Fault> {
    serde_json::from_str(token).map_err(|error| error.to_string())
}

fn elements(token: &str) -> Result<Vec<&str>, Fault> {
    let elements: Vec<&RawValue> = serde_json::from_str(token).map_err(|error| error.to_string())?;
    Ok(elements.into_iter().map(RawValue::get).collect())
}

fn display(value: impl Display, out: &mut Vec<u8>) {
    // Writing into memory does not fail.
    drop(write!(out, "{value}"));
}

fn unreadable(text: &str) -> Fault {
    format!("For input string: \"{text}\"")
}

fn duplicate(key: &str) -> Fault {
    format!("Duplicate key \"{key}\"")
}

fn no_object(token: &str) -> Fault {
    let (class, text) = match token.as_bytes().first() {
        Some(b'[') => ("org.openx.data.jsonserde.json.JSONArray", Cow::Borrowed(token)),
        Some(b't' | b'f') => ("java.lang.Boolean", Cow::Borrowed(token)),
        Some(b'"') => ("java.lang.String", json::text(token)),
        _ => ("java.lang.String", Cow::Borrowed(token)),
    };
    format!("Data is not JSONObject  but {class} with value {text}")
}
