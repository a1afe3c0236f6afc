//! One request of a client, from its head to the end of its reply, behind two doors.

mod attempts;
mod cx;
mod input;
mod output;
mod request;

pub(crate) use attempts::{CALLS_MAX, Slot};
pub(crate) use cx::{Answer, Cx, Event};
pub use input::{Collected, Input, Told};
pub use output::{Ask, Outcome, Output, ReplyHead, Side, To, Until};
pub use request::{BodyLength, Given, Request, RequestHead};

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::config::Config;
use crate::flow::Flow;
use attempts::Attempts;
use cx::{Finish, Sender};

/// Names a store call within its exchange. A slot is used again, its generation tells the calls apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId {
    /// Which of the few calls an exchange may have open.
    pub slot: u8,
    /// Wraps around.
    pub generation: u8,
}

/// Names a timer within its exchange. A new timer of a slot takes the place of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimerId {
    /// Below [`Exchange::TIMERS_MAX`].
    pub slot: u8,
    /// Wraps around.
    pub generation: u8,
}

/// One request of a client. The host feeds it inputs and does what its outputs say, in their order.
///
/// The crate's documentation has the contract of each output and an example that lives one whole exchange.
#[derive(Clone, Debug)]
pub struct Exchange {
    config: Arc<Config>,
    head_only: bool,
    attempts: Attempts,
    outbox: VecDeque<Output>,
    phase: Phase,
    sender: Sender,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// The endpoint decides.
    Flowing(Flow),
    /// The reply's body leaves; nothing is left to decide but whether it arrived whole.
    Replying { promised: u64 },
    /// Nothing happens any more.
    Over(Outcome),
}

impl Exchange {
    /// So many timers can run in one exchange: one of each call, and, in the last slot, that of all retries.
    pub const TIMERS_MAX: usize = CALLS_MAX + 1;

    /// Starts an exchange at the head of a request, whose body, if any, has not been read.
    pub fn new(config: &Arc<Config>, head: &RequestHead<'_>, given: Given) -> Self {
        let mut exchange = Self {
            config: config.clone(),
            head_only: head.method == http::Method::HEAD,
            attempts: Attempts::new(given.now),
            outbox: VecDeque::with_capacity(8),
            phase: Phase::Over(Outcome::Cut),
            sender: Sender::default(),
        };
        exchange.advance(|cx| Flow::start(head, given, cx));
        exchange
    }

    /// Takes what happened. Any input is good at any time; late news about what no longer matters is ignored.
    pub fn handle_input(&mut self, input: Input) {
        match std::mem::replace(&mut self.phase, Phase::Over(Outcome::Cut)) {
            Phase::Over(outcome) => self.phase = Phase::Over(outcome),
            Phase::Flowing(_) | Phase::Replying { .. } if input == Input::ClientGone => {
                self.end(Outcome::Cut)
            }
            Phase::Replying { promised } => {
                match self.attempts.handle(input, &self.config, &mut self.outbox) {
                    Some(Event::Replied { moved }) if moved.bytes == promised => {
                        self.phase = Phase::Over(Outcome::Complete);
                    }
                    Some(Event::Replied { .. }) => self.end(Outcome::Cut),
                    Some(
                        Event::Answered { .. }
                        | Event::Read { .. }
                        | Event::Fed { .. }
                        | Event::Collected { .. }
                        | Event::Hashed { .. }
                        | Event::Told { .. },
                    )
                    | None => self.phase = Phase::Replying { promised },
                }
            }
            Phase::Flowing(flow) => match self.attempts.handle(input, &self.config, &mut self.outbox) {
                Some(event) => self.advance(|cx| flow.step(event, cx)),
                None => self.phase = Phase::Flowing(flow),
            },
        }
    }

    /// The name of the user who is served, for the log, as soon as it is known; `None` of a stranger.
    pub fn user(&self) -> Option<&str> {
        self.sender.user.as_deref()
    }

    /// What is wrong with the token of an issuer, for the log; clients are told no more than that it is not taken.
    pub fn reason(&self) -> Option<&'static str> {
        self.sender.reason
    }

    /// Says what to do next. After [`Output::Wait`] an input is due, after [`Output::Done`] the exchange can be dropped.
    pub fn poll_output(&mut self) -> Output {
        match (self.outbox.pop_front(), &self.phase) {
            (Some(output), _) => output,
            (None, Phase::Over(outcome)) => Output::Done(*outcome),
            (None, Phase::Flowing(_) | Phase::Replying { .. }) => Output::Wait,
        }
    }

    fn advance(&mut self, step: impl FnOnce(&mut Cx<'_>) -> Flow) {
        let mut cx = Cx::new(&self.config, self.head_only, &mut self.attempts, &mut self.outbox);
        let flow = step(&mut cx);
        let (finish, sender) = cx.finish();
        if sender != Sender::default() {
            self.sender = sender;
        }
        match finish {
            None => self.phase = Phase::Flowing(flow),
            Some(Finish::Replying { promised }) => self.phase = Phase::Replying { promised },
            Some(Finish::Over(outcome)) => self.end(outcome),
        }
    }

    fn end(&mut self, outcome: Outcome) {
        if outcome == Outcome::Cut {
            self.outbox.retain(|output| matches!(output, Output::Abort { .. }));
        }
        self.attempts.abort_all_but(None, &mut self.outbox);
        self.phase = Phase::Over(outcome);
    }
}

impl PartialEq for Exchange {
    fn eq(&self, other: &Self) -> bool {
        (self.head_only, &self.attempts, &self.outbox, &self.phase, &self.sender)
            == (other.head_only, &other.attempts, &other.outbox, &other.phase, &other.sender)
            && self.config == other.config
    }
}

impl Eq for Exchange {}

impl Hash for Exchange {
    /// Leaves out the configuration: within one registry it is the same for all.
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.head_only, &self.attempts, &self.outbox, &self.phase, &self.sender).hash(state);
    }
}
