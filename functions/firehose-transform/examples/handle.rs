//! Answers a request of Firehose's some times over, as the function of these variables would, and tells how long that takes.
//!
//! ```sh
//! S3_PREFIX='!{partitionKeyFromLambda:k}/' ERROR_PREFIX=errors/ \
//!     cargo run --release --example handle -- REQUEST.json TIMES
//! ```
//!
//! It is there for profilers; `events/request.py` prints requests for it.

#![allow(clippy::print_stdout, reason = "it is a program")]

use firehose_transform::config;
use firehose_transform::handler::handle;
use firehose_transform::transform::Scratch;
use shared::edge;
use std::error::Error;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let transform = config::read(&mut edge::variables())?;
    let mut arguments = std::env::args().skip(1);
    let (Some(path), Some(times)) = (arguments.next(), arguments.next()) else {
        return Err("expected a file with a request, and how often to answer it".into());
    };
    let (request, times) = (std::fs::read(path)?, times.parse::<u32>()?);
    let start = Instant::now();
    let (mut last, mut scratch) = (None, Scratch::default());
    for _ in 0..times {
        last = Some(handle(&transform, &request, &mut scratch)?);
    }
    let each = start.elapsed().checked_div(times).unwrap_or_default();
    if let Some((reply, report)) = last {
        println!("{} of {} records delivered, {} bytes, {each:.1?}", report.delivered, report.records_in, reply.len());
    }
    Ok(())
}
