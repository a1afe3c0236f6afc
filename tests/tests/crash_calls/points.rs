//! SIGKILL at every call.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use wharfinger_tests::process::ending;
use wharfinger_tests::trace::Kind;
use wharfinger_tests::tracer::orders::Order;

use crate::sound::unsound;
use crate::stage::{Said, Stage};
use wharfinger_tests::forms::{Action, FORMS, Form, Told};

/// So many registries are killed side by side: each waits more than it works.
const SIDE_BY_SIDE: usize = 4;
/// So many calls more than in the run that counted them are tried.
const FURTHER_CALLS: u32 = 6;
/// How soon a registry is gone that was killed.
const KILL_MAX: Duration = Duration::from_secs(30);

/// Has work done by so many threads; the first failure ends it.
pub fn side_by_side<T: Send>(
    threads: usize,
    work: Vec<T>,
    step: impl Fn(T) -> io::Result<()> + Sync,
) -> io::Result<()> {
    let work = Mutex::new(work.into_iter());
    let next = || work.lock().ok().and_then(|mut work| work.next());
    thread::scope(|scope| {
        let worker = || -> io::Result<()> {
            while let Some(item) = next() {
                step(item)?;
            }
            Ok(())
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a check failed"))
    })
}

/// How many calls an undisturbed run of a form makes up to the reply that tells of its success, and how many replies.
fn calls(form: Form, before: &Stage) -> io::Result<(u32, u32)> {
    let stage = Stage::like(before);
    let mut traced = stage.tracer();
    let registry = stage.start_traced(&traced, "full").expect("the registry starts under the tracer");
    traced.order(None)?;
    traced.clear()?;
    let told = Action::new(form, registry.address(), 1).act();
    assert!(told.success(), "{form:?}: {:?}", told.last);
    let entries = traced.entries()?;
    let replies: Vec<u32> =
        entries.iter().filter(|entry| entry.kind == Kind::Reply).map(|entry| entry.number).collect();
    Ok((replies.last().copied().unwrap_or(0), u32::try_from(replies.len()).unwrap_or(0)))
}

/// Kills a registry by this order, and looks at what is left; answers whether it came to that.
fn killed(form: Form, before: &Stage, order: Order) -> io::Result<bool> {
    let stage = Stage::like(before);
    let mut traced = stage.tracer();
    let mut registry = stage.start_traced(&traced, "full").expect("the registry starts under the tracer");
    traced.order(Some(order))?;
    let told = Action::new(form, registry.address(), 1).act();
    let survived = match order {
        Order::Kill(number) if told.success() => Some(number),
        Order::Kill(_) | Order::KillAfterReply(_) | Order::Fail { .. } => None,
    };
    let ended = if survived.is_some() { None } else { ending(registry.pid(), KILL_MAX)? };
    registry.kill();
    let at = traced.entries()?.pop();
    if let Some(number) = survived {
        // The bytes of a client come in pieces that differ from time to time, and so does the number of writes.
        assert!(at.is_some_and(|last| last.number < number), "{form:?}: nothing was killed at {order}");
        return Ok(false);
    }
    assert!(ended.is_some(), "{form:?}, {order}: the registry runs on; the last call was {at:?}");
    judge(form, &stage, &told, &Said(format!("{form:?}, {order}, at {at:?}")))?;
    Ok(true)
}

fn judge(form: Form, stage: &Stage, told: &Told, at: &Said) -> io::Result<()> {
    let faults = unsound(&stage.data());
    assert!(faults.is_empty(), "{at}: {faults:#?}");
    let registry = stage.start("full");
    let action = Action::new(form, registry.address(), 1);
    let checked = action.check(told).and_then(|()| action.resume(told)).and_then(|()| action.again());
    checked.map_err(|error| io::Error::other(format!("{at}: {error}")))?;
    let faults = unsound(&stage.data());
    assert!(faults.is_empty(), "{at}, done again: {faults:#?}");
    Ok(())
}

#[test]
fn a_kill_at_any_call_leaves_all_that_was_acknowledged_and_nothing_by_halves() -> io::Result<()> {
    let begun = Instant::now();
    let mut stages = Vec::new();
    for form in FORMS {
        let before = Stage::prepared(form)?;
        let calls = calls(form, &before)?;
        stages.push((form, before, calls, AtomicU32::new(0)));
    }
    let mut work = Vec::new();
    for (form, before, (calls, replies), points) in &stages {
        work.extend((1..=calls + FURTHER_CALLS).map(|number| (*form, before, Order::Kill(number), points)));
        // Between two calls nothing changes: only behind the last one is a moment that is not before another.
        work.push((*form, before, Order::KillAfterReply(*replies), points));
    }
    side_by_side(SIDE_BY_SIDE, work, |(form, before, order, points)| {
        points.fetch_add(u32::from(killed(form, before, order)?), Ordering::Relaxed);
        Ok(())
    })?;
    for (form, _, (calls, _), points) in stages {
        let points = points.into_inner();
        println!("{form:?}: killed at {points} points");
        assert!(points + FURTHER_CALLS >= calls, "{form:?}: {points} points for {calls} calls");
    }
    println!("in {:.1} s", begun.elapsed().as_secs_f32());
    Ok(())
}

#[test]
fn a_first_start_that_is_killed_at_any_call_can_be_repeated() -> io::Result<()> {
    let mut points = 0;
    loop {
        let stage = Stage::new();
        let mut traced = stage.tracer();
        traced.order(Some(Order::Kill(points + 1)))?;
        let started = stage.start_traced(&traced, "full");
        let killed = started.is_err();
        drop(started);
        let at = format!("first start, killed at call {}: {:?}", points + 1, traced.entries()?.pop());
        let faults = unsound(&stage.data());
        assert!(faults.is_empty(), "{at}: {faults:#?}");
        let registry = stage.start("full");
        let action = Action::new(Form::Pieces, registry.address(), 1);
        action
            .prepare()
            .and_then(|()| action.again())
            .map_err(|error| io::Error::other(format!("{at}: {error}")))?;
        if !killed {
            break;
        }
        points += 1;
    }
    println!("{points} points");
    assert!(points > 10, "{points} calls are too few to make a directory and a secret");
    Ok(())
}
