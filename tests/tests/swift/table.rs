//! Every kind of request that the registry makes of Swift, and all that can go wrong with it: what the client sees then,
//! and what Swift holds.
//!
//! The table is written to `swift-faults.md` in the temporary folder of the target folder.

#[path = "table/deletes.rs"]
mod deletes;
#[path = "table/faults.rs"]
mod faults;
#[path = "table/operations.rs"]
mod operations;
#[path = "table/pulls.rs"]
mod pulls;
#[path = "table/pushes.rs"]
mod pushes;
#[path = "table/report.rs"]
mod report;
#[path = "table/scene.rs"]
mod scene;

use std::collections::BTreeSet;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use wharfinger_tests::http::Response;
use wharfinger_tests::repository::Repository;
use wharfinger_tests::server::Server;
use wharfinger_tests::swift::Swift;
use wharfinger_tests::swift::client::Client;
use wharfinger_tests::swift::fault::{FaultProxy, Rule};

use super::{berth, berth_through, shared};
use faults::{Fault, Harm, TOMBSTONE_SECONDS, What, When};
use operations::{Answer, Operation};
use report::{Row, report};
use scene::Scene;

/// The container of all cells.
const CONTAINER: &str = "table";
/// So many cells are run at a time.
const LANES: u64 = 10;
/// How long a healed registry may take until a retry succeeds.
const HEALING: Duration = Duration::from_secs(60);
/// What is older than this is touched before anybody relies on it, in the lane of what is old.
const OLD: &str = "  limits: {grace-seconds: 1}\n";
const OLD_HASTY: &str = "  limits: {grace-seconds: 1, store-seconds: 1}\n";
const HASTY: &str = "  limits: {store-seconds: 1}\n";

struct Cell {
    number: u64,
    operation: usize,
    fault: Fault,
    lasting: bool,
}

/// A proxy and the registries behind it.
struct Lane<'a> {
    number: u64,
    swift: &'a Swift,
    client: &'a Client,
    proxy: FaultProxy,
    patient: Server,
    hasty: Server,
    clean: &'a Server,
    aged: f64,
    /// Operations whose content stands already.
    prepared: BTreeSet<usize>,
}

#[test]
fn no_fault_of_any_request_makes_the_registry_lie() {
    let long = std::env::var_os("WHARFINGER_LONG").is_some();
    let swift = shared();
    let operations = operations::all();
    let mut cells = Vec::new();
    for (index, operation) in operations.iter().enumerate() {
        for fault in faults::of(index, operation, long) {
            for lasting in [false, true] {
                let left_out = if lasting { When::Once } else { When::Lasting };
                if fault.when != left_out {
                    let number = cells.len() as u64;
                    cells.push(Cell { number, operation: index, fault: fault.clone(), lasting });
                }
            }
        }
    }
    let clean = berth(swift, CONTAINER).start().expect("the registry starts");
    let client = swift.client().expect("logs in");
    let rows = Mutex::new(Vec::new());
    let (old, young): (Vec<&Cell>, Vec<&Cell>) =
        cells.iter().partition(|cell| operations[cell.operation].aged);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let (clean, client, rows, operations) = (&clean, &client, &rows, &operations);
        let (young, next) = (&young, &next);
        let note = move |row| rows.lock().expect("no lane panicked").push(row);
        scope.spawn(move || {
            let mut lane = Lane::start(0, swift, client, clean, [OLD, OLD_HASTY]);
            lane.age(&old, operations);
            old.iter().for_each(|cell| note(lane.run(cell, &operations[cell.operation])));
        });
        for number in 1..=LANES {
            scope.spawn(move || {
                let mut lane = Lane::start(number, swift, client, clean, ["", HASTY]);
                while let Some(cell) = young.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let operation = &operations[cell.operation];
                    lane.prepare(cell, operation);
                    note(lane.run(cell, operation));
                }
            });
        }
    });
    report(rows.into_inner().expect("no lane panicked"), cells.len());
}

impl<'a> Lane<'a> {
    fn start(number: u64, swift: &'a Swift, client: &'a Client, clean: &'a Server, lines: [&str; 2]) -> Self {
        let proxy = FaultProxy::start(swift.proxy()).expect("the proxy starts");
        let berth = |lines| berth_through(&proxy, swift, CONTAINER).with(lines);
        let [patient, hasty] = lines.map(|lines| berth(lines).start().expect("the registry starts"));
        let prepared = BTreeSet::new();
        Self { number, swift, client, proxy, patient, hasty, clean, aged: 0.0, prepared }
    }

