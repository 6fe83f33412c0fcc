use super::*;
use arrow_json::{LineDelimitedWriter, ReaderBuilder, WriterBuilder};
use proptest::prelude::*;
use serde_json::{Value, json};

fn columns(types: &[(&str, &str)]) -> Vec<Column> {
    types.iter().map(|(name, hive_type)| Column { name: (*name).into(), hive_type: (*hive_type).into() }).collect()
}

fn reader(types: &[(&str, &str)], options: &OpenXOptions) -> OpenX {
    OpenX::new(&columns(types), options).unwrap()
}

/// The rows of a batch as JSON, nulls left out.
fn rows(open_x: &mut OpenX) -> String {
    let Some(batch) = open_x.finish().unwrap() else { return String::new() };
    let mut writer = LineDelimitedWriter::new(Vec::new());
    writer.write(&batch).unwrap();
    String::from_utf8(writer.into_inner()).unwrap().trim_end().to_owned()
}

/// What records become, under options of their own.
#[track_caller]
fn read_by(options: &OpenXOptions, types: &[(&str, &str)], record: &str) -> String {
    let mut open_x = reader(types, options);
    match open_x.push(record.as_bytes()) {
        Ok(count) => {
            let rows = rows(&mut open_x);
            assert_eq!(rows.lines().count(), count);
            rows
        }
        Err(Malformed { code, message }) => {
            assert_eq!(rows(&mut open_x), "", "it left something");
            format!("{}: {message}", code.strip_prefix("DataFormatConversion.").unwrap())
        }
    }
}

#[track_caller]
fn read(types: &[(&str, &str)], record: &str) -> String {
    read_by(&OpenXOptions::default(), types, record)
}

/// What a value becomes in a column of this type.
#[track_caller]
fn value(hive_type: &str, value: &str) -> String {
    let row = read(&[("v", hive_type)], &format!("{{\"v\":{value}}}"));
    match row.strip_prefix("{\"v\":").and_then(|row| row.strip_suffix('}')) {
        Some(value) => value.to_owned(),
        None if row == "{}" => "null".into(),
        None => row,
    }
}

#[track_caller]
fn check(hive_type: &str, cases: &[(&str, &str)]) {
    for (given, expected) in cases {
        assert_eq!(value(hive_type, given), *expected, "`{given}` as {hive_type}");
    }
}

/// Values that fail their record, each told as the text that it is.
#[track_caller]
fn check_unreadable(hive_type: &str, values: &[&str]) {
    for given in values {
        let text = given.trim_matches('"');
        let expected = format!("MalformedData: Data does not match the schema. For input string: \"{text}\"");
        assert_eq!(value(hive_type, given), expected);
    }
}

