//! The keys of the issuers whose tokens are taken: fetched when a token needs them, and kept as long as this instance lives.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use wasip2::io::poll::Pollable;
use wharfinger_core::access::{
    Access, FetchError, FetchStep, FetchedKeys, KeyCache, KeyFetch, KeySet, KeyTicket, KeysAt,
};
use wharfinger_core::store::Fault;
use wharfinger_core::swift::Rendered;

use crate::drive::since_start;
use crate::drive::timers::{Moment, after};
use crate::fetch::{Fetched, Fetching};

/// The keys of all issuers, in the order in which core counts them.
#[derive(Debug)]
pub struct Keys(RefCell<Vec<KeyCache>>);

/// What core waits for: keys of an issuer.
#[derive(Debug)]
pub struct Seeking {
    issuer: u8,
    /// The key that the token names.
    kid: Option<Box<str>>,
    looks: u32,
    asked: Option<Asked>,
}

/// A fetch that is under way.
#[derive(Debug)]
struct Asked {
    fetch: KeyFetch,
    fetching: Fetching,
    ticket: KeyTicket,
    deadline: Moment,
}

/// Why keys were not fetched.
enum KeyError {
    Fault(Fault),
    Fetch(FetchError),
}

impl Keys {
    /// Without keys.
    pub fn new(access: &Access) -> Self {
        Self(RefCell::new(access.issuers().iter().map(|_| KeyCache::new()).collect()))
    }

    fn with<T>(&self, issuer: u8, act: impl FnOnce(&mut KeyCache) -> T) -> Option<T> {
        self.0.borrow_mut().get_mut(usize::from(issuer)).map(act)
    }
}

impl Seeking {
    /// Begins to look for the keys of that issuer.
    pub fn new(issuer: u8, kid: Option<Box<str>>) -> Self {
        Self { issuer, kid, looks: 0, asked: None }
    }

    /// Goes on as far as it can. At the end the keys, or that there are none to be had at the moment.
    pub fn step(&mut self, keys: &Keys, access: &Access) -> Option<Option<Arc<KeySet>>> {
        let issuer = access.issuers().get(usize::from(self.issuer));
        loop {
            if let Some(asked) = &mut self.asked {
                let outcome = asked.step()?;
                if let Err(error) = &outcome {
                    let name = issuer.map(|issuer| &*issuer.name).unwrap_or_default();
                    eprintln!("warning: the keys of the issuer {name:?} cannot be fetched: {error}");
                }
                let (ticket, now) = (asked.ticket, since_start());
                keys.with(self.issuer, |cache| match outcome {
                    Ok(FetchedKeys { keys, max_age }) => cache.fetched(ticket, keys, max_age, now),
                    Err(_) => cache.failed(ticket, now),
                });
                self.asked = None;
            }
            if self.looks == KeyCache::LOOKS_MAX {
                return Some(None);
            }
            self.looks += 1;
            match keys.with(self.issuer, |cache| cache.look(self.kid.as_deref(), since_start())) {
                Some(KeysAt::Keys(keys)) => return Some(Some(Arc::new(keys))),
                // The fetch that somebody began was given up with its request: nobody is there to wait for.
                Some(KeysAt::Wait | KeysAt::Unavailable(_)) | None => return Some(None),
                Some(KeysAt::Fetch(ticket)) => match issuer.map(KeyFetch::new) {
                    Some(Ok(fetch)) => self.asked = Some(Asked::start(fetch, ticket)),
                    // The configuration was checked for it.
                    Some(Err(_)) | None => return Some(None),
                },
            }
        }
    }

    /// What to wait for.
    pub fn want(&self, wanted: &mut Vec<Pollable>, deadline: &mut Option<Moment>) {
        if let Some(asked) = &self.asked {
            asked.fetching.want(wanted, deadline);
        }
    }
}

impl Asked {
    fn start(fetch: KeyFetch, ticket: KeyTicket) -> Self {
        let deadline = after(FETCH_TIME_MAX);
        let fetching = Fetching::until(rendered(&fetch), deadline);
        Self { fetch, fetching, ticket, deadline }
    }

    fn step(&mut self) -> Option<Result<FetchedKeys, KeyError>> {
        loop {
            let Fetched { status, headers, body } = match self.fetching.step()? {
                Ok(fetched) => fetched,
                Err(fault) => return Some(Err(KeyError::Fault(fault))),
            };
            match self.fetch.answered(status, &headers, &body) {
                FetchStep::Ask => self.fetching = Fetching::until(rendered(&self.fetch), self.deadline),
                FetchStep::Over(outcome) => return Some(outcome.map_err(KeyError::Fetch)),
            }
        }
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => write!(
                f,
                "the issuer does not answer ({fault:?}); check its URL, and that it can be reached from here"
            ),
            Self::Fetch(error) => error.fmt(f),
        }
    }
}

fn rendered(fetch: &KeyFetch) -> Rendered {
    Rendered { request: fetch.render(), body: None, length: Some(0) }
}

/// Both requests of a fetch together take no longer; less than after which others give it up.
const FETCH_TIME_MAX: Duration = Duration::from_secs(15);
