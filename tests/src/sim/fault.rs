use super::names::{happens, pick};
use crate::random::Random;

/// What can go wrong with one request to Swift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No connection.
    Unreachable,
    /// The connection breaks before the request is carried out.
    LostRequest,
    /// It is carried out, then the connection breaks.
    LostAnswer,
    /// 503, and nothing was done.
    Trouble,
    /// 503, although it was done.
    TroubleAfterDone,
    /// 498 or 429: too many requests.
    SlowDown,
    /// 413: a quota.
    Full,
    /// 202 to a PUT: something newer is known, nothing was stored.
    NotStored,
    /// No answer, nothing was done.
    Silent,
    /// No answer, it was done.
    SilentAfterDone,
    /// The answer takes long.
    Late,
    /// The body of the answer breaks off.
    CutAnswer,
    /// The body arrives changed.
    Garbled,
    /// One server of three hears of it: no quorum, but it may come to light.
    OneServer,
    /// Two servers of three hear of it.
    MissedByOne,
    /// The body of a request that is streamed does not get through.
    CutRequest,
    /// An answer comes before the body has left.
    Early,
    /// A segment of a large object is not found, or cannot be looked at.
    PartUnseen,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Unreachable,
        Self::LostRequest,
        Self::LostAnswer,
        Self::Trouble,
        Self::TroubleAfterDone,
        Self::SlowDown,
        Self::Full,
        Self::NotStored,
        Self::Silent,
        Self::SilentAfterDone,
        Self::Late,
        Self::CutAnswer,
        Self::Garbled,
        Self::OneServer,
        Self::MissedByOne,
        Self::CutRequest,
        Self::Early,
        Self::PartUnseen,
    ];

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::LostRequest => "lost request",
            Self::LostAnswer => "lost answer",
            Self::Trouble => "503",
            Self::TroubleAfterDone => "503 after it was done",
            Self::SlowDown => "slow down",
            Self::Full => "quota",
            Self::NotStored => "202 not stored",
            Self::Silent => "silent",
            Self::SilentAfterDone => "silent after it was done",
            Self::Late => "late answer",
            Self::CutAnswer => "cut answer",
            Self::Garbled => "garbled body",
            Self::OneServer => "no quorum",
            Self::MissedByOne => "missed by one server",
            Self::CutRequest => "cut request",
            Self::Early => "early answer",
            Self::PartUnseen => "part unseen",
        }
    }
}

/// The faults of one run: some kinds, none of the others, more or less often.
#[derive(Clone, Debug)]
pub struct Faults {
    kinds: Vec<Fault>,
    /// Of a thousand requests so many meet one.
    rate: u64,
}

/// What a request is like, for faults that only some can meet.
#[derive(Clone, Copy, Debug)]
pub struct Nature {
    pub puts: bool,
    pub joins: bool,
    pub streams: bool,
    pub has_body: bool,
    pub reads: bool,
    pub changes: bool,
}

impl Faults {
    pub fn new(random: &mut Random) -> Self {
        let half = happens(random, 500);
        let kinds = Fault::ALL.into_iter().filter(|_| !half || happens(random, 400)).collect();
        Self { kinds, rate: [10, 40, 80, 150][pick(random, 4)] }
    }

    pub fn draw(&self, nature: Nature, random: &mut Random) -> Option<Fault> {
        if !happens(random, self.rate) {
            return None;
        }
        let fits = |fault: &Fault| match fault {
            Fault::Unreachable
            | Fault::LostRequest
            | Fault::LostAnswer
            | Fault::Trouble
            | Fault::TroubleAfterDone
            | Fault::SlowDown
            | Fault::Silent
            | Fault::SilentAfterDone
            | Fault::Late => true,
            Fault::Full | Fault::NotStored => nature.puts,
            Fault::CutAnswer => nature.reads,
            Fault::Garbled => nature.has_body && nature.puts,
            Fault::OneServer | Fault::MissedByOne => nature.changes,
            Fault::CutRequest | Fault::Early => nature.streams,
            Fault::PartUnseen => nature.joins,
        };
        let fitting: Vec<Fault> = self.kinds.iter().copied().filter(fits).collect();
        (!fitting.is_empty()).then(|| fitting[pick(random, fitting.len())])
    }
}
