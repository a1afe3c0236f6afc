use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use smol::lock::Mutex;
use wharfinger_core::exchange::{CallId, Input, To};
use wharfinger_core::store::Reply;
use wharfinger_core::transfer::{Blocks, End, Hasher, Hashing, Moved, Take, Tap};

use super::News;
use super::calls::{Body, Write};
use crate::files::{self, Answer, Files, Writer};
use crate::http1::{BodyError, BodyReader, ReplyError, ReplyWriter};

/// Stores bytes that are at hand.
pub async fn store_bytes(files: Files, call: CallId, write: Write, bytes: Bytes) -> News {
    let length = bytes.len() as u64;
    let answer = smol::unblock(move || {
        let mut writer = match files.create() {
            Ok(writer) => writer,
            Err(answer) => return answer,
        };
        match writer.write(&bytes) {
            Ok(()) => writer.commit(&write.key, write.create_only),
            Err(answer) => answer,
        }
    })
    .await;
    let end =
        if matches!(answer.reply, Reply::Written { .. } | Reply::Exists) { End::Eof } else { End::SinkBroke };
    let fed = Input::Fed { to: To::Call(call), moved: Moved { bytes: length, end, hashed: None } };
    News::Answered { call, fed: (length > 0).then_some(fed), answer }
}

/// Stores what the client sends. The file is created at the first byte, and gets its name only if all went well.
#[allow(clippy::too_many_arguments, reason = "each is one end or one term of the transfer")]
pub async fn store_client(
    files: Files,
    client: Arc<Mutex<BodyReader>>,
    call: CallId,
    write: Write,
    take: Take,
    tap: Tap,
    blocks: Blocks,
    last: bool,
) -> News {
    let mut writer = None;
    let mut hasher = match &tap {
        Tap::Opaque => None,
        Tap::Digest(hashing) => Some(Hasher::new(hashing, blocks)),
    };
    let mut bytes = 0;
    let mut refused = None;
    let end = {
        let mut body = client.lock().await;
        loop {
            let chunk = match next_chunk(&mut body, bytes, take).await {
                Ok(chunk) => chunk,
                Err(end) => break end,
            };
            if let Err(answer) = write_chunk(&files, &mut writer, chunk).await {
                refused = Some(answer);
                break End::SinkBroke;
            }
            if let Some(hasher) = &mut hasher {
                hasher.update(chunk);
            }
            let count = chunk.len();
            body.consume(count);
            bytes += count as u64;
            smol::future::yield_now().await;
        }
    };
    let hashed = hasher.map(|hasher| Box::new(hasher.finish()));
    let fed = Input::Fed { to: To::Call(call), moved: Moved { bytes, end, hashed } };
    let answer = match (end, writer, refused) {
        (End::Eof | End::Taken | End::Stalled, Some(writer), None) if last => {
            Some(smol::unblock(move || writer.commit(&write.key, write.create_only)).await)
        }
        (_, Some(abandoned), refused) => {
            smol::unblock(move || drop(abandoned)).await;
            refused
        }
        (_, None, refused) => refused,
    };
    let mut inputs = vec![fed];
    if let Some(Answer { reply, error, .. }) = answer {
        if let Some(error) = error {
            tracing::warn!(%error, ?reply, "the store has trouble");
        }
        inputs.push(Input::Head { call, reply });
    }
    News::Inputs(inputs)
}

/// The next bytes that are to be taken, or why there are none.
async fn next_chunk(body: &mut BodyReader, taken: u64, take: Take) -> Result<&[u8], End> {
    let left = match take {
        Take::Exactly(count) | Take::UpTo(count) => count - taken,
        Take::ToEnd => u64::MAX,
    };
    if left == 0 {
        let over = body.remaining_known() == Some(0);
        return Err(if over { End::Eof } else { End::Taken });
    }
    match body.fill().await {
        Ok([]) if matches!(take, Take::Exactly(_)) => Err(End::SourceBroke),
        Ok([]) => Err(End::Eof),
        Ok(bytes) => Ok(&bytes[..bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX))]),
        Err(BodyError::Late) => Err(End::SourceLate),
        Err(BodyError::Short | BodyError::Malformed(_)) => Err(End::SourceBroke),
    }
}

async fn write_chunk(files: &Files, writer: &mut Option<Writer>, chunk: &[u8]) -> Result<(), Answer> {
    let writer = match writer {
        Some(writer) => writer,
        None => {
            let files = files.clone();
            writer.insert(smol::unblock(move || files.create()).await?)
        }
    };
    writer.write(chunk)
}

