//! `wharfinger edge` where there is nothing to run: what it looks for, and what it says.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder of its own for each test, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("edge-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("makes a folder");
        Self(path)
    }

    fn edge(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("starts")
    }

    /// The launcher in this folder, with a PATH without wasmtime and no OpenStack.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wharfinger"));
        command.arg("edge").args(arguments).current_dir(&self.0).env("PATH", &self.0);
        command.env_remove("WHARFINGER_CONFIG").env_remove("WHARFINGER_SECRET");
        command.env("HOME", &self.0).env("XDG_CONFIG_HOME", &self.0).env("XDG_CONFIG_DIRS", &self.0);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("OS_") {
                command.env_remove(name);
            }
        }
        command
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("makes a folder");
        fs::write(&path, bytes).expect("writes");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What it complained of, having printed nothing.
#[track_caller]
fn refused(output: &Output, code: i32) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0), "{said}");
    said
}

fn printed(output: &Output) -> &str {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::str::from_utf8(&output.stdout).expect("text")
}

#[test]
fn the_component_is_found_where_it_is_built_or_named() {
    let folder = Folder::new("component");
    let said = refused(&folder.edge(&["--print"]), 1);
    for part in [
        "there is no component: neither /",
        " nor wharfinger_wasi.wasm nor target/wasi/wasm32-wasip2/release/wharfinger_wasi.wasm nor target/wasm32-wasip2/",
        "--component",
        "cargo build -p wharfinger-wasi --target wasm32-wasip2 --release",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    for place in ["target/wasm32-wasip2/release", "target/wasi/wasm32-wasip2/release", "."] {
        let file = format!("{place}/wharfinger_wasi.wasm");
        folder.write(&file, "");
        let output = folder.edge(&["--print"]);
        let last = printed(&output).lines().nth_back(1).expect("a line");
        assert_eq!(last.trim(), file.strip_prefix("./").unwrap_or(&file));
    }
    // To print, it need not be here.
    let output = folder.edge(&["--print", "--component", "/elsewhere/x y.wasm", "--", "-Snn"]);
    assert!(printed(&output).ends_with("  -Snn \\\n  '/elsewhere/x y.wasm'\n)\n"), "{}", printed(&output));
    let wasmtime = folder.write("wasmtime", "#!/bin/sh\nexit 9\n");
    let said = String::from_utf8_lossy(&folder.edge(&[]).stderr).into_owned();
    assert!(said.contains("wasmtime is not on the PATH"), "a file that cannot be run is none: {said}");
    fs::set_permissions(&wasmtime, fs::Permissions::from_mode(0o755)).expect("sets the mode");
    let said = refused(&folder.edge(&["--component", "elsewhere.wasm"]), 1);
    assert!(said.contains("there is no component elsewhere.wasm"), "{said}");
    assert_eq!(refused(&folder.edge(&[]), 9), "", "the exit code is that of wasmtime");
    folder.write("wasmtime", "#!/bin/sh\nkill -9 $$\n");
    assert_eq!(refused(&folder.edge(&[]), 128 + 9), "");
    let said = refused(&folder.edge(&["--data", "wasmtime"]), 1);
    let expected = "wharfinger: wasmtime: is not a directory; move it away, or choose another one by --data or registry.storage.root\n";
    assert_eq!(said, expected);
    let said = refused(&folder.edge(&["--data", "wasmtime/x"]), 1);
    assert!(said.contains("wasmtime/x: cannot make the directory: "), "{said}");
}

/// What comes of a text that a person types or pastes, or of the same as a script.
fn typed(folder: &Folder, shell: &[&str], text: &str, secret: Option<&str>) -> (Option<i32>, String) {
    let path = std::env::var("PATH").expect("a PATH");
    // Without a terminal of its own a shell leaves that of the test alone.
    let mut command = Command::new("setsid");
    command.arg("--wait").args(shell).current_dir(&folder.0).env("HOME", &folder.0).env_remove("ENV");
    command.env("PATH", format!("{}:{path}", folder.0.display())).env_remove("WHARFINGER_SECRET");
    if let Some(secret) = secret {
        command.env("WHARFINGER_SECRET", secret);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("starts");
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("writes");
    let output = child.wait_with_output().expect("ends");
    (output.status.code(), String::from_utf8(output.stdout).expect("text"))
}

#[test]
fn what_is_printed_and_pasted_stops_at_what_fails_and_leaves_nothing_behind() {
    let folder = Folder::new("pasted");
    folder.write("wharfinger_wasi.wasm", "");
    folder.write("set.yaml", "registry: {secret: not-a-secret-of-anybody, sparse-manifests: true}");
    folder.write("kept.yaml", "registry: {sparse-manifests: true, storage: {root: data}}");
    folder.write("no-folder.yaml", "registry: {storage: {root: set.yaml}}");
    fs::create_dir_all(folder.0.join("unread/secret")).expect("makes a folder");
    let wasmtime = folder.write(
        "wasmtime",
        "#!/bin/sh\necho \"served $RUST_BACKTRACE $WHARFINGER_SPARSE_MANIFESTS ${#WHARFINGER_SECRET}\"\nexit 7\n",
    );
    fs::set_permissions(&wasmtime, fs::Permissions::from_mode(0o755)).expect("sets the mode");
    let text = |config: &str| printed(&folder.edge(&["--print", "--config", config])).to_owned();
    let (set, kept, no_folder) = (text("set.yaml"), text("kept.yaml"), text("no-folder.yaml"));
    // It is made into a secret that cannot be read after it was printed.
    let unread = kept.replace("data/secret", "unread/secret");
    let shells = [&["sh"][..], &["sh", "-i"], &["bash", "--norc"], &["bash", "--norc", "-i"]];
    for shell in shells {
        for (text, secret, expected) in [
            (&set, Some("not-a-secret-of-anybody"), "served 0 true 23\n"),
            (&set, None, ""),
            (&kept, None, "served 0 true 32\n"),
            (&kept, Some("not-a-secret-of-anybody"), "served 0 true 32\n"),
            (&unread, None, ""),
            (&no_folder, None, ""),
        ] {
            let (code, said) = typed(&folder, shell, text, secret);
            assert_eq!(said, expected, "{shell:?} {text}");
            assert_eq!(code == Some(7), !expected.is_empty(), "{shell:?} {text} {code:?}");
            assert_ne!(code, Some(0), "{shell:?} {text}");
            let more = format!("{text}echo after ${{WHARFINGER_SPARSE_MANIFESTS-unset}}\n");
            let (_, said) = typed(&folder, shell, &more, secret);
            assert_eq!(said, format!("{expected}after unset\n"), "{shell:?} {text}");
        }
    }
}

#[test]
fn a_secret_that_is_no_text_cannot_be_handed_over() {
    let folder = Folder::new("secret");
    folder.write("wharfinger_wasi.wasm", "");
    let secret = folder.write("wharfinger-data/secret", [0xff; 32]);
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("sets the mode");
    let said = refused(&folder.edge(&["--print"]), 1);
    assert!(said.contains("wharfinger-data/secret: this secret is not text"), "{said}");
    fs::write(&secret, [b'x'; 32]).expect("writes");
    printed(&folder.edge(&["--print"]));
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).expect("sets the mode");
    let said = refused(&folder.edge(&["--print"]), 1);
    assert!(said.contains("others may use this secret"), "{said}");
}

#[test]
fn the_secret_in_the_directory_counts_and_not_that_of_the_environment() {
    let folder = Folder::new("kept");
    folder.write("wharfinger_wasi.wasm", "");
    let wasmtime = folder.write("wasmtime", "#!/bin/sh\necho \"$WHARFINGER_SECRET\"\n");
    fs::set_permissions(&wasmtime, fs::Permissions::from_mode(0o755)).expect("sets the mode");
    for secret in ["only-in-the-environment", "short", ""] {
        let output = folder.command(&[]).env("WHARFINGER_SECRET", secret).output().expect("starts");
        let kept = fs::read_to_string(folder.0.join("wharfinger-data/secret")).expect("it is kept");
        assert_eq!(printed(&output), format!("{kept}\n"));
        let said = String::from_utf8_lossy(&output.stderr);
        let warned = said.contains("warning: WHARFINGER_SECRET of the environment has no effect: ");
        assert_eq!(warned, !secret.is_empty(), "{said}");
    }
}

#[test]
fn a_cloud_that_the_component_cannot_reach_is_refused() {
    let folder = Folder::new("cloud");
    folder.write("wharfinger_wasi.wasm", "");
    folder.write(
        "config.yaml",
        "registry: {secret: not-a-secret-of-anybody, storage: {driver: swift, container: c}}",
    );
    let arguments = ["--config", "config.yaml"];
    let said = refused(&folder.edge(&arguments), 2);
    assert!(said.contains("no clouds.yaml in "), "{said}");
    folder.write("clouds.yaml", "clouds: {x: {}}");
    let said = refused(&folder.command(&arguments).env("OS_CLOUD", "nope").output().expect("starts"), 2);
    assert!(said.contains("no cloud is named `nope`; ") && said.contains("/clouds.yaml knows `x`"), "{said}");
    let auth =
        "auth_type: v1password, auth: {auth_url: 'https://swift/auth/v1.0', username: u, password: hidden}";
    folder.write("clouds.yaml", format!("clouds: {{x: {{{auth}, cacert: ca.pem, verify: false}}}}"));
    let said = refused(&folder.edge(&arguments), 2);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].starts_with("wharfinger: cloud `x`: verify: wasmtime checks every"), "{said}");
    assert!(lines[1].starts_with("wharfinger: cloud `x`: cacert: wasmtime trusts no"), "{said}");
    folder.write("clouds.yaml", format!("clouds: {{x: {{{auth}}}}}"));
    let output = folder.edge(&["--config", "config.yaml", "--print"]);
    let text = printed(&output);
    assert!(text.contains("export OS_USERNAME='u'\n") && !text.contains("hidden"), "{text}");
    folder.write("config.yaml", "registry: {storage: {driver: swift, container: c}}");
    let said = refused(&folder.edge(&arguments), 2);
    assert!(said.contains("registry.secret: missing"), "{said}");
}
