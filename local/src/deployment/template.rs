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
    /// The conditions by name, as they are written.
    conditions: Map<String, Value>,
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
        let conditions = section("Conditions").unwrap_or_default();
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
        let template = Self { resources, conditions, globals, parameters };
        for (name, rule) in &section("Rules").unwrap_or_default() {
            faults.extend(template.broken(name, rule)?);
        }
        Ok((template, faults))
    }

    /// What the parameters say against a rule of the template, in the rule's own words.
    fn broken(&self, name: &str, rule: &Value) -> Result<Vec<String>, String> {
        let meant = rule.get("RuleCondition").map_or(Ok(true), |condition| self.is_true(condition, DEEPEST))?;
        let assertions = rule.get("Assertions").and_then(Value::as_array).ok_or_else(|| no_assertions(name))?;
        let mut broken = Vec::new();
        for assertion in assertions.iter().filter(|_| meant) {
            if !self.is_true(assertion.get("Assert").ok_or_else(|| no_assertions(name))?, DEEPEST)? {
                let words = assertion.get("AssertDescription").map_or_else(|| name.to_owned(), scalar);
                broken.push(format!("the rule `{name}`: {words}"));
            }
        }
        Ok(broken)
    }

    /// What `Globals` says for all functions, by its JSON pointer, with everything in it resolved; null if nothing.
    pub(super) fn global(&self, pointer: &str) -> Result<Value, String> {
        let value = self.at(&self.globals, &format!("/Function{pointer}"), DEEPEST)?;
        let resolved = value.map(|value| self.resolve(value, DEEPEST)).transpose()?;
        Ok(resolved.flatten().unwrap_or_default())
    }

    /// A property of a resource, by its JSON pointer, with everything in it resolved.
    pub(super) fn property(&self, resource: &str, pointer: &str) -> Result<Value, String> {
        self.optional_property(resource, pointer)?.ok_or_else(|| no_property(resource, pointer))
    }

    /// A property that may be left out, whether by not writing it or by a condition.
    pub(super) fn optional_property(&self, resource: &str, pointer: &str) -> Result<Option<Value>, String> {
        self.resolved_property(resource, pointer, DEEPEST)
    }

    /// The names of the resources of a type, without those whose condition does not hold.
    pub(super) fn resources_of_type(&self, kind: &str) -> Result<Vec<&str>, String> {
        let mut names = Vec::new();
        for (name, resource) in &self.resources {
            if resource.get("Type").is_some_and(|found| found == kind) && self.is_made(resource)? {
                names.push(name.as_str());
            }
        }
        Ok(names)
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

    /// A resource that is made: CloudFormation refuses a reference to one that is not.
    fn resource(&self, name: &str) -> Result<&Value, String> {
        let resource = self.resources.get(name).ok_or_else(|| format!("it has no resource `{name}`"))?;
        if self.is_made(resource)? {
            Ok(resource)
        } else {
            Err(format!("`{name}` is not made: its condition does not hold"))
        }
    }

    fn is_made(&self, resource: &Value) -> Result<bool, String> {
        resource.get("Condition").and_then(Value::as_str).map_or(Ok(true), |name| self.holds(name, DEEPEST))
    }

    /// Whether a condition holds, by its name.
    fn holds(&self, name: &str, depth: usize) -> Result<bool, String> {
        let depth = deeper(depth)?;
        let condition = self.conditions.get(name).ok_or_else(|| format!("it has no condition `{name}`"))?;
        self.is_true(condition, depth)
    }

    fn is_true(&self, condition: &Value, depth: usize) -> Result<bool, String> {
        let depth = deeper(depth)?;
        let not_understood = || format!("the condition `{condition}` is not understood here");
        let (name, argument) = function(condition).ok_or_else(not_understood)?;
        let each = |conditions: &[Value]| -> Result<Vec<bool>, String> {
            conditions.iter().map(|condition| self.is_true(condition, depth)).collect()
        };
        match (name, argument) {
            ("Condition", Value::String(name)) => self.holds(name, depth),
            ("Fn::And", Value::Array(conditions)) => Ok(!each(conditions)?.contains(&false)),
            ("Fn::Or", Value::Array(conditions)) => Ok(each(conditions)?.contains(&true)),
            ("Fn::Not", Value::Array(conditions)) if conditions.len() == 1 => Ok(!each(conditions)?.contains(&true)),
            ("Fn::Equals", Value::Array(sides)) => match sides.as_slice() {
                [left, right] => Ok(self.side(left)? == self.side(right)?),
                _ => Err(not_understood()),
            },
            _ => Err(not_understood()),
        }
    }

    /// A side of `Fn::Equals`: text, or a parameter. CloudFormation knows no resources there.
    fn side(&self, side: &Value) -> Result<String, String> {
        match side {
            Value::Object(_) => match function(side) {
                Some(("Ref", Value::String(name))) => {
                    let value = self.parameters.get(name).cloned();
                    value.ok_or_else(|| format!("a condition refers to `{name}`, expected a parameter"))
                }
                _ => Err(format!("`{side}` in a condition is not understood here")),
            },
            other => Ok(scalar(other)),
        }
    }

    fn resolved_property(&self, resource: &str, pointer: &str, depth: usize) -> Result<Option<Value>, String> {
        let value = self.at(self.resource(resource)?, &format!("/Properties{pointer}"), depth)?;
        Ok(value.map(|value| self.resolve(value, depth)).transpose()?.flatten())
    }

    /// What stands at a JSON pointer of names, by way of those branches of `Fn::If` that hold.
    fn at<'v>(&self, value: &'v Value, pointer: &str, depth: usize) -> Result<Option<&'v Value>, String> {
        pointer.split('/').skip(1).try_fold(Some(value), |value, name| {
            let chosen = value.map(|value| self.chosen(value, depth)).transpose()?.flatten();
            Ok(chosen.and_then(|value| value.get(name)))
        })
    }

    /// A value, or of an `Fn::If` the branch that holds; none for `AWS::NoValue`.
    fn chosen<'v>(&self, value: &'v Value, depth: usize) -> Result<Option<&'v Value>, String> {
        let depth = deeper(depth)?;
        match function(value) {
            Some(("Ref", name)) if name == "AWS::NoValue" => Ok(None),
            Some(("Fn::If", argument)) => match argument.as_array().map(Vec::as_slice) {
                Some([Value::String(condition), holds, otherwise]) => {
                    self.chosen(if self.holds(condition, depth)? { holds } else { otherwise }, depth)
                }
                _ => Err("`Fn::If` is not understood here in this form".to_owned()),
            },
            _ => Ok(Some(value)),
        }
    }

    /// A value with everything in it resolved; none for `AWS::NoValue`, which leaves fields and items out.
    fn resolve(&self, value: &Value, depth: usize) -> Result<Option<Value>, String> {
        let depth = deeper(depth)?;
        let Some(value) = self.chosen(value, depth)? else { return Ok(None) };
        let resolved = match (function(value), value) {
            (Some(("Ref", Value::String(name))), _) => self.reference(name, depth)?.into(),
            (Some(("Fn::GetAtt", argument)), _) => self.attribute(&path(argument), depth)?.into(),
            (Some(("Fn::Sub", Value::String(text))), _) => self.substitute(text, &Map::new(), depth)?.into(),
            (Some(("Fn::Sub", Value::Array(parts))), _) => match parts.as_slice() {
                [Value::String(text), Value::Object(names)] => self.substitute(text, names, depth)?.into(),
                _ => return Err("`Fn::Sub` is not understood here in this form".to_owned()),
            },
            (Some((name, _)), _) if name.starts_with("Fn::") || name == "Ref" => {
                return Err(format!("`{name}` is not understood here in this form"));
            }
            (_, Value::Array(items)) => {
                items.iter().filter_map(|item| self.resolve(item, depth).transpose()).collect::<Result<_, _>>()?
            }
            (_, Value::Object(fields)) => {
                let mut resolved = Map::new();
                for (name, value) in fields {
                    resolved.extend(self.resolve(value, depth)?.map(|value| (name.clone(), value)));
                }
                Value::Object(resolved)
            }
            (_, scalar) => scalar.clone(),
        };
        Ok(Some(resolved))
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
            if let Some(value) = self.resolved_property(name, &format!("/{property}"), depth)? {
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

    /// `${Name}` and `${Name.Attribute}`, where a name of the text's own comes first; `${!x}` is `${x}`.
    fn substitute(&self, text: &str, own: &Map<String, Value>, depth: usize) -> Result<String, String> {
        let mut result = String::new();
        let mut rest = text;
        while let Some((before, from)) = rest.split_once("${") {
            let (name, after) =
                from.split_once('}').ok_or_else(|| format!("`{text}` has a `${{` that is not closed"))?;
            result.push_str(before);
            match (name.strip_prefix('!'), own.get(name)) {
                (Some(literal), _) => result.extend(["${", literal, "}"]),
                (None, Some(value)) => result.push_str(&scalar(&self.resolve(value, depth)?.unwrap_or_default())),
                (None, None) if name.contains('.') => result.push_str(&self.attribute(name, depth)?),
                (None, None) => result.push_str(&self.reference(name, depth)?),
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

fn deeper(depth: usize) -> Result<usize, String> {
    depth.checked_sub(1).ok_or_else(|| "its references go in a circle".to_owned())
}

/// The function that a value calls, with its argument: an object of one field may be one.
fn function(value: &Value) -> Option<(&str, &Value)> {
    let fields = value.as_object()?;
    fields.iter().next().filter(|_| fields.len() == 1).map(|(name, argument)| (name.as_str(), argument))
}

fn no_assertions(rule: &str) -> String {
    format!("the rule `{rule}` has no `Assertions` of an `Assert` each")
}

fn no_property(resource: &str, pointer: &str) -> String {
    format!("`{resource}` has no `{}`", pointer.trim_start_matches('/').replace('/', "."))
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
    if parameter.get("Type").is_some_and(|kind| kind == "Number") {
        let limit = |key: &str, none: f64| text(key).and_then(|limit| limit.parse().ok()).unwrap_or(none);
        let (least, most) = (limit("MinValue", f64::NEG_INFINITY), limit("MaxValue", f64::INFINITY));
        return match value.parse::<f64>() {
            Ok(number) if number < least => {
                Some(format!("the parameter `{name}` is `{value}`, expected at least {least}"))
            }
            Ok(number) if number > most => {
                Some(format!("the parameter `{name}` is `{value}`, expected at most {most}"))
            }
            Ok(_) => None,
            Err(_) => Some(format!("the parameter `{name}` is `{value}`, expected a number")),
        };
    }
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
  Size: { Type: Number, Default: 64, MinValue: 1, MaxValue: 128 }
  Kind: { Type: String, Default: a, AllowedValues: [a, b] }
Rules:
  SmallB:
    RuleCondition: !Equals [!Ref Kind, b]
    Assertions:
      - { Assert: !Not [!Equals [!Ref Size, 100]], AssertDescription: Kind b takes a Size that is not 100 }
  NotEmpty: { Assertions: [{ Assert: !Not [!Equals [!Ref Prefix, /]] }] }
Conditions:
  IsA: !Equals [!Ref Kind, a]
  IsB: !Not [!Condition IsA]
  IsBig: !Equals [128, !Ref Size]
  IsBigB: !And [!Condition IsB, !Condition IsBig]
  IsEither: !Or [!Condition IsB, !Condition IsBig]
  Circle: !Not [!Condition Circle]
  OfResource: !Equals [!Ref Bucket, a]
  Odd: !Equals [a]
Resources:
  OnlyB:
    Type: AWS::S3::Bucket
    Condition: IsB
  Chooser:
    Type: AWS::Serverless::Function
    Properties:
      Block: !If
        - IsB
        - Arn: !GetAtt OnlyB.Arn
          Inner: !If [IsBigB, { Kept: yes, Left: !Ref AWS::NoValue }, small]
        - !Ref AWS::NoValue
      List: [!If [IsEither, x, !Ref AWS::NoValue], y]
      Named: !If [IsA, a, b]
      ToNothing: !Ref OnlyB
      Circle: !If [Circle, a, b]
      OfResource: !If [OfResource, a, b]
      Odd: !If [Odd, a, b]
      Unknown: !If [Nowhere, a, b]
      Short: !If [IsA, a]
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
        OWN: !Sub ["${Kind}${End}${Bucket}", { End: !If [IsA, -, +], Bucket: own }]
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
            "OWN": "a-own",
        });
        assert_eq!(variables, expected);
    }

    #[test]
    fn conditions_choose() {
        let property = |overrides: &[(&str, &str)], pointer: &str| {
            template(overrides).0.optional_property("Chooser", pointer).unwrap()
        };
        assert_eq!(property(&[], "/Block"), None);
        assert_eq!(property(&[], "/Block/Inner"), None);
        assert_eq!(property(&[], "/List"), Some(json!(["y"])));
        assert_eq!(property(&[], "/Named"), Some(json!("a")));
        let (small, big) = ([("Kind", "b")], [("Kind", "b"), ("Size", "128")]);
        assert_eq!(property(&small, "/Block"), Some(json!({ "Arn": "arn:aws:s3:::s-OnlyB", "Inner": "small" })));
        assert_eq!(property(&small, "/List"), Some(json!(["x", "y"])));
        assert_eq!(property(&small, "/Named"), Some(json!("b")));
        assert_eq!(property(&big, "/Block/Inner"), Some(json!({ "Kept": "yes" })));
        assert_eq!(property(&big, "/Block/Inner/Kept"), Some(json!("yes")));
        assert_eq!(property(&[("Size", "128")], "/List"), Some(json!(["x", "y"])));
        let buckets =
            |overrides: &[(&str, &str)]| template(overrides).0.resources_of_type("AWS::S3::Bucket").unwrap().join(" ");
        assert_eq!((buckets(&[]).as_str(), buckets(&small).as_str()), ("Bucket", "OnlyB Bucket"));
    }

    #[test]
    fn errors_of_conditions() {
        let message = |property: &str| template(&[]).0.property("Chooser", property).unwrap_err();
        insta::assert_snapshot!(message("/Block"), @"`Chooser` has no `Block`");
        insta::assert_snapshot!(message("/ToNothing"), @"`OnlyB` is not made: its condition does not hold");
        insta::assert_snapshot!(message("/Circle"), @"its references go in a circle");
        insta::assert_snapshot!(message("/OfResource"), @"a condition refers to `Bucket`, expected a parameter");
        insta::assert_snapshot!(message("/Odd"), @r#"the condition `{"Fn::Equals":["a"]}` is not understood here"#);
        insta::assert_snapshot!(message("/Unknown"), @"it has no condition `Nowhere`");
        insta::assert_snapshot!(message("/Short"), @"`Fn::If` is not understood here in this form");
    }

    #[test]
    fn errors_of_rules() {
        let faults = |overrides: &[(&str, &str)]| template(overrides).1.join("\n");
        assert_eq!(faults(&[("Size", "100")]), "");
        assert_eq!(faults(&[("Kind", "b")]), "");
        insta::assert_snapshot!(faults(&[("Kind", "b"), ("Size", "100")]), @"the rule `SmallB`: Kind b takes a Size that is not 100");
        insta::assert_snapshot!(faults(&[("Prefix", "/")]), @"the rule `NotEmpty`: NotEmpty");
        let message = |rules: &str| Template::parse(&format!("Resources: {{}}\nRules: {rules}"), &[], &[]).unwrap_err();
        insta::assert_snapshot!(message("{ A: {} }"), @"the rule `A` has no `Assertions` of an `Assert` each");
        insta::assert_snapshot!(message("{ A: { Assertions: [{}] } }"), @"the rule `A` has no `Assertions` of an `Assert` each");
    }

    #[test]
    fn errors_of_numbers() {
        let fault = |size: &str| template(&[("Size", size)]).1.join("\n");
        insta::assert_snapshot!(fault("0"), @"the parameter `Size` is `0`, expected at least 1");
        insta::assert_snapshot!(fault("129"), @"the parameter `Size` is `129`, expected at most 128");
        insta::assert_snapshot!(fault("much"), @"the parameter `Size` is `much`, expected a number");
        assert_eq!(fault("128"), "");
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
