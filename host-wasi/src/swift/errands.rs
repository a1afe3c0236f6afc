use std::time::Duration;

use wasip2::io::poll::{self, Pollable};
use wharfinger_core::swift::{KeyCheck, KeyStep, Lease};

use super::fetch::{Fetched, Fetching};
use super::login::{LoginError, read};
use super::temp_urls::LookError;
use super::{Swift, now};
use crate::drive::timers::{Moment, after, is_past, ready_at, sooner};

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
    Asks(Fetching),
}

#[derive(Debug)]
struct Looking {
    check: KeyCheck,
    /// What was asked, with the token of that number; `None` while a login is waited for.
    asked: Option<(Fetching, u64)>,
    deadline: Moment,
}

impl Errands {
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
        if self.look.is_none() && swift.look_is_due() {
            let deadline = after(swift.call_time);
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
                    return None;
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
            Some(LoggingIn { state: LoginState::Asks(fetching), .. }) => fetching.want(wanted, deadline),
            Some(LoggingIn { state: LoginState::RestsUntil(moment), .. }) => {
                *deadline = sooner(*deadline, Some(*moment));
            }
            None => {}
        }
        if let Some(Looking { asked: Some((fetching, _)), .. }) = &self.look {
            fetching.want(wanted, deadline);
        }
    }

    /// Waits until the look at the keys is over, while nothing else is to be done.
    pub fn look_now(mut self, swift: &Swift) -> Option<Result<(), LookError>> {
        self.looks(swift).then_some(())?;
        loop {
            if let Some(outcome) = self.step(swift).look {
                return Some(outcome);
            }
            self.wait();
        }
    }

    /// Brings to an end what was asked already. It is of use to whoever comes next, who does not have to begin again.
    pub fn finish(mut self, swift: &Swift) {
        loop {
            if let Some(Err(error)) = self.step(swift).look {
                eprintln!("warning: {error}; clients are sent to Swift as long as a key stands");
            }
            if let Some(LoggingIn { state: LoginState::RestsUntil(_), .. }) = &self.login {
                self.login = None;
            }
            if self.login.is_none() && self.look.is_none() {
                return;
            }
            self.wait();
        }
    }

    fn wait(&self) {
        let (mut wanted, mut deadline) = (Vec::new(), None);
        self.want(&mut wanted, &mut deadline);
        wanted.extend(deadline.map(ready_at));
        if !wanted.is_empty() {
            poll::poll(&wanted.iter().collect::<Vec<_>>());
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

    /// Goes on as far as it can; whether it is over.
    fn step(&mut self, swift: &Swift) -> bool {
        loop {
            match &mut self.state {
                LoginState::RestsUntil(moment) if !is_past(*moment) => return false,
                LoginState::RestsUntil(_) => self.state = LoginState::ask(swift, self.deadline),
                LoginState::Asks(fetching) => {
                    let Some(outcome) = fetching.step() else { return false };
                    let outcome = outcome.map_err(LoginError::Fault);
                    let outcome = outcome.and_then(|answer| read(&swift.login, answer, now()));
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
        Self::Asks(Fetching::until(swift.login.render(), deadline.min(after(swift.call_time))))
    }
}
