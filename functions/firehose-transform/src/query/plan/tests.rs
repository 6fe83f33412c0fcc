//! Plans are held against the interpreter: what a plan makes of a record, jaq makes of it as well.
//!
//! Both outputs are read and written again before they are compared. What a program only copies keeps its text in a plan:
//! blanks, escapes, half surrogate pairs, and fields that come twice inside of it. The interpreter writes all that anew.

use super::super::Query;
use super::super::value::Value;
use super::*;
use proptest::prelude::*;
use serde_json::value::RawValue;

const GLOBALS: &[&str] = &["$g", "$absent"];

/// The JSON of a variable, with blanks around it as in a record.
fn global(name: &str) -> Option<String> {
    let json = "\n {\"s\": \"aBc\", \"n\":1.10,\n\"t\":\"2026-11-21T09:30:00.25+01:00\", \"z\":null} \n";
    (name == "$g").then(|| json.to_owned())
}

/// What a plan makes of a record; `Err` if it gives up.
fn planned(query: &Query, record: &str) -> Result<Option<String>, GivenUp> {
    let arena = Bump::new();
    let plan = query.plan.as_ref().unwrap();
    let scope = &Scope::new(&arena, &global);
    let json = |output: Output<'_>| {
        let json = output?.map(|item| item.json(scope)).transpose()?;
        Ok(json.map(|json| Value::parse(json).unwrap().to_json()))
    };
    let document = || Document::parse(record, &arena).map(|object| Item::object(object, &arena)).map_err(|_| GivenUp);
    let looked = json(plan.0.look(&document()?, scope));
    let taken = json(plan.0.take(document()?, scope));
    assert_eq!(looked.as_ref().ok(), taken.as_ref().ok(), "{query:?} of {record}");
    taken
}

/// What the interpreter makes of it.
fn interpreted(query: &Query, record: &str) -> Result<Option<String>, String> {
    let mut output = String::new();
    let record: &RawValue = serde_json::from_str(record).unwrap();
    let outcome = query.run(record, global, &mut output).map_err(|fault| format!("{fault:?}"));
    outcome.map(|there_is_one| there_is_one.then_some(output))
}

fn compile(program: &str) -> Query {
    let query = Query::compile(program, GLOBALS).unwrap();
    assert!(query.is_planned(), "{program}");
    query
}

/// Whether the plan does it, as the interpreter does; or gives up.
fn agree(query: &Query, record: &str) -> Result<bool, TestCaseError> {
    let interpreted = interpreted(query, record);
    let Ok(planned) = planned(query, record) else { return Ok(false) };
    prop_assert_eq!(Ok(planned), interpreted, "{:?} of {}", query, record);
    Ok(true)
}

proptest! {
    #[test]
    fn plans_do_what_the_interpreter_does(
        program in choices(60).prop_map(|mut choices| choices.program()),
        records in prop::collection::vec(choices(120).prop_map(|mut choices| choices.record()), 1..8),
    ) {
        let query = compile(&program);
        for record in &records {
            agree(&query, record)?;
            if let Some(read) = query.reads() {
                prop_assert_eq!(interpreted(&query, record), interpreted(&query, &only(record, &read)), "{}", program);
            }
        }
    }
}

/// A record without the fields that are not read.
fn only(record: &str, read: &[&str]) -> String {
    let arena = Bump::new();
    let Ok(record) = Document::parse(record, &arena) else { return record.to_owned() };
    let mut some = Document::with_capacity(0, &arena);
    for (name, value) in record.fields().filter(|(name, _)| read.contains(name)) {
        let text = arena.alloc_str(&format!("{}:", serde_json::to_string(name).unwrap()));
        some.set(Key { name, text }, value);
    }
    let mut json = String::new();
    some.write(&mut json);
    json
}

#[test]
fn the_fields_that_are_read_are_known_where_nothing_else_is() {
    let read = |program: &str| compile(program).reads().map(|names| names.join(" "));
    assert_eq!(read("{a, b: (.c.d // \"-\"), e: \"x\\(.f)\"}").as_deref(), Some("a c f"));
    assert_eq!(read(".a as $x | {$x, y: ($x | tostring), z: .b}").as_deref(), Some("a b"));
    assert_eq!(read("if .a == 1 and .b then {c: .d} else {c: (.e + .f)} end").as_deref(), Some("a b d e f"));
    assert_eq!(read("{a: 1}").as_deref(), Some(""));
    for program in [".", ". + {a: 1}", "del(.a)", "select(.a == 1)", "{a: .}", ". as $x | {a: $x}"] {
        assert_eq!(read(program), None, "{program}");
    }
}

