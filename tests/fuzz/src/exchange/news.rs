//! What happens next to an exchange.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use wharfinger_core::access::Verdict;
use wharfinger_core::exchange::{Ask, CallId, Collected, Input, Output, Side, TimerId, To, Told, Until};
use wharfinger_core::oci::{Algorithm, Digest};
use wharfinger_core::store::{Fault, Found, Key, Listing, Op, Page, Reply, Row};
use wharfinger_core::swift::{HttpHead, SecretText};
use wharfinger_core::transfer::{End, Moved, SavedHash, Source, Take, Tap};

use super::Life;
use super::locks::{FORM, Judge};
use crate::Reader;
use crate::fill::{CONTENT, hashed, manifest, record, spilled};

/// Out of the next bytes: mostly what was asked for, else anything.
pub(crate) fn next(life: &Life, reader: &mut Reader<'_>) -> Input {
    match reader.byte() {
        0..=63 if !life.calls.is_empty() => {
            let (call, op) = reader.pick(&life.calls);
            Input::Head { call, reply: good(&op, reader) }
        }
        // Letters: what the host owes, one thing after the other.
        kind @ 97..=122 => owed(kind, life, reader),
        64..=159 if !life.asked.is_empty() => answer(&reader.pick(&life.asked), reader),
        160..=191 if !life.calls.is_empty() => {
            let (call, _) = reader.pick(&life.calls);
            match reader.byte() {
                0..=99 => Input::Failed { call, fault: reader.pick(&FAULTS) },
                100..=179 => Input::Answer { call, head: http_head(reader) },
                _ => Input::Head { call, reply: any_reply(reader) },
            }
        }
        kind => anything(kind, reader),
    }
}

/// What a host in order does next; of an upper and a lower hand, an odd kind has calls answered first.
fn owed(kind: u8, life: &Life, reader: &mut Reader<'_>) -> Input {
    let unanswered = life.calls.iter().find(|(call, _)| !life.answered.contains(call));
    // Time passes only where nothing else can happen; the shortest first.
    let sleep = |owed: &&Output| {
        if let Output::Sleep { within, .. } = owed { Some(*within.start()) } else { None }
    };
    let first = life.owed.iter().find(|owed| sleep(owed).is_none());
    let timer = || life.owed.iter().filter(|owed| sleep(owed).is_some()).min_by_key(sleep);
    let next = first.or_else(|| timer().filter(|_| unanswered.is_none()));
    match (next, unanswered) {
        (_, Some((call, op))) if kind % 2 == 1 => Input::Head { call: *call, reply: good(op, reader) },
        (Some(Output::Collect { from: Side::Backend(call), max, until }), _) => {
            let op = life.calls.iter().find(|(open, _)| open == call).map(|(_, op)| op);
            let outcome = match (op, until) {
                (Some(Op::Read { key, .. }), Until::Line) => whole(first_line(kept(key)), *max),
                (Some(Op::Read { key, .. }), Until::End) => whole(kept(key), *max),
                (_, _) => collected(*max, reader),
            };
            Input::Collected { from: Side::Backend(*call), outcome }
        }
        (Some(Output::Collect { from: Side::Client, max, .. }), _) => {
            let is_form = life.judge.as_ref().is_some_and(Judge::is_token);
            let body = if is_form { FORM.into() } else { manifest() };
            Input::Collected { from: Side::Client, outcome: whole(body.into_bytes(), *max) }
        }
        (Some(other), _) => answer(other, reader),
        (None, Some((call, op))) => Input::Head { call: *call, reply: good(op, reader) },
        (None, None) => anything(reader.byte(), reader),
    }
}

/// What stands under a name.
fn kept(key: &Key) -> Vec<u8> {
    match key {
        Key::Link(..) => b"{\"size\":4}".to_vec(),
        Key::Manifest(..) | Key::Tag(..) => record(),
        Key::SegmentList { .. } => spilled(),
        Key::Referrer { .. } => DESCRIPTOR.to_vec(),
        Key::Blob(_) | Key::Segment { .. } => CONTENT.to_vec(),
    }
}

fn whole(bytes: Vec<u8>, max: u32) -> Collected {
    if bytes.len() > max as usize { Collected::TooLong } else { Collected::Whole(bytes.into()) }
}

fn first_line(record: Vec<u8>) -> Vec<u8> {
    record.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default().to_vec()
}

