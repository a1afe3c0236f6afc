use stateright::Property;

use super::world::World;
use super::{Alone, Flaw};

/// What must hold of every flow, by the numbers of the invariants in the design where there are such, and what must be
/// reachable.
pub(super) fn of(model: &Alone) -> Vec<Property<Alone>> {
    let mut all = vec![
        Property::always("1: a success was acknowledged by the store before", |_, world: &World| {
            world.has_not(Flaw::Unfounded)
        }),
        Property::always("1, 4, 5, 6: what others build on is acknowledged first", |_, world: &World| {
            world.has_not(Flaw::OutOfOrder)
        }),
        Property::always("2: nothing is stored under a name but what it says", |_, world: &World| {
            world.has_not(Flaw::WrongContent)
        }),
        Property::always("2: a reply ends well only if it is as long as it said", |_, world: &World| {
            world.has_not(Flaw::WrongLength)
        }),
        Property::always("2: a reply has bytes of nothing else", |_, world: &World| {
            world.has_not(Flaw::MixedBytes)
        }),
        Property::always("4, 5: what is relied on is made young first", |_, world: &World| {
            world.has_not(Flaw::Old)
        }),
        Property::always("8: a body that broke off is no success", |_, world: &World| {
            world.has_not(Flaw::BrokenIsGood)
        }),
        Property::always("8: nothing is told to a client that has left", |_, world: &World| {
            world.has_not(Flaw::ReplyAfterGone)
        }),
        Property::always("9: no exchange waits for nothing", |model: &Alone, world: &World| {
            world.outcome.is_some() || world.news(model).iter().any(super::News::is_free)
        }),
        Property::always("9: calls, outputs and tries are bounded", |_, world: &World| {
            world.has_not(Flaw::Endless) && world.has_not(Flaw::TooOften)
        }),
        Property::always("9: nothing is done that was denied", |_, world: &World| {
            world.has_not(Flaw::NotPermitted)
        }),
        Property::always("10: a token is good for what its asker may do and wants", |_, world: &World| {
            world.has_not(Flaw::Overgranted)
        }),
        Property::always(
            "11: nothing is asked, and no success told, before the gate lets in",
            |_, world: &World| world.has_not(Flaw::NotAdmitted),
        ),
        Property::always("11: no reply tells of what its reader may not see", |_, world: &World| {
            world.has_not(Flaw::Leaked)
        }),
        Property::always("nothing is asked but what is the flow's own", |_, world: &World| {
            world.has_not(Flaw::Foreign)
        }),
    ];
    all.extend(of_replies());
    assert!(model.replies.len() <= REACHED.len(), "more replies than can be looked for");
    let reachable = model.replies.iter().zip(REACHED);
    all.extend(reachable.map(|(reply, reached)| Property::sometimes(reply, reached)));
    all
}

/// What must hold of every reply, and of what surrounds it.
fn of_replies() -> Vec<Property<Alone>> {
    vec![
        Property::always("just what is stored is acknowledged", |_, world: &World| {
            world.has_not(Flaw::Miscounted)
        }),
        Property::always("a reply comes once", |_, world: &World| {
            world.has_not(Flaw::SecondReply) && world.has_not(Flaw::Unanswered)
        }),
        Property::always("nothing is left open", |_, world: &World| world.has_not(Flaw::LeftOpen)),
        Property::always("late news changes nothing", |model: &Alone, world: &World| {
            world.has_not(Flaw::Confused) && world.ignores_late_news(model)
        }),
        Property::always("a refusal has its reason", |_, world: &World| world.has_not(Flaw::NoReason)),
        Property::always("who is sent away is told what to do", |_, world: &World| {
            world.has_not(Flaw::NoAdvice)
        }),
        Property::always("only the replies of the table are told", |model: &Alone, world: &World| {
            !world.is_told() || world.reply().is_none_or(|reply| model.replies.contains(&&*reply))
        }),
    ]
}

impl World {
    fn has_not(&self, flaw: Flaw) -> bool {
        !self.seen.flaws.contains(&flaw)
    }

    /// The reply is known as a whole: its code comes with its body.
    fn is_told(&self) -> bool {
        self.told.is_some()
    }
}

/// Whether the reply of this index in the table is told.
fn reached<const AT: usize>(model: &Alone, world: &World) -> bool {
    world.reply().as_deref() == Some(model.replies[AT])
}

const REACHED: [fn(&Alone, &World) -> bool; 20] = [
    reached::<0>,
    reached::<1>,
    reached::<2>,
    reached::<3>,
    reached::<4>,
    reached::<5>,
    reached::<6>,
    reached::<7>,
    reached::<8>,
    reached::<9>,
    reached::<10>,
    reached::<11>,
    reached::<12>,
    reached::<13>,
    reached::<14>,
    reached::<15>,
    reached::<16>,
    reached::<17>,
    reached::<18>,
    reached::<19>,
];
