//! What the component tells is on the disk of the directory that it was given.

use std::fs;
use std::io;

use wharfinger_tests::forms::{Action, FORMS, SEGMENT_BYTES};
use wharfinger_tests::server::Folder;
use wharfinger_tests::trace::{Kind, Unpromised, faults};
use wharfinger_tests::traced::Traced;
use wharfinger_tests::tracer::orders::Order;
use wharfinger_tests::wasi::{Component, Options};

use super::start;

/// What a second sync after a failed one would answer is never asked: the number of the error of the disk.
const EIO: i32 = 5;

/// A traced component on a folder of its own.
struct Stage {
    component: Component,
    traced: Traced,
    // Dropped after the process has ended.
    room: Folder,
}

impl Stage {
    fn new() -> io::Result<Self> {
        let room = Folder::new("durable").map_err(io::Error::other)?;
        let root = room.path().join("root");
        fs::create_dir(&root)?;
        let traced = Traced::new(env!("CARGO_BIN_EXE_tracer"), room.path(), &root);
        let options = Options { data: Some(root.join("data")), under: traced.under(), ..Options::default() };
        let options = options.with("WHARFINGER_LIMITS_SEGMENT_BYTES", &SEGMENT_BYTES.to_string());
        let component = start(options, &[]);
        Ok(Self { component, traced, room })
    }

    /// Fails if anything was told that was not on the disk; answers how many syncs there were.
    fn check(&self, at: &str) -> io::Result<usize> {
        let entries = self.traced.entries()?;
        let data = self.room.path().join("root/data");
        let (temporary, segments) = (data.join("tmp"), data.join("segments"));
        let unpromised = Unpromised { names: &[&temporary], removals: &[&temporary, &segments] };
        let early: String = faults(&entries, unpromised).iter().map(|fault| format!("\n{fault}")).collect();
        assert!(early.is_empty(), "{at}: {early}");
        Ok(entries.iter().filter(|entry| entry.kind == Kind::Sync).count())
    }
}

#[test]
fn the_component_tells_of_a_success_after_it_is_on_the_disk() -> io::Result<()> {
    let stage = Stage::new()?;
    for (seed, form) in (1..).zip(FORMS) {
        stage.traced.clear()?;
        let action = Action::new(form, stage.component.address(), seed);
        action.prepare()?;
        let told = action.act();
        assert!(told.success(), "{form:?}: {told:?}");
        assert!(stage.check(&format!("{form:?}"))? > 0, "{form:?} synced nothing");
    }
    Ok(())
}

#[test]
fn a_sync_that_fails_is_told_by_the_component_or_made_good() -> io::Result<()> {
    let mut stage = Stage::new()?;
    let mut seed = 100;
    for form in FORMS {
        // More often than any form syncs.
        for first in 1..100 {
            seed += 1;
            let action = Action::new(form, stage.component.address(), seed);
            action.prepare()?;
            stage.traced.clear()?;
            stage.traced.order(Some(Order::Fail { kind: Some(Kind::Sync), first, count: 1, errno: EIO }))?;
            let told = action.act();
            stage.traced.order(None)?;
            let hit = stage.traced.entries()?.iter().any(|entry| entry.forced);
            let at = format!("{form:?}, sync {first}");
            if told.success() {
                stage.check(&at)?;
            }
            action
                .check(&told)
                .and_then(|()| action.again())
                .map_err(|error| io::Error::other(format!("{at}: {error}")))?;
            if !hit {
                break;
            }
        }
    }
    Ok(())
}
