use bytes::Bytes;
use wharfinger_core::exchange::{CallId, Collected, Side, Told as Answered, Until};
use wharfinger_core::swift::SecretText;
use wharfinger_core::transfer::{End, Source, Take};

use super::answers::{Answer, answers};
use super::label::Label;
use super::lock::{keys, verdicts};
use super::world::{Call, Due, Filled, TimerOf, World};
use super::{Alone, Cost, Scene};

/// Something that may happen to an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// What it is about.
    pub about: About,
    /// In a word or two.
    pub word: &'static str,
    pub(super) cost: Cost,
    pub(super) what: What,
}

/// What news is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// A call.
    Call(Label),
    /// The client's body.
    Body,
    /// Something else, in a word.
    Other(&'static str),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Answer(CallId, Answer),
    /// The token is not taken.
    Reject(CallId),
    Fail(CallId),
    Fire(u8),
    /// The due of this index ends so, after so many bytes.
    Moved(usize, u64, End),
    Collected(usize, Collected),
    Told(usize, Answered),
    Leave,
}

impl News {
    /// Whether nobody who looks at a flow as a whole wants to hear of it: what was answered is read, what is at hand leaves.
    pub(super) fn is_detail(&self) -> bool {
        self.is_free() && matches!(self.word, "read" | "sent")
    }

    fn new(about: About, word: &'static str, cost: Cost, what: What) -> Self {
        Self { about, word, cost, what }
    }

    /// Whether it happens without anything going wrong.
    pub fn is_free(&self) -> bool {
        self.cost == Cost::Nothing
    }
}

impl std::fmt::Display for About {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Call(label) => label.fmt(f),
            Self::Body => f.write_str("body"),
            Self::Other(word) => f.write_str(word),
        }
    }
}

impl World {
    /// All that may happen next, whatever it costs.
    pub(super) fn news(&self, model: &Alone) -> Vec<News> {
        let mut all = Vec::new();
        if self.outcome.is_some() {
            return all;
        }
        for call in &self.calls {
            self.news_of_call(model, call, &mut all);
        }
        for (at, due) in self.dues.iter().enumerate() {
            self.news_of_due(model.scene(self), at, due, &mut all);
        }
        let scene = model.scene(self);
        for timer in &self.timers {
            let call = self.calls.iter().find(|call| call.id.slot == timer.id.slot);
            if timer.of != TimerOf::Rest && call.is_some_and(|call| scene.is_calm(call.label)) {
                continue;
            }
            let (word, cost) = match timer.of {
                TimerOf::Limit => ("call takes too long", Cost::Trouble),
                TimerOf::Rest => ("has rested", Cost::Nothing),
                TimerOf::Tries => ("no time for tries is left", Cost::Trouble),
            };
            all.push(News::new(About::Other("timer"), word, cost, What::Fire(timer.id.slot)));
        }
        all.push(News::new(About::Other("client"), "leaves", Cost::Client, What::Leave));
        all
    }

    fn news_of_call(&self, model: &Alone, call: &Call, all: &mut Vec<News>) {
        let opened = call.filled != (Filled::Owed { opened: false });
        if call.answer.is_some() || call.written.is_some() || !opened {
            return;
        }
        let about = About::Call(call.label);
        let scene = model.scene(self);
        let calm = scene.is_calm(call.label);
        for answer in answers(scene, call, &self.expected(call)) {
            if calm && answer.cost == Cost::Trouble {
                continue;
            }
            all.push(News::new(about, answer.word, answer.cost, What::Answer(call.id, answer)));
        }
        if calm {
            return;
        }
        all.push(News::new(about, "breaks off", Cost::Trouble, What::Fail(call.id)));
        all.push(News::new(about, "token rejected", Cost::Trouble, What::Reject(call.id)));
    }

