use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_lite::future;
use smol::Timer;
use wharfinger_core::oci::Digest;
use wharfinger_core::store::{Fault, Key, Op, Part, Reply};
use wharfinger_core::swift::HttpHead;
use wharfinger_core::transfer::{Blocks, Hashed, Hasher, Hashing, SavedHash};
use wharfinger_core::upload::{Nonce, UploadId};

use super::attempts::{Again, Answered, Outcome, judge, rest};
use super::put::hash;
use super::{Input, Operator, OperatorError};
use crate::client::Feed;
use crate::swift::{Answer, Swift};

/// Content on its way to Swift, segment by segment, under the names of an upload of its own.
pub(super) struct Segments<'a> {
    operator: &'a Operator,
    swift: &'a Swift,
    upload: UploadId,
    content: SavedHash,
    /// So many bytes of a segment are in memory before it is begun.
    held: usize,
    /// What is stored.
    pub parts: Vec<Part>,
    /// All names that something may be stored under.
    tried: Vec<Key>,
}

/// What became of a body that was fed.
struct Fed {
    size: u64,
    hashed: Hashed,
    /// Whether the input was at its end.
    over: bool,
}

impl<'a> Segments<'a> {
    pub fn new(
        operator: &'a Operator,
        swift: &'a Swift,
        content: SavedHash,
        held: usize,
    ) -> Result<Self, OperatorError> {
        let upload = UploadId::new(random()?);
        Ok(Self { operator, swift, upload, content, held, parts: Vec::new(), tried: Vec::new() })
    }

    pub fn size(&self) -> u64 {
        self.parts.iter().map(|part| part.size).sum()
    }

    /// Stores all of the input, whose first bytes are `head`; returns its digest.
    pub async fn take_all(&mut self, input: &mut Input, head: Bytes) -> Result<Digest, OperatorError> {
        let mut head = head;
        loop {
            let over = self.take(input, head).await?;
            head = if over { Bytes::new() } else { self.fill(input).await? };
            if head.is_empty() {
                return Ok(hash(&mut self.content, b"").digest);
            }
            if self.parts.len() >= self.operator.segments_max {
                return Err(OperatorError::Segments { max: self.operator.segments_max });
            }
        }
    }

    /// Removes what nobody will refer to.
    pub async fn remove(&self) {
        for key in &self.tried {
            if let Err(error) = self.operator.remove(key).await {
                tracing::warn!(%error, "a segment is left behind");
            }
        }
    }

    /// Stores one segment that begins with `head`; returns whether the input is at its end.
    async fn take(&mut self, input: &mut Input, head: Bytes) -> Result<bool, OperatorError> {
        let number = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
        let start = self.size();
        let mut head = head;
        let mut tries = 0;
        let mut renewed = false;
        loop {
            let key = Key::Segment { upload: self.upload, number, nonce: Nonce::new(random()?) };
            self.tried.push(key.clone());
            if head.len() < self.held {
                let size = head.len() as u64;
                let hashed = hash(&mut self.content, &head);
                self.operator.write(&key, head).await?;
                self.parts.push(Part { key, size, skip: 0, md5: hashed.md5 });
                return Ok(true);
            }
            let (error, again) = match self.stream(&key, input, head, renewed).await? {
                Ok(fed) => {
                    self.content = fed.hashed.saved;
                    self.parts.push(Part { key, size: fed.size, skip: 0, md5: fed.hashed.md5 });
                    return Ok(fed.over);
                }
                // Nothing of it says that another token would not do.
                Err(None) => {
                    let op = Box::new(Op::Write { key, create_only: false });
                    renewed = true;
                    (OperatorError::Fault { op, fault: Fault::Broken }, Again::After(0))
                }
                Err(Some((error, again))) => (error, again),
            };
            if !input.go_back(start).await {
                return Err(error);
            }
            rest(error, again, &mut tries).await?;
            head = self.fill(input).await?;
        }
    }

    async fn fill(&self, input: &mut Input) -> Result<Bytes, OperatorError> {
        input.fill(self.held).await.map_err(OperatorError::Input)
    }

