use smol::block_on;
use wharfinger::client::{AnswerLength, Body, Client};

use super::server::{Server, script};
use super::{ask, send, settings};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n";

#[test]
fn every_framing_is_understood_whole_and_in_pieces() {
    use AnswerLength::{Chunked, Exactly, UntilClose};
    let table: &[(&str, &str, u16, &str, AnswerLength)] = &[
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", Exactly(5)),
        ("GET", "HTTP/1.1 201\r\nContent-Length: 0\r\n\r\n", 201, "", Exactly(0)),
        ("GET", "HTTP/1.1 200 \r\ncontent-length:5\r\n\r\nhello and more", 200, "hello", Exactly(5)),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nA: b\r\n\r\n",
            200,
            "hello",
            Chunked,
        ),
        ("GET", "HTTP/1.1 200 OK\r\n\r\nhello", 200, "hello", UntilClose),
        ("GET", "HTTP/1.0 200 OK\r\n\r\nhello", 200, "hello", UntilClose),
        ("GET", "HTTP/1.0 404 No\r\nContent-Length: 2\r\n\r\nno", 404, "no", Exactly(2)),
        ("GET", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 204, "", Exactly(0)),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, "", Exactly(0)),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", 200, "", Exactly(0)),
        ("HEAD", "HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n", 404, "", Exactly(0)),
        ("GET", "HTTP/1.1 299 ?\r\nContent-Length: 0\r\n\r\n", 299, "", Exactly(0)),
        ("GET", "HTTP/1.1 497 ?\r\nContent-Length: 0\r\n\r\n", 497, "", Exactly(0)),
        ("GET", "HTTP/1.1 498 Rate Limited\r\nContent-Length: 2\r\n\r\nno", 498, "no", Exactly(2)),
        ("GET", "HTTP/1.1 499 Client Disconnect\r\nContent-Length: 0\r\n\r\n", 499, "", Exactly(0)),
        ("GET", "HTTP/1.1 599 ?\r\nContent-Length: 0\r\n\r\n", 599, "", Exactly(0)),
        (
            "GET",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nContent-Length: 7\r\n\r\nHTTP/1.1 200 OK\r\n\
             Content-Length: 2\r\n\r\nok",
            200,
            "ok",
            Exactly(2),
        ),
    ];
    for &(method, answer, status, body, length) in table {
        for in_pieces in [false, true] {
            let server = Server::start(vec![script(move |peer| {
                peer.head();
                if in_pieces { peer.drip(answer.as_bytes()) } else { peer.say(answer.as_bytes()) }
            })]);
            block_on(async {
                let client = Client::new(settings());
                let mut response = send(&client, method, server.at, Body::Empty).await.expect(answer);
                assert_eq!((response.status.as_u16(), response.length), (status, length), "{answer}");
                assert_eq!(response.collect(100).await.expect(answer), body.as_bytes(), "{answer}");
                assert_eq!(response.fill().await.expect("the end stays the end"), b"", "{answer}");
            });
            server.end();
        }
    }
}

