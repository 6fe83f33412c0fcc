//! `samconfig.toml`: what one environment says to `sam deploy`.

use regex_lite::Regex;
use toml::{Table, Value};

/// One environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SamConfig {
    pub(super) stack_name: String,
    pub(super) region: Option<String>,
    /// Parameters and their values; of two values for one parameter, the later one counts.
    pub(super) parameter_overrides: Vec<(String, String)>,
}

impl SamConfig {
    /// Reads an environment: `[ENV.deploy.parameters]`, over `[ENV.global.parameters]`.
    pub(super) fn parse(text: &str, config_env: &str) -> Result<Self, String> {
        let file: Table = text.parse().map_err(|error: toml::de::Error| error.message().to_owned())?;
        let environment = file.get(config_env).and_then(Value::as_table).ok_or_else(|| {
            let known: Vec<&str> =
                file.iter().filter(|(_, value)| value.is_table()).map(|(name, _)| name.as_str()).collect();
            format!("there is no environment `{config_env}`, expected one of `{}`", known.join("`, `"))
        })?;
        let parameter = |name: &str| {
            let of = |command: &str| environment.get(command)?.get("parameters")?.get(name);
            of("deploy").or_else(|| of("global"))
        };
        let text = |name: &str| parameter(name).and_then(Value::as_str).map(str::to_owned);
        let stack_name =
            text("stack_name").ok_or_else(|| format!("the environment `{config_env}` has no `stack_name`"))?;
        let parameter_overrides = parameter("parameter_overrides").map_or_else(|| Ok(Vec::new()), overrides)?;
        Ok(Self { stack_name, region: text("region"), parameter_overrides })
    }
}

/// The names of all environments, in order.
pub(super) fn environments(text: &str) -> Result<Vec<String>, String> {
    let file: Table = text.parse().map_err(|error: toml::de::Error| error.message().to_owned())?;
    Ok(file.into_iter().filter(|(_, value)| value.is_table()).map(|(name, _)| name).collect())
}

/// A pair of a parameter and its value on our own command line: `Key=Value`, or `ParameterKey=Key,ParameterValue=Value`.
pub(crate) fn key_value(pair: &str) -> Result<(String, String), String> {
    let long = pair.strip_prefix("ParameterKey=").and_then(|pair| pair.split_once(",ParameterValue="));
    let (key, value) = long
        .or_else(|| pair.split_once('='))
        .ok_or_else(|| format!("`{pair}` is not a parameter, expected `Key=Value`"))?;
    Ok((key.to_owned(), value.to_owned()))
}

/// `parameter_overrides` in the forms that SAM takes: a table, a text of pairs, or a list of such.
///
/// Values are those that SAM would hand to CloudFormation (`CfnParameterOverridesType` in its `samcli/cli/types.py`);
/// what it would leave out without a word is refused.
fn overrides(value: &Value) -> Result<Vec<(String, String)>, String> {
    match value {
        Value::Table(table) => {
            table.iter().map(|(key, value)| Ok((key.clone(), unquoted(&scalar(key, value)?)))).collect()
        }
        Value::Array(items) => Ok(items.iter().map(overrides).collect::<Result<Vec<_>, _>>()?.concat()),
        Value::String(text) => pairs(text),
        other => {
            let kind = other.type_str();
            Err(format!("`parameter_overrides` is of the type {kind}, expected a table, text or a list of those"))
        }
    }
}

/// A parameter's value in a table.
fn scalar(key: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        other => Err(format!("the parameter `{key}` is of the type {}, expected text or an integer", other.type_str())),
    }
}

/// The pairs of a text, `Key=Value` or all of them `ParameterKey=Key,ParameterValue=Value`, as SAM's own patterns find
/// them: a value with blanks stands in quotes, and a quote within such a value behind a backslash.
fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    const KEY: &str = r#"([A-Za-z0-9"']+)"#;
    const VALUE: &str = r#"("(?:\\.|[^"\\]+)*"|'(?:\\.|[^'\\]+)*'|(?:\\.|[^ "\\]+)+)"#;
    let padded = format!(" {}", text.trim());
    let patterns = [format!("ParameterKey={KEY},ParameterValue={VALUE}"), format!(" {KEY}={VALUE}")];
    for pattern in patterns {
        let regex = Regex::new(&pattern).map_err(|error| error.to_string())?;
        let found: Vec<_> = regex.captures_iter(&padded).map(|captures| captures.extract().1).collect();
        if !found.is_empty() {
            let rest = regex.replace_all(&padded, "");
            if !rest.trim().is_empty() {
                return Err(format!(
                    "SAM passes over `{}`, expected values with blanks or quotes in quotes",
                    rest.trim()
                ));
            }
            return Ok(found.into_iter().map(|[key, value]| (unquoted(key), unquoted(value))).collect());
        }
    }
    Err(format!("`{text}` is not a parameter, expected `Key=Value`"))
}

