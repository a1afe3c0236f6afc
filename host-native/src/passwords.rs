//! Checks passwords where that holds up nobody: on threads of its own, which give way to all others.
//!
//! What a check costs is known: so many run at once as there are threads, each with the memory that its hash names (at most
//! 256 MiB), few more wait, and all others are turned away. Who guesses is slowed down before anything is hashed.

mod recent;

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use futures_lite::FutureExt as _;
use smol::Timer;
use smol::channel::{Receiver, Sender, bounded};
use wharfinger_core::access::{Admission, Guard, GuardRates, HashMemory, PasswordCheck, Permit, Verdict};

use self::recent::Recent;

/// The service that answers whether a password is right.
#[derive(Clone)]
pub struct Passwords {
    shared: Arc<Shared>,
    jobs: Sender<Job>,
}

/// What the threads know, too; they end with the last sender of jobs.
struct Shared {
    begun: Instant,
    /// Random, and never told.
    key: [u8; 32],
    state: Mutex<State>,
}

struct State {
    guard: Guard,
    recent: Recent,
    /// Those whose turn depends on checks that are under way.
    waiting: Vec<Sender<()>>,
    /// How many checks were begun.
    begun: u64,
}

struct Job {
    check: PasswordCheck,
    print: [u8; 32],
    permit: Permit,
    tell: Sender<bool>,
}

impl Passwords {
    /// Starts `workers` threads, at least one.
    ///
    /// # Errors
    /// The system gives no thread or no random bytes.
    pub fn start(rates: GuardRates, workers: usize) -> io::Result<Self> {
        let (passwords, queue) = Self::prepare(rates)?;
        for _ in 0..workers.max(1) {
            let (shared, queue) = (passwords.shared.clone(), queue.clone());
            thread::Builder::new().name("password".into()).spawn(move || work(&shared, &queue))?;
        }
        Ok(passwords)
    }

    /// The service without its threads.
    fn prepare(rates: GuardRates) -> io::Result<(Self, Receiver<Job>)> {
        let [mut key, mut guard_key] = [[0; 32]; 2];
        getrandom::fill(&mut key)?;
        getrandom::fill(&mut guard_key)?;
        let guard = Guard::new(rates, guard_key);
        let state = State { guard, recent: Recent::default(), waiting: Vec::new(), begun: 0 };
        let shared = Arc::new(Shared { begun: Instant::now(), key, state: Mutex::new(state) });
        let (jobs, queue) = bounded(JOBS_MAX);
        Ok((Self { shared, jobs }, queue))
    }

    /// As many threads as there are cores, but no more than eight: each may take 256 MiB.
    pub fn workers_default() -> usize {
        thread::available_parallelism().map_or(1, usize::from).min(WORKERS_MAX)
    }

    /// Whether the password is right. Once begun, a check counts, even if nobody waits for what comes of it.
    pub async fn check(&self, check: PasswordCheck, address: Option<IpAddr>) -> Verdict {
        let late = async {
            Timer::after(WAIT_TIME).await;
            Verdict::Busy
        };
        self.check_in_turn(check, address).or(late).await
    }

    async fn check_in_turn(&self, check: PasswordCheck, address: Option<IpAddr>) -> Verdict {
        let print = check.fingerprint(&self.shared.key);
        let permit = loop {
            let turn = match self.shared.admit(address, check.user(), &print) {
                Entry::Go(permit) => break permit,
                Entry::Wait(turn) => turn,
                Entry::Over(verdict) => return verdict,
            };
            // Its other end is dropped when it is time to ask again.
            let _ = turn.recv().await;
        };
        // A flood from everywhere leaves room for those who were right before.
        let full = !permit.is_trusted() && self.jobs.len() >= JOBS_MAX - JOBS_KEPT;
        let (tell, told) = bounded(1);
        let job = Job { check, print, permit, tell };
        let turned_away =
            if full { Some(job) } else { self.jobs.try_send(job).err().map(|error| error.into_inner()) };
        if let Some(job) = turned_away {
            self.shared.settle(|state| state.guard.withdrawn(job.permit));
            return Verdict::Busy;
        }
        match told.recv().await {
            Ok(true) => Verdict::Right,
            Ok(false) => Verdict::Wrong,
            Err(_) => Verdict::Busy,
        }
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let begun = self.shared.state().begun;
        f.debug_struct("Passwords")
            .field("queued", &self.jobs.len())
            .field("begun", &begun)
            .finish_non_exhaustive()
    }
}

