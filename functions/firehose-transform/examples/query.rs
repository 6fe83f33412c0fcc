//! Runs jq programs on records, as the transform function would: what `e2e/queries.py` holds against jq itself.
//!
//! Each line of standard input is a JSON list: the program, the record as text, and an object with the variables' values.
//! Each line of the output is what came of it: `{"output": …}`, `{}` without an output, or `{"error": "…"}`.

#![allow(clippy::print_stdout, reason = "it is a program")]

use firehose_transform::query::Query;
use firehose_transform::transform::VARIABLES;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::error::Error;
use std::io::stdin;

fn main() -> Result<(), Box<dyn Error>> {
    let mut queries = HashMap::new();
    for line in stdin().lines() {
        let (program, record, variables): (String, String, Map<String, Value>) = serde_json::from_str(&line?)?;
        let query = queries.entry(program).or_insert_with_key(|program| Query::compile(program, VARIABLES));
        println!(
            "{}",
            query.as_ref().map_or_else(
                |error| json!({ "error": error.to_string() }),
                |query| outcome(query, &record, &variables)
            )
        );
    }
    Ok(())
}

fn outcome(query: &Query, record: &str, variables: &Map<String, Value>) -> Value {
    let Ok(record) = serde_json::from_str::<&RawValue>(record) else { return json!({ "error": "not JSON" }) };
    let mut output = String::new();
    match query.run(record, |variable| variables.get(variable).map(Value::to_string), &mut output) {
        Ok(true) => match serde_json::from_str::<Box<RawValue>>(&output) {
            Ok(json) => json!({ "output": json.get() }),
            Err(error) => json!({ "error": format!("the output is not JSON: {error}") }),
        },
        Ok(false) => json!({}),
        Err(fault) => json!({ "error": format!("{fault:?}") }),
    }
}
