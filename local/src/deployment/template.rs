//! A SAM template, with its parameters filled in: as much of CloudFormation as ours needs.

use regex_lite::Regex;
use serde_json::{Map, Value, json};
use serde_norway::Value as Yaml;
use std::collections::BTreeMap;

/// A template whose references can be resolved.
#[derive(Clone, Debug)]
pub(super) struct Template {
    /// The resources, with CloudFormation's functions still in them, in their long form (`{"Ref": "x"}`).
    resources: Map<String, Value>,
    /// What SAM adds to each resource of a kind.
    globals: Value,
    /// Parameters and pseudo parameters by name.
    parameters: BTreeMap<String, String>,
}

/// References within references: more is a circle.
const DEEPEST: usize = 32;

impl Template {
    /// Reads a template, and says what is wrong with its parameters: one without a value, a value that it does not allow,
    /// or a value without a parameter. The rest can be looked at all the same.
    pub(super) fn parse(
        text: &str,
        pseudo_parameters: &[(&str, &str)],
        overrides: &[(String, String)],
    ) -> Result<(Self, Vec<String>), String> {
        let yaml: Yaml = serde_norway::from_str(text).map_err(|error| format!("not valid YAML: {error}"))?;
        let template = long_form(yaml)?;
        let section = |name: &str| template.get(name).and_then(Value::as_object).cloned();
        let resources = section("Resources").ok_or("it has no `Resources`")?;
        let globals = template.get("Globals").cloned().unwrap_or_default();
        let declared = section("Parameters").unwrap_or_default();
        let mut parameters: BTreeMap<String, String> =
            pseudo_parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut faults = Vec::new();
        for (name, parameter) in &declared {
            let given = overrides.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.clone());
            match given.or_else(|| parameter.get("Default").map(scalar)) {
                Some(value) => {
                    faults.extend(not_allowed(name, parameter, &value));
                    parameters.insert(name.clone(), value);
                }
                None => faults.push(format!("the parameter `{name}` has no value")),
            }
        }
        let unknown = overrides.iter().filter(|(key, _)| !declared.contains_key(key));
        faults.extend(unknown.map(|(key, _)| {
            let known: Vec<&str> = declared.keys().map(String::as_str).collect();
            format!("there is no parameter `{key}`, expected one of `{}`", known.join("`, `"))
        }));
        Ok((Self { resources, globals, parameters }, faults))
    }

    /// What `Globals` says for all functions, by its JSON pointer, with everything in it resolved; null if nothing.
    pub(super) fn global(&self, pointer: &str) -> Result<Value, String> {
        self.resolve(self.globals.pointer(&format!("/Function{pointer}")).unwrap_or(&Value::Null), DEEPEST)
    }

    /// A property of a resource, by its JSON pointer, with everything in it resolved.
    pub(super) fn property(&self, resource: &str, pointer: &str) -> Result<Value, String> {
        self.resolved_property(resource, pointer, DEEPEST)
    }

    /// What `Ref` gives: the name that a resource has, or that CloudFormation would give it.
    pub(super) fn physical_name(&self, resource: &str) -> Result<String, String> {
        self.reference(resource, DEEPEST)
    }

    /// What `GetAtt` gives for `Arn`.
    pub(super) fn arn(&self, resource: &str) -> Result<String, String> {
        self.attribute(&format!("{resource}.Arn"), DEEPEST)
    }

    /// The value of a pseudo parameter.
    pub(super) fn pseudo_parameter(&self, name: &str) -> String {
        self.parameters.get(name).cloned().unwrap_or_default()
    }

    fn resource(&self, name: &str) -> Result<&Value, String> {
        self.resources.get(name).ok_or_else(|| format!("it has no resource `{name}`"))
    }

    fn resolved_property(&self, resource: &str, pointer: &str, depth: usize) -> Result<Value, String> {
        let value = self.resource(resource)?.pointer(&format!("/Properties{pointer}"));
        let value = value
            .ok_or_else(|| format!("`{resource}` has no `{}`", pointer.trim_start_matches('/').replace('/', ".")))?;
        self.resolve(value, depth)
    }

    fn resolve(&self, value: &Value, depth: usize) -> Result<Value, String> {
        let depth = depth.checked_sub(1).ok_or("its references go in a circle")?;
        match value {
            Value::Array(items) => items.iter().map(|item| self.resolve(item, depth)).collect(),
            Value::Object(fields) => {
                let function = fields.iter().next().filter(|_| fields.len() == 1);
                match function.map(|(name, argument)| (name.as_str(), argument)) {
                    Some(("Ref", Value::String(name))) => self.reference(name, depth).map(Value::from),
                    Some(("Fn::GetAtt", argument)) => self.attribute(&path(argument), depth).map(Value::from),
                    Some(("Fn::Sub", Value::String(text))) => self.substitute(text, depth).map(Value::from),
                    Some((name, _)) if name.starts_with("Fn::") || name == "Ref" => {
                        Err(format!("`{name}` is not understood here in this form"))
                    }
                    _ => {
                        let field = |(name, value): (&String, &Value)| Ok((name.clone(), self.resolve(value, depth)?));
                        fields.iter().map(field).collect::<Result<Map<_, _>, String>>().map(Value::Object)
                    }
                }
            }
            scalar => Ok(scalar.clone()),
        }
    }

    fn reference(&self, name: &str, depth: usize) -> Result<String, String> {
        if let Some(value) = self.parameters.get(name) {
            return Ok(value.clone());
        }
        self.resource(name)?;
        // The properties under which resources keep the name that `Ref` gives.
        let names = [
            "BucketName",
            "Name",
            "FunctionName",
            "DeliveryStreamName",
            "QueueName",
            "DatabaseInput/Name",
            "TableInput/Name",
        ];
        for property in names {
            let property = format!("/{property}");
            if self.resource(name)?.pointer(&format!("/Properties{property}")).is_some() {
                let value = self.resolved_property(name, &property, depth)?;
                return Ok(scalar(&value));
            }
        }
        // CloudFormation appends letters and digits at random.
        Ok(format!("{}-{name}", self.pseudo_parameter("AWS::StackName")))
    }

    fn attribute(&self, path: &str, depth: usize) -> Result<String, String> {
        let (resource, attribute) =
            path.split_once('.').ok_or_else(|| format!("`GetAtt {path}` names no attribute"))?;
        let kind = self.resource(resource)?.get("Type").and_then(Value::as_str).unwrap_or_default();
        let name = self.reference(resource, depth)?;
        let (service, id) = match (kind, attribute) {
            ("AWS::S3::Bucket", "Arn") => return Ok(format!("arn:aws:s3:::{name}")),
            ("AWS::Kinesis::Stream", "Arn") => ("kinesis", format!("stream/{name}")),
            ("AWS::KinesisFirehose::DeliveryStream", "Arn") => ("firehose", format!("deliverystream/{name}")),
            ("AWS::Serverless::Function", "Arn") => ("lambda", format!("function:{name}")),
            ("AWS::SQS::Queue", "Arn") => ("sqs", name),
            ("AWS::IAM::Role", "Arn") => {
                return Ok(format!("arn:aws:iam::{}:role/{name}", self.pseudo_parameter("AWS::AccountId")));
            }
            _ => {
                return Err(format!("`GetAtt {path}` is not understood here for a resource of the type `{kind}`"));
            }
        };
        let (region, account) = (self.pseudo_parameter("AWS::Region"), self.pseudo_parameter("AWS::AccountId"));
        Ok(format!("arn:aws:{service}:{region}:{account}:{id}"))
    }

    /// `${Name}` and `${Name.Attribute}`; `${!x}` is `${x}`.
    fn substitute(&self, text: &str, depth: usize) -> Result<String, String> {
        let mut result = String::new();
        let mut rest = text;
        while let Some((before, from)) = rest.split_once("${") {
            let (name, after) =
                from.split_once('}').ok_or_else(|| format!("`{text}` has a `${{` that is not closed"))?;
            result.push_str(before);
            match name.strip_prefix('!') {
                Some(literal) => result.extend(["${", literal, "}"]),
                None if name.contains('.') => result.push_str(&self.attribute(name, depth)?),
                None => result.push_str(&self.reference(name, depth)?),
            }
            rest = after;
        }
        result.push_str(rest);
        Ok(result)
    }
}

