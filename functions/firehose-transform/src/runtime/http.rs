//! As much of HTTP/1.1 as the Runtime API needs: one request after the other, on one connection as long as it lasts.
//!
//! Events come with a length or in chunks: AWS's own emulator, in Go, names no length.

use std::fmt;
use std::io::{self, BufRead, BufReader, ErrorKind, IoSlice, Read, Write};
use std::net::TcpStream;

/// Who is asked: a server, and the connection to it.
#[derive(Debug)]
pub(super) struct Client {
    authority: String,
    base: String,
    /// The connection of the last call, if it goes on.
    kept: Option<Connection>,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'r> {
    /// The method.
    pub(super) method: &'static str,
    /// The path below `/2018-06-01/runtime/`.
    pub(super) path: &'r str,
    /// Headers beside those that every request has. Names and values are sent as they are.
    pub(super) headers: &'r [(&'r str, &'r [u8])],
    /// The body.
    pub(super) body: &'r [u8],
}

/// What was answered, beside the body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The status.
    pub(super) status: u16,
    headers: Vec<(String, Vec<u8>)>,
    lasts: bool,
}

type Connection = BufReader<TcpStream>;

/// No answer.
#[derive(Debug)]
pub(super) enum Broken {
    /// The server sent nothing. It may have closed a connection that it no longer wanted, before it saw the request.
    Unanswered(io::Error),
    /// The answer has begun, and is none, or has no end.
    Answered(io::Error),
}

/// Lambda's largest event has 6 MB, and emulators have no reason for much more. A larger one is a fault.
const LARGEST_BODY: usize = 64 << 20;
/// Lambda's largest head is one with a client's context of 3.5 KB.
const LARGEST_HEAD: usize = 64 << 10;
const MOST_HEADERS: usize = 64;

impl Client {
    /// A client of the server at `host:port` or `host:port/path`.
    pub(super) fn new(api: &str) -> Self {
        let api = api.strip_prefix("http://").unwrap_or(api);
        let (authority, base) = api.split_once('/').unwrap_or((api, ""));
        let base = format!("/{base}").trim_end_matches('/').to_owned();
        Self { authority: authority.to_owned(), base, kept: None }
    }

    /// Asks, waits for the answer as long as it takes, and puts its body into a buffer.
    ///
    /// A connection that was kept may have been closed meanwhile. If nothing was answered on it, the request is repeated on
    /// a new one: `next` may be, and so may a reply, which the API takes once.
    pub(super) fn call(&mut self, request: &Request<'_>, body: &mut Vec<u8>) -> io::Result<Answer> {
        if let Some(kept) = self.kept.take() {
            match self.exchange(kept, request, body) {
                Ok(answer) => return Ok(answer),
                Err(Broken::Unanswered(_)) => {}
                Err(Broken::Answered(error)) => return Err(error),
            }
        }
        let new = self.connect()?;
        self.exchange(new, request, body).map_err(|(Broken::Unanswered(error) | Broken::Answered(error))| error)
    }

    /// A connection without a limit of time: Lambda lets `next` wait for hours, in which the process is frozen.
    fn connect(&self) -> io::Result<Connection> {
        let stream = TcpStream::connect(&self.authority)
            .map_err(|error| io::Error::new(error.kind(), format!("no connection to `{}`: {error}", self.authority)))?;
        stream.set_nodelay(true)?;
        Ok(BufReader::new(stream))
    }

    fn exchange(
        &mut self,
        mut connection: Connection,
        request: &Request<'_>,
        body: &mut Vec<u8>,
    ) -> Result<Answer, Broken> {
        let written = write(connection.get_ref(), &self.head(request), request.body);
        // A server that refuses what is too large may answer and close before it has read it all.
        match (read(&mut connection, body), written) {
            (Err(Broken::Unanswered(_)), Err(error)) => Err(Broken::Unanswered(error)),
            (Ok(answer), Ok(())) => {
                if answer.lasts && connection.buffer().is_empty() {
                    self.kept = Some(connection);
                }
                Ok(answer)
            }
            (read, _) => read,
        }
    }

    fn head(&self, Request { method, path, headers, body }: &Request<'_>) -> Vec<u8> {
        const USER_AGENT: &str = concat!("headgate/", env!("CARGO_PKG_VERSION"));
        let Self { authority, base, .. } = self;
        let mut head = format!("{method} {base}/2018-06-01/runtime/{path} HTTP/1.1\r\n").into_bytes();
        let length = body.len().to_string();
        let common = [("host", authority.as_bytes()), ("user-agent", USER_AGENT.as_bytes())];
        let length = (*method != "GET").then_some(("content-length", length.as_bytes()));
        for (name, value) in common.into_iter().chain(length).chain(headers.iter().copied()) {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        head
    }
}

impl Answer {
    /// The value of a header, whose name is given in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_slice())
    }
}

