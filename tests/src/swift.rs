//! A real OpenStack Swift, with or without Keystone, on loopback: see tests/swift/README.md.

pub mod client;
pub mod fault;
pub mod host;
pub mod keystone;
pub mod registry;

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;

use crate::process;
use client::Client;
use keystone::Keystone;

/// How long the servers may take to be gone after the rig was told to end.
const END_SECONDS_MAX: u64 = 30;
/// How long a rig runs at most; it ends with its test long before.
const LIFE_SECONDS_MAX: u64 = 3600;
/// The command that starts everything.
const RIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/swift/rig");

/// How to start Swift. The defaults are those of Swift itself, with one replica.
#[derive(Clone, Debug)]
pub struct Options {
    /// Nodes, each with an account, a container and an object server: 1 or 3.
    pub replicas: u8,
    /// Whether users and tokens are Keystone's; otherwise Swift has one account of its own.
    pub keystone: bool,
    /// How long the proxy waits for the next 64 KiB of a client's body, and keeps an idle connection.
    pub client_timeout: Duration,
    /// How long the proxy waits for a storage server.
    pub node_timeout: Duration,
    /// How long a token is good for, to the second.
    pub token_life: Duration,
    /// Size of the largest object, bytes.
    pub max_file_size: u64,
    /// Segments of one large object, at most.
    pub max_manifest_segments: u32,
    /// Writes to one container in a second, beyond which Swift answers 498; 0 for no limit. Swift limits no container that
    /// it believes to be empty, and believes so for a minute, unless a POST to the container has it look again.
    pub writes_per_second: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            replicas: 1,
            keystone: false,
            client_timeout: Duration::from_secs(60),
            node_timeout: Duration::from_secs(10),
            token_life: Duration::from_secs(86400),
            max_file_size: 5 * 1024 * 1024 * 1024 + 2,
            max_manifest_segments: 1000,
            writes_per_second: 0,
        }
    }
}

impl Options {
    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            format!("--replicas={}", self.replicas),
            format!("--client-timeout={}", self.client_timeout.as_secs_f64()),
            format!("--node-timeout={}", self.node_timeout.as_secs_f64()),
            format!("--token-life={}", self.token_life.as_secs()),
            format!("--max-file-size={}", self.max_file_size),
            format!("--max-manifest-segments={}", self.max_manifest_segments),
            format!("--writes-per-second={}", self.writes_per_second),
            format!("--life={LIFE_SECONDS_MAX}"),
        ];
        if self.keystone {
            arguments.push("--keystone".to_owned());
        }
        arguments
    }
}

/// A running Swift. Dropping it ends all its servers and removes what they stored.
///
/// Servers go by name: `proxy`, `memcached`, `keystone`, and `account1`, `container1`, `object1` to `object3`.
#[derive(Debug)]
pub struct Swift {
    child: Child,
    // Whoever talks to the rig holds both ends of the talk; `None` once it is told to end.
    talk: Mutex<Option<Talk>>,
    facts: Value,
    proxy: SocketAddr,
    keystone: Option<Keystone>,
}

