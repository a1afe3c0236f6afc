use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde_json::json;
use wharfinger_core::access::{Access, Action};

use crate::config::{Driver, LogFormat, Settings};

/// Says where the registry listens, where it stores, for whom, and how to try it, whatever level is logged.
pub fn announce(settings: &Settings, access: &Access, bound: SocketAddr) {
    let storage = &settings.storage;
    let place = match storage.driver {
        Driver::Filesystem => format!("under {}", storage.root.display()),
        Driver::Swift => {
            format!("in the container {} of Swift", storage.container.as_deref().unwrap_or_default())
        }
    };
    let tls = settings.tls_files().is_some();
    let scheme = if tls { "https" } else { "http" };
    let doors = doors(access);
    let line =
        format!("listening on {scheme}://{bound}, storing {place}, {doors}; try: {}", command(bound, tls));
    match settings.log.format {
        LogFormat::Human => eprintln!("wharfinger {}: {line}", env!("CARGO_PKG_VERSION")),
        LogFormat::Json => eprintln!("{}", json!({ "level": "INFO", "message": line })),
    }
}

/// Logs what somebody may not be aware of.
pub fn remark(settings: &Settings) {
    if settings.locks.open_to_all {
        tracing::warn!("open-to-all: whoever reaches this registry may push and delete");
    }
    if settings.storage.expiration_seconds > 0 {
        tracing::info!("storage.expiration is kept for later: nothing is removed by its age yet");
    }
}

/// For whom the registry is there.
fn doors(access: &Access) -> String {
    if access.is_open() {
        return "open to everybody: there are no users".to_owned();
    }
    let users = match access.users_count() {
        1 => "1 user".to_owned(),
        count => format!("{count} users"),
    };
    let everywhere = access.allows_everywhere(None, Action::Pull);
    let strangers = match (everywhere, access.allows_somewhere(None, Action::Pull)) {
        (true, _) => "strangers may pull",
        (false, true) => "strangers may pull some of it",
        (false, false) => "strangers may not pull",
    };
    format!("locked: {users}, {strangers}")
}

/// A command that pushes an image to here.
fn command(bound: SocketAddr, tls: bool) -> String {
    if tls {
        let port = bound.port();
        return format!("podman push IMAGE HOST:{port}/NAME:TAG, where HOST is a name in the certificate");
    }
    let everywhere = bound.ip().is_unspecified();
    let ip = if everywhere { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { bound.ip() };
    let host = SocketAddr::new(ip, bound.port());
    format!("podman push --tls-verify=false IMAGE {host}/NAME:TAG (or docker push, or skopeo copy)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_names_an_address_that_can_be_reached() {
        for (bound, host) in [
            ("127.0.0.1:5000", "127.0.0.1:5000"),
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "127.0.0.1:80"),
            ("[::1]:5000", "[::1]:5000"),
        ] {
            let command = command(bound.parse().unwrap(), false);
            let push = format!("podman push --tls-verify=false IMAGE {host}/NAME:TAG ");
            assert!(command.starts_with(&push), "{command}");
        }
    }
}
