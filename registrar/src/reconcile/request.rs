//! What a reconcile is asked for, and by which events.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// A reconcile that is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "an object with `dry_run` and `after`")]
pub struct Request {
    /// Whether it only tells what it would do.
    pub dry_run: bool,
    /// Where it goes on; if that is not said, where the one before stopped, or else at the beginning.
    pub after: Option<Place>,
}

/// How far a reconcile is. As JSON it is a text, or `{"catalog": "…", "after": "…"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a folder such as `logs/dt=2026-11-21/`, or what a reply has as `after`")]
pub enum Place {
    /// Among the folders: this one is behind, with all that lies in it and all that comes before it in the order of keys. It
    /// may be any text; an empty one is the beginning.
    Folder(String),
    /// All folders are behind; among what is registered.
    Catalog {
        /// The catalog's token of a page; nothing for the first.
        catalog: Option<String>,
        /// The folder that is behind, in the order of keys, of those that are registered from that page on.
        #[serde(default)]
        after: Option<String>,
    },
}

/// Why an event is no request although it means to be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a reconcile: {0}; expected `{{\"reconcile\": {{\"dry_run\": false, \"after\": null}}}}`")]
pub struct RequestError(String);

/// The longest event that is looked at, in bytes. A schedule's has less than one thousand, and a place is no longer than a
/// key or a token.
const LONGEST: usize = 16 << 10;

impl Request {
    /// Reads an event: a schedule's own (`Scheduled Event` of `EventBridge`), or an input `{"reconcile": {…}}`. Nothing if it is
    /// neither.
    ///
    /// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html>
    pub fn read(event: &str) -> Option<Result<Self, RequestError>> {
        if event.len() > LONGEST {
            return None;
        }
        let fields: Map<String, Value> = serde_json::from_str(event).ok()?;
        let has = |name: &str, texts: &[&str]| {
            fields.get(name).and_then(Value::as_str).is_some_and(|text| texts.contains(&text))
        };
        let Some(request) = fields.get("reconcile") else {
            let scheduled = has("detail-type", &["Scheduled Event"]) && has("source", &["aws.events", "aws.scheduler"]);
            return scheduled.then(|| Ok(Self::default()));
        };
        Some(match fields.keys().find(|name| *name != "reconcile") {
            Some(other) => Err(RequestError(format!("`{other}` stands beside `reconcile`"))),
            None => Self::deserialize(request).map_err(|error| RequestError(error.to_string())),
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "`{folder}`"),
            Self::Catalog { .. } => f.write_str("all folders"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(event: &Value, expected: &Request) {
        assert_eq!(Request::read(&event.to_string()), Some(Ok(expected.clone())), "{event}");
    }

    #[test]
    fn schedules_and_inputs_are_requests() {
        let plain = Request::default();
        check(
            &json!({ "version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "time": "2026-11-21T00:00:00Z", "resources": ["arn:aws:events:eu-west-1:123456789012:rule/daily"], "detail": {} }),
            &plain,
        );
        check(
            &json!({ "version": "0", "detail-type": "Scheduled Event", "source": "aws.scheduler", "detail": "{}" }),
            &plain,
        );
        check(&json!({ "reconcile": {} }), &plain);
        check(&json!({ "reconcile": { "dry_run": false, "after": null } }), &plain);
        check(&json!({ "reconcile": { "dry_run": true } }), &Request { dry_run: true, after: None });
        let after = |place| Request { dry_run: false, after: Some(place) };
        check(&json!({ "reconcile": { "after": "a/b/" } }), &after(Place::Folder("a/b/".into())));
        check(
            &json!({ "reconcile": { "after": { "catalog": "t" } } }),
            &after(Place::Catalog { catalog: Some("t".into()), after: None }),
        );
    }

    #[test]
    fn a_place_can_be_handed_back_as_it_was_told() {
        for place in [
            Place::Folder("a/\"é".into()),
            Place::Catalog { catalog: Some("t".into()), after: Some("a/".into()) },
            Place::Catalog { catalog: None, after: None },
        ] {
            check(&json!({ "reconcile": { "after": place } }), &Request { dry_run: false, after: Some(place.clone()) });
        }
    }

    #[test]
    fn other_events_are_none() {
        let other_source = json!({ "detail-type": "Scheduled Event", "source": "my.app" });
        let of_s3 = json!({ "detail-type": "Object Created", "source": "aws.s3", "detail": {} });
        let long = json!({ "reconcile": {}, "x": " ".repeat(LONGEST) });
        for event in [other_source, of_s3, json!({ "Records": [] }), json!([]), json!("reconcile"), long] {
            assert_eq!(Request::read(&event.to_string()), None, "{event}");
        }
        assert_eq!(Request::read("{"), None);
    }

    #[test]
    fn errors() {
        let message = |event: Value| Request::read(&event.to_string()).unwrap().unwrap_err().to_string();
        insta::assert_snapshot!(message(json!({ "reconcile": { "dryRun": true } })), @r#"not a reconcile: unknown field `dryRun`, expected `dry_run` or `after`; expected `{"reconcile": {"dry_run": false, "after": null}}`"#);
        insta::assert_snapshot!(message(json!({ "reconcile": { "dry_run": "yes" } })), @r#"not a reconcile: invalid type: string "yes", expected a boolean; expected `{"reconcile": {"dry_run": false, "after": null}}`"#);
        insta::assert_snapshot!(message(json!({ "reconcile": { "after": 5 } })), @r#"not a reconcile: expected a folder such as `logs/dt=2026-11-21/`, or what a reply has as `after`; expected `{"reconcile": {"dry_run": false, "after": null}}`"#);
        insta::assert_snapshot!(message(json!({ "reconcile": true })), @r#"not a reconcile: invalid type: boolean `true`, expected an object with `dry_run` and `after`; expected `{"reconcile": {"dry_run": false, "after": null}}`"#);
        insta::assert_snapshot!(message(json!({ "reconcile": {}, "dry_run": true })), @r#"not a reconcile: `dry_run` stands beside `reconcile`; expected `{"reconcile": {"dry_run": false, "after": null}}`"#);
    }
}
