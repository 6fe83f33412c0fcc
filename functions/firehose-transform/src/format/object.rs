//! Structs of a format, read from JSON objects.

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// Reads a text that is one JSON object, as a struct whose fields are [raw](serde_json::value::RawValue) or structs of
/// that sort. Fields that it does not have are read over; one that comes twice is a fault.
///
/// The error is a message, which tells a place and never a piece of the text.
pub(super) fn parse<'t, T: Deserialize<'t>>(text: &'t str) -> Result<T, String> {
    serde_json::from_str(text).map(|Object(value)| value).map_err(|error| {
        // The text of a data error can hold a piece of the record, unless it is about a field.
        if error.is_data() && !error.to_string().starts_with("duplicate field") {
            format!("expected an object, got another value at line {} column {}", error.line(), error.column())
        } else {
            error.to_string()
        }
    })
}

/// A struct that comes as an object. (Alone, what serde derives takes an array of the fields' values as well.)
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(Fields(PhantomData))
    }
}
