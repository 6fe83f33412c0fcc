//! Ctrl-C: the first one is asked for, the second one ends the program.

use std::io::{self, Read};
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

/// The status of a program that was interrupted, as shells have it.
pub const STATUS: u8 = 130;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on, the first interrupt is kept until it is asked for, so that what is under way can be finished; the second one
/// ends the program.
pub fn listen() -> Result<(), String> {
    let heard = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            exit(STATUS.into());
        }
    });
    heard.map_err(|error| format!("interrupts cannot be heard: {error}"))
}

/// Whether there was an interrupt.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// An input that may be silent for long, such as standard input, and ends at an interrupt.
///
/// It is read by a thread, from when this is asked for something first: nothing else can leave a read that waits.
pub struct Interruptible<R> {
    input: Option<R>,
    chunks: Option<Receiver<io::Result<Vec<u8>>>>,
    chunk: io::Cursor<Vec<u8>>,
}

/// Bytes that are read at once.
const CHUNK: usize = 65_536;

/// Chunks that are read before they are asked for.
const AHEAD: usize = 4;

/// How long an interrupt may go unheard.
const PATIENCE: Duration = Duration::from_millis(50);

impl<R> Interruptible<R> {
    /// An input that is not read yet.
    pub fn new(input: R) -> Self {
        Self { input: Some(input), chunks: None, chunk: io::Cursor::default() }
    }
}

impl<R: Read + Send + 'static> Read for Interruptible<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(input) = self.input.take() {
            self.chunks = Some(read_ahead(input));
        }
        loop {
            let read = self.chunk.read(buffer)?;
            let Some(chunks) = self.chunks.as_ref().filter(|_| read == 0 && !buffer.is_empty()) else {
                return Ok(read);
            };
            match chunks.recv_timeout(PATIENCE) {
                Ok(chunk) => self.chunk = io::Cursor::new(chunk?),
                Err(RecvTimeoutError::Timeout) if !interrupted() => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Ok(0),
            }
        }
    }
}

/// What a thread reads, chunk by chunk, to the end or to an error.
fn read_ahead(mut input: impl Read + Send + 'static) -> Receiver<io::Result<Vec<u8>>> {
    let (chunks, received) = sync_channel(AHEAD);
    thread::spawn(move || {
        loop {
            let mut chunk = vec![0; CHUNK];
            let chunk = match input.read(&mut chunk) {
                Ok(0) => return,
                Ok(read) => {
                    chunk.truncate(read);
                    Ok(chunk)
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let over = chunk.is_err();
            if chunks.send(chunk).is_err() || over {
                return;
            }
        }
    });
    received
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time, and then fails if it is to.
    struct Drops(usize, bool);

    impl Read for Drops {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return if self.1 { Err(io::Error::other("broken")) } else { Ok(0) };
            }
            self.0 -= 1;
            buffer[..3].copy_from_slice(b"abc");
            Ok(3)
        }
    }

    #[test]
    fn what_is_read_is_all_that_there_is() {
        let mut text = String::new();
        Interruptible::new(Drops(1_000, false)).read_to_string(&mut text).unwrap();
        assert_eq!(text, "abc".repeat(1_000));
    }

    #[test]
    fn an_error_comes_after_what_was_read_before() {
        let mut bytes = Vec::new();
        let error = Interruptible::new(Drops(2, true)).read_to_end(&mut bytes).unwrap_err();
        assert_eq!((bytes.as_slice(), error.to_string().as_str()), (b"abcabc".as_slice(), "broken"));
    }
}
