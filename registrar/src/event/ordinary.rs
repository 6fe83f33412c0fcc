//! Events read where they stand, if they are written as AWS writes them.
//!
//! Ten thousand notifications in one event are ten megabytes, of which a few words count. `serde_json` looks at all of it, and
//! copies what is JSON in a string of JSON, once for each envelope.

use super::scan::{Embedded, Scanner};
use super::{Listener, Notification, listen_to_message};
use shared::object_key::ObjectKey;
use std::borrow::Cow;

/// Tells of an event, if it is an ordinary one. If it is not, what was told so far is to be forgotten.
pub(super) fn listen(event: &str, listener: &mut impl Listener) -> Option<()> {
    let mut scanner = Scanner::new(event);
    let (mut records, mut by_sqs, mut direct) = (0_u32, 0_u32, 0_u32);
    let mut held = Vec::new();
    scanner.fields(|scanner, name| {
        if name != "Records" {
            return None;
        }
        records += 1;
        scanner.items(|scanner| {
            match item(scanner, &mut held)? {
                Item::BySqs { id, body } => {
                    by_sqs += 1;
                    match body {
                        Embedded::Read(()) => {
                            listener.message(Some(id));
                            for notification in &held {
                                listener.notification(notification);
                            }
                        }
                        // As long as a message is one, it is read in full, and the others need not be.
                        Embedded::Text(quoted) => {
                            let body: Cow<'_, str> = serde_json::from_str(quoted).ok()?;
                            listen_to_message(Some(id), &body, listener);
                        }
                    }
                }
                Item::ByS3(notification) => {
                    if direct == 0 {
                        listener.message(None);
                    }
                    direct += 1;
                    listener.notification(&notification);
                }
            }
            held.clear();
            Some(())
        })
    })?;
    let one_kind = records == 1 && (by_sqs == 0) != (direct == 0);
    (one_kind && scanner.is_at_end()).then_some(())
}

/// What stands in `Records`: a message of SQS, or what S3 says.
enum Item<'e> {
    BySqs { id: &'e str, body: Embedded<'e, ()> },
    ByS3(Notification<'e>),
}

fn item<'e>(scanner: &mut Scanner<'e>, held: &mut Vec<Notification<'e>>) -> Option<Item<'e>> {
    let (mut id, mut source, mut body) = (None, None, None);
    let mut parts = Parts::default();
    scanner.fields(|scanner, name| match name {
        "messageId" => once(&mut id, scanner.string()?),
        "body" => once(&mut body, scanner.embedded(|scanner| message(scanner, super::DEEPEST - 1, held))?),
        "eventSource" => once(&mut source, scanner.string()?),
        _ => parts.field(scanner, name),
    })?;
    match (id, body, source) {
        (Some(id), Some(body), Some("aws:sqs")) if parts.is_empty() => Some(Item::BySqs { id, body }),
        (None, None, _) if source != Some("aws:sqs") => Some(Item::ByS3(parts.notification()?)),
        _ => None,
    }
}

/// Reads what S3 wrote, or SNS or `EventBridge` around it.
fn message<'e>(scanner: &mut Scanner<'e>, envelopes: usize, held: &mut Vec<Notification<'e>>) -> Option<()> {
    let within = envelopes.checked_sub(1)?;
    let mut kinds = 0;
    let (mut detail_type, mut source, mut time, mut detail) = (None, None, None, None);
    scanner.fields(|scanner, name| match name {
        "Records" => {
            kinds += 1;
            scanner.items(|scanner| {
                let mut parts = Parts::default();
                scanner.fields(|scanner, name| parts.field(scanner, name))?;
                held.push(parts.notification()?);
                Some(())
            })
        }
        "Message" => {
            kinds += 1;
            match scanner.embedded(|scanner| message(scanner, within, held))? {
                Embedded::Read(()) => Some(()),
                Embedded::Text(_) => None,
            }
        }
        "detail-type" => once(&mut detail_type, scanner.string()?),
        "source" => once(&mut source, scanner.string()?),
        "time" => once(&mut time, scanner.string()?),
        "detail" => {
            let mut parts = Parts::default();
            parts.detail(scanner)?;
            once(&mut detail, parts)
        }
        "Event" => None,
        _ => scanner.skip(),
    })?;
    match (kinds, detail_type, source, detail) {
        (1, None, None, None) => Some(()),
        (0, Some("Object Created"), Some("aws.s3"), Some(Parts { bucket: Some(bucket), key: Some(key), size, .. })) => {
            let key = ObjectKey::from_plain(key);
            held.push(Notification { created: true, bucket: bucket.into(), key, size, time: time.map(Cow::Borrowed) });
            Some(())
        }
        _ => None,
    }
}

/// The words of a record that count.
#[derive(Default)]
struct Parts<'e> {
    event: Option<&'e str>,
    time: Option<&'e str>,
    bucket: Option<&'e str>,
    key: Option<&'e str>,
    size: Option<u64>,
}

impl<'e> Parts<'e> {
    /// A field of S3's record.
    fn field(&mut self, scanner: &mut Scanner<'e>, name: &str) -> Option<()> {
        match name {
            "eventName" => once(&mut self.event, scanner.string()?),
            "eventTime" => once(&mut self.time, scanner.string()?),
            "s3" => self.detail(scanner),
            "Sns" => None,
            _ => scanner.skip(),
        }
    }

    /// What S3 and `EventBridge` call by the same names.
    fn detail(&mut self, scanner: &mut Scanner<'e>) -> Option<()> {
        scanner.fields(|scanner, name| match name {
            "bucket" => scanner.fields(|scanner, name| match name {
                "name" => once(&mut self.bucket, scanner.string()?),
                _ => scanner.skip(),
            }),
            "object" => scanner.fields(|scanner, name| match name {
                "key" => once(&mut self.key, scanner.string()?),
                "size" => once(&mut self.size, scanner.number()?),
                _ => scanner.skip(),
            }),
            _ => scanner.skip(),
        })
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self { event: None, time: None, bucket: None, key: None, size: None })
    }

    /// What S3's record says.
    fn notification(self) -> Option<Notification<'e>> {
        Some(Notification {
            created: super::is_creation(self.event?),
            bucket: self.bucket?.into(),
            key: ObjectKey::from_notification(self.key?).ok()?,
            size: self.size,
            time: self.time.map(Cow::Borrowed),
        })
    }
}

/// Keeps what comes once; what comes twice is out of the ordinary.
fn once<T>(kept: &mut Option<T>, value: T) -> Option<()> {
    kept.replace(value).is_none().then_some(())
}
