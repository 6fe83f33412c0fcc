//! As much of a server as the SDK's client needs.

use super::State;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A request to any of the services.
pub(super) struct Request {
    pub(super) path: String,
    pub(super) query: String,
    pub(super) body: String,
    target: Option<String>,
}

/// A reply, or the end of the connection.
pub(super) struct Reply {
    status: u16,
    content_type: &'static str,
    body: String,
}

/// Answers all who come.
pub(super) async fn serve(listener: TcpListener, state: Arc<Mutex<State>>) {
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).unwrap();
        tokio::spawn(converse(stream, Arc::clone(&state)));
    }
}

async fn converse(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let (read, mut write) = stream.split();
    let mut read = BufReader::new(read);
    while let Some(request) = Request::read(&mut read).await {
        let reply = state.lock().unwrap().answer(&request);
        match reply {
            None => std::future::pending().await,
            Some(Reply { status: 0, .. }) => return,
            Some(Reply { status, content_type, body }) => {
                let length = body.len();
                let head =
                    format!("HTTP/1.1 {status} .\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n");
                if write.write_all((head + &body).as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    }
}

impl Request {
    /// The next request of a connection, if there is another one.
    async fn read(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Option<Self> {
        let (mut line, mut length, mut target) = (String::new(), 0, None);
        stream.read_line(&mut line).await.ok()?;
        let address = line.split(' ').nth(1)?.to_owned();
        loop {
            line.clear();
            stream.read_line(&mut line).await.ok()?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            match name.to_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap(),
                "x-amz-target" => target = Some(value.to_owned()),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        let (path, query) = address.split_once('?').unwrap_or((&address, ""));
        Some(Self { path: path.into(), query: query.into(), body: String::from_utf8(body).unwrap(), target })
    }

    /// Its body, or its query if it has none.
    pub(super) fn text(&self) -> &str {
        if self.body.is_empty() { &self.query } else { &self.body }
    }

    /// What is asked for: `GetTable`.
    pub(super) fn operation(&self) -> String {
        match self.target.as_deref().map(|target| target.split_once('.').unwrap()) {
            Some(("AmazonAthena" | "AWSGlue", operation)) => operation.to_owned(),
            None if self.query.contains("list-type=2") => "ListObjectsV2".to_owned(),
            _ => panic!("an operation that nobody knows: {:?} {}", self.target, self.path),
        }
    }

    /// An error in the words of the service that is asked.
    pub(super) fn refusal(&self, status: u16, code: &str, message: &str) -> Reply {
        if self.target.is_some() {
            return Reply::json(status, &json!({ "__type": code, "Message": message }));
        }
        Reply::xml(status, format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"))
    }
}

impl Reply {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self { status, content_type: "application/x-amz-json-1.1", body: body.to_string() }
    }

    pub(super) fn xml(status: u16, body: String) -> Self {
        Self { status, content_type: "application/xml", body }
    }

    /// None: the connection ends.
    pub(super) fn none() -> Self {
        Self { status: 0, content_type: "", body: String::new() }
    }
}
