//! `wharfinger edge`: the component as an operator starts it, with nothing but a configuration file.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getpgid, kill_process};
use wharfinger_core::access::{HashKind, hash_password};
use wharfinger_tests::digest::sha256;
use wharfinger_tests::http::Connection;
use wharfinger_tests::process::{Ending, ending, terminate};
use wharfinger_tests::repository::{OCTETS, Repository, finishing, location};
use wharfinger_tests::server::{self, Folder, Server, binary};
use wharfinger_tests::wasi::{Component, component, tools};

use super::locks::{ask_as, basic};
use super::{berth, bytes};

/// What wasmtime says when it is asked to end and something runs still.
const ENDING: &str = "Waiting for child tasks";
/// What the launcher says when it does not wait any longer.
const CUT: &str = "wharfinger: warning: not waiting any longer: ";
/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
const SECRET: &str = "only-in-the-file-0123456789";

/// A launcher with its wasmtime. Dropping it ends both.
struct Edge {
    launcher: Component,
    wasmtime: Pid,
}

impl Edge {
    /// Waits until the component answers.
    fn start(command: Command, folder: Folder, data: PathBuf) -> Self {
        let launcher = Component::start_by(command, folder, data).expect("the component starts");
        let children = format!("/proc/{0}/task/{0}/children", launcher.pid());
        let children = fs::read_to_string(children).expect("the system tells children");
        let wasmtime = children.split_whitespace().next().and_then(|id| Pid::from_raw(id.parse().ok()?));
        Self { wasmtime: wasmtime.expect("wasmtime is its child"), launcher }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.launcher.pid()).expect("an id")).expect("an id")
    }

    fn repository(&self, name: &str) -> Repository {
        Repository::new(self.launcher.address(), name)
    }

    /// Waits until wasmtime was told to end.
    fn wait_for_the_end_to_begin(&self) {
        self.wait_for(ENDING);
    }

    fn wait_for(&self, said: &str) {
        let start = Instant::now();
        while !self.launcher.log().contains(said) {
            assert!(start.elapsed() < PATIENCE, "{}", self.launcher.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn ends_well(self) {
        let ended = ending(self.launcher.pid(), PATIENCE).expect("it is a child");
        assert_eq!(ended, Some(Ending::Exited(0)), "{}", self.launcher.log());
        assert!(!self.launcher.log().contains(CUT), "{}", self.launcher.log());
    }

    /// It ends, and tells that it did not wait for all that ran.
    fn ends_early(self) {
        self.wait_for(CUT);
        let ended = ending(self.launcher.pid(), PATIENCE).expect("it is a child");
        assert_eq!(ended, Some(Ending::Exited(0)), "{}", self.launcher.log());
        assert_eq!(self.launcher.log().matches(CUT).count(), 1, "{}", self.launcher.log());
    }

    fn stop(self) {
        terminate(self.launcher.pid()).expect("it runs");
        self.ends_well();
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        if ending(self.launcher.pid(), Duration::ZERO).is_ok_and(|ended| ended.is_none()) {
            // Whoever started it sees it end, and ends.
            let _ = kill_process(self.wasmtime, Signal::KILL);
        }
    }
}

/// What comes after the subcommand: where to listen, and which component; idle instances do not hold up the end.
fn finish(mut command: Command) -> Command {
    command.args(["--listen", "127.0.0.1:0", "--component"]).arg(component().expect("it is built"));
    command.env("PATH", path_with_wasmtime()).env_remove("WHARFINGER_CONFIG");
    command
}

fn path_with_wasmtime() -> OsString {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let folders = [tools().expect("wasmtime is installed")].into_iter().chain(std::env::split_paths(&rest));
    std::env::join_paths(folders).expect("a PATH")
}

const SHORT_IDLE: [&str; 2] = ["--", "--idle-instance-timeout=1s"];

/// The launcher for a directory in `folder`, with these lines under `registry:`.
fn on_files(folder: &Folder, lines: &str) -> Command {
    let data = folder.path().join("it's data");
    let config = folder.path().join("config.yaml");
    let text = format!("registry:\n  storage: {{root: \"{}\"}}\n{lines}", data.display());
    fs::write(&config, text).expect("writes");
    let mut command = Command::new(binary().expect("the binary is built"));
    command.arg("edge").arg("--config").arg(config);
    finish(command)
}

fn folder() -> Folder {
    Folder::new("edge").expect("a folder")
}

fn data_of(folder: &Folder) -> PathBuf {
    folder.path().join("it's data")
}

/// Nothing that everybody may see of these processes tells this.
fn hides(edge: &Edge, secret: &str) {
    for pid in [edge.pid(), edge.wasmtime] {
        let line = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).expect("the system tells");
        let line = String::from_utf8_lossy(&line).into_owned();
        assert!(line.contains("edge") || line.contains("wasmtime"), "{line}");
        assert!(!line.contains(secret), "{line}");
    }
    assert!(!edge.launcher.log().contains(secret));
}

/// Pushes a blob whose upload begins at one host and ends at the other, and reads it from both.
fn share(one: &Repository, other: &Repository, seed: u64) {
    let blob = bytes(seed, 300_000);
    let digest = sha256(&blob);
    let at = one.begin(&mut one.connect().expect("connects")).expect("POST");
    let patched = other.connect().and_then(|mut there| there.request("PATCH", &at, &[OCTETS], &blob));
    let at = patched.and_then(|answer| location(&answer.expect(202)?)).expect("PATCH");
    let put = one.connect().and_then(|mut here| here.request("PUT", &finishing(&at, &digest), &[], b""));
    put.and_then(|answer| answer.expect(201)).expect("PUT");
    for host in [one, other] {
        assert_eq!(host.read(&digest).expect("GET").as_ref(), Some(&blob));
    }
}

fn native(data: &Path, config: Option<String>) -> Server {
    let options = server::Options { data: Some(data.to_owned()), config, ..server::Options::default() };
    Server::start(options).expect("the registry starts")
}

#[test]
fn a_directory_is_shared_with_the_native_server_by_the_secret_in_it() {
    let folder = folder();
    let data = data_of(&folder);
    let mut command = on_files(&folder, "");
    command.args(SHORT_IDLE);
    let edge = Edge::start(command, self::folder(), data.clone());
    let kept = fs::read(data.join("secret")).expect("the secret is kept");
    let mode = fs::metadata(data.join("secret")).expect("it is there").permissions().mode();
    assert_eq!((kept.len(), mode & 0o777), (32, 0o600));
    hides(&edge, std::str::from_utf8(&kept).expect("text"));
    assert_ne!(getpgid(Some(edge.wasmtime)), getpgid(Some(edge.pid())), "Ctrl-C would reach it twice");
    let native = native(&data, None);
    let name = "edge/files";
    share(&edge.repository(name), &Repository::new(native.address(), name), 1);
    share(&Repository::new(native.address(), name), &edge.repository(name), 2);
    native.stop().expect("it stops well");
    assert_eq!(fs::read(data.join("secret")).expect("reads"), kept);
    edge.stop();
}

#[test]
fn swift_is_found_in_clouds_yaml_and_its_password_shown_nowhere() {
    let berth = berth("wasi-edge").with("  limits: {segment-bytes: 1048576}\n");
    let folder = folder();
    let password = berth.cloud["auth"]["password"].as_str().expect("a password").to_owned();
    let mut command = finish(berth.command(&folder, "edge").expect("a command"));
    command.args(SHORT_IDLE);
    let edge = Edge::start(command, self::folder(), PathBuf::new());
    let mut connection = Connection::open(edge.launcher.address()).expect("connects");
    connection.request("GET", "/v2/", &[], b"").and_then(|answer| answer.expect(200)).expect("GET /v2/");
    drop(connection);
    hides(&edge, &password);
    hides(&edge, "not-a-secret-of-anybody");
    let native = berth.start().expect("the registry starts");
    share(&edge.repository("edge/swift"), &Repository::new(native.address(), "edge/swift"), 3);
    let blob = bytes(4, 2_500_000);
    let pushed = edge.repository("edge/swift").push_whole(&blob);
    pushed.and_then(|answer| answer.expect(201)).expect("pushed");
    let read = Repository::new(native.address(), "edge/swift").read(&sha256(&blob));
    assert_eq!(read.expect("GET"), Some(blob));
    native.stop().expect("it stops well");
    edge.stop();

    let mut print = finish(berth.command(&folder, "edge").expect("a command"));
    let printed = print.arg("--print").output().expect("it runs");
    assert!(printed.status.success());
    let all = [printed.stdout, printed.stderr].concat();
    let all = String::from_utf8_lossy(&all);
    assert!(all.contains("--env OS_PASSWORD") && all.contains("# export OS_PASSWORD=..."), "{all}");
    assert!(!all.contains(&password) && !all.contains("not-a-secret"), "{all}");
}

/// An upload that has begun, with half of its body sent.
fn half_an_upload(repository: &Repository, blob: &[u8]) -> Connection {
    let mut connection = repository.connect().expect("connects");
    let begun = repository.begin(&mut connection).expect("POST");
    let length = blob.len().to_string();
    let fields = [OCTETS, ("Content-Length", length.as_str())];
    connection.send_head("PUT", &finishing(&begun, &sha256(blob)), &fields).expect("sends");
    connection.send(&blob[..blob.len() / 2]).expect("sends");
    connection
}

#[test]
fn users_of_the_file_and_of_htpasswd_log_in_and_are_shown_nowhere() {
    let folder = folder();
    let hash = hash_password("right", HashKind::Bcrypt { cost: 5 }, [7; 16]).expect("a hash");
    let htpasswd = folder.path().join("htpasswd");
    fs::write(&htpasswd, format!("# jobs\nci:{hash}\n")).expect("writes");
    let lines = format!(
        "  htpasswd: \"{}\"\n  users: [{{name: ops, pass: hidden-in-the-file, access: read}}]\n",
        htpasswd.display()
    );
    let mut command = on_files(&folder, &lines);
    command.args(SHORT_IDLE);
    let edge = Edge::start(command, self::folder(), data_of(&folder));
    let at = edge.launcher.address();
    assert_eq!(edge.launcher.first_status(), 401);
    for (user, password, pulls, pushes) in
        [("ci", "right", 404, 202), ("ops", "hidden-in-the-file", 404, 403), ("ci", "wrong", 401, 401)]
    {
        let who = basic(user, password);
        assert_eq!(ask_as(at, &who, "GET", "/v2/a/tags/list").status(), pulls);
        assert_eq!(ask_as(at, &who, "POST", "/v2/a/blobs/uploads/").status(), pushes);
    }
    hides(&edge, "hidden-in-the-file");
    hides(&edge, &hash);
    let printed = on_files(&folder, &lines).arg("--print").output().expect("it runs");
    let printed = String::from_utf8(printed.stdout).expect("text");
    assert!(printed.contains("--env WHARFINGER_USERS") && !printed.contains("OPEN_TO_ALL"), "{printed}");
    assert!(!printed.contains("hidden-in") && !printed.contains(&hash), "{printed}");
    edge.stop();
}

#[test]
fn without_users_it_listens_for_this_machine_alone() {
    let folder = folder();
    let run = |lines: &str, flags: &[&str]| {
        let mut command = on_files(&folder, lines);
        command.arg("--print").args(flags).output().expect("it runs")
    };
    let everywhere = ["--", "--addr", "0.0.0.0:0"];
    let refused = run("", &everywhere);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(2) && said.contains("everybody who reaches 0.0.0.0:0"), "{said}");
    for (lines, flags) in
        [("", &[][..]), ("  open-to-all: true\n", &everywhere), ("  users: []\n", &everywhere)]
    {
        let printed = run(lines, flags);
        let text = String::from_utf8_lossy(&printed.stdout);
        assert_eq!(text.contains("OPEN_TO_ALL='true'"), !lines.contains("users"), "{text}");
        assert!(printed.status.success());
    }
}

