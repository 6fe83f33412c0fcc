//! Systems other than the default one: each is an environment of the same template.

use crate::headgate::{Workshop, files, project};
use arrow_json::LineDelimitedWriter;
use local::compression::decompress;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;

/// The partitions of a table in the catalog: values, and location within the bucket.
fn partitions(workshop: &Workshop, table: &str) -> Vec<(Vec<String>, String)> {
    let catalog: Value = serde_json::from_slice(&fs::read(workshop.path("lake/catalog.json")).unwrap()).unwrap();
    let texts = |value: &Value| serde_json::from_value::<Vec<String>>(value.clone()).unwrap();
    let folder = |location: &Value| location.as_str().unwrap().splitn(4, '/').nth(3).unwrap().to_owned();
    let partitions = catalog["tables"][table]["partitions"].as_array().unwrap();
    partitions.iter().map(|partition| (texts(&partition["values"]), folder(&partition["location"]))).collect()
}

/// The records in the lake of an environment: folder within the bucket, and record; errors are left out.
fn delivered(workshop: &Workshop, config_env: &str) -> Vec<(String, Value)> {
    let bucket = workshop.path(&format!("lake/headgate-{config_env}-data-123456789012-eu-west-1"));
    let mut records = Vec::new();
    for path in files(&bucket) {
        let folder = path.parent().unwrap().strip_prefix(&bucket).unwrap().to_str().unwrap().to_owned();
        if !folder.starts_with("error") {
            records.extend(rows(&path).into_iter().map(|row| (folder.clone(), row)));
        }
    }
    records
}

