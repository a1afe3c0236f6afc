//! Bytes on their way to Swift and back.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use smol::lock::Mutex;
use wharfinger_core::exchange::{CallId, Input, To};
use wharfinger_core::store::Fault;
use wharfinger_core::transfer::{Blocks, End, Hasher, Hashing, Moved, Take, Tap};

use super::calls::{Body, Write};
use super::pump::{hashed, replied};
use super::{News, Work};
use crate::client::{ClientError, Feed, Late, Response};
use crate::http1::{BodyError, BodyReader, Filled, ReplyWriter};
use crate::swift::{Answer, Swift};

/// One end of a transfer from the client, and its terms.
pub struct Feeding {
    pub client: Arc<Mutex<BodyReader>>,
    pub take: Take,
    pub tap: Tap,
    pub blocks: Blocks,
    /// A client that sends nothing for so long ends the body early.
    pub stall_time: Duration,
    pub last: bool,
}

type Answering = Pin<Box<dyn Future<Output = Result<Answer, Fault>> + Send>>;

/// Stores what the client sends. Nothing is opened before the first byte, and the body is finished only if all went well:
/// what is dropped unfinished Swift does not store.
pub async fn store_client(swift: Swift, call: CallId, write: Write, feeding: Feeding) -> News {
    let mut hasher = match &feeding.tap {
        Tap::Opaque => None,
        Tap::Digest(hashing) => Some(Hasher::new(hashing, feeding.blocks)),
    };
    let mut body = feeding.client.lock().await;
    let fed = |bytes, end, hasher: Option<Hasher>| {
        let hashed = hasher.map(|hasher| Box::new(hasher.finish()));
        Input::Fed { to: To::Call(call), moved: Moved { bytes, end, hashed } }
    };
    if let Err(end) = next_chunk(&mut body, 0, feeding.take, None).await {
        return News::Fed { call, input: fed(0, end, hasher), rest: None };
    }
    let (feed, answering) = swift.stream(write.into()).await;
    let mut answering: Answering = Box::pin(answering);
    let mut bytes = 0;
    let pumped = {
        let mut pumping = pin!(pump(&mut body, feed, &feeding, &mut hasher, &mut bytes));
        let mut early = None;
        let end = std::future::poll_fn(|cx| {
            // The request leaves only while its answer is waited for.
            if let Poll::Ready(answer) = answering.as_mut().poll(cx) {
                early = Some(answer);
                return Poll::Ready(End::SinkBroke);
            }
            pumping.as_mut().poll(cx)
        })
        .await;
        (end, early)
    };
    let rest: Option<Work> = match pumped {
        (_, Some(answer)) => Some(Box::pin(async move { News::SwiftAnswered { call, fed: None, answer } })),
        (End::Eof | End::Taken | End::Stalled, None) if feeding.last => Some(answered(call, answering)),
        // Whoever takes no more says why in the answer.
        (End::SinkBroke, None) => Some(answered(call, answering)),
        (End::Eof | End::Taken | End::Stalled | End::SourceBroke | End::SourceLate, None) => None,
    };
    News::Fed { call, input: fed(bytes, pumped.0, hasher), rest }
}

fn answered(call: CallId, answering: Answering) -> Work {
    Box::pin(async move { News::SwiftAnswered { call, fed: None, answer: answering.await } })
}

/// Moves the client's bytes into the request, one piece in flight, and finishes it where that is right.
async fn pump(
    body: &mut BodyReader,
    feed: Feed,
    feeding: &Feeding,
    hasher: &mut Option<Hasher>,
    bytes: &mut u64,
) -> End {
    let end = loop {
        let chunk = match next_chunk(body, *bytes, feeding.take, Some(feeding.stall_time)).await {
            Ok(chunk) => chunk,
            Err(end) => break end,
        };
        if let Some(hasher) = hasher {
            hasher.update(chunk);
        }
        let count = chunk.len();
        if feed.write(Bytes::copy_from_slice(chunk)).await.is_err() {
            return End::SinkBroke;
        }
        body.consume(count);
        *bytes += count as u64;
    };
    let whole = match end {
        End::Eof | End::Taken | End::Stalled => feeding.last,
        End::SourceBroke | End::SourceLate | End::SinkBroke => false,
    };
    if whole && feed.finish().await.is_err() {
        return End::SinkBroke;
    }
    end
}