    /// Sends one segment; `Err(None)` if the token was not taken.
    async fn stream(
        &self,
        key: &Key,
        input: &mut Input,
        head: Bytes,
        renewed: bool,
    ) -> Result<Result<Fed, Option<(OperatorError, Again)>>, OperatorError> {
        let op = Op::Write { key: key.clone(), create_only: false };
        let (feed, answering) = self.swift.stream(op.clone()).await;
        let mut answering = pin!(answering);
        let mut feeding = pin!(self.feed(feed, input, head));
        let mut early = None;
        let fed = poll_fn(|cx| {
            // The request leaves only while its answer is waited for.
            if let Poll::Ready(answer) = answering.as_mut().poll(cx) {
                early = Some(answer);
                return Poll::Ready(None);
            }
            feeding.as_mut().poll(cx).map(Some)
        })
        .await;
        let fed = fed.transpose()?.flatten();
        let answer = match early {
            Some(answer) => answer,
            None => future::or(answering, late(self.operator.call_time)).await,
        };
        let answer: Answer = match answer {
            Ok(answer) => answer,
            Err(fault) => {
                let op = Box::new(op);
                return Ok(Err(Some((OperatorError::Fault { op, fault }, Again::After(0)))));
            }
        };
        let (head, token): (HttpHead, u64) = (answer.head, answer.token);
        Ok(match judge(self.swift, &op, answer, renewed).await {
            None => {
                self.swift.reject(token);
                self.swift.renew().await;
                Err(None)
            }
            Some(Outcome::Trouble(error, again)) => Err(Some((error, again))),
            Some(Outcome::Answered(Answered { reply, .. })) => match (reply, fed) {
                (Reply::Written { md5 }, Some(fed)) if md5 == fed.hashed.md5 => Ok(fed),
                // It says that it stored what was not sent, or something else.
                (Reply::Written { .. }, _) => {
                    let (reply, status) = (Reply::Mismatch, Some(head.status.as_u16()));
                    let error = OperatorError::Store { op: Box::new(op), reply, status, advice: None };
                    Err(Some((error, Again::After(0))))
                }
                (reply, _) => Err(Some((OperatorError::of_reply(op, reply), Again::After(0)))),
            },
        })
    }

    /// Moves bytes until the segment is full, the input ends or pauses; `None` if they are not taken any more.
    async fn feed(&self, feed: Feed, input: &mut Input, head: Bytes) -> Result<Option<Fed>, OperatorError> {
        let hashing = Hashing { content: self.content, md5: true };
        let mut hasher = Hasher::new(&hashing, Blocks::default());
        let mut size = 0;
        let mut piece = head;
        let mut over = false;
        loop {
            hasher.update(&piece);
            size += piece.len() as u64;
            if feed.write(piece).await.is_err() {
                return Ok(None);
            }
            let left = self.operator.segment_bytes_max.saturating_sub(size);
            if left == 0 {
                break;
            }
            let read = async { Some(input.piece(usize::try_from(left).unwrap_or(usize::MAX)).await) };
            let paused = async {
                Timer::after(self.operator.stall_time).await;
                None
            };
            match future::or(read, paused).await {
                // Swift does not wait for long. What comes goes into the next segment.
                None => break,
                Some(Ok(next)) if next.is_empty() => {
                    over = true;
                    break;
                }
                Some(Ok(next)) => piece = next,
                // Dropped unfinished, it is not stored.
                Some(Err(error)) => return Err(OperatorError::Input(error)),
            }
        }
        let taken = feed.finish().await.is_ok();
        Ok(taken.then(|| Fed { size, hashed: hasher.finish(), over }))
    }
}

async fn late(time: Duration) -> Result<Answer, Fault> {
    Timer::after(time).await;
    Err(Fault::Late)
}

fn random<const COUNT: usize>() -> Result<[u8; COUNT], OperatorError> {
    let mut bytes = [0; COUNT];
    getrandom::fill(&mut bytes).map_err(|_| OperatorError::Entropy)?;
    Ok(bytes)
}