/// Each operation alone, on many records: what is odd about values is odd there.
#[test]
fn operations_do_what_the_interpreter_does() {
    let queries = OPERATIONS.map(compile);
    proptest!(|(record in choices(120).prop_map(|mut choices| choices.record()))| {
        for query in &queries {
            agree(query, &record)?;
        }
    });
}

const OPERATIONS: [&str; 29] = [
    ".",
    ".o",
    ".o.a",
    r#"."a b""#,
    "{a, s, b: .o.a}",
    "{$g, a: $g.n}",
    "del(.a, .s)",
    ". + {a: .b, k: .o, s: null}",
    ". + .o",
    ".n + .a",
    ".n + .n",
    ".s + .a",
    ".a // .b // 1.0",
    ".a == .b",
    ".a < .b",
    ".n <= .c",
    ".n == 1",
    "(.n + .b) == (.n + 1)",
    ".s > .t",
    "select(.a or (.b and (.c | not)))",
    "if .a then {b} elif .s == \"a\" then .o else . end",
    ".a as $x | . + {$x}",
    r#""\(.a)/\(.n)-\(.s)""#,
    ".a | tostring",
    ".s | tonumber",
    "{d: (.s | ascii_downcase), u: (.s | ascii_upcase), s: .s[1:3]}",
    ".t | rfc3339",
    r#".t | rfc3339 | strftime("%FT%TZ")"#,
    r#".n | strftime("%d/%b/%Y %H:%M:%S")"#,
];