/// What becomes of a check before anything is hashed.
enum Entry {
    Go(Permit),
    Wait(Receiver<()>),
    Over(Verdict),
}

impl Shared {
    fn admit(&self, address: Option<IpAddr>, user: &str, print: &[u8; 32]) -> Entry {
        let now = self.begun.elapsed();
        let state = &mut *self.state();
        match state.guard.admit(address, user, now) {
            // What was right a moment ago is asked for only here: otherwise it could be guessed without a limit.
            Admission::Go(permit) if state.recent.holds(print, now) => {
                state.guard.succeeded(permit, now);
                Entry::Over(Verdict::Right)
            }
            Admission::Go(permit) => Entry::Go(permit),
            Admission::Slow(time) => Entry::Over(Verdict::Slow(time)),
            Admission::Wait if state.waiting.len() >= WAITING_MAX => Entry::Over(Verdict::Busy),
            Admission::Wait => {
                let (sender, turn) = bounded(1);
                state.waiting.push(sender);
                Entry::Wait(turn)
            }
        }
    }

    /// Takes note of a check that is begun, and tells whether it was right a moment ago.
    fn begin(&self, print: &[u8; 32]) -> bool {
        let mut state = self.state();
        state.begun += 1;
        state.recent.holds(print, self.begun.elapsed())
    }

    /// Takes note of what came of a check, and has all who wait for such news ask again.
    fn settle(&self, how: impl FnOnce(&mut State)) {
        let waiting = {
            let mut state = self.state();
            how(&mut state);
            std::mem::take(&mut state.waiting)
        };
        drop(waiting);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn work(shared: &Shared, queue: &Receiver<Job>) {
    // Whoever transfers content comes first. Where the system refuses, all are equal.
    let _ = rustix::process::nice(NICENESS);
    let mut memory = HashMemory::default();
    while let Ok(Job { check, print, permit, tell }) = queue.recv_blocking() {
        if tell.is_closed() {
            shared.settle(|state| state.guard.withdrawn(permit));
            continue;
        }
        // Several of a kind may have been queued.
        let known = shared.begin(&print);
        // A thread that is lost would be missed for ever.
        let right = known || catch_unwind(AssertUnwindSafe(|| check.run_in(&mut memory))).unwrap_or(false);
        if memory.bytes() > MEMORY_KEPT_BYTES_MAX {
            memory = HashMemory::default();
        }
        let now = shared.begun.elapsed();
        shared.settle(|state| {
            if right {
                if !known {
                    state.recent.add(print, now);
                }
                state.guard.succeeded(permit, now);
            } else {
                state.guard.failed(permit);
            }
        });
        // Who asked may have gone.
        let _ = tell.try_send(right);
    }
}

/// So many checks wait for a thread.
const JOBS_MAX: usize = 64;

/// So many of these places are for users who were right before.
const JOBS_KEPT: usize = 16;

/// So many wait for what comes of others' checks.
const WAITING_MAX: usize = 1024;

/// Nobody waits longer, whatever for.
const WAIT_TIME: Duration = Duration::from_secs(15);

/// A thread keeps no more memory than this from one hash to the next. What is larger, the allocator gives back to the system
/// at once; what is smaller, it would leave in pieces.
const MEMORY_KEPT_BYTES_MAX: usize = 32 << 20;

const WORKERS_MAX: usize = 8;

const NICENESS: i32 = 5;

#[cfg(test)]
mod tests;
