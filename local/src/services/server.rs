//! HTTP on a port of this machine.

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::future::pending;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// A server in a thread of its own, until it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    /// Its end ends the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// What it asks for.
    pub path: String,
    /// What stands behind the `?` there.
    pub query: String,
    /// `X-Amz-Target`: service and operation, such as `AWSGlue.GetTable`.
    pub target: Option<String>,
    /// What comes with it.
    pub body: String,
}

/// What a client gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A reply.
    Reply {
        /// Its status.
        status: u16,
        /// The type of its body.
        content_type: &'static str,
        /// Its body.
        body: String,
    },
    /// Nothing, for as long as it waits.
    Silence,
    /// The connection is closed.
    End,
}

impl Server {
    /// Answers all who come to this address, one after the other.
    pub fn start(address: SocketAddr, answer: impl FnMut(&Request) -> Answer + Send + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let answer = Arc::new(Mutex::new(answer));
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            runtime.block_on(async {
                // The listener is one of this runtime's from here on.
                let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
                let accept = async {
                    while let Ok((stream, _)) = listener.accept().await {
                        tokio::spawn(converse(stream, Arc::clone(&answer)));
                    }
                };
                tokio::select! {
                    () = accept => {}
                    _ = stopped => {}
                }
            });
        });
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _panicked = self.thread.take().map(JoinHandle::join);
    }
}

impl Request {
    /// What is asked of Athena or Glue: `GetTable`.
    pub fn operation(&self) -> Option<&str> {
        match self.target.as_deref()?.split_once('.')? {
            ("AmazonAthena" | "AWSGlue", operation) => Some(operation),
            _ => None,
        }
    }
}

/// Answers the requests of a connection.
async fn converse(stream: TcpStream, answer: Arc<Mutex<impl FnMut(&Request) -> Answer>>) {
    let _slower = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let answer = Arc::clone(&answer);
        async move {
            let request = read(request).await?;
            let answer = answer.lock().unwrap_or_else(PoisonError::into_inner)(&request);
            match answer {
                Answer::Reply { status, content_type, body } => {
                    let reply = hyper::Response::builder().status(status).header(CONTENT_TYPE, content_type);
                    reply.body(Full::new(Bytes::from(body))).map_err(io::Error::other)
                }
                Answer::Silence => pending().await,
                Answer::End => Err(io::Error::other("the connection is to be closed")),
            }
        }
    });
    // How a connection ends is of no interest.
    let _ended = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn read(request: hyper::Request<Incoming>) -> io::Result<Request> {
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok()).map(str::to_owned);
    let (path, query) = (request.uri().path().to_owned(), request.uri().query().unwrap_or_default().to_owned());
    let body = request.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
    let body = String::from_utf8(body.into()).map_err(io::Error::other)?;
    Ok(Request { path, query, target, body })
}
