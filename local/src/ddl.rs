//! The DDL of partitions, read as Hive reads it.
//!
//! Written against Hive's grammar, and on purpose not with the code that writes statements: what the maintainer says is
//! understood here independently. (The parser crates for SQL know none of a dialect in which several partitions with
//! locations stand in one statement.)

use std::iter::Peekable;
use std::str::Chars;

/// `ALTER TABLE … ADD [IF NOT EXISTS] PARTITION (…) [LOCATION '…'] …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddPartitions {
    /// The database, if the table's name is qualified.
    pub database: Option<String>,
    /// The table, in lower case.
    pub table: String,
    /// Whether partitions that are there already are left alone, and no error.
    pub if_not_exists: bool,
    /// The partitions, in order.
    pub partitions: Vec<PartitionSpec>,
}

/// One partition of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionSpec {
    /// Columns, in lower case, and values, in the order in which they are written.
    pub values: Vec<(String, String)>,
    /// Where it lies.
    pub location: Option<String>,
}

/// Why a text is not one such statement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, got {got}")]
pub struct DdlError {
    expected: &'static str,
    got: String,
}

/// Some of the words that are not names without back-ticks
/// (<https://docs.aws.amazon.com/athena/latest/ug/reserved-words.html>).
const RESERVED: [&str; 20] = [
    "add",
    "all",
    "alter",
    "and",
    "as",
    "between",
    "case",
    "date",
    "exists",
    "from",
    "group",
    "if",
    "int",
    "not",
    "order",
    "partition",
    "table",
    "timestamp",
    "user",
    "values",
];

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// A bare word or number, as it is written.
    Word(String),
    /// A name between back-ticks.
    Name(String),
    /// A string, decoded.
    Text(String),
    Sign(char),
}

/// Reads exactly one statement, without a semicolon.
pub fn parse(sql: &str) -> Result<AddPartitions, DdlError> {
    let mut tokens = Tokens { tokens: lex(sql)?.into_iter().peekable() };
    tokens.word("alter", "`ALTER TABLE`")?;
    tokens.word("table", "`ALTER TABLE`")?;
    let first = tokens.name("the name of a table")?;
    let (database, table) =
        if tokens.sign('.') { (Some(first), tokens.name("the name of a table")?) } else { (None, first) };
    tokens.word("add", "`ADD`")?;
    let if_not_exists = tokens.is_word("if");
    if if_not_exists {
        tokens.word("not", "`IF NOT EXISTS`")?;
        tokens.word("exists", "`IF NOT EXISTS`")?;
    }
    let mut partitions = Vec::new();
    while partitions.is_empty() || tokens.tokens.peek().is_some() {
        tokens.word("partition", "`PARTITION`")?;
        partitions.push(partition(&mut tokens)?);
    }
    Ok(AddPartitions { database, table, if_not_exists, partitions })
}

fn partition(tokens: &mut Tokens) -> Result<PartitionSpec, DdlError> {
    let mut values = Vec::new();
    tokens.expect_sign('(', "`(`")?;
    loop {
        let column = tokens.name("the name of a column")?;
        tokens.expect_sign('=', "`=`")?;
        values.push((column, tokens.value()?));
        if !tokens.sign(',') {
            break;
        }
    }
    tokens.expect_sign(')', "`)`")?;
    let location = if tokens.is_word("location") { Some(tokens.text("a location")?) } else { None };
    Ok(PartitionSpec { values, location })
}

struct Tokens {
    tokens: Peekable<std::vec::IntoIter<Token>>,
}

impl Tokens {
    fn is_word(&mut self, word: &str) -> bool {
        self.tokens.next_if(|token| matches!(token, Token::Word(found) if found.eq_ignore_ascii_case(word))).is_some()
    }

