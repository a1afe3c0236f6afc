//! `wharfinger store` on a directory, as an operator runs it.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use wharfinger_tests::digest::sha256;
use wharfinger_tests::random::Random;
use wharfinger_tests::repository::Repository;
use wharfinger_tests::server::{Folder, Options, Server, binary};
use wharfinger_tests::store::Ran;

const TAG: &str = "tags/some/app!/v1";

fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary().expect("the binary is built"));
    command.arg("store").args(arguments).arg("--data").arg(data);
    command
}

fn run(data: &Path, arguments: &[&str]) -> Ran {
    Ran::of(command(data, arguments), b"")
}

fn put(data: &Path, key: &str, content: &[u8]) -> Ran {
    Ran::of(command(data, &["put", key]), content)
}

/// The name of a blob.
fn blob(content: &[u8]) -> String {
    let digest = sha256(content);
    let hex = &digest["sha256:".len()..];
    format!("blobs/sha256/{}/{hex}", &hex[..2])
}

/// Every regular file below a folder, but the secret of the registry.
fn files_below(folder: &Path) -> Vec<String> {
    let found = Command::new("find").arg(folder).args(["-type", "f", "-printf", "%P\n"]).output();
    let found = String::from_utf8(found.expect("find runs").stdout).expect("text");
    let mut names: Vec<String> = found.lines().filter(|name| *name != "secret").map(str::to_owned).collect();
    names.sort();
    names
}

