use super::Registry;
use wharfinger_tests::digest::sha256;
use wharfinger_tests::random::Random;

/// How a client ends in the middle of what it says.
#[derive(Clone, Copy, Debug)]
enum End {
    /// By closing the socket, as somebody on the way could do.
    Torn,
    /// By an end that TLS announces.
    Announced,
    /// By a record that was changed on its way.
    Garbled,
}

#[test]
fn a_torn_body_is_never_stored() {
    let registry = Registry::start("");
    let content = Random::new(1).bytes(3_000_000);
    let digest = sha256(&content);
    let length = (content.len() + 1).to_string();
    let mut ends = 0;
    for end in [End::Torn, End::Announced, End::Garbled] {
        for framing in [("Content-Length", length.as_str()), ("Transfer-Encoding", "chunked")] {
            let target = format!("{}&digest={digest}", registry.upload());
            let mut client = registry.connect();
            client.send_head("PUT", &target, &[framing]).expect("it reads");
            // The whole content; what is missing is the end alone.
            if framing.1 == "chunked" {
                client.send(format!("{:x}\r\n", content.len()).as_bytes()).expect("it reads");
            }
            client.send(&content).expect("it reads");
            match end {
                End::Torn => client.shut_sending(),
                End::Announced => client.announce_end().expect("it reads"),
                End::Garbled => client.send_garbled(),
            }
            ends += 1;
            registry.await_log("method=\"PUT\"", ends);
            if let Ok(reply) = client.reply("PUT") {
                assert!(reply.status >= 400, "{end:?}: {}", reply.head);
            }
            let target = format!("/v2/a/blobs/{digest}");
            let reply = registry.connect().ask("HEAD", &target, &[], b"").expect("an answer");
            assert_eq!(reply.status, 404, "{end:?} {framing:?}");
        }
    }
    assert!(!registry.server.log().contains("status=201"), "{}", registry.server.log());
    registry.end();
}

#[test]
fn a_client_that_leaves_a_download_is_noticed() {
    let registry = Registry::start("");
    let content = Random::new(2).bytes(32 << 20);
    let target = format!("{}&digest={}", registry.upload(), sha256(&content));
    assert_eq!(registry.connect().ask("PUT", &target, &[], &content).expect("an answer").status, 201);
    for announced in [false, true] {
        let mut client = registry.connect();
        client.send_head("GET", &format!("/v2/a/blobs/{}", sha256(&content)), &[]).expect("it reads");
        assert_eq!(client.read_head().expect("a head").status, 200);
        if announced {
            client.announce_end().expect("it reads");
        }
        drop(client);
        registry.await_log("cut=true", 1 + usize::from(announced));
    }
    registry.end();
}

#[test]
fn an_idle_client_is_told_of_the_end() {
    let registry = Registry::start("  limits: {idle-seconds: 0.3}\n");
    let mut client = registry.connect();
    assert_eq!(client.ask("GET", "/v2/", &[], b"").expect("an answer").status, 200);
    client.assert_closed();
    registry.connect().assert_closed();
    registry.end();
}

#[test]
fn a_stop_tells_those_that_wait() {
    let registry = Registry::start("");
    let mut client = registry.connect();
    assert_eq!(client.ask("GET", "/v2/", &[], b"").expect("an answer").status, 200);
    registry.server.stop().expect("it ends in good order");
    client.assert_closed();
}