/// The next bytes that are to be taken, or why there are none.
async fn next_chunk(
    body: &mut BodyReader,
    taken: u64,
    take: Take,
    stall_time: Option<Duration>,
) -> Result<&[u8], End> {
    let left = match take {
        Take::Exactly(count) | Take::UpTo(count) => count - taken,
        Take::ToEnd => u64::MAX,
    };
    if left == 0 {
        let over = body.remaining_known() == Some(0);
        return Err(if over { End::Eof } else { End::Taken });
    }
    let exactly = matches!(take, Take::Exactly(_));
    let filled = match stall_time {
        Some(patience) if !exactly => body.fill_within(patience).await,
        Some(_) | None => body.fill().await.map(|bytes| match bytes {
            [] => Filled::End,
            bytes => Filled::Bytes(bytes),
        }),
    };
    match filled {
        Ok(Filled::Bytes(bytes)) => {
            Ok(&bytes[..bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX))])
        }
        Ok(Filled::End) if exactly => Err(End::SourceBroke),
        Ok(Filled::End) => Err(End::Eof),
        Ok(Filled::Stalled) => Err(End::Stalled),
        Err(BodyError::Late) => Err(End::SourceLate),
        Err(BodyError::Short | BodyError::Malformed(_)) => Err(End::SourceBroke),
    }
}

/// Sends a part of an answer's body on to the client.
pub async fn relay_answer(
    mut reply: ReplyWriter,
    call: CallId,
    mut response: Box<Response>,
    length: u64,
    last: bool,
) -> News {
    let before = reply.body_bytes_sent();
    let mut left = length;
    let end = loop {
        if left == 0 {
            break End::Taken;
        }
        let piece = match response.fill().await {
            Ok(piece) => piece,
            Err(error) => {
                tracing::warn!(%error, "an object that is being sent broke off");
                break source_end(&error);
            }
        };
        let count = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if count == 0 {
            break End::SourceBroke;
        }
        if reply.write(&piece[..count]).await.is_err() {
            break End::SinkBroke;
        }
        response.consume(count);
        left -= count as u64;
    };
    let end = if last && end == End::Taken && reply.finish().await.is_err() { End::SinkBroke } else { end };
    let bytes = reply.body_bytes_sent() - before;
    if last && end == End::Taken {
        // At its end the connection can be used again. What comes without being asked for is nobody's.
        drop(futures_lite::future::poll_once(response.fill()).await);
    }
    let counted = if end == End::Taken { bytes } else { bytes.min(length.saturating_sub(1)) };
    News::Replied { reply, body: Some((call, Body::Answer(response))), input: replied(counted, end) }
}

/// Hashes the body of an answer.
pub async fn hash_answer(mut response: Box<Response>, take: Take, hashing: Hashing, blocks: Blocks) -> News {
    let mut hasher = Hasher::new(&hashing, blocks);
    let most = match take {
        Take::Exactly(count) | Take::UpTo(count) => count,
        Take::ToEnd => u64::MAX,
    };
    let mut done = 0;
    let end = loop {
        if done == most {
            break End::Taken;
        }
        match response.fill().await {
            Ok([]) if matches!(take, Take::Exactly(_)) => break End::SourceBroke,
            Ok([]) => break End::Eof,
            Ok(piece) => {
                let count = piece.len().min(usize::try_from(most - done).unwrap_or(usize::MAX));
                hasher.update(&piece[..count]);
                response.consume(count);
                done += count as u64;
            }
            Err(error) => break source_end(&error),
        }
        smol::future::yield_now().await;
    };
    News::Inputs(vec![hashed(done, end, hasher)])
}

fn source_end(error: &ClientError) -> End {
    if matches!(error, ClientError::Late(Late::Body)) { End::SourceLate } else { End::SourceBroke }
}