/// Text for text, and for a number its digits: CloudFormation takes either for the other.
pub(super) fn scalar(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Why a parameter does not allow a value, if it does not.
fn not_allowed(name: &str, parameter: &Value, value: &str) -> Option<String> {
    let list = |key: &str| parameter.get(key).and_then(Value::as_array);
    if let Some(allowed) = list("AllowedValues") {
        let allowed: Vec<String> = allowed.iter().map(scalar).collect();
        if !allowed.iter().any(|allowed| allowed == value) {
            return Some(format!("the parameter `{name}` is `{value}`, expected one of `{}`", allowed.join("`, `")));
        }
    }
    let text = |key: &str| parameter.get(key).map(scalar);
    if let Some(most) = text("MaxLength").and_then(|most| most.parse::<usize>().ok())
        && value.chars().count() > most
    {
        return Some(format!(
            "the parameter `{name}` has {} characters, expected at most {most}",
            value.chars().count()
        ));
    }
    let pattern = text("AllowedPattern")?;
    // A pattern has to fit the whole value.
    match Regex::new(&format!("^(?:{pattern})$")) {
        Ok(regex) if regex.is_match(value) => None,
        Ok(_) => {
            let constraint = text("ConstraintDescription").unwrap_or_else(|| format!("must fit `{pattern}`"));
            Some(format!("the parameter `{name}` is `{value}`: it {constraint}"))
        }
        Err(error) => Some(format!("the parameter `{name}`: its `AllowedPattern` is not understood here: {error}")),
    }
}

/// The argument of `GetAtt` in either form.
fn path(argument: &Value) -> String {
    match argument {
        Value::Array(parts) => parts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("."),
        other => other.as_str().unwrap_or_default().to_owned(),
    }
}

/// YAML as JSON, with CloudFormation's short functions in their long form.
fn long_form(yaml: Yaml) -> Result<Value, String> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => value.into(),
        Yaml::Number(number) => serde_json::to_value(&number).map_err(|error| error.to_string())?,
        Yaml::String(text) => text.into(),
        Yaml::Sequence(items) => items.into_iter().map(long_form).collect::<Result<_, _>>()?,
        Yaml::Mapping(fields) => {
            let field = |(name, value): (Yaml, Yaml)| {
                let name = name.as_str().map(str::to_owned).ok_or_else(|| format!("`{name:?}` is not a name"))?;
                Ok((name, long_form(value)?))
            };
            Value::Object(fields.into_iter().map(field).collect::<Result<_, String>>()?)
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let tag = tag.trim_start_matches('!');
            let name = if matches!(tag, "Ref" | "Condition") { tag.to_owned() } else { format!("Fn::{tag}") };
            json!({ name: long_form(tagged.value)? })
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = r#"
Parameters:
  Prefix: { Type: String, Default: "!{timestamp:yyyy}/", AllowedPattern: ".*/$", ConstraintDescription: must end in a slash }
  Size: { Type: Number, Default: 64 }
  Kind: { Type: String, Default: a, AllowedValues: [a, b] }
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties: { BucketName: !Sub "${AWS::StackName}-data" }
  Queue: { Type: AWS::SQS::Queue }
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Variables:
        PREFIX: !Ref Prefix
        SIZE: !Ref Size
        BUCKET: !Ref Bucket
        ARN: !GetAtt Bucket.Arn
        LONG: { "Fn::GetAtt": [Queue, Arn] }
        SUB: !Sub s3://${Bucket}/${!literal}/${Queue.Arn}
      Circle: !Sub ${Loop}
      Other: !Select [0, [a]]
  Loop:
    Type: AWS::SQS::Queue
    Properties: { QueueName: !Ref Loop }
"#;

    fn template(overrides: &[(&str, &str)]) -> (Template, Vec<String>) {
        let pseudo = [("AWS::StackName", "s"), ("AWS::Region", "r"), ("AWS::AccountId", "1")];
        let overrides: Vec<_> = overrides.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Template::parse(TEMPLATE, &pseudo, &overrides).unwrap()
    }

    #[test]
    fn references_are_resolved() {
        let variables = template(&[("Size", "128")]).0.property("Function", "/Variables").unwrap();
        let expected = json!({
            "PREFIX": "!{timestamp:yyyy}/",
            "SIZE": "128",
            "BUCKET": "s-data",
            "ARN": "arn:aws:s3:::s-data",
            "LONG": "arn:aws:sqs:r:1:s-Queue",
            "SUB": "s3://s-data/${literal}/arn:aws:sqs:r:1:s-Queue",
        });
        assert_eq!(variables, expected);
    }

    #[test]
    fn errors() {
        let faults = template(&[("Prefx", "x"), ("Kind", "c"), ("Prefix", "no-slash")]).1;
        insta::assert_snapshot!(faults.join("\n"), @"
        the parameter `Prefix` is `no-slash`: it must end in a slash
        the parameter `Kind` is `c`, expected one of `a`, `b`
        there is no parameter `Prefx`, expected one of `Prefix`, `Size`, `Kind`
        ");
        let message = |property: &str| template(&[]).0.property("Function", property).unwrap_err();
        insta::assert_snapshot!(message("/Circle"), @"its references go in a circle");
        insta::assert_snapshot!(message("/Other"), @"`Fn::Select` is not understood here in this form");
        insta::assert_snapshot!(message("/Nothing/There"), @"`Function` has no `Nothing.There`");
        let message =
            |text: &str| Template::parse(text, &[], &[]).map_or_else(|error| error, |(_, faults)| faults.join("\n"));
        insta::assert_snapshot!(message("a: ["), @"not valid YAML: did not find expected node content at line 2 column 1, while parsing a flow node");
        insta::assert_snapshot!(message("a: 1"), @"it has no `Resources`");
        insta::assert_snapshot!(message("Parameters: { A: { Type: String } }\nResources: {}"), @"the parameter `A` has no value");
    }
}
