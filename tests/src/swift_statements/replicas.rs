use super::Statement;

/// So many reads find a stale replica, if any read can.
const READS: usize = 40;

pub(super) fn all() -> Vec<Statement> {
    vec![
        Statement::new("with one server away, everything goes on", |talk| {
            talk.speaker.stop(1);
            talk.put("o", b"one").is(201);
            talk.put("o", b"two").is(201);
            talk.get("o").is(200).holds(b"two");
            talk.delete("o").is(204);
            talk.get("o").is(404);
            talk.speaker.start(1);
        }),
        Statement::new("a new name is found although one server missed it", |talk| {
            talk.speaker.stop(1);
            talk.put("o", b"one").is(201);
            talk.speaker.start(1);
            for _ in 0..READS {
                talk.get("o").is(200).holds(b"one");
            }
        }),
        Statement::new("what was written again may read old, but never with X-Newest", |talk| {
            talk.put("o", b"old").is(201);
            talk.speaker.stop(1);
            talk.put("o", b"new").is(201);
            talk.speaker.start(1);
            let plain: Vec<Vec<u8>> = (0..READS).map(|_| talk.get("o").is(200).heard.body).collect();
            assert!(
                plain.iter().any(|body| body == b"old") && plain.iter().any(|body| body == b"new"),
                "{plain:?}"
            );
            for _ in 0..READS {
                talk.ask("GET", "o", &[("X-Newest", "true")], b"").is(200).holds(b"new");
            }
        }),
        Statement::new("what was removed may be found, but never with X-Newest", |talk| {
            talk.put("o", b"old").is(201);
            talk.speaker.stop(1);
            talk.delete("o").is(204);
            talk.speaker.start(1);
            let plain: Vec<u16> = (0..READS).map(|_| talk.get("o").heard.status).collect();
            assert!(plain.contains(&200) && plain.contains(&404), "{plain:?}");
            for _ in 0..READS {
                talk.ask("HEAD", "o", &[("X-Newest", "true")], b"").is(404);
            }
        }),
        Statement::new("a listing may lack what one of its servers missed", |talk| {
            talk.put("o", b"one").is(201);
            talk.speaker.stop(1);
            talk.put("p", b"one").is(201);
            talk.speaker.start(1);
            let rows = |talk: &mut super::Talk| {
                talk.list("?format=json").is(200).json().as_array().map_or(0, Vec::len)
            };
            let counts: Vec<usize> = (0..READS).map(|_| rows(talk)).collect();
            assert!(counts.contains(&1) && counts.contains(&2), "{counts:?}");
        }),
        Statement::new(
            "with two of three servers away, nothing is promised and no absence is told",
            |talk| {
                talk.put("o", b"one").is(201);
                talk.speaker.stop(1);
                talk.speaker.stop(2);
                talk.put("p", b"one").is(503);
                talk.head("none").is(503);
                talk.speaker.start(1);
                talk.speaker.start(2);
                talk.get("o").is(200).holds(b"one");
            },
        ),
    ]
}
