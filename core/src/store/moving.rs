use super::{Found, Key, Op, Reply};

/// The move of an object to another name, on any store: copied by the store itself, the copy compared with the source, and
/// only then is the source removed. Whatever fails before that leaves the source as it was.
///
/// No step is harmed by being done twice, so a move that broke off is simply begun again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Move {
    from: Key,
    to: Key,
    keep: bool,
    state: State,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Ask the store this, and tell [`Move::next`] what it answers.
    Ask(Op),
    /// Nothing more.
    Done(Moved),
}

/// How a move ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Moved {
    /// The object has the other name, and that alone.
    Done(Found),
    /// Nothing stands under the first name, but something under the other: most likely the move was made before.
    Before(Found),
    /// There is no such object, under neither name.
    Missing,
    /// Something stands under the other name, and was to be kept.
    Exists,
    /// Both names are one.
    Same,
    /// The copy is not as long as the source, or has another etag: something else wrote one of the two. Both are left.
    Differs {
        /// The source.
        source: Found,
        /// What stands under the other name.
        copy: Option<Found>,
    },
    /// The store could not do a step. The source is there still, unless that step was its removal.
    Failed {
        /// The step.
        op: Box<Op>,
        /// What the store answered.
        reply: Reply,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    Start,
    Source,
    Before,
    Free(Found),
    Copying(Found),
    Comparing(Found),
    Removing(Found),
    Over(Moved),
}

impl Move {
    /// A move that has not begun. With `keep`, what stands under the other name is not written over; a store cannot
    /// promise that to two who write at once. What is proved by its etag to be a copy of the source already ends the move
    /// as a copy made now would.
    pub fn new(from: Key, to: Key, keep: bool) -> Self {
        Self { from, to, keep, state: State::Start }
    }

    /// The next step, given the answer to the last one; the first time there is none.
    pub fn next(&mut self, answer: Option<Reply>) -> Step {
        let state = std::mem::replace(&mut self.state, State::Over(Moved::Missing));
        self.state = match (state, answer) {
            (State::Start, _) if self.from == self.to => State::Over(Moved::Same),
            (State::Start, _) => State::Source,
            (State::Source, Some(Reply::Found(source))) if self.keep => State::Free(source),
            (State::Source, Some(Reply::Found(source))) => State::Copying(source),
            (State::Source, Some(Reply::Missing)) => State::Before,
            (State::Before, Some(Reply::Found(found))) => State::Over(Moved::Before(found)),
            (State::Before, Some(Reply::Missing)) => State::Over(Moved::Missing),
            // The copy of a move that broke off before it removed the source.
            (State::Free(source), Some(Reply::Found(copy))) if proved_alike(&source, &copy) => {
                State::Removing(copy)
            }
            (State::Free(_), Some(Reply::Found(_))) => State::Over(Moved::Exists),
            (State::Free(source), Some(Reply::Missing)) => State::Copying(source),
            (State::Copying(source), Some(Reply::Written { .. })) => State::Comparing(source),
            (State::Comparing(source), Some(Reply::Found(copy))) if alike(&source, &copy) => {
                State::Removing(copy)
            }
            (State::Comparing(source), Some(Reply::Found(copy))) => {
                State::Over(Moved::Differs { source, copy: Some(copy) })
            }
            (State::Comparing(source), Some(Reply::Missing)) => {
                State::Over(Moved::Differs { source, copy: None })
            }
            (State::Removing(copy), Some(Reply::Done | Reply::Missing)) => State::Over(Moved::Done(copy)),
            (State::Over(moved), _) => State::Over(moved),
            // Asked again without an answer, the step is still the same.
            (state, None) => state,
            (state, Some(reply)) => match self.op(&state) {
                Some(op) => State::Over(Moved::Failed { op: Box::new(op), reply }),
                None => state,
            },
        };
        match (&self.state, self.op(&self.state)) {
            (State::Over(moved), _) => Step::Done(moved.clone()),
            (_, Some(op)) => Step::Ask(op),
            (_, None) => Step::Done(Moved::Missing),
        }
    }

    fn op(&self, state: &State) -> Option<Op> {
        let (from, to) = (self.from.clone(), self.to.clone());
        Some(match state {
            State::Source => Op::Stat { key: from },
            State::Before | State::Free(_) | State::Comparing(_) => Op::Stat { key: to },
            State::Copying(_) => Op::Copy { from, to: Box::new(to) },
            State::Removing(_) => Op::Remove { key: from },
            State::Start | State::Over(_) => return None,
        })
    }
}

/// Where only one of the two has an etag, the store has no such thing to compare.
fn alike(source: &Found, copy: &Found) -> bool {
    let same_etag = source.etag.zip(copy.etag).is_none_or(|(one, other)| one == other);
    source.size == copy.size && same_etag
}