    fn scene(&self, cell: &Cell, operation: &Operation) -> Scene {
        let number = match operation.keeps {
            true => 10_000 + self.number * 100 + cell.operation as u64,
            false => cell.number,
        };
        let name = format!("cell/{number:05}x");
        let server = if cell.fault.hasty { &self.hasty } else { &self.patient };
        Scene {
            number,
            faulty: Repository::new(server.address(), &name),
            clean: Repository::new(self.clean.address(), &name),
            clean_address: self.clean.address(),
            name,
            client: self.client.clone(),
            aged: self.aged,
        }
    }

    /// Makes what the cell needs.
    fn prepare(&mut self, cell: &Cell, operation: &Operation) {
        if !operation.keeps || self.prepared.insert(cell.operation) {
            (operation.prepare)(&self.scene(cell, operation));
        }
    }

    /// Prepares these cells, and waits until all that they have is old.
    fn age(&mut self, cells: &[&Cell], operations: &[Operation]) {
        for cell in cells {
            self.prepare(cell, &operations[cell.operation]);
        }
        // Ages are told in whole seconds.
        std::thread::sleep(Duration::from_secs(2));
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        self.aged = now.expect("a time after 1970").as_secs_f64();
    }

    /// Has the fault happen to the operation, heals it, and does the operation again.
    fn run(&self, cell: &Cell, operation: &Operation) -> Row {
        let scene = self.scene(cell, operation);
        self.proxy.take_log();
        match &cell.fault.what {
            What::Proxy(action) => {
                let rule = Rule::new(action.clone()).method(operation.method).target(operation.target);
                self.proxy.rule(if cell.lasting { rule.always() } else { rule });
            }
            What::Tombstone => {
                let name = operation.writes.expect("its name is known")(&scene);
                let name = self.client.stored_name(&format!("/{CONTAINER}/{name}"));
                self.swift.tombstone(&name, TOMBSTONE_SECONDS).expect("the rig does it");
            }
        }
        let saw = (operation.act)(&scene);
        let log = self.proxy.take_log();
        self.proxy.clear();
        let mut row = Row::new(operation.name, cell, &saw);
        let hit = log.iter().any(|exchange| match cell.fault.what {
            What::Proxy(_) => exchange.fault.is_some(),
            What::Tombstone => exchange.status == Some(202),
        });
        row.claim(hit, "the fault never happened");
        judge(&mut row, cell, operation, &scene, &saw);
        self.heal(&mut row, cell, operation, &scene);
        row
    }

    /// What a client gets that comes again when all is well.
    fn heal(&self, row: &mut Row, cell: &Cell, operation: &Operation, scene: &Scene) {
        let end = Instant::now() + HEALING;
        let patient = matches!(cell.fault.what, What::Tombstone);
        loop {
            let again = (operation.act)(scene);
            let held = (operation.holds)(scene);
            let gone = is_removal(operation) && again.as_ref().is_ok_and(|answer| answer.status() == 404);
            if (gone || done(operation, scene, &again)) && (held == Ok(true) || cell.fault.harm == Harm::Lie)
            {
                return;
            }
            if !patient || Instant::now() > end {
                row.claim(false, &format!("after healing: {}, Swift {held:?}", report::outcome(&again)));
                return;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// Whether the client was told that all went well.
fn done(operation: &Operation, scene: &Scene, saw: &io::Result<Response>) -> bool {
    match saw {
        Ok(answer) => answer.status() == operation.done && (operation.right)(scene, answer),
        Err(_) => false,
    }
}

fn is_removal(operation: &Operation) -> bool {
    operation.name.starts_with("DELETE ")
}

/// Compares what the client was told with what Swift holds.
fn judge(row: &mut Row, cell: &Cell, operation: &Operation, scene: &Scene, saw: &io::Result<Response>) {
    let held = (operation.holds)(scene);
    row.held = report::state(&held);
    row.claim(held.is_ok(), &format!("torn: {held:?}"));
    let harm = cell.fault.harm;
    match saw {
        Ok(answer) if answer.status() == operation.done => {
            let lied_to = harm == Harm::Lie;
            row.claim(held == Ok(true) || lied_to, "told to be done, and is not");
            let right = (operation.right)(scene, answer);
            row.claim(right || lied_to, &format!("a wrong answer: {}", answer.text()));
        }
        Ok(answer) => {
            let honest = answer.status() >= 500 || operation.others.contains(&answer.status());
            row.claim(honest || harm == Harm::Lie, &format!("not for the client: {}", answer.text()));
            row.claim(answer.head.field("www-authenticate").is_none(), "a challenge of Swift's");
        }
        Err(error) => row.claim(operation.answer == Answer::Relayed, &format!("no answer: {error}")),
    }
    let safe = match harm {
        Harm::None => true,
        Harm::Lasting => !cell.lasting && operation.replays,
        Harm::Any | Harm::Lie => false,
    };
    row.claim(!safe || done(operation, scene, saw), "this can be done in spite of it");
}