/// The rows of an object: of a Parquet file, or lines of JSON, compressed or not. Rows of Parquet lack what is null.
fn rows(path: &Path) -> Vec<Value> {
    let name = path.to_str().unwrap();
    let lines = if name.ends_with(".parquet") {
        let mut writer = LineDelimitedWriter::new(Vec::new());
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
        reader.build().unwrap().for_each(|batch| writer.write(&batch.unwrap()).unwrap());
        writer.into_inner()
    } else {
        decompress(name, fs::read(path).unwrap()).unwrap()
    };
    String::from_utf8(lines).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Runs records of an environment, one a line.
#[track_caller]
fn run(config_env: &str, lines: &[String]) -> (Workshop, Vec<(String, Value)>) {
    let workshop = Workshop::new();
    let said = workshop.run_with_input(&["--config-env", config_env, "-"], lines.join("\n").as_bytes());
    assert_eq!((said.status, said.errors.as_str()), (0, ""), "{}", said.output);
    let records = delivered(&workshop, config_env);
    (workshop, records)
}

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

#[test]
fn each_sample_is_delivered_and_each_of_its_folders_is_a_partition() {
    for (config_env, table) in [
        ("store-inventory", "conversion_db.conversion_table"),
        ("traffic", "traffic.measurements"),
        ("counties", "counties.counties"),
        ("access-logs", "access_logs.requests"),
        ("syslog", "syslog.messages"),
    ] {
        let workshop = Workshop::new();
        let said = workshop.run(&["--config-env", config_env]);
        assert_eq!((said.status, said.errors.as_str()), (0, ""), "{config_env}");
        assert!(said.output.contains(", 0 rejected"), "{config_env}: {}", said.output);
        let folders: BTreeSet<String> =
            delivered(&workshop, config_env).into_iter().map(|(folder, _)| format!("{folder}/")).collect();
        let locations: BTreeSet<String> = partitions(&workshop, table).into_iter().map(|(_, folder)| folder).collect();
        assert!(!folders.is_empty(), "{config_env}");
        assert_eq!(folders, locations, "{config_env}");
    }
}

#[test]
fn stock_checks_lie_by_store_and_hour() {
    let record = json!({
        "store_id": "STORE_5", "product_id": "PRD_2", "product_name": "Thịt gà", "current_stock": 18,
        "threshold_level": 6, "is_stock_low": false, "check_timestamp": 1_735_686_000, "notification_sent": false,
        "restock_status": "chưa xử lý",
    });
    let (workshop, records) = run("store-inventory", &[record.to_string(), r#"{"store_id":"STORE_5"}"#.to_owned()]);
    // The store is a partition key, which is no column of the file.
    let mut row = record;
    row.as_object_mut().unwrap().remove("store_id");
    assert_eq!(records, [("store-data/store_id=STORE_5/2024/12/31/23".to_owned(), row)]);
    let values = texts(&["STORE_5", "2024", "12", "31", "23"]);
    let folder = "store-data/store_id=STORE_5/2024/12/31/23/".to_owned();
    assert_eq!(partitions(&workshop, "conversion_db.conversion_table"), [(values, folder)]);
    assert!(
        workshop.path("lake/headgate-store-inventory-data-123456789012-eu-west-1/error/processing-failed").is_dir()
    );
}

/// A measurement, with these speeds of the classes 1 and 2.
fn measurement(id: &str, first: impl Into<Value>, second: impl Into<Value>) -> String {
    let (first, second): (Value, Value) = (first.into(), second.into());
    json!({
        "beschrijvende_id": "1E5", "unieke_id": id, "lve_nr": "18", "tijd_waarneming": "1588065065",
        "tijd_laatst_gewijzigd": "2020-04-06T17:52:20+01:00", "defect": "0",
        "verkeersintensiteit_klasse1": "0", "voertuigsnelheid_rekenkundig_klasse1": "0",
        "voertuigsnelheid_harmonisch_klasse1": first,
        "verkeersintensiteit_klasse2": "1", "voertuigsnelheid_rekenkundig_klasse2": 120,
        "voertuigsnelheid_harmonisch_klasse2": second,
    })
    .to_string()
}

#[test]
fn measurements_without_a_speed_are_dropped_and_classes_without_one_stripped() {
    let lines = [measurement("0050", "252", 120), measurement("51", 90, "252"), measurement("52", 90, 254)];
    let (_, records) = run("traffic", &lines);
    let expected = json!({
        "beschrijvende_id": "1E5", "unieke_id": "0050", "lve_nr": 18, "tijd_waarneming": 1_588_065_065,
        "tijd_laatst_gewijzigd": "2020-04-06T17:52:20+01:00", "defect": 0,
        "verkeersintensiteit_klasse2": 1, "voertuigsnelheid_rekenkundig_klasse2": 120,
        "voertuigsnelheid_harmonisch_klasse2": 120,
    });
    assert_eq!(records, [("traffic/year=2026/month=01/day=01/hour=00".to_owned(), expected)]);
}

#[test]
fn chosen_measuring_points_alone_are_delivered() {
    let samconfig = fs::read_to_string(project().join("samconfig.toml")).unwrap();
    let workshop = Workshop::new();
    workshop.write("template.yaml", fs::read(project().join("template.yaml")).unwrap());
    assert!(samconfig.contains("[] as $chosen"));
    // Within the quotes of TOML's text they need none of their own.
    workshop.write("samconfig.toml", samconfig.replace("[] as $chosen", r#"["51", "53"] as $chosen"#));
    let lines = ["50", "51", "52", "53"].map(|id| measurement(id, 90, 120)).join("\n");
    let arguments = ["--template", "DIR/template.yaml", "--config-env", "traffic", "-"];
    assert_eq!(workshop.run_with_input(&arguments, lines.as_bytes()).status, 0);
    let ids: Vec<Value> =
        delivered(&workshop, "traffic").into_iter().map(|(_, record)| record["unieke_id"].clone()).collect();
    assert_eq!(ids, ["51", "53"]);
}

#[test]
fn without_a_contract_the_conversion_finds_what_does_not_fit_the_table() {
    let workshop = Workshop::new();
    let lines = [r#"{"unieke_id":"50","lve_nr":"18","neu":1}"#, r#"{"unieke_id":"51","lve_nr":"many"}"#];
    let overrides = ["--parameter-overrides", "Contract=", "--parameter-overrides", "RecordQuery=."];
    let arguments = [&["--config-env", "traffic"], &overrides[..], &["-"]].concat();
    let said = workshop.run_with_input(&arguments, lines.join("\n").as_bytes());
    assert_eq!((said.status, said.errors.as_str()), (0, ""));
    insta::assert_snapshot!(said.output.lines().skip(9).take(7).collect::<Vec<_>>().join("\n"), @"
    Rejected records, by reason
    ┌──────────────────────────────────────────────────────────────────────┐
    │ reason                               records   for example           │
    ╞══════════════════════════════════════════════════════════════════════╡
    │ DataFormatConversion.MalformedData         1   see the error objects │
    └──────────────────────────────────────────────────────────────────────┘
    ");
    let records: Vec<Value> = delivered(&workshop, "traffic").into_iter().map(|(_, row)| row).collect();
    assert_eq!(records, [json!({ "unieke_id": "50", "lve_nr": 18 })]);
    let bucket = workshop.path("lake/headgate-traffic-data-123456789012-eu-west-1");
    let errors = files(&bucket).into_iter().find(|path| path.to_str().unwrap().contains("/format-conversion-failed/"));
    let line: Value = serde_json::from_slice(&fs::read(errors.unwrap()).unwrap()).unwrap();
    insta::assert_snapshot!(line["lastErrorMessage"].as_str().unwrap(), @r#"Data does not match the schema. For input string: "many""#);
    insta::assert_snapshot!(line["dataCatalogTable"], @r#"{"catalogId":"123456789012","databaseName":"traffic","tableName":"measurements","region":"eu-west-1","versionId":"LATEST","roleArn":"arn:aws:iam::123456789012:role/headgate-traffic-DeliveryStreamRole"}"#);
}

#[test]
fn items_of_a_dynamodb_table_lie_by_their_day_without_their_keys() {
    let item = json!({
        "PK": { "S": "STATE#Alabama" }, "SK": { "S": "COUNTY#Autauga" }, "county": { "S": "Autauga" },
        "createdAt": { "S": "2022-03-31T23:30:00-02:00" },
    });
    let change = |name: &str, images: Value| {
        let mut changed = json!({ "ApproximateCreationDateTime": 1_648_771_200_000_i64 });
        changed.as_object_mut().unwrap().extend(images.as_object().unwrap().clone());
        json!({ "eventName": name, "tableName": "counties", "dynamodb": changed }).to_string()
    };
    let lines = [
        change("INSERT", json!({ "NewImage": item })),
        change("MODIFY", json!({ "NewImage": item, "OldImage": item })),
        change("REMOVE", json!({ "OldImage": item })),
    ];
    let (workshop, records) = run("counties", &lines);
    let delivered = json!({ "county": "Autauga", "createdat": "2022-03-31T23:30:00-02:00" });
    let record = ("data/year=2022/month=04/date=01".to_owned(), delivered);
    assert_eq!(records, [record.clone(), record]);
    let partition = (texts(&["2022", "04", "01"]), "data/year=2022/month=04/date=01/".to_owned());
    assert_eq!(partitions(&workshop, "counties.counties"), [partition]);
}

#[test]
fn requests_lie_by_their_day_in_utc() {
    let line =
        r#"192.0.2.1 - frank [10/Oct/2000:23:55:36 -0700] "GET /a.gif HTTP/1.0" 200 2326 "http://x/" "Mozilla/4.08""#;
    let (_, records) = run("access-logs", &[line.to_owned()]);
    let [(folder, record)] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!(folder, "logs/dt=2000-10-11");
    assert_eq!(record["host"], "192.0.2.1");
    assert_eq!((&record["response"], &record["bytes"]), (&json!(200), &json!(2326)));
    assert!(record["time"].as_str().unwrap().starts_with("2000-10-11T06:55:36"), "{record}");
    assert!(record.get("@timestamp").is_none() && record.get("timezone").is_none(), "{record}");
}

#[test]
fn requests_can_be_delivered_as_csv() {
    let workshop = Workshop::new();
    let line = r#"h - - [10/Oct/2000:13:55:36 +0000] "GET /\"x\" HTTP/1.0" 200 - "-" "a, b""#;
    let arguments = ["--config-env", "access-logs", "--parameter-overrides", "OutputFormat=csv", "-"];
    assert_eq!(workshop.run_with_input(&arguments, line.as_bytes()).status, 0);
    let objects = files(&workshop.path("lake/headgate-access-logs-data-123456789012-eu-west-1/logs/dt=2000-10-10"));
    let [object] = objects.as_slice() else { panic!("{objects:?}") };
    assert!(object.to_str().unwrap().ends_with(".csv.gz"));
    let written = "h,,,GET,\"GET /\"\"x\"\" HTTP/1.0\",200,,,\"a, b\",2000-10-10T13:55:36Z\n";
    assert_eq!(decompress("x.gz", fs::read(object).unwrap()).unwrap(), written.as_bytes());
}

#[test]
fn lines_of_syslog_lie_by_their_day_in_utc() {
    let lines = [
        "<34>1 2026-03-31T23:30:00-02:00 host su 230 ID47 [id@1 a=\"b\"] failed".to_owned(),
        "Jan  1 15:16:01 combo sshd(pam_unix)[19939]: authentication failure".to_owned(),
    ];
    let (_, records) = run("syslog", &lines);
    let folders: Vec<&str> = records.iter().map(|(folder, _)| folder.as_str()).collect();
    assert_eq!(folders, ["logs/dt=2026-01-01", "logs/dt=2026-04-01"]);
    let record = &records[1].1;
    assert_eq!(
        (&record["program"], &record["processid"], &record["msgid"]),
        (&json!("su"), &json!("230"), &json!("ID47"))
    );
    assert!(record.get("structured_data").is_none() && record.get("timestamp").is_none(), "{record}");
}

#[test]
fn without_dynamic_partitioning_time_alone_makes_partitions() {
    let workshop = Workshop::new();
    let line = r#"{"beschrijvende_id":"H101L20","unieke_id":"50","tijd_waarneming":1588065065}"#;
    let arguments = ["--config-env", "traffic", "--parameter-overrides", "FormatConversion=none", "-"];
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
