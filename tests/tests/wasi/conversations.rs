//! Every conversation that is held with the native server, held with the component too, on each store: there are no
//! exceptions. Then the replies of both are compared, line by line.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use wharfinger_tests::conversation::{Conversation, Kind, Said};
use wharfinger_tests::server::{self, Server};
use wharfinger_tests::wasi::{Component, Options};

use super::{berth, start};

/// Fields whose value is not compared, and why. docs/wasi.md says the same.
const NOT_COMPARED: [(&str, &str); 6] = [
    ("connection", "the HTTP server of the runtime sets it"),
    ("keep-alive", "the HTTP server of the runtime sets it"),
    ("transfer-encoding", "the HTTP server of the runtime sets it"),
    ("date", "it is another second"),
    ("location", "it ends in the state of an upload, which is sealed with a name by chance"),
    ("docker-upload-uuid", "an upload is named by chance"),
];
/// Of several things that a manifest names and the repository lacks, the one is told of which the store told first.
const FIRST_OF_SEVERAL: &str = "MANIFEST_BLOB_UNKNOWN";
/// Between the parts of several ranges stands a line by chance.
const BOUNDARY: &str = "; boundary=";

/// A reply, without what is different each time.
fn told(Said { line, method, reply }: &Said) -> String {
    let mut fields: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut body = String::from_utf8_lossy(&reply.body).into_owned();
    if body.contains(FIRST_OF_SEVERAL) {
        body = FIRST_OF_SEVERAL.to_owned();
    }
    for (name, value) in &reply.headers {
        let name = name.to_ascii_lowercase();
        let compared = NOT_COMPARED.iter().all(|(known, _)| *known != name);
        let (value, chance) = value.split_once(BOUNDARY).unwrap_or((value, ""));
        if !chance.is_empty() {
            body = body.replace(chance, "");
        }
        // That there is one counts all the same, unless it is the server's.
        if compared || name == "location" || name == "docker-upload-uuid" {
            fields.entry(name).or_default().push(if compared { value } else { "" });
        }
    }
    format!("{line}: {method}: {:?} {} {fields:?} {body}", reply.interim, reply.status)
}

/// Where two dialogues differ.
fn differences(native: &[Said], component: &[Said]) -> Vec<String> {
    let mut differ = Vec::new();
    if native.len() != component.len() {
        differ.push(format!("  {} replies, and {}", native.len(), component.len()));
    }
    for (native, component) in native.iter().map(told).zip(component.iter().map(told)) {
        if native != component {
            differ.push(format!("  native {native}\n  wasi   {component}"));
        }
    }
    differ
}

/// Holds all of them with both hosts; returns what failed, and where the hosts differ.
fn hold_with_both(native: [SocketAddr; 2], component: [SocketAddr; 2]) -> Vec<String> {
    let all = Conversation::all().expect("the conversations can be read");
    assert!(all.len() > 100, "only {} conversations", all.len());
    let mut wrong = Vec::new();
    for conversation in &all {
        let which = match conversation.server() {
            Kind::Plain => 0,
            Kind::Sparse => 1,
        };
        match (conversation.hold(native[which]), conversation.hold(component[which])) {
            (Ok(native), Ok(component)) => {
                let differ = differences(&native, &component);
                wrong.extend(differ.iter().map(|text| format!("{}\n{text}", conversation.name())));
            }
            (native, component) => {
                wrong.extend(native.err().map(|failure| format!("native: {failure}")));
                wrong.extend(component.err().map(|failure| format!("wasi: {failure}")));
            }
        }
    }
    wrong
}

#[test]
fn on_files_all_conversations_are_held_and_told_alike() {
    let sparse =
        "registry:\n  storage:\n    driver: filesystem\n    root: ${data}\n  sparse-manifests: true\n";
    let native = [None, Some(sparse.to_owned())].map(|config| {
        Server::start(server::Options { config, ..server::Options::default() }).expect("the registry starts")
    });
    let component = [
        start(Options::default(), &[]),
        start(Options::default(), &[("WHARFINGER_SPARSE_MANIFESTS", "true")]),
    ];
    hold(native, component);
}

#[test]
fn on_swift_all_conversations_are_held_and_told_alike() {
    let native = ["wasi-native", "wasi-native-sparse"].map(berth);
    let lines = ["", "  sparse-manifests: true\n"];
    let native = native
        .into_iter()
        .zip(lines)
        .map(|(berth, lines)| berth.with(lines).start().expect("the registry starts"));
    let native: Vec<Server> = native.collect();
    let native = <[Server; 2]>::try_from(native).expect("there are two");
    let on = |container| Options::default().on_swift(&berth(container));
    let component = [
        start(on("wasi-talk"), &[]),
        start(on("wasi-talk-sparse"), &[("WHARFINGER_SPARSE_MANIFESTS", "true")]),
    ];
    hold(native, component);
}

fn hold(native: [Server; 2], component: [Component; 2]) {
    let wrong =
        hold_with_both(native.each_ref().map(Server::address), component.each_ref().map(Component::address));
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    native.into_iter().try_for_each(Server::stop).expect("the registries stop well");
    for component in component {
        let log = component.stop().expect("the components stop well");
        assert!(!log.contains("panicked") && !log.contains("trap"), "{log}");
    }
}
