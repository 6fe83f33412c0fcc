//! The way to Lambda: invocations come as bytes, and replies go back as bytes.
//!
//! A client of the [Runtime API](https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html) that waits for one answer at
//! a time, on the sockets of the standard library. `lambda_runtime` would take a tenth to a fifth of an invocation's CPU time,
//! and this function has nothing else to wait for: `docs/decisions/0003-runtime.md` has the figures, and what is not here.

mod http;
#[cfg(test)]
mod tests;

use http::{Client, Request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use serde::Serialize;
use shared::telemetry::{Level, Line};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The loop around a handler.
#[derive(Debug)]
pub(crate) struct Runtime {
    client: Client,
    /// The last event; kept, so that its memory is there for the next one.
    event: Vec<u8>,
    /// What the API answered to the last reply.
    answer: Vec<u8>,
}

/// Why an invocation, or the start of the function, has failed, as Lambda is told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Failure {
    /// A word for programs.
    pub(crate) error_type: &'static str,
    /// A text for people.
    pub(crate) error_message: String,
}

/// Why there will be no further invocation.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("`AWS_LAMBDA_RUNTIME_API` is not set: expected to be started by Lambda, or by `cargo lambda watch`")]
    NoApi,
    #[error("{call} failed: {cause}")]
    Call { call: &'static str, cause: io::Error },
    #[error("`next` was answered with status {status}: {text}")]
    NoEvent { status: u16, text: String },
    #[error("expected an event with the header `{REQUEST_ID}`")]
    NoId,
}

const REQUEST_ID: &str = "lambda-runtime-aws-request-id";
/// Tells a reply that comes too late from one to a later invocation of the same id: it is to be sent back, if it came.
const INVOCATION_ID: &str = "lambda-runtime-invocation-id";
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";

/// What cannot stand in a path as it is. Lambda's ids are UUIDs, but nothing says so.
const NOT_IN_PATHS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Runtime {
    /// The runtime that Lambda says is there.
    pub(crate) fn from_environment() -> Result<Self, Error> {
        let api = std::env::var("AWS_LAMBDA_RUNTIME_API").ok().filter(|api| !api.is_empty());
        Ok(Self::new(&api.ok_or(Error::NoApi)?))
    }

    /// The runtime at `host:port`, or at `host:port/path`, as emulators have it.
    fn new(api: &str) -> Self {
        Self { client: Client::new(api), event: Vec::new(), answer: Vec::new() }
    }

    /// Answers invocations until the API fails. Never `Ok`.
    ///
    /// An error of the handler, or its panic, is an error of that invocation, and a line of the log; so is a reply that Lambda
    /// does not take.
    pub(crate) fn serve(
        &mut self,
        log: impl Fn(&Line),
        mut handle: impl FnMut(&[u8]) -> Result<Vec<u8>, Failure>,
    ) -> Result<(), Error> {
        loop {
            let Some(event) = self.next()? else { continue };
            let handled = catch_unwind(AssertUnwindSafe(|| handle(&self.event)))
                .unwrap_or_else(|_| Err(Failure { error_type: "panic", error_message: "it panicked".to_owned() }));
            let path = |end: &str| format!("invocation/{}/{end}", percent_encode(&event.id, NOT_IN_PATHS));
            let invocation_id = event.invocation_id.as_ref().map(|id| (INVOCATION_ID, id.as_slice()));
            match handled {
                Ok(reply) => self.post("`response`", &path("response"), invocation_id.as_slice(), &reply, &log)?,
                Err(failure) => {
                    log(&Line::new(Level::Error, &failure.error_message));
                    let headers: Vec<_> = invocation_id.into_iter().chain([(ERROR_TYPE, &b"unhandled"[..])]).collect();
                    self.post("`error`", &path("error"), &headers, &failure.to_json(), &log)?;
                }
            }
        }
    }

    /// Tells Lambda that the function cannot start, so that whoever invokes it is told why.
    pub(crate) fn refuse(&mut self, error: &impl ToString, log: impl Fn(&Line)) {
        let failure = Failure { error_type: "wrong-configuration", error_message: error.to_string() };
        let headers = [(ERROR_TYPE, &b"Runtime.ConfigInvalid"[..])];
        if let Err(error) = self.post("`init/error`", "init/error", &headers, &failure.to_json(), &log) {
            log(&Line::new(Level::Warn, &error.to_string()));
        }
    }

    /// Waits for an event. Nothing, if the API has none after all (emulators say so).
    fn next(&mut self) -> Result<Option<Event>, Error> {
        let request = Request { method: "GET", path: "invocation/next", headers: &[], body: b"" };
        let called = self.client.call(&request, &mut self.event);
        let answer = called.map_err(|cause| Error::Call { call: "`next`", cause })?;
        match answer.status {
            200 => {
                let id = answer.header(REQUEST_ID).filter(|id| !id.is_empty()).ok_or(Error::NoId)?.to_vec();
                Ok(Some(Event { id, invocation_id: answer.header(INVOCATION_ID).map(<[u8]>::to_vec) }))
            }
            204 => Ok(None),
            status => Err(Error::NoEvent { status, text: text(&self.event) }),
        }
    }

    /// Sends something to Lambda, and logs if it is refused.
    fn post(
        &mut self,
        call: &'static str,
        path: &str,
        headers: &[(&str, &[u8])],
        body: &[u8],
        log: impl Fn(&Line),
    ) -> Result<(), Error> {
        let request = Request { method: "POST", path, headers, body };
        let called = self.client.call(&request, &mut self.answer);
        let answer = called.map_err(|cause| Error::Call { call, cause })?;
        if !(200..300).contains(&answer.status) {
            let line = Line::new(Level::Error, &format!("Lambda refused {call}"));
            log(&line.field("status", answer.status).field("bytes", body.len()).field("answer", text(&self.answer)));
        }
        Ok(())
    }
}

/// What is told of an event, beside its bytes.
struct Event {
    id: Vec<u8>,
    invocation_id: Option<Vec<u8>>,
}

impl Failure {
    fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// The beginning of an answer that was not expected.
fn text(answer: &[u8]) -> String {
    String::from_utf8_lossy(answer.get(..500).unwrap_or(answer)).into_owned()
}
