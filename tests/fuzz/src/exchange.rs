//! One exchange with any request, to which anything happens.
//!
//! The bytes begin with a request as text, to an empty line; what follows says what happens: what was asked for, in the
//! order or out of it, or what nobody asked for.

mod news;

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use wharfinger_core::exchange::{BodyLength, CallId, Exchange, Given, Input, Outcome, Output, RequestHead};
use wharfinger_core::oci::{Algorithm, Digest, Repository};
use wharfinger_core::store::{Op, Reply};
use wharfinger_core::upload::{Nonce, Secret, Segment, Spill, Upload, UploadId};
use wharfinger_core::{Config, Joins, Limits};

use crate::Reader;

/// No exchange says more between two inputs.
const OUTPUTS_MAX: usize = 64;

/// So many calls may be open.
const CALLS_MAX: usize = 8;

/// Content that has a digest in the requests.
pub(crate) const CONTENT: &[u8] = b"blob";

/// Lives one exchange.
///
/// # Panics
/// On what an exchange must never do: no end of outputs, too many calls, a second reply, life after its end.
pub fn run(bytes: &[u8]) {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n").map_or(bytes.len(), |at| at + 2);
    let (head, rest) = bytes.split_at(end);
    let config = Arc::new(config());
    let Some(exchange) = started(&config, &String::from_utf8_lossy(head)) else { return };
    let mut life = Life::new(exchange);
    let mut reader = Reader(rest);
    while !reader.is_empty() && life.over.is_none() {
        let input = news::next(&life, &mut reader);
        life.tell(input);
    }
    life.tell(Input::ClientGone);
    assert!(life.over.is_some(), "the client is gone, the exchange is not");
    let ended = life.over;
    life.tell(Input::ClientGone);
    assert_eq!(life.over, ended);
}

/// An exchange, and what it has asked for.
pub(crate) struct Life {
    exchange: Exchange,
    /// The calls that are open.
    pub(crate) calls: Vec<(CallId, Op)>,
    /// Feeds, collections, digests, questions and timers that were asked for; late ones too.
    pub(crate) asked: Vec<Output>,
    responded: bool,
    over: Option<Outcome>,
}

impl Life {
    fn new(exchange: Exchange) -> Self {
        let mut life = Self { exchange, calls: Vec::new(), asked: Vec::new(), responded: false, over: None };
        life.drain();
        life
    }

    fn tell(&mut self, input: Input) {
        if let Input::Head { call, reply } = &input {
            let stays = |op: &Op| matches!((op, reply), (Op::Read { .. }, Reply::Found(_)));
            self.calls.retain(|(open, op)| open != call || stays(op));
        }
        if let Input::Failed { call, .. } = &input {
            self.calls.retain(|(open, _)| open != call);
        }
        self.exchange.handle_input(input);
        self.drain();
    }

    fn drain(&mut self) {
        for _ in 0..OUTPUTS_MAX {
            let output = self.exchange.poll_output();
            match &output {
                Output::Send { call, op, .. } => {
                    // A slot is used again only after its call has ended.
                    self.calls.retain(|(open, _)| open.slot != call.slot);
                    self.calls.push((*call, op.clone()));
                    assert!(usize::from(call.slot) < CALLS_MAX, "a ninth call");
                }
                Output::Abort { call } => self.calls.retain(|(open, _)| open != call),
                Output::Respond { .. } => {
                    assert!(!self.responded, "a second reply");
                    self.responded = true;
                }
                Output::Feed { .. }
                | Output::Collect { .. }
                | Output::Digest { .. }
                | Output::Ask { .. }
                | Output::Sleep { .. } => {
                    if self.asked.len() == OUTPUTS_MAX {
                        drop(self.asked.remove(0));
                    }
                    self.asked.push(output);
                }
                Output::Wait => {
                    assert!(self.over.is_none(), "it is over, and waits");
                    return;
                }
                Output::Done(outcome) => {
                    assert!(*outcome == Outcome::Cut || self.responded, "complete without a reply");
                    self.over = Some(*outcome);
                    return;
                }
            }
        }
        panic!("outputs without an end");
    }
}

fn config() -> Config {
    let limits = Limits {
        manifest_bytes_max: 4096,
        manifest_references_max: 40,
        segment_bytes_max: 200,
        small_blob_bytes_max: 100,
        small_segment_bytes: 50,
        small_segments_max: 2,
        joins: Joins { parts_max: 6, part_bytes_min: 1, copies: false },
        chunk_bytes_min: 7,
        ..Limits::default()
    };
    Config {
        secret: Secret::new(b"a secret of the fuzzer"),
        sparse_manifests: false,
        redirects: false,
        store_md5: true,
        limits,
    }
}

/// Starts what the text asks for; `None` where no host would have passed it on.
fn started(config: &Arc<Config>, text: &str) -> Option<Exchange> {
    let mut lines = text.lines();
    let (method, target) = lines.next()?.split_once(' ')?;
    let method = Method::from_bytes(method.as_bytes()).ok()?;
    let target = filled_in(target, config);
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")).take(32) {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.append(name, HeaderValue::from_str(&filled_in(value, config)).ok()?);
    }
    let length =
        headers.get(http::header::CONTENT_LENGTH).map(|length| length.to_str().unwrap_or_default().parse());
    let body = match (length, headers.contains_key(http::header::TRANSFER_ENCODING)) {
        (_, true) => BodyLength::Unknown,
        (Some(length), false) => BodyLength::Exactly(length.ok()?),
        (None, false) => BodyLength::Exactly(0),
    };
    let head = RequestHead { method: &method, target: &target, headers: &headers, body };
    Some(Exchange::new(config, &head, Given { now: 5, entropy: [5; 16] }))
}

/// What the fuzzer cannot guess: digests, an upload's name, and tokens of uploads with some segments.
fn filled_in(text: &str, config: &Config) -> String {
    if !text.contains('$') {
        return text.to_owned();
    }
    let token = |segments, spilled| upload(segments, spilled).seal(&config.secret);
    text.replace("$D", &Digest::of(Algorithm::Sha256, CONTENT).to_string())
        .replace("$L", &Digest::of(Algorithm::Sha512, CONTENT).to_string())
        .replace("$U", &upload(0, false).id.to_string())
        .replace("$0", &token(0, false))
        .replace("$1", &token(1, false))
        .replace("$F", &token(16, false))
        .replace("$S", &token(2, true))
}

/// An upload of [`CONTENT`] in some segments, of which the last is as long as all of it.
fn upload(segments: u32, spilled: bool) -> Upload {
    let repository = Repository::parse("a").expect("it is a name");
    let mut upload = Upload::new(UploadId::new([7; 16]), 1, repository, Algorithm::Sha256);
    let nonce = Nonce::new([1; 8]);
    let first = if spilled { 3 } else { 0 };
    upload.segments.spill = spilled.then_some(Spill { number: first, nonce });
    for number in first..first + segments {
        let size = CONTENT.len() as u64;
        upload.segments.recent.push(Segment { number, nonce, size, md5: None });
    }
    if segments > 0 {
        upload.content = news::hashed(&upload.content, CONTENT, false).saved;
    }
    upload
}

#[cfg(test)]
mod tests {
    /// Every seed lives, and so does every beginning of it.
    #[test]
    fn the_seeds_are_lived_through() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/seeds/exchange");
        let mut count = 0;
        for seed in std::fs::read_dir(folder).unwrap() {
            let bytes = std::fs::read(seed.unwrap().path()).unwrap();
            (0..=bytes.len()).for_each(|end| super::run(&bytes[..end]));
            count += 1;
        }
        assert!(count > 20, "{count} seeds");
    }
}
