//! The commands about users, by the real binary: what they ask, print and leave in files.

use std::fs::{self, File, Permissions};
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use wharfinger_core::access::{PasswordRecord, parse_htpasswd};

/// The cheapest hash, to be quick.
const CHEAP: [&str; 3] = ["--bcrypt", "--cost", "4"];

fn wharfinger(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharfinger"));
    command.arg("user").args(arguments).env_remove("WHARFINGER_CONFIG");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it with that standard input.
fn run(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = wharfinger(arguments).spawn().expect("starts");
    // Who refuses its arguments reads nothing.
    let _ = child.stdin.take().expect("is piped").write_all(input);
    child.wait_with_output().expect("ends")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

fn add(file: &str, name: &str, password: &str) -> Output {
    run(&[&["add", "--file", file, name][..], &CHEAP].concat(), password.as_bytes())
}

/// The users in a file whose password that is.
fn whose(file: &str, password: &str) -> Vec<String> {
    let users = parse_htpasswd(&fs::read_to_string(file).expect("reads")).expect("is sound");
    let right = users.into_iter().filter(|(_, record)| record.verify(password));
    right.map(|(name, _)| name.into()).collect()
}

/// A folder of its own for each test, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("creates");
        Self(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("UTF-8").to_owned()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("lists");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("lists").file_name().into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_hash_is_made_of_one_line() {
    for (arguments, begins) in [
        (&["hash", "--memory", "1024", "--passes", "1"][..], "$argon2id$v=19$m=1024,t=1,p=1$"),
        (&["hash", "--bcrypt", "--cost", "4"], "$2b$04$"),
        (&["hash", "--passes", "1"], "$argon2id$v=19$m=19456,t=1,p=1$"),
    ] {
        let output = run(arguments, "pässwörd ☃\n".as_bytes());
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
        let hash = text(&output.stdout).strip_suffix('\n').expect("a line");
        assert!(hash.starts_with(begins), "{hash}");
        let record = PasswordRecord::parse(hash).expect("can be read");
        assert!(record.verify("pässwörd ☃") && !record.verify("pässwörd ☃\n"));
        assert_ne!(run(arguments, "pässwörd ☃".as_bytes()).stdout, output.stdout, "salt");
    }
}

#[test]
fn what_is_no_password_is_refused() {
    for (input, why) in [
        (&b""[..], "empty"),
        (b"\n", "empty"),
        (b"secret\nagain\n", "one line"),
        (b"secret\x01", "control"),
        (b"secret\xff", "UTF-8"),
        (&[b'x'; 2000], "longer"),
    ] {
        let output = run(&["hash", "--memory", "1024"], input);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), ""), "{input:?}");
        let said = text(&output.stderr);
        assert!(said.contains(why) && !said.contains("secret"), "{said}");
    }
    let long = run(&["hash", "--bcrypt", "--cost", "4"], &[b'x'; 73]);
    assert!(text(&long.stderr).contains("72 bytes"), "{}", text(&long.stderr));
}

#[test]
fn a_password_is_no_argument() {
    for arguments in [
        &["hash", "secret"][..],
        &["hash", "--password", "secret"],
        &["hash", "--cost", "4"],
        &["hash", "--bcrypt", "--memory", "1024"],
        &["hash", "--bcrypt", "--cost", "15"],
        &["hash", "--memory", "262145"],
        &["add", "ci"],
        &["add", "--file", "x", "ci", "secret"],
        &["add", "--file", "x", "a:b"],
        &["add", "--file", "x", "anonymous"],
        &["remove", "--file", "x", "*"],
        &["remove", "--file", "x"],
        &["list"],
    ] {
        let output = run(arguments, b"");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output.stderr));
    }
}

#[test]
fn users_are_added_changed_listed_and_removed() {
    let folder = Folder::new("users");
    let file = folder.file("htpasswd");
    for (name, password) in [("ci", "one"), ("dev", "two"), ("ci", "three"), ("ops", "one")] {
        let output = add(&file, name, password);
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""), "{name}");
        assert_eq!(output.stdout, b"");
    }
    assert_eq!(whose(&file, "one"), ["ops"]);
    assert_eq!(whose(&file, "two"), ["dev"]);
    assert_eq!(whose(&file, "three"), ["ci"]);
    assert_eq!(fs::metadata(&file).expect("is there").mode() & 0o777, 0o600);
    assert_eq!(run(&["list", "--file", &file], b"").stdout, b"ci\ndev\nops\n");
    assert_eq!(run(&["remove", "--file", &file, "dev"], b"").status.code(), Some(0));
    let again = run(&["remove", "--file", &file, "dev"], b"");
    assert_eq!(again.status.code(), Some(3));
    assert!(text(&again.stderr).contains("no user \"dev\""));
    assert_eq!(run(&["list", "--file", &file], b"").stdout, b"ci\nops\n");
    assert_eq!(folder.names(), ["htpasswd"]);
}

