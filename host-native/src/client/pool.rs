use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::connect::{Link, Origin};

/// Connections that lie idle, the one used last at the end. One that is too old, or that the server closed, goes when
/// the next is taken or put.
#[derive(Debug)]
pub(super) struct Pool {
    idle: Mutex<Vec<Idle>>,
    idle_time: Duration,
    connections_max: usize,
}

#[derive(Debug)]
struct Idle {
    origin: Origin,
    link: Link,
    since: Instant,
}

impl Pool {
    pub fn new(idle_time: Duration, connections_max: usize) -> Self {
        Self { idle: Mutex::default(), idle_time, connections_max }
    }

    /// A connection that the server has not closed, as far as can be seen from here.
    pub fn take(&self, origin: &Origin) -> Option<Link> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|idle| idle.since.elapsed() < self.idle_time);
        while let Some(at) = idle.iter().rposition(|idle| idle.origin == *origin) {
            let mut link = idle.remove(at).link;
            if link.is_quiet() {
                return Some(link);
            }
        }
        None
    }

    /// Keeps a connection whose last answer is over; the oldest one goes if there are too many.
    pub fn put(&self, origin: Origin, link: Link) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|idle| idle.since.elapsed() < self.idle_time);
        idle.push(Idle { origin, link, since: Instant::now() });
        if idle.len() > self.connections_max {
            idle.remove(0);
        }
    }
}
