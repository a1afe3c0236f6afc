use super::{Statement, md5};

pub(super) fn all() -> Vec<Statement> {
    vec![
        Statement::new("a range is answered 206 with its place", |talk| {
            talk.put("o", b"0123456789").is(201);
            for (range, place, bytes) in [
                ("bytes=2-5", "bytes 2-5/10", &b"2345"[..]),
                ("bytes=7-", "bytes 7-9/10", b"789"),
                ("bytes=-3", "bytes 7-9/10", b"789"),
                ("bytes=8-100", "bytes 8-9/10", b"89"),
                ("bytes=0-0", "bytes 0-0/10", b"0"),
                ("bytes=-100", "bytes 0-9/10", b"0123456789"),
            ] {
                let got = talk.ask("GET", "o", &[("Range", range)], b"").is(206);
                got.has("content-range", place).holds(bytes).has("etag", &md5(b"0123456789"));
            }
        }),
        Statement::new("a range behind the end is answered 416 with the size", |talk| {
            talk.put("o", b"0123456789").is(201);
            talk.ask("GET", "o", &[("Range", "bytes=10-12")], b"").is(416).has("content-range", "bytes */10");
        }),
        Statement::new("a range that ends before it begins is no range", |talk| {
            talk.put("o", b"0123456789").is(201);
            talk.ask("GET", "o", &[("Range", "bytes=5-2")], b"").is(200).holds(b"0123456789");
        }),
        Statement::new("a HEAD knows no ranges", |talk| {
            talk.put("o", b"0123456789").is(201);
            talk.ask("HEAD", "o", &[("Range", "bytes=2-5")], b"").is(200).has("content-length", "10");
        }),
        Statement::new("If-Range is ignored", |talk| {
            talk.put("o", b"0123456789").is(201);
            let fields = [("Range", "bytes=2-5"), ("If-Range", "\"00112233445566778899aabbccddeeff\"")];
            talk.ask("GET", "o", &fields, b"").is(206).holds(b"2345");
        }),
        Statement::new("If-Match counts with a range too", |talk| {
            talk.put("o", b"0123456789").is(201);
            let right = format!("\"{}\"", md5(b"0123456789"));
            talk.ask("GET", "o", &[("Range", "bytes=2-5"), ("If-Match", &right)], b"").is(206).holds(b"2345");
            talk.put("o", b"9876543210").is(201);
            let fields = [("Range", "bytes=2-5"), ("If-Match", right.as_str()), ("X-Newest", "true")];
            talk.ask("GET", "o", &fields, b"").is(412);
        }),
        Statement::new("ranges of a large object go over the borders of its segments", |talk| {
            let segments = talk.segments(&[4, 5, 6]);
            let whole = segments.concat();
            let entries = talk.entries(&segments);
            talk.join("l", &entries, &[]).is(201);
            for (range, first, end) in
                [("bytes=2-9", 2, 10), ("bytes=4-8", 4, 9), ("bytes=-7", 8, 15), ("bytes=3-", 3, 15)]
            {
                let place = format!("bytes {first}-{}/15", end - 1);
                let got = talk.ask("GET", "l", &[("Range", range)], b"").is(206);
                got.has("content-range", &place).holds(&whole[first..end]);
            }
            talk.ask("GET", "l", &[("Range", "bytes=15-20")], b"").is(416).has("content-range", "bytes */15");
        }),
    ]
}
