//! Runs jq programs on records, as the transform function would: what `e2e/queries.py` holds against jq itself.
//!
//! Each line of standard input is a JSON list: the program, and the record as text. Each line of the output is what came of
//! it: `{"output": …}`, `{}` without an output, or `{"error": "…"}`.

#![allow(clippy::print_stdout, reason = "it is a program")]

use firehose_transform::query::Query;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::error::Error;
use std::io::stdin;

fn main() -> Result<(), Box<dyn Error>> {
    let mut queries = HashMap::new();
    for line in stdin().lines() {
        let (program, record): (String, String) = serde_json::from_str(&line?)?;
        let query = queries.entry(program).or_insert_with_key(|program| Query::compile(program, &[]));
        println!(
            "{}",
            query.as_ref().map_or_else(|error| json!({ "error": error.to_string() }), |query| outcome(query, &record))
        );
    }
    Ok(())
}

fn outcome(query: &Query, record: &str) -> Value {
    let Ok(record) = serde_json::from_str::<&RawValue>(record) else { return json!({ "error": "not JSON" }) };
    let mut output = String::new();
    match query.run(record, |_| None, &mut output) {
        Ok(true) => match serde_json::from_str::<Box<RawValue>>(&output) {
            Ok(json) => json!({ "output": json.get() }),
            Err(error) => json!({ "error": format!("the output is not JSON: {error}") }),
        },
        Ok(false) => json!({}),
        Err(fault) => json!({ "error": format!("{fault:?}") }),
    }
}
