use serde_json::{Value, json};

use super::{Statement, Talk, md5};

/// The names, or what names were cut to, in their order.
fn names(rows: &Value) -> Vec<String> {
    let name = |row: &Value| row["name"].as_str().or(row["subdir"].as_str()).map(str::to_owned);
    rows.as_array().into_iter().flatten().filter_map(name).collect()
}

fn filled(talk: &mut Talk<'_>, all: &[&str]) {
    for name in all {
        talk.put(name, name.as_bytes()).is(201);
    }
}

pub(super) fn all() -> Vec<Statement> {
    [rows(), changes()].concat()
}

fn rows() -> Vec<Statement> {
    vec![
        Statement::new("a listing has a row for each object, in the order of bytes", |talk| {
            filled(talk, &["b", "a/x", "a", "B", "a!y", "%C3%BC"]);
            let rows = talk.list("?format=json").is(200).json();
            assert_eq!(names(&rows), ["B", "a", "a!y", "a/x", "b", "\u{fc}"]);
            assert_eq!((&rows[1]["bytes"], rows[1]["hash"].as_str()), (&json!(1), Some(md5(b"a").as_str())));
            let modified = rows[1]["last_modified"].as_str().expect("a time");
            assert!(
                modified.len() == 26 && modified.as_bytes()[10] == b'T' && !modified.ends_with('Z'),
                "{modified}"
            );
        }),
        Statement::new("a prefix cuts a listing to what begins so", |talk| {
            filled(talk, &["a", "a!/x", "a!/y", "a/b!/x", "ab"]);
            assert_eq!(names(&talk.list("?format=json&prefix=a%21/").is(200).json()), ["a!/x", "a!/y"]);
            assert_eq!(names(&talk.list("?format=json&prefix=c").is(200).json()), [""; 0]);
        }),
        Statement::new("a delimiter cuts names behind it, once for all that go on alike", |talk| {
            filled(talk, &["m/a!/1", "m/a!/2", "m/a/b!/1", "m/c", "n/a!/1"]);
            let rows = talk.list("?format=json&prefix=m/&delimiter=%21").is(200).json();
            assert_eq!(names(&rows), ["m/a!", "m/a/b!", "m/c"]);
            assert_eq!(rows[0], json!({"subdir": "m/a!"}));
        }),
        Statement::new("a marker goes on above it, and a limit ends a page", |talk| {
            filled(talk, &["a", "b", "c", "d"]);
            assert_eq!(names(&talk.list("?format=json&limit=2").is(200).json()), ["a", "b"]);
            assert_eq!(names(&talk.list("?format=json&limit=2&marker=b").is(200).json()), ["c", "d"]);
            assert_eq!(names(&talk.list("?format=json&limit=2&marker=d").is(200).json()), [""; 0]);
            assert_eq!(names(&talk.list("?format=json&marker=bb").is(200).json()), ["c", "d"]);
            assert_eq!(names(&talk.list("?format=json&end_marker=c").is(200).json()), ["a", "b"]);
        }),
        Statement::new("a marker above all that was cut goes on behind it", |talk| {
            filled(talk, &["m/a!/1", "m/a!/2", "m/b!/1", "m/c!/1"]);
            let rows = talk.list("?format=json&prefix=m/&delimiter=%21&marker=m/a%22").is(200).json();
            assert_eq!(names(&rows), ["m/b!", "m/c!"]);
            let rows = talk.list("?format=json&prefix=m/&delimiter=%21&limit=1").is(200).json();
            assert_eq!(names(&rows), ["m/a!"]);
        }),
    ]
}

fn changes() -> Vec<Statement> {
    vec![
        Statement::new("what was removed is not listed", |talk| {
            filled(talk, &["a", "b"]);
            talk.delete("a").is(204);
            assert_eq!(names(&talk.list("?format=json").is(200).json()), ["b"]);
        }),
        Statement::new("what was written again is listed as it is", |talk| {
            filled(talk, &["a"]);
            talk.put("a", b"longer").is(201);
            let rows = talk.list("?format=json").is(200).json();
            assert_eq!((names(&rows), &rows[0]["bytes"]), (vec!["a".to_owned()], &json!(6)));
        }),
        Statement::new("a POST moves the time that a listing tells", |talk| {
            filled(talk, &["a"]);
            let before = talk.list("?format=json").is(200).json()[0]["last_modified"].clone();
            talk.ask("POST", "a", &[], b"").is(202);
            let after = talk.list("?format=json").is(200).json()[0]["last_modified"].clone();
            assert!(after.as_str() > before.as_str(), "{before} {after}");
        }),
        Statement::new("no listing has more than 10,000 rows", |talk| {
            talk.list("?format=json&limit=10000").is(200);
            talk.list("?format=json&limit=10001").is(412);
        }),
        Statement::new("an empty container is an empty list, or no text", |talk| {
            talk.list("?format=json").is(200).holds(b"[]");
            talk.list("").is(204).holds(b"");
            filled(talk, &["a", "b"]);
            talk.list("").is(200).holds(b"a\nb\n");
        }),
        Statement::new("there is no listing of a container that is not there", |talk| {
            let path = format!("/{}-none?format=json", talk.container);
            assert_eq!(talk.speaker.ask("GET", &path, &[], b"").status, 404);
        }),
    ]
}
