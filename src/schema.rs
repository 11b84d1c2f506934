//! Shapes of types that are another crate's, for JSON Schema: named by `#[schemars(with = "…")]`.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

/// An instant, as RFC 3339 writes it.
#[derive(Debug)]
pub struct Timestamp;

/// A day, as RFC 3339 writes it.
#[derive(Debug)]
pub struct Date;

macro_rules! text {
    ($type:ident, $format:literal) => {
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": $format })
            }
        }
    };
}

text!(Timestamp, "date-time");
text!(Date, "date");