#[test]
fn what_is_not_ordinary_is_given_up() {
    for (program, record) in [
        // Times that are no whole seconds after 1970, as floats.
        (r#".t | rfc3339 | strftime("%T")"#, r#"{"t":"2300-01-01T23:59:59.5Z"}"#),
        (r#".t | rfc3339 | strftime("%T")"#, r#"{"t":"1969-12-31T23:59:59.5Z"}"#),
        (r#".n | strftime("%T")"#, r#"{"n":0.5}"#),
        (r#".t | rfc3339 | strftime("%Y")"#, r#"{"t":"-000001-01-01T00:00:00Z"}"#),
        // Numbers that JSON does not know.
        (".n + .n > 1.7976931348623157e308", r#"{"n":1e999}"#),
        (".n + .m == null", r#"{"n":1e999,"m":-1e999}"#),
        (".s | tonumber", r#"{"s":"1.e999"}"#),
        // Half surrogate pairs, where text is looked at.
        (".s == .t", r#"{"s":"\ud800","t":"\udc00"}"#),
        (r#".s + """#, r#"{"s":"\ud800"}"#),
        (".o.a", r#"{"o":{"\ud800":1,"a":2}}"#),
        // Errors, the interpreter's own affair.
        (".s.a", r#"{"s":"a"}"#),
        (".l.a", r#"{"l":[]}"#),
        ("del(.a) | .s | del(.a)", r#"{"s":"a"}"#),
        (".s | tonumber", r#"{"s":"a"}"#),
        (".s + .n", r#"{"s":"a","n":1}"#),
        (".s | rfc3339", r#"{"s":"2026-11-21"}"#),
    ] {
        let query = compile(program);
        assert!(planned(&query, record).is_err(), "{program} of {record}");
    }
}

#[test]
fn what_a_plan_makes_is_bounded() {
    let record = format!(r#"{{"s":"{}"}}"#, "a".repeat(100_000));
    let twice = |step: &str, last: &str| format!(".s | {} | {last}", [step; 60].join(" | "));
    let many = |value: &str| (0..200).map(|n| format!("f{n}: {value}")).collect::<Vec<_>>().join(", ");
    for program in [
        twice(r#""\(.)\(.)""#, "{k: .[:9]}"),
        twice(". + .", "{k: .[:9]}"),
        twice("{a: ., b: .}", "{k: 1}"),
        twice("ascii_upcase | ascii_downcase", "{k: 1}"),
        format!("{{{}}} | {{a: ., b: .}}", many(".s")),
        format!("{{{}}}", many(".s + .s")),
    ] {
        assert!(planned(&compile(&program), &record).is_err(), "{program}");
    }
}

/// Choices among things to write, of which the first is the simplest; it is taken when there are none left.
#[derive(Debug)]
struct Choices(std::vec::IntoIter<u8>);

fn choices(most: usize) -> impl Strategy<Value = Choices> {
    prop::collection::vec(any::<u8>(), 0..most).prop_map(|choices| Choices(choices.into_iter()))
}

/// How deep programs are nested.
const DEPTH: usize = 4;

impl Choices {
    fn below(&mut self, bound: usize) -> usize {
        usize::from(self.0.next().unwrap_or(0)) % bound
    }

    fn one<'c>(&mut self, of: &[&'c str]) -> &'c str {
        of[self.below(of.len())]
    }

    /// A program, with the variables that it uses.
    fn program(&mut self) -> String {
        let mut program = match self.below(3) {
            0 => self.object(DEPTH),
            1 => self.value(DEPTH),
            _ => format!("{} | {}", self.object(DEPTH), self.object(DEPTH)),
        };
        for (variable, value) in [("$x", ".s"), ("$y", ".n"), ("$z", ".")] {
            if program.contains(variable) {
                program = format!("{value} as {variable} | {program}");
            }
        }
        program
    }

    /// What is any value.
    fn value(&mut self, depth: usize) -> String {
        let fields =
            [".a", ".b", ".c", ".s", ".n", ".t", ".o", ".missing", r#"."a b""#, r#".["a b"]"#, ".o.a", ".o.o.s"];
        if depth == 0 || self.0.len() == 0 {
            return match self.below(4) {
                0 => self.one(&fields),
                1 => self.one(&["$x", "$y", "$z", "$g", "$absent", "$g.s", "$g.z", "$z.o"]),
                _ => self.one(&["null", "true", "false", "1", "\"\"", "1.0", "."]),
            }
            .to_owned();
        }
        match self.below(12) {
            0 => self.value(0),
            1 => self.text(depth),
            2 => self.number(depth),
            3 => self.boolean(depth),
            4 => self.object(depth),
            5 => format!("({} // {})", self.value(depth - 1), self.value(depth - 1)),
            6 => format!("({} + {})", self.value(depth - 1), self.value(depth - 1)),
            7 => format!("({} | select({}))", self.value(depth - 1), self.boolean(depth - 1)),
            8 => format!("({} | {})", self.value(depth - 1), self.value(depth - 1)),
            9 => {
                format!("({} as {} | {})", self.value(depth - 1), self.one(&["$x", "$y", "$z"]), self.value(depth - 1))
            }
            10 => {
                let [condition, then, otherwise] = [(); 3].map(|()| self.value(depth - 1));
                format!("if {condition} then {then} elif {} then . else {otherwise} end", self.boolean(depth - 1))
            }
            _ => {
                let function = self.one(&[
                    "not",
                    "tostring",
                    "tonumber",
                    "ascii_downcase",
                    "ascii_upcase",
                    "rfc3339",
                    ".[:3]",
                    ".a",
                ]);
                format!("({} | {function})", self.value(depth - 1))
            }
        }
    }

    /// What is text as a rule.
    fn text(&mut self, depth: usize) -> String {
        if depth == 0 || self.0.len() == 0 {
            let constants = [r#""a""#, r#""""#, r#""\n\"\\\u00e9""#, r#""ị😀""#, r#""1.10""#, r#""\u0000\u1ecb/\/""#];
            return if self.below(2) == 0 { self.one(&[".s", ".t", "$x", "$g.s"]) } else { self.one(&constants) }
                .to_owned();
        }
        match self.below(8) {
            0 => self.text(0),
            1 => format!("({} | tostring)", self.value(depth - 1)),
            2 => format!("({} + {})", self.text(depth - 1), self.text(depth - 1)),
            3 => {
                let slice = self.one(&[".[:4]", ".[1:]", ".[2:5]", ".[5:2]", ".[0:0]", ".[0:1000]"]);
                format!("({} | {slice})", self.text(depth - 1))
            }
            4 => format!("({} | {})", self.text(depth - 1), self.one(&["ascii_downcase", "ascii_upcase"])),
            5 => format!(
                r#""{}\({}){}\({})""#,
                self.one(&["", "a\\t"]),
                self.value(depth - 1),
                self.one(&["", "é"]),
                self.text(depth - 1)
            ),
            6 => {
                let format = self.one(&["%Y", "%m", "%d %H:%M:%S", "%F %T", "%Y-%m-%dT%H:%M:%SZ", "100%% %b", ""]);
                format!("({} | strftime(\"{format}\"))", self.number(depth - 1))
            }
            _ => format!("({} // {})", self.value(depth - 1), self.text(depth - 1)),
        }
    }

    /// What is a number as a rule.
    fn number(&mut self, depth: usize) -> String {
        if depth == 0 || self.0.len() == 0 {
            let constants = ["0", "1.0", "1.10", "1e3", "9007199254740993", "1e999", "0.5", "12345678901234567891"];
            return if self.below(2) == 0 {
                self.one(&[".n", "(.t | rfc3339)", "$y", "$g.n"])
            } else {
                self.one(&constants)
            }
            .to_owned();
        }
        match self.below(5) {
            0 => self.number(0),
            1 => format!("({} | tonumber)", self.text(depth - 1)),
            2 => format!("({} + {})", self.number(depth - 1), self.number(depth - 1)),
            3 => format!("({} | rfc3339)", self.text(depth - 1)),
            _ => format!("({} // {})", self.value(depth - 1), self.number(depth - 1)),
        }
    }

    /// What is used as a condition.
    fn boolean(&mut self, depth: usize) -> String {
        if depth == 0 || self.0.len() == 0 {
            return self.one(&[".a", "true", "false", "null", ".n"]).to_owned();
        }
        let comparison = self.one(&["==", "!=", "<", "<=", ">", ">="]);
        match self.below(7) {
            0 => self.value(depth - 1),
            1 => format!("({} {comparison} {})", self.value(depth - 1), self.value(depth - 1)),
            2 => format!("({} {comparison} {})", self.number(depth - 1), self.number(depth - 1)),
            3 => format!("({} {comparison} {})", self.text(depth - 1), self.text(depth - 1)),
            4 => format!("({} and {})", self.boolean(depth - 1), self.boolean(depth - 1)),
            5 => format!("({} or {})", self.boolean(depth - 1), self.boolean(depth - 1)),
            _ => format!("({} | not)", self.boolean(depth - 1)),
        }
    }

    /// What is an object as a rule.
    fn object(&mut self, depth: usize) -> String {
        if depth == 0 || self.0.len() == 0 {
            return self.one(&[".", ".o", "{}", "{a}", "{s, n}", "$z", "$g"]).to_owned();
        }
        match self.below(9) {
            0 => self.object(0),
            1 => {
                let fields = (0..=self.below(4)).map(|_| self.made_field(depth - 1)).collect::<Vec<_>>();
                format!("{{{}}}", fields.join(", "))
            }
            2 => format!("({} + {})", self.object(depth - 1), self.object(depth - 1)),
            3 => {
                let fields = (0..=self.below(3)).map(|_| self.one(&[".a", ".s", ".missing", r#"."a b""#, ".o"]));
                format!("del({})", fields.collect::<Vec<_>>().join(", "))
            }
            4 => format!("({} | {})", self.object(depth - 1), self.object(depth - 1)),
            5 => format!("select({})", self.boolean(depth - 1)),
            6 => {
                let condition = self.boolean(depth - 1);
                format!("if {condition} then {} else {} end", self.object(depth - 1), self.object(depth - 1))
            }
            7 => format!("({} as {} | {})", self.value(depth - 1), self.one(&["$x", "$y"]), self.object(depth - 1)),
            _ => format!("({} // {})", self.object(depth - 1), self.object(depth - 1)),
        }
    }

    fn made_field(&mut self, depth: usize) -> String {
        match self.below(5) {
            0 => self.one(&["a", "s", "n", "\"a b\"", "$x", "$g", "missing"]).to_owned(),
            1 => format!("{}: {}", self.one(&["a", "k", "\"a b\"", "\"\\u00e9\\n\"", "s"]), self.value(0)),
            _ => format!("{}: ({})", self.one(&["a", "k", "l", "s", "o"]), self.value(depth)),
        }
    }

    /// A record: an object of fields that programs ask for, and others.
    fn record(&mut self) -> String {
        let mut fields: Vec<String> = (0..self.below(12)).map(|_| self.field(2)).collect();
        if self.below(16) == 1 {
            fields.extend((0..70).map(|n| format!("\"f{n}\":{n}")));
            fields.push(self.field(1));
        }
        let blank = self.blank();
        format!("{blank}{{{blank}{}{blank}}}{blank}", fields.join(","))
    }

    fn blank(&mut self) -> &'static str {
        self.one(&["", "", "", " ", "\n", "\r\n\t"])
    }

    fn field(&mut self, depth: usize) -> String {
        let [before, after] = [(); 2].map(|()| self.blank());
        let (name, value) = match self.below(8) {
            0 => ("a", self.json(depth)),
            1 => ("s", self.string()),
            2 => ("n", self.digits()),
            3 => ("t", self.time()),
            4 => ("o", self.json_object(depth)),
            5 => (self.one(&["b", "c", "a b", "t", "n", "s", "o"]), self.json(depth)),
            6 => (self.one(&["\\u0061", "é\\n", "", "\\ud83d\\ude00", "z"]), self.json(depth)),
            _ => (self.one(&["a", "b", "c"]), self.string()),
        };
        format!("{before}\"{name}\"{after}:{before}{value}{after}")
    }

    fn json(&mut self, depth: usize) -> String {
        match self.below(if depth == 0 { 5 } else { 7 }) {
            0 => "null".to_owned(),
            1 => self.one(&["true", "false"]).to_owned(),
            2 => self.string(),
            3 => self.digits(),
            4 => self.time(),
            5 => self.json_object(depth),
            _ => {
                let blank = self.blank();
                let items: Vec<String> = (0..self.below(4)).map(|_| self.json(depth - 1)).collect();
                format!("[{blank}{}{blank}]", items.join(","))
            }
        }
    }

    fn json_object(&mut self, depth: usize) -> String {
        let blank = self.blank();
        let fields: Vec<String> = (0..self.below(5)).map(|_| self.field(depth.saturating_sub(1))).collect();
        format!("{{{blank}{}{blank}}}", fields.join(","))
    }

    fn string(&mut self) -> String {
        const PARTS: [&str; 22] = [
            "a",
            "bC",
            "É",
            "ị😀",
            "1",
            ".",
            "0",
            "-",
            "e9",
            "e999",
            " ",
            "null",
            "\\\"",
            "\\\\",
            "\\n",
            "\\/",
            "\\u0041",
            "\\ud83d\\ude00",
            "\\ud800",
            "\\udc00x",
            "\\u0000",
            "\u{7f}\u{2028}",
        ];
        let parts: String = (0..self.below(5)).map(|_| self.one(&PARTS)).collect();
        format!("\"{parts}\"")
    }

    fn digits(&mut self) -> String {
        const ODD: [&str; 20] = [
            "0",
            "1",
            "-0",
            "-0.0",
            "1.0",
            "1.10",
            "10e-1",
            "1E5",
            "-1",
            "12345678901234567891",
            "9007199254740993",
            "9007199254740992.0",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775808",
            "1e999",
            "-1e999",
            "5e-324",
            "253402207200",
            "-377705023201",
        ];
        match self.below(4) {
            0 => self.one(&ODD).to_owned(),
            1 => format!("17{:08}.{}", self.below(256) * 390_001, self.one(&["0", "5", "25", "999999", "9999999"])),
            2 => format!(
                "{}{}{}",
                self.one(&["", "-"]),
                1 + self.below(255),
                self.one(&["", "e8", "e9", "00000000", ".5e9"])
            ),
            _ => format!("{}.{}", self.below(4), self.below(4)),
        }
    }

    /// A time in RFC 3339, or almost.
    fn time(&mut self) -> String {
        let (year, month, day) = (1800 + 2 * self.below(256), 1 + self.below(12), 1 + self.below(28));
        let some = format!("{year}-{month:02}-{day:02}");
        let date = self.one(&[
            &some,
            "2026-11-21",
            "1970-01-01",
            "1969-12-31",
            "0000-01-01",
            "-000001-12-31",
            "-009999-01-02",
            "0999-02-28",
            "1900-02-28",
            "2024-02-29",
            "2023-02-29",
            "2255-06-05",
            "2255-06-06",
            "2300-12-31",
            "9999-12-30",
            "9999-12-31",
            "+010000-01-01",
        ]);
        let time = self.one(&["09:30:00", "00:00:00", "23:59:59", "23:59:60", "22:00:00", "9:30"]);
        let fraction = self.one(&["", ".25", ".000", ".5", ".999999", ".9999999", ".999999999", ".000000001", ","]);
        let offset = self.one(&["Z", "+01:00", "-02:30", "z", "", "+01:00[Europe/Berlin]", "-00:00"]);
        format!("\"{date}{}{time}{fraction}{offset}\"", self.one(&["T", "t", " "]))
    }
}
