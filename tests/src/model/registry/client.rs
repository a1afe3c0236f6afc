use super::super::{Author, Host};
use super::{Deed, Plan};

/// A client, which does one deed after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Client {
    /// Which deed is next, or under way.
    pub step: u8,
    /// How many requests it has sent.
    pub requests: u8,
    /// Where its upload goes on.
    pub location: Box<str>,
    /// Its exchange.
    pub running: Option<Host>,
    /// Time has passed since that began.
    pub ticked: bool,
    /// Nothing that could undo its deed has been under way since it began.
    pub clean: bool,
    /// It does nothing more.
    pub over: bool,
    /// An exchange of it vanished.
    pub crashed: bool,
    /// A call of it failed.
    pub hurt: bool,
    /// The last refusal that it was told.
    pub refused: Option<u16>,
    /// It was told 200 and something else than what was pushed.
    pub deceived: bool,
}

impl Client {
    pub(super) fn author(&self, client: usize) -> Author {
        Author { client: client as u8, request: self.requests }
    }

    pub(super) fn deed<'p>(&self, plan: &'p Plan) -> Option<&'p Deed> {
        plan.deeds.get(usize::from(self.step))
    }

    /// Whether it has done all that it meant to.
    pub fn is_content(&self, plan: &Plan) -> bool {
        usize::from(self.step) == plan.deeds.len()
    }
}
