//! Searches each endpoint alone to the end: nothing that must hold is ever broken, every reply of its table can come,
//! every way ends, and each built-in fault is found. The diagrams in `docs/states` are what was searched.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use stateright::{Checker, DiscoveryClassification, Expectation, HasDiscoveries, Model};
use wharfinger_tests::model::alone::{Alone, Budget, Flow, Graph, Mutant, flows, index, page};

#[test]
fn every_flow_keeps_its_promises_and_ends() {
    for flow in &flows() {
        search(flow);
    }
}

#[test]
fn every_built_in_fault_is_found() {
    for flow in flows() {
        for (mutant, property) in flow.mutants {
            found(&flow, *mutant, property);
        }
    }
}

#[test]
fn every_property_has_been_seen_to_fail() {
    for flow in flows() {
        assert!(flow.mutants.len() >= 3, "{} has too few mutants", flow.name);
    }
    let found: BTreeSet<&str> = flows().iter().flat_map(|flow| flow.mutants).map(|(_, name)| *name).collect();
    let properties = flows()[0].model(Budget::default(), None).properties();
    let all = properties.iter().filter(|property| matches!(property.expectation, Expectation::Always));
    assert_eq!(found, all.map(|property| property.name).collect());
}

#[test]
fn the_diagrams_are_what_the_models_do() {
    let flows = flows();
    let mut pages: BTreeMap<String, String> =
        flows.iter().map(|flow| (format!("{}.md", flow.name), page(flow))).collect();
    pages.insert("README.md".to_owned(), index(&flows));
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/states"));
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::create_dir_all(folder).unwrap();
        pages.iter().for_each(|(name, page)| fs::write(folder.join(name), page).unwrap());
    }
    let names = fs::read_dir(folder).expect("docs/states").map(|entry| entry.unwrap().file_name());
    let names: BTreeSet<String> = names.map(|name| name.into_string().unwrap()).collect();
    assert_eq!(names, pages.keys().cloned().collect(), "remove what no flow draws, or {AGAIN}");
    for (name, page) in &pages {
        let kept = fs::read_to_string(folder.join(name)).unwrap();
        assert!(kept == *page, "docs/states/{name} is not what the model does: {AGAIN}");
        for diagram in page.split("```mermaid") {
            let states = diagram.lines().filter(|line| line.starts_with("    state ")).count();
            assert!(states <= DRAWN_MAX, "{name} draws {states} states, more than anybody looks at");
        }
    }
}

/// Searches to the end. Without a target of states, depth or time the checker stops only where no state is left, or
/// where every property has a discovery, which a property that must always hold never has if all is well.
fn search(flow: &Flow) {
    let graph = Arc::new(Mutex::new(Graph::default()));
    let model = Alone { graph: Some(graph.clone()), ..flow.model(budget(flow), None) };
    let began = Instant::now();
    let checker = model.checker().threads(2).spawn_bfs().join();
    let longest = graph.lock().unwrap().longest();
    println!(
        "{}: {} states, {} of them different, at most {longest:?} steps to the end, {:.1} s",
        flow.name,
        checker.state_count(),
        checker.unique_state_count(),
        began.elapsed().as_secs_f32()
    );
    for (name, path) in checker.discoveries() {
        if matches!(checker.discovery_classification(name), DiscoveryClassification::Counterexample) {
            let last = path.last_state().clone();
            let steps = path.into_actions().into_iter().map(|news| format!("{}: {}", news.about, news.word));
            let steps: Vec<String> = steps.collect();
            panic!("{}: \"{name}\" is broken by {}\n{last:?}", flow.name, steps.join(" -> "));
        }
    }
    checker.assert_properties();
    assert!(checker.is_done());
    assert!(longest.is_some_and(|longest| longest <= STEPS_MAX), "{}: {longest:?}", flow.name);
}

/// Searches until a built-in fault breaks something, and compares what.
fn found(flow: &Flow, mutant: Mutant, expected: &'static str) {
    let began = Instant::now();
    let model = flow.model(budget(flow), Some(mutant));
    let stop = HasDiscoveries::AnyOf([expected].into());
    let checker = model.checker().threads(1).finish_when(stop).spawn_bfs().join();
    let steps = checker.discovery(expected).map(|path| path.into_actions().len());
    let seconds = began.elapsed().as_secs_f32();
    println!("{}, {mutant:?}: \"{expected}\" broken after {steps:?} steps, {seconds:.1} s", flow.name);
    assert!(steps.is_some(), "{mutant:?} was not found in {}", flow.name);
}

fn budget(flow: &Flow) -> Budget {
    let more = u8::from(std::env::var_os("WHARFINGER_LONG").is_some());
    Budget { troubles: flow.troubles + more, clients: 1, stalls: 1 }
}

/// No way from a request to its end is longer.
const STEPS_MAX: usize = 200;

/// So many states are drawn in one diagram at most.
const DRAWN_MAX: usize = 25;

const AGAIN: &str = "run this test with UPDATE_SNAPSHOTS=1 and look at what has changed";
