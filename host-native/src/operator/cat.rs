use std::io;
use std::os::unix::fs::FileExt as _;

use bytes::Bytes;
use wharfinger_core::oci::{ByteRange, Digest};
use wharfinger_core::store::{Found, Key, Op, Reply};
use wharfinger_core::transfer::{Blocks, Hasher, Hashing, SavedHash};

use super::attempts::{Again, Answered, Content, rest};
use super::{Operator, OperatorError};
use crate::files;

/// Which bytes of an object, both ends inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first byte's offset.
    pub first: u64,
    /// The last byte's offset; `None` reads to the end.
    pub last: Option<u64>,
}

impl Operator {
    /// Reads an object, or a span of it, and hands its bytes to `sink` in order. Where an answer breaks off, the rest is
    /// asked for again, as long as the object stays the same. Returns how many bytes there were.
    ///
    /// # Errors
    /// There is no such object, it cannot be read to its end, or the sink does not take it.
    pub async fn cat(
        &self,
        key: &Key,
        span: Option<Span>,
        mut sink: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<u64, OperatorError> {
        let mut range = None;
        if let Some(Span { first, last }) = span {
            let size = self.stat(key).await?.size;
            let cut = ByteRange::within(first, last.unwrap_or(u64::MAX), size);
            range = Some(cut.ok_or_else(|| OperatorError::Range { key: Box::new(key.clone()), size })?);
        }
        let (mut first, answered) = self.read(key, range).await?;
        let (start, end) = range.map_or((0, first.size), |range| (range.first(), range.last() + 1));
        let mut at = start;
        let mut content = answered;
        let mut tries = 0;
        loop {
            let before = at;
            copy(content, &mut at, end, &mut sink).await?;
            if at == end {
                return Ok(end - start);
            }
            if at > before {
                tries = 0;
            }
            let short =
                OperatorError::Short { key: Box::new(key.clone()), came: at - start, wanted: end - start };
            rest(short, Again::After(0), &mut tries).await?;
            let again;
            (again, content) = self.read(key, ByteRange::within(at, end - 1, end)).await?;
            if again.size != first.size || again.etag != first.etag {
                return Err(OperatorError::Changed(Box::new(key.clone())));
            }
            first = again;
        }
    }

    /// Reads an object and compares its digest.
    pub(super) async fn check_digest(&self, key: &Key, named: &Digest) -> Result<(), OperatorError> {
        let hashing = Hashing { content: SavedHash::new(named.algorithm()), md5: false };
        let mut hasher = Hasher::new(&hashing, Blocks::default());
        self.cat(key, None, |bytes| {
            hasher.update(bytes);
            Ok(())
        })
        .await?;
        let found = hasher.finish().digest;
        if found == *named { Ok(()) } else { Err(OperatorError::of_digest(named, &found)) }
    }

    async fn read(&self, key: &Key, range: Option<ByteRange>) -> Result<(Found, Content), OperatorError> {
        let op = Op::Read { key: key.clone(), range, if_match: None };
        let Answered { reply, content } = self.carry_out(&op, Bytes::new(), self.call_time).await?;
        match (reply, content) {
            (Reply::Found(found), Some(content)) => Ok((found, content)),
            (reply, _) => Err(OperatorError::of_lookup(key, op, reply)),
        }
    }
}

/// Moves what comes of `content` until `end`; `at` tells how far it came.
async fn copy(
    content: Content,
    at: &mut u64,
    end: u64,
    sink: &mut impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), OperatorError> {
    match content {
        Content::File(files::Body { file, mut offset, .. }) => {
            let mut buffer = vec![0; BUFFER_BYTES];
            while *at < end {
                let most = usize::try_from(end - *at).map_or(BUFFER_BYTES, |left| left.min(BUFFER_BYTES));
                let Ok(count @ 1..) = file.read_at(&mut buffer[..most], offset) else { break };
                sink(&buffer[..count]).map_err(OperatorError::Output)?;
                offset += count as u64;
                *at += count as u64;
            }
        }
        Content::Answer(mut response) => {
            while *at < end {
                let piece = match response.fill().await {
                    Ok([]) => break,
                    Ok(piece) => piece,
                    Err(error) => {
                        tracing::info!(%error, "the answer broke off");
                        break;
                    }
                };
                let count = usize::try_from(end - *at).map_or(piece.len(), |left| left.min(piece.len()));
                sink(&piece[..count]).map_err(OperatorError::Output)?;
                response.consume(count);
                *at += count as u64;
            }
        }
    }
    Ok(())
}

/// A file is read in pieces of so many bytes.
const BUFFER_BYTES: usize = 256 << 10;