    fn word(&mut self, word: &str, expected: &'static str) -> Result<(), DdlError> {
        if self.is_word(word) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    fn sign(&mut self, sign: char) -> bool {
        self.tokens.next_if_eq(&Token::Sign(sign)).is_some()
    }

    fn expect_sign(&mut self, sign: char, expected: &'static str) -> Result<(), DdlError> {
        if self.sign(sign) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    /// A name: anything between back-ticks, or a word that Hive does not keep for itself.
    fn name(&mut self, expected: &'static str) -> Result<String, DdlError> {
        let is_name = |token: &Token| match token {
            Token::Name(name) => !name.is_empty(),
            Token::Word(word) => {
                let reserved = RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(word));
                !reserved && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            }
            Token::Text(_) | Token::Sign(_) => false,
        };
        match self.tokens.next_if(is_name) {
            Some(Token::Name(name) | Token::Word(name)) => Ok(name.to_lowercase()),
            _ => Err(self.unexpected(expected)),
        }
    }

    fn text(&mut self, expected: &'static str) -> Result<String, DdlError> {
        match self.tokens.next_if(|token| matches!(token, Token::Text(_))) {
            Some(Token::Text(text)) => Ok(text),
            _ => Err(self.unexpected(expected)),
        }
    }

    /// A string or a bare number, which has no sign.
    fn value(&mut self) -> Result<String, DdlError> {
        let number = |token: &Token| {
            let (whole, fraction) = match token {
                Token::Word(word) => word.split_once('.').unwrap_or((word, "")),
                _ => return false,
            };
            is_number(whole) && (fraction.is_empty() || is_number(fraction))
        };
        match self.tokens.next_if(number) {
            Some(Token::Word(number)) => Ok(number),
            _ => self.text("a value"),
        }
    }

    fn unexpected(&mut self, expected: &'static str) -> DdlError {
        let got = match self.tokens.peek() {
            None => "the end".to_owned(),
            Some(Token::Word(word)) => format!("`{word}`"),
            Some(Token::Name(name)) => format!("the name `{name}`"),
            Some(Token::Text(_)) => "a string".to_owned(),
            Some(Token::Sign(sign)) => format!("`{sign}`"),
        };
        DdlError { expected, got }
    }
}

fn lex(sql: &str) -> Result<Vec<Token>, DdlError> {
    let mut tokens = Vec::new();
    let mut rest = sql.chars().peekable();
    let is_word = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    while let Some(character) = rest.next() {
        match character {
            blank if blank.is_ascii_whitespace() => {}
            '`' => tokens.push(Token::Name(until(&mut rest, '`')?)),
            quote @ ('\'' | '"') => {
                let text = string(&mut rest, quote)?;
                // Two strings side by side are one.
                match tokens.last_mut() {
                    Some(Token::Text(before)) => before.push_str(&text),
                    _ => tokens.push(Token::Text(text)),
                }
            }
            first if is_word(&first) => {
                let mut word = String::from(first);
                while let Some(next) = rest.next_if(is_word) {
                    word.push(next);
                }
                if is_number(&word) && rest.next_if_eq(&'.').is_some() {
                    word.push('.');
                    while let Some(next) = rest.next_if(is_word) {
                        word.push(next);
                    }
                }
                tokens.push(Token::Word(word));
            }
            sign @ ('(' | ')' | '=' | ',' | '.') => tokens.push(Token::Sign(sign)),
            other => return Err(DdlError { expected: "one statement", got: format!("`{other}`") }),
        }
    }
    Ok(tokens)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn until(rest: &mut Peekable<Chars<'_>>, end: char) -> Result<String, DdlError> {
    let mut text = String::new();
    loop {
        match rest.next() {
            Some(character) if character == end => return Ok(text),
            Some(character) => text.push(character),
            None => return Err(DdlError { expected: "a closing quote", got: "the end".to_owned() }),
        }
    }
}

/// What Hive's `unescapeSQLString` makes of a string.
fn string(rest: &mut Peekable<Chars<'_>>, end: char) -> Result<String, DdlError> {
    let open = || DdlError { expected: "a closing quote", got: "the end".to_owned() };
    let mut text = String::new();
    loop {
        let character = rest.next().ok_or_else(open)?;
        if character == end {
            return Ok(text);
        }
        if character != '\\' {
            text.push(character);
            continue;
        }
        match rest.next().ok_or_else(open)? {
            'u' => {
                let digits: String = std::iter::from_fn(|| rest.next_if(char::is_ascii_hexdigit)).take(4).collect();
                let character = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                let got = || DdlError { expected: "four hexadecimal digits after `\\u`", got: format!("`{digits}`") };
                text.push(character.filter(|_| digits.len() == 4).ok_or_else(got)?);
            }
            // Three octal digits are a character; a zero alone is NUL.
            octal @ '0'..='3' => {
                let mut ahead = rest.clone();
                let digits: String = ahead.by_ref().take(2).take_while(|c| ('0'..='7').contains(c)).collect();
                let code = u8::from_str_radix(&format!("{octal}{digits}"), 8).ok().filter(|_| digits.len() == 2);
                match code {
                    Some(code) => {
                        text.push(char::from(code));
                        *rest = ahead;
                    }
                    None if octal == '0' => text.push('\0'),
                    None => text.push(octal),
                }
            }
            'b' => text.push('\u{8}'),
            'n' => text.push('\n'),
            'r' => text.push('\r'),
            't' => text.push('\t'),
            'Z' => text.push('\u{1a}'),
            // For LIKE, the backslash stays.
            wildcard @ ('%' | '_') => text.extend(['\\', wildcard]),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A partition's values and its location.
    type Expected<'e> = (&'e [(&'e str, &'e str)], Option<&'e str>);

    #[track_caller]
    fn check(sql: &str, expected: &[Expected<'_>]) {
        let spec = |(values, location): &Expected<'_>| PartitionSpec {
            values: values.iter().map(|(column, value)| ((*column).to_owned(), (*value).to_owned())).collect(),
            location: location.map(str::to_owned),
        };
        assert_eq!(parse(sql).unwrap().partitions, expected.iter().map(spec).collect::<Vec<_>>());
    }

    #[test]
    fn statements_as_athena_takes_them() {
        check("ALTER TABLE t ADD PARTITION (k = 'v')", &[(&[("k", "v")], None)]);
        check(
            "alter table `db`.`t` add if not exists partition (`K`='a', n=7) location 's3://b/a/' PARTITION (k='b', n=8.50)",
            &[(&[("k", "a"), ("n", "7")], Some("s3://b/a/")), (&[("k", "b"), ("n", "8.50")], None)],
        );
        let statement = parse("ALTER TABLE `my-db`.T ADD IF NOT EXISTS PARTITION (k='')").unwrap();
        assert_eq!(
            (statement.database.as_deref(), statement.table.as_str(), statement.if_not_exists),
            (Some("my-db"), "t", true)
        );
    }

    #[test]
    fn strings_as_hive_reads_them() {
        let value = |literal: &str| {
            parse(&format!("ALTER TABLE t ADD PARTITION (k={literal})")).unwrap().partitions[0].values[0].1.clone()
        };
        assert_eq!(value(r"'it\'s'"), "it's");
        assert_eq!(value("'it''s'"), "its");
        assert_eq!(value(r"'a\\b\u000a\n\q\%'"), "a\\b\n\nq\\%");
        assert_eq!(value(r"'\101\0\7\012'"), "A\u{0}7\n");
        assert_eq!(value("'raw\nnewline; -- /* */ é 漢'"), "raw\nnewline; -- /* */ é 漢");
    }

    #[test]
    fn errors() {
        let message = |sql: &str| parse(sql).unwrap_err().to_string();
        insta::assert_snapshot!(message("DROP TABLE t"), @"expected `ALTER TABLE`, got `DROP`");
        insta::assert_snapshot!(message("ALTER TABLE t ADD PARTITION (k='v'"), @"expected `)`, got the end");
        insta::assert_snapshot!(message("ALTER TABLE t ADD PARTITION (k='v')) LOCATION 'x'"), @"expected `PARTITION`, got `)`");
        insta::assert_snapshot!(message("ALTER TABLE t ADD PARTITION (k='v'), PARTITION (k='w')"), @"expected `PARTITION`, got `,`");
        insta::assert_snapshot!(message("ALTER TABLE t ADD PARTITION (k='v'); DROP TABLE t"), @"expected one statement, got `;`");
        insta::assert_snapshot!(message(r"ALTER TABLE t ADD PARTITION (k='v\')"), @"expected a closing quote, got the end");
        insta::assert_snapshot!(message("ALTER TABLE my-db.t ADD PARTITION (k='v')"), @"expected the name of a table, got `my-db`");
        insta::assert_snapshot!(message("ALTER TABLE table ADD PARTITION (k='v')"), @"expected the name of a table, got `table`");
        insta::assert_snapshot!(message("ALTER TABLE t ADD PARTITION (date='v')"), @"expected the name of a column, got `date`");
        insta::assert_snapshot!(message("ALTER TABLE t ADD PARTITION (``='v')"), @"expected the name of a column, got the name ``");
        insta::assert_snapshot!(message("ALTER TABLE t ADD PARTITION (k=7up)"), @"expected a value, got `7up`");
        insta::assert_snapshot!(message("ALTER TABLE t ADD PARTITION (k=-7)"), @"expected a value, got `-7`");
        insta::assert_snapshot!(message("ALTER TABLE t ADD PARTITION (k=7.x)"), @"expected a value, got `7.x`");
        insta::assert_snapshot!(message("ALTER TABLE t ADD"), @"expected `PARTITION`, got the end");
    }
}
