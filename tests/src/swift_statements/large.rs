use super::{Statement, md5};

pub(super) fn all() -> Vec<Statement> {
    [joined(), ranged(), nested(), conditions(), manifests()].concat()
}

fn joined() -> Vec<Statement> {
    vec![
        Statement::new("segments are joined, and the Etag is that of their Etags, in quotes", |talk| {
            let segments = talk.segments(&[4, 5, 6]);
            let entries = talk.entries(&segments);
            let etag = md5(segments.iter().map(|bytes| md5(bytes)).collect::<String>().as_bytes());
            let quoted = format!("\"{etag}\"");
            talk.join("l", &entries, &[]).is(201).has("etag", &quoted);
            let got = talk
                .get("l")
                .is(200)
                .holds(&segments.concat())
                .has("etag", &quoted)
                .has("content-length", "15");
            got.has("x-static-large-object", "True");
            talk.head("l").is(200).has("content-length", "15").has("etag", &quoted);
        }),
        Statement::new("the Etag of a PUT of a manifest is checked against that of its segments", |talk| {
            let segments = talk.segments(&[4, 5]);
            let entries = talk.entries(&segments);
            talk.join("l", &entries, &[("ETag", &md5(b"other"))]).is(422);
            talk.head("l").is(404);
            let etag = md5(segments.iter().map(|bytes| md5(bytes)).collect::<String>().as_bytes());
            talk.join("l", &entries, &[("ETag", &etag)]).is(201);
        }),
        Statement::new("the type of a large object is that of its PUT", |talk| {
            let segments = talk.segments(&[4]);
            let entries = talk.entries(&segments);
            talk.join("l", &entries, &[("Content-Type", "application/octet-stream")]).is(201);
            talk.head("l").is(200).has("content-type", "application/octet-stream");
        }),
        Statement::new("a large object replaces another, and a plain one replaces it", |talk| {
            let segments = talk.segments(&[4, 5]);
            let entries = talk.entries(&segments);
            talk.join("l", &entries[..1], &[]).is(201);
            talk.join("l", &entries, &[]).is(201);
            talk.ask("GET", "l", &[("X-Newest", "true")], b"").is(200).holds(&segments.concat());
            talk.put("l", b"plain").is(201);
            let got = talk.ask("GET", "l", &[("X-Newest", "true")], b"").is(200).holds(b"plain");
            assert_eq!(got.field("x-static-large-object"), None);
        }),
    ]
}

fn ranged() -> Vec<Statement> {
    vec![
        Statement::new("a range of a segment joins in, and its bytes count in the Etag", |talk| {
            let segments = talk.segments(&[8, 5]);
            let mut entries = talk.entries(&segments);
            entries[0] = entries[0].replace('}', ",\"range\":\"3-7\"}");
            let etags = format!("{}:3-7;{}", md5(&segments[0]), md5(&segments[1]));
            let etag = md5(etags.as_bytes());
            talk.join("l", &entries, &[("ETag", &etag)]).is(201).has("etag", &format!("\"{etag}\""));
            let whole = [&segments[0][3..], &segments[1][..]].concat();
            talk.get("l").is(200).holds(&whole).has("content-length", "10");
        }),
        Statement::new("a range from the end is one from its start", |talk| {
            let segments = talk.segments(&[8]);
            let entry = talk.entries(&segments)[0].replace('}', ",\"range\":\"-5\"}");
            let etag = md5(format!("{}:3-7;", md5(&segments[0])).as_bytes());
            talk.join("l", &[entry], &[]).is(201).has("etag", &format!("\"{etag}\""));
            talk.get("l").is(200).holds(&segments[0][3..]);
        }),
    ]
}

