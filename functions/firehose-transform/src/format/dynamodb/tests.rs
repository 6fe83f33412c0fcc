use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Map, Value};

const COUNTIES: &str = include_str!("../../../../../samples/counties.ndjson");

fn inserted(image: &str) -> String {
    format!(r#"{{"eventName":"INSERT","dynamodb":{{"NewImage":{image}}}}}"#)
}

fn written(record: &str) -> Result<String, Fault> {
    let mut object = ObjectWriter::default();
    Change::parse(record, &mut object)?.write_image(&mut object)?;
    Ok(object.json().to_owned())
}

/// What an item becomes that has this attribute.
#[track_caller]
fn check(attribute: &str, value: &str) {
    let json = written(&inserted(&format!(r#"{{"a":{attribute}}}"#))).unwrap();
    assert_eq!(json, format!(r#"{{"a":{value}}}"#));
    assert!(serde_json::from_str::<Value>(&json).is_ok(), "`{json}` is JSON");
}

#[test]
fn each_type_becomes_json() {
    check(r#"{"S":"text"}"#, r#""text""#);
    check(r#"{"N":"12.5"}"#, "12.5");
    check(r#"{"B":"WVdKag=="}"#, r#""YWJj""#);
    check(r#"{"BOOL":true}"#, "true");
    check(r#"{"BOOL":false}"#, "false");
    check(r#"{"NULL":true}"#, "null");
    check(r#"{"M":{"b":{"N":"1"},"c":{"M":{}}}}"#, r#"{"b":1,"c":{}}"#);
    check(r#"{"L":[{"S":"x"},{"L":[]},{"NULL":true}]}"#, r#"["x",[],null]"#);
    check(r#"{"SS":["b","a"]}"#, r#"["b","a"]"#);
    check(r#"{"NS":["2","+1",".5"]}"#, "[2,1,0.5]");
    check(r#"{"BS":["WVdKag==","WVE9PQ=="]}"#, r#"["YWJj","YQ=="]"#);
}

#[test]
fn attributes_may_be_called_like_types() {
    check(r#"{"M":{"S":{"S":"s"},"M":{"M":{"N":{"N":"1"}}},"L":{"L":[]}}}"#, r#"{"S":"s","M":{"N":1},"L":[]}"#);
    assert_eq!(written(&inserted(r#"{"S":{"S":"x"}}"#)).unwrap(), r#"{"S":"x"}"#);
}

#[test]
fn strings_stay_as_they_are_written() {
    check(r#"{"S":""}"#, r#""""#);
    check(r#"{"S":"\u1ecbị\/\n\"{\\"}"#, r#""\u1ecbị\/\n\"{\\""#);
    check(r#"{"S":"\\\\\""}"#, r#""\\\\\"""#);
    check(r#"{"S":" [ ] "}"#, r#"" [ ] ""#);
    check(r#"{"M":{"\u0061 \"":{"S":"x"}}}"#, r#"{"\u0061 \"":"x"}"#);
}

#[test]
fn blanks_between_are_not_kept() {
    check(
        "\r\n{ \"M\"\t: { \"b\" : { \"L\" : [ { \"N\" : \"1\" } , { \"BOOL\" : true } ] } } }\n",
        r#"{"b":[1,true]}"#,
    );
    check(r#"{ "M" : { } }"#, "{}");
    check(r#"{ "L" : [ ] }"#, "[]");
}

#[test]
fn escapes_are_read_where_they_matter() {
    check(r#"{"\u0053":"x"}"#, r#""x""#);
    check(r#"{"N":"\u0031"}"#, "1");
    check(r#"{"B":"THk4dg\u003d\u003d"}"#, r#""Ly8v""#);
}

#[test]
fn numbers_keep_their_digits() {
    let number = |text: &str, json: &str| check(&format!(r#"{{"N":"{text}"}}"#), json);
    number("12345678901234567890123456789.1230", "12345678901234567890123456789.1230");
    number("-9.9999999999999999999999999999999999999E+125", "-9.9999999999999999999999999999999999999E+125");
    number("1E+3", "1E+3");
    number("1e-130", "1e-130");
    number("0", "0");
    number("-0", "-0");
    number("1.10", "1.10");
}

#[test]
fn numbers_are_written_as_json_has_them() {
    let number = |text: &str, json: &str| check(&format!(r#"{{"N":"{text}"}}"#), json);
    number("+5", "5");
    number(".5", "0.5");
    number("-.5E1", "-0.5E1");
    number("5.", "5");
    number("5.e3", "5e3");
    number("0005", "5");
    number("-000", "-0");
    number("00.50", "0.50");
}

#[test]
fn other_texts_are_no_numbers() {
    for text in [
        "", "-", "+", ".", "NaN", "abc", "Infinity", "0x10", "1e", "1e+", "1,5", "--1", "+-1", " 1", "1 ", "1.2.3",
        "e5", "١",
    ] {
        let fault = written(&inserted(&format!(r#"{{"a":{{"N":"{text}"}}}}"#))).unwrap_err();
        assert_eq!(fault, Fault::at("dynamodb.NewImage.a", "a number in a string", "another text"), "{text}");
    }
}

#[test]
fn one_layer_of_base64_goes_if_there_are_two() {
    let binary = |text: &str, json: &str| check(&format!(r#"{{"B":"{text}"}}"#), &format!("\"{json}\""));
    binary("", "");
    binary(&STANDARD.encode(STANDARD.encode([0, 159, 255])), "AJ//");
    // One layer of bytes that are no text, of text that is no base64, and of base64 without its padding.
    binary(&STANDARD.encode([0, 159, 255]), "AJ//");
    binary(&STANDARD.encode("no base64"), &STANDARD.encode("no base64"));
    binary(&STANDARD.encode("YQ"), &STANDARD.encode("YQ"));
    // One layer around what looks like base64 cannot be told from two.
    binary(&STANDARD.encode("four"), "four");
}

#[test]
fn the_image_is_the_one_that_the_event_leaves() {
    let both = |event: &str| {
        format!(
            r#"{{"eventName":"{event}","dynamodb":{{"OldImage":{{"a":{{"N":"1"}}}},"NewImage":{{"a":{{"N":"2"}}}}}}}}"#
        )
    };
    assert_eq!(written(&both("INSERT")).unwrap(), r#"{"a":2}"#);
    assert_eq!(written(&both("MODIFY")).unwrap(), r#"{"a":2}"#);
    assert_eq!(written(&both("REMOVE")).unwrap(), r#"{"a":1}"#);
    assert!(Change::parse(&both("REMOVE"), &mut ObjectWriter::default()).unwrap().is_removal());
    assert!(!Change::parse(&both("MODIFY"), &mut ObjectWriter::default()).unwrap().is_removal());
}

#[test]
fn removals_need_no_image_to_be_known() {
    let change =
        Change::parse(r#"{"eventName":"REMOVE","dynamodb":{"Keys":{"PK":{"S":"x"}}}}"#, &mut ObjectWriter::default())
            .unwrap();
    assert!(change.is_removal());
    assert!(change.write_image(&mut ObjectWriter::default()).is_err());
}

#[test]
fn faults_name_the_place_and_show_no_value() {
    let message = |record: &str| written(record).unwrap_err().to_string();
    insta::assert_snapshot!(message(""), @"EOF while parsing a value at line 1 column 0");
    insta::assert_snapshot!(message("[\"secret\"]"), @"expected an object, got another value at line 1 column 0");
    insta::assert_snapshot!(message("\"secret\""), @"expected an object, got another value at line 1 column 8");
    insta::assert_snapshot!(message("{}"), @"`dynamodb`: expected an object, got nothing");
    insta::assert_snapshot!(message(r#"{"eventName":"INSERT"}"#), @"`dynamodb`: expected an object, got nothing");
    insta::assert_snapshot!(message(r#"{"eventName":"INSERT","dynamodb":"secret"}"#), @"expected an object, got another value at line 1 column 41");
    insta::assert_snapshot!(message(r#"{"eventName":"INSERT","dynamodb":[1,2,3,4]}"#), @"expected an object, got another value at line 1 column 33");
    insta::assert_snapshot!(message(r#"{"eventName":"INSERT","eventName":"REMOVE","dynamodb":{}}"#), @"duplicate field `eventName` at line 1 column 33");
    insta::assert_snapshot!(message(r#"{"dynamodb":{}}"#), @"`eventName`: expected `INSERT`, `MODIFY` or `REMOVE`, got nothing");
    insta::assert_snapshot!(message(r#"{"eventName":"insert","dynamodb":{}}"#), @"`eventName`: expected `INSERT`, `MODIFY` or `REMOVE`, got another text");
    insta::assert_snapshot!(message(r#"{"eventName":5,"dynamodb":{}}"#), @"`eventName`: expected `INSERT`, `MODIFY` or `REMOVE`, got a number");
    insta::assert_snapshot!(message(r#"{"eventName":"MODIFY","dynamodb":{"OldImage":{}}}"#), @"`dynamodb.NewImage`: expected an object, got nothing");
    insta::assert_snapshot!(message(r#"{"eventName":"REMOVE","dynamodb":{"NewImage":{}}}"#), @"`dynamodb.OldImage`: expected an object, got nothing");
    insta::assert_snapshot!(message(&inserted("[]")), @"`dynamodb.NewImage`: expected an object, got an array");
    insta::assert_snapshot!(message(&inserted("null")), @"`dynamodb.NewImage`: expected an object, got nothing");
    insta::assert_snapshot!(message(&format!("{}x", inserted("{}"))), @"trailing characters at line 1 column 50");
}

#[test]
fn faults_of_attributes_tell_their_path() {
    let message = |attribute: &str| written(&inserted(&format!(r#"{{"a":{attribute}}}"#))).unwrap_err().to_string();
    insta::assert_snapshot!(message("\"secret\""), @"`dynamodb.NewImage.a`: expected an object with a type, got a string");
    insta::assert_snapshot!(message("{}"), @"`dynamodb.NewImage.a`: expected an object with a type, got an empty one");
    insta::assert_snapshot!(message(r#"{"secret":1}"#), @"`dynamodb.NewImage.a`: expected one of the types `S N B BOOL NULL M L SS NS BS`, got another name");
    insta::assert_snapshot!(message(r#"{"\ud800":1}"#), @"`dynamodb.NewImage.a`: expected one of the types `S N B BOOL NULL M L SS NS BS`, got another name");
    insta::assert_snapshot!(message(r#"{"S":"x","N":"1"}"#), @"`dynamodb.NewImage.a`: expected an object with one type, got one with more fields");
    insta::assert_snapshot!(message(r#"{"S":5}"#), @"`dynamodb.NewImage.a`: expected a string, got a number");
    insta::assert_snapshot!(message(r#"{"N":5}"#), @"`dynamodb.NewImage.a`: expected a number in a string, got a number");
    insta::assert_snapshot!(message(r#"{"N":"secret"}"#), @"`dynamodb.NewImage.a`: expected a number in a string, got another text");
    insta::assert_snapshot!(message(r#"{"B":"no base64"}"#), @"`dynamodb.NewImage.a`: expected base64, got another text");
    insta::assert_snapshot!(message(r#"{"BOOL":"true"}"#), @"`dynamodb.NewImage.a`: expected a boolean, got a string");
    insta::assert_snapshot!(message(r#"{"NULL":false}"#), @"`dynamodb.NewImage.a`: expected true, got a boolean");
    insta::assert_snapshot!(message(r#"{"M":[]}"#), @"`dynamodb.NewImage.a`: expected an object, got an array");
    insta::assert_snapshot!(message(r#"{"M":{"b c":{"L":[{"S":"x"},{"M":{"d\n":{"X":1}}}]}}}"#), @r#"`dynamodb.NewImage.a.b c[1].d\n`: expected one of the types `S N B BOOL NULL M L SS NS BS`, got another name"#);
    insta::assert_snapshot!(message(r#"{"L":{"S":"x"}}"#), @"`dynamodb.NewImage.a`: expected an array, got an object");
    insta::assert_snapshot!(message(r#"{"L":["x"]}"#), @"`dynamodb.NewImage.a[0]`: expected an object with a type, got a string");
    insta::assert_snapshot!(message(r#"{"SS":["x",null]}"#), @"`dynamodb.NewImage.a[1]`: expected a string, got null");
    insta::assert_snapshot!(message(r#"{"NS":"1"}"#), @"`dynamodb.NewImage.a`: expected an array, got a string");
    insta::assert_snapshot!(message(&format!(r#"{{"M":{{"{}":{{}}}}}}"#, "ö".repeat(1000))), @"`dynamodb.NewImage.a.öööööööööööööööööööööööööööööööööööööööö…`: expected an object with a type, got an empty one");
}

#[test]
fn levels_are_limited() {
    let nested =
        |levels: usize| format!("{}{{\"S\":\"x\"}}{}", r#"{"L":["#.repeat(levels - 1), "]}".repeat(levels - 1));
    check(&nested(64), &format!("{}\"x\"{}", "[".repeat(63), "]".repeat(63)));
    let fault = written(&inserted(&format!(r#"{{"a":{}}}"#, nested(65)))).unwrap_err();
    assert!(fault.to_string().ends_with("[0]`: expected at most 64 levels of attributes, got more"), "{fault}");
    assert!(written(&inserted(&format!(r#"{{"a":{}}}"#, nested(100_000)))).is_err());
}

#[test]
fn times_are_in_milliseconds_unless_they_say_otherwise() {
    let time = |fields: &str| {
        let record = format!(r#"{{"eventName":"INSERT","dynamodb":{{{fields}}}}}"#);
        Change::parse(&record, &mut ObjectWriter::default()).unwrap().created_at().map(|time| time.to_string())
    };
    let with = |number: &str, precision: &str| {
        time(&format!(r#""ApproximateCreationDateTime":{number},"ApproximateCreationDateTimePrecision":{precision}"#))
    };
    assert_eq!(time(r#""ApproximateCreationDateTime":1648771200123"#).as_deref(), Some("2022-04-01T00:00:00.123Z"));
    assert_eq!(with("1648771200123", "null").as_deref(), Some("2022-04-01T00:00:00.123Z"));
    assert_eq!(with("1648771200123", "\"MILLISECOND\"").as_deref(), Some("2022-04-01T00:00:00.123Z"));
    assert_eq!(with("1720742302233719", "\"MICROSECOND\"").as_deref(), Some("2024-07-11T23:58:22.233719Z"));
    for (number, precision) in [
        ("1648771200123", "\"SECOND\""),
        ("1648771200123", "5"),
        ("1648771200.5", "\"MILLISECOND\""),
        ("1.6e12", "\"MILLISECOND\""),
        ("9223372036854775807", "\"MILLISECOND\""),
        ("99999999999999999999", "\"MICROSECOND\""),
        ("\"1648771200123\"", "\"MILLISECOND\""),
        ("null", "\"MILLISECOND\""),
    ] {
        assert_eq!(with(number, precision), None, "{number} {precision}");
    }
    assert_eq!(time(""), None);
}

#[test]
fn the_sample_is_decoded() {
    let mut removals = 0;
    for record in COUNTIES.lines() {
        let change = Change::parse(record, &mut ObjectWriter::default()).unwrap();
        removals += usize::from(change.is_removal());
        assert!(change.created_at().is_some());
        let whole: Value = serde_json::from_str(record).unwrap();
        let image = if change.is_removal() { "OldImage" } else { "NewImage" };
        let Value::Object(item) = &whole["dynamodb"][image] else { panic!("no image") };
        let plain: Map<_, _> = item.iter().map(|(name, value)| (name.clone(), value["S"].clone())).collect();
        assert_eq!(written(record).unwrap(), Value::Object(plain).to_string());
    }
    assert_eq!((COUNTIES.lines().count(), removals), (600, 12));
}

/// A value, as DynamoDB has it; texts of numbers are JSON numbers already.
#[derive(Clone, Debug)]
enum Attribute {
    Text(String),
    Number(String),
    Binary(Vec<u8>),
    Boolean(bool),
    Null,
    Object(Vec<(String, Attribute)>),
    Array(Vec<Attribute>),
    Texts(Vec<String>),
    Numbers(Vec<String>),
    Binaries(Vec<Vec<u8>>),
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn joined<T>(parts: &[T], separator: &str, write: impl Fn(&T) -> String) -> String {
    parts.iter().map(write).collect::<Vec<_>>().join(separator)
}

impl Attribute {
    /// The attribute as the stream has it, with blanks wherever there may be some.
    fn typed(&self, blank: &str) -> String {
        let comma = format!("{blank},{blank}");
        let list = |inside: String| format!("[{blank}{inside}{blank}]");
        let twice = |bytes: &Vec<u8>| quoted(&STANDARD.encode(STANDARD.encode(bytes)));
        let (name, value) = match self {
            Self::Text(text) => ("S", quoted(text)),
            Self::Number(number) => ("N", quoted(number)),
            Self::Binary(bytes) => ("B", twice(bytes)),
            Self::Boolean(boolean) => ("BOOL", boolean.to_string()),
            Self::Null => ("NULL", "true".to_owned()),
            Self::Object(fields) => ("M", Self::typed_fields(fields, blank)),
            Self::Array(values) => ("L", list(joined(values, &comma, |value| value.typed(blank)))),
            Self::Texts(texts) => ("SS", list(joined(texts, &comma, |text| quoted(text)))),
            Self::Numbers(numbers) => ("NS", list(joined(numbers, &comma, |number| quoted(number)))),
            Self::Binaries(values) => ("BS", list(joined(values, &comma, twice))),
        };
        format!("{{{blank}\"{name}\"{blank}:{blank}{value}{blank}}}")
    }

    fn typed_fields(fields: &[(String, Self)], blank: &str) -> String {
        let field = |(name, value): &(String, Self)| format!("{}{blank}:{blank}{}", quoted(name), value.typed(blank));
        format!("{{{blank}{}{blank}}}", joined(fields, &format!("{blank},{blank}"), field))
    }

    /// The value in plain JSON.
    fn plain(&self) -> String {
        let once = |bytes: &Vec<u8>| quoted(&STANDARD.encode(bytes));
        match self {
            Self::Text(text) => quoted(text),
            Self::Number(number) => number.clone(),
            Self::Binary(bytes) => once(bytes),
            Self::Boolean(boolean) => boolean.to_string(),
            Self::Null => "null".to_owned(),
            Self::Object(fields) => Self::plain_fields(fields),
            Self::Array(values) => format!("[{}]", joined(values, ",", Self::plain)),
            Self::Texts(texts) => format!("[{}]", joined(texts, ",", |text| quoted(text))),
            Self::Numbers(numbers) => format!("[{}]", numbers.join(",")),
            Self::Binaries(values) => format!("[{}]", joined(values, ",", once)),
        }
    }

    fn plain_fields(fields: &[(String, Self)]) -> String {
        let field = |(name, value): &(String, Self)| format!("{}:{}", quoted(name), value.plain());
        format!("{{{}}}", joined(fields, ",", field))
    }
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[\"\\\\{}\\[\\]:,SNBML \n\u{1}é]{0,8}", Just("S".to_owned())]
}

fn numbers() -> impl Strategy<Value = String> {
    "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?"
}

fn attributes() -> impl Strategy<Value = Attribute> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..12);
    let leaf = prop_oneof![
        texts().prop_map(Attribute::Text),
        numbers().prop_map(Attribute::Number),
        bytes().prop_map(Attribute::Binary),
        any::<bool>().prop_map(Attribute::Boolean),
        Just(Attribute::Null),
        prop::collection::vec(texts(), 0..4).prop_map(Attribute::Texts),
        prop::collection::vec(numbers(), 0..4).prop_map(Attribute::Numbers),
        prop::collection::vec(bytes(), 0..4).prop_map(Attribute::Binaries),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec((texts(), inner.clone()), 0..5).prop_map(Attribute::Object),
            prop::collection::vec(inner, 0..5).prop_map(Attribute::Array),
        ]
    })
}

/// Texts that are nearly items.
fn nearly_items() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"S\"",
        "\"N\"",
        "\"1\"",
        "\"M\"",
        "\"L\"",
        "\"BOOL\"",
        "true",
        "null",
        "{\"S\":\"x\"}",
        "{\"N\":\"1\"}",
        "\"a\":",
        "{\"M\":",
        "{\"L\":[",
        "]}",
        " ",
        "5",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn items_come_out_as_they_are_in_the_table(
        fields in prop::collection::vec((texts(), attributes()), 0..6),
        blank in "[ \t\r\n]{0,3}",
    ) {
        let record = inserted(&Attribute::typed_fields(&fields, &blank));
        prop_assert_eq!(written(&record), Ok(Attribute::plain_fields(&fields)));
    }

    #[test]
    fn any_number_is_json_of_the_same_value(text in "[+-]?[0-9]{0,5}(\\.[0-9]{0,5})?([eE][+-]?[0-9]{1,2})?") {
        let json = written(&inserted(&format!(r#"{{"a":{{"N":"{text}"}}}}"#)));
        match text.parse::<f64>() {
            Ok(number) => {
                let item: std::collections::HashMap<String, f64> = serde_json::from_str(&json.unwrap()).unwrap();
                prop_assert!((item["a"] - number).abs() <= number.abs() * 1e-15);
            }
            Err(_) => prop_assert!(json.is_err()),
        }
    }

    #[test]
    fn a_record_that_is_read_at_once_is_the_json_that_it_is_otherwise(
        line in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        removed in 0..3_usize,
        added in "[\\[\\]{}\":,0aS\\\\ ]{0,2}",
    ) {
        let lines: Vec<&str> = COUNTIES.lines().collect();
        let mut record = lines[line.index(lines.len())].to_owned();
        let ends: Vec<usize> = record.char_indices().map(|(end, _)| end).collect();
        let start = place.index(ends.len() - removed);
        record.replace_range(ends[start]..ends[start + removed], &added);
        let mut object = ObjectWriter::default();
        let at_once = Parts::scan(&record, &mut object);
        if at_once.is_some_and(|parts| parts.change.is_some_and(|change| change.is_written)) {
            let Parts { event, change } = Parts::read(&record).unwrap();
            let change = Change { event: Event::of(event).unwrap(), ..change.unwrap() };
            let mut otherwise = ObjectWriter::default();
            change.write_image(&mut otherwise).unwrap();
            prop_assert_eq!(object.json(), otherwise.json());
        }
    }

    #[test]
    fn whatever_comes_the_answer_is_an_object_or_a_fault(
        text in prop_oneof![any::<String>(), nearly_items(), nearly_items().prop_map(|item| format!("{{{item}}}"))],
    ) {
        for record in [text.clone(), inserted(&text)] {
            if let Ok(json) = written(&record) {
                prop_assert_eq!(json.chars().next(), Some('{'));
                prop_assert!(serde_json::from_str::<&RawValue>(&json).is_ok());
            }
        }
    }
}
