//! The simulator: many runs, each of which follows from its seed.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use wharfinger_tests::sim::{Failure, Fault, Mutant, Plan, Report, run};

/// The run of `WHARFINGER_SEED`, with its log; the first one without.
#[test]
fn replay() {
    let (seed, clients) = (number("WHARFINGER_SEED"), number("WHARFINGER_CLIENTS"));
    let plan = Plan {
        seed: seed.unwrap_or(1),
        clients: clients.unwrap_or(4) as usize,
        mutant: None,
        logged: seed.is_some(),
    };
    match run(&plan) {
        Ok(report) => println!("{report}"),
        Err(failure) => panic!("{failure}"),
    }
}

/// Runs with one seed after the other, on two threads, for a minute, or until there were a million exchanges.
#[test]
fn what_was_acknowledged_holds_and_all_gets_done_once_faults_are_over() {
    let began = Instant::now();
    let long = std::env::var_os("WHARFINGER_LONG").is_some();
    let enough = |outcome: &Outcome| match long {
        true => outcome.report.exchanges >= 1_000_000,
        false => began.elapsed() >= Duration::from_secs(number("WHARFINGER_SECONDS").unwrap_or(50)),
    };
    let outcome = many(number("WHARFINGER_SEED").unwrap_or(1), None, enough);
    println!("{} runs in {:?}: {}", outcome.runs, began.elapsed(), outcome.report);
    if let Some(failure) = outcome.failure {
        panic!("{failure}");
    }
    let missing: Vec<_> =
        SOMETIMES.iter().filter(|(kind, name)| outcome.report.occurred(kind, name) == 0).collect();
    assert!(missing.is_empty(), "never occurred: {missing:?}");
    let faults = Fault::ALL.iter().map(|fault| fault.name());
    let never: Vec<_> = faults.filter(|name| outcome.report.occurred("fault", name) == 0).collect();
    assert!(never.is_empty(), "faults that never occurred: {never:?}");
}

/// What a simulation that is worth its time meets.
const SOMETIMES: [(&str, &str); 33] = [
    ("call", "blob joined"),
    ("call", "body resumed"),
    ("call", "group joined"),
    ("call", "list read"),
    ("call", "list spilled"),
    ("call", "own segment removed"),
    ("call", "run merged"),
    ("call", "segment"),
    ("call", "touch"),
    ("client", "leaves"),
    ("event", "201 after a call broke off"),
    ("event", "crash"),
    ("event", "exchange killed"),
    ("event", "heal"),
    ("event", "old link removed"),
    ("event", "replicator"),
    ("event", "server down"),
    ("event", "token ended"),
    ("event", "updater"),
    ("delete of a blob", "DELETE"),
    ("delete of a manifest", "DELETE"),
    ("delete of a tag", "DELETE"),
    ("intrusion", "DELETE"),
    ("intrusion", "GET"),
    ("intrusion", "POST"),
    ("intrusion", "PUT"),
    ("list of referrers", "GET"),
    ("list of tags", "GET"),
    ("push of a blob", "POST"),
    ("push of a blob", "PUT"),
    ("push of a manifest", "PUT"),
    ("password", "slow"),
    ("password", "busy"),
];

/// Whatever is broken around the core is noticed soon.
#[test]
fn every_fault_that_is_built_in_is_found() {
    let missed: Vec<Mutant> = Mutant::ALL
        .into_iter()
        .filter(|mutant| {
            let outcome = many(1, Some(*mutant), |outcome| outcome.runs >= MUTANT_RUNS_MAX);
            let what = outcome
                .failure
                .as_ref()
                .map_or("missed", |failure| failure.what.lines().next().unwrap_or(""));
            println!("{mutant:?} after {} runs: {what}", outcome.runs);
            outcome.failure.is_none()
        })
        .collect();
    assert!(missed.is_empty(), "not found: {missed:?}");
}

/// In so many runs each has to be found.
const MUTANT_RUNS_MAX: u64 = 400;

/// Nothing but the seed decides.
#[test]
fn a_run_can_be_had_again() {
    let plan = Plan { seed: 11, clients: 5, mutant: None, logged: true };
    let told =
        |plan: &Plan| run(plan).map(|report| report.to_string()).map_err(|failure| failure.to_string());
    assert_eq!(told(&plan), told(&plan));
    assert_ne!(told(&plan), told(&Plan { seed: 12, ..plan }));
}

struct Outcome {
    runs: u64,
    report: Report,
    failure: Option<Failure>,
}

/// Runs seeds from `first` on, until one fails or it is enough.
fn many(first: u64, mutant: Option<Mutant>, enough: impl Fn(&Outcome) -> bool + Sync) -> Outcome {
    let (next, over) = (AtomicU64::new(first), AtomicBool::new(false));
    let outcome = Mutex::new(Outcome { runs: 0, report: Report::default(), failure: None });
    let work = || {
        while !over.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let plan = Plan { seed, clients: 2 + (seed % 5) as usize, mutant, logged: false };
            let ran = run(&plan);
            let mut outcome = outcome.lock().expect("no thread panicked");
            outcome.runs += 1;
            match ran {
                Ok(report) => outcome.report.add(&report),
                Err(failure) => {
                    outcome.failure.get_or_insert(failure);
                }
            }
            if outcome.failure.is_some() || enough(&outcome) {
                over.store(true, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    outcome.into_inner().expect("no thread panicked")
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}
