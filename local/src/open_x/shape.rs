//! The types of columns, as far as reading asks: which values, under which names.

use super::OpenXOptions;
use arrow_schema::{DataType, Field, TimeUnit};
use firehose_transform::hive_type::{HiveType, IntegerSize};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// What a value has to become.
#[derive(Debug)]
pub(super) enum Shape {
    Boolean,
    Integer(RangeInclusive<i64>),
    Float,
    Double,
    Decimal {
        precision: u8,
        scale: u8,
    },
    /// Text of at most so many characters, if there is a limit.
    Text(Option<usize>),
    Binary,
    Date,
    Timestamp,
    List(Box<Shape>),
    Map {
        longest_key: Option<usize>,
        value: Box<Shape>,
    },
    Struct(Members),
}

/// The columns of a table, or the fields of a struct.
#[derive(Debug)]
pub(super) struct Members {
    pub(super) list: Vec<Member>,
    /// The places of members whose name in records is that of one before, after the place of that one.
    pub(super) same: Vec<(usize, usize)>,
    pub(super) names: Names,
}

/// A column, or a field of a struct.
#[derive(Debug)]
pub(super) struct Member {
    /// Its name as it stands in a row: a JSON string and a colon.
    pub(super) label: String,
    /// Its name in records.
    key: String,
    pub(super) shape: Shape,
}

/// How names are compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names {
    pub(super) case_insensitive: bool,
    pub(super) dots_to_underscores: bool,
}

/// Which member a name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The one of this name.
    Named(usize),
    /// The one whose name it is with underscores for dots.
    WithoutDots(usize),
    /// None.
    Unknown,
}

impl Members {
    pub(super) fn new(typed: &[(String, HiveType)], options: &OpenXOptions) -> Self {
        let member = |(name, hive_type): &(String, HiveType)| {
            // Hive's own names are lower-case, whatever the text of the type says.
            let name = name.to_lowercase();
            let key = options.column_to_json_key.get(&name).unwrap_or(&name);
            let key = if options.case_insensitive { key.to_lowercase() } else { key.clone() };
            Member { label: format!("{}:", serde_json::Value::from(name)), key, shape: Shape::new(hive_type, options) }
        };
        let names =
            Names { case_insensitive: options.case_insensitive, dots_to_underscores: options.dots_to_underscores };
        let list: Vec<Member> = typed.iter().map(member).collect();
        let first = |place: usize, key: &str| list.iter().take(place).position(|before| before.key == key);
        let places = list.iter().enumerate();
        let same = places.filter_map(|(place, member)| Some((first(place, &member.key)?, place))).collect();
        Self { list, same, names }
    }

    /// The member that a name means; `next` is where it is looked for first.
    pub(super) fn place(&self, name: &str, next: usize) -> Place {
        if self.list.get(next).is_some_and(|member| self.names.same(name, &member.key)) {
            return Place::Named(next);
        }
        let find = |name: &str| self.list.iter().position(|member| self.names.same(name, &member.key));
        if let Some(place) = find(name) {
            return Place::Named(place);
        }
        let without_dots = self.names.dots_to_underscores && name.contains('.');
        match without_dots.then(|| find(&name.replace('.', "_"))).flatten() {
            Some(place) => Place::WithoutDots(place),
            None => Place::Unknown,
        }
    }
}

impl Names {
    fn same(self, name: &str, key: &str) -> bool {
        match (self.case_insensitive, name.is_ascii()) {
            (false, _) => name == key,
            (true, true) => name.eq_ignore_ascii_case(key),
            (true, false) => name.to_lowercase() == key,
        }
    }
}

impl Shape {
    fn new(hive_type: &HiveType, options: &OpenXOptions) -> Self {
        let length = |most: &u32| usize::try_from(*most).ok();
        match hive_type {
            HiveType::Boolean => Self::Boolean,
            HiveType::Integer(IntegerSize::Tiny) => Self::Integer(i8::MIN.into()..=i8::MAX.into()),
            HiveType::Integer(IntegerSize::Small) => Self::Integer(i16::MIN.into()..=i16::MAX.into()),
            HiveType::Integer(IntegerSize::Int) => Self::Integer(i32::MIN.into()..=i32::MAX.into()),
            HiveType::Integer(IntegerSize::Big) => Self::Integer(i64::MIN..=i64::MAX),
            HiveType::Float => Self::Float,
            HiveType::Double => Self::Double,
            HiveType::Decimal { precision, scale } => Self::Decimal { precision: *precision, scale: *scale },
            HiveType::String => Self::Text(None),
            HiveType::Char(most) | HiveType::Varchar(most) => Self::Text(length(most)),
            HiveType::Binary => Self::Binary,
            HiveType::Date => Self::Date,
            HiveType::Timestamp => Self::Timestamp,
            HiveType::Array(element) => Self::List(Box::new(Self::new(element, options))),
            HiveType::Map(key, value) => {
                let longest_key = match &**key {
                    HiveType::Char(most) | HiveType::Varchar(most) => length(most),
                    _ => None,
                };
                Self::Map { longest_key, value: Box::new(Self::new(value, options)) }
            }
            HiveType::Struct(fields) => Self::Struct(Members::new(fields, options)),
        }
    }
}

/// The Arrow type of a Hive type.
pub(super) fn data_type(hive_type: &HiveType) -> DataType {
    let field = |name: &str, hive_type: &HiveType| Field::new(name.to_lowercase(), data_type(hive_type), true);
    match hive_type {
        HiveType::Boolean => DataType::Boolean,
        HiveType::Integer(IntegerSize::Tiny) => DataType::Int8,
        HiveType::Integer(IntegerSize::Small) => DataType::Int16,
        HiveType::Integer(IntegerSize::Int) => DataType::Int32,
        HiveType::Integer(IntegerSize::Big) => DataType::Int64,
        HiveType::Float => DataType::Float32,
        HiveType::Double => DataType::Float64,
        HiveType::Decimal { precision, scale } => DataType::Decimal128(*precision, scale.cast_signed()),
        HiveType::String | HiveType::Char(_) | HiveType::Varchar(_) => DataType::Utf8,
        HiveType::Binary => DataType::Binary,
        HiveType::Date => DataType::Date32,
        HiveType::Timestamp => DataType::Timestamp(TimeUnit::Nanosecond, None),
        HiveType::Array(element) => DataType::List(Arc::new(field("element", element))),
        HiveType::Map(key, value) => {
            let key = field("key", key).with_nullable(false);
            let entries = DataType::Struct(vec![key, field("value", value)].into());
            DataType::Map(Arc::new(Field::new("key_value", entries, false)), false)
        }
        HiveType::Struct(fields) => {
            DataType::Struct(fields.iter().map(|(name, hive_type)| field(name, hive_type)).collect())
        }
    }
}