#[test]
fn an_object_is_stored_shown_read_moved_and_removed() {
    let folder = Folder::new("store").expect("a folder");
    let data = folder.path().join("data");
    let stored = put(&data, TAG, b"0123456789").good();
    assert_eq!(stored, format!("stored {TAG} (10 bytes, {})\n", sha256(b"0123456789")));
    assert_eq!(run(&data, &["ls"]).good(), "tags/\n");
    assert_eq!(run(&data, &["ls", "tags/"]).good(), "tags/some/\n");
    assert_eq!(run(&data, &["ls", "-r"]).good(), format!("{TAG}\n"));
    assert_eq!(run(&data, &["ls", "-r", "tags/so"]).good(), format!("{TAG}\n"));
    assert_eq!(run(&data, &["ls", TAG]).good(), format!("{TAG}\n"));
    let long = run(&data, &["ls", "-r", "-l"]).good();
    assert!(long.starts_with("            10    ") && long.ends_with(&format!("s {TAG}\n")), "{long}");
    for human in ["-lH", "-H", "--human"] {
        assert!(run(&data, &["ls", human, "tags/"]).good().contains("- tags/some/"));
        let row = run(&data, &["ls", human, TAG]).good();
        assert!(row.starts_with("    10  ") && row.ends_with(&format!("s {TAG}\n")), "{row}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&run(&data, &["ls", "-r", "--json"]).good()).expect("JSON");
    assert_eq!((json["name"].as_str(), json["size"].as_u64()), (Some(TAG), Some(10)));
    assert!(json["written"].as_str().is_some_and(|time| time.ends_with('Z')), "{json}");

    let shown = run(&data, &["stat", TAG]).good();
    assert!(shown.starts_with(&format!("name     {TAG}\nsize     10\nage      ")), "{shown}");
    let json: serde_json::Value =
        serde_json::from_str(&run(&data, &["stat", TAG, "--json"]).good()).expect("JSON");
    assert_eq!(json["size"], 10);
    assert!(json["age"].as_u64().is_some_and(|age| age < 600), "{json}");

    assert_eq!(run(&data, &["cat", TAG]).good(), "0123456789");
    for (range, expected) in [("0-0", "0"), ("3-5", "345"), ("8-", "89"), ("8-99", "89")] {
        assert_eq!(run(&data, &["cat", TAG, "--range", range]).good(), expected);
    }
    assert!(run(&data, &["cat", TAG, "--range", "10-"]).bad(1).contains("it has 10 bytes"));

    let other = "tags/other!/v2";
    let moved = run(&data, &["mv", TAG, other]).good();
    assert_eq!(moved, format!("moved {TAG} to {other} (10 bytes)\n"));
    assert_eq!(files_below(&data), [other]);
    for arguments in [&["mv", TAG, other][..], &["mv", TAG, other, "--no-clobber"]] {
        let again = run(&data, arguments).bad(3);
        let expected = format!("{TAG} is not there, and {other} is (10 bytes): moved before, it seems\n");
        assert!(again.ends_with(&expected), "{again}");
    }
    put(&data, TAG, b"another").good();
    assert!(run(&data, &["mv", TAG, other, "--no-clobber"]).bad(3).contains("left as it is"));
    assert_eq!(run(&data, &["cat", other]).good(), "0123456789");
    assert!(run(&data, &["mv", TAG, TAG]).bad(1).contains("both names are the same"));
    assert_eq!(run(&data, &["cat", TAG]).good(), "another");
    run(&data, &["mv", TAG, other]).good();
    assert_eq!(run(&data, &["cat", other]).good(), "another");

    assert_eq!(run(&data, &["rm", other, TAG]).good(), format!("removed {other}\nnot there: {TAG}\n"));
    assert_eq!(files_below(&data), [""; 0]);
    for arguments in [&["stat", TAG][..], &["cat", TAG], &["mv", TAG, other]] {
        assert!(run(&data, arguments).bad(3).contains("there is no such object"), "{arguments:?}");
    }
    assert_eq!(run(&data, &["ls"]).good(), "");
}

#[test]
fn a_blob_is_nothing_but_the_content_of_its_digest() {
    let folder = Folder::new("store-blob").expect("a folder");
    let data = folder.path().join("data");
    let content = Random::new(1).bytes(3_000_000);
    let name = blob(&content);
    let path = folder.path().join("content");
    fs::write(&path, &content[1..]).expect("writes");
    let path = path.to_str().expect("text");
    for refused in [run(&data, &["put", &name, path]), put(&data, &name, &content[1..])] {
        assert!(refused.bad(1).contains("nothing is stored"));
        assert_eq!(files_below(&data), [""; 0]);
    }
    fs::write(path, &content).expect("writes");
    assert!(run(&data, &["put", &name, path]).good().contains("(3000000 bytes, sha256:"));
    let read = run(&data, &["cat", &name]);
    assert_eq!((read.code, read.bytes == content), (0, true));
    // What is no such content does not get the name by being moved either.
    put(&data, TAG, b"other").good();
    assert!(run(&data, &["mv", TAG, &name]).bad(1).contains("the name says sha256:"));
    assert_eq!(run(&data, &["cat", TAG]).good(), "other");
    run(&data, &["mv", &name, TAG]).good();
    run(&data, &["mv", TAG, &name]).good();
    assert_eq!(files_below(&data), [name]);
    let nowhere = folder.path().join("nowhere");
    for data in [&data, &nowhere] {
        assert!(run(data, &["put", TAG, "/nonexistent/file"]).bad(1).contains("/nonexistent/file: "));
    }
    assert!(!nowhere.exists(), "what cannot be read creates nothing");
}

#[test]
fn listings_go_on_page_by_page() {
    let folder = Folder::new("store-ls").expect("a folder");
    let data = folder.path().join("data");
    let names: Vec<String> = (10..35).map(|number| format!("tags/a!/v{number}")).collect();
    for name in &names {
        put(&data, name, b"x").good();
    }
    let all: String = names.iter().map(|name| format!("{name}\n")).collect();
    for page in ["1", "4", "25", "26"] {
        assert_eq!(run(&data, &["ls", "tags/a!/", "--page", page]).good(), all);
        assert_eq!(run(&data, &["ls", "-r", "--page", page]).good(), all);
    }
    let mut seen = String::new();
    let mut last = String::new();
    loop {
        let mut arguments = vec!["ls", "-r", "tags/", "--limit", "7"];
        if !last.is_empty() {
            arguments.extend(["--after", &last]);
        }
        let ran = run(&data, &arguments);
        let text = String::from_utf8(ran.bytes).expect("text");
        seen.push_str(&text);
        last = text.lines().last().expect("a row").to_owned();
        assert_eq!(ran.code, 0);
        if ran.said.is_empty() {
            break;
        }
        assert_eq!(text.lines().count(), 7);
        assert!(ran.said.contains(&format!("--after '{last}'")), "{}", ran.said);
    }
    assert_eq!(seen, all);
    assert_eq!(run(&data, &["ls", "tags/a!/", "--after", "zzz"]).good(), "");
    assert_eq!(run(&data, &["ls", "tags/a!/", "--after", "a"]).good(), all);
}

#[test]
fn what_is_none_of_ours_is_shown_and_left_alone() {
    let folder = Folder::new("store-odd").expect("a folder");
    let data = folder.path().join("data");
    assert!(run(&data, &["ls"]).bad(1).contains("there is no storage directory"));
    assert!(!data.exists(), "looking creates nothing");
    put(&data, TAG, b"x").good();
    fs::write(data.join("notes.txt"), "x").expect("writes");
    fs::create_dir_all(data.join("tags/b!/v1")).expect("creates");
    assert_eq!(run(&data, &["ls"]).good(), "notes.txt\ntags/\n");
    for arguments in [&["cat", "notes.txt"][..], &["rm", TAG, "tmp/1"], &["put", "secret"], &["mv", TAG, "x"]]
    {
        let ran = run(&data, arguments);
        assert_eq!(ran.code, 2, "{arguments:?}");
        assert!(ran.said.contains("a name begins with blobs/"), "{}", ran.said);
    }
    assert!(data.join("notes.txt").exists());
    assert_eq!(run(&data, &["cat", TAG]).good(), "x", "no key is removed where one of them is none");
    assert!(run(&data, &["cat", "tags/b!/v1"]).bad(1).contains("damaged"));
}

#[test]
fn whoever_wants_no_more_of_the_output_hears_no_complaint() {
    let folder = Folder::new("store-pipe").expect("a folder");
    let data = folder.path().join("data");
    put(&data, TAG, &vec![b'x'; 5 << 20]).good();
    for (arguments, wanted) in
        [(&["cat", TAG][..], 10), (&["cat", TAG], 0), (&["ls"], 0), (&["stat", TAG], 0)]
    {
        let mut command = command(&data, arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
        let mut stdout = child.stdout.take().expect("an output");
        stdout.read_exact(&mut vec![0; wanted]).expect("reads");
        drop(stdout);
        let output = child.wait_with_output().expect("ends");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
    }
    for arguments in [&["cat", TAG][..], &["ls"], &["stat", TAG], &["rm", TAG]] {
        let full = File::options().write(true).open("/dev/full").expect("opens");
        let mut command = command(&data, arguments);
        let output = command.stdout(full).output().expect("runs");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("writing the output: No space"));
    }
}

#[test]
fn it_works_beside_a_server() {
    let server = Server::start(Options::default()).expect("the registry starts");
    let repository = Repository::new(server.address(), "beside/app");
    let content = Random::new(2).bytes(2_000_000);
    repository.push_whole(&content).and_then(|answer| answer.expect(201)).expect("pushed");
    let hex = sha256(&content).split_off("sha256:".len());
    let link = format!("links/beside/app!/sha256/{hex}");
    assert_eq!(run(server.data(), &["ls", "-r"]).good(), format!("{}\n{link}\n", blob(&content)));
    assert_eq!(run(server.data(), &["cat", &blob(&content)]).bytes, content);
    run(server.data(), &["mv", &link, &format!("links/moved!/sha256/{hex}")]).good();
    assert_eq!(repository.stat(&sha256(&content)).expect("HEAD"), None);
    let moved = Repository::new(server.address(), "moved");
    assert_eq!(moved.stat(&sha256(&content)).expect("HEAD"), Some(2_000_000));
}
