//! What can go wrong with a request to Swift.

use std::time::Duration;

use serde_json::json;
use wharfinger_tests::swift::fault::Action;

use super::operations::{Answer, Operation};

/// Longer than the hasty registry waits for an answer.
const STALL: Duration = Duration::from_millis(3000);
/// Shorter than any registry waits for the next byte.
const PAUSE: Duration = Duration::from_millis(300);
/// How far ahead of its time a tombstone is: longer than all tries of the registry together.
pub const TOMBSTONE_SECONDS: u32 = 6;

/// One fault of one operation.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Its name.
    pub name: String,
    /// What is done.
    pub what: What,
    /// Whether it takes the registry that does not wait for long.
    pub hasty: bool,
    /// What it may do to the client.
    pub harm: Harm,
    /// Whether it happens once, for ever, or both.
    pub when: When,
}

/// What is done.
#[derive(Clone, Debug)]
pub enum What {
    /// The proxy does it.
    Proxy(Action),
    /// The object is deleted as of a later time, on all object servers.
    Tombstone,
}

/// What a fault may do to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// Nothing at all, even if it goes on.
    None,
    /// Nothing if it happens once to a request that can be sent again.
    Lasting,
    /// The client may be told that it did not work.
    Any,
    /// Swift says what is not so, and nobody could know.
    Lie,
}

/// How often a fault happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Once, and in another cell until it is healed.
    Both,
    /// Once.
    Once,
    /// Until it is healed.
    Lasting,
}

/// The faults that an operation can meet; of those that are much the same not all, unless it is to be `long`.
pub fn of(number: usize, operation: &Operation, long: bool) -> Vec<Fault> {
    let mut faults = statuses(operation);
    faults.extend(connections(operation));
    faults.extend(bodies(operation));
    if operation.answer == Answer::Listing {
        faults.extend(listings(operation));
    }
    if !long {
        for names in ALIKE {
            let at = |fault: &Fault| names.iter().position(|name| *name == fault.name);
            faults.retain(|fault| at(fault).is_none_or(|at| at == number % names.len()));
        }
        let others = |fault: &&mut Fault| ONCE.iter().any(|part| fault.name.contains(part));
        faults.iter_mut().filter(others).for_each(|fault| fault.when = When::Once);
    }
    faults
}

/// Faults that are much the same: each operation meets one of them, the next one another.
const ALIKE: [&[&str]; 5] = [
    &["500", "408", "498", "429, Retry-After"],
    &["answer reset at its begin", "answer cut at its begin"],
    &["answer cut at its middle", "answer reset at its middle"],
    &["answer reset at its end", "answer cut at its end"],
    &["request corrupted at its begin", "request corrupted at its middle"],
];

/// Faults, or parts of their names, of which others that are alike show what they do when they go on.
const ONCE: [&str; 8] = ["500", "408", "498", "429", "507", "early", "begin", "end"];

fn fault(name: &str, action: Action) -> Fault {
    let what = What::Proxy(action);
    Fault { name: name.to_owned(), what, hasty: false, harm: Harm::Lasting, when: When::Both }
}

fn statuses(operation: &Operation) -> Vec<Fault> {
    let status = |status: u16| fault(&status.to_string(), Action::Status(status, Vec::new()));
    let early = |status: u16| fault(&format!("{status} early"), Action::EarlyStatus(status));
    let mut faults: Vec<Fault> = [500, 503, 408, 498, 401].map(status).into();
    let soon = vec![("Retry-After", "1".to_owned())];
    faults.push(fault("429, Retry-After", Action::Status(429, soon)));
    faults.push(Fault { harm: Harm::Any, ..status(507) });
    match operation.method {
        "PUT" => faults.push(status(404)),
        // What Swift does not know need not be removed: it is believed.
        "DELETE" if operation.name.contains(": ") => {}
        _ if operation.believes => faults.push(Fault { harm: Harm::Lie, ..status(404) }),
        _ => faults.push(Fault { harm: Harm::Any, ..status(404) }),
    }
    if operation.method == "PUT" {
        faults.push(status(202));
    }
    if operation.body > 0 {
        faults.extend([early(503), early(401)]);
    }
    if operation.writes.is_some() {
        faults.push(Fault {
            name: "202, future tombstone".to_owned(),
            what: What::Tombstone,
            hasty: false,
            harm: Harm::Any,
            when: When::Lasting,
        });
    }
    faults
}

fn connections(operation: &Operation) -> Vec<Fault> {
    let mut faults = vec![
        fault("lost reply", Action::LostReply),
        fault("503 though done", Action::Lie503),
        Fault { hasty: true, ..fault("no answer", Action::DelayReply(STALL)) },
    ];
    if operation.body > 0 {
        for (place, at) in [("begin", 0), ("middle", operation.body / 2)] {
            faults.push(fault(&format!("request reset at its {place}"), Action::ResetRequest(at)));
        }
    }
    if operation.length > 0 {
        for (place, at) in [("begin", 0), ("middle", operation.length / 2), ("end", operation.length - 1)] {
            faults.push(fault(&format!("answer reset at its {place}"), Action::ResetResponse(at)));
            faults.push(fault(&format!("answer cut at its {place}"), Action::CutResponse(at)));
        }
    }
    if operation.answer == Answer::Relayed {
        for fault in &mut faults {
            // The client has the head already.
            if fault.name.starts_with("answer") {
                fault.harm = Harm::Any;
            }
        }
    }
    match operation.answer {
        Answer::Bare => {}
        Answer::Relayed => {
            let paused = fault("answer pauses", Action::StallResponse(operation.length / 2, PAUSE));
            faults.push(Fault { harm: Harm::None, ..paused });
        }
        Answer::Collected | Answer::Listing => {
            let stalls = fault("answer stalls", Action::StallResponse(operation.length / 2, STALL));
            faults.push(Fault { hasty: true, ..stalls });
        }
    }
    faults
}

fn bodies(operation: &Operation) -> Vec<Fault> {
    let mut faults = Vec::new();
    if operation.body > 0 {
        for (place, at) in [("begin", 0), ("middle", operation.body / 2)] {
            let name = format!("request corrupted at its {place}");
            faults.push(fault(&name, Action::CorruptRequest(at)));
        }
    }
    match operation.answer {
        Answer::Bare | Answer::Relayed => {}
        Answer::Listing => faults.push(fault("answer corrupted at its begin", Action::CorruptResponse(0))),
        // The size in a link, the digest in the line before a manifest, or a brace.
        Answer::Collected => {
            let at = if operation.length < 20 { 8 } else { operation.length - 20 };
            faults.push(fault("answer corrupted at its begin", Action::CorruptResponse(0)));
            faults.push(fault("answer corrupted in its value", Action::CorruptResponse(at)));
        }
    }
    faults
}

fn listings(operation: &Operation) -> Vec<Fault> {
    let stale = |hide: &[&str], add: &[serde_json::Value]| Action::StaleListing {
        hide: hide.iter().map(|text| (*text).to_owned()).collect(),
        add: add.to_vec(),
    };
    let prefix = operation.target.trim_start_matches("prefix=");
    vec![
        Fault { harm: Harm::Lie, ..fault("stale listing: all rows missing", stale(&["!/"], &[])) },
        // Foreign rows are no listing of what was asked for.
        fault(
            "stale listing: a foreign row",
            stale(&[], &[json!({"name": format!("{prefix}0"), "bytes": 1})]),
        ),
    ]
}
