//! The command line of the real binary: what it prints, where, and its exit codes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli.help.txt");

/// The binary, with nothing of the caller's environment that it looks at.
fn wharfinger(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharfinger"));
    command.args(arguments).stdin(Stdio::null()).env_remove("WHARFINGER_CONFIG").env_remove("COLUMNS");
    command
}

fn run(arguments: &[&str]) -> Output {
    wharfinger(arguments).output().expect("starts")
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("UTF-8")
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("UTF-8")
}

/// A configuration file of its own for each test, removed at the end.
struct ConfigFile(PathBuf);

impl ConfigFile {
    fn new(name: &str, text: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.yaml", std::process::id()));
        fs::write(&path, text).expect("writes");
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("UTF-8")
    }
}

impl Drop for ConfigFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn the_whole_help_is_as_recorded() {
    let mut help = String::new();
    for arguments in [
        &["--help"][..],
        &["serve", "--help"],
        &["config", "--help"],
        &["ping", "--help"],
        &["edge", "--help"],
        &["store", "--help"],
        &["store", "ls", "--help"],
        &["store", "stat", "--help"],
        &["store", "cat", "--help"],
        &["store", "put", "--help"],
        &["store", "mv", "--help"],
        &["store", "rm", "--help"],
        &["user", "--help"],
        &["user", "hash", "--help"],
        &["user", "add", "--help"],
        &["user", "remove", "--help"],
        &["user", "list", "--help"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(stderr(&output), "");
        help.push_str(&format!("$ wharfinger {}\n{}\n", arguments.join(" "), stdout(&output)));
    }
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(SNAPSHOT, &help).expect("writes");
    }
    let recorded = fs::read_to_string(SNAPSHOT).expect("reads");
    assert_eq!(help, recorded, "run this test with UPDATE_SNAPSHOTS=1 to record the help");
    assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
}

#[test]
fn the_short_help_teaches_the_same() {
    assert_eq!(stdout(&run(&["-h"])), stdout(&run(&["--help"])));
}