/// What a store in order may answer.
fn good(op: &Op, reader: &mut Reader<'_>) -> Reply {
    let found = |size| Reply::Found(Found { size, age: 50_000, etag: Some(ETAG) });
    match op {
        Op::Read { key, .. } | Op::Stat { key } => match reader.byte() {
            0..=199 => {
                let kept = kept(key);
                let etag = hashed(&SavedHash::new(Algorithm::Sha256), &kept, true).md5;
                Reply::Found(Found { size: kept.len() as u64, age: 50_000, etag })
            }
            _ => found(reader.count()),
        },
        Op::Write { create_only: true, .. } if reader.byte() > 127 => Reply::Exists,
        Op::Write { .. } | Op::Join { .. } | Op::Copy { .. } => Reply::Written { md5: None },
        Op::Touch { .. } | Op::Remove { .. } | Op::Release { .. } => match reader.byte() {
            0..=127 => Reply::Done,
            _ => Reply::Missing,
        },
        Op::List { listing, limit, .. } => {
            let rows = rows(listing, (reader.byte() % 12).min(*limit as u8 | 1));
            Reply::Page(Page { rows, more: reader.byte() > 128 })
        }
    }
}

fn rows(listing: &Listing, count: u8) -> Vec<Row> {
    let name = |at: u8| match listing {
        Listing::Repositories | Listing::Tags(_) | Listing::Names { .. } => format!("v{at}"),
        Listing::Manifests(_) | Listing::Links(_) | Listing::Referrers(..) => {
            format!("sha256/{}", Digest::of(Algorithm::Sha256, &[at]).hex())
        }
    };
    (0..count).map(|at| Row { name: name(at).into(), size: 200 + u64::from(at), written: None }).collect()
}

fn any_reply(reader: &mut Reader<'_>) -> Reply {
    match reader.byte() % 12 {
        0 => {
            let etag = reader.pick(&[None, Some(ETAG), Some([0; 16])]);
            Reply::Found(Found { size: reader.count(), age: reader.count(), etag })
        }
        1 => Reply::Missing,
        2 => Reply::Written { md5: Some([reader.byte(); 16]) },
        3 => Reply::Written { md5: None },
        4 => Reply::Exists,
        5 => Reply::Done,
        6 => Reply::Damaged,
        7 => Reply::Mismatch,
        8 => Reply::Full,
        9 => Reply::Refused,
        10 => Reply::Unavailable { retry_after: reader.pick(&[None, Some(0), Some(u32::MAX)]) },
        _ => {
            let names = String::from_utf8_lossy(reader.some()).into_owned();
            let rows =
                names.lines().map(|name| Row { name: name.into(), size: 222, written: None }).collect();
            Reply::Page(Page { rows, more: reader.byte() > 128 })
        }
    }
}

/// How Swift may answer.
fn http_head(reader: &mut Reader<'_>) -> HttpHead {
    let status = reader.pick(&STATUSES);
    HttpHead {
        status: StatusCode::from_u16(status).unwrap_or_default(),
        length: reader.pick(&[Some(CONTENT.len() as u64), None, Some(u64::MAX)]),
        range: None,
        etag: reader.pick(&[Some(ETAG), None]),
        written: reader.pick(&[Some(0), None]),
        date: reader.pick(&[None, Some(50_000)]),
        retry_after: reader.pick(&[None, Some(0), Some(u32::MAX)]),
    }
}

/// What was asked for, well or badly.
fn answer(asked: &Output, reader: &mut Reader<'_>) -> Input {
    match asked {
        Output::Feed { to, body, .. } => Input::Fed { to: *to, moved: moved(body, reader) },
        Output::Digest { from, hashing } => {
            let bytes = match from {
                Source::Bytes(bytes) => bytes.clone(),
                Source::Empty | Source::Client { .. } | Source::Backend { .. } => Bytes::from_static(CONTENT),
            };
            let hashed = Some(Box::new(hashed(&hashing.content, &bytes, hashing.md5)));
            Input::Hashed { moved: Moved { bytes: bytes.len() as u64, end: End::Taken, hashed } }
        }
        Output::Collect { from, max, .. } => {
            Input::Collected { from: *from, outcome: collected(*max, reader) }
        }
        Output::Sleep { timer, .. } => Input::Fired { timer: *timer },
        Output::Ask { what: Ask::Retry { call } } => {
            Input::Told { answer: Told::Retry { call: *call, granted: reader.byte() < 200 } }
        }
        Output::Ask { what } => {
            let fits = match what {
                Ask::Memory { .. } => Told::Granted,
                Ask::Location { .. } => Told::Location(Some(SecretText::new("http://store/blob"))),
                Ask::CheckPassword { .. } => Told::Password(reader.pick(&VERDICTS)),
                Ask::Keys { .. } => Told::Keys(None),
                Ask::Token { .. } | Ask::Retry { .. } => Told::Renewed,
            };
            let answer = if reader.byte() < 200 { fits } else { reader.pick(&told()) };
            Input::Told { answer }
        }
        Output::Send { .. }
        | Output::Respond { .. }
        | Output::Abort { .. }
        | Output::Wait
        | Output::Done(_) => Input::ClientGone,
    }
}

