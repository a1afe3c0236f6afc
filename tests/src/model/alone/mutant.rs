/// A fault that is built in between an exchange and what stands around it. Ops, answers and statuses go by their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// Of an op, an answer is heard as another one. That it breaks off is an answer, too; so is what the host says of a
    /// password and of keys.
    Misheard {
        /// The op.
        of: &'static str,
        /// What the store said.
        said: &'static str,
        /// What the exchange hears.
        heard: &'static str,
    },
    /// Everybody is let in: the registry has no lock.
    Unlocked,
    /// A token is signed for all that can be done where it is good for anything.
    Widened,
    /// A field of the reply is lost.
    FieldLost(&'static str),
    /// An op is acknowledged and never carried out.
    Undone(&'static str),
    /// An op is acknowledged, and carried out after the next one.
    Later(&'static str),
    /// An op goes to another repository.
    Elsewhere(&'static str),
    /// An op is sent that nobody asked for.
    Sneaked(&'static str),
    /// A status is told as another one.
    Status(u16, u16),
    /// The reply is told to be longer by a byte.
    LengthWrong,
    /// The reply's bytes are those of something else.
    OtherBytes,
    /// A body that broke off is reported as whole.
    ShortIsWhole,
    /// A reply that has to be broken is ended as if it were whole.
    CutIsWhole,
    /// The reply is begun twice.
    TwoReplies,
    /// Nobody says that the client has left.
    GoneUnheard,
    /// A call that is to be dropped goes on.
    AbortLost,
    /// A rest is never over.
    RestLost,
    /// A byte more is told to be stored than is.
    Miscounted,
    /// Memory, or another try, that is denied is taken for granted.
    DenialUnheard,
    /// What is under way sends each call twice.
    SentTwice,
    /// News of a call that is open is taken for late.
    GenerationIgnored,
}