#[test]
fn mode_links_and_other_lines_stay() {
    let folder = Folder::new("stays");
    let (file, link) = (folder.file("real"), folder.file("link"));
    let other = "old:$2y$05$/./.ABCDEFGHIJKLMNOPQOWaYeq/lqYNioLJdhdtdjMX/2R1M975e";
    fs::write(&file, format!("# who may push\r\n\n{other}\r\n")).expect("writes");
    fs::set_permissions(&file, Permissions::from_mode(0o640)).expect("is set");
    symlink("real", &link).expect("links");
    assert_eq!(add(&link, "ci", "one").status.code(), Some(0));
    assert!(
        fs::read_to_string(&file)
            .expect("reads")
            .starts_with(&format!("# who may push\r\n\n{other}\r\nci:$2b$04$"))
    );
    assert_eq!(fs::metadata(&file).expect("is there").mode() & 0o777, 0o640);
    assert!(fs::symlink_metadata(&link).expect("is there").is_symlink());
}

#[test]
fn a_file_that_cannot_be_changed_stays_as_it_is() {
    let folder = Folder::new("refused");
    let file = folder.file("htpasswd");
    let damaged = "ci:$apr1$secret$secret\n";
    fs::write(&file, damaged).expect("writes");
    for output in [
        add(&file, "dev", "one"),
        run(&["remove", "--file", &file, "ci"], b""),
        run(&["list", "--file", &file], b""),
    ] {
        assert_eq!(output.status.code(), Some(1));
        let said = text(&output.stderr);
        assert!(said.contains("htpasswd: line 1: ") && !said.contains("secret"), "{said}");
    }
    assert_eq!(fs::read_to_string(&file).expect("reads"), damaged);
    let missing = folder.file("missing");
    assert_eq!(run(&["remove", "--file", &missing, "ci"], b"").status.code(), Some(1));
    assert_eq!(run(&["list", "--file", &missing], b"").status.code(), Some(1));
    assert_eq!(add(&folder.file("no/such/folder"), "ci", "one").status.code(), Some(1));
    assert_eq!(add(&missing, "ci", "").status.code(), Some(1));
    assert_eq!(add(folder.0.to_str().expect("UTF-8"), "ci", "one").status.code(), Some(1));
    assert_eq!(folder.names(), ["htpasswd"]);
}

#[test]
fn those_who_add_at_once_lose_nothing() {
    let folder = Folder::new("at-once");
    let file = folder.file("htpasswd");
    let names: Vec<String> = (0..24).map(|at| format!("user-{at:02}")).collect();
    let children: Vec<Child> = names
        .iter()
        .map(|name| {
            let arguments = [&["add", "--file", &file, name][..], &CHEAP].concat();
            let mut child = wharfinger(&arguments).spawn().expect("starts");
            child.stdin.take().expect("is piped").write_all(name.as_bytes()).expect("reads");
            child
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().expect("ends");
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    }
    for name in &names {
        assert_eq!(whose(&file, name), [name.as_str()]);
    }
    assert_eq!(folder.names(), ["htpasswd"]);
}

/// A terminal, with `wharfinger user hash` at it.
struct Terminal {
    master: File,
    slave: OwnedFd,
    child: Child,
    shown: String,
}

impl Terminal {
    fn start() -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("opens");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("is granted");
        let name = ptsname(&master, Vec::new()).expect("has a name").into_string().expect("UTF-8");
        let slave = || File::options().read(true).write(true).open(&name).expect("opens");
        let arguments = [&["hash"][..], &CHEAP].concat();
        let child = wharfinger(&arguments).stdin(slave()).stderr(slave()).spawn().expect("starts");
        Self { master: master.into(), slave: slave().into(), child, shown: String::new() }
    }

    /// Waits until that has been shown.
    fn expect(&mut self, wanted: &str) {
        while !self.shown.ends_with(wanted) {
            let mut byte = [0];
            self.master.read_exact(&mut byte).expect("shows more");
            self.shown.push(char::from(byte[0]));
        }
    }

    fn type_in(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).expect("takes it");
    }

    fn shows_what_is_typed(&self) -> bool {
        tcgetattr(self.slave.as_fd()).expect("has modes").local_modes.contains(LocalModes::ECHO)
    }
}

#[test]
fn a_terminal_shows_no_password() {
    let mut terminal = Terminal::start();
    terminal.expect("Password: ");
    assert!(!terminal.shows_what_is_typed());
    terminal.type_in("secret\n");
    terminal.expect("Once more: ");
    terminal.type_in("secret\n");
    terminal.expect("\r\n");
    let mut hash = String::new();
    terminal.child.stdout.take().expect("is piped").read_to_string(&mut hash).expect("is text");
    assert_eq!(terminal.child.wait().expect("ends").code(), Some(0));
    assert!(PasswordRecord::parse(hash.trim_end()).expect("can be read").verify("secret"));
    assert!(!terminal.shown.contains("secret") && terminal.shows_what_is_typed(), "{}", terminal.shown);
}

#[test]
fn passwords_that_differ_are_refused() {
    let mut terminal = Terminal::start();
    terminal.expect("Password: ");
    terminal.type_in("secret\n");
    terminal.expect("Once more: ");
    terminal.type_in("secrets\n");
    terminal.expect("differ; begin again\r\n");
    assert_eq!(terminal.child.wait().expect("ends").code(), Some(1));
}

#[test]
fn who_breaks_off_gets_the_terminal_back_as_it_was() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut terminal = Terminal::start();
        terminal.expect("Password: ");
        terminal.type_in("secr");
        let id = Pid::from_child(&terminal.child);
        kill_process(id, signal).expect("is sent");
        terminal.expect("interrupted; nothing was changed\r\n");
        assert_eq!(terminal.child.wait().expect("ends").code(), Some(1));
        assert!(terminal.shows_what_is_typed());
    }
}
