//! The values that queries work on: jq's, with its numbers' text and its objects' order kept.
//!
//! jaq's interpreter works on any type of values; this one is ours, since that of `jaq-json` moves an object's last field
//! into the place of a deleted one, does not make objects out of `null` as jq does, prints `10 / 2` as `5.0`, and cannot be
//! [bounded](super::meter).

use super::meter;
use super::number::Number;
use indexmap::IndexMap;
use jaq_core::box_iter::{BoxIter, box_once};
use jaq_core::path::Opt;
use jaq_core::{Exn, ValR, ValX, val};
use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};
use std::rc::Rc;

/// A JSON value.
#[derive(Debug, Default)]
pub(crate) enum Value {
    #[default]
    Null,
    Boolean(bool),
    Number(Number),
    String(Rc<String>),
    Array(Rc<Array>),
    Object(Rc<Object>),
}

/// An array, and how many levels there are in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Array {
    levels: u32,
    items: Vec<Value>,
}

/// An object in the order of its fields, and how many levels there are in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object {
    levels: u32,
    fields: IndexMap<Rc<str>, Value>,
}

pub(crate) type Error = jaq_core::Error<Value>;

impl Value {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        meter::make(size_of::<String>() + text.len());
        Self::String(Rc::new(text))
    }

    /// Its kind, as jq's `type` names it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "boolean",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }

    /// The text, which is going to be read.
    pub(crate) fn as_str(&self) -> Option<&str> {
        let Self::String(text) = self else { return None };
        meter::read(text.len());
        Some(text)
    }

    pub(crate) fn as_number(&self) -> Option<&Number> {
        if let Self::Number(number) = self { Some(number) } else { None }
    }

    pub(crate) fn as_array(&self) -> Option<&[Self]> {
        if let Self::Array(array) = self { Some(&array.items) } else { None }
    }

    pub(crate) fn as_object(&self) -> Option<&IndexMap<Rc<str>, Self>> {
        if let Self::Object(object) = self { Some(&object.fields) } else { None }
    }

    /// The arrays and objects that stand inside of each other here.
    fn levels(&self) -> u32 {
        match self {
            Self::Array(array) => array.levels,
            Self::Object(object) => object.levels,
            _ => 0,
        }
    }

    /// What was made of `null` stays `null` if nothing came into it.
    fn null_if_empty(self) -> Self {
        match self {
            Self::Object(object) if object.fields.is_empty() => Self::Null,
            Self::Array(array) if array.items.is_empty() => Self::Null,
            other => other,
        }
    }

    /// It without what stands at these keys, which all count in it as it is. Of `null` nothing is deleted.
    pub(crate) fn without(self, keys: &[&Self]) -> ValR<Self> {
        let wrong = |kind: &str, key: &Self| {
            Err(Error::str(format_args!("Cannot delete field at {} index of {kind}", key.kind())))
        };
        match (self, keys) {
            (value, []) | (value @ Self::Null, _) => Ok(value),
            (Self::Object(mut object), keys) => {
                let mut names = HashSet::new();
                for key in keys {
                    let Self::String(name) = key else { return wrong("object", key) };
                    names.insert(name.as_str());
                }
                let own = own_object(&mut object);
                match names.iter().next() {
                    Some(name) if names.len() == 1 => own.remove(name),
                    _ => own.fields.retain(|name, _| {
                        meter::step();
                        !names.contains(&**name)
                    }),
                }
                Ok(Self::Object(object))
            }
            (Self::Array(mut array), keys) => {
                let length = array.items.len();
                meter::read(length * size_of::<Self>());
                let mut deleted = vec![false; length];
                for key in keys {
                    let range = match key {
                        Self::Number(index) => array.place(index.truncated()).map_or(0..0, |place| place..place + 1),
                        Self::Object(slice) => {
                            let bound = |name| slice.get(name);
                            Self::bounds(&(bound("start")..bound("end")), length)?
                        }
                        key => return wrong("array", key),
                    };
                    meter::read(range.len());
                    deleted.get_mut(range).into_iter().for_each(|part| part.fill(true));
                }
                let mut deleted = deleted.into_iter();
                own_array(&mut array).items.retain(|_| deleted.next() != Some(true));
                Ok(Self::Array(array))
            }
            (value, [key, ..]) => wrong(value.kind(), key),
        }
    }

    /// The part of a string or an array between two bounds, as jq's slices have it: `null` is no bound, negative ones
    /// count from the end, fractions widen.
    fn bounds(range: &val::Range<&Self>, length: usize) -> Result<std::ops::Range<usize>, Error> {
        let bound = |bound: Option<&Self>, otherwise: usize, round: fn(f64) -> f64| match bound {
            None | Some(Self::Null) => Ok(otherwise),
            Some(Self::Number(number)) => {
                let index = from_end(Number::from_f64(round(number.as_f64())).truncated(), length);
                Ok(usize::try_from(index).unwrap_or(0).min(length))
            }
            Some(_) => Err(Error::str("Start and end indices of an array slice must be numbers")),
        };
        let start = bound(range.start, 0, f64::floor)?;
        let end = bound(range.end, length, f64::ceil)?;
        Ok(start..end.max(start))
    }
}

