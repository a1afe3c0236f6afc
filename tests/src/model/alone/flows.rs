mod attempts;
mod blobs;
mod gate;
mod joins;
mod lists;
mod manifests;
mod tokens;
mod uploads;

use super::label::Label;
use super::{Alone, Budget, Mutant, Scene};

/// An endpoint: its requests, and what holds of it alone.
#[derive(Clone, Debug)]
pub struct Flow {
    /// As its diagram is named.
    pub name: &'static str,
    /// What it does, in a sentence without its end.
    pub title: &'static str,
    /// All that it may ask of a store.
    pub asks: &'static str,
    /// An op, and what is acknowledged before it is sent, or, behind a `!`, is not; of several rows for one op, any.
    pub order: &'static [(&'static str, &'static str)],
    /// All that it tells.
    pub replies: &'static [&'static str],
    /// Its requests.
    pub scenes: Vec<Scene>,
    /// Faults to be built in, and what finds each of them.
    pub mutants: &'static [(Mutant, &'static str)],
    /// How much may go wrong in a search, beside the client.
    pub troubles: u8,
    /// How much of that is drawn.
    pub drawn_troubles: u8,
}

impl Flow {
    /// Its model.
    pub fn model(&self, budget: Budget, mutant: Option<Mutant>) -> Alone {
        let fact = |text: &str| match text.strip_prefix('!') {
            Some(not) => (Label::parse(not), false),
            None => (Label::parse(text), true),
        };
        let row =
            |(label, before): &(&str, &str)| (Label::parse(label), before.split(", ").map(fact).collect());
        Alone {
            scenes: self.scenes.clone(),
            asks: Label::parse_all(self.asks),
            order: self.order.iter().map(row).collect(),
            replies: self.replies,
            budget,
            mutant,
            graph: None,
        }
    }
}

/// All flows, in the order of their names.
pub fn flows() -> Vec<Flow> {
    let mut all = [
        blobs::all(),
        uploads::all(),
        joins::all(),
        manifests::all(),
        lists::all(),
        attempts::all(),
        gate::all(),
        tokens::all(),
    ]
    .concat();
    all.sort_by_key(|flow| flow.name);
    all
}

pub(super) const ACKNOWLEDGED: &str = "1: a success was acknowledged by the store before";
pub(super) const ORDERED: &str = "1, 4, 5, 6: what others build on is acknowledged first";
pub(super) const CONTENT: &str = "2: nothing is stored under a name but what it says";
pub(super) const LENGTH: &str = "2: a reply ends well only if it is as long as it said";
pub(super) const BYTES: &str = "2: a reply has bytes of nothing else";
pub(super) const YOUNG: &str = "4, 5: what is relied on is made young first";
pub(super) const BROKEN: &str = "8: a body that broke off is no success";
pub(super) const GONE: &str = "8: nothing is told to a client that has left";
pub(super) const WAITS: &str = "9: no exchange waits for nothing";
pub(super) const BOUNDED: &str = "9: calls, outputs and tries are bounded";
pub(super) const LATE: &str = "late news changes nothing";
pub(super) const PERMITTED: &str = "9: nothing is done that was denied";
pub(super) const GRANTED: &str = "10: a token is good for what its asker may do and wants";
pub(super) const ADMITTED: &str = "11: nothing is asked, and no success told, before the gate lets in";
pub(super) const HIDDEN: &str = "11: no reply tells of what its reader may not see";
pub(super) const OWN: &str = "nothing is asked but what is the flow's own";
pub(super) const ONCE: &str = "a reply comes once";
pub(super) const OPEN: &str = "nothing is left open";
pub(super) const REASON: &str = "a refusal has its reason";
pub(super) const ADVICE: &str = "who is sent away is told what to do";
pub(super) const TABLE: &str = "only the replies of the table are told";
pub(super) const COUNTED: &str = "just what is stored is acknowledged";
