//! The two functions as somebody else runs them: `cargo lambda watch`, or anything that speaks Lambda's Invoke API.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use crate::pipeline::Functions;
use crate::summary::Summary;
use serde_json::Value;
use std::cell::RefCell;
use std::fmt;
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;
use ureq::http::Uri;
use ureq::{Agent, Body};

/// Both functions behind one address.
#[derive(Debug)]
pub struct Invoked {
    agent: Agent,
    address: InvokeAddress,
    /// What failed, of each invocation that nobody was told of yet.
    told: RefCell<Vec<Option<String>>>,
}

/// Where functions are invoked, such as `http://127.0.0.1:9000`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvokeAddress {
    url: String,
    host: String,
    port: u16,
}

/// The names of the functions: those of their packages, as `cargo lambda watch` has them.
const TRANSFORM: &str = "firehose-transform";
const MAINTAINER: &str = "partition-maintainer";

/// How long an invocation may take: five minutes, the longest that Firehose waits for a function
/// (<https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html>). The first one compiles the function, too.
pub const LONGEST_INVOCATION: Duration = Duration::from_mins(5);

/// How long it may take until somebody is there.
const LONGEST_CONNECT: Duration = Duration::from_secs(5);

/// The largest reply that is read, in bytes: more than Lambda lets through.
const LARGEST_REPLY: u64 = 16 * 1_048_576;

/// Characters of a reply that are told, where it is none.
const CHARACTERS_TOLD: usize = 200;

impl Invoked {
    /// The functions at this address, where somebody has to listen. An invocation may take so long.
    pub fn connect(address: InvokeAddress, longest_invocation: Duration) -> Result<Self, String> {
        if let Err(error) = address.reach() {
            return Err(format!("`{address}`: nobody listens there ({error}), expected `cargo lambda watch`"));
        }
        let config = Agent::config_builder().timeout_global(Some(longest_invocation)).http_status_as_error(false);
        let agent = config.proxy(None).build().into();
        Ok(Self { agent, address, told: RefCell::default() })
    }

    /// Invokes a function: its reply, or why there is none.
    fn invoke(&self, function: &str, event: &str) -> Result<Vec<u8>, String> {
        let url = format!("{}/2015-03-31/functions/{function}/invocations", self.address);
        let sent = self.agent.post(url).content_type("application/json").send(event);
        let reply = sent.map_err(|error| error.to_string()).and_then(reply_of);
        let reply = reply.map_err(|fault| format!("`{function}`: {fault}"));
        self.told.borrow_mut().push(reply.as_ref().err().cloned());
        reply
    }
}

impl Functions for Invoked {
    fn transform(&self, request: &str) -> Result<Vec<u8>, String> {
        self.invoke(TRANSFORM, request)
    }

    fn maintain(&self, event: &str, _: i64) -> Result<Value, String> {
        let reply = self.invoke(MAINTAINER, event)?;
        serde_json::from_slice(&reply).map_err(|error| {
            let fault = format!("`{MAINTAINER}`: the reply is not JSON: {error}: {}", cut(&reply));
            self.told.borrow_mut().push(Some(fault.clone()));
            fault
        })
    }

    fn tell(&self, summary: &mut Summary) {
        self.told.take().into_iter().for_each(|fault| summary.add_invocation(fault));
    }
}

/// What a function has replied, or its error.
fn reply_of(mut reply: ureq::http::Response<Body>) -> Result<Vec<u8>, String> {
    let function_error = reply.headers().get("x-amz-function-error").is_some();
    let status = reply.status();
    let body = reply.body_mut().with_config().limit(LARGEST_REPLY).read_to_vec().map_err(|error| error.to_string())?;
    if status.is_success() && !function_error {
        return Ok(body);
    }
    // The function's own error has `errorMessage`, one of Lambda's has `message`.
    let error = serde_json::from_slice::<Value>(&body).unwrap_or_default();
    let member = |name| error.get(name).and_then(Value::as_str);
    let message = member("errorMessage").or(member("message")).or(member("Message")).map(str::to_owned);
    Err(format!("HTTP {}: {}", status.as_u16(), message.unwrap_or_else(|| cut(&body))))
}

fn cut(text: &[u8]) -> String {
    String::from_utf8_lossy(text).chars().take(CHARACTERS_TOLD).collect()
}