/// The length as jq's numbers have it.
fn to_i64(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// An index from the start.
fn from_end(index: i64, length: usize) -> i64 {
    if index < 0 { index.saturating_add(to_i64(length)) } else { index }
}

impl Array {
    fn push(&mut self, item: Value) {
        meter::make(size_of::<Value>());
        self.contain(item.levels());
        self.items.push(item);
    }

    /// Counts the levels of an item.
    fn contain(&mut self, levels: u32) {
        self.levels = self.levels.max(levels + 1);
        meter::nest(self.levels);
    }

    /// The place of an index, if there is one.
    fn place(&self, index: i64) -> Option<usize> {
        usize::try_from(from_end(index, self.items.len())).ok()
    }
}

impl Object {
    fn get(&self, name: &str) -> Option<&Value> {
        meter::read(name.len());
        self.fields.get(name)
    }

    fn insert(&mut self, name: Rc<str>, value: Value) {
        meter::make(size_of::<(usize, Rc<str>, Value)>());
        self.contain(value.levels());
        self.fields.insert(name, value);
    }

    /// Puts a value into a field, whether it is there or not.
    fn set(&mut self, name: &str, value: Value) {
        if let Some(field) = self.fields.get_mut(name) {
            *field = value;
            let levels = field.levels();
            self.contain(levels);
        } else {
            self.insert(name_of(name), value);
        }
    }

    fn remove(&mut self, name: &str) {
        meter::read(self.fields.len() * size_of::<(usize, Rc<str>, Value)>());
        self.fields.shift_remove(name);
    }

    /// Counts the levels of a value.
    fn contain(&mut self, levels: u32) {
        self.levels = self.levels.max(levels + 1);
        meter::nest(self.levels);
    }
}

/// A field's name.
pub(crate) fn name_of(text: &str) -> Rc<str> {
    meter::make(text.len());
    text.into()
}

/// Our own copy of what is shared, counted if it has to be made.
fn own<T: Clone>(shared: &mut Rc<T>, bytes: impl FnOnce(&T) -> usize) -> &mut T {
    if Rc::strong_count(shared) > 1 {
        meter::make(bytes(shared));
    }
    Rc::make_mut(shared)
}

fn own_array(array: &mut Rc<Array>) -> &mut Array {
    own(array, |array| array.items.len() * size_of::<Value>())
}

fn own_object(object: &mut Rc<Object>) -> &mut Object {
    own(object, |object| object.fields.len() * size_of::<(usize, Rc<str>, Value)>())
}

fn own_string(string: &mut Rc<String>) -> &mut String {
    own(string, String::len)
}

impl Clone for Value {
    fn clone(&self) -> Self {
        meter::step();
        match self {
            Self::Null => Self::Null,
            Self::Boolean(boolean) => Self::Boolean(*boolean),
            Self::Number(number) => Self::Number(number.clone()),
            Self::String(text) => Self::String(Rc::clone(text)),
            Self::Array(array) => Self::Array(Rc::clone(array)),
            Self::Object(object) => Self::Object(Rc::clone(object)),
        }
    }
}

impl jaq_core::ValT for Value {
    fn from_num(text: &str) -> ValR<Self> {
        let number = Number::parse(text).unwrap_or_else(|| Number::from_f64(text.parse().unwrap_or(f64::NAN)));
        Ok(Self::Number(number))
    }

    fn from_map<I: IntoIterator<Item = (Self, Self)>>(fields: I) -> ValR<Self> {
        let mut object = Object::default();
        object.contain(0);
        for (name, value) in fields {
            let Self::String(name) = name else {
                return Err(Error::str(format_args!("Object keys must be strings, not {}", name.kind())));
            };
            object.insert(name_of(&name), value);
        }
        Ok(Self::Object(Rc::new(object)))
    }

    fn key_values(self) -> BoxIter<'static, ValR<(Self, Self), Self>> {
        match self {
            Self::Array(mut array) => {
                let items = std::mem::take(&mut own_array(&mut array).items);
                Box::new(items.into_iter().enumerate().map(|(place, item)| Ok((place.into(), item))))
            }
            Self::Object(mut object) => {
                let fields = std::mem::take(&mut own_object(&mut object).fields);
                Box::new(fields.into_iter().map(|(name, value)| Ok((Self::text(&*name), value))))
            }
            other => box_once(Err(Error::str(format_args!("{} has no keys", other.kind())))),
        }
    }

    fn values(self) -> Box<dyn Iterator<Item = ValR<Self>>> {
        match self {
            Self::Array(mut array) => Box::new(std::mem::take(&mut own_array(&mut array).items).into_iter().map(Ok)),
            Self::Object(mut object) => {
                Box::new(std::mem::take(&mut own_object(&mut object).fields).into_values().map(Ok))
            }
            other => box_once(Err(cannot_iterate(&other))),
        }
    }

    fn index(self, index: &Self) -> ValR<Self> {
        meter::step();
        Ok(match (&self, index) {
            (Self::Object(object), Self::String(name)) => object.get(name).cloned(),
            (Self::Array(array), Self::Number(number)) => {
                number.as_i64().and_then(|index| array.items.get(array.place(index)?)).cloned()
            }
            (Self::Array(array), Self::Array(part)) => {
                let found = places(&array.items, &part.items);
                Some(found.map(Self::from).collect())
            }
            (Self::Array(_) | Self::String(_) | Self::Null, Self::Object(slice)) => {
                let bound = |name| slice.get(name);
                return self.range(bound("start")..bound("end"));
            }
            (Self::Null, Self::String(_) | Self::Number(_)) => None,
            _ => return Err(cannot_index(&self, index)),
        }
        .unwrap_or(Self::Null))
    }

    fn range(self, range: val::Range<&Self>) -> ValR<Self> {
        meter::step();
        match &self {
            Self::Null => Ok(Self::Null),
            Self::Array(array) => {
                let range = Self::bounds(&range, array.items.len())?;
                Ok(array.items.get(range).unwrap_or_default().iter().cloned().collect())
            }
            Self::String(text) => {
                meter::read(text.len());
                let range = Self::bounds(&range, text.chars().count())?;
                Ok(Self::text(text.chars().skip(range.start).take(range.len()).collect::<String>()))
            }
            _ => Err(Error::str(format_args!("Cannot index {} with object", self.kind()))),
        }
    }

    fn map_values<'a, I: Iterator<Item = ValX<'a, Self>>>(self, opt: Opt, f: impl Fn(Self) -> I) -> ValX<'a, Self> {
        match self {
            Self::Array(mut array) => {
                let items = std::mem::take(&mut own_array(&mut array).items);
                items.into_iter().filter_map(|item| f(item).next()).collect()
            }
            Self::Object(mut object) => {
                let fields = std::mem::take(&mut own_object(&mut object).fields);
                let mut mapped = Object::default();
                mapped.contain(0);
                for (name, value) in fields {
                    if let Some(value) = f(value).next() {
                        mapped.insert(name, value?);
                    }
                }
                Ok(Self::Object(Rc::new(mapped)))
            }
            other => opt.fail(other, |other| Exn::from(cannot_iterate(&other))),
        }
    }

    fn map_index<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        index: &Self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        meter::step();
        match (self, index) {
            (value @ (Self::Null | Self::Array(_)), Self::Object(slice)) => {
                let bound = |name| slice.get(name);
                value.map_range(bound("start")..bound("end"), opt, f)
            }
            (Self::Null, Self::String(_)) => {
                Self::Object(Rc::default()).map_index(index, opt, f).map(Self::null_if_empty)
            }
            (Self::Null, Self::Number(_)) => {
                Self::Array(Rc::default()).map_index(index, opt, f).map(Self::null_if_empty)
            }
            (Self::Object(mut object), Self::String(name)) => {
                meter::read(name.len());
                let own = own_object(&mut object);
                let found = own.fields.get_mut(name.as_str()).map(std::mem::take);
                let was_there = found.is_some();
                match f(found.unwrap_or_default()).next().transpose()? {
                    Some(value) => own.set(name, value),
                    None if was_there => own.remove(name),
                    None => {}
                }
                Ok(Self::Object(object))
            }
            (Self::Array(mut array), Self::Number(number)) => {
                let Some(place) = array.place(number.truncated()) else {
                    let error = Error::str("Out of bounds negative array index");
                    return opt.fail(Self::Array(array), |_| Exn::from(error));
                };
                let own = own_array(&mut array);
                let found = own.items.get_mut(place).map(std::mem::take);
                let was_there = found.is_some();
                match f(found.unwrap_or_default()).next().transpose()? {
                    Some(value) => {
                        while own.items.len() <= place {
                            own.push(Self::Null);
                        }
                        own.contain(value.levels());
                        own.items.get_mut(place).map(|item| std::mem::replace(item, value));
                    }
                    None if was_there => {
                        meter::read(own.items.len() * size_of::<Self>());
                        own.items.remove(place);
                    }
                    None => {}
                }
                Ok(Self::Array(array))
            }
            (other, index) => opt.fail(other, |other| Exn::from(cannot_index(&other, index))),
        }
    }

    fn map_range<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        range: val::Range<&Self>,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        let mut array = match self {
            Self::Null => Rc::default(),
            Self::Array(array) => array,
            other => {
                return opt.fail(other, |other| {
                    Exn::from(Error::str(format_args!("Cannot update field at object index of {}", other.kind())))
                });
            }
        };
        let range = match Self::bounds(&range, array.items.len()) {
            Ok(range) => range,
            Err(error) => return opt.fail(Self::Array(array), |_| Exn::from(error)),
        };
        let part = array.items.get(range.clone()).unwrap_or_default().iter().cloned().collect();
        let new = match f(part).next().transpose()? {
            Some(Self::Array(new)) => new,
            None => Rc::default(),
            Some(_) => return Err(Error::str("A slice of an array can only be assigned another array").into()),
        };
        let own = own_array(&mut array);
        meter::make(new.items.len() * size_of::<Self>());
        meter::read(own.items.len() * size_of::<Self>());
        own.contain(new.levels.saturating_sub(1));
        own.items.splice(range, new.items.iter().cloned());
        Ok(Self::Array(array))
    }

    fn as_bool(&self) -> bool {
        meter::step();
        !matches!(self, Self::Null | Self::Boolean(false))
    }

    fn into_string(self) -> Self {
        match self {
            Self::String(_) => self,
            other => Self::text(other.to_json()),
        }
    }
}

