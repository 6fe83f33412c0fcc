//! Athena's spellings: functions that DataFusion has by another name or with other arguments.
//!
//! Each is a line. What takes more than that is not there, and a query that uses it is refused.

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Statement, Value, visit_expressions_mut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use std::ops::ControlFlow;

/// A function of Athena, the number of its arguments, and what it is here.
const SPELLINGS: [(&str, usize, &str); 36] = [
    ("approx_percentile", 2, "approx_percentile_cont($1, $2)"),
    ("arbitrary", 1, "any_value($1)"),
    ("ceiling", 1, "ceil($1)"),
    ("codepoint", 1, "ascii($1)"),
    ("contains", 2, "array_contains($1, $2)"),
    ("count_if", 1, "count(*) FILTER (WHERE $1)"),
    ("date", 1, "cast($1 AS date)"),
    ("date_add", 3, "$3 + cast(cast($2 AS varchar) || ' ' || $1 AS interval)"),
    ("date_format", 2, "to_char($1, $2)"),
    ("date_parse", 2, "to_timestamp($1, $2)"),
    ("day", 1, "cast(date_part('day', $1) AS bigint)"),
    ("day_of_week", 1, "cast(date_part('isodow', $1) AS bigint)"),
    ("day_of_year", 1, "cast(date_part('doy', $1) AS bigint)"),
    ("element_at", 2, "$1[$2]"),
    ("every", 1, "bool_and($1)"),
    ("from_iso8601_date", 1, "cast($1 AS date)"),
    ("from_iso8601_timestamp", 1, "cast($1 AS timestamp)"),
    ("hour", 1, "cast(date_part('hour', $1) AS bigint)"),
    ("if", 2, "CASE WHEN $1 THEN $2 END"),
    ("if", 3, "CASE WHEN $1 THEN $2 ELSE $3 END"),
    ("max_by", 2, "last_value($1 ORDER BY $2 NULLS FIRST)"),
    ("min_by", 2, "first_value($1 ORDER BY $2 NULLS LAST)"),
    ("minute", 1, "cast(date_part('minute', $1) AS bigint)"),
    ("mod", 2, "$1 % $2"),
    ("month", 1, "cast(date_part('month', $1) AS bigint)"),
    ("quarter", 1, "cast(date_part('quarter', $1) AS bigint)"),
    ("regexp_extract", 2, "regexp_match($1, '(' || $2 || ')')[1]"),
    ("regexp_extract", 3, "regexp_match($1, $2)[$3]"),
    ("regexp_replace", 2, "regexp_replace($1, $2, '', 'g')"),
    ("regexp_replace", 3, "regexp_replace($1, $2, $3, 'g')"),
    ("second", 1, "cast(date_part('second', $1) AS bigint)"),
    ("sequence", 2, "generate_series($1, $2)"),
    ("split", 2, "string_to_array($1, $2)"),
    ("truncate", 1, "trunc($1)"),
    ("week", 1, "cast(date_part('week', $1) AS bigint)"),
    ("year", 1, "cast(date_part('year', $1) AS bigint)"),
];

/// The letters of formats as Athena takes them, which are those of `MySQL`, and what they are in those of `strftime`
/// (<https://trino.io/docs/current/functions/datetime.html#mysql-date-functions>).
const LETTERS: [(char, &str); 24] = [
    ('a', "%a"),
    ('b', "%b"),
    ('c', "%-m"),
    ('d', "%d"),
    ('e', "%-d"),
    ('f', "%6f"),
    ('H', "%H"),
    ('h', "%I"),
    ('I', "%I"),
    ('i', "%M"),
    ('j', "%j"),
    ('k', "%-H"),
    ('l', "%-I"),
    ('M', "%B"),
    ('m', "%m"),
    ('p', "%p"),
    ('r', "%I:%M:%S %p"),
    ('S', "%S"),
    ('s', "%S"),
    ('T', "%H:%M:%S"),
    ('W', "%A"),
    ('Y', "%Y"),
    ('y', "%y"),
    ('%', "%%"),
];

/// Functions of which the second argument is a format.
const FORMATTED: [&str; 2] = ["date_format", "date_parse"];

/// Writes the functions of a statement as DataFusion has them. The error says what of a format is not understood.
pub(super) fn respell(statement: &mut Statement) -> Result<(), String> {
    let result = visit_expressions_mut(statement, |expression| match respelled(expression) {
        Ok(None) => ControlFlow::Continue(()),
        Ok(Some(here)) => {
            *expression = here;
            ControlFlow::Continue(())
        }
        Err(fault) => ControlFlow::Break(fault),
    });
    match result {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(fault) => Err(fault),
    }
}

