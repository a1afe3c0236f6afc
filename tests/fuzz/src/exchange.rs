//! One exchange with any request, to which anything happens.
//!
//! The bytes begin with a request as text, to an empty line; what follows says what happens: what was asked for, in the
//! order or out of it, or what nobody asked for.

mod locks;
mod news;

use std::collections::VecDeque;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use wharfinger_core::access::{Access, Lives, Peer};
use wharfinger_core::exchange::{
    Ask, BodyLength, CallId, Exchange, Given, Input, Outcome, Output, RequestHead, Side, To, Told,
};
use wharfinger_core::store::{Op, Reply};
use wharfinger_core::upload::Secret;
use wharfinger_core::{Config, Joins, Limits};

use crate::Reader;
use crate::fill::fill;
use locks::Judge;

/// No exchange says more between two inputs.
const OUTPUTS_MAX: usize = 64;

/// So many calls may be open.
const CALLS_MAX: usize = 8;

/// Lives one exchange.
///
/// # Panics
/// On what an exchange must never do: no end of outputs, too many calls, a second reply, life after its end.
pub fn run(bytes: &[u8]) {
    live(bytes);
}

fn live(bytes: &[u8]) -> Option<Life> {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n").map_or(bytes.len(), |at| at + 2);
    let (head, rest) = bytes.split_at(end);
    let head = String::from_utf8_lossy(head);
    let config = Arc::new(config(&head));
    let (exchange, judge) = started(&config, &head)?;
    let mut life = Life::new(exchange, judge);
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
    Some(life)
}

/// An exchange, and what it has asked for.
pub(crate) struct Life {
    exchange: Exchange,
    /// The calls that are open.
    pub(crate) calls: Vec<(CallId, Op)>,
    /// The calls among them that have been answered: their bodies follow.
    pub(crate) answered: Vec<CallId>,
    /// Feeds, collections, digests, questions and timers that were asked for; late ones too.
    pub(crate) asked: Vec<Output>,
    /// Those among them that wait for an end still.
    pub(crate) owed: VecDeque<Output>,
    /// Where the registry is locked.
    pub(crate) judge: Option<Judge>,
    responded: bool,
    over: Option<Outcome>,
    #[cfg(test)]
    seen: std::collections::BTreeSet<String>,
}

impl Life {
    fn new(exchange: Exchange, judge: Option<Judge>) -> Self {
        let mut life = Self {
            exchange,
            calls: Vec::new(),
            answered: Vec::new(),
            asked: Vec::new(),
            owed: VecDeque::new(),
            judge,
            responded: false,
            over: None,
            #[cfg(test)]
            seen: Default::default(),
        };
        life.drain();
        life
    }

    fn tell(&mut self, input: Input) {
        let is_check = |owed: &Output| matches!(owed, Output::Ask { what: Ask::CheckPassword { .. } });
        let is_asked = self.owed.iter().any(is_check);
        if let Input::Head { call, reply } = &input {
            let stays = |op: &Op| matches!((op, reply), (Op::Read { .. }, Reply::Found(_)));
            self.calls.retain(|(open, op)| open != call || stays(op));
            self.answered.push(*call);
        }
        if let Input::Failed { call, .. } = &input {
            self.calls.retain(|(open, _)| open != call);
        }
        if let Some(at) = self.owed.iter().position(|owed| ends(&input, owed)) {
            self.owed.remove(at);
        }
        if let Some(judge) = &mut self.judge {
            judge.hear(&input, is_asked);
        }
        self.exchange.handle_input(input);
        self.drain();
    }