/// A text without the quotes around it, and without backslashes before blanks and quotes; others stay.
fn unquoted(text: &str) -> String {
    let inner = ['"', '\''].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(text);
    inner.replace("\\ ", " ").replace("\\\"", "\"").replace("\\'", "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environments() {
        let text = r#"
            version = 0.1
            [a.global.parameters]
            stack_name = "global"
            [a.deploy.parameters]
            stack_name = "deployed"
            region = "eu-west-1"
            parameter_overrides = 'Prefix="a b/" Other=x\ y'
            [b.global.parameters]
            stack_name = "b"
            [b.global.parameters.parameter_overrides]
            Prefix = "!{timestamp:yyyy}/"
            Number = 60
        "#;
        let a = SamConfig::parse(text, "a").unwrap();
        assert_eq!((a.stack_name.as_str(), a.region.as_deref()), ("deployed", Some("eu-west-1")));
        assert_eq!(a.parameter_overrides, [pair("Prefix", "a b/"), pair("Other", "x y")]);
        let b = SamConfig::parse(text, "b").unwrap();
        assert_eq!(b.parameter_overrides, [pair("Number", "60"), pair("Prefix", "!{timestamp:yyyy}/")]);
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    /// The overrides that stand in a file like this.
    fn read(overrides: &str) -> Result<Vec<(String, String)>, String> {
        let text = format!("[a.deploy.parameters]\nstack_name = 's'\nparameter_overrides = {overrides}");
        SamConfig::parse(&text, "a").map(|config| config.parameter_overrides)
    }

    /// Each was given to SAM 1.170, which read the same.
    #[test]
    fn values_are_those_that_sam_reads() {
        let value = |overrides: &str| match read(overrides).unwrap().as_slice() {
            [(key, value)] if key == "Q" => value.clone(),
            pairs => panic!("{pairs:?}"),
        };
        let query = r#"{a} + (.b | {c: strftime("%Y")})"#;
        assert_eq!(value(&format!("{{ Q = '{query}' }}")), query);
        assert_eq!(value(&format!("[\"\"\"Q='{query}'\"\"\"]")), query);
        assert_eq!(value(r#"['Q="{a} + (.b | {c: strftime(\"%Y\")})"']"#), query);
        assert_eq!(value(r#"['Q="!{timestamp:yyyy}/"']"#), "!{timestamp:yyyy}/");
        assert_eq!(value(r#"["ParameterKey=Q,ParameterValue=x"]"#), "x");
        assert_eq!(value(r#"{ Q = '"a"' }"#), "a");
        assert_eq!(value(r#"{ Q = '"a" + "b"' }"#), r#"a" + "b"#);
        assert_eq!(value(r#"{ Q = '"\(.a)\n\"\ "' }"#), r#"\(.a)\n" "#);
        assert_eq!(value(r#"['Q="\(.a)\n"']"#), r"\(.a)\n");
        assert_eq!(value(r"['Q=.a|select(.b==1)']"), ".a|select(.b==1)");
        assert_eq!(
            read(r#"['P=1 Q="2 3"', { R = "4" }]"#).unwrap(),
            [pair("P", "1"), pair("Q", "2 3"), pair("R", "4")]
        );
    }

    #[test]
    fn errors() {
        let message = |text: &str| SamConfig::parse(text, "a").unwrap_err();
        insta::assert_snapshot!(message("= 1"), @"unquoted keys cannot be empty, expected letters, numbers, `-`, `_`");
        insta::assert_snapshot!(message("version = 0.1\n[default.deploy.parameters]\n[b.deploy.parameters]"), @"there is no environment `a`, expected one of `b`, `default`");
        insta::assert_snapshot!(message("[a.deploy.parameters]"), @"the environment `a` has no `stack_name`");
        let message = |overrides: &str| read(overrides).unwrap_err();
        insta::assert_snapshot!(message("5"), @"`parameter_overrides` is of the type integer, expected a table, text or a list of those");
        insta::assert_snapshot!(message("{ A = true }"), @"the parameter `A` is of the type boolean, expected text or an integer");
        insta::assert_snapshot!(message("'x'"), @"`x` is not a parameter, expected `Key=Value`");
        insta::assert_snapshot!(message("'A=.a | .b'"), @"SAM passes over `| .b`, expected values with blanks or quotes in quotes");
        insta::assert_snapshot!(message(r#"'A=strftime("%Y")'"#), @r#"SAM passes over `"%Y")`, expected values with blanks or quotes in quotes"#);
    }
}