#[test]
fn names_are_compared_without_case_at_every_depth() {
    let types = [("componentname", "string"), ("at", "struct<x:int,innerList:array<struct<y:int>>>")];
    let record = r#"{"ComponentName": "engine", "AT": {"X": 1, "InnerList": [{"Y": 2}]}}"#;
    insta::assert_snapshot!(read(&types, record), @r#"{"componentname":"engine","at":{"x":1,"innerlist":[{"y":2}]}}"#);
    let exact = OpenXOptions { case_insensitive: false, ..OpenXOptions::default() };
    insta::assert_snapshot!(read_by(&exact, &[("a", "int"), ("b", "int")], r#"{"A": 1, "a": 2, "B": 3}"#), @r#"{"a":2}"#);
    insta::assert_snapshot!(read(&[("größe", "int")], r#"{"GRÖSSE": 1, "GRÖẞE": 2, "Größe": 3}"#), @r#"MalformedData: Data does not match the schema. Duplicate key "größe""#);
}

#[test]
fn what_is_missing_is_null_and_what_is_unknown_is_dropped() {
    let types = [("a", "int"), ("b", "string")];
    insta::assert_snapshot!(read(&types, r#"{"b": null, "c": [1, {"d": 2}], "a": 1}"#), @r#"{"a":1}"#);
    insta::assert_snapshot!(read(&types, "{}"), @"{}");
}

#[test]
fn a_name_of_json_can_stand_for_a_column() {
    let options = OpenXOptions {
        column_to_json_key: BTreeMap::from([("ts".into(), "Timestamp".into()), ("x".into(), "y".into())]),
        ..OpenXOptions::default()
    };
    let types = [("ts", "string"), ("x", "int"), ("in", "struct<x:int>")];
    let record = r#"{"timestamp": "now", "ts": "never", "x": 1, "Y": 2, "in": {"y": 3, "x": 4}}"#;
    insta::assert_snapshot!(read_by(&options, &types, record), @r#"{"ts":"now","x":2,"in":{"x":3}}"#);
}

#[test]
fn a_name_of_json_can_stand_for_several_columns() {
    let options =
        OpenXOptions { column_to_json_key: BTreeMap::from([("a".into(), "b".into())]), ..OpenXOptions::default() };
    let record = r#"{"a": 1, "B": 2}"#;
    insta::assert_snapshot!(read_by(&options, &[("a", "int"), ("b", "string")], record), @r#"{"a":2,"b":"2"}"#);
}

#[test]
fn dots_in_names_can_stand_for_underscores() {
    let options = OpenXOptions { dots_to_underscores: true, ..OpenXOptions::default() };
    let types = [("a_b_c", "int"), ("d_e", "int")];
    insta::assert_snapshot!(read_by(&options, &types, r#"{"A.b.c": 1, "d.e": 2, "d_e": 3}"#), @r#"{"a_b_c":1,"d_e":3}"#);
    insta::assert_snapshot!(read(&types, r#"{"a.b.c": 1, "d.e": 2}"#), @"{}");
}

#[test]
fn a_name_comes_once() {
    insta::assert_snapshot!(read(&[("a", "int")], r#"{"a": 1, "A": 1}"#), @r#"MalformedData: Data does not match the schema. Duplicate key "a""#);
    insta::assert_snapshot!(read(&[("a", "int")], r#"{"x": 1, "a": 2, "X": null}"#), @r#"MalformedData: Data does not match the schema. Duplicate key "x""#);
    insta::assert_snapshot!(value("map<string,int>", r#"{"k": 1, "K": 2}"#), @r#"MalformedData: Data does not match the schema. Duplicate key "k""#);
    // What no column asks for is not looked into.
    insta::assert_snapshot!(read(&[("a", "int")], r#"{"x": {"y": 1, "y": 2}, "a": 2}"#), @r#"{"a":2}"#);
}

#[test]
fn numbers_are_read_out_of_strings() {
    check("int", &[("12", "12"), ("\"12\"", "12"), ("\"-0\"", "0"), ("-0", "0"), ("\"+7\"", "7"), ("\"0x1F\"", "31")]);
    check_unreadable("int", &["\"oops\"", "5.0", "1e3", "true", "\" 12\"", "\"\"", "\"12\u{660}\""]);
    check(
        "double",
        &[("1", "1.0"), ("\"1.5\"", "1.5"), ("\" .5 \"", "0.5"), ("\"1.\"", "1.0"), ("\"1e300\"", "1.0e300")],
    );
    check_unreadable("double", &["\"\"", "\"e5\"", "\"1,5\"", "false", "\"infinity\"", "\"nan\""]);
    check("float", &[("0.1", "0.1"), ("\"16777217\"", "16777216.0"), ("3.4e38", "3.4e38")]);
}

#[test]
fn whole_numbers_have_their_range() {
    check("tinyint", &[("127", "127"), ("-128", "-128")]);
    check_unreadable("tinyint", &["128", "\"-129\""]);
    check("smallint", &[("-32768", "-32768")]);
    check_unreadable("smallint", &["32768"]);
    check("int", &[("2147483647", "2147483647")]);
    check_unreadable("int", &["2147483648", "-2147483649"]);
    check(
        "bigint",
        &[("9223372036854775807", "9223372036854775807"), ("-9223372036854775808", "-9223372036854775808")],
    );
    check_unreadable("bigint", &["9223372036854775808", "123456789012345678901234567890"]);
}

#[test]
fn floats_beyond_their_range_are_infinite() {
    // JSON has no such values: the writer of these tests leaves them out.
    let batch = |hive_type: &str, value: &str| {
        let mut open_x = reader(&[("v", hive_type)], &OpenXOptions::default());
        open_x.push(format!("{{\"v\":{value}}}").as_bytes()).unwrap();
        format!("{:?}", open_x.finish().unwrap().unwrap().column(0)).split_whitespace().nth(2).unwrap().replace(',', "")
    };
    assert_eq!(batch("double", "1e999"), "inf");
    assert_eq!(batch("double", "\"-1e999\""), "-inf");
    assert_eq!(batch("double", "\"NaN\""), "NaN");
    assert_eq!(batch("double", "\"-Infinity\""), "-inf");
    assert_eq!(batch("float", "1e39"), "inf");
    assert_eq!(batch("double", "1e39"), "1e39");
}

#[test]
fn decimals_are_rounded_to_their_scale() {
    check(
        "decimal(5,2)",
        &[
            ("1.005", "1.01"),
            ("\"-1.005\"", "-1.01"),
            ("999.99", "999.99"),
            ("1e2", "100.00"),
            ("12345e-2", "123.45"),
            ("0.004", "0.00"),
            ("0.005", "0.01"),
            ("1e-99999999999", "0.00"),
            ("0e99999999999", "0.00"),
            ("\".5\"", "0.50"),
            ("\"+00012.\"", "12.00"),
        ],
    );
    check_unreadable(
        "decimal(5,2)",
        &["1000", "999.995", "1e99999999999", "\"\"", "\".\"", "\"1e\"", "true", "\"NaN\""],
    );
    check("decimal(38,0)", &[("-99999999999999999999999999999999999999", "-99999999999999999999999999999999999999")]);
    check_unreadable("decimal(38,0)", &["100000000000000000000000000000000000000"]);
    check(
        "decimal(38,38)",
        &[("0.12345678901234567890123456789012345678", "0.12345678901234567890123456789012345678")],
    );
    check("decimal", &[("2.5", "3")]);
}

#[test]
fn what_is_no_string_is_one_as_it_was_written() {
    check(
        "string",
        &[
            ("\"a\\u00e9\\n\\\"\"", "\"aé\\n\\\"\""),
            ("1.50", "\"1.50\""),
            ("12345678901234567890", "\"12345678901234567890\""),
            ("1e999", "\"1e999\""),
            ("true", "\"true\""),
            ("\"\"", "\"\""),
        ],
    );
}

#[test]
fn objects_and_arrays_are_strings_with_names_in_lower_case() {
    let nested = r#"{"Key" : [ {"Äb\u0043": "Value: {A}", "Q\"": 1.50} , null ], "b": {}}"#;
    insta::assert_snapshot!(value("string", nested), @r#""{\"key\":[{\"äbc\":\"Value: {A}\",\"q\\\"\":1.50},null],\"b\":{}}""#);
    insta::assert_snapshot!(value("string", "[ 1 , \"A : B\" ]"), @r#""[1,\"A : B\"]""#);
    let exact = OpenXOptions { case_insensitive: false, ..OpenXOptions::default() };
    insta::assert_snapshot!(read_by(&exact, &[("v", "string")], r#"{"v": {"Key": 1}}"#), @r#"{"v":"{\"Key\":1}"}"#);
}

#[test]
fn strings_with_a_limit_are_cut() {
    check("varchar(3)", &[("\"äöü\"", "\"äöü\""), ("\"äöüß\"", "\"äöü\""), ("12345", "\"123\"")]);
    check("char(1)", &[("\"ab\"", "\"a\""), ("\"\"", "\"\"")]);
    check("map<varchar(2),int>", &[("{\"abc\": 1}", "{\"ab\":1}")]);
}

#[test]
fn lone_surrogates_are_question_marks() {
    check("string", &[(r#""a\ud800b""#, "\"a?b\""), (r#""\ud83d\ude00""#, "\"😀\""), (r#""\ude00\ud83d""#, "\"??\"")]);
    insta::assert_snapshot!(read(&[("a?", "int")], r#"{"a\udfff": 1}"#), @r#"{"a?":1}"#);
}

#[test]
fn booleans_are_true_or_else_false() {
    check(
        "boolean",
        &[("true", "true"), ("false", "false"), ("\"TRUE\"", "true"), ("\"yes\"", "false"), ("1", "false")],
    );
    insta::assert_snapshot!(value("boolean", "{}"), @"MalformedData: Data does not match the schema. A value is required, not an object.");
}

#[test]
fn days_are_those_of_the_calendar() {
    check(
        "date",
        &[
            ("\"2026-11-21\"", "\"2026-11-21\""),
            ("\"2024-2-9\"", "\"2024-02-09\""),
            ("\"0001-01-01\"", "\"0001-01-01\""),
        ],
    );
    check_unreadable(
        "date",
        &["\"2023-02-29\"", "\"2026-13-01\"", "\"26-1-1\"", "\"2026-011-1\"", "\"2026-1-1-1\"", "20261121", "\"\""],
    );
}

#[test]
fn moments_are_read_in_two_patterns() {
    check(
        "timestamp",
        &[
            ("\"2026-11-21 09:30:00\"", "\"2026-11-21T09:30:00\""),
            ("\"2026-1-2 3:4:5.25\"", "\"2026-01-02T03:04:05.250\""),
            ("\"2026-11-21T09:30:00Z\"", "\"2026-11-21T09:30:00\""),
            ("\"2026-11-21T09:30:00.123456789\"", "\"2026-11-21T09:30:00.123456789\""),
        ],
    );
    check_unreadable(
        "timestamp",
        &[
            "\"2026-9-7T12:00:02Z\"",
            "\"2026-11-21T9:30:00Z\"",
            "\"2026-11-21T09:30:00+01:00\"",
            "\"2026-11-21 09:30\"",
            "\"2026-11-21 09:30:00Z\"",
            "\"2026-11-21 09:30:00.\"",
            "\"2026-11-21 09:30:00.1234567890\"",
            "\"2026-02-30 09:30:00\"",
            "\"2026-11-21 24:00:00\"",
            "\"2026-11-21\"",
            "\"\"",
            "true",
        ],
    );
}

#[test]
fn moments_are_numbers_of_seconds_or_milliseconds() {
    check(
        "timestamp",
        &[
            ("0", "\"1970-01-01T00:00:00\""),
            ("1518033528", "\"2018-02-07T19:58:48\""),
            ("\"1518033528\"", "\"2018-02-07T19:58:48\""),
            ("1518033528.5", "\"2018-02-07T19:58:48.500\""),
            ("1518033528123", "\"2018-02-07T19:58:48.123\""),
            ("1.518033528123e12", "\"2018-02-07T19:58:48.123\""),
            ("-1", "\"1969-12-31T23:59:59\""),
            ("1000000000000", "\"2001-09-09T01:46:40\""),
            // As AWS does: the nanoseconds do not fit into 64 bits.
            ("999999999999", "\"2092-10-26T00:40:18.684212736\""),
        ],
    );
}

#[test]
fn what_is_no_array_is_one_of_it_alone() {
    check(
        "array<int>",
        &[
            ("[1, \"2\", null]", "[1,2,null]"),
            ("[]", "[]"),
            ("7", "[7]"),
            ("\"7\"", "[7]"),
            ("\"\"", "null"),
            ("null", "null"),
        ],
    );
    check("array<struct<a:int>>", &[("{\"A\": 1}", "[{\"a\":1}]")]);
    check("array<array<string>>", &[("[[], \"x\", [1]]", "[[],[\"x\"],[\"1\"]]")]);
    check_unreadable("array<int>", &["\"x\""]);
}

#[test]
fn an_array_is_a_struct_by_place() {
    check(
        "struct<a:int,b:string>",
        &[("[1, \"x\", 3]", "{\"a\":1,\"b\":\"x\"}"), ("[\"1\"]", "{\"a\":1}"), ("[]", "{}"), ("\" \"", "null")],
    );
    insta::assert_snapshot!(value("struct<a:int>", "\"x\""), @"MalformedData: Data does not match the schema. Data is not JSONObject  but java.lang.String with value x");
    insta::assert_snapshot!(value("struct<a:int>", "5"), @"MalformedData: Data does not match the schema. Data is not JSONObject  but java.lang.String with value 5");
    insta::assert_snapshot!(value("struct<a:int>", "true"), @"MalformedData: Data does not match the schema. Data is not JSONObject  but java.lang.Boolean with value true");
}

#[test]
fn maps_have_keys_in_lower_case() {
    check("map<string,double>", &[("{\"A\": \"1.5\", \"b\": null}", "{\"a\":1.5}"), ("{}", "{}"), ("\"\"", "null")]);
    let exact = OpenXOptions { case_insensitive: false, ..OpenXOptions::default() };
    insta::assert_snapshot!(read_by(&exact, &[("v", "map<string,int>")], r#"{"v": {"A": 1, "a": 2}}"#), @r#"{"v":{"A":1,"a":2}}"#);
    insta::assert_snapshot!(value("map<string,int>", "[1]"), @"MalformedData: Data does not match the schema. Data is not JSONObject  but org.openx.data.jsonserde.json.JSONArray with value [1]");
}

#[test]
fn binary_values_are_in_base64() {
    check("binary", &[("\"AP9/\"", "\"00ff7f\""), ("\"\"", "\"\"")]);
    check_unreadable("binary", &["\"!\""]);
}

#[test]
fn a_record_may_hold_several_documents() {
    insta::assert_snapshot!(read(&[("a", "int")], "{\"a\":1}{\"a\":2}\n {\"a\":3} \n"), @r#"
    {"a":1}
    {"a":2}
    {"a":3}
    "#);
    insta::assert_snapshot!(read(&[("a", "int")], r#"{"a":1}{"a":"x"}"#), @r#"MalformedData: Data does not match the schema. For input string: "x""#);
}

#[test]
fn what_is_no_object_is_no_row() {
    let read = |record| read(&[("a", "int")], record);
    insta::assert_snapshot!(read(""), @"MalformedData: The record was empty or contained only whitespace.");
    insta::assert_snapshot!(read(" \n"), @"MalformedData: The record was empty or contained only whitespace.");
    insta::assert_snapshot!(read("5"), @"MalformedData: Data does not match the schema. A JSON object is required: invalid type: integer `5`, expected an object at line 1 column 1");
    insta::assert_snapshot!(read(r#"[{"a":1}]"#), @"MalformedData: Data does not match the schema. A JSON object is required: invalid type: sequence, expected an object at line 1 column 0");
    insta::assert_snapshot!(read(r#"{"a":1"#), @"ParseError: Encountered malformed JSON. EOF while parsing an object at line 1 column 6");
    insta::assert_snapshot!(read(r#"{"a":01}"#), @"ParseError: Encountered malformed JSON. invalid number at line 1 column 7");
    insta::assert_snapshot!(read(r#"{"a":1} x"#), @"ParseError: Encountered malformed JSON. expected value at line 1 column 9");
    let mut open_x = reader(&[("a", "int")], &OpenXOptions::default());
    insta::assert_snapshot!(open_x.push(b"{\"a\":\"\xff\"}").unwrap_err(), @"The record is not UTF-8: invalid utf-8 sequence of 1 bytes from index 6");
}

#[test]
fn types_that_hive_does_not_have_are_refused() {
    let refused = |hive_type: &str| {
        OpenX::new(&columns(&[("a", "int"), ("b", hive_type)]), &OpenXOptions::default()).unwrap_err()
    };
    insta::assert_snapshot!(refused("set<string>"), @"the type of the column `b`: `set` is not a Hive type, expected one of `boolean tinyint smallint int bigint float double decimal(p,s) string char(n) varchar(n) binary date timestamp array<…> map<…,…> struct<…:…>`");
    insta::assert_snapshot!(refused("int not null"), @"the type of the column `b` goes on with ` not null`");
}

#[test]
fn a_batch_is_bounded_and_the_reader_goes_on() {
    let mut open_x = reader(&[("a", "string")], &OpenXOptions::default());
    let mut sizes = Vec::new();
    for number in 0..10_000 {
        open_x.push(format!("{{\"a\":{number}}}").as_bytes()).unwrap();
        if open_x.is_full() {
            sizes.push(open_x.finish().unwrap().unwrap().num_rows());
        }
    }
    sizes.push(open_x.finish().unwrap().unwrap().num_rows());
    assert_eq!(sizes, [8_192, 1_808]);
    assert_eq!(open_x.finish().unwrap(), None);
    open_x.push(format!("{{\"a\":\"{}\"}}", "x".repeat(9 << 20)).as_bytes()).unwrap();
    assert!(open_x.is_full());
}

/// A type, and JSON that it can be read from: values of its own kind, and others.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[0-9eE.+:TZ -]{0,12}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-cA-C]|[a-c][.][a-c]", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn any_type() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "boolean",
        "tinyint",
        "smallint",
        "int",
        "bigint",
        "float",
        "double",
        "decimal(5,2)",
        "decimal(38,10)",
        "string",
        "char(3)",
        "varchar(3)",
        "binary",
        "date",
        "timestamp",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|element| format!("array<{element}>")),
            inner.clone().prop_map(|value| format!("map<string,{value}>")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("struct<a:{a},b:{b}>")),
        ]
    })
}

proptest! {
    #[test]
    fn every_record_is_rows_or_malformed_and_batches_hold_the_rows(
        hive_type in any_type(),
        values in proptest::collection::vec(any_json(), 1..8),
    ) {
        let mut open_x = reader(&[("v", &hive_type)], &OpenXOptions::default());
        let mut expected = 0;
        for value in &values {
            expected += open_x.push(json!({ "V": value }).to_string().as_bytes()).unwrap_or(0);
        }
        let batch = open_x.finish().unwrap();
        prop_assert_eq!(batch.map_or(0, |batch| batch.num_rows()), expected);
    }

    /// What Arrow's own reader takes, which knows no leniency, is read to the same values.
    #[test]
    fn what_is_of_its_type_is_read_as_arrow_reads_it(
        rows in proptest::collection::vec((any::<i64>(), any::<f64>(), any::<String>(), proptest::collection::vec(any::<Option<bool>>(), 0..3)), 1..20),
    ) {
        let types = [("i", "bigint"), ("f", "double"), ("s", "string"), ("l", "array<boolean>"), ("n", "struct<i:bigint,s:string>")];
        let mut open_x = reader(&types, &OpenXOptions::default());
        let mut lines = Vec::new();
        for (i, f, s, l) in &rows {
            let line = json!({ "i": i, "f": f, "s": s, "l": l, "n": { "s": s, "i": i } }).to_string();
            open_x.push(line.as_bytes()).unwrap();
            lines.push(line);
        }
        let mut arrow = ReaderBuilder::new(open_x.schema()).build_decoder().unwrap();
        arrow.decode(lines.join("\n").as_bytes()).unwrap();
        prop_assert_eq!(open_x.finish().unwrap(), arrow.flush().unwrap());
    }

    /// Rows that are written are read again as they were.
    #[test]
    fn what_a_batch_says_as_json_is_the_batch(hive_type in any_type(), values in proptest::collection::vec(any_json(), 1..8)) {
        // A binary value is base64 in and base16 out.
        prop_assume!(!hive_type.contains("binary"));
        let mut open_x = reader(&[("v", &hive_type)], &OpenXOptions::default());
        for value in &values {
            let _: Option<usize> = open_x.push(json!({ "v": value }).to_string().as_bytes()).ok();
        }
        if let Some(batch) = open_x.finish().unwrap() {
            let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, arrow_json::writer::LineDelimited>(Vec::new());
            writer.write(&batch).unwrap();
            let text = String::from_utf8(writer.into_inner()).unwrap();
            // Infinity has no JSON.
            prop_assume!(!hive_type.contains("float") && !hive_type.contains("double"));
            open_x.push(text.as_bytes()).unwrap();
            prop_assert_eq!(open_x.finish().unwrap(), Some(batch));
        }
    }
}
