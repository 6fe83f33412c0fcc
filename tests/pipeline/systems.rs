//! Systems other than the default one: each is an environment of the same template.

use crate::headgate::Workshop;
use serde_json::Value;
use std::fs;

/// The partitions of a table in the catalog: values, and location within the bucket.
fn partitions(workshop: &Workshop, table: &str) -> Vec<(Vec<String>, String)> {
    let catalog: Value = serde_json::from_slice(&fs::read(workshop.path("lake/catalog.json")).unwrap()).unwrap();
    let texts = |value: &Value| serde_json::from_value::<Vec<String>>(value.clone()).unwrap();
    let folder = |location: &Value| location.as_str().unwrap().splitn(4, '/').nth(3).unwrap().to_owned();
    let partitions = catalog["tables"][table]["partitions"].as_array().unwrap();
    partitions.iter().map(|partition| (texts(&partition["values"]), folder(&partition["location"]))).collect()
}

#[test]
fn without_dynamic_partitioning_time_alone_makes_partitions() {
    let workshop = Workshop::new();
    let line = r#"{"beschrijvende_id":"H101L20","unieke_id":"50","tijd_waarneming":1588065065}"#;
    let arguments = ["--config-env", "traffic", "--parameter-overrides", "RecordQuery=.", "-"];
    let at = |time: &str, lines: &[&str]| {
        let said =
            workshop.run_with_input(&[&arguments[..], &["--arrival", time]].concat(), lines.join("\n").as_bytes());
        assert_eq!((said.status, said.errors.as_str()), (0, ""));
        said.output
    };
    at("2026-01-01T00:00:00Z", &[line, line]);
    insta::assert_snapshot!(at("2026-07-04T21:05:09Z", &[line, "{}", line]), @"
    3 records read: 2 delivered, 0 dropped, 1 rejected

    Partitions
    ┌───────────────────────────────────────────────────────┐
    │ year   month   day   hour   objects   records   bytes │
    ╞═══════════════════════════════════════════════════════╡
    │ 2026   07      04    21           1         2     154 │
    └───────────────────────────────────────────────────────┘

    Rejected records, by reason
    ┌───────────────────────────────────────────────────────────────────────┐
    │ reason     records   for example                                      │
    ╞═══════════════════════════════════════════════════════════════════════╡
    │ contract         1   `beschrijvende_id`: expected string, got nothing │
    └───────────────────────────────────────────────────────────────────────┘

    Statements that the maintainer ran
    ALTER TABLE `traffic`.`measurements` ADD IF NOT EXISTS
      PARTITION (`year` = '2026', `month` = '07', `day` = '04', `hour` = '21') LOCATION 's3://headgate-traffic-data-123456789012-eu-west-1/traffic/year=2026/month=07/day=04/hour=21/'

    The lake is `DIR/lake`: objects, catalog.json and statements.sql.
    ");
    let partition = |year: &str, month: &str, day: &str, hour: &str| {
        let folder = format!("traffic/year={year}/month={month}/day={day}/hour={hour}/");
        ([year, month, day, hour].map(str::to_owned).to_vec(), folder)
    };
    let expected = [partition("2026", "01", "01", "00"), partition("2026", "07", "04", "21")];
    assert_eq!(partitions(&workshop, "traffic.measurements"), expected);
}
