//! What queries make of records. What jq itself makes of them is held against it in `e2e/queries.py`.

use super::*;
use proptest::prelude::*;

fn compile(program: &str) -> Query {
    Query::compile(program, &["$given"]).unwrap()
}

fn run(program: &str, record: &str) -> Result<Option<String>, QueryFault> {
    let mut output = String::from("before");
    let record: &RawValue = serde_json::from_str(record).unwrap();
    let given = |name: &str| (name == "$given").then(|| r#"{"a":1.10}"#.to_owned());
    let result = compile(program).run(record, given, &mut output);
    let output = output.strip_prefix("before").unwrap();
    assert!(result == Ok(true) || output.is_empty(), "{output}");
    result.map(|there_is_one| there_is_one.then(|| output.to_owned()))
}

#[track_caller]
fn check(program: &str, record: &str, output: &str) {
    assert_eq!(run(program, record), Ok(Some(output.to_owned())), "{program}");
}

#[test]
fn numbers_keep_their_text_unless_they_are_computed_with() {
    check(".", "[1.10, 12345678901234567891, -0, 1E5]", "[1.10,12345678901234567891,-0,1E5]");
    check("{a, b: .a}", r#"{"a": 1.10}"#, r#"{"a":1.10,"b":1.10}"#);
    check("del(.b) | .c = 1", r#"{"a": 0.10, "b": 1}"#, r#"{"a":0.10,"c":1}"#);
    check("[.[] | tostring, tojson]", "[1.10]", r#"["1.10","1.10"]"#);
    check("map(tonumber)", r#"["12345678901234567891", "1.10"]"#, "[12345678901234567891,1.10]");
    check("sort", "[2.50, 1e1, 1.10]", "[1.10,2.50,1e1]");
    check("map(. + 0)", "[1.10, 5.0, 0.30]", "[1.1,5,0.3]");
    check("$given.a", "null", "1.10");
}

#[test]
fn whole_results_are_whole() {
    check("[10 / 2, 7 / 2, 2 * 3.5, 1e3 - 1]", "null", "[5,3.5,7,999]");
    check(". + 1", "9007199254740993", "9007199254740994");
    check("[. % 3, -. % 3, . % -3]", "5.9", "[2,-2,2]");
    check("[nan, infinite, -infinite]", "null", "[null,1.7976931348623157e+308,-1.7976931348623157e+308]");
    check("map(floor, sqrt, length)", "[16.5, -4]", "[16,4.06201920231798,16.5,-4,null,4]");
}

#[test]
fn fields_keep_their_order() {
    check("del(.a)", r#"{"a":1,"b":2,"c":3,"d":4}"#, r#"{"b":2,"c":3,"d":4}"#);
    check("del(.b, .d)", r#"{"a":1,"b":2,"c":3,"d":4}"#, r#"{"a":1,"c":3}"#);
    check(". + {b: 0, e: 5}", r#"{"a":1,"b":2,"c":3}"#, r#"{"a":1,"b":0,"c":3,"e":5}"#);
    check("with_entries(.value += 1)", r#"{"b":1,"a":2}"#, r#"{"b":2,"a":3}"#);
    check("map_values(select(. > 1))", r#"{"c":1,"b":2,"a":3}"#, r#"{"b":2,"a":3}"#);
    check(".b |= empty", r#"{"a":1,"b":2,"c":3}"#, r#"{"a":1,"c":3}"#);
    check(".", r#"{"a":1,"b":2,"\u0061":3}"#, r#"{"a":3,"b":2}"#);
}

#[test]
fn what_is_deleted_is_what_was_meant() {
    check("del(.[0, 1])", "[1,2,3]", "[3]");
    check("del(.[1:])", "[1,2,3]", "[1]");
    check("del(.a.b, .x.y)", r#"{"a":{"b":1,"c":2}}"#, r#"{"a":{"c":2}}"#);
    check("del(.[] | select(. == 2))", "[1,2,2,3]", "[1,3]");
    check("del(.[-1])", "[1,2,3]", "[1,2]");
    check("del(.a)", "null", "null");
}

#[test]
fn what_is_missing_is_made() {
    check(".a.b.c = 1", "null", r#"{"a":{"b":{"c":1}}}"#);
    check(".a[2] = 1", "{}", r#"{"a":[null,null,1]}"#);
    check(".a.b |= 1", "{}", r#"{"a":{"b":1}}"#);
    check(".a += 1", "{}", r#"{"a":1}"#);
    check(".[1:3] = [9]", "[1,2,3,4]", "[1,9,4]");
}

#[test]
fn text_is_unicode() {
    check(".[1:3]", r#""\u1ecbäé""#, r#""äé""#);
    check("length", r#""\ud83d\ude00é""#, "2");
    check(".", r#""a\ud800b""#, "\"a\u{fffd}b\"");
    check("explode | implode", r#""ị😀""#, r#""ị😀""#);
    check("[@base64, @uri, ascii_upcase]", r#""é""#, r#"["w6k=","%C3%A9","é"]"#);
    check(r#"["w6k", "w6k=", "/w=="] | map(@base64d)"#, "null", "[\"é\",\"é\",\"\u{fffd}\"]");
}

#[test]
fn times_are_those_of_jq_and_of_rfc_3339() {
    check(r#"strftime("%Y-%m-%dT%H:%M:%SZ")"#, "1425599621.9", r#""2015-03-05T23:53:41Z""#);
    check("todate", "1425599621.678", r#""2015-03-05T23:53:41Z""#);
    check("fromdate", r#""2015-03-05T23:51:47Z""#, "1425599507");
    check(
        "[.[] | rfc3339]",
        r#"["2026-11-21T09:30:00+01:00","2026-11-21T08:30:00.25Z"]"#,
        "[1795249800,1795249800.25]",
    );
    check(r#"rfc3339 | strftime("%Y/%m/%d %H")"#, r#""2026-01-01T00:30:00.999-02:00""#, r#""2026/01/01 02""#);
}

#[test]
fn times_beyond_the_calendar_do_not_come_around_to_it() {
    check("todate", "253402207200", r#""9999-12-30T22:00:00Z""#);
    check(r#"strftime("%Y-%m-%d %H")"#, "-1", r#""1969-12-31 23""#);
    check("gmtime | mktime", "0", "0");
    // Among them what is a time again after 2⁶⁴ microseconds.
    let seconds = ["253402207201", "-377705023202", "1735686000000", "18446744075000", "-18446744073000", "1e300"];
    for seconds in seconds {
        for program in ["todate", "gmtime", r#"strftime("%Y")"#] {
            let message = "error converting number of seconds since epoch to datetime";
            assert_eq!(run(program, seconds), Err(QueryFault::Failed(message.to_owned())), "{seconds} | {program}");
        }
    }
}

#[test]
fn regular_expressions_are_those_of_jq() {
    check(r#"[.[] | test("^engine-[0-9]+$")]"#, r#"["engine-1","engine-x"]"#, "[true,false]");
    check(r#"capture("(?<name>[a-z]+)-(?<n>[0-9]+)?")"#, r#""engine-""#, r#"{"name":"engine","n":null}"#);
    check(r#"[match("(?<x>c)?b").captures[0].string]"#, r#""ab""#, "[null]");
    check(r#"[match("b"; "g").offset]"#, r#""äbäb""#, "[1,3]");
    check(r#"gsub("(?<l>[ab])"; "<\(.l)>")"#, r#""abc""#, r#""<a><b>c""#);
    check(r#"[scan("[0-9]+")] + [splits(", *")]"#, r#""1, 22""#, r#"["1","22","1","22"]"#);
    check(r#"test("A"; "i"), false | select(.)"#, r#""a""#, "true");
}

#[test]
fn no_output_and_more_than_one() {
    assert_eq!(run("empty", "1"), Ok(None));
    assert_eq!(run("select(.a > 1)", r#"{"a":1}"#), Ok(None));
    assert_eq!(run(".[]", "[1,2]"), Err(QueryFault::MoreThanOne));
    assert_eq!(run("., error(\"x\")", "1"), Err(QueryFault::Failed("x".to_owned())));
}

#[test]
fn messages_hold_nothing_of_the_record() {
    let message = |program, record| match run(program, record) {
        Err(QueryFault::Failed(message)) => message,
        other => panic!("{other:?}"),
    };
    let secret = r#"{"text":"secret","number":4711,"list":["secret"],"key":"secret"}"#;
    insta::assert_snapshot!(message(".text.inner", secret), @r#"Cannot index string with "inner""#);
    insta::assert_snapshot!(message(".number[.key]", secret), @"Cannot index number with string");
    insta::assert_snapshot!(message(".text[]", secret), @"Cannot iterate over string");
    insta::assert_snapshot!(message(".text + .number", secret), @"string and number cannot be added");
    insta::assert_snapshot!(message(".list - .text", secret), @"array and string cannot be subtracted");
    insta::assert_snapshot!(message(".number / 0", secret), @"number and number cannot be divided because the divisor is zero");
    insta::assert_snapshot!(message(".text | tonumber", secret), @"string cannot be parsed as a number");
    insta::assert_snapshot!(message(".text | fromjson", secret), @"string is not JSON: expected value at line 1 column 1");
    insta::assert_snapshot!(message(".text | rfc3339", secret), @"expected a time such as 2026-11-21T09:30:00.5+01:00, got another string");
    insta::assert_snapshot!(message(r#".text | strptime("%Y")"#, secret), @r#"date does not match format "%Y""#);
    insta::assert_snapshot!(message(".text | fromdate", secret), @r#"date does not match format "%Y-%m-%dT%H:%M:%SZ""#);
    insta::assert_snapshot!(message(r#".text | strftime("%Y")"#, secret), @"strftime/1 requires parsed datetime inputs");
    insta::assert_snapshot!(message(".text | mktime", secret), @"mktime requires array inputs");
    insta::assert_snapshot!(message(r#".text | test("(")"#, secret), @"not a regular expression: found open group without closing ')'");
    insta::assert_snapshot!(message(r#""\(.text)!" | @base64d"#, secret), @"string is not valid base64 data");
    insta::assert_snapshot!(message("{(.number): 1}", secret), @"Object keys must be strings, not number");
    insta::assert_snapshot!(message(".list | implode", secret), @"expected the codes of characters to implode, got something else");
    // What the program itself says is its own affair.
    insta::assert_snapshot!(message(r#"error("no such store: \(.text)")"#, secret), @"no such store: secret");
    insta::assert_snapshot!(message("error({a: 1})", secret), @r#"{"a":1} (not a string)"#);
}

#[test]
fn queries_that_do_not_end_are_stopped() {
    let bound = |program: &str| match run(program, "null") {
        Err(QueryFault::OutOfBounds(bound)) => bound,
        other => panic!("{program}: {other:?}"),
    };
    for program in [
        "def f: f; f",
        "[repeat(.)]",
        "[recurse(.; true)]",
        "last(range(1e9))",
        "until(false; .)",
        "first(range(1e9) | select(. < 0))",
        "try error(1) catch (def f: f; f)",
        "reduce range(40) as $i (1; [., .])",
        "[[range(1000)] | combinations(3)]",
        "[range(50000)] | sort_by(-.)",
    ] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(bound(program), @"expected the query to end, got more steps than it is allowed for a record");
        }
    }
    for program in ["def f: 1 + f; f", "def f: [f]; f", "def f: try f catch f; f", "def f: f | f; f"] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(bound(program), @"expected the query to end, got calls inside of calls without end");
        }
    }
    for program in [r#""a" * 1e9"#, r#"reduce range(60) as $i ("a"; . + .)"#] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(bound(program), @"expected less from the query, got more bytes than it is allowed for a record");
        }
    }
    for program in ["reduce range(1000) as $i (.; [.])", "{} | until(false; .a = .)"] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(bound(program), @"expected at most 512 levels of arrays and objects, got more");
        }
    }
}

#[test]
fn deep_records_are_no_trouble() {
    let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    check("[..] | length", &deep(200), "201");
    check("walk(.) | [..] | length", &deep(15), "16");
    assert_eq!(run("tojson | fromjson", &deep(500)).map(|output| output.map(|json| json.len())), Ok(Some(1001)));
    assert!(matches!(run(".", &deep(100_000)), Err(QueryFault::OutOfBounds(_))));
}

#[test]
fn programs_that_are_none() {
    let message = |program| Query::compile(program, &["$given"]).unwrap_err().to_string();
    insta::assert_snapshot!(message(""), @"expected term, got the end at line 1, column 1");
    insta::assert_snapshot!(message(".a |"), @"expected term, got the end at line 1, column 5");
    insta::assert_snapshot!(message(".a | if . then 1"), @"expected else or end, got the end at line 1, column 17");
    insta::assert_snapshot!(message("{a: .b"), @"expected closing brace at line 1, column 7");
    insta::assert_snapshot!(message(".a\n  | upcase"), @"`upcase/0` is not defined at line 2, column 5");
    insta::assert_snapshot!(message("$arival"), @"the variable `$arival` is not defined at line 1, column 1");
    insta::assert_snapshot!(message(r#""\(.a""#), @"expected closing quote at line 1, column 7");
    insta::assert_snapshot!(message(".a & .b"), @"expected token at line 1, column 4");
    insta::assert_snapshot!(message("now - .at"), @"`now/0` is not defined: queries do not know the clock, expected `$arrival` at line 1, column 1");
    insta::assert_snapshot!(message("halt"), @"`halt/0` is not defined: queries see their record alone at line 1, column 1");
    insta::assert_snapshot!(message("import \"a\" as a; ."), @"expected a program in jq at line 1, column 1");
}

#[test]
fn variables_that_are_used_are_known() {
    for (program, used) in [
        ("$given", true),
        (r#""\($given.a)""#, true),
        ("{$given}", true),
        ("[{a: (.b | map(select(. == $given)))}]", true),
        (r#""$given""#, false),
        (". # $given", false),
    ] {
        assert_eq!(compile(program).uses("$given"), used, "{program}");
    }
}

#[test]
fn names_of_objects_are_known_where_they_can_be() {
    let names = |program: &str| compile(program).object_names().map(|names| names.join(" "));
    assert_eq!(names("{a: .b, c}").as_deref(), Some("a c"));
    assert_eq!(names(r#".d | {"a b": 1, $given}"#).as_deref(), Some("a b given"));
    assert_eq!(names("{a} + (.t | {year: .[:4]})").as_deref(), Some("a year"));
    assert_eq!(names(".t as $t | {a: $t}").as_deref(), Some("a"));
    assert_eq!(names("{(.a): 1}"), None);
    assert_eq!(names(".labels"), None);
}

proptest! {
    /// Whatever a record is, and whatever is asked of it: one JSON value, or a reason.
    #[test]
    fn outputs_are_json(record in any_record(), program in prop::sample::select(PROGRAMS)) {
        if let Ok(Some(output)) = run(program, &record) {
            prop_assert!(serde_json::from_str::<&RawValue>(&output).is_ok(), "{}", output);
        }
    }

    #[test]
    fn the_identity_changes_nothing_but_blanks_and_escapes(record in any_record()) {
        let output = run(".", &record).unwrap().unwrap();
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        prop_assert_eq!(value(&output), value(&record));
    }
}

const PROGRAMS: &[&str] = &[
    ".a",
    ".a.b",
    "del(.a)",
    ".a[1:]",
    "map(.)",
    "map_values(tostring)",
    "[.[]?]",
    "add",
    "tojson",
    "keys",
    "to_entries",
    "with_entries(.)",
    ".a + .b",
    ".a * .b",
    ".a / .b",
    ".a % .b",
    ".a - .b",
    "-.a",
    "[paths]",
    "walk(.)",
    "sort",
    "unique",
    "group_by(.a)",
    ".a |= 1",
    ".a[0] = 1",
    ".[0].a = 1",
    "tostring",
    "ascii_downcase",
    "@csv",
    "@sh",
    "@uri",
    "@html",
    "flatten",
    "[..]",
    "min",
    "max_by(.a)",
    "length",
    "reverse",
    "implode",
    "[limit(2; .[])]",
    "transpose",
    "from_entries",
    "del(.[0])",
    "delpaths([[\"a\", 0]])",
    "getpath([\"a\", \"b\"])",
    "has(\"a\")",
    "contains({a: 1})",
    "indices(1)",
    "strftime(\"%Y\")",
    "todate",
    "rfc3339",
    "test(\"a\")",
    "sub(\"a\"; \"b\")",
    "fromjson",
    "tonumber",
    "@base64d",
    "explode",
    "splits(\"a\")",
    "{a, b}",
    "[.a, .b] | sort",
    ".a == .b",
    "floor",
    "sqrt",
    "tostream",
    "@json",
    "@text",
    "first",
    "nth(1)",
];

fn any_record() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        "-?[1-9][0-9]{0,20}(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?",
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(" , "))),
            prop::collection::btree_map("[abc]|key|value", inner, 0..4).prop_map(|fields| {
                let fields: Vec<_> = fields.into_iter().map(|(name, value)| format!("\"{name}\" :{value}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}
