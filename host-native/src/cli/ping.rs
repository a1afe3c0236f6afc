use std::fmt;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use http::StatusCode;
use smol::Timer;

use super::{EXIT_FAILURE, EXIT_OK, EXIT_USAGE, after_printing};
use crate::client::{self, Body, Client, ClientError, Tls, TlsError, Trust};
use crate::config::Settings;

/// Longest time for each part of one try.
const TRY_TIME: Duration = Duration::from_secs(5);
/// Time between two tries.
const PAUSE: Duration = Duration::from_millis(100);
/// Longest time to wait, in seconds.
const WAIT_SECONDS_MAX: f64 = 86_400.0;
/// The field by which a registry is known, and its value.
const VERSION_FIELD: &str = "docker-distribution-api-version";
const VERSION: &str = "registry/2.0";

#[derive(Debug, Args)]
pub(super) struct Ping {
    /// Where it should answer, such as http://127.0.0.1:5000; by default where the configuration says, whatever certificate
    /// is shown there
    #[arg(value_parser = parse_url)]
    url: Option<String>,
    /// PEM file with the authorities to trust for https, in place of the system's
    #[arg(long, value_name = "FILE", requires = "url", conflicts_with = "insecure")]
    cacert: Option<PathBuf>,
    /// Take whatever certificate is shown
    #[arg(long)]
    insecure: bool,
    /// Ask again and again for so long, until it answers
    #[arg(long, value_name = "SECONDS", value_parser = parse_wait)]
    wait: Option<Duration>,
}

/// Why a registry does not answer.
enum Silence {
    Client(ClientError),
    Other(StatusCode),
}

impl Ping {
    /// Asks, and prints the outcome.
    pub fn run(self, settings: &Settings) -> ExitCode {
        let listen = settings.listen();
        // Nothing is sent that must not be read, and no certificate has to be good for the address of this machine.
        let trust = match self.cacert {
            _ if self.insecure || self.url.is_none() => Trust::Anybody,
            Some(file) => Trust::File(file),
            None => Trust::System,
        };
        let url = match self.url {
            Some(url) => url,
            None if listen.port() == 0 => {
                let why = "the configured port is 0, which takes any free port; name the URL to ask";
                return after_printing(writeln!(io::stderr(), "wharfinger: {why}"), EXIT_USAGE);
            }
            None if settings.tls_files().is_some() => format!("https://{}", reachable(listen)),
            None => format!("http://{}", reachable(listen)),
        };
        let tls = match tls_for(&url, &trust) {
            Ok(tls) => tls,
            Err(error) => {
                return after_printing(writeln!(io::stderr(), "wharfinger: {error}"), EXIT_USAGE);
            }
        };
        match smol::block_on(answer(&url, tls, self.wait.unwrap_or_default())) {
            Ok(()) => after_printing(writeln!(io::stdout(), "{url} answers: {VERSION}"), EXIT_OK),
            Err(silence) => {
                after_printing(writeln!(io::stderr(), "wharfinger: {url}: {silence}"), EXIT_FAILURE)
            }
        }
    }
}

/// What `url` has to be asked with.
fn tls_for(url: &str, trust: &Trust) -> Result<Option<Tls>, TlsError> {
    url.starts_with("https://").then(|| Tls::new(trust, None)).transpose()
}

/// Tries at least once, and for `wait`.
async fn answer(url: &str, tls: Option<Tls>, wait: Duration) -> Result<(), Silence> {
    let client = Client::new(client::Settings {
        connect_time: TRY_TIME,
        answer_time: TRY_TIME,
        write_idle_time: TRY_TIME,
        tls,
        ..client::Settings::default()
    });
    let began = Instant::now();
    loop {
        match ask(&client, url).await {
            Err(_) if began.elapsed() + PAUSE < wait => Timer::after(PAUSE).await,
            answered => return answered,
        };
    }
}

async fn ask(client: &Client, url: &str) -> Result<(), Silence> {
    let request = http::Request::get(format!("{url}/v2/")).body(());
    let request =
        request.map_err(|_| ClientError::Request("its URL is not sound")).map_err(Silence::Client)?;
    let response = client.send(request, Body::Empty).await.map_err(Silence::Client)?;
    let is_registry = response.headers.get(VERSION_FIELD).is_some_and(|value| value == VERSION);
    match response.status {
        // One that wants a password answers all the same.
        StatusCode::OK | StatusCode::UNAUTHORIZED if is_registry => Ok(()),
        status => Err(Silence::Other(status)),
    }
}

/// A server that listens on all addresses is reached on that of this machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        IpAddr::V4(_) | IpAddr::V6(_) => listen.ip(),
    };
    SocketAddr::new(ip, listen.port())
}

/// `http://HOST[:PORT]` or `https://HOST[:PORT]`, without the slash that may end it.
fn parse_url(text: &str) -> Result<String, String> {
    let url = text.strip_suffix('/').unwrap_or(text);
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")).unwrap_or_default();
    if host.is_empty() || host.contains(['/', '?', '#', '@']) || url.parse::<http::Uri>().is_err() {
        return Err("it must be http://HOST[:PORT] or https://HOST[:PORT], without a path".to_owned());
    }
    Ok(url.to_owned())
}

fn parse_wait(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.0..=WAIT_SECONDS_MAX).contains(seconds));
    let seconds = seconds.ok_or_else(|| format!("it must be a number from 0 to {WAIT_SECONDS_MAX}"))?;
    Ok(Duration::from_secs_f64(seconds))
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(error) => error.fmt(f),
            Self::Other(status) => {
                write!(f, "the answer ({status}) is not that of a registry; check what answers there")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unspecified_address_is_asked_on_this_machine() {
        for (listen, asked) in [
            ("0.0.0.0:5000", "127.0.0.1:5000"),
            ("[::]:5000", "[::1]:5000"),
            ("192.0.2.1:80", "192.0.2.1:80"),
            ("[::1]:5000", "[::1]:5000"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), asked);
        }
    }

    #[test]
    fn only_the_place_of_a_registry_is_a_url_to_ping() {
        for good in ["http://h", "https://h", "https://h:1", "http://127.0.0.1:5000", "http://[::1]:80"] {
            assert_eq!(parse_url(good).as_deref(), Ok(good));
            assert_eq!(parse_url(&format!("{good}/")).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "h",
            "h:80",
            "https://",
            "ftp://h",
            "http://",
            "http:///",
            "http://h/v2/",
            "http://u@h",
            "http://h?a",
            "http://a b",
        ] {
            assert!(parse_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn waits_are_numbers_of_seconds() {
        assert_eq!(parse_wait("0.25"), Ok(Duration::from_millis(250)));
        for bad in ["", "-1", "x", "NaN", "inf", "86401"] {
            assert!(parse_wait(bad).is_err(), "{bad}");
        }
    }
}