#[test]
fn heads_that_are_unsound_or_ambiguous_are_refused() {
    let long = format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "x".repeat(40_000));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(101));
    let interims = "HTTP/1.1 102 Processing\r\n\r\n".repeat(100);
    let one_length = "HTTP/1.1 200 OK\r\nContent-Length: ";
    let one_coding = "HTTP/1.1 200 OK\r\nTransfer-Encoding: ";
    let table: &[(&str, &str, &str)] = &[
        (one_length, "5\r\nContent-Length: 6\r\n\r\nhello", "Head(LengthRepeated)"),
        (one_length, "5\r\nContent-Length: 5\r\n\r\nhello", "Head(LengthRepeated)"),
        (one_length, "5, 5\r\n\r\nhello", "Head(Length)"),
        (one_length, "+5\r\n\r\nhello", "Head(Length)"),
        (one_length, "18446744073709551616\r\n\r\n", "Head(Length)"),
        (one_length, "5\u{e4}\r\n\r\nhello", "Head(FieldValue)"),
        (one_length, "5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "Head(LengthAndCoding)"),
        (one_coding, "gzip\r\n\r\n", "Head(CodingUnknown)"),
        (one_coding, "gzip, chunked\r\n\r\n0\r\n\r\n", "Head(CodingUnknown)"),
        (one_coding, "identity\r\n\r\n", "Head(CodingUnknown)"),
        (one_coding, "chunked\u{e4}\r\n\r\n0\r\n\r\n", "Head(FieldValue)"),
        (one_coding, "chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "Head(CodingMisplaced)"),
        ("HTTP/1.0 200 OK\r\n", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "Head(CodingMisplaced)"),
        ("HTTP/1.1 200 OK\r\n", "A: b\n\r\n", "Head(BareLineFeed)"),
        ("HTTP/1.1 200 OK\r\n", "A: b\r\n c\r\n\r\n", "Head(FoldedField)"),
        ("HTTP/1.1 200 OK\r\n", "A : b\r\n\r\n", "Head(SpaceBeforeColon)"),
        ("HTTP/1.1 200 OK\r\n", "no colon\r\n\r\n", "Head(FieldWithoutColon)"),
        ("HTTP/1.1 200 OK\r\n", "\u{e4}: b\r\n\r\n", "Head(FieldName)"),
        ("HTTP/1.1 200 OK\r\n", "A: \0\r\n\r\n", "Head(FieldValue)"),
        (&long, "", "Head(HeadTooLarge)"),
        (&many, "", "Head(TooManyFields)"),
        (&interims, "", "Interim"),
        ("HTTP/1.1 101 Switching Protocols\r\n", "Upgrade: x\r\n\r\n", "Interim"),
        ("HTTP/2.0 200 OK\r\n", "\r\n", "StatusLine"),
        ("HTTP/1.1 2000 OK\r\n", "\r\n", "StatusLine"),
        ("HTTP/1.1 20 OK\r\n", "\r\n", "StatusLine"),
        ("HTTP/1.1 099 OK\r\n", "\r\n", "StatusLine"),
        ("HTTP/1.1 600 OK\r\n", "\r\n", "StatusLine"),
        ("HTTP/1.1  200 OK\r\n", "\r\n", "StatusLine"),
        ("ICY 200 OK\r\n", "\r\n", "StatusLine"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "\r\n", "StatusLine"),
        ("\u{16}\u{3}\u{1}", "\0\0", "Head(Tls)"),
        ("\0\0\0", "", "Head(NotHttp)"),
        ("HTTP/1.1 200 OK\r\nA:", "", "Short"),
        ("", "", "Closed"),
    ];
    for (start, end, expected) in table {
        let server = Server::answering([start.as_bytes(), end.as_bytes()].concat());
        let error = block_on(ask(&Client::new(settings()), "GET", server.at)).expect_err(expected);
        assert_eq!(format!("{error:?}"), *expected, "{start}{end}");
        assert!(!error.to_string().is_empty());
        server.end();
    }
}

#[test]
fn bodies_that_are_short_or_broken_never_end_well() {
    let table: &[(&str, &str, &str)] = &[
        ("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n", "hello", "Short"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n", "hello", "Short"),
        (CHUNKED, "5\r\nhello", "Short"),
        (CHUNKED, "5\r\nhello\r\n", "Short"),
        (CHUNKED, "5\r\nhello\r\n0\r\n", "Short"),
        (CHUNKED, "x\r\nhello\r\n", "Chunk(Size)"),
        (CHUNKED, "\r\n", "Chunk(Size)"),
        (CHUNKED, "11112222333344445\r\n", "Chunk(Size)"),
        (CHUNKED, "5\r\nhello!", "Chunk(LineEnd)"),
        (CHUNKED, "5\nhello", "Chunk(Size)"),
        (CHUNKED, "0\r\n\n", "Chunk(LineEnd)"),
    ];
    for (head, body, expected) in table {
        let server = Server::answering(format!("{head}\r\n{body}"));
        let error = block_on(ask(&Client::new(settings()), "GET", server.at)).expect_err(expected);
        assert_eq!(format!("{error:?}"), *expected, "{head}{body}");
        server.end();
    }
}

#[test]
fn values_and_reasons_that_are_not_ascii_are_carried_or_ignored() {
    let server = Server::answering(
        b"HTTP/1.1 200 Gr\xfc\xdfe\r\nX: \xc3\xa4\r\nY: \xff\r\nX: plain\r\nContent-Length: 2\r\n\r\nok"
            .as_slice(),
    );
    block_on(async {
        let client = Client::new(settings());
        let mut response = send(&client, "GET", server.at, Body::Empty).await.expect("an answer");
        let values: Vec<&[u8]> = response.headers.get_all("x").iter().map(|value| value.as_bytes()).collect();
        assert_eq!(values, [b"\xc3\xa4".as_slice(), b"plain"]);
        assert_eq!(response.headers["y"].as_bytes(), b"\xff");
        assert_eq!(response.collect(2).await.expect("a body"), b"ok");
    });
    server.end();
}

#[test]
fn no_more_is_collected_than_asked_for() {
    for framing in ["Content-Length: 1000000\r\n\r\n", "A: b\r\n\r\n"] {
        let server = Server::answering(format!("HTTP/1.1 200 OK\r\n{framing}{}", "x".repeat(1_000_000)));
        let error = block_on(async {
            let client = Client::new(settings());
            let mut response = send(&client, "GET", server.at, Body::Empty).await.expect("an answer");
            response.collect(999_999).await.expect_err("too long")
        });
        assert_eq!(format!("{error:?}"), "TooLong");
        server.end();
    }
}
