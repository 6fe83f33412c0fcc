//! The loop against a Runtime API that does what a test says.

use super::http::read;
use super::*;
use proptest::prelude::*;
use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// What the API does with one request.
enum Step {
    /// Answers it.
    Answer(Vec<u8>),
    /// Answers it, and closes the connection without having said so.
    Last(Vec<u8>),
    /// Closes the connection instead.
    Close,
    /// Answers it when it has the head, and closes the connection.
    #[cfg(target_os = "linux")]
    Early(Vec<u8>),
}

/// A request as it came.
#[derive(Debug, PartialEq)]
struct Asked {
    /// Of how many connections it came on the last one.
    connection: usize,
    head: String,
    body: Vec<u8>,
}

impl Asked {
    fn line(&self) -> &str {
        self.head.lines().next().unwrap()
    }
}

fn receive(reader: &mut impl BufRead, with_body: bool) -> (String, Vec<u8>) {
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let start = head.len();
        assert_ne!(reader.read_line(&mut head).unwrap(), 0, "closed within a request");
        if let Some(value) = head.split_at(start).1.strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; if with_body { length } else { 0 }];
    reader.read_exact(&mut body).unwrap();
    (head, body)
}

fn serve_steps(listener: &TcpListener, steps: Vec<Step>) -> Vec<Asked> {
    let (mut asked, mut open, mut connection) = (Vec::new(), None::<BufReader<TcpStream>>, 0);
    for step in steps {
        let mut reader = open.take().unwrap_or_else(|| {
            connection += 1;
            let stream = listener.accept().unwrap().0;
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            BufReader::new(stream)
        });
        #[cfg(target_os = "linux")]
        let with_body = !matches!(step, Step::Early(_));
        #[cfg(not(target_os = "linux"))]
        let with_body = true;
        let (head, body) = receive(&mut reader, with_body);
        asked.push(Asked { connection, head, body });
        match step {
            Step::Answer(answer) => {
                reader.get_mut().write_all(&answer).unwrap();
                open = Some(reader);
            }
            Step::Last(answer) => reader.get_mut().write_all(&answer).unwrap(),
            Step::Close => {}
            #[cfg(target_os = "linux")]
            Step::Early(answer) => {
                reader.get_mut().write_all(&answer).unwrap();
                reader.get_mut().shutdown(Shutdown::Write).unwrap();
            }
        }
    }
    if let Some(open) = open {
        open.get_ref().shutdown(Shutdown::Both).ok();
    }
    asked
}

/// What was asked, logged, and why it ended, once the API has done all steps and gone.
fn run_below(
    path: &str,
    steps: Vec<Step>,
    handle: impl Fn(&[u8]) -> Result<Vec<u8>, Failure>,
) -> (Vec<Asked>, Vec<String>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let api = format!("{}{path}", listener.local_addr().unwrap());
    let server = thread::spawn(move || serve_steps(&listener, steps));
    let logged = RefCell::new(Vec::new());
    let log = |line: &Line| logged.borrow_mut().push(line.to_json(0, "f"));
    let error = Runtime::new(&api).serve(log, handle).unwrap_err().to_string();
    (server.join().unwrap(), logged.into_inner(), error)
}

fn run(steps: Vec<Step>, handle: impl Fn(&[u8]) -> Result<Vec<u8>, Failure>) -> (Vec<Asked>, Vec<String>, String) {
    run_below("", steps, handle)
}