    /// What a call's body will be, if nothing happens to it. A store may have all of it before anybody here knows.
    pub(super) fn expected(&self, call: &Call) -> Bytes {
        let take = self.dues.iter().find_map(|due| match due {
            Due::Feed { call: id, take, .. } if *id == call.id => Some(*take),
            Due::Feed { .. }
            | Due::Held(..)
            | Due::Reply(_)
            | Due::Collect { .. }
            | Due::Digest { .. }
            | Due::Memory
            | Due::Location
            | Due::Password
            | Due::Keys
            | Due::Token(_)
            | Due::Retry(_) => None,
        });
        match take {
            Some(take) => self.body.slice(..self.body.len().min(most_of(take) as usize)),
            None => call.body.clone(),
        }
    }

    fn news_of_due(&self, scene: &Scene, at: usize, due: &Due, all: &mut Vec<News>) {
        let mut add = |about, word, cost, what| all.push(News::new(about, word, cost, what));
        match due {
            Due::Held(call, bytes) => {
                let label = self.call(*call).map(|call| About::Call(call.label));
                let about = label.unwrap_or(About::Other("call"));
                add(about, "sent", Cost::Nothing, What::Moved(at, *bytes, End::Eof));
            }
            Due::Feed { call, take, .. } => self.news_of_feed(at, *call, *take, all),
            Due::Reply(source) => self.news_of_reply(at, source, all),
            Due::Collect { from: Side::Client, max, .. } => {
                let (word, outcome) = self.collected(&self.body, *max, Until::End);
                add(About::Body, word, Cost::Nothing, What::Collected(at, outcome));
                add(About::Body, "breaks off", Cost::Client, What::Collected(at, Collected::Broke));
                add(About::Body, "is late", Cost::Client, What::Collected(at, Collected::Late));
            }
            Due::Collect { from: Side::Backend(id), max, until } => {
                let Some(Call { label, answer: Some((_, bytes)), .. }) = self.call(*id) else { return };
                let (_, outcome) = self.collected(bytes, *max, *until);
                let about = About::Call(*label);
                add(about, "read", Cost::Nothing, What::Collected(at, outcome));
                if scene.is_calm(*label) {
                    return;
                }
                add(about, "broke", Cost::Trouble, What::Collected(at, Collected::Broke));
                add(about, "late", Cost::Trouble, What::Collected(at, Collected::Late));
            }
            Due::Digest { from, .. } => match from {
                Source::Backend { call, take, .. } => {
                    let Some(Call { answer: Some((_, bytes)), .. }) = self.call(*call) else { return };
                    let about = About::Other("content");
                    self.news_of_backend(at, about, "hashed", bytes, *take, all);
                }
                Source::Bytes(bytes) => {
                    let right = scene.names(bytes);
                    let word = if right { "is what was said" } else { "is something else" };
                    add(About::Body, word, Cost::Nothing, What::Moved(at, bytes.len() as u64, End::Eof));
                }
                Source::Empty | Source::Client { .. } => {}
            },
            Due::Memory => {
                let about = About::Other("memory");
                add(about, "granted", Cost::Nothing, What::Told(at, Answered::Granted));
                add(about, "denied", Cost::Trouble, What::Told(at, Answered::Denied));
            }
            Due::Location => {
                let url = SecretText::new("http://store/blob");
                let about = About::Other("URL");
                add(about, "given", Cost::Nothing, What::Told(at, Answered::Location(Some(url))));
                add(about, "not there", Cost::Nothing, What::Told(at, Answered::Location(None)));
            }
            Due::Password => all.extend(verdicts().map(|(word, verdict)| {
                News::new(PASSWORD, word, Cost::Nothing, What::Told(at, Answered::Password(verdict)))
            })),
            Due::Keys => all.extend(keys().map(|(word, keys)| {
                News::new(KEYS, word, Cost::Nothing, What::Told(at, Answered::Keys(keys)))
            })),
            Due::Token(_) => {
                add(About::Other("token"), "renewed", Cost::Nothing, What::Told(at, Answered::Renewed));
            }
            Due::Retry(call) => {
                let told = |granted| What::Told(at, Answered::Retry { call: *call, granted });
                add(About::Other("another try"), "granted", Cost::Nothing, told(true));
                add(About::Other("another try"), "denied", Cost::Trouble, told(false));
            }
        }
    }

