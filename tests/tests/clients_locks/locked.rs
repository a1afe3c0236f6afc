//! A locked registry, and machines with clients that know it.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use wharfinger_tests::image::{Image, Layout};
use wharfinger_tests::server::{Folder, Options, Server};
use wharfinger_tests::tools::Tools;

use super::pair::{self, Authority};

/// The clients that log in, push and pull.
pub const PROGRAMS: [&str; 3] = ["podman", "skopeo", "buildah"];

/// What is spoken.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    /// HTTP, at an address, where the registry does not know its own URL.
    Plain,
    /// HTTPS, at a name, with a certificate and `public-url`.
    Tls,
}

/// A locked registry.
pub struct Locked {
    pub server: Server,
    /// What clients call it.
    pub host: String,
    pub authority: Option<Authority>,
    room: Folder,
}

impl Locked {
    /// A registry with these lines under `registry:`; `purpose` names its room.
    pub fn open(way: Way, purpose: &str, lines: &str) -> Self {
        match way {
            Way::Plain => {
                let config = Some(format!("registry:\n{lines}"));
                let server = Server::start(Options { config, ..Options::default() }).expect("it starts");
                let (host, room) = (server.address().to_string(), room(purpose));
                Self { server, host, authority: None, room }
            }
            Way::Tls => Self::with_tls(purpose, |port, at| {
                format!(
                    "registry:\n  address: 127.0.0.1\n  port: {port}\n  public-url: https://localhost:{port}\n  \
                     tls-cert: {at}/cert.pem\n  tls-key: {at}/key.pem\n  storage: {{root: '${{data}}'}}\n{lines}"
                )
            }),
        }
    }

    /// A registry with nothing but the file that is made for a port and a folder with the certificate `cert.pem` of
    /// `localhost`, its key `key.pem`, and that of its authority, `ca.pem`.
    pub fn with_tls(purpose: &str, file: impl Fn(u16, &str) -> String) -> Self {
        let room = room(purpose);
        let authority = Authority::new("Harbour");
        pair::write(room.path(), &authority.certify("localhost"));
        pair::put(&room.path().join("ca.pem"), &authority.pem());
        let port = free_port();
        let config = Some(file(port, &room.path().display().to_string()));
        let server = Server::start(Options { config, as_it_is: true, ..Options::default() });
        let host = format!("localhost:{port}");
        Self { server: server.expect("it starts"), host, authority: Some(authority), room }
    }

    /// A machine whose clients know this registry, and where nobody is logged in.
    pub fn machine(&self, name: &str) -> Machine {
        let authority = self.authority.as_ref().map(Authority::pem);
        Machine::new(&self.room.path().join(name), &self.host, authority.as_deref())
    }

    /// A new layout with one image under the tag `t`.
    pub fn layout(&self, seed: u64) -> PathBuf {
        image_in(self.room.path(), seed)
    }

    /// Asks it with curl.
    pub fn curl(&self, login: Option<&str>, target: &str) -> Outcome {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}{target}", self.host);
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--fail-with-body", "--max-time", "60", &url]);
        if self.authority.is_some() {
            command.arg("--cacert").arg(self.room.path().join("ca.pem"));
        }
        command.args(login.iter().flat_map(|login| ["--user", login]));
        let output = command.output().expect("curl must be installed: apt-get install curl");
        Outcome::of(&format!("{command:?}"), &output)
    }

    /// All that it has stored: the names of all files and folders.
    pub fn stored(&self) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        let mut folders = vec![self.server.data().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("a folder can be read").flatten() {
                if entry.file_type().expect("a file has a type").is_dir() {
                    folders.push(entry.path());
                }
                found.insert(entry.path());
            }
        }
        found
    }
}

/// What somebody works at who uses the clients.
pub struct Machine {
    tools: Tools,
    home: PathBuf,
    host: String,
}

impl Machine {
    /// One that knows the registry `host`: that it speaks plain HTTP, or which authority has certified it.
    pub fn new(home: &Path, host: &str, authority: Option<&str>) -> Self {
        let tools = Tools::new(home);
        let machine = Self { tools, home: home.to_owned(), host: host.to_owned() };
        match authority {
            Some(authority) => machine.put_certificate("ca.crt", authority),
            None => {
                let file = home.join(".config/containers/registries.conf");
                let text = format!("[[registry]]\nlocation = \"{host}\"\ninsecure = true\n");
                fs::write(file, text).expect("the home is writable");
            }
        }
        machine
    }

