//! A whole registry in one thread: clients, several processes that run the real core, a Swift with replicas, faults, and a
//! clock that is set rather than waited for. All of it follows from one seed.
//!
//! ```text
//! clients --requests--> host: Exchange --Ops, rendered--> network: faults --> Swift: three replicas
//!     |                                                                          |
//!     +---- what was told ----> oracle: must, may, must not <---- what stands ---+
//! ```
//!
//! In the first part of a run everything fails now and then, and every reply, and everything that changes in Swift, is
//! compared with what may be. Then all is healed: every client has to get done what it began, within a bounded time, and
//! all that was acknowledged has to be there, in every process.

mod access;
mod body;
mod clients;
mod desk;
mod fault;
mod host;
mod names;
mod network;
mod oracle;
mod report;
mod store_check;
mod swift;
mod world;

pub use fault::Fault;
pub use report::{Failure, Report};
pub use swift::{Answer, Ask, Swift};

use world::World;

/// One run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Everything follows from it.
    pub seed: u64,
    /// So many clients.
    pub clients: usize,
    /// What is broken on purpose.
    pub mutant: Option<Mutant>,
    /// Keeps a log of the steps.
    pub logged: bool,
}

/// A fault that is built into what stands around the core: each breaks a promise that Swift or a host makes. A simulation
/// that finds nothing wrong with one of them would be blind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mutant {
    /// A name that is new may not be found by a server that missed it.
    NewNamesStale,
    /// Swift asks one server where every one was to be asked.
    NewestIgnored,
    /// Swift loses the last byte of each segment and does not notice.
    TailLost,
    /// POST does not make an object young, and what is old is removed.
    TouchIgnored,
    /// While a name is joined, a second join of it is answered at once and not done.
    JoinTakenForDone,
    /// The content is stored some time after it is said to be.
    ContentLate,
    /// A client's body that broke off is reported as one that came to its end.
    ShortIsWhole,
    /// 202 is taken for 201.
    AcceptedIsCreated,
    /// Any answer of 503 to a write is taken for 201.
    TroubleIsCreated,
    /// The body of an answer that broke off is filled up and sent on as if it were whole.
    CutIsWhole,
    /// A timer after a failure never runs out.
    TimerLost,
    /// Every request gets the same random bytes.
    SameEntropy,
    /// Whatever password is right.
    PasswordUnchecked,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::NewNamesStale,
        Self::NewestIgnored,
        Self::TailLost,
        Self::TouchIgnored,
        Self::JoinTakenForDone,
        Self::ContentLate,
        Self::ShortIsWhole,
        Self::AcceptedIsCreated,
        Self::TroubleIsCreated,
        Self::CutIsWhole,
        Self::TimerLost,
        Self::SameEntropy,
        Self::PasswordUnchecked,
    ];
}

/// Runs one simulation to its end.
///
/// # Errors
/// What went wrong, and how to see it again.
pub fn run(plan: &Plan) -> Result<Report, Failure> {
    World::new(plan).run()
}
