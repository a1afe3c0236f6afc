use bytes::Bytes;
use wharfinger_core::oci::{Algorithm, Digest};
use wharfinger_core::store::{Key, Op, Reply};
use wharfinger_core::transfer::{Blocks, Hashed, Hasher, Hashing, SavedHash};

use super::segments::Segments;
use super::{Input, Operator, OperatorError, copying_time};
use crate::files::{self, Files};
use crate::registry::Store;
use crate::swift::Swift;

/// What was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its size in bytes.
    pub size: u64,
    /// Its digest.
    pub digest: Digest,
    /// How many segments it is made of; 0 if it is one plain object.
    pub segments: usize,
}

impl Operator {
    /// Stores content under a name, over what stood there. Under the name of a blob nothing is stored but the content with
    /// that digest. What does not fit into memory goes to Swift as segments, which become the object in one step.
    ///
    /// # Errors
    /// The input cannot be read, the digest is another one, or the store has trouble: nothing has the name then, unless the
    /// store could not say whether it stored.
    pub async fn put(&self, key: &Key, mut input: Input) -> Result<Stored, OperatorError> {
        match &self.store {
            Store::Files(files) => put_file(files, key, &mut input).await,
            Store::Swift(swift) => self.put_in_swift(swift, key, &mut input).await,
        }
    }

    async fn put_in_swift(
        &self,
        swift: &Swift,
        key: &Key,
        input: &mut Input,
    ) -> Result<Stored, OperatorError> {
        let held = usize::try_from(self.segment_bytes_max).map_or(HELD_BYTES, |max| max.min(HELD_BYTES));
        let mut content = SavedHash::new(algorithm_of(key));
        let head = input.fill(held).await.map_err(OperatorError::Input)?;
        if head.len() < held {
            let digest = hash(&mut content, &head).digest;
            check(key, &digest)?;
            let size = head.len() as u64;
            self.write(key, head).await?;
            return Ok(Stored { size, digest, segments: 0 });
        }
        let mut segments = Segments::new(self, swift, content, held)?;
        let stored = match segments.take_all(input, head).await.and_then(|digest| {
            check(key, &digest)?;
            Ok(digest)
        }) {
            Ok(digest) => Stored { size: segments.size(), digest, segments: segments.parts.len() },
            Err(error) => {
                segments.remove().await;
                return Err(error);
            }
        };
        let op = Op::Join { key: key.clone(), parts: segments.parts.as_slice().into() };
        let time = self.call_time + copying_time(stored.size);
        // From here on the segments may belong to the object, whatever is answered.
        let reply = self.carry_out(&op, Bytes::new(), time).await?.reply;
        if matches!(reply, Reply::Written { .. }) {
            Ok(stored)
        } else {
            Err(OperatorError::of_reply(op, reply))
        }
    }

    /// Stores bytes that are at hand; Swift compares their MD5.
    pub(super) async fn write(&self, key: &Key, bytes: Bytes) -> Result<(), OperatorError> {
        let op = Op::Write { key: key.clone(), create_only: false };
        let reply = self.carry_out(&op, bytes, self.call_time).await?.reply;
        if matches!(reply, Reply::Written { .. }) { Ok(()) } else { Err(OperatorError::of_reply(op, reply)) }
    }
}

/// The file gets its name at the end, if all is right.
async fn put_file(files: &Files, key: &Key, input: &mut Input) -> Result<Stored, OperatorError> {
    let op = Op::Write { key: key.clone(), create_only: false };
    let failed = |answer: files::Answer| OperatorError::Store {
        op: Box::new(op.clone()),
        reply: answer.reply,
        status: None,
        advice: answer.error.map(|error| error.to_string()),
    };
    let hashing = Hashing { content: SavedHash::new(algorithm_of(key)), md5: false };
    let mut hasher = Hasher::new(&hashing, Blocks::default());
    let mut writer = files.create().map_err(failed)?;
    let mut size = 0;
    loop {
        let piece = input.piece(usize::MAX).await.map_err(OperatorError::Input)?;
        if piece.is_empty() {
            break;
        }
        hasher.update(&piece);
        writer.write(&piece).map_err(failed)?;
        size += piece.len() as u64;
    }
    let digest = hasher.finish().digest;
    check(key, &digest)?;
    match writer.commit(key, false) {
        files::Answer { reply: Reply::Written { .. }, .. } => Ok(Stored { size, digest, segments: 0 }),
        answer => Err(failed(answer)),
    }
}

/// Goes on with a content hash, and takes the MD5 of these bytes alone.
pub(super) fn hash(content: &mut SavedHash, bytes: &[u8]) -> Hashed {
    let hashing = Hashing { content: *content, md5: true };
    let mut hasher = Hasher::new(&hashing, Blocks::default());
    hasher.update(bytes);
    let hashed = hasher.finish();
    *content = hashed.saved;
    hashed
}

fn algorithm_of(key: &Key) -> Algorithm {
    match key {
        Key::Blob(digest) => digest.algorithm(),
        Key::Segment { .. }
        | Key::SegmentList { .. }
        | Key::Link(..)
        | Key::Manifest(..)
        | Key::Tag(..)
        | Key::Referrer { .. } => Algorithm::Sha256,
    }
}

/// Only the name of a blob says what the content is.
fn check(key: &Key, found: &Digest) -> Result<(), OperatorError> {
    match key {
        Key::Blob(named) if named != found => Err(OperatorError::of_digest(named, found)),
        Key::Blob(_)
        | Key::Segment { .. }
        | Key::SegmentList { .. }
        | Key::Link(..)
        | Key::Manifest(..)
        | Key::Tag(..)
        | Key::Referrer { .. } => Ok(()),
    }
}

/// What is not longer is held in memory, and can be sent again; nor is a segment shorter, the last one aside.
const HELD_BYTES: usize = 1 << 20;
