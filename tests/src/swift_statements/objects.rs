use super::{Statement, md5};

pub(super) fn all() -> Vec<Statement> {
    [stored(), checked(), conditions(), removed(), containers(), others()].concat()
}

fn stored() -> Vec<Statement> {
    vec![
        Statement::new("a PUT that is stored is answered 201 with the MD5, and reads back", |talk| {
            talk.put("o", b"hello").is(201).has("etag", &md5(b"hello"));
            let got =
                talk.get("o").is(200).holds(b"hello").has("etag", &md5(b"hello")).has("content-length", "5");
            assert!(got.field("x-timestamp").is_some_and(|at| at.parse::<f64>().is_ok_and(|at| at > 1e9)));
            assert!(got.field("last-modified").is_some_and(|date| date.ends_with(" GMT")));
            assert!(got.field("date").is_some_and(|date| date.ends_with(" GMT")));
        }),
        Statement::new("HEAD tells what GET tells, without a body", |talk| {
            talk.ask("PUT", "o", &[("Content-Type", "text/x-own")], b"hello").is(201);
            let head = talk.head("o").is(200).has("content-length", "5").has("content-type", "text/x-own");
            head.has("etag", &md5(b"hello")).has("accept-ranges", "bytes").holds(b"");
        }),
        Statement::new("an object of no byte is one like any other", |talk| {
            talk.put("o", b"").is(201).has("etag", &md5(b""));
            talk.get("o").is(200).holds(b"").has("content-length", "0");
        }),
        Statement::new("what is not there is 404 to every method", |talk| {
            for method in ["GET", "HEAD", "POST", "DELETE"] {
                talk.ask(method, "o", &[], b"").is(404);
            }
        }),
        Statement::new("a PUT over an object replaces it", |talk| {
            talk.put("o", b"one").is(201);
            talk.put("o", b"three").is(201);
            talk.ask("GET", "o", &[("X-Newest", "true")], b"").is(200).holds(b"three");
        }),
    ]
}

fn checked() -> Vec<Statement> {
    vec![
        Statement::new("a PUT whose Etag is not the MD5 is answered 422 and stores nothing", |talk| {
            talk.ask("PUT", "o", &[("ETag", &md5(b"other"))], b"hello").is(422);
            talk.head("o").is(404);
        }),
        Statement::new("a PUT that is answered 422 leaves what stood there", |talk| {
            talk.put("o", b"old").is(201);
            talk.ask("PUT", "o", &[("ETag", &md5(b"other"))], b"hello").is(422);
            talk.get("o").is(200).holds(b"old");
        }),
        Statement::new("an Etag is taken in lower case, with quotes or without", |talk| {
            let etag = md5(b"hello");
            talk.ask("PUT", "o", &[("ETag", &etag)], b"hello").is(201);
            talk.ask("PUT", "o", &[("ETag", &format!("\"{etag}\""))], b"hello").is(201);
            talk.ask("PUT", "o", &[("ETag", &etag.to_uppercase())], b"hello").is(422);
        }),
    ]
}

fn conditions() -> Vec<Statement> {
    vec![
        Statement::new("If-None-Match: * stores what is new, and leaves what is there with 412", |talk| {
            talk.ask("PUT", "o", &[("If-None-Match", "*")], b"one").is(201);
            talk.ask("PUT", "o", &[("If-None-Match", "*")], b"two").is(412);
            talk.get("o").is(200).holds(b"one");
        }),
        Statement::new("If-None-Match on a PUT takes nothing but *", |talk| {
            talk.ask("PUT", "o", &[("If-None-Match", "\"0123\"")], b"one").is(400);
        }),
        Statement::new("a name that was removed is new to If-None-Match", |talk| {
            talk.put("o", b"one").is(201);
            talk.delete("o").is(204);
            talk.ask("PUT", "o", &[("If-None-Match", "*")], b"two").is(201);
        }),
        Statement::new("If-Match on a PUT is ignored", |talk| {
            talk.put("o", b"one").is(201);
            talk.ask("PUT", "o", &[("If-Match", "\"00112233445566778899aabbccddeeff\"")], b"two").is(201);
        }),
        Statement::new("If-Match on a DELETE is ignored", |talk| {
            talk.put("o", b"one").is(201);
            talk.ask("DELETE", "o", &[("If-Match", "\"00112233445566778899aabbccddeeff\"")], b"").is(204);
            talk.head("o").is(404);
        }),
        Statement::new("If-Match on a GET is a condition", |talk| {
            talk.put("o", b"hello").is(201);
            let etag = md5(b"hello");
            talk.ask("GET", "o", &[("If-Match", &etag)], b"").is(200);
            talk.ask("GET", "o", &[("If-Match", &format!("\"{etag}\""))], b"").is(200).holds(b"hello");
            talk.ask("GET", "o", &[("If-Match", &format!("\"{}\"", md5(b"other")))], b"").is(412);
        }),
        Statement::new("If-None-Match on a GET is a condition", |talk| {
            talk.put("o", b"hello").is(201);
            talk.ask("GET", "o", &[("If-None-Match", &format!("\"{}\"", md5(b"hello")))], b"").is(304);
            talk.ask("GET", "o", &[("If-None-Match", &format!("\"{}\"", md5(b"other")))], b"").is(200);
        }),
    ]
}