fn respelled(expression: &Expr) -> Result<Option<Expr>, String> {
    let Expr::Function(function) = expression else { return Ok(None) };
    let Some(mut arguments) = plain_arguments(function) else { return Ok(None) };
    let name = function.name.to_string().to_lowercase();
    let spelling = SPELLINGS.iter().find(|(athena, count, _)| *athena == name && *count == arguments.len());
    let Some((_, _, here)) = spelling else { return Ok(None) };
    if FORMATTED.contains(&name.as_str())
        && let Some(Expr::Value(value)) = arguments.get_mut(1)
        && let Value::SingleQuotedString(format) = &mut value.value
    {
        *format = strftime(format).map_err(|fault| format!("the format of `{name}` {fault}"))?;
    }
    let parser = Parser::new(&GenericDialect {}).try_with_sql(here);
    let mut here = parser.and_then(|mut parser| parser.parse_expr()).map_err(|error| error.to_string())?;
    let placed: ControlFlow<()> = visit_expressions_mut(&mut here, |place| {
        if let Expr::Value(value) = place
            && let Value::Placeholder(name) = &value.value
            && let Some(argument) = name.strip_prefix('$').and_then(|number| number.parse::<usize>().ok())
            && let Some(argument) = arguments.get(argument - 1)
        {
            *place = Expr::Nested(Box::new(argument.clone()));
        }
        ControlFlow::Continue(())
    });
    debug_assert!(placed.is_continue(), "nothing breaks");
    Ok(Some(Expr::Nested(Box::new(here))))
}

/// The arguments of a call that is nothing more: no window, no filter, no order.
fn plain_arguments(function: &Function) -> Option<Vec<Expr>> {
    let FunctionArguments::List(list) = &function.args else { return None };
    let is_plain = function.over.is_none()
        && function.filter.is_none()
        && function.null_treatment.is_none()
        && function.within_group.is_empty()
        && list.duplicate_treatment.is_none()
        && list.clauses.is_empty();
    let argument = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => Some(expression.clone()),
        _ => None,
    };
    list.args.iter().map(argument).collect::<Option<_>>().filter(|_| is_plain)
}

/// A format of Athena's in the letters of `strftime`.
fn strftime(format: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        let letter = letters.next().ok_or_else(|| "ends with `%`, expected a letter after it".to_owned())?;
        let known = LETTERS.iter().find(|(mysql, _)| *mysql == letter);
        let known = known.ok_or_else(|| {
            let all = LETTERS.iter().map(|(mysql, _)| format!("%{mysql}")).collect::<Vec<_>>().join(" ");
            format!("has `%{letter}`, expected one of `{all}`")
        })?;
        out.push_str(known.1);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// A query, with its functions as they are here.
    fn here(sql: &str) -> Result<String, String> {
        let mut statements = Parser::parse_sql(&GenericDialect {}, sql).unwrap();
        respell(&mut statements[0])?;
        Ok(statements[0].to_string())
    }

    #[test]
    fn functions_are_spelt_as_they_are_here() {
        insta::assert_snapshot!(here("SELECT Year(a + b) FROM t").unwrap(), @"SELECT (CAST(date_part('year', (a + b)) AS BIGINT)) FROM t");
        insta::assert_snapshot!(here("SELECT if(year(a) = 1, split(b, ','), c)").unwrap(), @"SELECT (CASE WHEN ((CAST(date_part('year', (a)) AS BIGINT)) = 1) THEN ((string_to_array((b), (',')))) ELSE (c) END)");
        insta::assert_snapshot!(here("SELECT a FROM t WHERE date_format(at, '%Y-%m-%d %H:%i:%s %%') = 'x'").unwrap(), @"SELECT a FROM t WHERE (to_char((at), ('%Y-%m-%d %H:%M:%S %%'))) = 'x'");
    }

    #[test]
    fn what_is_more_than_a_call_is_left_as_it_is() {
        for sql in [
            "SELECT year(a, b)",
            "SELECT arbitrary(DISTINCT a)",
            "SELECT every(a) OVER (PARTITION BY b)",
            "SELECT arbitrary(a) FILTER (WHERE b)",
            "SELECT other.year(a)",
            "SELECT 'year(a)' AS year",
        ] {
            assert_eq!(here(sql).unwrap(), sql);
        }
    }

    #[test]
    fn each_spelling_can_be_read_and_has_its_arguments() {
        let all: BTreeSet<(&str, usize)> = SPELLINGS.iter().map(|(name, count, _)| (*name, *count)).collect();
        assert_eq!(all.len(), SPELLINGS.len());
        for (name, count, _) in SPELLINGS {
            let arguments: Vec<String> = (1..=count).map(|number| format!("argument{number}")).collect();
            let call = format!("SELECT {name}({})", arguments.join(", "));
            let here = here(&call).unwrap();
            assert!(arguments.iter().all(|argument| here.contains(argument)) && !here.contains('$'), "{call}: {here}");
        }
    }

    #[test]
    fn errors() {
        insta::assert_snapshot!(here("SELECT date_format(a, '%D')").unwrap_err(), @"the format of `date_format` has `%D`, expected one of `%a %b %c %d %e %f %H %h %I %i %j %k %l %M %m %p %r %S %s %T %W %Y %y %%`");
        insta::assert_snapshot!(here("SELECT date_parse(a, '%Y %')").unwrap_err(), @"the format of `date_parse` ends with `%`, expected a letter after it");
    }
}