/// Whether both have an etag, and all is the same.
fn proved_alike(source: &Found, copy: &Found) -> bool {
    source.etag.is_some() && copy.etag.is_some() && alike(source, copy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::{Repository, Tag};

    const WRITTEN: Reply = Reply::Written { md5: None };
    const BUSY: Reply = Reply::Unavailable { retry_after: None };

    fn key(tag: &str) -> Key {
        Key::Tag(Repository::parse("a").unwrap(), Tag::parse(tag).unwrap())
    }

    fn found(size: u64, etag: Option<u8>) -> Reply {
        Reply::Found(Found { size, age: 9, etag: etag.map(|byte| [byte; 16]) })
    }

    /// Tells the answers one by one; returns the steps that were asked, and how it ended.
    fn live(keep: bool, answers: &[Reply]) -> (String, Moved) {
        let mut moving = Move::new(key("x"), key("y"), keep);
        let mut step = moving.next(None);
        let mut steps = Vec::new();
        let mut answers = answers.iter().cloned();
        loop {
            match step {
                Step::Done(moved) => {
                    assert_eq!(answers.next(), None, "an answer was not asked for after {steps:?}");
                    assert_eq!(moving.next(Some(BUSY)), Step::Done(moved.clone()), "it stays over");
                    return (steps.join(" "), moved);
                }
                Step::Ask(op) => {
                    assert_eq!(moving.next(None), Step::Ask(op.clone()), "the step stays the same");
                    let name = |key: &Key| key.to_string().split_off("tags/a!/".len());
                    steps.push(match &op {
                        Op::Stat { key } => format!("stat-{}", name(key)),
                        Op::Copy { from, to } => format!("copy-{}-{}", name(from), name(to)),
                        Op::Remove { key } => format!("remove-{}", name(key)),
                        Op::Read { .. }
                        | Op::Write { .. }
                        | Op::Join { .. }
                        | Op::Touch { .. }
                        | Op::Release { .. }
                        | Op::List { .. } => panic!("{op:?}"),
                    });
                    step = moving.next(Some(answers.next().expect("an answer")));
                }
            }
        }
    }

    #[test]
    fn the_source_goes_when_the_copy_is_like_it() {
        let (one, other) = (found(5, Some(1)), found(5, Some(1)));
        let Reply::Found(copy) = other.clone() else { panic!() };
        for gone in [Reply::Done, Reply::Missing] {
            let (steps, moved) = live(false, &[one.clone(), WRITTEN, other.clone(), gone]);
            assert_eq!(steps, "stat-x copy-x-y stat-y remove-x");
            assert_eq!(moved, Moved::Done(copy.clone()));
        }
        let (_, moved) = live(false, &[found(5, None), WRITTEN, found(5, None), Reply::Done]);
        assert!(matches!(moved, Moved::Done(_)));
    }

    #[test]
    fn a_copy_that_differs_leaves_the_source() {
        for copy in [found(4, Some(1)), found(5, Some(2)), Reply::Missing] {
            let (steps, moved) = live(false, &[found(5, Some(1)), WRITTEN, copy]);
            assert_eq!(steps, "stat-x copy-x-y stat-y");
            assert!(matches!(moved, Moved::Differs { .. }), "{moved:?}");
        }
    }

    #[test]
    fn a_move_that_was_made_before_is_told_from_one_of_nothing() {
        let (steps, moved) = live(false, &[Reply::Missing, found(5, None)]);
        assert_eq!(steps, "stat-x stat-y");
        assert!(matches!(moved, Moved::Before(_)));
        assert_eq!(live(true, &[Reply::Missing, Reply::Missing]).1, Moved::Missing);
    }

    #[test]
    fn what_is_to_be_kept_is_not_written_over() {
        let (steps, moved) = live(true, &[found(5, None), found(6, None)]);
        assert_eq!((steps.as_str(), moved), ("stat-x stat-y", Moved::Exists));
        let (steps, _) = live(true, &[found(5, None), Reply::Missing, WRITTEN, found(5, None), Reply::Done]);
        assert_eq!(steps, "stat-x stat-y copy-x-y stat-y remove-x");
    }

    #[test]
    fn a_copy_that_broke_off_before_the_source_went_is_gone_on_with() {
        for removed in [Reply::Done, Reply::Missing] {
            let (steps, moved) = live(true, &[found(5, Some(1)), found(5, Some(1)), removed]);
            assert_eq!(steps, "stat-x stat-y remove-x");
            assert!(matches!(moved, Moved::Done(_)), "{moved:?}");
        }
        // A size proves nothing.
        for (source, copy) in [(None, None), (Some(1), None), (None, Some(1)), (Some(1), Some(2))] {
            let (steps, moved) = live(true, &[found(5, source), found(5, copy)]);
            assert_eq!((steps.as_str(), moved), ("stat-x stat-y", Moved::Exists));
        }
    }

    #[test]
    fn any_trouble_ends_it_at_its_step() {
        let good = [found(5, None), Reply::Missing, WRITTEN, found(5, None), Reply::Done];
        for at in 0..good.len() {
            for reply in [BUSY, Reply::Refused, Reply::Full, Reply::Mismatch, Reply::Damaged, Reply::Exists] {
                let mut answers = good[..at].to_vec();
                answers.push(reply.clone());
                let (steps, moved) = live(true, &answers);
                let Moved::Failed { op, reply: told } = moved else { panic!("{moved:?}") };
                assert_eq!(told, reply);
                assert_eq!(steps.split(' ').count(), at + 1);
                assert_eq!(matches!(*op, Op::Remove { .. }), at + 1 == good.len());
            }
        }
        // The source went away before it was copied.
        assert!(matches!(live(false, &[found(5, None), Reply::Missing]).1, Moved::Failed { .. }));
    }

    #[test]
    fn nothing_is_moved_to_itself() {
        assert_eq!(Move::new(key("x"), key("x"), false).next(None), Step::Done(Moved::Same));
    }
}
