//! Every conversation that is held with the native server, held with the component too, on each store: there are no
//! exceptions. Then the replies of both are compared, line by line.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use wharfinger_tests::conversation::{Conversation, Kind, Said};
use wharfinger_tests::server::{self, Server};
use wharfinger_tests::wasi::{Component, Options, SECRET};

use super::{berth, start};

/// One server of each kind.
type Servers<T> = BTreeMap<Kind, T>;

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

/// Of a token, what is made anew for each.
const MADE_ANEW: [&str; 4] = ["token", "access_token", "refresh_token", "issued_at"];

/// A reply, without what is different each time.
fn told(Said { line, method, reply }: &Said) -> String {
    let mut fields: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut body = String::from_utf8_lossy(&reply.body).into_owned();
    if body.contains(FIRST_OF_SEVERAL) {
        body = FIRST_OF_SEVERAL.to_owned();
    }
    if let Ok(mut token) = serde_json::from_str::<serde_json::Value>(&body)
        && token.get("access_token").is_some()
    {
        MADE_ANEW.iter().for_each(|key| token[*key] = serde_json::Value::Null);
        body = token.to_string();
    }
    for (name, value) in &reply.headers {
        let name = name.to_ascii_lowercase();
        // A challenge leads to the server that it came from.
        let value = if name == "www-authenticate" {
            value.split_once("/auth/").map_or(value.as_str(), |(_, rest)| rest)
        } else {
            value
        };
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
fn hold_with_both(native: &Servers<SocketAddr>, component: &Servers<SocketAddr>) -> Vec<String> {
    let all = Conversation::all().expect("the conversations can be read");
    assert!(all.len() > 100, "only {} conversations", all.len());
    let mut wrong = Vec::new();
    for conversation in &all {
        let kind = conversation.server();
        match (conversation.hold(native[&kind]), conversation.hold(component[&kind])) {
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
    let native = |kind: Kind| {
        let lines = kind.lines();
        let config = format!(
            "registry:\n  secret: {SECRET}\n  storage:\n    driver: filesystem\n    root: ${{data}}\n{lines}"
        );
        let options = server::Options { config: Some(config), ..server::Options::default() };
        (kind, Server::start(options).expect("the registry starts"))
    };
    let component = |kind: Kind| (kind, start(Options::default().of_kind(kind), &[]));
    hold(Kind::ALL.map(native).into(), Kind::ALL.map(component).into());
}

#[test]
fn on_swift_all_conversations_are_held_and_told_alike() {
    let native = |kind: Kind| {
        let berth = berth(&format!("wasi-native-{}", kind.name())).with(&kind.lines());
        (kind, berth.start().expect("the registry starts"))
    };
    let component = |kind: Kind| {
        let berth = berth(&format!("wasi-talk-{}", kind.name()));
        (kind, start(Options::default().of_kind(kind).on_swift(&berth), &[]))
    };
    hold(Kind::ALL.map(native).into(), Kind::ALL.map(component).into());
}

fn hold(native: Servers<Server>, component: Servers<Component>) {
    let addresses = native.iter().map(|(kind, server)| (*kind, server.address())).collect();
    let components = component.iter().map(|(kind, server)| (*kind, server.address())).collect();
    let wrong = hold_with_both(&addresses, &components);
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    native.into_values().try_for_each(Server::stop).expect("the registries stop well");
    for component in component.into_values() {
        let log = component.stop().expect("the components stop well");
        assert!(!log.contains("panicked") && !log.contains("trap"), "{log}");
    }
}