#[test]
fn sigterm_lets_finish_what_runs() {
    let folder = folder();
    let mut command = on_files(&folder, "");
    command.args(SHORT_IDLE);
    let edge = Edge::start(command, self::folder(), data_of(&folder));
    let blob = bytes(5, 3_000_000);
    let mut upload = half_an_upload(&edge.repository("edge/slow"), &blob);
    terminate(edge.launcher.pid()).expect("it runs");
    edge.wait_for_the_end_to_begin();
    upload.send(&blob[blob.len() / 2..]).expect("sends");
    upload.read_response("PUT").and_then(|answer| answer.expect(201)).expect("it is stored");
    drop(upload);
    edge.ends_well();
    let native = native(&data_of(&folder), None);
    let read = Repository::new(native.address(), "edge/slow").read(&sha256(&blob));
    assert_eq!(read.expect("GET"), Some(blob));
}

#[test]
fn what_does_not_finish_is_not_waited_for_longer_than_the_configuration_says() {
    let folder = folder();
    let command = on_files(&folder, "  limits: {drain-seconds: 1}\n");
    let edge = Edge::start(command, self::folder(), data_of(&folder));
    let blob = bytes(6, 3_000_000);
    let mut upload = half_an_upload(&edge.repository("edge/stuck"), &blob);
    terminate(edge.launcher.pid()).expect("it runs");
    edge.ends_early();
    assert!(upload.read_response("PUT").is_err(), "nobody can have answered");
}

