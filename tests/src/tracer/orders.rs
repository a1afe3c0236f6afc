//! What a test has the tracer do, and when.

use std::fmt::{self, Display};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

use crate::trace::Kind;

/// What is done at which call. Calls are counted from 1, from the moment the order was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The program is killed before the call of this number does anything.
    Kill(u32),
    /// It is killed after the reply of this number, counted among replies, has left, and before it does anything else.
    KillAfterReply(u32),
    /// Calls fail with this error of the system, and do nothing.
    Fail {
        /// Only those of this kind; all calls but replies otherwise.
        kind: Option<Kind>,
        /// The number of the first one, among all calls, or among those of the kind.
        first: u32,
        /// How many from then on.
        count: u32,
        /// The number of the error.
        errno: i32,
    },
}

impl Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill(number) => write!(f, "kill {number}"),
            Self::KillAfterReply(number) => write!(f, "kill-after-reply {number}"),
            Self::Fail { kind, first, count, errno } => {
                let kind = kind.map_or("all", Kind::word);
                write!(f, "fail {kind} {first} {count} {errno}")
            }
        }
    }
}

/// The reverse of its `Display`.
fn parse(text: &str) -> Option<Order> {
    let words: Vec<&str> = text.split_whitespace().collect();
    Some(match words.as_slice() {
        ["kill", number] => Order::Kill(number.parse().ok()?),
        ["kill-after-reply", number] => Order::KillAfterReply(number.parse().ok()?),
        ["fail", kind, first, count, errno] => Order::Fail {
            kind: if *kind == "all" { None } else { Some(Kind::of_word(kind)?) },
            first: first.parse().ok()?,
            count: count.parse().ok()?,
            errno: errno.parse().ok()?,
        },
        _ => return None,
    })
}

/// What becomes of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Pass,
    Kill,
    KillAfter,
    Fail(i32),
}

/// The file of orders. Its first word tells an order from the one before.
#[derive(Debug)]
pub(super) struct Orders {
    path: PathBuf,
    text: String,
    order: Option<Order>,
    calls: u32,
    of_kind: u32,
}

impl Orders {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, text: String::new(), order: None, calls: 0, of_kind: 0 }
    }

    /// The number of the call that begins, and what becomes of it.
    pub(super) fn next(&mut self, kind: Kind) -> io::Result<(u32, Action)> {
        self.look()?;
        self.calls += 1;
        let action = match self.order {
            Some(Order::Kill(number)) if number == self.calls => Action::Kill,
            Some(Order::KillAfterReply(number)) if kind == Kind::Reply => {
                self.of_kind += 1;
                if number == self.of_kind { Action::KillAfter } else { Action::Pass }
            }
            Some(Order::Fail { kind: wanted, first, count, errno })
                if kind != Kind::Reply && wanted.is_none_or(|wanted| wanted == kind) =>
            {
                self.of_kind += 1;
                let at = if wanted.is_some() { self.of_kind } else { self.calls };
                let hit = at >= first && at - first < count;
                if hit { Action::Fail(errno) } else { Action::Pass }
            }
            Some(Order::Kill(_) | Order::KillAfterReply(_) | Order::Fail { .. }) | None => Action::Pass,
        };
        Ok((self.calls, action))
    }

    fn look(&mut self) -> io::Result<()> {
        let text = match fs::read_to_string(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            read => read?,
        };
        if text == self.text {
            return Ok(());
        }
        let order = text.split_once(' ').map_or("", |(_, order)| order).trim();
        self.order = match order {
            "" => None,
            order => Some(parse(order).ok_or_else(|| io::Error::other(format!("no order: {order}")))?),
        };
        (self.text, self.calls, self.of_kind) = (text, 0, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read_as_they_are_written() {
        let some = |kind| Order::Fail { kind, first: 2, count: 3, errno: 5 };
        for order in [Order::Kill(1), Order::KillAfterReply(7), some(None), some(Some(Kind::Sync))] {
            assert_eq!(parse(&order.to_string()), Some(order));
        }
        assert_eq!(parse("kill"), None);
        assert_eq!(parse("fail nothing 1 1 5"), None);
    }
}