impl InvokeAddress {
    /// Whether somebody listens there.
    fn reach(&self) -> io::Result<()> {
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in (self.host.as_str(), self.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, LONGEST_CONNECT) {
                Ok(_) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

impl FromStr for InvokeAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || "expected a URL such as `http://127.0.0.1:9000`".to_owned();
        let url = text.trim_end_matches('/');
        let uri: Uri = url.parse().map_err(|_| expected())?;
        let host = uri.host().filter(|_| uri.scheme_str() == Some("http") && uri.query().is_none());
        let host = host.ok_or_else(expected)?.trim_matches(['[', ']']).to_owned();
        Ok(Self { url: url.to_owned(), host, port: uri.port_u16().unwrap_or(80) })
    }
}

impl fmt::Display for InvokeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::server::{Answer, Request, Server};

    /// What the transform function and the maintainer say, as messages if they fail, where all is answered so.
    fn said(answer: impl Fn(&Request) -> Answer + Send + 'static) -> [Result<String, String>; 2] {
        let server = Server::start(([127, 0, 0, 1], 0).into(), answer).unwrap();
        let address = format!("http://{}/", server.address()).parse().unwrap();
        let functions = Invoked::connect(address, Duration::from_millis(300)).unwrap();
        let transform = functions.transform("{}").map(|reply| String::from_utf8(reply).unwrap());
        [transform, functions.maintain("{}", 0).map(|reply| reply.to_string())]
    }

    /// What the transform function's failure is, where all is answered so.
    fn fault(status: u16, body: &'static str) -> String {
        let answer = move |_: &Request| Answer::Reply { status, content_type: "text/plain", body: body.to_owned() };
        said(answer)[0].clone().unwrap_err()
    }

    #[test]
    fn each_function_is_invoked_by_its_name() {
        let echo = |request: &Request| Answer::json(200, &serde_json::json!([request.path, request.body]));
        let function = |name: &str| Ok(format!(r#"["/2015-03-31/functions/{name}/invocations","{{}}"]"#));
        assert_eq!(said(echo), [TRANSFORM, MAINTAINER].map(function));
    }

    #[test]
    fn errors_are_told_in_the_words_of_who_replies() {
        insta::assert_snapshot!(fault(404, r#"{"Message":"Function not found: x"}"#), @"`firehose-transform`: HTTP 404: Function not found: x");
        insta::assert_snapshot!(fault(500, r#"{"errorType":"E","errorMessage":"it broke"}"#), @"`firehose-transform`: HTTP 500: it broke");
        insta::assert_snapshot!(fault(502, "<html>bad gateway"), @"`firehose-transform`: HTTP 502: <html>bad gateway");
        insta::assert_snapshot!(fault(500, ""), @"`firehose-transform`: HTTP 500: ");
    }

    #[test]
    fn what_does_not_come_is_not_waited_for() {
        insta::assert_snapshot!(said(|_| Answer::Silence)[0].clone().unwrap_err(), @"`firehose-transform`: timeout: global");
        insta::assert_snapshot!(said(|_| Answer::End)[0].clone().unwrap_err(), @"`firehose-transform`: io: Peer disconnected");
    }

    #[test]
    fn a_reply_that_is_no_json_is_firehoses_to_judge_and_no_reply_of_the_maintainer() {
        let html = |_: &Request| Answer::Reply { status: 200, content_type: "text/html", body: "<html>".to_owned() };
        let [transform, maintainer] = said(html);
        assert_eq!(transform, Ok("<html>".to_owned()));
        insta::assert_snapshot!(maintainer.unwrap_err(), @"`partition-maintainer`: the reply is not JSON: expected value at line 1 column 1: <html>");
    }

    #[test]
    fn nobody_at_the_address_is_one_message() {
        let address = Server::start(([127, 0, 0, 1], 0).into(), |_| Answer::End).unwrap().address();
        let message = Invoked::connect(format!("http://{address}").parse().unwrap(), LONGEST_INVOCATION).unwrap_err();
        insta::assert_snapshot!(message.replace(&address.to_string(), "ADDRESS"), @"`http://ADDRESS`: nobody listens there (Connection refused (os error 111)), expected `cargo lambda watch`");
    }

    #[test]
    fn addresses() {
        let read = |text: &str| text.parse::<InvokeAddress>().map(|address| (address.host, address.port));
        assert_eq!(read("http://localhost:9000/"), Ok(("localhost".to_owned(), 9_000)));
        assert_eq!(read("http://[::1]:9000"), Ok(("::1".to_owned(), 9_000)));
        assert_eq!(read("http://lambda/base"), Ok(("lambda".to_owned(), 80)));
        for text in ["", "localhost:9000", "https://localhost:9000", "http://", "http://a?b", "ftp://a"] {
            assert_eq!(read(text), Err("expected a URL such as `http://127.0.0.1:9000`".to_owned()), "{text}");
        }
    }
}
