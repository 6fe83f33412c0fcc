//! SQL over a lake: what Athena would see of it.

use crate::headgate::{Said, Workshop, project};
use local::cli::{self, Console};
use local::compression::Compression;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};

const JSON: &str = "org.openx.data.jsonserde.JsonSerDe";
const CSV: &str = "org.apache.hadoop.hive.serde2.OpenCSVSerde";

/// A lake made by hand.
struct Handmade {
    workshop: Workshop,
    tables: Value,
}

impl Handmade {
    /// With a table `db.t`.
    fn new(columns: Value, partition_keys: Value) -> Self {
        let workshop = Workshop::new();
        let mut lake = Self { workshop, tables: json!({}) };
        lake.table("db.t", columns, partition_keys);
        lake
    }

    /// Adds a table of JSON, which lies in the folder of its bare name.
    fn table(&mut self, name: &str, columns: Value, partition_keys: Value) {
        let list = |columns: Value| -> Vec<Value> {
            let typed = columns.as_object().unwrap().iter();
            typed.map(|(name, hive_type)| json!({ "name": name, "type": hive_type })).collect()
        };
        self.tables[name] = json!({
            "location": format!("s3://bucket/{}/", name.split('.').nth(1).unwrap()),
            "serializationLibrary": JSON,
            "columns": list(columns),
            "partitionKeys": list(partition_keys),
            "partitions": [],
        });
    }

    /// Registers a partition of `db.t`.
    fn partition(&mut self, values: &[&str], folder: &str) -> &mut Self {
        let partition = json!({ "values": values, "location": format!("s3://bucket/{folder}") });
        self.tables["db.t"]["partitions"].as_array_mut().unwrap().push(partition);
        self
    }

