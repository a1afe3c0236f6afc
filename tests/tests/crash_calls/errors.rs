//! Every call fails once, and every kind of call for good: a client hears of it or is not concerned, and nothing is told that
//! is not so.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::time::Instant;

use nix::errno::Errno;
use wharfinger_tests::repository::refused;
use wharfinger_tests::server::Server;
use wharfinger_tests::trace::Kind;
use wharfinger_tests::traced::Traced;
use wharfinger_tests::tracer::orders::Order;

use crate::points::side_by_side;
use crate::sound::unsound;
use crate::stage::{Said, Stage};
use wharfinger_tests::forms::{Action, FORMS, Form, Told};

/// More calls than any action makes.
const FOR_GOOD: u32 = 1_000_000;

/// A traced registry that has to live through all errors.
struct Sick {
    stage: Stage,
    traced: Traced,
    registry: Server,
    seed: u64,
    /// Whether a removal failed, so that something may be left behind.
    littered: bool,
}

impl Sick {
    fn start() -> Self {
        let stage = Stage::new();
        let traced = stage.tracer();
        let registry = stage.start_traced(&traced, "full").expect("the registry starts under the tracer");
        Self { stage, traced, registry, seed: 0, littered: false }
    }

    /// Prepares an action with fresh content, so that it finds no folder of an earlier one.
    fn prepared(&mut self, form: Form) -> io::Result<Action> {
        self.seed += 1;
        let action = Action::new(form, self.registry.address(), self.seed);
        action.prepare()?;
        Ok(action)
    }

    /// The kinds of the calls of an undisturbed action, in order.
    fn calls(&mut self, form: Form) -> io::Result<Vec<Kind>> {
        let action = self.prepared(form)?;
        self.traced.order(None)?;
        self.traced.clear()?;
        assert!(action.act().success());
        Ok(self.traced.entries()?.iter().map(|entry| entry.kind).collect())
    }

    /// Does it while calls fail by this order, checks what it was told, and does it again without; answers whether it was
    /// done the first time, if any call failed.
    fn try_with(&mut self, form: Form, order: Order, errno: Errno) -> io::Result<Option<bool>> {
        let action = self.prepared(form)?;
        self.traced.clear()?;
        self.traced.order(Some(order))?;
        let told = action.act();
        self.traced.order(None)?;
        let at = Said(format!("{form:?}, {order} ({errno})"));
        let entries = self.traced.entries()?;
        let hit = entries.iter().any(|entry| entry.forced);
        self.littered |= entries.iter().any(|entry| entry.forced && entry.kind == Kind::Unlink);
        let early = self.stage.faults(&entries);
        // Instead of a mount, a client may be told to upload: that says nothing about what is there.
        let instead = form == Form::Mount && !told.success();
        assert!(instead || early.is_empty(), "{at}: {early:#?}");
        judge(&told, errno).map_err(|error| io::Error::other(format!("{at}: {error}")))?;
        let unsound = unsound(&self.stage.data());
        assert!(unsound.is_empty(), "{at}: {unsound:#?}");
        let checked = action.check(&told).and_then(|()| action.again());
        checked.map_err(|error| io::Error::other(format!("{at}: {error}; {}", self.registry.log())))?;
        let left = fs::read_dir(self.stage.data().join("tmp"))?.count();
        assert!(self.littered || left == 0, "{at}: {left} temporary files are left behind");
        Ok(hit.then_some(told.success()))
    }
}

/// Fails unless this answer may come of such an error.
fn judge(told: &Told, errno: Errno) -> io::Result<()> {
    let response = told.last.clone().ok_or_else(|| io::Error::other("no answer"))?;
    if response.status() < 400 {
        return Ok(());
    }
    refused(response, if errno == Errno::ENOSPC { 507 } else { 503 })
}

/// What can become of a call on a sick disk.
fn errors(kind: Kind) -> &'static [Errno] {
    match kind {
        Kind::Create | Kind::MakeFolder => &[Errno::EIO, Errno::ENOSPC, Errno::EACCES],
        Kind::Write | Kind::Truncate | Kind::Rename | Kind::Link => &[Errno::EIO, Errno::ENOSPC],
        Kind::Sync => &[Errno::EIO, Errno::ENOSPC],
        Kind::Unlink | Kind::RemoveFolder => &[Errno::EIO],
        Kind::Attributes => &[Errno::EIO, Errno::EPERM],
        Kind::Reply => &[],
    }
}

#[test]
fn a_call_that_fails_once_is_told_or_made_good() -> io::Result<()> {
    let begun = Instant::now();
    side_by_side(FORMS.len(), FORMS.to_vec(), |form| {
        let mut sick = Sick::start();
        let (mut tried, mut refusals) = (0, 0);
        for (at, kind) in (1..).zip(sick.calls(form)?) {
            for errno in errors(kind) {
                let order = Order::Fail { kind: None, first: at, count: 1, errno: *errno as i32 };
                let done = sick.try_with(form, order, *errno)?;
                tried += u32::from(done.is_some());
                refusals += u32::from(done == Some(false));
            }
        }
        println!("{form:?}: {tried} errors, {refusals} refusals");
        assert!(tried > 0, "{form:?}: no call failed");
        Ok(())
    })?;
    println!("in {:.1} s", begun.elapsed().as_secs_f32());
    Ok(())
}

#[test]
fn calls_that_fail_for_good_are_told() -> io::Result<()> {
    side_by_side(FORMS.len(), FORMS.to_vec(), |form| {
        let mut sick = Sick::start();
        let kinds: BTreeSet<Kind> = sick.calls(form)?.into_iter().collect();
        for kind in kinds {
            for errno in errors(kind) {
                let order = Order::Fail { kind: Some(kind), first: 1, count: FOR_GOOD, errno: *errno as i32 };
                let done = sick.try_with(form, order, *errno)?;
                // Nothing can be stored without these, and nothing told about it but that.
                let needed = match kind {
                    Kind::Create | Kind::Write | Kind::Sync | Kind::Rename => true,
                    Kind::Truncate | Kind::Link | Kind::MakeFolder | Kind::Unlink | Kind::RemoveFolder => {
                        false
                    }
                    Kind::Attributes | Kind::Reply => false,
                };
                assert!(
                    !needed || done == Some(false),
                    "{form:?} was done although all {kind:?} failed: {errno}"
                );
            }
        }
        Ok(())
    })
}
