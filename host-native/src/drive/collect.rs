use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use smol::lock::Mutex;
use smol::{Timer, future};
use wharfinger_core::exchange::{Collected, Input, Side, Until};

use super::News;
use crate::client::{ClientError, Late, Response};
use crate::files::Body;
use crate::http1::{BodyError, BodyReader};
use crate::memory::FREE_BYTES;

/// Reads what each client may have without a grant, or all of a shorter body: whoever is slow with that holds up nobody who
/// waits for memory. What breaks the body is told to whoever reads on.
pub async fn early(client: Arc<Mutex<BodyReader>>) -> BytesMut {
    let mut body = client.lock().await;
    let mut bytes = BytesMut::new();
    while (bytes.len() as u64) < FREE_BYTES {
        match body.fill().await {
            Ok([]) | Err(_) => break,
            Ok(more) => {
                let count = more.len().min(FREE_BYTES as usize - bytes.len());
                bytes.extend_from_slice(&more[..count]);
                body.consume(count);
            }
        }
    }
    bytes
}

/// Reads the client's body for core, behind what came early. All of it has to come in time, however busy the client is: it
/// has been granted memory that others wait for.
pub async fn client(client: Arc<Mutex<BodyReader>>, early: BytesMut, max: u32) -> News {
    let mut body = client.lock().await;
    let known = body.remaining_known().unwrap_or(0).min(u64::from(max));
    let mut bytes = early;
    if bytes.len() > max as usize {
        return News::Inputs(vec![Input::Collected { from: Side::Client, outcome: Collected::TooLong }]);
    }
    bytes.reserve(known as usize);
    let size = body.remaining_known().unwrap_or(u64::from(max));
    let mut late = Timer::after(body.body_idle_time() + Duration::from_secs(size / BYTES_PER_SECOND_MIN));
    let outcome = loop {
        let filled = future::or(body.fill(), async {
            (&mut late).await;
            Err(BodyError::Late)
        });
        match filled.await {
            Ok([]) => break Collected::Whole(bytes.freeze()),
            Ok(more) if bytes.len() + more.len() > max as usize => break Collected::TooLong,
            Ok(more) => {
                bytes.extend_from_slice(more);
                let count = more.len();
                body.consume(count);
            }
            Err(BodyError::Late) => break Collected::Late,
            Err(BodyError::Short | BodyError::Malformed(_)) => break Collected::Broke,
        }
    };
    News::Inputs(vec![Input::Collected { from: Side::Client, outcome }])
}

/// Reads a part of a file for core, or its first line.
pub fn file(body: &mut Body, max: u32, until: Until) -> Collected {
    let wanted = match until {
        Until::End if body.length > u64::from(max) => return Collected::TooLong,
        Until::End => body.length,
        Until::Line => body.length.min(u64::from(max)),
    };
    let mut bytes = vec![0; wanted as usize];
    if body.file.read_exact_at(&mut bytes, body.offset).is_err() {
        return Collected::Broke;
    }
    if until == Until::Line {
        match bytes.iter().position(|byte| *byte == b'\n') {
            Some(at) => bytes.truncate(at + 1),
            None => return Collected::TooLong,
        }
    }
    body.offset += bytes.len() as u64;
    body.length -= bytes.len() as u64;
    Collected::Whole(Bytes::from(bytes))
}

/// Reads the body of an answer over HTTP for core, or its first line.
pub async fn answer(response: &mut Response, max: u32, until: Until) -> Collected {
    let mut bytes = BytesMut::new();
    loop {
        let piece = match response.fill().await {
            Ok(piece) => piece,
            Err(ClientError::Late(Late::Body)) => return Collected::Late,
            Err(_) => return Collected::Broke,
        };
        let line = match until {
            Until::Line => piece.iter().position(|byte| *byte == b'\n').map(|at| at + 1),
            Until::End => None,
        };
        let count = line.unwrap_or(piece.len());
        if bytes.len() + count > max as usize || (piece.is_empty() && until == Until::Line) {
            return Collected::TooLong;
        }
        bytes.extend_from_slice(&piece[..count]);
        response.consume(count);
        if line.is_some() || count == 0 {
            return Collected::Whole(bytes.freeze());
        }
    }
}

/// The slowest that a client may send a body that is read whole, once it has begun.
const BYTES_PER_SECOND_MIN: u64 = 64 << 10;