    fn object(&mut self, key: &str, bytes: impl AsRef<[u8]>) -> &mut Self {
        let path = self.workshop.path("lake/bucket").join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    fn ask(&self, arguments: &[&str]) -> Said {
        fs::create_dir_all(self.workshop.path("lake")).unwrap();
        let catalog = json!({ "tables": self.tables }).to_string();
        fs::write(self.workshop.path("lake/catalog.json"), catalog).unwrap();
        self.workshop.query(arguments)
    }

    /// The answer to a query, as lines of JSON.
    #[track_caller]
    fn answer(&self, sql: &str) -> String {
        let said = self.ask(&["--format", "json", sql]);
        assert_eq!((said.status, said.errors.as_str()), (0, ""), "{sql}");
        said.output
    }

    /// Asks, and compares the rows.
    #[track_caller]
    fn check(&self, sql: &str, rows: &[Value]) {
        let answer = self.answer(sql);
        let answer: Vec<Value> = answer.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(answer, rows, "{sql}");
    }

    /// The message of a query that has no answer, after its status.
    #[track_caller]
    fn fault(&self, sql: &str) -> String {
        let said = self.ask(&[sql]);
        assert_eq!(said.output, "", "{sql}");
        format!("{} {}", said.status, said.errors.trim_start_matches("headgate: "))
    }
}

/// A table with the partitions `1` and `2` of a month, one record in each.
fn months() -> Handmade {
    let mut lake = Handmade::new(json!({ "a": "string" }), json!({ "month": "int" }));
    for month in ["01", "02"] {
        lake.partition(&[month.trim_start_matches('0')], &format!("t/month={month}/"));
        lake.object(&format!("t/month={month}/x.json"), format!("{{\"a\":\"in {month}\"}}\n"));
    }
    lake
}

#[test]
fn the_sample_is_asked() {
    let workshop = Workshop::new();
    workshop.run(&[]);
    let by_name = |name: &str| {
        let sql = format!("SELECT componentname, count(*) AS records FROM {name} GROUP BY 1 ORDER BY 1");
        let said = workshop.query(&[&sql]);
        assert_eq!((said.status, said.errors.as_str()), (0, ""), "{name}");
        said.output
    };
    let answer = by_name("component_metrics");
    insta::assert_snapshot!(answer, @"
    ┌───────────────────────────┐
    │ componentname     records │
    ╞═══════════════════════════╡
    │ audit-service         500 │
    │ order-service         500 │
    │ payment-service       500 │
    │ user-service          500 │
    └───────────────────────────┘
    ");
    for name in [
        "headgate.component_metrics",
        "HEADGATE.Component_Metrics",
        "\"AwsDataCatalog\".\"Headgate\".\"component_metrics\"",
    ] {
        assert_eq!(by_name(name), answer);
    }
}

#[test]
fn what_is_not_registered_is_not_there() {
    let mut lake = months();
    lake.object("t/month=03/x.json", r#"{"a":"in 03"}"#).object("x.json", "{}").object("t/x.json", "{}");
    let both = [json!({ "a": "in 01", "month": 1 }), json!({ "a": "in 02", "month": 2 })];
    lake.check("SELECT * FROM t ORDER BY month", &both);
    lake.partition(&["3"], "t/month=03");
    lake.check("SELECT a FROM t WHERE month = 3", &[json!({ "a": "in 03" })]);
}

#[test]
fn a_location_is_what_lies_below_it_but_for_hidden_names() {
    let mut lake = months();
    lake.object("t/month=01/deep/er/x.json", r#"{"a":"deeper"}"#);
    for hidden in ["_x.json", ".x.json", "_deep/x.json", ".deep/x.json", "deep/_x.json"] {
        lake.object(&format!("t/month=01/{hidden}"), "not to be read");
    }
    // A marker of a folder has no rows, and what stands beside a location is not in it.
    lake.object("t/month=01/empty.json", "").object("t/month=011/x.json", "not to be read");
    lake.check("SELECT a FROM t WHERE month = 1 ORDER BY 1", &[json!({ "a": "deeper" }), json!({ "a": "in 01" })]);
}

#[test]
fn a_partition_whose_location_is_gone_is_empty() {
    let mut lake = months();
    lake.partition(&["3"], "t/gone/").partition(&["4"], "t/gone/x.json/");
    lake.check("SELECT count(*) AS n FROM t", &[json!({ "n": 2 })]);
    lake.check("SELECT a FROM t WHERE month >= 3", &[]);
}

#[test]
fn a_table_without_partitions_has_no_rows_unless_it_has_no_keys() {
    let mut lake = Handmade::new(json!({ "a": "string" }), json!({ "k": "string" }));
    lake.object("t/x.json", r#"{"a":"x"}"#).object("plain/x.json", r#"{"a":"y"}"#);
    lake.table("db.plain", json!({ "a": "string" }), json!({}));
    lake.check("SELECT * FROM t", &[]);
    lake.check("SELECT count(*) AS n FROM t", &[json!({ "n": 0 })]);
    lake.check("SELECT * FROM plain", &[json!({ "a": "y" })]);
}

#[test]
fn pruned_partitions_are_not_opened() {
    let mut lake = months();
    lake.object("t/month=02/y.json", "no record of anything\n");
    lake.check("SELECT a FROM t WHERE month = 1", &[json!({ "a": "in 01" })]);
    lake.check("SELECT a FROM t WHERE month < 2 AND a LIKE 'in%'", &[json!({ "a": "in 01" })]);
    lake.check("SELECT a FROM t WHERE month IN (1, 7)", &[json!({ "a": "in 01" })]);
    lake.check("SELECT a FROM t WHERE month + 1 BETWEEN 1 AND 2", &[json!({ "a": "in 01" })]);
    lake.check("SELECT a FROM t WHERE month IS NULL", &[]);
    insta::assert_snapshot!(lake.fault("SELECT a FROM t"), @"1 object `t/month=02/y.json`: line 1: Encountered malformed JSON. expected ident at line 1 column 2");
    insta::assert_snapshot!(lake.fault("SELECT count(*) FROM t WHERE month = 1 OR a = 'in 02'"), @"1 object `t/month=02/y.json`: line 1: Encountered malformed JSON. expected ident at line 1 column 2");
}

#[test]
fn partition_columns_stand_last_and_have_their_types() {
    let keys = json!({ "i": "int", "b": "bigint", "d": "date", "t": "timestamp", "n": "decimal(5,2)", "s": "string", "o": "boolean" });
    let mut lake = Handmade::new(json!({ "a": "string" }), keys);
    lake.partition(&["7", "8", "2026-11-21", "2026-11-21 09:30:00", "7.5", "07", "true"], "t/");
    lake.object("t/x", "{}");
    insta::assert_snapshot!(lake.answer("SELECT * FROM t"), @r#"{"a":null,"i":7,"b":8,"d":"2026-11-21","t":"2026-11-21 09:30:00.000","n":7.50,"s":"07","o":true}"#);
    lake.check(
        "SELECT s FROM t WHERE d > date '2026-11-01' AND n > 7 AND o AND t < timestamp '2027-01-01'",
        &[json!({ "s": "07" })],
    );
}

#[test]
fn a_line_that_is_not_json_is_an_error_unless_the_table_ignores_it() {
    let mut lake = Handmade::new(json!({ "a": "string", "n": "int" }), json!({}));
    lake.object("t/x.json", "{\"a\":\"1\"}\n\n{\"a\":\"2\"\n{\"a\":\"3\"}{\"a\":\"beyond\"}\n");
    insta::assert_snapshot!(lake.fault("SELECT a FROM t"), @"1 object `t/x.json`: line 3: Encountered malformed JSON. EOF while parsing an object at line 1 column 8");
    lake.tables["db.t"]["serdeParameters"] = json!({ "ignore.malformed.json": "true" });
    let rows = [json!({ "a": "1" }), json!({ "a": null }), json!({ "a": null }), json!({ "a": "3" })];
    lake.check("SELECT a FROM t", &rows);
    lake.check("SELECT count(*) AS n FROM t", &[json!({ "n": 4 })]);
    lake.object("t/y.json", "{\"a\":\"1\",\"n\":\"many\"}\n");
    // Only what is asked for is looked at.
    lake.check("SELECT count(a) AS n FROM t", &[json!({ "n": 3 })]);
    insta::assert_snapshot!(lake.fault("SELECT n FROM t"), @r#"1 object `t/y.json`: line 1: Data does not match the schema. For input string: "many""#);
}

#[test]
fn json_is_read_by_the_parameters_of_the_table() {
    let mut lake = Handmade::new(json!({ "a": "string", "a_b": "string", "c": "string" }), json!({}));
    lake.object("t/x.json", "{\"A\":\"1\",\"a.b\":\"2\",\"sea\":\"3\"}\n");
    lake.check("SELECT * FROM t", &[json!({ "a": "1", "a_b": null, "c": null })]);
    lake.tables["db.t"]["serdeParameters"] =
        json!({ "case.insensitive": "TRUE", "dots.in.keys": "TRUE", "mapping.c": "sea" });
    lake.check("SELECT * FROM t", &[json!({ "a": "1", "a_b": "2", "c": "3" })]);
    lake.tables["db.t"]["serdeParameters"] = json!({ "case.insensitive": "false" });
    lake.check("SELECT * FROM t", &[json!({ "a": null, "a_b": null, "c": null })]);
}

#[test]
fn nested_values_are_reached() {
    let columns = json!({ "l": "array<int>", "s": "struct<x:int,y:struct<z:string>>", "m": "map<string,int>" });
    let mut lake = Handmade::new(columns, json!({}));
    lake.object("t/x.json", r#"{"l":[1,2],"s":{"x":7,"y":{"z":"deep"}},"m":{"k":9}}"#);
    lake.check(
        "SELECT l[1] AS first, s.x, s.y.z AS z, m['k'] AS k FROM t",
        &[json!({ "first": 1, "t.s[x]": 7, "z": "deep", "k": 9 })],
    );
    lake.check("SELECT UNNEST(l) AS e FROM t", &[json!({ "e": 1 }), json!({ "e": 2 })]);
    insta::assert_snapshot!(lake.answer("SELECT * FROM t"), @r#"{"l":[1,2],"s":{"x":7,"y":{"z":"deep"}},"m":{"k":9}}"#);
    insta::assert_snapshot!(lake.ask(&["SELECT * FROM t"]).output, @"
    ┌────────────────────────────────────────┐
    │ l        s                      m      │
    ╞════════════════════════════════════════╡
    │ [1, 2]   {x: 7, y: {z: deep}}   {k: 9} │
    └────────────────────────────────────────┘
    ");
}

#[test]
fn csv_is_read_by_place() {
    let columns = json!({ "s": "string", "n": "bigint", "d": "date", "t": "timestamp" });
    let mut lake = Handmade::new(columns, json!({}));
    lake.tables["db.t"]["serializationLibrary"] = CSV.into();
    lake.object("t/x.csv", "\"a \"\"b\"\", c\",7,1,1000,beyond\nshort\n");
    let rows = [
        json!({ "s": "a \"b\", c", "n": 7, "d": "1970-01-02", "t": "1970-01-01 00:00:01.000" }),
        json!({ "s": "short", "n": null, "d": null, "t": null }),
    ];
    lake.check("SELECT * FROM t", &rows);
    lake.check("SELECT count(*) AS n FROM t WHERE n = 7", &[json!({ "n": 1 })]);
    // Athena does not read an empty text as a number.
    lake.object("t/y.csv", "x,\n");
    insta::assert_snapshot!(lake.fault("SELECT n FROM t"), @"1 object `t/y.csv`: lines 1 to 1: the column `n` is `bigint`: Cast error: Cannot cast string '' to value of Int64 type");
    lake.check("SELECT count(s) AS n FROM t", &[json!({ "n": 3 })]);
    lake.tables["db.t"]["serdeParameters"] = json!({ "separatorChar": ";" });
    lake.check("SELECT n, s FROM t WHERE s = 'short'", &[json!({ "n": null, "s": "short" })]);
    lake.tables["db.t"]["serdeParameters"] = json!({ "separatorChar": "--" });
    insta::assert_snapshot!(lake.fault("SELECT n FROM t"), @"
    2 this cannot work:
      the table `db.t` cannot be read: its `separatorChar` is `--`, expected one sign of ASCII
    ");
}

#[test]
fn each_system_answers_for_its_sample() {
    for (config_env, table, records) in [
        ("store-inventory", "conversion_table", 1_500),
        ("traffic", "measurements", 35),
        ("counties", "counties", 588),
        ("access-logs", "requests", 3_000),
        ("syslog", "messages", 1_000),
    ] {
        let workshop = Workshop::new();
        assert_eq!(workshop.run(&["--config-env", config_env]).status, 0);
        let count = workshop.query(&["--format", "csv", &format!("SELECT count(*) AS n FROM {table}")]);
        assert_eq!((count.status, count.output), (0, format!("n\n{records}\n")), "{config_env}");
        // All columns of all objects can be read.
        let all = workshop.query(&["--format", "json", &format!("SELECT * FROM {table}")]);
        assert_eq!((all.status, all.output.lines().count()), (0, records), "{config_env}: {}", all.errors);
    }
}

#[test]
fn compressed_objects_are_read_by_the_ends_of_their_keys() {
    let mut lake = Handmade::new(json!({ "a": "string" }), json!({}));
    let gzip = Compression::Gzip.compress(b"{\"a\":\"x\"}\n".to_vec(), |_| String::new()).unwrap();
    lake.object("t/x.json.gz", &gzip);
    lake.check("SELECT a FROM t", &[json!({ "a": "x" })]);
    lake.object("t/y.gz", "not gzip");
    insta::assert_snapshot!(lake.fault("SELECT a FROM t"), @"1 object `t/y.gz`: unexpected end of file");
}

#[test]
fn queries_of_most_kinds_are_read() {
    let lake = months();
    let rows = [json!({ "n": 1 }), json!({ "n": 2 })];
    for sql in [
        "WITH x AS (SELECT month FROM t) SELECT x.month AS n FROM x JOIN t ON x.month = t.month ORDER BY 1",
        "SELECT row_number() OVER (ORDER BY month) AS n FROM t",
        "SELECT try_cast(month AS bigint) AS n FROM t ORDER BY n OFFSET 0 LIMIT 5",
        "(SELECT 1 AS n UNION SELECT 2) EXCEPT SELECT 3 ORDER BY 1",
        "SELECT month AS n FROM t GROUP BY GROUPING SETS ((month), ()) HAVING month IS NOT NULL ORDER BY 1",
        "SELECT * FROM (VALUES (1), (2)) AS v(n) WHERE EXISTS (SELECT 1 FROM t WHERE month = n)",
    ] {
        lake.check(sql, &rows);
    }
    lake.check(
        "SELECT n FROM (VALUES (NULL), (1)) AS v(n) ORDER BY n DESC",
        &[json!({ "n": 1 }), json!({ "n": null })],
    );
    assert!(lake.answer("EXPLAIN SELECT a FROM t WHERE month = 1").contains("StreamingTableExec"));
    let absent =
        ["SELECT json_extract('{}', '$.a')", "SELECT json_extract_scalar('{}', '$.a')", "SELECT json_parse('{}')"];
    for sql in absent.iter().chain(&["SELECT e FROM t CROSS JOIN UNNEST(array[month]) AS u(e)"]) {
        assert_eq!(lake.ask(&[sql]).status, 2, "{sql}");
    }
}

#[test]
fn answers_have_three_formats() {
    let mut lake = Handmade::new(json!({ "s": "string", "n": "double", "t": "timestamp" }), json!({}));
    lake.object("t/x.json", "{\"s\":\"a\\u001b[31m, \\\"b\\\"\",\"n\":1.5,\"t\":\"2026-11-21 09:30:00\"}\n{}\n");
    let sql = "SELECT s, n, t, 12345678901234567 AS big, cast(1.50 AS decimal(5,2)) AS dec FROM t";
    insta::assert_snapshot!(lake.ask(&[sql]).output, @r#"
    ┌──────────────────────────────────────────────────────────────────────────────┐
    │ s                     n   t                                       big    dec │
    ╞══════════════════════════════════════════════════════════════════════════════╡
    │ a\u{1b}[31m, "b"    1.5   2026-11-21 09:30:00.000   12345678901234567   1.50 │
    │ NULL               NULL   NULL                      12345678901234567   1.50 │
    └──────────────────────────────────────────────────────────────────────────────┘
    "#);
    insta::assert_snapshot!(lake.ask(&["--format", "csv", sql]).output, @r#"
    s,n,t,big,dec
    "a[31m, ""b""",1.5,2026-11-21 09:30:00.000,12345678901234567,1.50
    ,,,12345678901234567,1.50
    "#);
    insta::assert_snapshot!(lake.ask(&["--format", "json", sql]).output, @r#"
    {"s":"a\u001b[31m, \"b\"","n":1.5,"t":"2026-11-21 09:30:00.000","big":12345678901234567,"dec":1.50}
    {"s":null,"n":null,"t":null,"big":12345678901234567,"dec":1.50}
    "#);
    let none = format!("{sql} WHERE s = 'none'");
    insta::assert_snapshot!(lake.ask(&[&none]).output, @"
    ┌───────────────────────┐
    │ s   n   t   big   dec │
    ╞═══════════════════════╡
    └───────────────────────┘
    ");
    assert_eq!(lake.ask(&["--format", "csv", &none]).output, "s,n,t,big,dec\n");
    assert_eq!(lake.ask(&["--format", "json", &none]).output, "");
}

#[test]
fn a_long_answer_is_whole_but_as_a_table() {
    let lake = Handmade::new(json!({}), json!({}));
    let sql = "SELECT value FROM generate_series(1, 20000)";
    let answer = lake.answer(sql);
    assert_eq!(answer.lines().count(), 20_000);
    let table = lake.ask(&[sql]).output;
    assert_eq!(table.lines().count(), 1_000 + 5);
    insta::assert_snapshot!(table.lines().last().unwrap(), @"… and 19,000 more rows, all by `--format csv` or `json`");
}

/// A reader that has seen enough.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let lake = months();
    assert_eq!(lake.ask(&["SELECT 1"]).status, 0);
    let folder = lake.workshop.path("lake");
    for format in ["table", "csv", "json"] {
        let arguments =
            ["headgate", "query", "--lake", folder.to_str().unwrap(), "--format", format, "SELECT * FROM t"];
        let mut errors = Vec::new();
        let console = Console { input: Box::new(io::empty()), output: &mut Closed, errors: &mut errors };
        assert_eq!(cli::main(arguments.map(Into::into), console), 0, "{format}");
        assert_eq!(errors, b"", "{format}");
    }
}

#[test]
fn names_have_no_case_and_the_only_database_is_the_default_one() {
    let mut lake = months();
    let rows = [json!({ "a": "in 01" })];
    for sql in [
        "SELECT A FROM T WHERE Month = 1",
        "SELECT \"A\" FROM \"DB\".\"T\" WHERE \"MONTH\" = 1",
        "select x.a from Db.t as X where month = 1",
    ] {
        lake.check(sql, &rows);
    }
    lake.check("SELECT 'It''s \"A\" -- no comment' AS \"T\" -- \"a\n", &[json!({ "t": "It's \"A\" -- no comment" })]);
    lake.table("other.u", json!({ "a": "string" }), json!({}));
    insta::assert_snapshot!(lake.fault("SELECT a FROM t"), @"
    2 this cannot work:
      there is no table `t`, expected one of `db.t`, `other.u`
    ");
    lake.check("SELECT t.a FROM db.t LEFT JOIN other.u ON t.a = u.a WHERE month = 1", &rows);
}

#[test]
fn tables_and_columns_are_listed() {
    let lake = months();
    insta::assert_snapshot!(lake.ask(&["SHOW TABLES"]).output, @"
    ┌──────────────────┐
    │ database   table │
    ╞══════════════════╡
    │ db         t     │
    └──────────────────┘
    ");
    insta::assert_snapshot!(lake.ask(&["DESCRIBE t"]).output, @"
    ┌───────────────────────────────────────┐
    │ column_name   data_type   is_nullable │
    ╞═══════════════════════════════════════╡
    │ a             Utf8        YES         │
    │ month         Int32       YES         │
    └───────────────────────────────────────┘
    ");
    lake.check(
        "SELECT column_name FROM information_schema.columns WHERE table_name = 't' ORDER BY ordinal_position",
        &[json!({ "column_name": "a" }), json!({ "column_name": "month" })],
    );
}

#[test]
fn nothing_is_written() {
    let lake = months();
    assert_eq!(lake.ask(&["SELECT 1"]).status, 0);
    let before = crate::headgate::files(&lake.workshop.path(""));
    for sql in [
        "CREATE TABLE x AS SELECT 1",
        "CREATE VIEW x AS SELECT 1",
        "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/tmp'",
        "INSERT INTO t VALUES ('x', 1)",
        "COPY t TO 'DIR/x.csv'",
        "COPY (SELECT 1) TO 'DIR/x.csv' STORED AS CSV",
        "DROP TABLE t",
        "DELETE FROM t",
        "UPDATE t SET a = 'x'",
        "TRUNCATE TABLE t",
        "ALTER TABLE t ADD COLUMN x int",
        "SET datafusion.execution.batch_size = 1",
        "EXPLAIN ANALYZE COPY t TO 'DIR/x.csv'",
        "EXPLAIN CREATE TABLE x AS SELECT 1",
        "PREPARE p AS SELECT 1",
        "WITH x AS (SELECT 1) INSERT INTO t SELECT 'x', 1",
    ] {
        let fault = lake.fault(sql);
        assert!(fault.starts_with("2 this cannot work:\n  ") && fault.contains("is no query"), "{sql}: {fault}");
    }
    insta::assert_snapshot!(lake.fault("insert into t values (1)"), @"
    2 this cannot work:
      `INSERT` is no query, expected `SELECT …`: a lake is only read
    ");
    assert_eq!(crate::headgate::files(&lake.workshop.path("")), before);
}

#[test]
fn errors_of_queries() {
    let lake = months();
    insta::assert_snapshot!(lake.fault("SELECT * FROM x"), @"
    2 this cannot work:
      there is no table `x`, expected one of `db.t`
    ");
    insta::assert_snapshot!(lake.fault("SELECT * FROM db.\"X\""), @"
    2 this cannot work:
      there is no table `db.x`, expected one of `db.t`
    ");
    insta::assert_snapshot!(lake.fault("SELECT b FROM t"), @"
    2 this cannot work:
      there is no column `b`, expected one of `a`, `month`
    ");
    insta::assert_snapshot!(lake.fault("SELECT u.b FROM t AS u WHERE a = 1"), @"
    2 this cannot work:
      there is no column `u.b`, expected one of `a`, `month`
    ");
    insta::assert_snapshot!(lake.fault("SELECT a FROM\n  t WHER month = 1"), @"
    2 this cannot work:
      the query cannot be read: expected: end of statement, found: month at Line: 2, Column: 10
    ");
    insta::assert_snapshot!(lake.fault("SELECT FROM WHERE"), @"
    2 this cannot work:
      there is no table `where`, expected one of `db.t`
    ");
    insta::assert_snapshot!(lake.fault("SELECT 'a"), @"
    2 this cannot work:
      the query cannot be read: unterminated string literal at Line: 1, Column: 8
    ");
    insta::assert_snapshot!(lake.fault(""), @"
    2 this cannot work:
      no SQL statements were provided in the query string
    ");
    insta::assert_snapshot!(lake.fault("SELECT 1; SELECT 2"), @"
    2 this cannot work:
      there are several statements, expected one query
    ");
    insta::assert_snapshot!(lake.fault("SELECT a, count(*) FROM t"), @r#"
    2 this cannot work:
      column in SELECT must be in GROUP BY or an aggregate function: While expanding wildcard, column "t.a" must appear in the GROUP BY clause or must be part of an aggregate function, currently only "count(Int64(1))" appears in the SELECT clause satisfies this requirement
    "#);
    insta::assert_snapshot!(lake.fault("SELECT no_function(a) FROM t"), @"
    2 this cannot work:
      invalid function 'no_function'
    ");
    insta::assert_snapshot!(lake.fault("SELECT a + interval '1' day FROM t"), @"
    2 this cannot work:
      cannot coerce arithmetic expression Utf8 + Interval(MonthDayNano) to valid types
    ");
    insta::assert_snapshot!(lake.fault("SELECT 1 / (month - month) FROM t"), @"1 divide by zero error");
    insta::assert_snapshot!(lake.fault("SELECT cast(a AS int) FROM t WHERE month = 1"), @"1 cast error: Cannot cast string 'in 01' to value of Int32 type");
}

#[test]
fn errors_of_lakes() {
    let mut lake = months();
    lake.tables["db.t"]["serializationLibrary"] = "org.apache.hadoop.hive.ql.io.orc.OrcSerde".into();
    lake.table("db.u", json!({ "a": "text" }), json!({}));
    lake.table("db.v", json!({ "a": "string" }), json!({}));
    lake.tables["db.v"]["location"] = "v/".into();
    lake.table("db.w", json!({ "a": "string" }), json!({ "k": "double" }));
    insta::assert_snapshot!(lake.fault("SELECT * FROM t"), @"
    2 this cannot work:
      the table `db.t` cannot be read: its objects are read by `org.apache.hadoop.hive.ql.io.orc.OrcSerde`, expected one of `org.openx.data.jsonserde.JsonSerDe`, `org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe`, `org.apache.hadoop.hive.serde2.OpenCSVSerde`
    ");
    insta::assert_snapshot!(lake.fault("SELECT * FROM u"), @"
    2 this cannot work:
      the table `db.u` cannot be read: the type of the column `a`: `text` is not a Hive type, expected one of `boolean tinyint smallint int bigint float double decimal(p,s) string char(n) varchar(n) binary date timestamp array<…> map<…,…> struct<…:…>`
    ");
    insta::assert_snapshot!(lake.fault("SELECT * FROM v"), @"1 the table `db.v` cannot be read: the location is `v/`, expected `s3://BUCKET/PREFIX/`");
    insta::assert_snapshot!(lake.fault("SELECT * FROM w"), @"
    2 this cannot work:
      the table `db.w` cannot be read: the partition column `k` is of the type `double`, expected one of `string char(n) varchar(n) boolean tinyint smallint int bigint decimal(p,s) date timestamp`
    ");
    let nowhere = Workshop::new().query(&["SELECT 1"]);
    assert_eq!(nowhere.status, 2);
    insta::assert_snapshot!(nowhere.errors, @"
    headgate: this cannot work:
      `DIR/lake` is no lake, expected one that `headgate run` has made
    ");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// What a query of DataFusion sees is what a reading of all lines says.
    #[test]
    fn counts_and_sums_are_those_of_the_lines(
        records in proptest::collection::vec((0_i32..5, 0_usize..3, proptest::option::of(-1_000_i64..1_000)), 0..60),
        registered in proptest::collection::btree_set(0_i32..5, 0..5),
        least in 0_i32..5,
    ) {
        let mut lake = Handmade::new(json!({ "n": "bigint" }), json!({ "k": "int" }));
        let mut objects: BTreeMap<String, String> = BTreeMap::new();
        let mut expected: BTreeMap<i32, (i64, Option<i64>)> = BTreeMap::new();
        for (k, object, n) in records {
            let line = n.map_or_else(|| "{}\n".to_owned(), |n| format!("{{\"N\":{n}}}\n"));
            objects.entry(format!("t/{k}/{object}.json")).or_default().push_str(&line);
            if registered.contains(&k) && k >= least {
                let (count, sum) = expected.entry(k).or_default();
                *count += 1;
                *sum = sum.map_or(n, |sum| Some(sum + n.unwrap_or_default()));
            }
        }
        for (key, text) in &objects {
            lake.object(key, text);
        }
        for k in &registered {
            lake.partition(&[&k.to_string()], &format!("t/{k}/"));
        }
        let rows: Vec<Value> =
            expected.iter().map(|(k, (count, sum))| json!({ "k": k, "count": count, "sum": sum })).collect();
        let sql = format!("SELECT k, count(*) AS count, sum(n) AS sum FROM t WHERE k >= {least} GROUP BY k ORDER BY k");
        lake.check(&sql, &rows);
    }
}

/// Each command of the page, and each expression of its tables, does what the page says.
#[test]
fn the_page_says_what_is() {
    let page = fs::read_to_string(project().join("docs/query.md")).unwrap();
    let workshop = Workshop::new();
    workshop.run(&[]);
    let mut commands = 0;
    for block in page.split("```text\n").skip(1) {
        let block = block.split("```").next().unwrap();
        let (command, expected) = block.split_once('\n').unwrap();
        let sql = command.strip_prefix("$ headgate query ").unwrap();
        let (options, sql) = sql.split_once('"').unwrap();
        let options: Vec<&str> = options.split_whitespace().collect();
        let said = workshop.query(&[&options[..], &[sql.strip_suffix('"').unwrap()]].concat());
        assert_eq!(said.output + &said.errors, expected, "{command}");
        commands += 1;
    }
    assert!(commands > 3, "{commands}");
    let mut expressions = 0;
    let value = |expression: &str| workshop.query(&["--format", "csv", &format!("SELECT {expression} AS value")]);
    let unquoted = |cell: &str| cell.trim().trim_matches('`').replace("\\|", "|");
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<String> = line.trim_matches('|').split(" | ").map(unquoted).collect();
        match cells.as_slice() {
            // Works as it is.
            [expression, expected] => {
                let said = value(expression);
                assert_eq!((said.output, said.errors), (format!("value\n{expected}\n"), String::new()), "{expression}");
            }
            // Is written otherwise.
            [athena, here, expected] => {
                assert_ne!(value(athena).output, format!("value\n{expected}\n"), "{athena} works");
                let said = value(here);
                assert_eq!((said.output, said.errors), (format!("value\n{expected}\n"), String::new()), "{here}");
            }
            other => panic!("{other:?}"),
        }
        expressions += 1;
    }
    assert!(expressions > 20, "{expressions}");
}