/// Writes head and body, in one call to the system where that takes it all.
fn write(mut stream: &TcpStream, head: &[u8], body: &[u8]) -> io::Result<()> {
    let mut slices = [IoSlice::new(head), IoSlice::new(body)];
    let mut rest = slices.as_mut_slice();
    while !rest.is_empty() {
        match stream.write_vectored(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut rest, written),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads an answer, its body into a buffer, which is emptied first. However it is cut into segments, it is the same answer.
pub(super) fn read(connection: &mut impl BufRead, body: &mut Vec<u8>) -> Result<Answer, Broken> {
    let mut head = Vec::new();
    if let Err(error) = read_head(connection, &mut head) {
        return Err(if head.is_empty() { Broken::Unanswered(error) } else { Broken::Answered(error) });
    }
    read_answer(connection, head, body).map_err(Broken::Answered)
}

fn read_answer(connection: &mut impl BufRead, mut head: Vec<u8>, body: &mut Vec<u8>) -> io::Result<Answer> {
    let mut answer = parse(&head)?;
    while (100..200).contains(&answer.status) {
        head.clear();
        read_head(connection, &mut head)?;
        answer = parse(&head)?;
    }
    body.clear();
    if matches!(answer.status, 204 | 304) {
    } else if let Some(coding) = answer.header("transfer-encoding") {
        if !coding.eq_ignore_ascii_case(b"chunked") {
            return Err(invalid(format_args!("unknown transfer coding `{}`", coding.escape_ascii())));
        }
        read_chunks(connection, body)?;
    } else if let Some(length) = answer.header("content-length") {
        let length = parse_length(length)
            .ok_or_else(|| invalid(format_args!("`{}` as content length", length.escape_ascii())))?;
        read_part(connection, length, body)?;
    } else {
        answer.lasts = false;
        connection.take(LARGEST_BODY as u64).read_to_end(body)?;
    }
    Ok(answer)
}

/// Reads up to the empty line, and with it.
fn read_head(connection: &mut impl BufRead, head: &mut Vec<u8>) -> io::Result<()> {
    while !matches!(read_line(connection, head)?, b"\r\n" | b"\n") {}
    Ok(())
}

/// Appends a line to a head, and gives it with its end.
fn read_line<'h>(connection: &mut impl BufRead, head: &'h mut Vec<u8>) -> io::Result<&'h [u8]> {
    let start = head.len();
    let room = LARGEST_HEAD.saturating_sub(start);
    connection.take(room as u64).read_until(b'\n', head)?;
    let full = head.len() >= LARGEST_HEAD;
    match head.get(start..).unwrap_or_default() {
        line if line.ends_with(b"\n") => Ok(line),
        _ if full => Err(invalid("a head without end")),
        _ => Err(ErrorKind::UnexpectedEof.into()),
    }
}

fn parse(head: &[u8]) -> io::Result<Answer> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(head).map_err(|error| invalid(format_args!("no HTTP: {error}")))?;
    let (true, Some(status)) = (parsed.is_complete(), response.code) else { return Err(invalid("no HTTP")) };
    let headers: Vec<_> =
        response.headers.iter().map(|header| (header.name.to_ascii_lowercase(), header.value.to_vec())).collect();
    let mut answer = Answer { status, headers, lasts: response.version == Some(1) };
    let mut wishes = answer.header("connection").unwrap_or_default().split(|byte| *byte == b',');
    answer.lasts &= !wishes.any(|wish| wish.trim_ascii().eq_ignore_ascii_case(b"close"));
    Ok(answer)
}

fn parse_length(text: &[u8]) -> Option<u64> {
    let digits = text.iter().all(u8::is_ascii_digit);
    str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}

fn read_chunks(connection: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let parsed = httparse::parse_chunk_size(read_line(connection, &mut line)?);
        let Ok(httparse::Status::Complete((_, size))) = parsed else {
            return Err(invalid(format_args!("`{}` as size of a chunk", line.escape_ascii())));
        };
        if size == 0 {
            line.clear();
            return read_head(connection, &mut line);
        }
        read_part(connection, size, body)?;
        line.clear();
        if !matches!(read_line(connection, &mut line)?, b"\r\n" | b"\n") {
            return Err(invalid("a chunk longer than its size"));
        }
    }
}

/// Appends so many bytes. Room is made for just those, where they are all there will be.
fn read_part(connection: &mut impl BufRead, size: u64, body: &mut Vec<u8>) -> io::Result<()> {
    let room = LARGEST_BODY.saturating_sub(body.len());
    let size = usize::try_from(size).ok().filter(|size| *size <= room);
    let size = size.ok_or_else(|| invalid(format_args!("more than {LARGEST_BODY} bytes")))?;
    if body.is_empty() {
        body.reserve_exact(size);
    } else {
        body.reserve(size);
    }
    let read = connection.take(size as u64).read_to_end(body)?;
    if read == size { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
}

fn invalid(got: impl fmt::Display) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("expected an answer in HTTP/1.1, got {got}"))
}