impl jaq_std::ValT for Value {
    fn into_seq<S: FromIterator<Self>>(self) -> Result<S, Self> {
        match self {
            Self::Array(mut array) => Ok(std::mem::take(&mut own_array(&mut array).items).into_iter().collect()),
            other => Err(other),
        }
    }

    fn is_int(&self) -> bool {
        matches!(self, Self::Number(Number::Int(_)))
    }

    fn as_isize(&self) -> Option<isize> {
        self.as_number()?.as_i64()?.try_into().ok()
    }

    fn as_f64(&self) -> Option<f64> {
        self.as_number().map(Number::as_f64)
    }

    fn is_utf8_str(&self) -> bool {
        matches!(self, Self::String(_))
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        self.as_str().map(str::as_bytes)
    }

    fn as_sub_str(&self, sub: &[u8]) -> Self {
        Self::text(String::from_utf8_lossy(sub))
    }

    fn from_utf8_bytes(bytes: impl AsRef<[u8]> + Send + 'static) -> Self {
        Self::text(String::from_utf8_lossy(bytes.as_ref()))
    }
}

fn cannot_iterate(value: &Value) -> Error {
    Error::str(format_args!("Cannot iterate over {}", value.kind()))
}

/// Names the field only if the program does: another name is the record's own affair.
fn cannot_index(value: &Value, index: &Value) -> Error {
    match index {
        Value::String(name) if super::names(name) => {
            Error::str(format_args!("Cannot index {} with \"{name}\"", value.kind()))
        }
        _ => Error::str(format_args!("Cannot index {} with {}", value.kind(), index.kind())),
    }
}