    /// Puts a file beside the certificate that the clients trust.
    pub fn put_certificate(&self, name: &str, text: &str) {
        let folder = self.home.join(".config/containers/certs.d").join(&self.host);
        fs::create_dir_all(&folder).expect("the home is writable");
        fs::write(folder.join(name), text).expect("the home is writable");
    }

    /// Runs one of the clients.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Outcome {
        Outcome::of(&format!("{program} {arguments:?}"), &self.tools.run(program, arguments))
    }

    /// Runs skopeo; every `@` at the beginning of an argument stands for the registry.
    pub fn skopeo(&self, arguments: &[&str]) -> Outcome {
        let named = |text: &&str| match text.strip_prefix('@') {
            Some(name) => self.remote(name),
            None => (*text).to_owned(),
        };
        let arguments: Vec<String> = arguments.iter().map(named).collect();
        self.run("skopeo", &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    pub fn login(&self, program: &str, user: &str, password: &str) -> Outcome {
        self.run(program, &["login", "--username", user, "--password", password, &self.host])
    }

    /// Who is logged in.
    pub fn logged_in(&self, program: &str) -> Outcome {
        self.run(program, &["login", "--get-login", &self.host])
    }

    pub fn logout(&self, program: &str) {
        self.run(program, &["logout", &self.host]).good();
    }

    /// Pushes the image `t` of a layout, with more options.
    pub fn push(&self, program: &str, options: &[&str], layout: &Path, name: &str) -> Outcome {
        let (local, remote) = (format!("oci:{}:t", layout.display()), self.remote(name));
        if program == "skopeo" {
            return self.run(program, &[&["copy", "--quiet"], options, &[&local, &remote]].concat());
        }
        let id = self.run(program, &["pull", "--quiet", &local]).good();
        self.run(program, &[&["push", "--quiet"], options, &[id.trim(), &remote]].concat())
    }

    /// Pulls an image that is not here yet, with more options.
    pub fn pull(&self, program: &str, options: &[&str], name: &str) -> Outcome {
        let remote = self.remote(name);
        if program == "skopeo" {
            let folder = self.home.join("pulled");
            let _ = fs::remove_dir_all(&folder);
            let local = format!("dir:{}", folder.display());
            return self.run(program, &[&["copy", "--quiet"], options, &[&remote, &local]].concat());
        }
        self.run(program, &["rmi", "--all", "--force"]).good();
        self.run(program, &[&["pull", "--quiet"], options, &[&remote]].concat())
    }

    /// What clients call a repository or an image.
    pub fn remote(&self, name: &str) -> String {
        format!("docker://{}/{name}", self.host)
    }
}

/// How a call of a client ended.
#[must_use]
pub struct Outcome {
    call: String,
    succeeded: bool,
    printed: String,
    said: String,
}

impl Outcome {
    pub fn of(call: &str, output: &Output) -> Self {
        Self {
            call: call.to_owned(),
            succeeded: output.status.success(),
            printed: String::from_utf8_lossy(&output.stdout).into_owned(),
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// What it printed, after it succeeded.
    #[track_caller]
    pub fn good(self) -> String {
        assert!(self.succeeded, "{} failed: {}", self.call, self.said);
        self.printed
    }

    /// What it said, after it succeeded.
    #[track_caller]
    pub fn good_saying(self) -> String {
        assert!(self.succeeded, "{} failed: {}", self.call, self.said);
        self.said
    }

    /// It has failed, and said this.
    #[track_caller]
    pub fn bad(self, expected: &str) {
        assert!(!self.succeeded, "{} succeeded: {}{}", self.call, self.printed, self.said);
        assert!(self.said.contains(expected), "{}: no {expected:?} in {}", self.call, self.said);
    }
}

/// A new layout in `folder` with one image under the tag `t`.
pub fn image_in(folder: &Path, seed: u64) -> PathBuf {
    let path = folder.join(format!("image-{seed}"));
    Layout::create(&path).add("t", &Image::new(seed, &[20_000, 3_000]));
    path
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Its path is in lower case: podman takes it for a name.
fn room(purpose: &str) -> Folder {
    Folder::new(&format!("locks-{}", purpose.to_lowercase())).expect("the temporary directory is writable")
}
