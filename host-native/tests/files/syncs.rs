//! What is acknowledged is on the disk: the system calls behind every op, in order, as strace saw them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use wharfinger_core::store::{Op, Reply};

use super::{
    Scratch, WRITTEN, blob, join, open, part, programs, put, read, release, reply, segment, tag, write,
};

/// Where the traced process keeps its store.
const ROOT: &str = "WHARFINGER_TEST_STORE";

/// One op of each kind. It is a test of its own, and what the other one traces.
#[test]
fn one_op_of_each_kind() {
    let scratch = Scratch::new();
    let root = std::env::var_os(ROOT).map_or(scratch.path().to_owned(), PathBuf::from);
    let files = open(&root);
    let parts = [part(segment(1, 0), 1), part(segment(1, 1), 1)];

    put(&files, &blob(1), b"1");
    put(&files, &blob(2), b"2");
    put(&open(&root), &blob(2), b"3");
    assert_eq!(write(&files, &tag("a", "v1"), b"3", true).reply, WRITTEN);
    assert_eq!(write(&files, &tag("a", "v1"), b"4", true).reply, Reply::Exists);
    put(&files, &segment(1, 0), b"5");
    put(&files, &segment(1, 1), b"6");
    assert_eq!(reply(&files, &join(blob(1), &parts[..1])), WRITTEN);
    assert_eq!(reply(&files, &join(blob(2), &parts)), WRITTEN);
    assert_eq!(reply(&files, &release(&parts)), Reply::Done);
    assert_eq!(reply(&files, &Op::Touch { key: blob(1) }), Reply::Done);
    assert_eq!(reply(&files, &Op::Copy { from: blob(1), to: Box::new(tag("b", "v1")) }), WRITTEN);
    assert_eq!(reply(&files, &Op::Remove { key: tag("a", "v1") }), Reply::Done);
    assert_eq!(read(&files, &blob(2)).unwrap(), b"56");
}

#[test]
fn every_op_syncs_what_it_promises_in_order() {
    let scratch = Scratch::new();
    let root = scratch.path().join("store");
    drop(open(&root));
    let trace = scratch.path().join("trace");
    let programs = programs();
    let tracer = Command::new("strace")
        .args(["-f", "-y", "-s", "4096", "-e"])
        .arg(
            "trace=fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,rmdir,mkdir,mkdirat",
        )
        .arg("-o")
        .arg(&trace)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "syncs::one_op_of_each_kind", "--test-threads=1"])
        .env(ROOT, &root)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("strace did not start: {error}; install it"));
    drop(programs);
    let output = tracer.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let seen = events(&fs::read_to_string(&trace).unwrap(), &root);
    let expected: Vec<&str> =
        EXPECTED.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert_eq!(seen, expected, "seen:\n{}", seen.join("\n"));
}

const EXPECTED: &str = "
    # open
    link tmp/* tmp/*
    unlink tmp/*
    unlink tmp/*
    # the first blob: its folders are new
    fsync tmp/*
    mkdir blobs
    mkdir blobs/sha256
    mkdir blobs/sha256/00
    rename tmp/* blobs/sha256/00/1
    fsync blobs/sha256/00
    fsync blobs/sha256
    fsync blobs
    fsync /
    # another one beside it
    fsync tmp/*
    rename tmp/* blobs/sha256/00/2
    fsync blobs/sha256/00
    # the same in a process that does not know whether the one before came to its syncs
    link tmp/* tmp/*
    unlink tmp/*
    unlink tmp/*
    fsync tmp/*
    rename tmp/* blobs/sha256/00/2
    fsync blobs/sha256/00
    fsync blobs/sha256
    fsync blobs
    fsync /
    # a tag, only if there is none
    fsync tmp/*
    mkdir tags
    mkdir tags/a!
    link tmp/* tags/a!/v1
    unlink tmp/*
    fsync tags/a!
    fsync tags
    fsync /
    # the same again: Exists is as good as Written
    fsync tmp/*
    unlink tmp/*
    fsync tags/a!
    # a segment
    fsync tmp/*
    mkdir segments
    mkdir segments/1
    rename tmp/* segments/1/0
    fsync segments/1
    fsync segments
    fsync /
    # another one
    fsync tmp/*
    rename tmp/* segments/1/1
    fsync segments/1
    # Join of one
    link segments/1/0 tmp/*
    rename tmp/* blobs/sha256/00/1
    fsync blobs/sha256/00
    # Join of two
    fsync tmp/*
    rename tmp/* blobs/sha256/00/2
    fsync blobs/sha256/00
    # Release
    unlink segments/1/0
    unlink segments/1/1
    rmdir segments/1
    # Touch
    fsync blobs/sha256/00/1
    # Copy
    link blobs/sha256/00/1 tmp/*
    mkdir tags/b!
    rename tmp/* tags/b!/v1
    fsync tags/b!
    fsync tags
    # Remove
    unlink tags/a!/v1
    fsync tags/a!
    rmdir tags/a!
";

/// The calls that succeeded on the store, one a line, with short names.
fn events(trace: &str, root: &Path) -> Vec<String> {
    let root = root.to_str().unwrap();
    let mut events = Vec::new();
    for line in trace.lines().filter(|line| line.ends_with("= 0") && line.contains(root)) {
        let call = line.split_once(' ').unwrap().1.trim();
        let (name, rest) = call.split_once('(').unwrap();
        let mut names: Vec<String> = rest.split('"').skip(1).step_by(2).map(short).collect();
        if names.is_empty() {
            let path = rest.split_once('<').unwrap().1.split_once('>').unwrap().0;
            names.push(short(path.strip_prefix(root).unwrap().trim_start_matches('/')));
        }
        let verb = match name {
            "unlinkat" if rest.contains("AT_REMOVEDIR") => "rmdir",
            other => other.trim_end_matches('2').trim_end_matches("at"),
        };
        events.push(format!("{verb} {}", names.join(" ")));
    }
    events
}

/// Digests by their last digit, uploads by one of theirs; temporary files are all alike.
fn short(name: &str) -> String {
    if name.is_empty() {
        return "/".to_owned();
    }
    let parts = name.split('/').map(|part| match part.len() {
        64 => &part[63..],
        32 | 36 => &part[part.len() - 1..],
        _ => part.trim_end_matches("-0707070707070707"),
    });
    let name = parts.collect::<Vec<_>>().join("/");
    if name.starts_with("tmp/") { "tmp/*".to_owned() } else { name }
}