    fn news_of_feed(&self, at: usize, call: CallId, take: Take, all: &mut Vec<News>) {
        let mut add = |word, cost, bytes, end| {
            all.push(News::new(About::Body, word, cost, What::Moved(at, bytes, end)));
        };
        let rest = self.body.len() as u64;
        let most = most_of(take);
        match rest {
            0 => add("ended before", Cost::Nothing, 0, End::Eof),
            _ if rest <= most => add("came whole", Cost::Nothing, rest, End::Eof),
            _ => add("more than is taken", Cost::Nothing, most, End::Taken),
        }
        if rest == most {
            add("came, its end unseen", Cost::Nothing, most, End::Taken);
        }
        if rest >= 2 {
            add("stalls", Cost::Stall, 1, End::Stalled);
            add("breaks off", Cost::Client, rest.min(most) - 1, End::SourceBroke);
        }
        add("breaks off at once", Cost::Client, 0, End::SourceBroke);
        add("is late", Cost::Client, 0, End::SourceLate);
        // A store takes no more when it has answered, or is about to.
        if self.call(call).is_some_and(|call| call.filled == Filled::Owed { opened: true }) {
            add("not taken", Cost::Trouble, 0, End::SinkBroke);
        }
    }

    fn news_of_reply(&self, at: usize, source: &Source, all: &mut Vec<News>) {
        let about = About::Other("reply");
        match source {
            Source::Backend { call, take, .. } => {
                let Some(Call { answer: Some((_, bytes)), .. }) = self.call(*call) else { return };
                self.news_of_backend(at, about, "sent", bytes, *take, all);
            }
            Source::Bytes(bytes) => {
                let what = What::Moved(at, bytes.len() as u64, End::Eof);
                all.push(News::new(about, "sent", Cost::Nothing, what));
            }
            Source::Empty | Source::Client { .. } => {}
        }
        all.push(News::new(about, "not taken", Cost::Client, What::Moved(at, 0, End::SinkBroke)));
    }

    fn news_of_backend(
        &self,
        at: usize,
        about: About,
        word: &'static str,
        bytes: &Bytes,
        take: Take,
        all: &mut Vec<News>,
    ) {
        let wanted = most_of(take);
        let there = bytes.len() as u64;
        let mut add =
            |word, cost, bytes, end| all.push(News::new(about, word, cost, What::Moved(at, bytes, end)));
        if there >= wanted {
            add(word, Cost::Nothing, wanted, End::Taken);
        } else {
            add("shorter than told", Cost::Nothing, there, End::SourceBroke);
        }
        add("breaks off at once", Cost::Trouble, 0, End::SourceBroke);
        add("is late", Cost::Trouble, 0, End::SourceLate);
        if there.min(wanted) > 1 {
            add("breaks off", Cost::Trouble, 1, End::SourceBroke);
        }
    }

    fn collected(&self, bytes: &Bytes, max: u32, until: Until) -> (&'static str, Collected) {
        let bytes = match until {
            Until::End => bytes.clone(),
            Until::Line => match bytes.iter().position(|byte| *byte == b'\n') {
                Some(end) => bytes.slice(..=end),
                None => bytes.clone(),
            },
        };
        match bytes.len() > max as usize {
            true => ("is too long", Collected::TooLong),
            false => ("came whole", Collected::Whole(bytes)),
        }
    }
}

/// How much is taken at most.
fn most_of(take: Take) -> u64 {
    match take {
        Take::Exactly(most) | Take::UpTo(most) => most,
        Take::ToEnd => u64::MAX,
    }
}

const PASSWORD: About = About::Other("password");

const KEYS: About = About::Other("keys");
