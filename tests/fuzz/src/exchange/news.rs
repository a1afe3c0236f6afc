//! What happens next to an exchange.

use bytes::Bytes;
use wharfinger_core::exchange::{Ask, CallId, Collected, Input, Output, Side, TimerId, To, Told};
use wharfinger_core::oci::{Algorithm, Digest};
use wharfinger_core::store::{Fault, Found, Key, Listing, Op, Page, Reply, Row};
use wharfinger_core::swift::SecretText;
use wharfinger_core::transfer::{Blocks, End, Hashed, Hasher, Hashing, Moved, SavedHash, Source, Take, Tap};

use super::{CONTENT, Life};
use crate::Reader;

/// Out of the next bytes: mostly what was asked for, else anything.
pub(crate) fn next(life: &Life, reader: &mut Reader<'_>) -> Input {
    match reader.byte() {
        0..=63 if !life.calls.is_empty() => {
            let (call, op) = reader.pick(&life.calls);
            Input::Head { call, reply: good(&op, reader) }
        }
        64..=159 if !life.asked.is_empty() => answer(&reader.pick(&life.asked), reader),
        160..=191 if !life.calls.is_empty() => {
            let (call, _) = reader.pick(&life.calls);
            match reader.byte() {
                0..=99 => Input::Failed { call, fault: reader.pick(&FAULTS) },
                _ => Input::Head { call, reply: any_reply(reader) },
            }
        }
        kind => anything(kind, reader),
    }
}

/// What a store in order may answer.
fn good(op: &Op, reader: &mut Reader<'_>) -> Reply {
    let found = |size| Reply::Found(Found { size, age: 50_000, etag: Some(ETAG) });
    match op {
        Op::Read { key: Key::Blob(_) | Key::Segment { .. }, .. } | Op::Stat { .. } => match reader.byte() {
            0..=199 => found(CONTENT.len() as u64),
            _ => found(reader.count()),
        },
        Op::Read { .. } => found(reader.count()),
        Op::Write { create_only: true, .. } => reader.pick(&[Reply::Exists, Reply::Written { md5: None }]),
        Op::Write { .. } | Op::Join { .. } | Op::Copy { .. } => Reply::Written { md5: None },
        Op::Touch { .. } | Op::Remove { .. } | Op::Release { .. } => {
            reader.pick(&[Reply::Done, Reply::Missing])
        }
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
        Output::Ask { what: Ask::Memory { .. } | Ask::Token { .. } | Ask::Location { .. } } => {
            Input::Told { answer: reader.pick(&told()) }
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
    let digest = Digest::of(Algorithm::Sha256, CONTENT);
    let bytes = match reader.byte() % 12 {
        0..=2 => b"{\"size\":4}".to_vec(),
        3 => CONTENT.to_vec(),
        4 => MANIFEST.replace("$D", &digest.to_string()).into_bytes(),
        5 => record(&digest),
        6 => record(&digest).split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default().to_vec(),
        7 => return Collected::TooLong,
        8 => return Collected::Broke,
        9 => return Collected::Late,
        10 => vec![0; reader.byte().into()],
        _ => reader.some().to_vec(),
    };
    if bytes.len() > max as usize { Collected::TooLong } else { Collected::Whole(bytes.into()) }
}

/// A manifest as a store keeps it.
fn record(digest: &Digest) -> Vec<u8> {
    let manifest = MANIFEST.replace("$D", &digest.to_string());
    let own = Digest::of(Algorithm::Sha256, manifest.as_bytes());
    let size = manifest.len();
    format!(
        "{{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"{own}\",\"size\":{size}}}\n\
         {manifest}"
    )
    .into_bytes()
}

/// What nobody asked for.
fn anything(kind: u8, reader: &mut Reader<'_>) -> Input {
    let call = CallId { slot: reader.byte(), generation: reader.byte() };
    match kind % 9 {
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

pub(super) fn hashed(content: &SavedHash, bytes: &[u8], md5: bool) -> Hashed {
    let mut hasher = Hasher::new(&Hashing { content: *content, md5 }, Blocks::default());
    hasher.update(bytes);
    hasher.finish()
}

/// What the fuzzer's store says that every object is.
const ETAG: [u8; 16] = [9; 16];

const FAULTS: [Fault; 3] = [Fault::Unreachable, Fault::Broken, Fault::Late];

const ENDS: [End; 6] =
    [End::Eof, End::Taken, End::Stalled, End::SourceBroke, End::SourceLate, End::SinkBroke];

const MANIFEST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"$D","size":4},
"layers":[{"mediaType":"application/octet-stream","digest":"$D","size":4}],
"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"$D","size":4}}"#;