/// Sends bytes that are at hand.
pub async fn relay_bytes(mut reply: ReplyWriter, bytes: Bytes, last: bool) -> News {
    let before = reply.body_bytes_sent();
    let written = write_and_finish(&mut reply, &bytes, last).await;
    let end = if written.is_ok() { End::Taken } else { End::SinkBroke };
    let bytes = reply.body_bytes_sent() - before;
    News::Replied { reply, body: None, input: replied(bytes, end) }
}

async fn write_and_finish(reply: &mut ReplyWriter, bytes: &[u8], last: bool) -> Result<(), ReplyError> {
    reply.write(bytes).await?;
    if last { reply.finish().await } else { Ok(()) }
}

/// Sends a part of a file.
pub async fn relay_file(
    mut reply: ReplyWriter,
    call: CallId,
    mut body: files::Body,
    length: u64,
    last: bool,
) -> News {
    let before = reply.body_bytes_sent();
    let asked = length.min(body.length);
    let end = match reply.send_file(&body.file, body.offset, asked).await {
        Ok(sent) if sent == length => End::Taken,
        Ok(_) => End::SourceBroke,
        Err(ReplyError::Source(error)) => {
            tracing::warn!(%error, "an object that is being sent broke off");
            End::SourceBroke
        }
        Err(
            ReplyError::Late
            | ReplyError::Gone(_)
            | ReplyError::LengthMismatch
            | ReplyError::OutOfOrder
            | ReplyError::TooLong
            | ReplyError::Short,
        ) => End::SinkBroke,
    };
    let bytes = reply.body_bytes_sent() - before;
    let end = if last && end == End::Taken && reply.finish().await.is_err() { End::SinkBroke } else { end };
    body.offset += bytes;
    body.length -= bytes.min(body.length);
    let counted = if end == End::Taken { bytes } else { bytes.min(length.saturating_sub(1)) };
    News::Replied { reply, body: Some((call, Body::File(body))), input: replied(counted, end) }
}

/// Sends nothing: there is no such body.
pub async fn relay_nothing(reply: ReplyWriter) -> News {
    News::Replied { reply, body: None, input: replied(0, End::SourceBroke) }
}

pub fn replied(bytes: u64, end: End) -> Input {
    Input::Fed { to: To::Reply, moved: Moved { bytes, end, hashed: None } }
}

/// Hashes nothing: there is no such body.
pub fn hash_nothing(hashing: &Hashing, blocks: Blocks) -> Input {
    hashed(0, End::SourceBroke, Hasher::new(hashing, blocks))
}

/// Hashes bytes that are at hand.
pub fn hash_bytes(bytes: &[u8], hashing: &Hashing, blocks: Blocks) -> Input {
    let mut hasher = Hasher::new(hashing, blocks);
    hasher.update(bytes);
    hashed(bytes.len() as u64, End::Eof, hasher)
}

/// Hashes a file, off the thread: it may be long and cold.
pub async fn hash_file(body: files::Body, take: Take, hashing: Hashing, blocks: Blocks) -> News {
    let hasher = Hasher::new(&hashing, blocks);
    let wanted = match take {
        Take::Exactly(count) | Take::UpTo(count) => count.min(body.length),
        Take::ToEnd => body.length,
    };
    let mut state = (hasher, body, 0);
    loop {
        let (hasher, body, done) = state;
        let upto = wanted.min(done + HASHED_AT_ONCE);
        let (hasher, body, now) = smol::unblock(move || hash_piece(hasher, body, done, upto)).await;
        if now < upto || now == wanted {
            let end = if now == wanted { End::Taken } else { End::SourceBroke };
            return News::Inputs(vec![hashed(now, end, hasher)]);
        }
        state = (hasher, body, now);
    }
}

/// Hashes the bytes from `done` to `upto` of a body; returns how far it came.
fn hash_piece(mut hasher: Hasher, body: files::Body, mut done: u64, upto: u64) -> (Hasher, files::Body, u64) {
    let mut buffer = vec![0; HASH_BYTES];
    while done < upto {
        let count = (upto - done).min(HASH_BYTES as u64) as usize;
        match body.file.read_at(&mut buffer[..count], body.offset + done) {
            Ok(0) | Err(_) => break,
            Ok(read) => {
                hasher.update(&buffer[..read]);
                done += read as u64;
            }
        }
    }
    (hasher, body, done)
}

pub fn hashed(bytes: u64, end: End, hasher: Hasher) -> Input {
    Input::Hashed { moved: Moved { bytes, end, hashed: Some(Box::new(hasher.finish())) } }
}

/// So much of a file is hashed before it is seen whether anybody still wants it, in bytes.
const HASHED_AT_ONCE: u64 = 8 << 20;

/// A file is read in pieces of so many bytes.
const HASH_BYTES: usize = 256 << 10;