fn removed() -> Vec<Statement> {
    vec![
        Statement::new("a DELETE is answered 204 once, and 404 from then on", |talk| {
            talk.put("o", b"one").is(201);
            talk.delete("o").is(204);
            talk.delete("o").is(404);
            talk.ask("GET", "o", &[("X-Newest", "true")], b"").is(404);
        }),
        Statement::new("a POST makes an object young and leaves its content", |talk| {
            talk.put("o", b"hello").is(201);
            let before = talk.head("o").is(200).field("x-timestamp").expect("it has one");
            talk.ask("POST", "o", &[], b"").is(202);
            let after = talk.get("o").is(200).holds(b"hello").field("x-timestamp").expect("it has one");
            assert!(after > before, "{before} {after}");
        }),
    ]
}

fn containers() -> Vec<Statement> {
    vec![
        Statement::new("there is no PUT into a container that is not there", |talk| {
            let path = format!("/{}-none/o", talk.container);
            assert_eq!(talk.speaker.ask("PUT", &path, &[], b"one").status, 404);
        }),
        Statement::new("a container that is put again is answered 202", |talk| {
            let path = format!("/{}-more", talk.container);
            let first = talk.speaker.ask("PUT", &path, &[], b"").status;
            assert!(matches!(first, 201 | 202), "{first}");
            assert_eq!(talk.speaker.ask("PUT", &path, &[], b"").status, 202);
        }),
        Statement::new("without a token that is good, all is answered 401", |talk| {
            talk.put("o", b"one").is(201);
            let path = format!("/{}/o", talk.container);
            for (token, method) in
                [(None, "GET"), (Some("none"), "GET"), (Some("none"), "PUT"), (Some("none"), "DELETE")]
            {
                let heard = talk.speaker.ask_as(token, method, &path);
                assert_eq!(heard.status, 401, "{token:?} {method}");
                let realm = heard.fields.iter().find(|(name, _)| name == "www-authenticate");
                assert!(realm.is_some_and(|(_, realm)| realm.starts_with("Swift realm=")), "{realm:?}");
            }
            talk.get("o").is(200).holds(b"one");
        }),
    ]
}

fn others() -> Vec<Statement> {
    vec![
        Statement::new("names are bytes, escaped or not", |talk| {
            talk.put("a%21/b%3Ac%20d", b"one").is(201);
            talk.get("a!/b:c%20d").is(200).holds(b"one");
            talk.get("a!/b:c+d").is(404);
        }),
        Statement::new(
            "a PUT that is older than what is known is answered 202, and stores nothing",
            |talk| {
                let path = format!("/{}/o", talk.container);
                talk.speaker.delete_ahead(&path);
                talk.put("o", b"one").is(202);
                talk.get("o").is(404);
                talk.delete("o").is(404);
            },
        ),
        Statement::new("COPY makes a second object of the same content", |talk| {
            talk.put("o", b"one").is(201);
            let to = format!("/{}/p", talk.container);
            talk.ask("COPY", "o", &[("Destination", &to)], b"").is(201);
            talk.get("p").is(200).holds(b"one");
            talk.ask("COPY", "none", &[("Destination", &to)], b"").is(404);
        }),
    ]
}
