//! Disks that are full, or read-only: on small ones made for the test, for which it has to be root.

use std::fs;
use std::path::Path;
use std::process::Command;

use wharfinger::files::{Answer, Files, OpenError, Settings};
use wharfinger_core::store::{Listing, Op, Reply};

use super::{
    Scratch, WRITTEN, blob, files_below, join, names, open, page, part, programs, put, read, release, reply,
    repository, segment, tag, write,
};

/// A disk in memory, mounted as long as this value lives.
struct Disk(Scratch);

impl Disk {
    fn new(options: &str) -> Self {
        let scratch = Scratch::new();
        run("mount", &["-t", "tmpfs", "-o", options, "wharfinger-test"], scratch.path());
        Self(scratch)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        run("umount", &["-l"], self.path());
    }
}

#[track_caller]
fn run(program: &str, arguments: &[&str], path: &Path) {
    let _programs = programs();
    let output = Command::new(program).args(arguments).arg(path).output();
    let output =
        output.unwrap_or_else(|error| panic!("{program} did not start: {error}; install util-linux"));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{message}: run this test as root, where file systems may be mounted");
}

#[track_caller]
fn assert_failed(answer: Answer, expected: &Reply) {
    assert_eq!(&answer.reply, expected, "{:?}", answer.error);
    assert!(answer.error.is_some(), "the log should hear of {expected:?}");
}

#[test]
fn a_full_disk_stores_nothing_and_recovers() {
    let disk = Disk::new("size=1m");
    let _programs = programs();
    let files = open(disk.path());
    put(&files, &segment(1, 0), &[b'0'; 300_000]);
    put(&files, &segment(1, 1), &[b'1'; 300_000]);
    let parts = [part(segment(1, 0), 300_000), part(segment(1, 1), 300_000)];
    assert_failed(write(&files, &blob(1), &[b'x'; 600_000], false), &Reply::Full);
    assert_failed(files.carry_out(&join(blob(1), &parts)), &Reply::Full);
    assert_eq!(reply(&files, &Op::Stat { key: blob(1) }), Reply::Missing);
    assert_eq!(files_below(disk.path()), [segment(1, 0).to_string(), segment(1, 1).to_string()]);

    assert_eq!(reply(&files, &join(blob(2), &parts[..1])), WRITTEN, "a second name needs no room");
    assert_eq!(reply(&files, &release(&parts)), Reply::Done);
    put(&files, &blob(1), &[b'x'; 600_000]);
    assert_eq!(read(&files, &blob(1)).unwrap().len(), 600_000);
    assert_eq!(read(&files, &blob(2)).unwrap().len(), 300_000);
}

#[test]
fn a_write_that_failed_is_never_committed() {
    let disk = Disk::new("size=1m");
    let files = open(disk.path());
    let mut writer = files.create().unwrap();
    writer.write(&[b'x'; 500_000]).unwrap();
    assert_failed(writer.write(&[b'x'; 900_000]).unwrap_err(), &Reply::Full);
    assert_eq!(writer.commit(&blob(1), false).reply, Reply::Mismatch);
    assert_eq!(files_below(disk.path()), [""; 0]);
}

#[test]
fn a_disk_without_room_for_a_name_is_full_and_can_be_opened() {
    let disk = Disk::new("size=1m,nr_inodes=20");
    let _programs = programs();
    let files = open(disk.path());
    put(&files, &blob(1), b"1");
    let filler = disk.path().join("filler");
    fs::create_dir(&filler).unwrap();
    let made = (0..100).take_while(|number| fs::write(filler.join(number.to_string()), "").is_ok()).count();
    assert!(made < 20, "{made}");
    assert_failed(files.create().unwrap_err(), &Reply::Full);
    let files = open(disk.path());
    assert_eq!(read(&files, &blob(1)).unwrap(), b"1");
    assert_eq!(reply(&files, &Op::Remove { key: blob(1) }), Reply::Done);
    put(&files, &blob(1), b"2");
}

#[test]
fn a_read_only_disk_is_read_and_refuses_the_rest() {
    let disk = Disk::new("size=1m");
    let files = open(disk.path());
    put(&files, &segment(1, 0), b"part");
    put(&files, &segment(1, 1), b"part");
    put(&files, &tag("a", "v1"), b"1");
    let writer = files.create().unwrap();
    drop(writer);
    run("mount", &["-o", "remount,ro"], disk.path());

    let parts = [part(segment(1, 0), 4), part(segment(1, 1), 4)];
    assert_failed(files.create().unwrap_err(), &Reply::Refused);
    assert_failed(files.carry_out(&join(blob(1), &parts[..1])), &Reply::Refused);
    assert_failed(files.carry_out(&join(blob(1), &parts)), &Reply::Refused);
    assert_failed(files.carry_out(&Op::Touch { key: tag("a", "v1") }), &Reply::Refused);
    assert_failed(files.carry_out(&Op::Remove { key: tag("a", "v1") }), &Reply::Refused);
    assert_failed(files.carry_out(&release(&parts)), &Reply::Done);
    assert_eq!(read(&files, &tag("a", "v1")).unwrap(), b"1");
    assert_eq!(names(&page(&files, &Listing::Tags(repository("a")), "", 9)), ["v1"]);

    let settings = Settings { root: disk.path().to_owned(), sync: true };
    let error = Files::open(&settings).unwrap_err();
    assert!(matches!(error, OpenError::NotUsable { .. }), "{error}");
    let below = Settings { root: disk.path().join("below"), sync: true };
    let error = Files::open(&below).unwrap_err();
    assert!(matches!(error, OpenError::NotCreated { .. }), "{error}");
}