fn event(id: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: {id}\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn accepted() -> Vec<u8> {
    b"HTTP/1.1 202 Accepted\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n".to_vec()
}

#[expect(clippy::unnecessary_wraps, reason = "it is a handler")]
fn backwards(event: &[u8]) -> Result<Vec<u8>, Failure> {
    Ok(event.iter().rev().copied().collect())
}

const NEXT: &str = "GET /2018-06-01/runtime/invocation/next HTTP/1.1";

#[test]
fn invocations_follow_one_another_on_one_connection() {
    let mut steps = Vec::new();
    for n in 0..3 {
        steps.push(Step::Answer(event(&format!("id-{n}"), format!("event {n}").as_bytes())));
        steps.push(Step::Answer(accepted()));
    }
    let (asked, logged, error) = run(steps, backwards);
    assert!(asked.iter().all(|asked| asked.connection == 1), "{asked:?}");
    for (n, pair) in asked.chunks(2).enumerate() {
        assert_eq!(pair[0].line(), NEXT);
        assert_eq!(pair[1].line(), format!("POST /2018-06-01/runtime/invocation/id-{n}/response HTTP/1.1"));
        assert_eq!(pair[1].body, format!("{n} tneve").as_bytes());
    }
    assert_eq!(logged, [""; 0]);
    assert!(error.starts_with("`next` failed: "), "{error}");
}

#[test]
fn requests_say_who_asks() {
    let (asked, ..) = run(vec![Step::Answer(event("1", b"{}")), Step::Answer(accepted())], backwards);
    let hidden = |asked: &Asked| {
        let host = asked.head.lines().nth(1).unwrap();
        asked.head.replace(host, "host: …").replace(env!("CARGO_PKG_VERSION"), "…")
    };
    insta::assert_snapshot!(hidden(&asked[0]).replace("\r\n", "\n"), @r"
    GET /2018-06-01/runtime/invocation/next HTTP/1.1
    host: …
    user-agent: headgate/…
    ");
    insta::assert_snapshot!(hidden(&asked[1]).replace("\r\n", "\n"), @r"
    POST /2018-06-01/runtime/invocation/1/response HTTP/1.1
    host: …
    user-agent: headgate/…
    content-length: 2
    ");
}

#[test]
fn an_emulators_path_is_kept() {
    for path in ["/firehose-transform", "/firehose-transform/"] {
        let (asked, ..) = run_below(path, vec![Step::Answer(event("1", b"")), Step::Answer(accepted())], backwards);
        assert_eq!(asked[0].line(), "GET /firehose-transform/2018-06-01/runtime/invocation/next HTTP/1.1");
        assert_eq!(asked[1].line(), "POST /firehose-transform/2018-06-01/runtime/invocation/1/response HTTP/1.1");
    }
}

#[test]
fn an_event_comes_in_chunks() {
    let chunked = b"HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: 1\r\nTransfer-Encoding: chunked\r\n\r\n\
        3\r\nabc\r\n1;why=not\r\nd\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";
    let steps = vec![Step::Answer(chunked.to_vec()), Step::Answer(accepted()), Step::Answer(event("2", b"after"))];
    let (asked, ..) = run([steps, vec![Step::Answer(accepted())]].into_iter().flatten().collect(), backwards);
    assert_eq!(asked[1].body, b"9876543210dcba");
    assert_eq!((asked[3].body.as_slice(), asked[3].connection), (&b"retfa"[..], 1));
}

#[test]
fn what_lambda_refuses_is_logged_and_the_next_event_comes() {
    let refusal = b"HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 13\r\n\r\n{\"error\":\"!\"}".to_vec();
    let steps = [event("1", b"large"), refusal, event("2", b"small"), accepted()].map(Step::Answer);
    let (asked, logged, _) = run(steps.into(), backwards);
    assert_eq!(asked[3].body, b"llams");
    insta::assert_snapshot!(logged.join("\n"), @r#"{"level":"ERROR","message":"Lambda refused `response`","status":413,"bytes":5,"answer":"{\"error\":\"!\"}","function":"f"}"#);
}

// Elsewhere a system may forget what was received once the connection is reset.
#[cfg(target_os = "linux")]
#[test]
fn a_refusal_before_the_end_of_a_reply_is_read() {
    let refusal = b"HTTP/1.1 413 Request Entity Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}".to_vec();
    let steps = vec![
        Step::Answer(event("1", b"")),
        Step::Early(refusal),
        Step::Answer(event("2", b"small")),
        Step::Answer(accepted()),
    ];
    let (asked, logged, _) =
        run(steps, |event| if event.is_empty() { Ok(vec![b'x'; 64 << 20]) } else { backwards(event) });
    assert!(logged[0].contains("\"status\":413"), "{logged:?}");
    assert_eq!((asked[3].body.as_slice(), asked[3].connection), (&b"llams"[..], 2));
}

#[test]
fn an_error_of_the_handler_is_one_of_its_invocation() {
    let steps = [event("1", b"bad"), accepted(), event("2", b"good"), accepted()].map(Step::Answer);
    let (asked, logged, _) = run(steps.into(), |event| match event {
        b"bad" => Err(Failure { error_type: "not-good", error_message: "expected `good`".to_owned() }),
        event => backwards(event),
    });
    assert_eq!(asked[1].line(), "POST /2018-06-01/runtime/invocation/1/error HTTP/1.1");
    assert!(asked[1].head.contains("\r\nlambda-runtime-function-error-type: unhandled\r\n"), "{}", asked[1].head);
    assert_eq!(asked[1].body, br#"{"errorType":"not-good","errorMessage":"expected `good`"}"#);
    assert_eq!(asked[3].body, b"doog");
    assert_eq!(logged, [r#"{"level":"ERROR","message":"expected `good`","function":"f"}"#]);
}

#[test]
fn a_panic_is_an_error_of_its_invocation() {
    let steps = [event("1", b"bad"), accepted(), event("2", b"good"), accepted()].map(Step::Answer);
    let (asked, logged, _) = run(steps.into(), |event| {
        assert_ne!(event, b"bad");
        backwards(event)
    });
    assert_eq!(asked[1].line(), "POST /2018-06-01/runtime/invocation/1/error HTTP/1.1");
    assert_eq!(asked[1].body, br#"{"errorType":"panic","errorMessage":"it panicked"}"#);
    assert_eq!(asked[3].body, b"doog");
    assert_eq!(logged.len(), 1);
}

#[test]
fn a_connection_that_was_closed_is_opened_again() {
    // Between two invocations, and before a reply.
    let steps = vec![
        Step::Answer(event("1", b"a")),
        Step::Last(accepted()),
        Step::Last(event("2", b"bc")),
        Step::Answer(accepted()),
        Step::Answer(event("3", b"d")),
        Step::Answer(accepted()),
    ];
    let (asked, logged, _) = run(steps, backwards);
    let sent: Vec<_> = asked.iter().map(|asked| (asked.connection, asked.body.as_slice())).collect();
    assert_eq!(sent, [(1, &b""[..]), (1, b"a"), (2, b""), (3, b"cb"), (3, b""), (3, b"d")]);
    assert_eq!(logged, [""; 0]);
}

#[test]
fn a_request_without_any_answer_is_repeated_once() {
    let steps = vec![Step::Answer(event("1", b"a")), Step::Close, Step::Answer(accepted())];
    let (asked, ..) = run(steps, backwards);
    assert_eq!((asked[1].line(), &asked[1].body), (asked[2].line(), &asked[2].body));
    assert_eq!((asked[1].connection, asked[2].connection), (1, 2));

    let (asked, _, error) = run(vec![Step::Answer(event("1", b"a")), Step::Close, Step::Close], backwards);
    assert_eq!(asked.len(), 3);
    assert!(error.starts_with("`response` failed: "), "{error}");
}

#[test]
fn a_request_whose_answer_has_begun_is_not_repeated() {
    let cut = event("2", b"cut short")[..60].to_vec();
    let steps = vec![Step::Answer(event("1", b"a")), Step::Answer(accepted()), Step::Last(cut)];
    let (asked, _, error) = run(steps, backwards);
    assert_eq!(asked.len(), 3);
    assert_eq!(error, "`next` failed: unexpected end of file");
}

#[test]
fn a_server_that_closes_says_so() {
    let mut last = event("1", b"a");
    last.splice(17..17, b"Connection: x, Close\r\n".iter().copied());
    let old = b"HTTP/1.0 202 Accepted\r\n\r\nuntil the end".to_vec();
    let (asked, ..) = run(vec![Step::Last(last), Step::Last(old), Step::Answer(event("2", b""))], backwards);
    assert_eq!(asked.iter().map(|asked| asked.connection).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn what_is_not_http_ends_the_loop() {
    let id = "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\n";
    let answers = [
        "SSH-2.0-OpenSSH_9.2\r\n\r\n".to_owned(),
        "\r\n\r\n\r\n".to_owned(),
        "x".repeat(70_000),
        format!("{}\r\n\r\n", "x: y\r\n".repeat(70)).replacen("x: y", "HTTP/1.1 200 OK", 1),
        format!("{id}Transfer-Encoding: gzip\r\n\r\n"),
        format!("{id}Transfer-Encoding: chunked\r\n\r\nx\r\n"),
        format!("{id}Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n"),
        format!("{id}Transfer-Encoding: chunked\r\n\r\nffffffffffff\r\n"),
        format!("{id}Content-Length: -1\r\n\r\n"),
        format!("{id}Content-Length: 99999999999\r\n\r\n"),
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno".to_owned(),
    ];
    let ends = answers.map(|answer| run(vec![Step::Last(answer.into_bytes())], backwards).2);
    insta::assert_snapshot!(ends.join("\n"), @r"
    `next` failed: expected an answer in HTTP/1.1, got no HTTP: invalid HTTP version
    `next` failed: expected an answer in HTTP/1.1, got no HTTP
    `next` failed: expected an answer in HTTP/1.1, got a head without end
    `next` failed: expected an answer in HTTP/1.1, got no HTTP: too many headers
    `next` failed: expected an answer in HTTP/1.1, got unknown transfer coding `gzip`
    `next` failed: expected an answer in HTTP/1.1, got `x\r\n` as size of a chunk
    `next` failed: expected an answer in HTTP/1.1, got a chunk longer than its size
    `next` failed: expected an answer in HTTP/1.1, got more than 67108864 bytes
    `next` failed: expected an answer in HTTP/1.1, got `-1` as content length
    `next` failed: expected an answer in HTTP/1.1, got more than 67108864 bytes
    expected an event with the header `lambda-runtime-aws-request-id`
    `next` was answered with status 403: no
    ");
}

#[test]
fn no_event_is_asked_for_again() {
    let none = b"HTTP/1.1 204 No Content\r\n\r\n".to_vec();
    let interim = [&b"HTTP/1.1 100 Continue\r\n\r\n"[..], &accepted()].concat();
    let (asked, ..) = run([none, event("1", b"a"), interim, event("2", b"")].map(Step::Answer).into(), backwards);
    assert_eq!((asked[1].line(), asked[2].body.as_slice(), asked[3].line()), (NEXT, &b"a"[..], NEXT));
}

#[test]
fn ids_are_sent_back_whatever_they_are() {
    let odd = "HTTP/1.1 200 OK\r\nLAMBDA-RUNTIME-AWS-REQUEST-ID: a/b?c #%é\r\n\
        Lambda-Runtime-Invocation-Id: x é\r\nContent-Length: 0\r\n\r\n";
    let (asked, ..) = run(vec![Step::Answer(odd.into()), Step::Answer(accepted())], backwards);
    let path = "/2018-06-01/runtime/invocation/a%2Fb%3Fc%20%23%25%C3%A9/response";
    assert_eq!(asked[1].line(), format!("POST {path} HTTP/1.1"));
    assert!(asked[1].head.contains("\r\nlambda-runtime-invocation-id: x é\r\n"), "{}", asked[1].head);

    let (asked, ..) = run(vec![Step::Answer(odd.into()), Step::Answer(accepted())], |_| panic!("twice"));
    assert!(asked[1].head.contains("\r\nlambda-runtime-invocation-id: x é\r\n"), "{}", asked[1].head);
}

#[test]
fn six_megabytes_go_both_ways() {
    let large: Vec<u8> = (0..6_u32 << 20).map(|n| u8::try_from(n % 251).unwrap()).collect();
    let steps = [event("1", &large), accepted(), event("2", b"small"), accepted()].map(Step::Answer);
    let (asked, ..) = run(steps.into(), |event| Ok(event.to_vec()));
    assert!(asked[1].body == large);
    assert_eq!(asked[3].body, b"small");
}

#[test]
fn a_function_that_cannot_start_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut runtime = Runtime::new(&listener.local_addr().unwrap().to_string());
    let server = thread::spawn(move || serve_steps(&listener, vec![Step::Answer(accepted())]));
    runtime.refuse(&"`X` is not set", |line| panic!("{line:?}"));
    let asked = server.join().unwrap();
    assert_eq!(asked[0].line(), "POST /2018-06-01/runtime/init/error HTTP/1.1");
    assert!(asked[0].head.contains("\r\nlambda-runtime-function-error-type: Runtime.ConfigInvalid\r\n"));
    assert_eq!(asked[0].body, br#"{"errorType":"wrong-configuration","errorMessage":"`X` is not set"}"#);
    // Nobody there any more: a line of the log, no more.
    let logged = RefCell::new(0);
    runtime.refuse(&"`X` is not set", |_| *logged.borrow_mut() += 1);
    assert_eq!(logged.into_inner(), 1);
}

/// Bytes that come in pieces.
struct Pieces<'p>(Vec<&'p [u8]>);

impl<'p> Pieces<'p> {
    /// The pieces between these places.
    fn cut(mut whole: &'p [u8], places: &[usize]) -> Self {
        let mut pieces = Vec::new();
        for place in places {
            let (piece, rest) = whole.split_at(place % (whole.len() + 1));
            pieces.push(piece);
            whole = rest;
        }
        pieces.push(whole);
        pieces.retain(|piece| !piece.is_empty());
        pieces.reverse();
        Self(pieces)
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(piece) = self.0.pop() else { return Ok(0) };
        let (now, later) = piece.split_at(piece.len().min(into.len()));
        into[..now.len()].copy_from_slice(now);
        if !later.is_empty() {
            self.0.push(later);
        }
        Ok(now.len())
    }
}

fn chunks(body: &[u8], size: usize) -> Vec<u8> {
    let mut answer =
        b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.chunks(size) {
        answer.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        answer.extend_from_slice(chunk);
        answer.extend_from_slice(b"\r\n");
    }
    answer.extend_from_slice(b"0\r\n\r\n");
    answer
}

proptest! {
    #[test]
    fn an_event_is_the_same_however_it_is_cut(
        body in proptest::collection::vec(any::<u8>(), 0..3000),
        chunk in 1_usize..4000,
        places in proptest::collection::vec(0_usize..300, 0..60),
        room in 1_usize..9000,
    ) {
        for whole in [event("1", &body), chunks(&body, chunk)] {
            let two = [whole.as_slice(), &accepted()].concat();
            let mut connection = BufReader::with_capacity(room, Pieces::cut(&two, &places));
            let mut read_body = b"of before".to_vec();
            let answer = read(&mut connection, &mut read_body).unwrap();
            prop_assert_eq!((answer.status, answer.header(REQUEST_ID)), (200, Some(&b"1"[..])));
            prop_assert_eq!(&read_body, &body);
            prop_assert_eq!(read(&mut connection, &mut read_body).unwrap().status, 202);
        }
    }

    #[test]
    fn an_event_that_ends_early_is_none(
        body in proptest::collection::vec(any::<u8>(), 1..300),
        chunk in 1_usize..400,
        place in any::<prop::sample::Index>(),
    ) {
        for whole in [event("1", &body), chunks(&body, chunk)] {
            let cut = &whole[..place.index(whole.len())];
            prop_assert!(read(&mut BufReader::new(cut), &mut Vec::new()).is_err());
        }
    }

    #[test]
    fn any_bytes_are_an_answer_or_an_error(start in any::<bool>(), bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let start = if start { &b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"[..] } else { b"" };
        let mut body = Vec::new();
        drop(read(&mut BufReader::new([start, &bytes].concat().as_slice()), &mut body));
        prop_assert!(body.len() <= bytes.len());
    }
}