fn told() -> [Told; 5] {
    [
        Told::Granted,
        Told::Denied,
        Told::Renewed,
        Told::Location(None),
        Told::Location(Some(SecretText::new("http://store/blob"))),
    ]
}

/// How a feed may end: as it should, or in any other way.
fn moved(body: &Source, reader: &mut Reader<'_>) -> Moved {
    let (take, tap) = match body {
        Source::Empty => return Moved { bytes: 0, end: End::Eof, hashed: None },
        Source::Bytes(bytes) => return Moved { bytes: bytes.len() as u64, end: End::Eof, hashed: None },
        Source::Client { take, tap } | Source::Backend { take, tap, .. } => (take, tap),
    };
    if reader.byte() > 200 {
        return any_moved(reader);
    }
    let (most, end) = match take {
        Take::Exactly(count) => (*count, End::Taken),
        Take::UpTo(count) => (*count, reader.pick(&[End::Eof, End::Taken, End::Stalled, End::SinkBroke])),
        Take::ToEnd => (u64::MAX, End::Eof),
    };
    let Tap::Digest(hashing) = tap else { return Moved { bytes: most, end, hashed: None } };
    let content = CONTENT.repeat(64);
    let count = if end == End::Taken { most } else { u64::from(reader.byte()) };
    let bytes = &content[..count.min(most).min(content.len() as u64) as usize];
    let hashed = Some(Box::new(hashed(&hashing.content, bytes, hashing.md5)));
    Moved { bytes: bytes.len() as u64, end, hashed }
}

fn any_moved(reader: &mut Reader<'_>) -> Moved {
    let hashed = match reader.byte() % 3 {
        0 => None,
        1 => Some(Box::new(hashed(&SavedHash::new(Algorithm::Sha512), CONTENT, true))),
        _ => SavedHash::read_from(&mut reader.some()).map(|saved| Box::new(hashed(&saved, b"", false))),
    };
    Moved { bytes: reader.count(), end: reader.pick(&ENDS), hashed }
}

/// What may stand in a store or be sent by a client.
fn collected(max: u32, reader: &mut Reader<'_>) -> Collected {
    let bytes = match reader.byte() % 13 {
        0..=2 => b"{\"size\":4}".to_vec(),
        3 => CONTENT.to_vec(),
        4 => manifest().into_bytes(),
        5 => record(),
        6 => first_line(record()),
        7 => return Collected::TooLong,
        8 => return Collected::Broke,
        9 => return Collected::Late,
        10 => vec![0; reader.byte().into()],
        11 => spilled(),
        _ => reader.some().to_vec(),
    };
    whole(bytes, max)
}

/// What nobody asked for.
fn anything(kind: u8, reader: &mut Reader<'_>) -> Input {
    let call = CallId { slot: reader.byte(), generation: reader.byte() };
    match kind % 10 {
        9 => Input::Answer { call, head: http_head(reader) },
        0 => Input::Head { call, reply: any_reply(reader) },
        1 => Input::Fed { to: To::Call(call), moved: any_moved(reader) },
        2 => Input::Fed { to: To::Reply, moved: any_moved(reader) },
        3 => Input::Collected { from: Side::Client, outcome: collected(u32::MAX, reader) },
        4 => Input::Collected { from: Side::Backend(call), outcome: collected(u32::MAX, reader) },
        5 => Input::Hashed { moved: any_moved(reader) },
        6 => {
            let retry = |granted| Told::Retry { call, granted };
            let mut answers = told().to_vec();
            answers.extend([retry(true), retry(false)]);
            Input::Told { answer: reader.pick(&answers) }
        }
        7 => Input::Failed { call, fault: reader.pick(&FAULTS) },
        _ => Input::Fired { timer: TimerId { slot: call.slot, generation: call.generation } },
    }
}

/// What the fuzzer's store says that every object is.
const ETAG: [u8; 16] = [9; 16];

const VERDICTS: [Verdict; 5] =
    [Verdict::Wrong, Verdict::Slow(Duration::from_secs(3)), Verdict::Right, Verdict::Busy, Verdict::Right];

const STATUSES: [u16; 18] =
    [200, 201, 401, 404, 503, 202, 204, 206, 400, 403, 408, 409, 412, 413, 416, 422, 498, 507];

const FAULTS: [Fault; 3] = [Fault::Unreachable, Fault::Broken, Fault::Late];

const ENDS: [End; 6] =
    [End::Eof, End::Taken, End::Stalled, End::SourceBroke, End::SourceLate, End::SinkBroke];

const DESCRIPTOR: &[u8] = br#"{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":4,
"digest":"sha256:fa2c8cc4f28176bbeed4b736df569a34c79cd3723e9ec42f9674b4d46ac6b8b8"}"#;
