//! How long headgate's interpreter takes for programs that have no plan, beside jaq with values of its own:
//!
//! ```sh
//! cargo run --release --manifest-path bench/beside-jaq/Cargo.toml -- samples/component-metrics.ndjson
//! ```
//!
//! Both read each line, run the program, and write its output. Times are the best of some rounds, which alternate.

use firehose_transform::query::Query;
use jaq_core::data::JustLut;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Filter, Vars};
use jaq_json::{Val, read};
use serde_json::value::RawValue;
use std::fmt::Write;
use std::time::{Duration, Instant};

const PROGRAMS: [&str; 5] = [
    ".componentName |= ascii_downcase",
    "with_entries(select(.value != null))",
    r#"{name: (.componentName | split("-")), sum: ([.minValue, .maxValue] | map(numbers) | add)}"#,
    r#".fromTimestamp |= sub("[.].*Z$"; "Z")"#,
    "to_entries | map(.key) | {keys: .}",
];
const ROUNDS: usize = 20;

fn main() {
    let Some(path) = std::env::args().nth(1) else { panic!("expected a file with records, one a line") };
    let text = std::fs::read_to_string(path).expect("a file that can be read");
    let records: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    println!("{:>10} {:>10} {:>6}  program, microseconds a record", "jaq", "headgate", "ratio");
    for program in PROGRAMS {
        let (jaq, query) = (compile(program), Query::compile(program, &[]).expect("a program"));
        let (mut of_jaq, mut of_headgate) = (Duration::MAX, Duration::MAX);
        for _ in 0..ROUNDS {
            of_jaq = of_jaq.min(time(|output| records.iter().for_each(|record| run_jaq(&jaq, record, output))));
            of_headgate = of_headgate.min(time(|output| records.iter().for_each(|record| run(&query, record, output))));
        }
        let each = |time: Duration| time.as_secs_f64() * 1e6 / records.len() as f64;
        let ratio = each(of_headgate) / each(of_jaq);
        println!("{:>10.2} {:>10.2} {ratio:>6.2}  {program}", each(of_jaq), each(of_headgate));
    }
}

fn time(work: impl FnOnce(&mut String)) -> Duration {
    let mut output = String::new();
    let start = Instant::now();
    work(&mut output);
    start.elapsed()
}

fn run(query: &Query, record: &str, output: &mut String) {
    let record: &RawValue = serde_json::from_str(record).expect("JSON");
    query.run(record, |_| None, output).expect("an output");
    output.push('\n');
}

fn compile(program: &str) -> Filter<JustLut<Val>> {
    let arena = Arena::default();
    let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let modules = Loader::new(definitions).load(&arena, File { code: program, path: () }).expect("a program");
    let functions = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    Compiler::default().with_funs(functions).compile(modules).expect("a program")
}

fn run_jaq(filter: &Filter<JustLut<Val>>, record: &str, output: &mut String) {
    let input = read::parse_single(record.as_bytes()).expect("JSON");
    let context = Ctx::<JustLut<Val>>::new(&filter.lut, Vars::new([]));
    for value in filter.id.run((context, input)) {
        writeln!(output, "{}", value.map_err(|_| ()).expect("an output")).expect("memory");
    }
}
