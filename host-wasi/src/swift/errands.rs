use std::time::Duration;

use wasip2::io::poll::{self, Pollable};
use wharfinger_core::store::Fault;
use wharfinger_core::swift::{KeyCheck, KeyStep, Lease};

use super::login::{LoginError, read};
use super::temp_urls::LookError;
use super::{Swift, now};
use crate::drive::timers::{Moment, after, is_past, ready_at, sooner};
use crate::fetch::{Fetched, Fetching};

/// What goes on in Swift beside the calls of an exchange: a login, and a look at the keys of temporary URLs.
#[derive(Debug, Default)]
pub struct Errands {
    login: Option<LoggingIn>,
    look: Option<Looking>,
}

/// What came to its end.
#[derive(Debug, Default)]
pub struct Ended {
    /// A login, well or not: the token that there is is to be used.
    pub login: bool,
    /// A look at the keys.
    pub look: Option<Result<(), LookError>>,
}

/// A login, with the rests before and after it.
#[derive(Debug)]
struct LoggingIn {
    state: LoginState,
    /// It is the second one, after the end of a token that the first one handed out again.
    again: bool,
    deadline: Moment,
}

#[derive(Debug)]
enum LoginState {
    RestsUntil(Moment),
    /// With the time at which it began, in seconds since 1970.
    Asks(Fetching, u64),
}

#[derive(Debug)]
struct Looking {
    check: KeyCheck,
    /// What was asked, with the token of that number; `None` while a login is waited for.
    asked: Option<(Fetching, u64)>,
    deadline: Moment,
}

impl Errands {
    /// Goes on with what another exchange left, unless it came to nothing since.
    pub fn resume(swift: &Swift) -> Self {
        let mut errands = swift.errands.take();
        errands.login.take_if(LoggingIn::is_late);
        errands.look.take_if(Looking::is_late);
        errands
    }

    /// Leaves to the next exchange of this instance what is under way: the runtime goes on with it, and nobody is kept from
    /// this instance meanwhile.
    pub fn leave(mut self, swift: &Swift) {
        let until = after(SEND_TIME_MAX);
        while self.is_sending() && !is_past(until) {
            warn(self.step(swift).look);
            if self.is_sending() {
                self.wait(until);
            }
        }
        swift.errands.replace(self);
    }

    /// Whether a request can be sent at once, or has to wait for a login. One that is due is begun. Those that are
    /// `streamed` have a body that cannot be sent again.
    pub fn lets_send(&mut self, swift: &Swift, streamed: bool) -> bool {
        let (due, has_to_wait) = {
            let lease = swift.lease.borrow();
            (lease.is_due(now(), streamed), lease.has_to_wait(now(), streamed))
        };
        if due && self.login.is_none() {
            self.login = Some(LoggingIn::start(swift));
        }
        self.login.is_none() || !has_to_wait
    }

    /// Whether a look at the keys is under way. One that is due is begun.
    pub fn looks(&mut self, swift: &Swift) -> bool {
        self.looks_until(swift, after(swift.call_time))
    }

    fn looks_until(&mut self, swift: &Swift, deadline: Moment) -> bool {
        if self.look.is_none() && swift.look_is_due() {
            self.look = Some(Looking { check: KeyCheck::new(), asked: None, deadline });
            // A token that is refused is found out by the look; until then any will do.
            self.lets_send(swift, false);
        }
        self.look.is_some()
    }

    /// Goes on as far as it can.
    pub fn step(&mut self, swift: &Swift) -> Ended {
        let login = self.login.as_mut().is_some_and(|login| login.step(swift));
        if login {
            self.login = None;
        }
        Ended { login, look: self.step_look(swift) }
    }

    fn step_look(&mut self, swift: &Swift) -> Option<Result<(), LookError>> {
        let urls = swift.temp_urls.as_ref()?;
        let keys = urls.keys();
        loop {
            let look = self.look.as_mut()?;
            let Some((fetching, token)) = &mut look.asked else {
                if self.login.is_some() {
                    if !is_past(look.deadline) {
                        return None;
                    }
                    self.look = None;
                    return Some(urls.settle(Err(LookError::Unreachable(Fault::Late))));
                }
                let (rendered, number) = {
                    let lease = swift.lease.borrow();
                    (look.check.render(keys, &swift.endpoint, lease.token()), lease.number())
                };
                look.asked = Some((Fetching::until(rendered, look.deadline), number));
                continue;
            };
            let outcome = match fetching.step()? {
                Err(fault) => Err(LookError::Unreachable(fault)),
                Ok(Fetched { status, headers, .. }) => {
                    match look.check.answered(keys, status, &headers, now()) {
                        KeyStep::Ask => {
                            look.asked = None;
                            continue;
                        }
                        KeyStep::Renew => {
                            swift.reject(*token);
                            look.asked = None;
                            self.lets_send(swift, false);
                            continue;
                        }
                        KeyStep::Over(outcome) => outcome.map_err(LookError::Keys),
                    }
                }
            };
            self.look = None;
            return Some(urls.settle(outcome));
        }
    }