fn cannot(left: &Value, right: &Value, what: &str) -> Error {
    Error::str(format_args!("{} and {} cannot be {what}", left.kind(), right.kind()))
}

/// Where a part stands in a list; an empty part stands nowhere.
pub(crate) fn places<'v>(whole: &'v [Value], part: &'v [Value]) -> impl Iterator<Item = usize> + 'v {
    whole
        .windows(part.len().max(1))
        .enumerate()
        .filter(move |(_, window)| !part.is_empty() && *window == part)
        .map(|(place, _)| place)
}

impl From<bool> for Value {
    fn from(boolean: bool) -> Self {
        meter::step();
        Self::Boolean(boolean)
    }
}

impl From<isize> for Value {
    fn from(number: isize) -> Self {
        Self::from(number as i64)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::from(to_i64(number))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        meter::step();
        Self::Number(Number::Int(number))
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(Number::from_f64(number))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<val::Range<Self>> for Value {
    fn from(range: val::Range<Self>) -> Self {
        let mut object = Object::default();
        object.insert("start".into(), range.start.unwrap_or_default());
        object.insert("end".into(), range.end.unwrap_or_default());
        Self::Object(Rc::new(object))
    }
}

impl FromIterator<Self> for Value {
    fn from_iter<T: IntoIterator<Item = Self>>(items: T) -> Self {
        let mut array = Array::default();
        array.contain(0);
        for item in items {
            array.push(item);
        }
        Self::Array(Rc::new(array))
    }
}

impl FromIterator<(Rc<str>, Self)> for Value {
    fn from_iter<T: IntoIterator<Item = (Rc<str>, Self)>>(fields: T) -> Self {
        let mut object = Object::default();
        object.contain(0);
        for (name, value) in fields {
            object.insert(name, value);
        }
        Self::Object(Rc::new(object))
    }
}

impl Add for Value {
    type Output = ValR<Self>;

    fn add(self, other: Self) -> Self::Output {
        meter::step();
        Ok(match (self, other) {
            (Self::Null, value) | (value, Self::Null) => value,
            (Self::Number(left), Self::Number(right)) => {
                Self::Number(left.with(&right, i64::checked_add, |left, right| left + right))
            }
            (Self::String(mut left), Self::String(right)) => {
                meter::make(right.len());
                own_string(&mut left).push_str(&right);
                Self::String(left)
            }
            (Self::Array(mut left), Self::Array(right)) => {
                let own = own_array(&mut left);
                right.items.iter().cloned().for_each(|item| own.push(item));
                Self::Array(left)
            }
            (Self::Object(mut left), Self::Object(right)) => {
                let own = own_object(&mut left);
                right.fields.iter().for_each(|(name, value)| own.insert(Rc::clone(name), value.clone()));
                Self::Object(left)
            }
            (left, right) => return Err(cannot(&left, &right, "added")),
        })
    }
}

impl Sub for Value {
    type Output = ValR<Self>;

    fn sub(self, other: Self) -> Self::Output {
        meter::step();
        match (self, other) {
            (Self::Number(left), Self::Number(right)) => {
                Ok(Self::Number(left.with(&right, i64::checked_sub, |left, right| left - right)))
            }
            (Self::Array(left), Self::Array(right)) => {
                Ok(left.items.iter().filter(|item| !right.items.contains(item)).cloned().collect())
            }
            (left, right) => Err(cannot(&left, &right, "subtracted")),
        }
    }
}

impl Mul for Value {
    type Output = ValR<Self>;

    fn mul(self, other: Self) -> Self::Output {
        meter::step();
        match (self, other) {
            (Self::Number(left), Self::Number(right)) => {
                Ok(Self::Number(left.with(&right, i64::checked_mul, |left, right| left * right)))
            }
            (Self::String(text), Self::Number(times)) | (Self::Number(times), Self::String(text)) => {
                if times.as_f64().is_nan() || times.as_f64() <= 0.0 {
                    return Ok(Self::Null);
                }
                let times = usize::try_from(times.truncated()).unwrap_or(0).max(1);
                meter::make(text.len().saturating_mul(times));
                Ok(Self::text(text.repeat(times)))
            }
            (Self::Object(mut left), Self::Object(right)) => {
                merge(&mut left, &right);
                Ok(Self::Object(left))
            }
            (left, right) => Err(cannot(&left, &right, "multiplied")),
        }
    }
}

/// Merges objects, and the objects in them.
fn merge(left: &mut Rc<Object>, right: &Rc<Object>) {
    let own = own_object(left);
    for (name, value) in &right.fields {
        match (own.fields.get_mut(name), value) {
            (Some(Value::Object(inner)), Value::Object(other)) => {
                merge(inner, other);
                let levels = inner.levels;
                own.contain(levels);
            }
            _ => own.insert(Rc::clone(name), value.clone()),
        }
    }
}

impl Div for Value {
    type Output = ValR<Self>;

    fn div(self, other: Self) -> Self::Output {
        meter::step();
        match (&self, &other) {
            (Self::Number(left), Self::Number(right)) if right.as_f64() != 0.0 => {
                let exactly = |left: i64, right| (left.checked_rem(right) == Some(0)).then(|| left / right);
                Ok(Self::Number(left.with(right, exactly, |left, right| left / right)))
            }
            (Self::Number(_), Self::Number(_)) => {
                Err(Error::str("number and number cannot be divided because the divisor is zero"))
            }
            (Self::String(text), Self::String(_)) if text.is_empty() => Ok(Self::Array(Rc::default())),
            (Self::String(text), Self::String(separator)) if separator.is_empty() => {
                Ok(text.chars().map(Self::text).collect())
            }
            (Self::String(text), Self::String(separator)) => {
                Ok(text.split(separator.as_str()).map(Self::text).collect())
            }
            _ => Err(cannot(&self, &other, "divided")),
        }
    }
}

impl Rem for Value {
    type Output = ValR<Self>;

    fn rem(self, other: Self) -> Self::Output {
        meter::step();
        match (&self, &other) {
            (Self::Number(left), Self::Number(right)) => match right.truncated().unsigned_abs() {
                0 => Err(Error::str("number and number cannot be divided because the divisor is zero")),
                divisor => {
                    let left = left.truncated();
                    let rest = i64::try_from(left.unsigned_abs() % divisor).unwrap_or(0);
                    Ok(Self::from(if left < 0 { -rest } else { rest }))
                }
            },
            _ => Err(cannot(&self, &other, "divided")),
        }
    }
}

impl Neg for Value {
    type Output = ValR<Self>;

    fn neg(self) -> Self::Output {
        meter::step();
        match self {
            Self::Number(number) => {
                let zero = Number::Float(-0.0);
                Ok(Self::Number(match number.as_i64() {
                    Some(0) => zero,
                    _ => Number::Int(0).with(&number, i64::checked_sub, |zero, number| zero - number),
                }))
            }
            other => Err(Error::str(format_args!("{} cannot be negated", other.kind()))),
        }
    }
}

impl Ord for Value {
    /// jq's order: `null`, `false`, `true`, numbers, strings, arrays, objects; these by their sorted names first.
    fn cmp(&self, other: &Self) -> Ordering {
        meter::step();
        let rank = |value: &Self| match value {
            Self::Null => 0,
            Self::Boolean(false) => 1,
            Self::Boolean(true) => 2,
            Self::Number(_) => 3,
            Self::String(_) => 4,
            Self::Array(_) => 5,
            Self::Object(_) => 6,
        };
        match (self, other) {
            (Self::Number(left), Self::Number(right)) => left.cmp(right),
            (Self::String(left), Self::String(right)) => {
                meter::read(left.len().min(right.len()));
                left.cmp(right)
            }
            (Self::Array(left), Self::Array(right)) => left.items.cmp(&right.items),
            (Self::Object(left), Self::Object(right)) => {
                let sorted = |object: &Object| {
                    let field = |(name, value): (&Rc<str>, &Self)| {
                        meter::read(name.len());
                        (Rc::clone(name), value.clone())
                    };
                    let mut fields: Vec<_> = object.fields.iter().map(field).collect();
                    fields.sort_by(|(left, _), (right, _)| left.cmp(right));
                    fields
                };
                let (left, right) = (sorted(left), sorted(right));
                let names = left.iter().map(|(name, _)| name).cmp(right.iter().map(|(name, _)| name));
                names.then_with(|| left.iter().map(|(_, value)| value).cmp(right.iter().map(|(_, value)| value)))
            }
            _ => rank(self).cmp(&rank(other)),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}

impl fmt::Display for Value {
    /// Its kind: jaq's own messages show the values that they are about, and a record's values are in no message of ours.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}