    fn drain(&mut self) {
        for _ in 0..OUTPUTS_MAX {
            let output = self.exchange.poll_output();
            if let Some(judge) = &mut self.judge {
                judge.see(&output);
            }
            #[cfg(test)]
            self.seen.insert(tests::kind(&output));
            match &output {
                Output::Send { call, op, .. } => {
                    // A slot is used again only after its call has ended.
                    self.calls.retain(|(open, _)| open.slot != call.slot);
                    self.answered.retain(|answered| answered.slot != call.slot);
                    self.calls.push((*call, op.clone()));
                    assert!(usize::from(call.slot) < CALLS_MAX, "a ninth call");
                }
                Output::Abort { call } => {
                    self.calls.retain(|(open, _)| open != call);
                    self.owed.retain(|owed| call_of(owed) != Some(*call));
                }
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
                    self.asked.push(output.clone());
                    self.owed.push_back(output);
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

/// Whether the input is what the host owes after that output.
fn ends(input: &Input, owed: &Output) -> bool {
    match (input, owed) {
        (Input::Fed { to, .. }, Output::Feed { to: owed, .. }) => to == owed,
        (Input::Collected { from, .. }, Output::Collect { from: owed, .. }) => from == owed,
        (Input::Hashed { .. }, Output::Digest { .. }) => true,
        (Input::Fired { timer }, Output::Sleep { timer: owed, .. }) => timer == owed,
        (
            Input::Told { answer: Told::Retry { call, .. } },
            Output::Ask { what: Ask::Retry { call: owed } },
        ) => call == owed,
        (Input::Told { answer: Told::Granted | Told::Denied }, Output::Ask { what: Ask::Memory { .. } })
        | (Input::Told { answer: Told::Renewed }, Output::Ask { what: Ask::Token { .. } })
        | (Input::Told { answer: Told::Location(_) }, Output::Ask { what: Ask::Location { .. } })
        | (Input::Told { answer: Told::Password(_) }, Output::Ask { what: Ask::CheckPassword { .. } })
        | (Input::Told { answer: Told::Keys(_) }, Output::Ask { what: Ask::Keys { .. } }) => true,
        _ => false,
    }
}

/// The call that an output is about.
fn call_of(output: &Output) -> Option<CallId> {
    match output {
        Output::Feed { to: To::Call(call), .. }
        | Output::Collect { from: Side::Backend(call), .. }
        | Output::Ask { what: Ask::Token { call } | Ask::Retry { call } } => Some(*call),
        Output::Feed { to: To::Reply, .. }
        | Output::Collect { from: Side::Client, .. }
        | Output::Ask {
            what: Ask::Memory { .. } | Ask::Location { .. } | Ask::CheckPassword { .. } | Ask::Keys { .. },
        }
        | Output::Send { .. }
        | Output::Digest { .. }
        | Output::Respond { .. }
        | Output::Abort { .. }
        | Output::Sleep { .. }
        | Output::Wait
        | Output::Done(_) => None,
    }
}

/// A header of the request, `config`, may name other kinds of stores and registries than the usual one.
fn config(head: &str) -> Config {
    let says = |word: &str| {
        head.lines().any(|line| line.strip_prefix("config: ").is_some_and(|words| words.contains(word)))
    };
    let limits = Limits {
        manifest_bytes_max: 4096,
        manifest_references_max: 40,
        segment_bytes_max: 200,
        small_blob_bytes_max: 100,
        small_segment_bytes: 50,
        small_segments_max: 2,
        joins: Joins {
            parts_max: if says("nests") { 4 } else { 6 },
            part_bytes_min: if says("long") { 8 } else { 1 },
            copies: says("copies"),
        },
        chunk_bytes_min: 7,
        ..Limits::default()
    };
    let config = Config {
        secret: Secret::new(b"a secret of the fuzzer"),
        access: Access::open(),
        sparse_manifests: says("sparse"),
        redirects: says("redirects"),
        store_md5: !says("files"),
        limits,
    };
    if says("locked") {
        let access = locks::access(&config, Lives::default());
        return Config { access, ..config };
    }
    config
}

/// Starts what the text asks for; `None` where no host would have passed it on.
fn started(config: &Arc<Config>, text: &str) -> Option<(Exchange, Option<Judge>)> {
    let mut lines = text.lines();
    let (method, target) = lines.next()?.split_once(' ')?;
    let method = Method::from_bytes(method.as_bytes()).ok()?;
    let target = filled(target, config);
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")).take(32) {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.append(name, HeaderValue::from_str(&filled(value, config)).ok()?);
    }
    let length =
        headers.get(http::header::CONTENT_LENGTH).map(|length| length.to_str().unwrap_or_default().parse());
    let body = match (length, headers.contains_key(http::header::TRANSFER_ENCODING)) {
        (_, true) => BodyLength::Unknown,
        (Some(length), false) => BodyLength::Exactly(length.ok()?),
        (None, false) => BodyLength::Exactly(0),
    };
    let head =
        RequestHead { method: &method, target: &target, headers: &headers, body, peer: Peer::default() };
    let judge = (!config.access.is_open()).then(|| Judge::new(config, &method, &target, &headers));
    Some((Exchange::new(config, &head, Given { now: locks::NOW, entropy: [5; 16] }), judge))
}

fn filled(text: &str, config: &Config) -> String {
    let text = String::from_utf8_lossy(&fill(text.as_bytes(), &config.secret)).into_owned();
    if config.access.is_open() || !text.contains('$') {
        return text;
    }
    // What only a locked registry gives out: tokens, and Authorizations with the password.
    let tokens = locks::tokens(config);
    let basic = |user: &str| STANDARD.encode(format!("{user}:{}", locks::PASSWORD));
    text.replace("$A", &tokens.access)
        .replace("$X", &tokens.expired)
        .replace("$Y", &tokens.stranger)
        .replace("$R", &tokens.refresh)
        .replace("$c", &basic("ci"))
        .replace("$d", &basic("dev"))
        .replace("$r", &basic("root"))
        .replace("$n", &basic("nobody"))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use super::*;

    /// Every seed lives, and so does every beginning of it.
    #[test]
    fn the_seeds_are_lived_through() {
        assert!(crate::seeds::each_beginning("exchange", run) > 20);
    }

    /// The seeds bring the fuzzer to all that an exchange can ask for, and to the ends that it may come to.
    #[test]
    fn the_seeds_reach_far() {
        let seen = RefCell::new(BTreeSet::new());
        crate::seeds::each("exchange", |bytes| {
            if let Some(life) = live(bytes) {
                seen.borrow_mut().extend(life.seen);
            }
        });
        let seen = seen.into_inner();
        let ops = ["Read", "Stat", "Write", "Join", "Touch", "Release", "Remove", "List"];
        let asks = ["Memory", "Token", "Retry", "Location", "CheckPassword", "Keys"];
        let others = ["Collect", "Digest", "Abort", "Sleep", "Complete", "Cut"];
        let replies = [200, 201, 202, 204, 206, 307, 400, 401, 403, 404, 416, 429, 503]
            .map(|status| status.to_string());
        let expected = ops.into_iter().chain(asks).chain(others).map(str::to_owned).chain(replies);
        let missing: Vec<String> = expected.filter(|kind| !seen.contains(kind)).collect();
        assert!(missing.is_empty(), "no seed reaches {missing:?}, only {seen:?}");
    }

    pub(super) fn kind(output: &Output) -> String {
        let name = match output {
            Output::Send { op, .. } => format!("{op:?}"),
            Output::Ask { what } => format!("{what:?}"),
            Output::Respond { head, .. } => head.status.as_str().to_owned(),
            Output::Done(outcome) => format!("{outcome:?}"),
            Output::Feed { .. }
            | Output::Collect { .. }
            | Output::Digest { .. }
            | Output::Abort { .. }
            | Output::Sleep { .. }
            | Output::Wait => format!("{output:?}"),
        };
        name.split(' ').next().unwrap_or_default().to_owned()
    }
}