#[test]
fn the_version_is_that_of_the_package() {
    let output = run(&["--version"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stdout(&output), format!("wharfinger {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn mistakes_on_the_command_line_are_usage_errors() {
    for arguments in [
        &["--nonsense"][..],
        &["prune"],
        &["serve", "serve"],
        &["--listen", "5000"],
        &["--listen", "localhost:5000"],
        &["--data", ""],
        &["--log", "xml"],
        &["--log-level", "loud"],
        &["--config"],
        &["ping", "127.0.0.1:5000"],
        &["ping", "ftp://127.0.0.1:5000"],
        &["ping", "http://127.0.0.1:5000/v2/"],
        &["ping", "--cacert", "/ca.pem"],
        &["ping", "--wait", "soon"],
        &["store", "ls", "a", "b"],
        &["store", "ls", "--json", "--human"],
        &["store", "ls", "--json", "--long"],
        &["store", "ls", "--page", "0"],
        &["store", "stat"],
        &["store", "stat", "notes.txt"],
        &["store", "cat", "tags/A!/v1"],
        &["store", "cat", "tags/a!/v1", "--range", "5-4"],
        &["store", "put", "../secret"],
        &["store", "mv", "tags/a!/v1"],
        &["store", "rm"],
        &["store", "rm", "tags/a!/v1", "tmp/1"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(stdout(&output), "", "{arguments:?}");
        assert!(stderr(&output).starts_with("error: "), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn mistakes_in_the_file_are_usage_errors_with_their_place() {
    let file = ConfigFile::new("mistakes", "registry:\n  prot: 1\n  users: {}\n");
    for arguments in
        [&["--config", file.path()][..], &["config", "--config", file.path()], &["-c", file.path(), "serve"]]
    {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(stdout(&output), "", "{arguments:?}");
        let lines: Vec<&str> = stderr(&output).lines().collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert_eq!(
            lines[0],
            format!("{}:2:3: registry.prot: unknown key; did you mean `port`?", file.path())
        );
        assert!(
            lines[1].contains(":3:10: registry.users: found a mapping; expected a list of users"),
            "{}",
            lines[1]
        );
    }
    let output = run(&["--config", "/nonexistent/wharfinger.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("cannot read the configuration file"), "{}", stderr(&output));
}

#[test]
fn a_directory_is_not_put_in_the_place_of_a_cloud() {
    let storage = "storage: {driver: swift, container: c}";
    let file =
        ConfigFile::new("no-data", &format!("registry:\n  secret: not-a-secret-of-anybody\n  {storage}\n"));
    for arguments in [&["serve"][..], &["config"], &["store", "ls"], &["store", "rm", "tags/a!/v1"]] {
        let output = wharfinger(arguments).args(["--data", "copy", "--config", file.path()]).output();
        let output = output.expect("starts");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(stdout(&output), "", "{arguments:?}");
        let said = stderr(&output);
        assert!(said.starts_with(file.path()) && said.contains("leave --data out"), "{said}");
    }
}

#[test]
fn the_short_flag_of_help_is_the_same_everywhere() {
    for command in ["ls", "stat", "cat", "put", "mv", "rm"] {
        let output = run(&["store", command, "-h"]);
        assert_eq!(output.status.code(), Some(0), "{command}");
        assert!(stdout(&output).contains("Usage: wharfinger store"), "{command}");
    }
}

#[test]
fn flags_override_the_file_which_overrides_the_defaults() {
    let file = ConfigFile::new(
        "layers",
        "registry:\n  port: 7000\n  secret: hidden-0123456789\n  log: {format: json, level: warn}\n  storage: {root: /from-file}\n",
    );
    let output = run(&["config", "--config", file.path(), "--data", "/from-flag", "--log-level", "debug"]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
    for line in
        ["port: 7000", "address: \"127.0.0.1\"", "root: \"/from-flag\"", "format: json", "level: debug"]
    {
        assert!(stdout(&output).contains(&format!(" {line}\n")), "{line}: {}", stdout(&output));
    }
    assert!(!stdout(&output).contains("hidden"));
    let output = run(&["--listen", "[::1]:0", "config", "--log", "human", "-c", file.path()]);
    for line in ["port: 0", "address: \"::1\"", "root: \"/from-file\"", "format: human", "level: warn"] {
        assert!(stdout(&output).contains(&format!(" {line}\n")), "{line}: {}", stdout(&output));
    }
}

#[test]
fn the_environment_names_the_file_unless_the_flag_does() {
    let file = ConfigFile::new("environment", "registry: {port: 7001}\n");
    let other = ConfigFile::new("flag", "registry: {port: 7002}\n");
    let output = wharfinger(&["config"]).env("WHARFINGER_CONFIG", file.path()).output().expect("starts");
    assert!(stdout(&output).contains("port: 7001\n"), "{}", stdout(&output));
    let output = wharfinger(&["config", "-c", other.path()])
        .env("WHARFINGER_CONFIG", file.path())
        .output()
        .expect("starts");
    assert!(stdout(&output).contains("port: 7002\n"), "{}", stdout(&output));
}

#[test]
fn what_is_printed_is_a_file_that_prints_the_same() {
    let printed = run(&["config", "--listen", "127.0.0.9:0", "--data", "a \"b\""]);
    let file = ConfigFile::new("printed", stdout(&printed));
    assert_eq!(stdout(&run(&["config", "-c", file.path()])), stdout(&printed));
}

#[test]
fn nobody_is_let_in_by_mistake() {
    let users = ConfigFile::new("exposed-users", "registry:\n  users: []\n");
    let data = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("exposed-{}", std::process::id()));
    let data = data.to_str().expect("UTF-8");
    for command in ["serve", "config"] {
        for (arguments, expected) in [
            (&["--listen", "0.0.0.0:0"][..], "add registry.users"),
            (&["--listen", "[::]:0"], "or listen on 127.0.0.1, or allow it with --open-to-all"),
            (&["--open-to-all", "-c", users.path()], "open-to-all would let in everybody"),
        ] {
            let output = run(&[&[command, "--data", data], arguments].concat());
            assert_eq!(output.status.code(), Some(2), "{arguments:?}");
            assert!(stderr(&output).contains(expected), "{arguments:?}: {}", stderr(&output));
        }
    }
    assert!(!Path::new(data).exists());
    let output = run(&["config", "--listen", "0.0.0.0:0", "--open-to-all"]);
    assert!(stdout(&output).contains("\n  open-to-all: true\n"), "{}", stdout(&output));
    let output = run(&["config", "--listen", "0.0.0.0:0", "-c", users.path()]);
    assert!(stdout(&output).contains("\n  users: []\n"), "{}", stdout(&output));
}

#[test]
fn failing_to_print_is_a_failure() {
    let full = File::options().write(true).open("/dev/full").expect("opens");
    let output = wharfinger(&["config"]).stdout(full).output().expect("starts");
    assert_eq!(output.status.code(), Some(1));
}