#[test]
fn a_second_signal_does_not_wait() {
    let folder = folder();
    let edge = Edge::start(on_files(&folder, ""), self::folder(), data_of(&folder));
    let blob = bytes(7, 3_000_000);
    let _upload = half_an_upload(&edge.repository("edge/twice"), &blob);
    terminate(edge.launcher.pid()).expect("it runs");
    edge.wait_for_the_end_to_begin();
    let told = Instant::now();
    kill_process(edge.pid(), Signal::INT).expect("it runs");
    edge.ends_early();
    assert!(told.elapsed() < Duration::from_secs(20), "that was limits.drain-seconds");
}

/// What is printed, as a person pastes it.
fn pasted(folder: &Folder, command: &mut Command, secret: Option<&str>) -> Edge {
    let printed = command.arg("--print").output().expect("it runs");
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let script = folder.path().join("script");
    fs::write(&script, printed.stdout).expect("writes");
    let mut shell = Command::new("sh");
    shell.arg(script).env("PATH", path_with_wasmtime()).env_remove("WHARFINGER_SECRET");
    if let Some(secret) = secret {
        shell.env("WHARFINGER_SECRET", secret);
    }
    Edge::start(shell, self::folder(), data_of(folder))
}

#[test]
fn what_is_printed_runs_in_a_shell() {
    let folder = folder();
    let lines = format!("  secret: {SECRET}\n  limits: {{chunk-min-bytes: 4242}}\n");
    let edge = pasted(&folder, &mut on_files(&folder, &lines), Some(SECRET));
    let begun = edge.repository("edge/printed").ask("POST", "blobs/uploads/").expect("POST");
    assert_eq!(begun.head.field("oci-chunk-min-length"), Some("4242"));
    let native = native(&data_of(&folder), Some(format!("registry:\n{lines}")));
    share(&edge.repository("edge/printed"), &Repository::new(native.address(), "edge/printed"), 8);
    native.stop().expect("it stops well");
    drop(edge);

    // Whoever forgets the secret is told.
    let shell = Command::new("sh")
        .arg(folder.path().join("script"))
        .env("PATH", path_with_wasmtime())
        .env_remove("WHARFINGER_SECRET")
        .output();
    let shell = shell.expect("sh runs");
    let said = String::from_utf8_lossy(&shell.stderr);
    assert!(!shell.status.success() && said.contains("WHARFINGER_SECRET: is registry.secret of "), "{said}");
}

