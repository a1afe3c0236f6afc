use http::{StatusCode, header};

use super::fill::{Fill, Filled, nonce, too_many_segments};
use super::upload_status::{progress, with_location};
use super::{Flow, refuse, refuse_reply};
use crate::exchange::{Answer, BodyLength, Cx, Event, Request};
use crate::oci::{ContentRange, Refusal};
use crate::store::{Op, Reply};
use crate::upload::{Segments, Spill, Upload};

/// `PATCH` of an upload (distribution-spec, end-5): one more piece, streamed or with its range.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct UploadChunk {
    entropy: [u8; 16],
    /// The length that Content-Range states.
    stated: Option<u64>,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    /// The body is stored.
    Filling(Box<Fill>),
    /// The list of segments grew too long for a token: it becomes an object.
    Spilling { upload: Box<Upload>, spill: Spill },
}

impl UploadChunk {
    pub(crate) fn start(upload: Upload, request: &Request, cx: &mut Cx<'_>) -> Flow {
        let stated = match check_piece(&upload, request, cx) {
            Ok(stated) => stated,
            Err(refusal) => return refuse_at(&refusal, &upload, cx),
        };
        let entropy = request.given.entropy;
        let fill = Fill::start(upload, entropy, request.body, cx);
        Flow::UploadChunk(Box::new(Self { entropy, stated, state: State::Filling(fill) }))
    }

    pub(crate) fn step(mut self: Box<Self>, event: Event, cx: &mut Cx<'_>) -> Flow {
        match self.state {
            State::Filling(fill) => match fill.step(event, cx) {
                Filled::Not(fill) => {
                    self.state = State::Filling(fill);
                    Flow::UploadChunk(self)
                }
                Filled::All(upload, stored) => Self::stored(self.entropy, self.stated, upload, stored, cx),
                Filled::Failed(upload, refusal) => refuse_at(&refusal, &upload, cx),
            },
            State::Spilling { mut upload, spill } => match event {
                Event::Answered { reply: Reply::Written { .. }, .. } => {
                    upload.segments = Segments { spill: Some(spill), recent: Vec::new() };
                    accepted(&upload, cx)
                }
                Event::Answered { reply, .. } => refuse_reply(&reply, cx),
                Event::Read { .. }
                | Event::Fed { .. }
                | Event::Replied { .. }
                | Event::Collected { .. }
                | Event::Hashed { .. }
                | Event::Told { .. } => {
                    self.state = State::Spilling { upload, spill };
                    Flow::UploadChunk(self)
                }
            },
        }
    }

    fn stored(entropy: [u8; 16], stated: Option<u64>, upload: Upload, stored: u64, cx: &mut Cx<'_>) -> Flow {
        if let Some(promised) = stated.filter(|stated| *stated != stored) {
            return refuse(&Refusal::SizeInvalid { promised, got: stored }, cx);
        }
        if !upload.segments.is_long() {
            return accepted(&upload, cx);
        }
        let (spill, list) = upload.segments.spilled(nonce(entropy, u32::MAX));
        cx.write(Op::Write { key: spill.key(upload.id), create_only: false }, list.into());
        let state = State::Spilling { upload: Box::new(upload), spill };
        Flow::UploadChunk(Box::new(Self { entropy, stated, state }))
    }
}

/// Whether the upload takes one more piece, and its Content-Range goes on where the upload is; tells the length that it
/// states.
pub(crate) fn check_piece(upload: &Upload, request: &Request, cx: &Cx<'_>) -> Result<Option<u64>, Refusal> {
    let limits = &cx.config.limits;
    // Taken, it could never be published.
    let left = limits.segments_max().saturating_sub(upload.segments.next_number());
    let needed = match request.body {
        BodyLength::Exactly(length) => length.div_ceil(limits.segment_bytes_max.max(1)),
        BodyLength::Unknown => 1,
    };
    if needed > u64::from(left) {
        return Err(too_many_segments(limits));
    }
    let Some(text) = request.content_range.as_deref() else { return Ok(None) };
    let range = ContentRange::parse(text).map_err(|_| Refusal::ContentRangeMalformed)?;
    if range.first() != upload.offset() {
        return Err(Refusal::RangeOutOfOrder { offset: upload.offset() });
    }
    match request.body {
        BodyLength::Exactly(length) if length != range.len() => Err(Refusal::ContentRangeMalformed),
        BodyLength::Exactly(_) | BodyLength::Unknown => Ok(Some(range.len())),
    }
}

/// Refuses, and tells where the upload can go on. The range is left out where there are no bytes: `0-0` would say that
/// there is one.
pub(crate) fn refuse_at(refusal: &Refusal, upload: &Upload, cx: &mut Cx<'_>) -> Flow {
    let mut answer = Answer::refusal(refusal);
    if !upload.segments.is_long() {
        answer = with_location(answer, upload, cx);
        if upload.offset() > 0 {
            answer = answer.with(header::RANGE, &format!("0-{}", upload.offset() - 1));
        }
    }
    cx.reply(answer);
    Flow::Over
}

fn accepted(upload: &Upload, cx: &mut Cx<'_>) -> Flow {
    cx.reply(progress(StatusCode::ACCEPTED, upload, cx));
    Flow::Over
}
