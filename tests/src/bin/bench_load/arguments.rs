//! The command line of the load generator.

use std::net::SocketAddr;
use std::time::Duration;

/// One job and its settings.
#[derive(Debug)]
pub struct Arguments {
    /// What to do.
    pub job: Job,
    /// `--address`: the server.
    pub address: SocketAddr,
    /// `--server registry|files`: whether the server speaks the distribution protocol or takes plain PUTs.
    pub server: Server,
    /// `--connections`: threads, each with a connection of its own.
    pub connections: usize,
    /// `--count`: blobs.
    pub count: usize,
    /// `--bytes`: size of each blob.
    pub bytes: usize,
    /// `--seed`: the same seed makes the same blobs.
    pub seed: u64,
    /// `--seconds`: how long reads go on after each blob was read once.
    pub duration: Duration,
    /// `--token`: sent as `Authorization: Bearer`.
    pub token: Option<String>,
    /// `--limit-seconds`: the job fails if it takes longer.
    pub limit: Duration,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Push the image that the requests per second are measured with: nine small blobs and a manifest.
    Prepare,
    /// Push `count` blobs.
    Push(Style),
    /// PUT `count` manifests of images with a config and two layers, which are pushed before.
    PushManifest,
    /// Pull the blobs that a push with the same seed, count and size left.
    Pull,
    /// GET the image's manifest by tag.
    GetManifest,
    /// GET one of the image's small blobs.
    GetBlob,
    /// HEAD one of the image's small blobs.
    HeadBlob,
}

/// How a blob is pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// POST, PATCH in chunked coding without Content-Range, PUT without a body.
    Chunked,
    /// POST, PUT with the whole blob and its Content-Length.
    Whole,
}

/// What the server understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// The distribution protocol.
    Registry,
    /// Files: PUT stores what GET on the same path returns.
    Files,
}

impl Arguments {
    /// Parses everything after the program's name.
    ///
    /// # Errors
    /// A sentence that names the argument at fault.
    pub fn parse(mut given: impl Iterator<Item = String>) -> Result<Self, String> {
        let job = Job::parse(&given.next().ok_or("name a job first")?)?;
        let mut address = None;
        let mut arguments = Arguments {
            job,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            server: Server::Registry,
            connections: 1,
            count: 1,
            bytes: 1024,
            seed: 1,
            duration: Duration::ZERO,
            token: None,
            limit: Duration::from_secs(300),
        };
        while let Some(name) = given.next() {
            let value = given.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--address" => address = Some(number(&name, &value)?),
                "--server" => arguments.server = Server::parse(&value)?,
                "--connections" => arguments.connections = number(&name, &value)?,
                "--count" => arguments.count = number(&name, &value)?,
                "--bytes" => arguments.bytes = number(&name, &value)?,
                "--seed" => arguments.seed = number(&name, &value)?,
                "--seconds" => arguments.duration = seconds(&name, &value)?,
                "--token" => arguments.token = Some(value),
                "--limit-seconds" => arguments.limit = seconds(&name, &value)?,
                _ => return Err(format!("there is no argument {name}")),
            }
        }
        arguments.address = address.ok_or("say where the server is: --address 127.0.0.1:PORT")?;
        if !arguments.address.ip().is_loopback() {
            return Err(
                "--address must be a loopback address: this tool is not for other people's servers".into()
            );
        }
        Ok(arguments)
    }
}

impl Job {
    fn parse(name: &str) -> Result<Self, String> {
        match name {
            "prepare" => Ok(Job::Prepare),
            "push-chunked" => Ok(Job::Push(Style::Chunked)),
            "push-whole" => Ok(Job::Push(Style::Whole)),
            "push-manifest" => Ok(Job::PushManifest),
            "pull" => Ok(Job::Pull),
            "get-manifest" => Ok(Job::GetManifest),
            "get-blob" => Ok(Job::GetBlob),
            "head-blob" => Ok(Job::HeadBlob),
            _ => Err(format!("there is no job {name}")),
        }
    }
}

impl Server {
    fn parse(name: &str) -> Result<Self, String> {
        match name {
            "registry" => Ok(Server::Registry),
            "files" => Ok(Server::Files),
            _ => Err(format!("--server is registry or files, not {name}")),
        }
    }
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{name} does not take {value}"))
}

fn seconds(name: &str, value: &str) -> Result<Duration, String> {
    Duration::try_from_secs_f64(number(name, value)?).map_err(|_| format!("{name} does not take {value}"))
}