#[test]
fn what_is_printed_makes_the_secret_of_a_directory_as_the_native_server_does() {
    let folder = folder();
    let mut command = on_files(&folder, "");
    let edge = pasted(&folder, &mut command, None);
    let native = native(&data_of(&folder), None);
    share(&edge.repository("edge/kept"), &Repository::new(native.address(), "edge/kept"), 9);
    native.stop().expect("it stops well");
}

#[test]
fn without_wasmtime_it_prints_and_fails() {
    let folder = folder();
    let command = || on_files(&folder, &format!("  secret: {SECRET}\n  limits: {{connections: 5}}\n"));
    let printed = command().arg("--print").output().expect("it runs");
    assert_eq!(printed.status.code(), Some(0));
    let missing = command().env("PATH", folder.path()).output().expect("it runs");
    assert_eq!(missing.status.code(), Some(1));
    assert_eq!(missing.stdout, printed.stdout);
    let said = String::from_utf8(missing.stderr).expect("text");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].contains("warning: registry.limits.connections has no effect: "), "{said}");
    assert!(lines[1].contains("wasmtime is not on the PATH") && lines[1].contains("wasmtime.dev"), "{said}");
    let printed = String::from_utf8(printed.stdout).expect("text");
    assert!(printed.contains("wasmtime serve -Scli --addr 127.0.0.1:0 ") && !printed.contains(SECRET));
    assert!(!data_of(&folder).exists(), "printing makes nothing");
}
