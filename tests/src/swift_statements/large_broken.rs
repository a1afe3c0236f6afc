use super::{Statement, md5};

pub(super) fn all() -> Vec<Statement> {
    [refused(), gone()].concat()
}

fn refused() -> Vec<Statement> {
    vec![
        Statement::new(
            "a segment that is not there, or is another one, is answered 400 with the reason",
            |talk| {
                let segments = talk.segments(&[4, 5]);
                let entries = talk.entries(&segments);
                let none = talk.entry("seg/none", b"abc");
                let other = talk.entry("seg/1", b"abcde");
                let short = entries[1].replace("\"size_bytes\":5", "\"size_bytes\":6");
                for (entry, reason) in
                    [(none, "404 Not Found"), (other, "Etag Mismatch"), (short, "Size Mismatch")]
                {
                    let problems = talk.join("l", &[entries[0].clone(), entry], &[]).is(400).json();
                    assert_eq!(problems["Errors"][0][1].as_str(), Some(reason), "{problems}");
                }
                talk.head("l").is(404);
            },
        ),
        Statement::new("a manifest that is refused leaves what stood there", |talk| {
            let segments = talk.segments(&[4]);
            let mut entries = talk.entries(&segments);
            talk.join("l", &entries, &[]).is(201);
            entries.push(talk.entry("seg/none", b"abc"));
            talk.join("l", &entries, &[]).is(400);
            talk.get("l").is(200).holds(&segments[0]);
        }),
        Statement::new("a manifest that is no JSON is answered 400", |talk| {
            talk.ask("PUT", "l?multipart-manifest=put", &[], b"[{").is(400);
        }),
        Statement::new("more segments than Swift takes are answered 413, and it says so", |talk| {
            let segments = talk.segments(&[1]);
            let entries = vec![talk.entries(&segments)[0].clone(); 1001];
            talk.join("l", &entries, &[]).is(413).says("Number of object-backed segments");
        }),
        Statement::new("a segment of no byte may be the last one alone", |talk| {
            let segments = talk.segments(&[4, 0, 5]);
            let entries = talk.entries(&segments);
            talk.join("l", &entries, &[]).is(400);
            talk.join("l", &entries[..2], &[]).is(201);
            talk.get("l").is(200).holds(&segments[0]);
        }),
    ]
}

fn gone() -> Vec<Statement> {
    vec![
        Statement::new(
            "a large object whose first segment is gone is answered 409, and HEAD shows nothing of it",
            |talk| {
                let segments = talk.segments(&[4, 5]);
                let entries = talk.entries(&segments);
                talk.join("l", &entries, &[]).is(201);
                talk.delete("seg/0").is(204);
                talk.head("l").is(200).has("content-length", "9");
                talk.get("l").is(409);
                talk.ask("GET", "l", &[("Range", "bytes=5-8")], b"").is(206).holds(&segments[1][1..]);
            },
        ),
        // Long ones: Swift sends a head with the first bytes that fill a buffer, and 500 if it breaks off before.
        Statement::new("a large object breaks off where a segment is gone", |talk| {
            let segments = talk.segments(&[200_000, 200_000, 6]);
            let entries = talk.entries(&segments);
            talk.join("l", &entries, &[]).is(201);
            talk.delete("seg/2").is(204);
            let got = talk.get("l").is(200).has("content-length", "400006");
            assert!(
                got.heard.broken && segments.concat().starts_with(&got.heard.body),
                "{} bytes",
                got.heard.body.len()
            );
            assert!(got.heard.body.len() <= 400_000);
        }),
        Statement::new("a segment with other content is as good as gone", |talk| {
            let segments = talk.segments(&[4, 5]);
            let entries = talk.entries(&segments);
            talk.join("l", &entries, &[]).is(201);
            talk.put("seg/0", b"abcd").is(201);
            talk.get("l").is(409);
        }),
        Statement::new("a segment that is written again heals the object", |talk| {
            let segments = talk.segments(&[4, 5]);
            let entries = talk.entries(&segments);
            talk.join("l", &entries, &[]).is(201);
            talk.delete("seg/0").is(204);
            talk.get("l").is(409);
            talk.put("seg/0", &segments[0]).is(201);
            talk.get("l").is(200).holds(&segments.concat());
        }),
        Statement::new("a large object in a large object is no better than its segments", |talk| {
            let segments = talk.segments(&[4, 5]);
            let entries = talk.entries(&segments);
            let etag = talk.join("inner", &entries, &[]).is(201).field("etag").expect("it has one");
            let etag = etag.trim_matches('"');
            let entry =
                format!("{{\"path\":\"/{}/inner\",\"size_bytes\":9,\"etag\":\"{etag}\"}}", talk.container);
            talk.join("outer", &[entry], &[]).is(201);
            talk.delete("seg/0").is(204);
            talk.head("outer").is(200).has("content-length", "9");
            talk.get("outer").is(409);
        }),
        Statement::new("a listing shows the size of a large object, and the MD5 of its manifest", |talk| {
            let segments = talk.segments(&[4, 5]);
            let entries = talk.entries(&segments);
            let etag = talk.join("l", &entries, &[]).is(201).field("etag").expect("it has one");
            let rows = talk.list("?format=json&prefix=l").is(200).json();
            assert_eq!((&rows[0]["bytes"], &rows[0]["slo_etag"]), (&9.into(), &etag.into()), "{rows}");
            assert_ne!(rows[0]["hash"].as_str(), Some(md5(&segments.concat()).as_str()));
        }),
    ]
}