fn nested() -> Vec<Statement> {
    vec![
        Statement::new("a large object is a segment like any other, by its Etag without quotes", |talk| {
            let segments = talk.segments(&[4, 5, 6]);
            let entries = talk.entries(&segments);
            let quoted = talk.join("inner", &entries[..2], &[]).is(201).field("etag").expect("it has one");
            let etag = quoted.trim_matches('"');
            let container = talk.container.clone();
            let inner = |etag: &str| {
                format!(
                    "{{\"path\":\"/{container}/inner\",\"size_bytes\":9,\"etag\":{}}}",
                    serde_json::Value::from(etag)
                )
            };
            talk.join("outer", &[inner(&quoted), entries[2].clone()], &[]).is(400).says("Etag Mismatch");
            talk.join("outer", &[inner(etag), entries[2].clone()], &[]).is(201);
            talk.get("outer").is(200).holds(&segments.concat());
            let whole = segments.concat();
            talk.ask("GET", "outer", &[("Range", "bytes=3-10")], b"").is(206).holds(&whole[3..11]);
        }),
        Statement::new("a range of a large object joins in", |talk| {
            let segments = talk.segments(&[4, 5, 6]);
            let entries = talk.entries(&segments);
            let etag = talk.join("inner", &entries, &[]).is(201).field("etag").expect("it has one");
            let etag = etag.trim_matches('"');
            let entry = format!(
                "{{\"path\":\"/{}/inner\",\"size_bytes\":15,\"etag\":\"{etag}\",\"range\":\"2-12\"}}",
                talk.container
            );
            talk.join("outer", &[entry], &[])
                .is(201)
                .has("etag", &format!("\"{}\"", md5(format!("{etag}:2-12;").as_bytes())));
            talk.get("outer").is(200).holds(&segments.concat()[2..13]);
        }),
        Statement::new("of no segment an object of no byte is made", |talk| {
            talk.join("l", &[], &[]).is(201);
            talk.get("l").is(200).holds(b"").has("content-length", "0");
        }),
    ]
}

fn conditions() -> Vec<Statement> {
    vec![
        Statement::new("a large object that is removed leaves its segments", |talk| {
            let segments = talk.segments(&[4, 5]);
            let entries = talk.entries(&segments);
            talk.join("l", &entries, &[]).is(201);
            talk.delete("l").is(204);
            talk.get("seg/0").is(200).holds(&segments[0]);
            talk.get("seg/1").is(200).holds(&segments[1]);
        }),
        Statement::new("If-Match goes by the Etag of a large object", |talk| {
            let segments = talk.segments(&[4, 5]);
            let entries = talk.entries(&segments);
            let etag = talk.join("l", &entries, &[]).is(201).field("etag").expect("it has one");
            talk.ask("GET", "l", &[("If-Match", &etag)], b"").is(200);
            talk.ask("GET", "l", &[("If-Match", &etag), ("Range", "bytes=5-8")], b"")
                .is(206)
                .holds(&segments[1][1..]);
            talk.ask("GET", "l", &[("If-Match", "\"00112233445566778899aabbccddeeff\"")], b"").is(412);
        }),
        Statement::new("If-None-Match: * holds for a manifest too", |talk| {
            let segments = talk.segments(&[4]);
            let entries = talk.entries(&segments);
            talk.join("l", &entries, &[("If-None-Match", "*")]).is(201);
            talk.join("l", &entries, &[("If-None-Match", "*")]).is(412);
        }),
        Statement::new(
            "a manifest that is older than what is known is answered 202, and not stored",
            |talk| {
                let segments = talk.segments(&[4]);
                let entries = talk.entries(&segments);
                let path = format!("/{}/l", talk.container);
                talk.speaker.delete_ahead(&path);
                talk.join("l", &entries, &[]).is(202);
                talk.head("l").is(404);
            },
        ),
    ]
}

fn manifests() -> Vec<Statement> {
    vec![
        Statement::new("a manifest can be read as such", |talk| {
            let segments = talk.segments(&[4, 5]);
            let entries = talk.entries(&segments);
            talk.join("l", &entries, &[]).is(201);
            let rows = talk.get("l?multipart-manifest=get").is(200).json();
            let names: Vec<_> =
                rows.as_array().into_iter().flatten().map(|row| row["name"].clone()).collect();
            assert_eq!(names, [0, 1].map(|at| format!("/{}/seg/{at}", talk.container)));
            assert_eq!(
                (&rows[0]["bytes"], rows[1]["hash"].as_str()),
                (&4.into(), Some(md5(&segments[1]).as_str()))
            );
        }),
        Statement::new("a manifest can be copied, and the copy reads as the object", |talk| {
            let segments = talk.segments(&[4, 5]);
            let entries = talk.entries(&segments);
            let etag = talk.join("l", &entries, &[]).is(201).field("etag").expect("it has one");
            let to = format!("/{}/copy", talk.container);
            talk.ask("COPY", "l?multipart-manifest=get", &[("Destination", &to), ("X-Newest", "true")], b"")
                .is(201);
            talk.get("copy").is(200).holds(&segments.concat()).has("etag", &etag);
            talk.head("copy").is(200).has("x-static-large-object", "True");
        }),
    ]
}