    /// What to wait for.
    pub fn want(&self, wanted: &mut Vec<Pollable>, deadline: &mut Option<Moment>) {
        match &self.login {
            Some(LoggingIn { state: LoginState::Asks(fetching, _), .. }) => fetching.want(wanted, deadline),
            Some(LoggingIn { state: LoginState::RestsUntil(moment), .. }) => {
                *deadline = sooner(*deadline, Some(*moment));
            }
            None => {}
        }
        match &self.look {
            Some(Looking { asked: Some((fetching, _)), .. }) => fetching.want(wanted, deadline),
            Some(Looking { asked: None, deadline: end, .. }) => *deadline = sooner(*deadline, Some(*end)),
            None => {}
        }
    }

    /// Waits until the look at the keys is over, while nothing else is to be done.
    pub fn look_now(mut self, swift: &Swift, deadline: Moment) -> Option<Result<(), LookError>> {
        self.looks_until(swift, deadline).then_some(())?;
        loop {
            if let Some(outcome) = self.step(swift).look {
                return Some(outcome);
            }
            self.wait(deadline);
        }
    }

    /// Waits until something moves, or for `until`.
    fn wait(&self, until: Moment) {
        let (mut wanted, mut deadline) = (Vec::new(), Some(until));
        self.want(&mut wanted, &mut deadline);
        wanted.extend(deadline.map(ready_at));
        poll::poll(&wanted.iter().collect::<Vec<_>>());
    }

    /// Whether something is asked whose own bytes have not left.
    fn is_sending(&self) -> bool {
        let login = match &self.login {
            Some(LoggingIn { state: LoginState::Asks(fetching, _), .. }) => fetching.is_sending(),
            Some(LoggingIn { state: LoginState::RestsUntil(_), .. }) | None => false,
        };
        let look = self.look.as_ref().and_then(|look| look.asked.as_ref());
        login || look.is_some_and(|(fetching, _)| fetching.is_sending())
    }
}

impl Looking {
    /// Whether its time is over, and no answer came in it.
    fn is_late(&mut self) -> bool {
        match &mut self.asked {
            Some((fetching, _)) => fetching.is_late(),
            None => is_past(self.deadline),
        }
    }
}

impl LoggingIn {
    fn start(swift: &Swift) -> Self {
        let rest = swift.lease.borrow().rest(now());
        let deadline = after(swift.call_time + Duration::from_secs(Lease::REST_SECONDS_MAX));
        let state = match rest {
            0 => LoginState::ask(swift, deadline),
            seconds => {
                eprintln!("warning: Swift does not take a token that is new; the next login waits");
                LoginState::RestsUntil(after(Duration::from_secs(seconds)))
            }
        };
        Self { state, again: false, deadline }
    }

    /// Whether its time is over, and no answer came in it.
    fn is_late(&mut self) -> bool {
        match &mut self.state {
            LoginState::RestsUntil(_) => is_past(self.deadline),
            LoginState::Asks(fetching, _) => fetching.is_late(),
        }
    }

    /// Goes on as far as it can; whether it is over.
    fn step(&mut self, swift: &Swift) -> bool {
        loop {
            match &mut self.state {
                LoginState::RestsUntil(moment) if !is_past(*moment) => return false,
                LoginState::RestsUntil(_) => self.state = LoginState::ask(swift, self.deadline),
                LoginState::Asks(fetching, asked_at) => {
                    let Some(outcome) = fetching.step() else { return false };
                    let outcome = outcome.map_err(LoginError::Fault);
                    let outcome = outcome.and_then(|answer| read(&swift.login, answer, *asked_at));
                    let mut lease = swift.lease.borrow_mut();
                    match outcome {
                        Ok(session) => lease.renew(session, now()),
                        Err(error) => {
                            lease.fail(now());
                            eprintln!("warning: there is no new token: {error}");
                            return true;
                        }
                    }
                    // The same token again, in its last moments: another one is to be had after these.
                    match lease.last_moments(now()) {
                        Some(seconds) if !self.again => {
                            self.again = true;
                            self.state = LoginState::RestsUntil(after(Duration::from_secs(seconds)));
                        }
                        Some(_) | None => return true,
                    }
                }
            }
        }
    }
}

impl LoginState {
    fn ask(swift: &Swift, deadline: Moment) -> Self {
        let deadline = deadline.min(after(swift.call_time));
        Self::Asks(Fetching::until(swift.login.render(), deadline), now())
    }
}

/// Says in the log that a look at the keys came to nothing.
pub fn warn(look: Option<Result<(), LookError>>) {
    if let Some(Err(error)) = look {
        eprintln!("warning: {error}; clients are sent to Swift as long as a key stands");
    }
}

/// So long an instance stays with what is to be sent, which is a few lines.
const SEND_TIME_MAX: Duration = Duration::from_secs(1);
