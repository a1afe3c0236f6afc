use http::{HeaderMap, Method, header};
use wasip2::http::types::{IncomingRequest, ResponseOutparam};
use wasip2::random::random::get_random_bytes;
use wharfinger_core::access::Peer;
use wharfinger_core::exchange::{Exchange, Given, RequestHead};
use wharfinger_core::oci::Refusal;

use crate::drive::{Client, Drive};
use crate::wire::{self, Incoming, Reply};
use crate::world::World;

/// Answers one request.
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "a runtime calls it"))]
pub fn handle(request: IncomingRequest, owed: ResponseOutparam) {
    World::with(|world| match world {
        Ok(world) => serve(world, &request, owed),
        Err(fault) => {
            eprintln!("error: {}", fault.message);
            wire::refuse(owed, fault.status, CANNOT_START);
        }
    });
}

fn serve(world: &World, request: &IncomingRequest, owed: ResponseOutparam) {
    let Some(Incoming { method, target, headers, length, body, secure }) = wire::read_request(request) else {
        return invalid(owed, "the method holds characters that no method may hold; check the first line");
    };
    if head_bytes(&target, &headers) > world.head_bytes_max {
        return invalid(owed, "the request head is too large; send fewer or shorter headers");
    }
    let mut entropy = [0; 16];
    entropy.iter_mut().zip(get_random_bytes(16)).for_each(|(to, from)| *to = from);
    let given = Given { now: crate::swift::now(), entropy };
    let peer = Peer { secure, ..Peer::default() };
    let head = RequestHead { method: &method, target: &target, headers: &headers, body: length, peer };
    let exchange = Exchange::new(&world.config, &head, given);
    let expects = headers.contains_key(header::EXPECT);
    let client = Client::new(body, length, expects, world.idle_time, world.stall_time);
    Drive::new(world, exchange, client, Reply::Owed(owed), method == Method::HEAD).run();
}

/// How long a head is that says this, as a line of text for each field.
fn head_bytes(target: &str, headers: &HeaderMap) -> u64 {
    let fields = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>();
    (target.len() + fields) as u64
}

/// Refuses a head. The native server says the same.
fn invalid(owed: ResponseOutparam, why: &'static str) {
    let refusal = Refusal::HeadInvalid(why.into());
    wire::refuse(owed, refusal.status(), &refusal.body());
}

const CANNOT_START: &[u8] =
    br#"{"errors":[{"code":"UNAVAILABLE","message":"The registry cannot start. Its log says why."}]}"#;
