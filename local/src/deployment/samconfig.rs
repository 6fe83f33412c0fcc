//! `samconfig.toml`: what one environment says to `sam deploy`.

use toml::{Table, Value};

/// One environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SamConfig {
    pub(super) stack_name: String,
    pub(super) region: Option<String>,
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
        let overrides = match parameter("parameter_overrides") {
            None => Vec::new(),
            Some(Value::String(pairs)) => words(pairs),
            Some(Value::Array(pairs)) if pairs.iter().all(Value::is_str) => {
                pairs.iter().filter_map(Value::as_str).flat_map(words).collect()
            }
            Some(other) => {
                let kind = other.type_str();
                return Err(format!("`parameter_overrides` is of the type {kind}, expected text or a list of texts"));
            }
        };
        let parameter_overrides = overrides.iter().map(|pair| key_value(pair)).collect::<Result<_, _>>()?;
        Ok(Self { stack_name, region: text("region"), parameter_overrides })
    }
}

/// A pair of a parameter and its value: `Key=Value`, or `ParameterKey=Key,ParameterValue=Value`.
pub(crate) fn key_value(pair: &str) -> Result<(String, String), String> {
    let long = pair.strip_prefix("ParameterKey=").and_then(|pair| pair.split_once(",ParameterValue="));
    let (key, value) = long
        .or_else(|| pair.split_once('='))
        .ok_or_else(|| format!("`{pair}` is not a parameter, expected `Key=Value`"))?;
    Ok((key.to_owned(), value.to_owned()))
}

/// The words of a text, as a shell would split it: quotes keep blanks, and a backslash the character after it.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => word.get_or_insert_default().extend(characters.next()),
            '"' | '\'' if quote == Some(character) => quote = None,
            '"' | '\'' if quote.is_none() => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            blank if blank.is_whitespace() && quote.is_none() => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
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
            parameter_overrides = ['Prefix="!{timestamp:yyyy}/"', "ParameterKey=Long,ParameterValue=x"]
        "#;
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let a = SamConfig::parse(text, "a").unwrap();
        assert_eq!((a.stack_name.as_str(), a.region.as_deref()), ("deployed", Some("eu-west-1")));
        assert_eq!(a.parameter_overrides, [pair("Prefix", "a b/"), pair("Other", "x y")]);
        let b = SamConfig::parse(text, "b").unwrap();
        assert_eq!(b.parameter_overrides, [pair("Prefix", "!{timestamp:yyyy}/"), pair("Long", "x")]);
    }

    #[test]
    fn errors() {
        let message = |text: &str| SamConfig::parse(text, "a").unwrap_err();
        insta::assert_snapshot!(message("= 1"), @"unquoted keys cannot be empty, expected letters, numbers, `-`, `_`");
        insta::assert_snapshot!(message("version = 0.1\n[default.deploy.parameters]\n[b.deploy.parameters]"), @"there is no environment `a`, expected one of `b`, `default`");
        insta::assert_snapshot!(message("[a.deploy.parameters]"), @"the environment `a` has no `stack_name`");
        insta::assert_snapshot!(message("[a.deploy.parameters]\nstack_name = 's'\nparameter_overrides = 5"), @"`parameter_overrides` is of the type integer, expected text or a list of texts");
        insta::assert_snapshot!(message("[a.deploy.parameters]\nstack_name = 's'\nparameter_overrides = 'x'"), @"`x` is not a parameter, expected `Key=Value`");
    }
}