#[derive(Debug)]
struct Talk {
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Swift {
    /// Installs what is missing, starts all servers on free loopback ports and waits until they serve.
    ///
    /// # Errors
    /// What the rig says, with the end of the log of the server that does not serve.
    pub fn start(options: &Options) -> Result<Self, String> {
        let mut command = Command::new(RIG);
        command.arg("run").args(options.arguments()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child =
            command.spawn().map_err(|error| format!("starting {RIG}: {error}; install Python 3"))?;
        let (Some(commands), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the rig has no pipes".to_owned());
        };
        let mut talk = Talk { commands, answers: BufReader::new(answers) };
        let started = talk.answer().and_then(|facts| {
            let proxy = facts["proxy"].as_str().and_then(|address| address.parse().ok());
            let proxy = proxy.ok_or_else(|| format!("the rig tells no address: {facts}"))?;
            Ok((proxy, Keystone::read(&facts["keystone"])?, facts))
        });
        match started {
            Ok((proxy, keystone, facts)) => {
                Ok(Self { child, talk: Mutex::new(Some(talk)), facts, proxy, keystone })
            }
            Err(error) => {
                drop(talk);
                end(&mut child);
                Err(error)
            }
        }
    }

    /// Where Swift's proxy server listens.
    pub fn proxy(&self) -> SocketAddr {
        self.proxy
    }

    /// The process that all servers die with.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The URL to log in at with [`Swift::user`] and [`Swift::key`]; without Keystone.
    pub fn auth_url(&self) -> String {
        format!("http://{}/auth/v1.0", self.proxy)
    }

    /// The user of Swift's own account, `test:tester`; empty with Keystone.
    pub fn user(&self) -> &str {
        self.facts["user"].as_str().unwrap_or_default()
    }

    /// The key of Swift's own account; empty with Keystone.
    pub fn key(&self) -> &str {
        self.facts["key"].as_str().unwrap_or_default()
    }

    /// Keystone, if it was asked for.
    pub fn keystone(&self) -> Option<&Keystone> {
        self.keystone.as_ref()
    }

    /// A client that has logged in to Swift's own account, directly.
    ///
    /// # Errors
    /// When Swift does not let it in.
    pub fn client(&self) -> Result<Client, String> {
        Client::log_in(self.proxy, self.user(), self.key())
    }

    /// A client that has logged in to Swift's own account and speaks to `address`, such as that of a [`fault::FaultProxy`].
    ///
    /// # Errors
    /// When Swift does not let it in.
    pub fn client_through(&self, address: SocketAddr) -> Result<Client, String> {
        Ok(self.client()?.through(address))
    }

    /// Where one server listens.
    ///
    /// # Errors
    /// When there is no such server.
    pub fn server(&self, name: &str) -> Result<SocketAddr, String> {
        let port = self.facts["servers"][name].as_u64().and_then(|port| u16::try_from(port).ok());
        let port = port.ok_or_else(|| format!("no server {name} among {}", self.facts["servers"]))?;
        Ok(SocketAddr::from(([127, 0, 0, 1], port)))
    }

    /// The log of a server or daemon so far; empty if there is none.
    pub fn log(&self, name: &str) -> String {
        let folder = self.facts["logs"].as_str().unwrap_or_default();
        let path: PathBuf = Path::new(folder).join(format!("{name}.log"));
        std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Kills a server, as a crash would.
    ///
    /// # Errors
    /// When there is no such server.
    pub fn kill9(&self, server: &str) -> Result<(), String> {
        self.tell(&format!("kill9 {server}")).map(drop)
    }

    /// Ends a server well.
    ///
    /// # Errors
    /// When there is no such server.
    pub fn stop(&self, server: &str) -> Result<(), String> {
        self.tell(&format!("stop {server}")).map(drop)
    }

    /// Starts a server that was stopped or killed, and waits until it serves.
    ///
    /// # Errors
    /// When it does not serve, with the end of its log.
    pub fn restart(&self, server: &str) -> Result<(), String> {
        self.tell(&format!("start {server}")).map(drop)
    }

    /// Has a server stand still: it keeps its connections, accepts more, and answers none.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&self, server: &str) -> Result<(), String> {
        self.tell(&format!("pause {server}")).map(drop)
    }

    /// Lets a paused server go on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn cont(&self, server: &str) -> Result<(), String> {
        self.tell(&format!("resume {server}")).map(drop)
    }

    /// Runs one pass of a daemon: `object-updater1`, `container-updater2`, `object-replicator3`, `object-expirer`, ...
    ///
    /// # Errors
    /// When there is no such daemon, or it fails.
    pub fn once(&self, daemon: &str) -> Result<(), String> {
        self.tell(&format!("once {daemon}")).map(drop)
    }

    /// The status that each object server gives for HEAD of `/ACCOUNT/CONTAINER/OBJECT`; 0 for one that does not answer.
    ///
    /// # Errors
    /// When the rig is gone.
    pub fn replicas(&self, path: &str) -> Result<Vec<u16>, String> {
        statuses(&self.tell(&format!("replicas {path}"))?)
    }

    /// Deletes `/ACCOUNT/CONTAINER/OBJECT` on every object server as of `seconds` ahead, as a proxy would whose clock is
    /// wrong: until then, a PUT of it is answered 202 and stores nothing. The statuses of the object servers are returned.
    ///
    /// # Errors
    /// When the rig is gone.
    pub fn tombstone(&self, path: &str, seconds: u32) -> Result<Vec<u16>, String> {
        statuses(&self.tell(&format!("tombstone {path} {seconds}"))?)
    }

    /// Has Keystone name another address of Swift, such as that of a [`fault::FaultProxy`], in all tokens to come.
    ///
    /// # Errors
    /// When there is no Keystone.
    pub fn name_in_catalog(&self, address: SocketAddr) -> Result<(), String> {
        self.url_in_catalog(&format!("http://{address}"))
    }

    /// Has Keystone name another URL of Swift, without a path, in all tokens to come.
    ///
    /// # Errors
    /// When there is no Keystone.
    pub fn url_in_catalog(&self, url: &str) -> Result<(), String> {
        self.tell(&format!("catalog {url}")).map(drop)
    }

    /// Gives the rig one command, and waits until it is done.
    fn tell(&self, command: &str) -> Result<Value, String> {
        let mut talk = self.talk.lock().map_err(|_| "another test panicked while it talked to the rig")?;
        let talk = talk.as_mut().ok_or("the rig was told to end")?;
        writeln!(talk.commands, "{command}").map_err(|error| format!("the rig is gone: {error}"))?;
        Ok(talk.answer()?["done"].take())
    }
}

impl Drop for Swift {
    fn drop(&mut self) {
        let talk = self.talk.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        // The end of its input tells the rig to end.
        *talk = None;
        end(&mut self.child);
    }
}

impl Talk {
    fn answer(&mut self) -> Result<Value, String> {
        let mut line = String::new();
        self.answers.read_line(&mut line).map_err(|error| format!("reading what the rig says: {error}"))?;
        let answer: Value = serde_json::from_str(&line)
            .map_err(|_| format!("the rig ended, saying {line:?}; see its stderr"))?;
        match answer["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer),
        }
    }
}

/// Waits for the end of the rig, whose input has ended.
fn end(child: &mut Child) {
    let ended = process::ending(child.id(), Duration::from_secs(END_SECONDS_MAX));
    if !matches!(ended, Ok(Some(_))) {
        // Its servers die with it.
        let _ = child.kill();
    }
    let _ = child.wait();
}

fn statuses(answer: &Value) -> Result<Vec<u16>, String> {
    serde_json::from_value(answer.clone())
        .map_err(|error| format!("not a list of statuses: {answer}: {error}"))
}
