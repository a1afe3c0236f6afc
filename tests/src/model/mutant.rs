/// A fault that is built into what stands around the exchanges, one at a time. Each breaks a promise that the registry
/// relies on or makes; a model that finds nothing wrong with one of them would be blind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mutant {
    /// While another exchange joins parts under a name, a second join of that name is answered at once and not done.
    JoinTakenForDone,
    /// The link is in the store before the content is.
    LinkFirst,
    /// A store loses the last byte of what it is fed, and joins parts without looking at their sizes.
    TailLost,
    /// A store that keeps pointing at the parts of an object frees them all the same.
    ReleaseFrees,
    /// Every request gets the same random bytes.
    SameEntropy,
    /// Late news of a dropped call is taken for news of the call that uses its slot today.
    GenerationIgnored,
    /// A timer that was asked for after a failure never runs out.
    TimerLost,
    /// A client's body that broke off is reported as one that came to its end.
    ShortIsWhole,
    /// A part is left out where several are joined.
    PartDropped,
    /// A store joins all of a part whose start is to be left out.
    SkipIgnored,
}
