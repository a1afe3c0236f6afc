//! Each endpoint alone: one exchange against a store that answers whatever a store may answer.
//!
//! A [`Flow`] is an endpoint with a few requests ([`Scene`]s). A state holds the real exchange and what it is owed; every
//! call may get every answer that is one to its op, fail, or take too long, in any order with the ends of the bodies; the
//! client's body may stall, break off or be late, and the client may leave. Nothing is stored: what the store has
//! acknowledged is remembered, and what the exchange tells is held against it.

mod answers;
mod diagram;
mod flows;
mod graph;
mod happen;
mod label;
mod late;
mod lock;
mod mutant;
mod news;
mod properties;
mod rules;
mod scene;
mod world;

use std::sync::{Arc, Mutex, PoisonError};

use stateright::{Model, Property};

pub use answers::Answer;
pub use diagram::{index, page};
pub use flows::{Flow, flows};
pub use graph::Graph;
pub use label::{Kind, Label, Role};
pub use mutant::Mutant;
pub use news::{About, News};
pub use scene::{BLOB, Scene};
pub use world::World;

/// One flow, with as much trouble as a search has time for.
#[derive(Clone, Debug)]
pub struct Alone {
    /// Its requests.
    pub scenes: Vec<Scene>,
    /// All that it may ask of a store.
    pub asks: Vec<Label>,
    /// What is sent only where all of a row holds: that something was acknowledged, or was not. Of several rows for one
    /// op, any.
    pub order: Vec<(Label, Vec<(Label, bool)>)>,
    /// All that it tells.
    pub replies: &'static [&'static str],
    /// What may go wrong.
    pub budget: Budget,
    /// A fault that is built in.
    pub mutant: Option<Mutant>,
    /// Takes note of every step.
    pub graph: Option<Arc<Mutex<Graph>>>,
}

/// How much may go wrong in one exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Failures of the store, of the way to it, or of what is asked of the host.
    pub troubles: u8,
    /// Failures of the client.
    pub clients: u8,
    /// Stalls of the client's body.
    pub stalls: u8,
}

/// What news costs of a [`Budget`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// It happens without anything going wrong.
    Nothing,
    /// The store, the way to it, or the host fails.
    Trouble,
    /// The client fails.
    Client,
    /// The client's body stalls.
    Stall,
}

/// What an answer, or a failure, is a reason for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Why {
    /// Something was not there.
    Missing,
    /// Something was not what it should be.
    Wrong,
    /// Something was there already.
    Exists,
    /// The store failed.
    Trouble,
    /// The store takes nothing.
    Refused,
    /// The store has no room.
    Full,
    /// The host gave no memory.
    Denied,
    /// The client's body broke off.
    Broke,
    /// The client's body was late.
    Late,
    /// What the client shows of itself is not good.
    Unproved,
    /// It tries too often.
    Slow,
    /// Nobody could tell who it is.
    Busy,
}

/// What an exchange must never do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flaw {
    /// A success was told that the store has not acknowledged.
    Unfounded,
    /// An op was sent before what it builds on was acknowledged.
    OutOfOrder,
    /// What is relied on was found old and was not made young.
    Old,
    /// Something else than a name says was to be stored under it.
    WrongContent,
    /// A reply ended well, shorter or longer than it was told to be.
    WrongLength,
    /// The reply has bytes of something else.
    MixedBytes,
    /// A success was told though the client's body broke off.
    BrokenIsGood,
    /// Something was told, or ended well, after the client had left.
    ReplyAfterGone,
    /// A second reply was begun.
    SecondReply,
    /// It ended well without a reply.
    Unanswered,
    /// A call was left open, or one name was given to two.
    LeftOpen,
    /// Late news changed what was over.
    Confused,
    /// Too many outputs or calls.
    Endless,
    /// The same was asked too often.
    TooOften,
    /// Other bytes than those that are stored were acknowledged.
    Miscounted,
    /// Memory was used, or a call was sent again, that was denied.
    NotPermitted,
    /// An op was sent that is none of the flow's.
    Foreign,
    /// A refusal was told for no reason.
    NoReason,
    /// Something was asked of the store, or a success told, for somebody who is not let in.
    NotAdmitted,
    /// A token is not what its asker may have.
    Overgranted,
    /// A reply tells of what its reader may not see.
    Leaked,
    /// Who is sent away is not told what to do.
    NoAdvice,
}

impl Alone {
    /// The request that a state is about.
    pub fn scene(&self, world: &World) -> &Scene {
        &self.scenes[usize::from(world.scene)]
    }
}

impl Model for Alone {
    type State = World;
    type Action = News;

    fn init_states(&self) -> Vec<World> {
        (0..self.scenes.len()).map(|scene| World::new(self, scene as u8)).collect()
    }

    fn actions(&self, world: &World, actions: &mut Vec<News>) {
        actions.extend(world.news(self).into_iter().filter(|news| world.left.affords(news.cost)));
    }

    fn next_state(&self, world: &World, news: News) -> Option<World> {
        let mut next = world.clone();
        next.happen(self, news);
        if let Some(graph) = &self.graph {
            graph.lock().unwrap_or_else(PoisonError::into_inner).note(world, &next);
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::of(self)
    }
}

impl Budget {
    fn affords(self, cost: Cost) -> bool {
        match cost {
            Cost::Nothing => true,
            Cost::Trouble => self.troubles > 0,
            Cost::Client => self.clients > 0,
            Cost::Stall => self.stalls > 0,
        }
    }

    fn pay(&mut self, cost: Cost) {
        match cost {
            Cost::Nothing => {}
            Cost::Trouble => self.troubles -= 1,
            Cost::Client => self.clients -= 1,
            Cost::Stall => self.stalls -= 1,
        }
    }
}
