//! One structured line per invocation, with its metrics in CloudWatch's embedded metric format.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// A line of the log: JSON that CloudWatch Logs Insights can query, and that CloudWatch takes metrics out of.
///
/// Levels by consequence: `INFO` is a count, `WARN` means that nothing is lost yet, `ERROR` that somebody must act.
/// Payloads never come near it.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    fields: Map<String, Value>,
    metrics: Vec<Value>,
}

/// How grave a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// All went as it should.
    Info,
    /// Nothing is lost, but somebody should look.
    Warn,
    /// Data has not arrived, or will not: somebody must act.
    Error,
}

/// The unit of a metric, in CloudWatch's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// A number of things.
    Count,
    /// A size.
    Bytes,
    /// A time.
    Milliseconds,
}

/// The namespace of all metrics.
const NAMESPACE: &str = "headgate";

impl Line {
    /// A line with nothing but its level and a message.
    pub fn new(level: Level, message: &str) -> Self {
        let mut fields = Map::new();
        let level = match level {
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Error => "ERROR",
        };
        fields.insert("level".to_owned(), level.into());
        fields.insert("message".to_owned(), message.into());
        Self { fields, metrics: Vec::new() }
    }

    /// Adds a field that is not a metric.
    #[must_use]
    pub fn field(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a metric.
    #[must_use]
    pub fn metric(mut self, name: &str, unit: Unit, value: u64) -> Self {
        self.metrics.push(json!({ "Name": name, "Unit": unit }));
        self.field(name, value)
    }

    /// The line as it is printed, without its end: `now` is in milliseconds since 1970, and `function` is the dimension of
    /// the metrics.
    ///
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
    pub fn to_json(&self, now: i64, function: &str) -> String {
        let mut fields = self.fields.clone();
        fields.insert("function".to_owned(), function.into());
        if !self.metrics.is_empty() {
            let directive = json!({ "Namespace": NAMESPACE, "Dimensions": [["function"]], "Metrics": self.metrics });
            let directives = json!({ "Timestamp": now, "CloudWatchMetrics": [directive] });
            fields.insert("_aws".to_owned(), directives);
        }
        Value::Object(fields).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_a_metric() {
        let line =
            Line::new(Level::Info, "transformed records").field("stream", "s").metric("recordsIn", Unit::Count, 3);
        insta::assert_snapshot!(line.to_json(1_795_000_000_000, "transform"), @r#"{"level":"INFO","message":"transformed records","stream":"s","recordsIn":3,"function":"transform","_aws":{"Timestamp":1795000000000,"CloudWatchMetrics":[{"Namespace":"headgate","Dimensions":[["function"]],"Metrics":[{"Name":"recordsIn","Unit":"Count"}]}]}}"#);
    }

    #[test]
    fn a_line_without_metrics_is_no_metric() {
        let line = Line::new(Level::Error, "denied");
        insta::assert_snapshot!(line.to_json(0, "maintainer"), @r#"{"level":"ERROR","message":"denied","function":"maintainer"}"#);
    }
}
